"""The ear and an API server that is really stopped or loses a kind; with no more rights than the chart gives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from baton_operator.handlers.startup import listen
from baton_operator.kube.connection import Connection
from baton_operator.kube.resources import API_VERSION, Seen
from baton_operator.local import manifests
from baton_operator.local.api_server import ApiServer
from baton_operator.local.errors import ApiError
from baton_operator.local.kubernetes import ControlPlane
from baton_operator.local.progress import say_on_stderr
from baton_operator.local.scratch import scratch_home
from baton_operator.metrics import Metrics
from baton_operator.settings import Settings

RUNS = f"/apis/{API_VERSION}/namespaces/default/runs"
KIND = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/runs.baton.dev"


class Heard:
    """An intake that remembers names."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def offer(self, seen: Seen) -> None:
        """Keep the name."""
        self.names.add(seen.name)


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A control plane of the module's own, with Baton's kinds and rights."""
    with scratch_home(say_on_stderr) as home:
        made = ControlPlane(home, say_on_stderr, fsync=False)
        server = made.up()
        server.create_namespace("baton-system")
        kinds = manifests.definitions()
        server.apply_objects([*kinds, *manifests.access("baton-system")])
        server.wait_established(*(each["metadata"]["name"] for each in kinds))
        yield made


@asynccontextmanager
async def listening(plane: ControlPlane, folder: Path) -> AsyncIterator[Heard]:
    server = ApiServer(plane.home.kubeconfig)
    account = server.write_service_account_kubeconfig("baton-system", "baton", folder / "kubeconfig")
    stop, ready, heard = asyncio.Event(), asyncio.Event(), Heard()
    connection, settings = Connection.from_kubeconfig(account), Settings(database_url="")
    task = asyncio.create_task(listen(connection, settings, heard, Metrics(), stop, ready=ready))
    try:
        async with asyncio.timeout(60):
            await ready.wait()
        yield heard
        assert not task.done()
    finally:
        stop.set()
        await task


async def until(holds: Callable[[], Any], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110 - the API server tells nobody here
            await asyncio.sleep(0.05)


def create(plane: ControlPlane, name: str) -> bool:
    spec = {"automationRef": {"name": "a"}}
    body = {"apiVersion": API_VERSION, "kind": "Run", "metadata": {"name": name}, "spec": spec}
    try:
        ApiServer(plane.home.kubeconfig).request("POST", RUNS, body)
    except (ApiError, OSError):
        return False
    return True


def is_gone(plane: ControlPlane) -> bool:
    try:
        ApiServer(plane.home.kubeconfig).request("GET", KIND)
    except ApiError:
        return True
    return False


async def test_a_kind_that_was_removed_and_came_back_is_heard_again(plane: ControlPlane, tmp_path: Path) -> None:
    """A4: no process needs to be started anew."""
    async with listening(plane, tmp_path) as heard:
        assert create(plane, "before")
        await until(lambda: "before" in heard.names)
        server = ApiServer(plane.home.kubeconfig)
        server.request("DELETE", KIND)
        await until(lambda: is_gone(plane))
        kind = next(each for each in manifests.definitions() if each["metadata"]["name"] == "runs.baton.dev")
        server.apply_objects([kind])
        server.wait_established("runs.baton.dev")
        await until(lambda: create(plane, "after"))
        await until(lambda: "after" in heard.names)


async def test_an_api_server_that_was_killed_is_heard_again(plane: ControlPlane, tmp_path: Path) -> None:
    """A1: within a minute, by itself."""
    async with listening(plane, tmp_path) as heard:
        plane.api_server.stop()
        await asyncio.to_thread(plane.up)
        await until(lambda: create(plane, "survivor"))
        await until(lambda: "survivor" in heard.names)
