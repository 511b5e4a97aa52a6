"""Hints: a poll is due when one comes, and everything is as it was when none does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from baton_fakes.in_memory import InMemoryEngine
from loop_site import Replica, Site, turn

from baton_operator.engines.base import Capability
from baton_operator.engines.conformance import eventually
from baton_operator.engines.errors import RetryableError
from baton_operator.loops.hints import HintLoop

FAR = "SELECT next_poll_at > now() + interval '30 s' FROM engine_health"


@dataclass
class HintingEngine(InMemoryEngine):
    """An engine whose streams a test speaks into."""

    capabilities: frozenset[Capability] = frozenset({Capability.CANCEL, Capability.BULK_STATUS, Capability.HINTS})
    streams: list[asyncio.Queue[str]] = field(default_factory=list)
    asked: list[Sequence[Mapping[str, Any]]] = field(default_factory=list)

    async def hints(self, targets: Sequence[Mapping[str, Any]]) -> AsyncGenerator[None, None]:
        """Yield at ``move``, end at ``end``, fail at ``fail``, break at ``break``."""
        stream: asyncio.Queue[str] = asyncio.Queue()
        self.streams.append(stream)
        self.asked.append(targets)
        try:
            while (word := await stream.get()) != "end":
                if word == "fail":
                    raise RetryableError("the stream broke off")
                if word == "break":
                    raise ValueError("nobody expected this")
                yield
        finally:
            self.streams.remove(stream)

    def say(self, word: str) -> None:
        """Say *word* in every stream."""
        for stream in self.streams:
            stream.put_nowait(word)


@pytest.fixture
async def hinting(migrated: str, new_database: Callable[..., str]) -> AsyncIterator[tuple[Site, HintingEngine]]:
    """A site with one Run under way, whose next poll is far away."""
    url, engine = new_database(template=migrated), HintingEngine()
    made = Site(url, engine, Replica(url, engine))
    await made.serve()
    await made.define()
    await made.start("monday")
    await made.dispatch()
    await made.track()
    made.execute("UPDATE engine_health SET next_poll_at = now() + interval '1 h'")
    yield made, engine
    await made.close()


@pytest.fixture
async def listen() -> AsyncIterator[Callable[[Replica], HintLoop]]:
    """Makes the loop of a replica; its streams end with the test."""
    made: list[HintLoop] = []

    def loop(replica: Replica) -> HintLoop:
        track = replica.track
        made.append(HintLoop(replica.parts, hinted=track.hinted, tracking=track.bell))
        return made[-1]

    yield loop
    for each in made:
        await each.drain()


Hinting = tuple[Site, HintingEngine]
Listen = Callable[[Replica], HintLoop]


async def until(holds: Callable[[], bool]) -> None:
    """Wait until *holds*."""

    async def asked() -> bool:
        return holds()

    await eventually(asked, within=60.0)


async def test_a_hint_makes_the_poll_due(hinting: Hinting, listen: Listen) -> None:
    """An end is seen at once, not an hour later; the lag is counted as the stream's."""
    site, engine = hinting
    await listen(site.first).turn()
    await until(lambda: len(engine.streams) == 1)
    engine.end()
    await turn(site.first.track)
    assert site.runs()["monday"][0] == "PROCESSING"
    engine.say("move")
    await until(lambda: not site.one(FAR))
    await turn(site.first.track)
    assert site.runs() == {"monday": ("COMPLETED", "Succeeded")}
    lags = [each.labels["via"] for each in site.first.parts.metrics.status_lag.collect()[0].samples]
    assert set(lags) == {"stream"}
    (target,) = engine.asked[0]
    assert target["workflowTemplate"] == "nap"


async def test_many_hints_are_one_poll(hinting: Hinting, listen: Listen) -> None:
    """A busy engine is not polled for each of its events."""
    site, engine = hinting
    polls = 0
    observe = engine.observe

    async def counted(references: Sequence[Any]) -> Any:
        nonlocal polls
        polls += 1
        return await observe(references)

    engine.observe = counted  # type: ignore[method-assign]
    await listen(site.first).turn()
    await until(lambda: len(engine.streams) == 1)
    begun = asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() - begun < 2.0:
        engine.say("move")
        await turn(site.first.track)
        await asyncio.sleep(0.01)
    assert 2 <= polls <= 5


