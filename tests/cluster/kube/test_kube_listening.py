"""The ear against a real API server behind a proxy that answers as it is told: it hears again, whatever happened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from baton_fakes.kube_proxy import KubeProxy

from baton_operator.engines.conformance import serving
from baton_operator.handlers import startup
from baton_operator.handlers.startup import listen
from baton_operator.kube.connection import Connection, FixedToken
from baton_operator.kube.resources import Seen
from baton_operator.local import manifests
from baton_operator.metrics import Metrics
from baton_operator.settings import Settings


class Heard:
    """An intake that keeps what it is offered."""

    def __init__(self) -> None:
        self.all: list[Seen] = []

    def offer(self, seen: Seen) -> None:
        """Keep it."""
        self.all.append(seen)

    def types(self, name: str) -> list[str | None]:
        """List what the watch said has happened to one object."""
        return [each.type for each in self.all if each.name == name]


@asynccontextmanager
async def listening(
    connection: Connection, namespace: str, metrics: Metrics
) -> AsyncIterator[tuple[Heard, asyncio.Task[None]]]:
    stop, ready, heard = asyncio.Event(), asyncio.Event(), Heard()
    settings = Settings(database_url="", namespaces=(namespace,))
    task = asyncio.create_task(listen(connection, settings, heard, metrics, stop, ready=ready))
    try:
        async with asyncio.timeout(60):
            await ready.wait()
        yield heard, task
    finally:
        stop.set()
        async with asyncio.timeout(60):
            await task


async def until(holds: Callable[[], Any], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - the API server tells nobody here
            await asyncio.sleep(0.02)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait shorter between two tries."""
    monkeypatch.setattr(startup, "BACKOFFS", (0.1, 0.2))
    monkeypatch.setattr(startup, "WATCHDOG", 0.1)


async def test_every_change_of_the_three_kinds_is_offered(
    connection: Connection, cluster: Any, metrics: Metrics
) -> None:
    """What was there, what comes, what changes and what goes."""
    cluster.run("before")
    async with listening(connection, cluster.namespace, metrics) as (heard, _):
        await until(lambda: heard.types("before") == [None])
        cluster.create("Engine", "tasks", {"type": "Embedded"})
        cluster.create("Automation", "patch", {"engineRef": {"name": "tasks"}, "target": {"embedded": {"task": "t"}}})
        cluster.delete("Run", "before")
        await until(lambda: heard.types("tasks") and heard.types("patch") and len(heard.types("before")) > 1)
        assert heard.types("before") == [None, "DELETED"]
        assert {each.kind for each in heard.all} == {"Engine", "Automation", "Run"}


async def test_no_other_task_of_the_process_is_ended(connection: Connection, cluster: Any, metrics: Metrics) -> None:
    """Kopf ends every younger task of its event loop; the other loops must outlive it."""
    async with listening(connection, cluster.namespace, metrics):
        ours = asyncio.create_task(asyncio.Event().wait())
    assert not ours.done()
    ours.cancel()


@pytest.mark.parametrize("status", [403, 404, 429, 500, 503])
@pytest.mark.usefixtures("quick")
async def test_the_ear_outlives_wrong_answers(
    connection: Connection, cluster: Any, metrics: Metrics, status: int
) -> None:
    """Lists and watches that are refused for a while are begun again, and what happened meanwhile is heard."""
    proxy = KubeProxy(connection)
    async with serving(proxy.app()) as url:
        through = replace(connection, server=url, authority=None, credential=FixedToken("any"))
        async with listening(through, cluster.namespace, metrics) as (heard, task):
            await until(lambda: len(proxy._watches) >= 3)  # one that opens later would not be cut
            proxy.answer = status
            proxy.cut_watches()
            asked = sum(proxy.calls.values())
            await until(lambda: sum(proxy.calls.values()) > asked + 9)
            cluster.run("meanwhile")
            assert heard.types("meanwhile") == []
            proxy.answer = None
            await until(lambda: heard.types("meanwhile"))
            assert not task.done()


@pytest.mark.usefixtures("quick")
async def test_an_error_in_the_watch_begins_it_anew(connection: Connection, cluster: Any, metrics: Metrics) -> None:
    """Kopf gives up for good at an ERROR other than 410; the ear is begun anew in the same process."""
    proxy = KubeProxy(connection)
    async with serving(proxy.app()) as url:
        through = replace(connection, server=url, authority=None, credential=FixedToken("any"))
        async with listening(through, cluster.namespace, metrics) as (heard, task):
            await until(lambda: len(proxy._watches) >= 3)
            await proxy.say_in_watches(
                {"type": "ERROR", "object": {"kind": "Status", "code": 500, "message": "as told"}}
            )
            await until(lambda: 'watch_restarts_total{kind="Run"} 1.0' in metrics.render().decode())
            cluster.run("afterwards")
            await until(lambda: heard.types("afterwards"))
            assert not task.done()


@pytest.mark.usefixtures("quick")
async def test_a_dead_watcher_is_noticed(connection: Connection, cluster: Any, metrics: Metrics) -> None:
    """One watcher that is gone is as bad as all: the ear is begun anew."""
    async with listening(connection, cluster.namespace, metrics) as (heard, _):
        await until(lambda: any(startup._is_watcher(each) for each in asyncio.all_tasks()))
        next(each for each in asyncio.all_tasks() if each.get_name().startswith("watcher for runs.")).cancel()
        await until(lambda: 'watch_restarts_total{kind="Run"} 1.0' in metrics.render().decode())
        cluster.run("afterwards")
        await until(lambda: heard.types("afterwards"))


@pytest.mark.usefixtures("quick")
async def test_kinds_that_come_late_are_waited_for(connection: Connection, cluster: Any, metrics: Metrics) -> None:
    """Started before its definitions are applied, the operator listens as soon as they are."""
    proxy = KubeProxy(connection)
    proxy.answer_discovery = False
    async with serving(proxy.app()) as url:
        through = replace(connection, server=url, authority=None, credential=FixedToken("any"))
        stop, ready, heard = asyncio.Event(), asyncio.Event(), Heard()
        settings = Settings(database_url="", namespaces=(cluster.namespace,))
        task = asyncio.create_task(listen(through, settings, heard, metrics, stop, ready=ready))
        await until(lambda: proxy.calls["/apis/baton.dev/v1alpha1"] >= 2)
        assert not ready.is_set()
        proxy.answer_discovery = True
        await until(ready.is_set)
        stop.set()
        await task


def test_the_definitions_are_those_of_the_ear() -> None:
    """The ear listens to exactly the kinds that are shipped."""
    assert {each["spec"]["names"]["kind"] for each in manifests.definitions()} == set(startup.KINDS)
