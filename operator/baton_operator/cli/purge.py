"""`baton purge`: the only way in which history goes."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from baton_models.statements import purge as old_runs
from baton_operator.cli.output import Column, Format, FormatOption, show, table
from baton_operator.cli.surroundings import database, run

#: Runs that go in one transaction: few enough that nobody waits for their locks.
_AT_ONCE = 1000

_COLUMNS = (
    Column("NAMESPACE", lambda row: row["namespace"]),
    Column("RUNS", lambda row: str(row["runs"])),
    Column("OLDEST", lambda row: f"{row['oldest']:%Y-%m-%d}"),
    Column("NEWEST", lambda row: f"{row['newest']:%Y-%m-%d}"),
)


def purge(
    before: Annotated[datetime, typer.Option(help="Runs that ended before this moment, in UTC.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this, only say what would go.")] = False,
    how: FormatOption = Format.TABLE,
) -> None:
    """
    Delete old Runs for ever, with their attempts and their history.

    Only Runs that have ended, whose custom resources are deleted, and of which nothing is in an engine any more. Rows
    of extensions stay. It needs a role that may delete, such as the owner of the tables, and can be stopped and
    repeated at any moment, also while operators work.

    [bold]Examples[/bold]

     baton purge --before 2025-11-01            what would go?
     baton purge --before 2025-11-01 --yes
    """
    moment = before.replace(tzinfo=before.tzinfo or UTC)
    rows = run(lambda: _purge(moment, yes))
    show(rows, how, lambda: _report(rows, yes))


async def _purge(before: datetime, yes: bool) -> list[dict[str, Any]]:
    async with database() as found:
        async with found.get_async_session() as session:
            rows = list(await old_runs.survey(session, before=before))
        gone = _AT_ONCE if yes and rows else 0
        while gone:
            async with found.get_async_session() as session, session.begin():
                gone = await old_runs.purge(session, before=before, limit=_AT_ONCE)
        return rows


def _report(rows: list[dict[str, Any]], yes: bool) -> RenderableType:
    if not rows:
        return Text("No Run is that old, over, and without its custom resource.")
    done = "They are gone." if yes else "Nothing was changed: repeat with --yes."
    return Group(table(rows, _COLUMNS), Text(done))
