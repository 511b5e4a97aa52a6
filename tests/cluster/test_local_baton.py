"""A whole local Baton: it works with the chart's rights, and comes back after a kill."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from baton_operator.local import baton
from baton_operator.local.api_server import ApiServer
from baton_operator.local.kubeconfig import Kubeconfig
from baton_operator.local.scratch import scratch_home
from baton_operator.local.stack import Stack

_ENGINES = "/apis/baton.dev/v1alpha1/namespaces/default/engines"


@pytest.fixture
def stack() -> Iterator[Stack]:
    with scratch_home(print) as home:
        yield Stack(home, print, fsync=False)


def _wait_ready(api_server: ApiServer, name: str) -> None:
    """Make an Engine of Baton's own tasks and wait until the operator says that it is ready."""
    engine = {"apiVersion": "baton.dev/v1alpha1", "kind": "Engine", "metadata": {"name": name}}
    api_server.request("POST", _ENGINES, {**engine, "spec": {"type": "Embedded"}})
    deadline = time.monotonic() + 120
    states: dict[str, str] = {}
    while states.get("Ready") != "True":
        assert time.monotonic() < deadline, states
        time.sleep(0.1)
        status = api_server.request("GET", f"{_ENGINES}/{name}").get("status", {})
        states = {each["type"]: each["status"] for each in status.get("conditions", [])}


def test_the_operator_is_the_chart_s_service_account_and_comes_back_after_a_kill(stack: Stack) -> None:
    api_server = ApiServer(stack.up(operator=True).kubeconfig)
    operator = stack.home.process("baton-operator")
    first = operator.identity()
    own = ApiServer(operator.folder / "kubeconfig")
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    who = own.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review)["status"]["userInfo"]
    assert who["username"] == f"system:serviceaccount:{baton.NAMESPACE}:{baton.SERVICE_ACCOUNT}"
    assert own.config != Kubeconfig.load(api_server.path)
    _wait_ready(api_server, "before")

    operator.kill()
    stack.up(operator=True)
    assert operator.identity() not in {None, first}
    _wait_ready(api_server, "after")
    assert stack.down()[0] == "baton-operator"
