"""
Track: follow what engines execute for us, in bulk.

One question an engine, whatever the number of its live instances. Missing in a list is not gone: it is looked for
directly, twice, `lost_confirmation` seconds apart, and only then Lost.
"""

import asyncio
import logging
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from baton_models import new_id
from baton_models.payload import clip_identifier
from baton_models.statements import track as statements
from baton_models.status import ExecutionStatus
from baton_operator import faults
from baton_operator.decide.circuit import Policy, Tally, tally_error
from baton_operator.decide.durations import seconds
from baton_operator.decide.tracking import Gone, Missed, Seen, forward, judge_missing, next_poll, observed
from baton_operator.engines.base import Duplicate, EngineAdapter, Observation, Reference
from baton_operator.engines.errors import EngineError
from baton_operator.loops.breaker import Breaker
from baton_operator.loops.changes import EXTERNAL_ID
from baton_operator.loops.lanes import Lanes
from baton_operator.loops.loop import Bell
from baton_operator.loops.parts import Parts
from baton_operator.loops.requests import engine_spec, reference
from baton_operator.loops.settle import Verdict

logger = logging.getLogger(__name__)

#: Instances read and judged at once.
PAGE = 1000
#: Direct looks at once, for one engine.
LOOKS = 20
#: Direct looks of one poll at most: an engine that has lost everything is not asked for each piece at once.
LOOKS_A_POLL = 200
_FIRST = UUID(int=0)


class TrackLoop:
    """
    Observes live instances and settles what follows.

    Attributes:
        followers: Rung when something has moved.
        hinted: Engines of which a hint has come since their last poll began.
    """

    name = "track"
    pace = 0.25

    def __init__(self, parts: Parts) -> None:
        self.bell = Bell()
        self.followers: list[Bell] = []
        self.hinted: set[UUID] = set()
        self._claimed_twice: set[UUID] = set()
        self._store = parts.store
        self._settings = parts.settings
        self._registry = parts.registry
        self._definitions = parts.definitions
        self._settler = parts.settler
        self._metrics = parts.metrics
        self._lanes = Lanes(self.name, self.bell, parts.metrics)
        self._breaker = Breaker(parts.store)

    async def turn(self) -> float:
        """Observe every engine whose turn it is."""
        for row in await self._store.run(statements.claim_polls):
            if self._lanes.is_free(row.id):
                self._lanes.start(row.id, partial(self._poll, row))
            else:
                self._claimed_twice.add(row.id)  # a hint came while it was being asked
        return self._settings.idle

    async def drain(self) -> None:
        """Wait until everything that is under way has ended."""
        await self._lanes.drain()

    async def _poll(self, row: Any) -> bool:
        """Ask once, whatever the number of instances; say when to ask again, and how it went."""
        label = f"{row.namespace}/{row.name}"
        poll = _Poll(quiet=row.quiet, via="stream" if row.id in self.hinted else "poll")
        self.hinted.discard(row.id)
        try:
            adapter = await self._registry.adapter(engine_spec(row.id, row))
            await self._observe(row.id, adapter, label, poll)
        except EngineError as error:
            self._metrics.loop_errors.labels(loop=self.name, reason=type(error).__name__).inc()
            poll.fail(error)
        again = timedelta(seconds=poll.next(row, spread=random.uniform(-1, 1)))  # noqa: S311 - spreading, not secrecy
        if row.id in self._claimed_twice:
            self._claimed_twice.discard(row.id)
            again = again if poll.failed else timedelta()
        await self._store.run(
            lambda session: statements.polled(
                session, row.id, held_until=row.held_until, again=again, moved=poll.moved, failed=poll.failed
            )
        )
        if await self._breaker.note(row.id, Policy.read(row.spec), poll.tally):
            self._ring()
        return False

    async def _observe(self, engine: UUID, adapter: EngineAdapter, label: str, poll: "_Poll") -> None:
        """Ask for all live instances at once and write down what has changed."""
        rows = await self._live(engine)
        if not rows:
            return
        poll.quiet = min(poll.quiet_for, (rows[-1].now - max(row.created_at for row in rows)).total_seconds())
        definitions = await self._store.run(
            lambda session: self._definitions.get(session, {row.definition_id for row in rows})
        )
        references = {row.id: reference(row, definitions[row.definition_id]) for row in rows}
        answer = await adapter.observe(list(references.values()))
        faults.hit("track.observe.after")
        poll.tally = Tally(1)
        for error in answer.errors:
            self._metrics.loop_errors.labels(loop=self.name, reason=type(error).__name__).inc()
            logger.warning("track.unreadable", extra={"engine": label, "error": str(error)})
            poll.tally = poll.tally.plus(tally_error(error))
        seen = {each.external_id: each for each in answer.observations}
        judged: list[tuple[Any, Seen | Gone]] = [
            (row, Seen(seen[row.external_id])) for row in rows if row.external_id in seen
        ]
        gone = {each.external_id for each in answer.missing}  # what could not be read is neither seen nor missing
        judged += await self._look([row for row in rows if row.external_id in gone], references, adapter)
        await self._adopt(rows, answer.duplicates, label)
        self._count_unknown(judged, label)
        poll.moved = await self._settle(judged)
        self._observe_lag(judged, label, poll.via)

    async def _live(self, engine: UUID) -> list[Any]:
        """Read all live instances, a page at a time."""
        rows: list[Any] = []
        after = _FIRST
        while True:
            start = after
            page = await self._store.run(
                lambda session, start=start: statements.live(session, engine, after=start, limit=PAGE)  # type: ignore[misc]
            )
            rows.extend(page)
            if len(page) < PAGE:
                return rows
            after = page[-1].id

    async def _adopt(self, rows: Sequence[Any], duplicates: Sequence[Duplicate], label: str) -> None:
        """Follow, from the next poll on, what the engine started by itself under a token of ours (R7)."""
        counting = {row.token: row.orchestration_instance_id for row in rows}
        news = [
            (
                counting[each.token],
                new_id(),
                clip_identifier(each.observation.external_id, EXTERNAL_ID),
                each.observation.url,
                each.observation.native,
            )
            for each in duplicates
            if each.token in counting
        ]
        if not news:
            return
        for external_id in await self._store.run(lambda session: statements.note_duplicates(session, news)):
            logger.warning("track.duplicated", extra={"engine": label, "external_id": external_id})

    async def _look(
        self, rows: Sequence[Any], references: Mapping[UUID, Reference], adapter: EngineAdapter
    ) -> list[tuple[Any, Seen | Gone]]:
        """Look directly for instances that the list left out; what is gone twice is Lost."""
        gate = asyncio.Semaphore(LOOKS)

        async def one(row: Any) -> tuple[Any, Observation | None]:
            async with gate:
                return row, await adapter.look(references[row.id])

        due = [row for row in rows if row.next_poll_at is None or row.next_poll_at <= row.now]
        due.sort(key=lambda row: row.next_poll_at is None)  # the second look of some before the first of others
        due = due[:LOOKS_A_POLL]
        found = await asyncio.gather(*(one(row) for row in due))
        confirmation = timedelta(seconds=self._settings.lost_confirmation)
        judged: list[tuple[Any, Seen | Gone]] = []
        missed: list[tuple[UUID, Any, Any]] = []
        for row, observation in found:
            match judge_missing(observation, row.lost_since, now=row.now, confirmation=confirmation):
                case Missed(since, again):
                    missed.append((row.id, since, again))
                case verdict:
                    judged.append((row, verdict))
        if missed:
            await self._store.run(lambda session: statements.note_missing(session, missed))
        return judged

    async def _settle(self, judged: Sequence[tuple[Any, Seen | Gone]]) -> bool:
        """Write down what has changed, a page at a time; say whether anything has."""
        verdicts = [verdict for row, seen in judged if (verdict := _verdict(row, seen))]
        for start in range(0, len(verdicts), PAGE):
            page = verdicts[start : start + PAGE]
            faults.hit("track.settle.before")
            await self._store.run(lambda session, page=page: self._settler.settle(session, page))  # type: ignore[misc]
            faults.hit("track.settle.after")
            self._ring()
        return bool(verdicts)

    def _ring(self) -> None:
        for bell in self.followers:
            bell.ring()

    def _count_unknown(self, judged: Sequence[tuple[Any, Seen | Gone]], label: str) -> None:
        for _, seen in judged:
            if isinstance(seen, Seen) and not seen.observation.known:
                self._metrics.engine_unknown_states.labels(engine=label, native=seen.observation.native).inc()

    def _observe_lag(self, judged: Sequence[tuple[Any, Seen | Gone]], label: str, via: str) -> None:
        for row, seen in judged:
            if isinstance(seen, Seen) and seen.observation.finished_at and seen.observation.status.is_finished:
                lag = (row.now - seen.observation.finished_at).total_seconds()
                self._metrics.status_lag.labels(engine=label, via=via).observe(max(lag, 0.0))


