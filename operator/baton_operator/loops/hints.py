"""
Hints: listen to engines that can tell that something has moved, and have them polled then instead of later.

Nothing is believed of a stream: it only makes the next poll due, and one that dies, hangs or lies changes nothing but
how long a change takes to be seen. Every replica listens for itself.
"""

import asyncio
import logging
import random
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from baton_models.statements import hints as statements
from baton_operator.engines.errors import EngineError
from baton_operator.engines.options import HintSource
from baton_operator.loops.loop import Bell
from baton_operator.loops.parts import Parts
from baton_operator.loops.requests import engine_spec

logger = logging.getLogger(__name__)

#: Seconds between two polls of one engine that hints have woken, at least.
DEBOUNCE = 0.5
#: Seconds within which replicas that hear the same hint wake its poll one after the other.
JITTER = 0.2
#: Seconds a stream is kept after an engine's last live instance: the next one is likely to come.
LINGER = 60.0
#: Seconds between two looks at which engines execute something.
REST = 2.0
#: Seconds until a stream that failed is opened again, at least and at most.
AGAIN, LONGEST = 1.0, 60.0
#: Seconds after which a stream's end is no failure.
LASTING = 60.0

Targets = Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class _Listening:
    """
    One engine's stream.

    Attributes:
        generation: Of the Engine that it was opened for.
        targets: What it was opened for.
        needed_at: When the engine last had something live, by the monotonic clock.
        failures: Ends before their time in a row.
        next_at: When it may be opened again.
        woken_at: When a hint last woke a poll.
        task: Follows it.
    """

    generation: int
    targets: Targets
    needed_at: float
    failures: int = 0
    next_at: float = 0.0
    woken_at: float = field(default=float("-inf"))
    task: asyncio.Task[None] | None = None


class HintLoop:
    """
    Keeps one stream an engine at most, while it executes something; turns with `track`.

    Args:
        parts: The rooms' shared parts.
        hinted: Told which engines' polls a hint has woken.
        tracking: Rung when it has.
    """

    name = "track"
    pace = 0.5

    def __init__(self, parts: Parts, *, hinted: set[UUID], tracking: Bell) -> None:
        self.bell = Bell()
        self._store = parts.store
        self._registry = parts.registry
        self._definitions = parts.definitions
        self._metrics = parts.metrics
        self._hinted = hinted
        self._tracking = tracking
        self._streams: dict[UUID, _Listening] = {}

    async def turn(self) -> float:
        """Open the streams that are missing, and end those that nobody needs."""
        now = time.monotonic()
        for row in await self._store.run(statements.hinting_engines):
            await self._see(row, now)
        for engine, stream in list(self._streams.items()):
            if now - stream.needed_at > LINGER:
                await _end(stream)
                del self._streams[engine]
        return REST

    async def drain(self) -> None:
        """End all streams."""
        for stream in self._streams.values():
            await _end(stream)
        self._streams.clear()

    async def _see(self, row: Any, now: float) -> None:
        """Have a stream for what *row* executes, anew where the Engine or its targets have changed."""
        targets = await self._targets(row.definitions)
        stream = self._streams.get(row.id)
        if stream is None:
            stream = self._streams[row.id] = _Listening(row.generation, targets, now)
        stream.needed_at = now
        if stream.generation != row.generation or any(target not in stream.targets for target in targets):
            await _end(stream)
            stream.generation, stream.targets, stream.next_at = row.generation, targets, 0.0
        if (stream.task is None or stream.task.done()) and now >= stream.next_at:
            stream.task = asyncio.create_task(self._listen(row, stream), name=f"hints {row.namespace}/{row.name}")

    async def _targets(self, definitions: Sequence[UUID]) -> Targets:
        known = await self._store.run(lambda session: self._definitions.get(session, definitions))
        return [each.target for each in known.values()]

    async def _listen(self, row: Any, stream: _Listening) -> None:
        """Follow one stream to its end, and say when the next one may begin."""
        label = f"{row.namespace}/{row.name}"
        begun = time.monotonic()
        try:
            adapter = await self._registry.adapter(engine_spec(row.id, row))
            if isinstance(adapter, HintSource):
                async with aclosing(adapter.hints(stream.targets)) as hints:
                    async for _ in hints:
                        await self._wake(row.id, stream)
        except EngineError as error:
            logger.info("hints.ended", extra={"engine": label, "error": str(error)})
        except Exception as error:
            self._metrics.loop_errors.labels(loop=self.name, reason=type(error).__name__).inc()
            logger.warning("loop.failed", extra={"loop": self.name, "engine": label}, exc_info=error)
        stream.failures = 0 if time.monotonic() - begun > LASTING else stream.failures + 1
        pause = min(AGAIN * 2 ** min(stream.failures, 6), LONGEST)
        stream.next_at = time.monotonic() + pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreading, not secrecy

    async def _wake(self, engine: UUID, stream: _Listening) -> None:
        """Make the poll due; hints that come meanwhile are one."""
        early = stream.woken_at + DEBOUNCE - time.monotonic()
        await asyncio.sleep(max(early, 0.0) + random.uniform(0.0, JITTER))  # noqa: S311 - spreading, not secrecy
        stream.woken_at = time.monotonic()
        await self._store.run(lambda session: statements.wake_poll(session, engine))
        self._hinted.add(engine)
        self._tracking.ring()


async def _end(stream: _Listening) -> None:
    if stream.task is not None:
        stream.task.cancel()
        await asyncio.gather(stream.task, return_exceptions=True)
        stream.task = None
