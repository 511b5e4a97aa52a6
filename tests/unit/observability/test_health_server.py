"""The three answers come within a second, whatever the application's own loop does."""

import asyncio
import threading
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from baton_operator.health import ANSWER_WITHIN, HealthServer
from baton_operator.metrics import Metrics

#: Seconds that a busy machine may take for it; the kubelet's probes wait for one.
WITHIN = ANSWER_WITHIN + 8.0


async def nothing_missing() -> list[str]:
    return []


@asynccontextmanager
async def serving(
    alive: Callable[[], list[str]] = list,
    ready: Callable[[], Awaitable[list[str]]] = nothing_missing,
    metrics: Metrics | None = None,
) -> AsyncIterator[HealthServer]:
    server = HealthServer("127.0.0.1", 0, alive=alive, ready=ready, metrics=metrics or Metrics())
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def get(server: HealthServer, path: str) -> tuple[int, str, float]:
    """Ask from outside the loop; give status, body and seconds."""
    begun = time.monotonic()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=60) as response:
            status, body = response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            status, body = error.code, error.read().decode()
    return status, body, time.monotonic() - begun


async def test_a_process_that_works_answers_ok():
    """Nothing to say means 200."""
    async with serving() as server:
        assert (await asyncio.to_thread(get, server, "/healthz"))[:2] == (200, "ok\n")
        assert (await asyncio.to_thread(get, server, "/readyz"))[:2] == (200, "ok\n")


async def test_reasons_are_in_the_body_with_503():
    """Who looks at a probe by hand reads what is wrong, one reason a line."""

    async def ready() -> list[str]:
        return ["PostgreSQL does not answer", "first LIST of runs"]

    async with serving(alive=lambda: ["dispatch has not turned for 90 s"], ready=ready) as server:
        assert (await asyncio.to_thread(get, server, "/healthz"))[:2] == (503, "dispatch has not turned for 90 s\n")
        assert (await asyncio.to_thread(get, server, "/readyz"))[:2] == (
            503,
            "PostgreSQL does not answer\nfirst LIST of runs\n",
        )


async def test_all_three_answer_while_the_loop_is_blocked():
    """A loop that never yields cannot keep a probe waiting: the server lives in a thread of its own."""
    metrics = Metrics()
    metrics.loop_iterations.labels(loop="track").inc()
    answers: dict[str, tuple[int, str, float]] = {}

    async with serving(alive=lambda: ["track has not turned"], metrics=metrics) as server:

        def ask() -> None:
            for path in ("/healthz", "/readyz", "/metrics"):
                answers[path] = get(server, path)

        asking = threading.Thread(target=ask)
        asking.start()
        asking.join(60)  # on purpose not awaited: this thread's event loop stands still meanwhile

    assert {path: answer[0] for path, answer in answers.items()} == {"/healthz": 503, "/readyz": 503, "/metrics": 200}
    assert "no answer within" in answers["/readyz"][1]
    assert 'baton_loop_iterations_total{loop="track"} 1.0' in answers["/metrics"][1]
    assert max(answer[2] for answer in answers.values()) < WITHIN


async def test_a_database_that_hangs_makes_it_not_ready_within_a_second_and_the_question_is_taken_back():
    """Probes that come every few seconds must not pile up questions to a database that does not answer."""
    taken_back = asyncio.Event()

    async def ready() -> list[str]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            taken_back.set()
            raise
        return []

    async with serving(ready=ready) as server:
        status, body, seconds = await asyncio.to_thread(get, server, "/readyz")
        async with asyncio.timeout(60):
            await taken_back.wait()

    assert (status, "no answer within" in body, seconds < WITHIN) == (503, True, True)
    assert ANSWER_WITHIN < 1


async def test_a_question_that_raises_is_answered_with_its_kind_only():
    """An exception's text may hold anything; it goes to the log, not to whoever can reach the port."""

    def alive() -> list[str]:
        raise LookupError("postgresql://user:canary@host")

    async def ready() -> list[str]:
        raise ConnectionError("postgresql://user:canary@host")

    async with serving(alive=alive, ready=ready) as server:
        for path, kind in (("/healthz", "LookupError"), ("/readyz", "ConnectionError")):
            status, body, _ = await asyncio.to_thread(get, server, path)
            assert (status, body) == (503, f"the question itself failed: {kind}\n")


async def test_a_port_that_is_taken_is_told_to_the_caller():
    """Start fails at once; a server that nobody can ask is worse than none."""
    async with serving() as first:
        second = HealthServer("127.0.0.1", first.port, alive=list, ready=nothing_missing, metrics=Metrics())
        with pytest.raises(OSError, match="in use"):
            await second.start()


async def test_a_stopped_server_frees_its_port_and_thread():
    """A process that stops and starts again in place does not leak."""
    async with serving() as server:
        assert any(each.name == "baton-health" for each in threading.enumerate())

    assert not any(each.name == "baton-health" for each in threading.enumerate())
    with pytest.raises(urllib.error.URLError):
        await asyncio.to_thread(get, server, "/healthz")
