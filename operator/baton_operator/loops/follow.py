"""
Follow: find out what became of work that an engine has accepted and given only a handle for.

A handle says nothing once the engine has forgotten it: the attempt is looked for then, by its token.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from baton_models import new_id
from baton_models.statements import follow as statements
from baton_models.statements.record import Change, record
from baton_operator import faults
from baton_operator.clock import boottime
from baton_operator.decide import attempts as decide
from baton_operator.decide.circuit import Tally, tally_error
from baton_operator.decide.expressions import InvalidExpressionError
from baton_operator.engines.base import Absent, EngineAdapter, SubmitRequest
from baton_operator.engines.errors import EngineError
from baton_operator.engines.options import HandleFollower, Whereabouts
from baton_operator.loops.bounds import interval, lag, lease
from baton_operator.loops.changes import attempt_of, change_of, unit_move
from baton_operator.loops.engine_loop import EngineLoop
from baton_operator.loops.requests import arguments, engine_spec, request

#: Handles that one question is about at most: the cost is the engine's queue, not the handles.
PAGE = 1000


class FollowLoop(EngineLoop):
    """Asks engines where the work behind their handles is; turns with `track`."""

    name = "track"
    pace = 0.5

    async def _due(self, session: AsyncSession) -> Sequence[UUID]:
        return await statements.engines_with_handles(session)

    async def _serve(self, engine: UUID) -> bool:
        held_by = new_id()
        row, held = await self._store.run(
            lambda session: statements.claim_handles(
                session, engine, lease=held_by, lease_for=lease(self._settings), limit=PAGE
            )
        )
        begun = boottime()  # after the claim: a question must never be dated later than it was put (R3)
        if not held:
            return False
        try:
            adapter = await self._registry.adapter(engine_spec(engine, row))
            asked_at = row.now + timedelta(seconds=boottime() - begun)
            answers = await self._ask(adapter, held)
        except EngineError as error:
            self._metrics.loop_errors.labels(loop=self.name, reason=type(error).__name__).inc()
            tally = tally_error(error)
            again = row.now + max(interval(row.spec), decide.backoff(1, getattr(error, "retry_after", None)))
            steps: list[decide.Step] = [decide.Queue(each.handle, again, str(error)) for each in held]
        else:
            tally = Tally(1)
            steps = [
                decide.after_follow(
                    attempt_of(each), where, asked_at=asked_at, interval=interval(row.spec), lag=lag(row.spec)
                )
                for each, where in zip(held, answers, strict=True)
            ]
        faults.hit("follow.ask.after")
        await self._record(list(zip(held, steps, strict=True)), held_by, row)
        faults.hit("follow.record.after")
        await self._note(engine, row.spec, tally)
        self._ring()
        return len(held) >= PAGE

    async def _ask(self, adapter: EngineAdapter, held: Sequence[Any]) -> Sequence[Whereabouts]:
        """Ask about all of them at once; an adapter that knows no handles (any more) knows none of these."""
        if not isinstance(adapter, HandleFollower):
            return [Absent() for _ in held]
        definitions = await self._store.run(
            lambda session: self._definitions.get(session, {each.definition_id for each in held})
        )
        deadline = self._settings.request_deadline
        return await adapter.follow([handle_request(each, definitions[each.definition_id], deadline) for each in held])

    async def _record(self, steps: Sequence[tuple[Any, decide.Step]], held_by: UUID, engine: Any) -> None:
        changes: list[Change] = [change_of(each.id, step) for each, step in steps]
        by_id = {each.id: step for each, step in steps}

        async def work(session: AsyncSession) -> None:
            kept = await record(session, changes, lease=held_by, held="ENQUEUED", poll_in=timedelta())
            moves = [move for row in kept if not row.settled and (move := unit_move(row, by_id[row.id]))]
            if moves:
                await self._settler.end(session, moves, runs={move.run_id for move in moves})

        await self._store.run(work)
        begun = sum(isinstance(step, decide.Acknowledge) for _, step in steps)
        if begun:
            label = f"{engine.namespace}/{engine.name}"
            self._metrics.submissions.labels(engine=label, outcome="begun").inc(begun)


def handle_request(row: Any, definition: Any, deadline: float) -> SubmitRequest:
    """Make the request that stands for a handle; it was sent once, so its arguments matter to nobody any more."""
    try:
        values = arguments(row, definition)
    except InvalidExpressionError:
        values = {}
    return request(row, definition, values, deadline=deadline)