@dataclass(slots=True)
class _Poll:
    """
    How one poll went.

    Attributes:
        quiet: Seconds since anything moved before it; None where nothing ever has.
        via: What made it due: ``poll`` or ``stream``.
    """

    quiet: float | None
    via: str = "poll"
    moved: bool = False
    failed: bool = False
    asked: float | None = None
    tally: Tally = field(default_factory=Tally)

    @property
    def quiet_for(self) -> float:
        """Seconds since anything moved."""
        return math.inf if self.quiet is None else self.quiet

    def fail(self, error: EngineError) -> None:
        """Take in that the engine could not be asked."""
        self.failed, self.asked = True, getattr(error, "retry_after", None)
        self.tally = tally_error(error)

    def next(self, row: Any, *, spread: float) -> float:
        """Say in how many seconds to ask again."""
        tracking = row.spec.get("tracking", {})
        return next_poll(
            interval=seconds(tracking.get("interval", "10s")),
            idle_interval=seconds(tracking.get("idleInterval", "60s")),
            quiet=0.0 if self.moved else self.quiet_for,
            failures=row.poll_failures + 1 if self.failed else 0,
            is_resting=row.circuit_state != "closed",
            asked=self.asked,
            spread=spread,
        )


def _verdict(row: Any, seen: Seen | Gone) -> Verdict | None:
    """Make a verdict where something has changed."""
    if isinstance(seen, Gone):
        return Verdict(
            row.id,
            row.version,
            ExecutionStatus.FAILED,
            "Lost",
            row.native_status or "",
            seen.message,
            duplicate_of_id=row.duplicate_of_id,
        )
    observation = seen.observation
    if not observed(ExecutionStatus(row.status), row.native_status, observation, was_missing=bool(row.lost_since)):
        return None
    return Verdict(
        instance_id=row.id,
        version=row.version,
        status=forward(ExecutionStatus(row.status), observation.status),
        reason=observation.reason,
        native=observation.native,
        message=observation.message,
        started_at=observation.started_at,
        finished_at=observation.finished_at,
        duration=observation.duration,
        result=observation.result,
        url=observation.url,
        duplicate_of_id=row.duplicate_of_id,
    )
