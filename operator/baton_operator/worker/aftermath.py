"""What becomes of a task whose child is dead or silent: the supervisor ends it, or gives it to somebody else."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from baton_operator.engines.embedded.log import TaskLog
from baton_operator.worker import claims
from baton_operator.worker.children import Cause
from baton_operator.worker.finish import Outcome, Settle, finish

#: How often a task with ``on_crash="retry"`` begins anew, for one attempt: what kills its worker each time would
#: otherwise go on for ever.
RESTARTS = 5


class Aftermath:
    """
    Settles what others have left.

    Args:
        settle: Moves instance, item and run.
    """

    def __init__(self, settle: Settle) -> None:
        self._settle = settle

    async def bury(
        self, session: AsyncSession, worker: str, *, begun: UUID | None, cause: Cause | None, how: str
    ) -> None:
        """
        Settle what the dead child *worker* has left running; the caller commits.

        Args:
            begun: The task it had begun, as far as it said; one that was claimed but not begun is simply given back.
            cause: Why it was ended, if the supervisor did it.
            how: How the process ended, for people.
        """
        for row in await claims.held(session, worker):
            if row.id != begun and not row.cancel_requested:
                await claims.requeue(session, row.id, row.logs)
            elif cause == "timedout":
                outcome = Outcome("timedout", error="the task was ended at its timeout")
                await finish(session, row.id, worker, outcome, self._settle)
            else:
                stopped = "the worker was stopped while the task ran"
                await self._crashed(
                    session, row, worker, stopped if cause == "stopped" else f"worker process died ({how})"
                )

    async def reclaim(self, session: AsyncSession) -> int:
        """Settle tasks whose workers have fallen silent, and return how many; the caller commits."""
        await claims.end_silent(session)
        rows = await claims.expired(session)
        for row in rows:
            await self._crashed(session, row, row.worker, "the worker fell silent: its lease ran out")
        return len(rows)

    async def lost(self, session: AsyncSession, worker: str, *, why: str, logs: str | None) -> bool:
        """
        Settle the task that the living *worker* was at when its transaction's connection broke; the caller commits.

        It waits for that transaction's end, whatever became of a COMMIT without an answer: a task that is still
        running then has left nothing.

        Args:
            why: What happened, for people.
            logs: All its lines; None leaves what is stored.

        Returns:
            Whether it was still running. If not, the COMMIT was made, or the task is somebody else's by now.
        """
        rows = await claims.held(session, worker)
        for row in rows:
            await self._crashed(session, row, worker, why, logs=logs)
        return bool(rows)

    async def _crashed(
        self, session: AsyncSession, row: Row[Any], worker: str, why: str, *, logs: str | None = None
    ) -> None:
        if row.cancel_requested:
            outcome = Outcome("cancelled", error="the task was ended because of a cancel", logs=logs)
        elif row.on_crash == "retry" and row.crashes < RESTARTS:
            log = TaskLog(row.logs if logs is None else logs)
            log.append(f"--- {why}; the task begins anew\n".encode())
            await claims.requeue(session, row.id, log.text, crashed=True)
            return
        else:
            often = f", after the task had begun anew {row.crashes} times" if row.crashes else ""
            outcome = Outcome("failed", error=f"{why}{often}", logs=logs)
        await finish(session, row.id, worker, outcome, self._settle)