@pytest.mark.parametrize("word", ["end", "fail"])
async def test_a_stream_that_dies_leaves_polling_as_it_was(hinting: Hinting, listen: Listen, word: str) -> None:
    """No poll is woken by an end; the stream comes back after a rest, not at once."""
    site, engine = hinting
    loop = listen(site.first)
    await loop.turn()
    await until(lambda: len(engine.streams) == 1)
    engine.say(word)
    await until(lambda: not engine.streams)
    for _ in range(2):
        await loop.turn()
    assert not engine.streams
    assert site.one(FAR)

    async def is_back() -> bool:
        await loop.turn()
        return len(engine.streams) == 1

    await eventually(is_back, within=60.0)
    engine.end()
    await site.track()
    assert site.runs() == {"monday": ("COMPLETED", "Succeeded")}


async def test_a_stream_that_breaks_is_counted(hinting: Hinting, listen: Listen) -> None:
    """What no adapter may raise ends at the loop's edge."""
    site, engine = hinting
    site.may_fail = True
    loop = listen(site.first)
    await loop.turn()
    await until(lambda: len(engine.streams) == 1)
    engine.say("break")
    await until(lambda: not engine.streams)
    await until(lambda: site.first.errors() == [{"loop": "track", "reason": "ValueError"}])
    await loop.turn()


async def test_every_replica_may_listen(hinting: Hinting, listen: Listen) -> None:
    """Each has one stream, however often it turns; the Run ends once."""
    site, engine = hinting
    second = site.another()
    loops = [listen(site.first), listen(second)]
    for _ in range(3):
        for loop in loops:
            await loop.turn()
    await until(lambda: len(engine.streams) == 2)
    engine.end()
    engine.say("move")
    await until(lambda: not site.one(FAR))
    await asyncio.gather(turn(site.first.track), turn(second.track))
    assert site.runs() == {"monday": ("COMPLETED", "Succeeded")}
    assert [each[0] for each in site.history("monday")].count("COMPLETED") == 1


async def test_nothing_is_heard_where_nothing_runs(
    hinting: Hinting, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream is kept for a while after the last execution, and ended then."""
    site, engine = hinting
    loop = listen(site.first)
    await loop.turn()
    await until(lambda: len(engine.streams) == 1)
    engine.end()
    await site.track()
    await loop.turn()
    assert len(engine.streams) == 1
    monkeypatch.setattr("baton_operator.loops.hints.LINGER", 0.0)
    await loop.turn()
    assert not engine.streams


async def test_an_engine_that_fails_is_not_woken(hinting: Hinting, listen: Listen) -> None:
    """Its polls are spaced by their failures; a stream that goes on does not hurry them."""
    site, engine = hinting
    await listen(site.first).turn()
    await until(lambda: len(engine.streams) == 1)
    site.execute("UPDATE engine_health SET poll_failures = 1")
    engine.say("move")
    await until(lambda: bool(site.first.track.hinted))
    assert site.one(FAR)


async def test_a_hint_during_a_poll_is_another_poll(hinting: Hinting) -> None:
    """What moved after the engine was asked is asked for again, at once."""
    site, engine = hinting
    asked, answer = asyncio.Event(), asyncio.Event()
    observe = engine.observe

    async def slowly(references: Sequence[Any]) -> Any:
        seen = await observe(references)
        asked.set()
        await answer.wait()
        return seen

    engine.observe = slowly  # type: ignore[method-assign]
    site.execute("UPDATE engine_health SET next_poll_at = now()")
    await site.first.track.turn()
    await asked.wait()
    engine.end()
    site.execute("UPDATE engine_health SET next_poll_at = now()")
    await site.first.track.turn()
    answer.set()
    await site.first.track.drain()
    await turn(site.first.track)
    assert site.runs() == {"monday": ("COMPLETED", "Succeeded")}
