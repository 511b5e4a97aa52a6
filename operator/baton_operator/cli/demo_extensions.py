"""What the demo shows of the example extensions: rows that tasks and a hook wrote, and the chain of a corrected run."""

import asyncio
from collections.abc import Sequence
from importlib.metadata import entry_points

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_migrations.chains import ENTRY_POINT_GROUP
from baton_models.registry import DataModelRegistry

#: The namespaces of ``examples/extensions``.
EXAMPLES = frozenset({"approvals", "inventory"})

_DECLARE = text("SELECT set_config('baton.data_models', 'ext_approvals_*,ext_inventory_*', true)")
_SCANS = """
SELECT s.run_name AS run, s.status, s.hosts AS "hosts it left"
FROM ext_inventory_scan_log s JOIN run r ON r.id = s.run_id
WHERE r.uid = ANY(:uids) ORDER BY s.run_name
"""
#: Hooks are called after the Run's end, and do not hold it up.
_UNDER_WAY = text("""
SELECT 1 FROM embedded_task t JOIN run r ON r.id = t.run_id
WHERE r.uid = ANY(:uids) AND t.hook IS NOT NULL AND t.state IN ('queued', 'running') LIMIT 1
""")
_LOOKS = 100
_NEWEST_STEP = text("""
SELECT m.workflow_instance_id FROM managed_audit m JOIN run r ON r.id = m.run_id
WHERE m.table_name = 'ext_approvals_purchase_request' AND r.uid = ANY(:uids) ORDER BY m.changed_at DESC LIMIT 1
""")


def are_installed() -> bool:
    """Whether both example extensions are installed beside Baton."""
    return {each.name for each in entry_points(group=ENTRY_POINT_GROUP)} >= EXAMPLES


async def show_extensions(session: AsyncSession, console: Console, uids: list[str]) -> None:
    """Print what the Runs with *uids* have left in the extensions' tables."""
    for _ in range(_LOOKS):
        if not (await session.execute(_UNDER_WAY, {"uids": uids})).first():
            break
        await asyncio.sleep(0.1)
    await session.execute(_DECLARE)
    scans = (await session.execute(text(_SCANS), {"uids": uids})).all()
    console.print("\n[bold]Rows of an extension: what a hook noted of each scan[/]   (ext_inventory_scan_log)")
    console.print(_table(("run", "status", "hosts it left"), [tuple(map(str, row)) for row in scans]))
    model = DataModelRegistry.discover().get("approvals.PurchaseRequest")
    newest = (await session.execute(_NEWEST_STEP, {"uids": uids})).scalar_one_or_none()
    chain = [] if newest is None else (await session.scalars(model.version_chain(newest))).all()
    console.print(
        "\n[bold]One request, corrected and approved: a row for each Run[/]   (ext_approvals_purchase_request)"
    )
    rows = [(each.action, each.item, f"{each.amount} {each.currency}", each.state, each.decided_by) for each in chain]
    console.print(_table(("action", "item", "amount", "state", "by"), rows))


def _table(names: tuple[str, ...], rows: Sequence[tuple[str | None, ...]]) -> Table:
    table = Table(*names, box=box.SIMPLE)
    for row in rows:
        table.add_row(*(escape(each or "") for each in row))
    return table
