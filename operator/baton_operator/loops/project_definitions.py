"""
How project shows Engines and Automations: rarely, because their counters move with every Run.

Which of them Runs have moved is remembered in the process. What is lost with it, or moved otherwise, is found by
comparing all that rest with what they show.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from baton_models.database import DatabaseConfig
from baton_models.statements.projection import (
    Definition,
    Shown,
    claim_definitions,
    read_resting,
    record_definitions,
    touch_definitions,
)
from baton_operator.decide import automation_status, engine_status
from baton_operator.kube.conditions import carry_over, fingerprint
from baton_operator.kube.events import Regarding
from baton_operator.kube.resources import Kind
from baton_operator.kube.writer import UNAVAILABLE, StatusWriter, Written
from baton_operator.loops.views import automation_view, engine_view
from baton_operator.loops.write_window import WriteWindow

#: Seconds between two writes of one Engine or Automation, at least, over all replicas.
INTERVAL = 10.0
#: Seconds between two looks at what is due.
LOOK = 1.0
#: How many of a kind one look takes.
LIMIT = 50
#: Seconds between two comparisons of what rests with what it shows, and how many rows are read at a time.
COMPARE, PAGE = 30.0, 200


@dataclass(frozen=True, slots=True)
class Table:
    """
    One of the two.

    Attributes:
        kind: Of its custom resources.
        document: Writes the status of one row; the times of its conditions are left open.
    """

    kind: Kind
    document: Callable[[Any], dict[str, Any]]


TABLES: Mapping[Definition, Table] = {
    "engine": Table("Engine", lambda row: engine_status.status_document(engine_view(row))),
    "automation": Table("Automation", lambda row: automation_status.status_document(automation_view(row))),
}


class DefinitionProjector:
    """
    Shows Engines and Automations.

    What is compared and recorded is the document without the times of its conditions; where it has changed, these are
    carried over from what the custom resource shows.
    """

    def __init__(self, database: DatabaseConfig, writer: StatusWriter) -> None:
        self._database = database
        self._writer = writer
        self._touched: dict[Definition, set[UUID]] = {"engine": set(), "automation": set()}
        self._look_at = 0.0
        self._touch_at = 0.0
        self._compare_at = 0.0

    def touch(self, automations: Collection[UUID], engines: Collection[UUID]) -> None:
        """Remember that Runs of these have moved: their counters are shown within `INTERVAL`."""
        self._touched["automation"].update(automations)
        self._touched["engine"].update(engines)

    async def turn(self) -> None:
        """Show what is due, if the last look is long enough ago."""
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK
        if now >= self._compare_at:
            self._compare_at = now + COMPARE
            for table in TABLES:
                await self._compare(table)
        if now >= self._touch_at and any(self._touched.values()):
            self._touch_at = now + INTERVAL
            await self._touch()
        for table in TABLES:
            await self._show(table)

    async def _compare(self, table: Definition) -> None:
        """Find those that rest and do not show what their rows say."""
        after: UUID | None = None
        async with self._database.get_async_session() as session:
            while rows := await read_resting(session, table, after=after, limit=PAGE):
                after = rows[-1].id
                self._touched[table].update(row.id for row in rows if _digest(table, row) != row.shown)

    async def _touch(self) -> None:
        for table, ids in self._touched.items():
            if ids:
                async with self._database.get_async_session() as session:
                    await touch_definitions(session, table, list(ids))
                    await session.commit()
                ids.clear()

    async def _show(self, table: Definition) -> None:
        window = WriteWindow()
        async with self._database.get_async_session() as session:
            rows = await claim_definitions(session, table, limit=LIMIT, interval=timedelta(seconds=INTERVAL))
            await session.commit()
        if not rows:
            return
        shown = [await self._show_row(TABLES[table], row, window) for row in rows]
        async with self._database.get_async_session() as session:
            await record_definitions(session, table, shown)
            await session.commit()

    async def _show_row(self, table: Table, row: Any, window: WriteWindow) -> Shown:
        status = table.document(row)
        wanted = fingerprint(status)
        if wanted == row.shown:
            return Shown(row.id, row.lease, digest=wanted)
        about = Regarding(table.kind, row.namespace, row.name, row.uid)
        written = await self._write_within(window, about, status)
        match written.outcome:
            case "shown" | "refused":
                return Shown(row.id, row.lease, digest=wanted, written=True)
            case "gone":
                return Shown(row.id, row.lease)
            case _:
                return Shown(row.id, row.lease, again_in=timedelta(seconds=written.again_in))

    async def _write_within(self, window: WriteWindow, about: Regarding, status: dict[str, Any]) -> Written:
        try:
            async with window.write():
                return await self._write(about, status)
        except TimeoutError:
            return Written("later", UNAVAILABLE)

    async def _write(self, about: Regarding, status: dict[str, Any]) -> Written:
        before = await self._writer.shown(about)
        if isinstance(before, Written):
            return before
        timed = carry_over(status, before, now=datetime.now(UTC))
        written = await self._writer.write(about, timed)
        if written.outcome == "shown" and about.kind == "Engine":
            await self._post_unavailable(about, before, timed)
        return written

    async def _post_unavailable(self, about: Regarding, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        for is_ in engine_status.became_unavailable(before, now):
            note = f"{is_['reason']}: {is_['message']}"[:1000]
            key = f"{is_['type']} {is_['lastTransitionTime']}"
            await self._writer.post(about, reason="EngineUnavailable", key=key, severity="Warning", note=note)


def _digest(table: Definition, row: Any) -> str:
    return fingerprint(TABLES[table].document(row))
