"""
Track: follow what engines execute for us, in bulk.

One question an engine, whatever the number of its live instances. Missing in a list is not gone: it is looked for
directly, twice, `lost_confirmation` seconds apart, and only then Lost.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from baton_models import new_id
from baton_models.payload import clip_identifier
from baton_models.statements import track as statements
from baton_models.status import ExecutionStatus
from baton_operator import faults
from baton_operator.decide.durations import seconds
from baton_operator.decide.tracking import Gone, Missed, Seen, forward, judge_missing, observed
from baton_operator.engines.base import Duplicate, EngineAdapter, Observation, Reference
from baton_operator.engines.errors import EngineError
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
_FIRST = UUID(int=0)


class TrackLoop:
    """
    Observes live instances and settles what follows.

    Attributes:
        followers: Rung when something has moved.
    """

    name = "track"
    pace = 0.25

    def __init__(self, parts: Parts) -> None:
        self.bell = Bell()
        self.followers: list[Bell] = []
        self._store = parts.store
        self._settings = parts.settings
        self._registry = parts.registry
        self._definitions = parts.definitions
        self._settler = parts.settler
        self._metrics = parts.metrics
        self._lanes = Lanes(self.name, self.bell, parts.metrics)

    async def turn(self) -> float:
        """Observe every engine whose turn it is."""
        for row in await self._store.run(statements.claim_polls):
            if self._lanes.is_free(row.id):
                self._lanes.start(row.id, partial(self._poll, row))
        return self._settings.idle

    async def drain(self) -> None:
        """Wait until everything that is under way has ended."""
        await self._lanes.drain()

    async def _poll(self, row: Any) -> bool:
        again = seconds(row.spec.get("tracking", {}).get("interval", "10s"))
        label = f"{row.namespace}/{row.name}"
        try:
            adapter = await self._registry.adapter(engine_spec(row.id, row))
            await self._observe(row.id, adapter, label)
        except EngineError as error:
            self._metrics.loop_errors.labels(loop=self.name, reason=type(error).__name__).inc()
            again = max(again, getattr(error, "retry_after", None) or 0.0)
        await self._store.run(lambda session: statements.polled(session, row.id, again=timedelta(seconds=again)))
        return False

    async def _observe(self, engine: UUID, adapter: EngineAdapter, label: str) -> None:
        after = _FIRST
        while True:
            start = after
            rows = await self._store.run(
                lambda session, start=start: statements.live(session, engine, after=start, limit=PAGE)  # type: ignore[misc]
            )
            if not rows:
                return
            await self._judge(rows, adapter, label)
            after = rows[-1].id
            if len(rows) < PAGE:
                return

    async def _judge(self, rows: Sequence[Any], adapter: EngineAdapter, label: str) -> None:
        """Ask for all of *rows* at once and write down what has changed."""
        definitions = await self._store.run(
            lambda session: self._definitions.get(session, {row.definition_id for row in rows})
        )
        references = {row.id: reference(row, definitions[row.definition_id]) for row in rows}
        answer = await adapter.observe(list(references.values()))
        faults.hit("track.observe.after")
        seen = {each.external_id: each for each in answer.observations}
        judged: list[tuple[Any, Seen | Gone]] = [
            (row, Seen(seen[row.external_id])) for row in rows if row.external_id in seen
        ]
        gone = {each.external_id for each in answer.missing}  # what could not be read is neither seen nor missing
        missing = [row for row in rows if row.external_id in gone]
        for error in answer.errors:
            self._metrics.loop_errors.labels(loop=self.name, reason=type(error).__name__).inc()
            logger.warning("track.unreadable", extra={"engine": label, "error": str(error)})
        judged += await self._look(missing, references, adapter)
        await self._adopt(rows, answer.duplicates, label)
        self._count_unknown(judged, label)
        await self._settle(judged)
        self._observe_lag(judged, label)

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

    async def _settle(self, judged: Sequence[tuple[Any, Seen | Gone]]) -> None:
        verdicts = [verdict for row, seen in judged if (verdict := _verdict(row, seen))]
        if not verdicts:
            return
        faults.hit("track.settle.before")
        await self._store.run(lambda session: self._settler.settle(session, verdicts))
        faults.hit("track.settle.after")
        for bell in self.followers:
            bell.ring()

    def _count_unknown(self, judged: Sequence[tuple[Any, Seen | Gone]], label: str) -> None:
        for _, seen in judged:
            if isinstance(seen, Seen) and not seen.observation.known:
                self._metrics.engine_unknown_states.labels(engine=label, native=seen.observation.native).inc()

    def _observe_lag(self, judged: Sequence[tuple[Any, Seen | Gone]], label: str) -> None:
        for row, seen in judged:
            if isinstance(seen, Seen) and seen.observation.finished_at and seen.observation.status.is_finished:
                lag = (row.now - seen.observation.finished_at).total_seconds()
                self._metrics.status_lag.labels(engine=label, via="poll").observe(max(lag, 0.0))


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
