"""The local Argo itself: workflows of `suspend` templates run to their end without a node."""

from __future__ import annotations

import time
import urllib.error
import urllib.request

import pytest

from baton_operator.local.api_server import ApiServer

_WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/{}/workflows"


def _workflow(*durations: str) -> dict[str, object]:
    steps = [[{"name": f"step-{n}", "template": f"wait-{n}"}] for n, _ in enumerate(durations)]
    waits = [{"name": f"wait-{n}", "suspend": {"duration": each}} for n, each in enumerate(durations)]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "one"},
        "spec": {"entrypoint": "main", "templates": [{"name": "main", "steps": steps}, *waits]},
    }


@pytest.mark.usefixtures("argo_server")
@pytest.mark.parametrize(("durations", "end"), [(["1s", "1s"], "Succeeded"), (["1s", "soon"], "Failed")])
def test_a_workflow_runs_to_its_end(api_server: ApiServer, namespace: str, durations: list[str], end: str) -> None:
    api_server.request("POST", _WORKFLOWS.format(namespace), _workflow(*durations))
    deadline = time.monotonic() + 180
    phase = ""
    while phase not in {"Succeeded", "Failed", "Error"} and time.monotonic() < deadline:
        time.sleep(0.1)
        answer = api_server.request("GET", f"{_WORKFLOWS.format(namespace)}/one")
        phase = answer.get("status", {}).get("phase", "")
    assert phase == end


def test_a_server_in_auth_mode_client_wants_a_token(
    argo_client_server: str, api_server: ApiServer, namespace: str
) -> None:
    address = f"{argo_client_server}/api/v1/workflows/{namespace}"
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(address)  # noqa: S310 - our own server
    refusal.value.close()
    assert refusal.value.code == 401

    api_server.create_service_account(namespace, "client")
    token = api_server.service_account_token(namespace, "client")
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    deadline = time.monotonic() + 60
    while refusal.value.code != 403 and time.monotonic() < deadline:  # the API server learns of it a moment later
        time.sleep(0.1)
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(request)  # noqa: S310
        refusal.value.close()
    assert refusal.value.code == 403
