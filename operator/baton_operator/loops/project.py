"""
Project: rows become the custom resources' status, and nothing else is asked of the API server.

Each avoided write is worth more than any cleverness: a document that is shown already is not written, a moving Run
is written at most once in ``status_interval`` (less often while there is more to show than one turn takes), its end at
once. An API server that is away costs nothing but time: the rows stay due.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from baton_models.database import DatabaseConfig
from baton_models.statements.projection import Shown, claim_runs, record_runs
from baton_operator import faults
from baton_operator.decide.run_events import Notice, notices
from baton_operator.decide.run_status import refusal_document, status_document
from baton_operator.kube.client import KubeClient
from baton_operator.kube.conditions import fingerprint
from baton_operator.kube.events import Regarding
from baton_operator.kube.writer import StatusWriter, Written
from baton_operator.loops import run_lines
from baton_operator.loops.loop import Bell
from baton_operator.loops.project_definitions import DefinitionProjector
from baton_operator.loops.views import run_view
from baton_operator.loops.witness import Witness
from baton_operator.loops.write_window import WriteWindow
from baton_operator.metrics import Metrics
from baton_operator.settings import Settings

logger = logging.getLogger(__name__)

#: Status patches that are on their way at once.
IN_FLIGHT = 16
#: While a turn has more to show than it takes, moving Runs are shown this many times less often at most.
SLOWEST = 8
#: Seconds that a refusal waits before it is tried again, at most.
REFUSAL_DELAY = 30.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    A Run that gets no row, because what it refers to does not exist.

    Attributes:
        reason: AutomationNotFound or another of the closed list.
        message: The field and the fix.
        at: When it was refused; it is part of what is shown.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    reason: str
    message: str
    at: datetime


class ProjectLoop:
    """The loop that shows; see the module."""

    name = "project"
    pace = 0.1

    def __init__(
        self, database: DatabaseConfig, client: KubeClient, metrics: Metrics, settings: Settings, witness: Witness
    ) -> None:
        self.bell = Bell()
        self._database = database
        self._metrics = metrics
        self._settings = settings
        self._witness = witness
        self._writer = StatusWriter(client, instance=settings.replica)
        self._definitions = DefinitionProjector(database, self._writer)
        self._refusals: dict[str, tuple[Refusal, float, float]] = {}
        self._base = timedelta(seconds=settings.status_interval)
        self._interval = self._base
        self._moving_until = 0.0

    def refuse(self, refusal: Refusal) -> None:
        """Show a refusal as soon as possible; never blocks. A refusal that is lost in a crash is found by sweep."""
        self._refusals.setdefault(refusal.uid, (refusal, 0.0, 1.0))
        self.bell.ring()

    async def turn(self) -> float:
        """Show what is due."""
        await self._show_refusals()
        claimed = await self._show_runs()
        await self._definitions.turn()
        return self._rest(claimed)

    def _rest(self, claimed: int) -> float:
        """Go on at once where a batch was full; else wake when a Run that was shown just now may be shown again."""
        if claimed >= self._settings.batch_size:
            self._interval = min(self._interval * 2, self._base * SLOWEST)
            return 0.0
        self._interval = self._base
        now = time.monotonic()
        waits = [self._settings.idle, *(due - now for _, due, _ in self._refusals.values())]
        if self._moving_until > now:
            waits.append(self._moving_until - now)
        return max(0.01, min(waits))

    async def _show_runs(self) -> int:
        window = WriteWindow()
        async with self._database.get_async_session() as session:
            rows, due = await claim_runs(
                session,
                limit=self._settings.batch_size,
                interval=self._interval,
                busy=self._interval > self._base,
            )
            await session.commit()
        if not rows:
            return 0
        faults.hit("project.claim.after")
        shown = await _Batch(self._writer, self._metrics, self._witness, due, window).show(rows)
        faults.hit("project.patch.after")
        async with self._database.get_async_session() as session:
            await record_runs(session, shown)
            await session.commit()
        faults.hit("project.record.after")
        if any(row.finished_at is None for row in rows):
            self._moving_until = time.monotonic() + self._base.total_seconds()
        self._definitions.touch({row.automation_id for row in rows}, {row.engine_id for row in rows if row.engine_id})
        return len(rows)

    async def _show_refusals(self) -> None:
        now = time.monotonic()
        ready = [entry for entry in self._refusals.values() if entry[1] <= now]
        async with asyncio.TaskGroup() as group:
            limit = asyncio.Semaphore(IN_FLIGHT)
            for refusal, _, delay in ready:
                group.create_task(self._show_refusal(refusal, delay, limit))

    async def _show_refusal(self, refusal: Refusal, delay: float, limit: asyncio.Semaphore) -> None:
        about = Regarding("Run", refusal.namespace, refusal.name, refusal.uid)
        status = refusal_document(
            generation=refusal.generation, reason=refusal.reason, message=refusal.message, at=refusal.at
        )
        async with limit:
            written = await self._writer.write(about, status)
            if written.outcome == "later":
                due = time.monotonic() + max(delay, written.again_in)
                self._refusals[refusal.uid] = (refusal, due, min(delay * 2, REFUSAL_DELAY))
                return
            self._refusals.pop(refusal.uid, None)
            if written.outcome == "shown":
                self._witness.wrote(refusal.uid, fingerprint(status))
                named = run_lines.named(refusal.namespace, refusal.name, refusal.uid)
                run_lines.refused(named, reason=refusal.reason)
                note = f"{refusal.reason}: {refusal.message}"[:1000]
                await self._writer.post(about, reason="Refused", key="", severity="Warning", note=note)


class _Batch:
    """One claimed batch of runs, patched side by side; the claim keeps one patch a run in flight."""

    def __init__(
        self,
        writer: StatusWriter,
        metrics: Metrics,
        witness: Witness,
        due: dict[UUID, datetime],
        window: WriteWindow,
    ) -> None:
        self._writer = writer
        self._metrics = metrics
        self._witness = witness
        self._due = due
        self._limit = asyncio.Semaphore(IN_FLIGHT)
        self._window = window
        self._is_away = False

    async def show(self, rows: Sequence[Any]) -> Sequence[Shown]:
        """Show each of *rows*, and say what became of it."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._show(row)) for row in rows]
        return [task.result() for task in tasks]

    async def _show(self, row: Any) -> Shown:
        if row.uid is None or row.cr_deleted_at is not None:
            return Shown(row.id, row.lease)
        view = run_view(row)
        status = status_document(view)
        wanted = fingerprint(status)
        if wanted == row.shown:
            return Shown(row.id, row.lease, version=row.version, digest=wanted)
        about = Regarding("Run", row.namespace, row.name, row.uid)
        async with self._limit:
            written = await self._write(about, status)
            if written.outcome == "shown":
                self._witness.wrote(row.uid, wanted)
                self._metrics.projection_lag.observe(max(0.0, (datetime.now(UTC) - self._due[row.id]).total_seconds()))
                await self._post(about, notices(view))
        return _recorded(row, written, wanted)

    async def _write(self, about: Regarding, status: dict[str, Any]) -> Written:
        if self._is_away:
            return Written("later", 1.0)
        try:
            async with self._window.write():
                written = await self._writer.write(about, status)
        except TimeoutError:
            return Written("later", 1.0)
        self._is_away = self._is_away or written.is_away
        return written

    async def _post(self, about: Regarding, found: Sequence[Notice]) -> None:
        for each in found:
            await self._writer.post(about, reason=each.reason, key=each.key, severity=each.severity, note=each.note)


def _recorded(row: Any, written: Written, wanted: str) -> Shown:
    match written.outcome:
        case "shown":
            return Shown(row.id, row.lease, version=row.version, digest=wanted, written=True)
        case "refused":  # never again for this document; the next one is another
            return Shown(row.id, row.lease, digest=wanted, written=True)
        case "gone":
            return Shown(row.id, row.lease)
        case _:
            return Shown(row.id, row.lease, again_in=timedelta(seconds=written.again_in))
