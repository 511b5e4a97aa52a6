"""
Moving rows on after an observation, in the caller's transaction: instance, attempt, unit, batch, run.

Used by `track` and by the worker, so that a task's own writes and its unit's transition commit together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.payload import cleaned
from baton_models.statements import advance, cancel, settle
from baton_models.statements.release import release
from baton_models.statements.settle import InstanceMove, UnitMove
from baton_models.status import ExecutionStatus
from baton_operator.decide.outcomes import Retry, after_attempt, run_end
from baton_operator.loops import run_lines
from baton_operator.loops.definitions import Definitions

#: How late the engine's own word, or a run's progress, may be shown: most runs have ended by then.
SHOW_NATIVE_LATER = timedelta(seconds=5)
SHOW_PROGRESS_LATER = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What was observed of one instance.

    Attributes:
        version: The instance's version when it was read: whoever comes late moves nothing.
        message: For people, where it failed.
        duration: Seconds by the engine's clock, if known.
        result: The unit's result, JSON; None for none.
        duplicate_of_id: The execution that counts, where this one is the engine's own duplicate (R7): its end is not
            the unit's.
    """

    instance_id: UUID
    version: int
    status: ExecutionStatus
    reason: str
    native: str
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration: float | None = None
    result: Any = None
    url: str | None = None
    duplicate_of_id: UUID | None = None


class Settler:
    """Applies verdicts; holds no state but the cache of definitions."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    async def settle(self, session: AsyncSession, verdicts: Sequence[Verdict]) -> int:
        """
        Move instances, and what follows from those that ended.

        Returns:
            How many instances moved; the others were moved by somebody else.
        """
        moved = await settle.move_instances(session, [_move(each) for each in verdicts], later=SHOW_NATIVE_LATER)
        ended = {each.instance_id: each for each in verdicts if each.instance_id in moved and each.status.is_finished}
        if ended:
            closed = await settle.close_attempts(session, list(ended))
            await self._end_units(session, closed, ended)
        return len(moved)

    async def _end_units(self, session: AsyncSession, closed: Sequence[Any], ended: dict[UUID, Verdict]) -> None:
        """
        Say what becomes of units whose attempts have come to their end.

        The counting execution's end is the unit's (R7). Where a duplicate goes on, a unit that is done is done; one
        that is to be tried again waits for it.
        """
        definitions = await self._definitions.get(session, {row.definition_id for row in closed})
        moves: list[UnitMove] = []
        open_ones: list[tuple[UUID, bool, str | None]] = []
        for row in closed:
            if row.settled:
                continue
            verdict = ended.get(row.instance_id) or _remembered(row)
            policy = definitions[row.definition_id].retry
            cause = row.cancel_cause or ("Cancelled" if row.cancel_requested_at else None)
            step = after_attempt(verdict.status, verdict.reason, row.attempt_no, policy, stopping=cause, now=row.now)
            waits = row.goes_on and isinstance(step, Retry)
            if row.goes_on:
                open_ones.append((row.id, not waits, cleaned(verdict.message)[0][:1000] or None))
            if not waits:
                run_lines.ended(
                    session,
                    row,
                    status=verdict.status.value,
                    reason=verdict.reason,
                    retried=isinstance(step, Retry),
                )
                moves.append(_unit(row, verdict, step, whole_run_timed_out=cause == "TimedOut"))
        if open_ones:
            await settle.leave_open(session, open_ones)
        await self.end(session, moves, runs={row.run_id for row in closed})

    async def end(self, session: AsyncSession, moves: Sequence[UnitMove], *, runs: set[UUID]) -> None:
        """Move units, then let batches, runs and waiting neighbours follow."""
        if moves:
            await settle.move_units(session, moves)
        await self.advance(session, sorted(runs))

    async def advance(self, session: AsyncSession, runs: Sequence[UUID]) -> None:
        """Roll up batches, stop runs with too many failures, end those that are done, release what may go now."""
        if not runs:
            return
        for _ in range(2):  # stopping a run ends units, which may end its batches
            await advance.roll_up(session, runs)
            over = await advance.stop_failing(session, runs)
            if not over:
                break
            await cancel.stop_units(session, over, cause="Failed")
        done = await advance.finished_units(session, runs)
        if done:
            await advance.finish_runs(session, [_finish(row) for row in done])
        await advance.mark_for_projection(session, runs, later=SHOW_PROGRESS_LATER)
        await release(session, [*runs, *await advance.neighbours_waiting(session, runs)])

    async def stop(self, session: AsyncSession, runs: Sequence[UUID], *, cause: str) -> None:
        """Stop what *runs* have not handed over and have what is out cancelled; the request is stored already."""
        await cancel.stop_units(session, runs, cause=cause)
        await self.advance(session, runs)


def _remembered(row: Any) -> Verdict:
    """Read the verdict of an execution that ended before its duplicate did."""
    return Verdict(row.instance_id, 0, ExecutionStatus(row.status), row.status_reason or "", "", row.error or "")


def _move(verdict: Verdict) -> InstanceMove:
    return InstanceMove(
        id=verdict.instance_id,
        version=verdict.version,
        status=verdict.status.value,
        reason=verdict.reason,
        native=verdict.native,
        started_at=verdict.started_at,
        finished_at=verdict.finished_at,
        duration=None if verdict.duration is None else round(verdict.duration),
        url=verdict.url,
        duplicate_of_id=verdict.duplicate_of_id,
    )


def _unit(row: Any, verdict: Verdict, step: Any, *, whole_run_timed_out: bool) -> UnitMove:
    message = cleaned(verdict.message)[0][:1000] or None
    if isinstance(step, Retry):
        return UnitMove(
            row.id,
            row.run_id,
            row.batch_execution_id,
            row.item_execution_id,
            ExecutionStatus.RETRYING.value,
            "Retrying",
            message,
            retry_no=step.attempt_no,
            retry_at=step.due_at,
        )
    status, reason = step.status, step.reason
    if whole_run_timed_out and row.batch_execution_id is None and status is ExecutionStatus.CANCELLED:
        status, message = ExecutionStatus.FAILED, "out of time: timeouts.run of the Automation is over"
    return UnitMove(
        row.id,
        row.run_id,
        row.batch_execution_id,
        row.item_execution_id,
        status.value,
        reason,
        None if status is ExecutionStatus.COMPLETED else message,
        result=cleaned(verdict.result)[0] if verdict.result is not None else None,
    )


def _finish(row: Any) -> tuple[UUID, str, str, str | None]:
    end = run_end(failed=row.failed, cancelled=row.cancelled, allowed=row.max_failures, cause=row.cancel_cause)
    message = f"{row.failed} of {row.total} failed" if end.status is ExecutionStatus.FAILED and row.failed else None
    return row.id, end.status.value, end.reason, row.error_summary or message
