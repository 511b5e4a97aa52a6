"""`baton database`: what a person has to say about the database itself."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.statements import lives
from baton_operator.cli.exits import CommandError, ReportingGroup
from baton_operator.cli.output import Column, Format, FormatOption, show, table
from baton_operator.cli.surroundings import database, person, run

app = typer.Typer(
    cls=ReportingGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    help=(
        "The database itself.\n\n"
        "A database that was restored does not know what was done since it was saved. `restored` says so to Baton."
    ),
)

_COLUMNS = (
    Column("ENGINE", lambda row: row["engine"]),
    Column("TYPE", lambda row: row["type"]),
    Column("RUNS", lambda row: str(row["runs"])),
    Column("LOOKED FOR", lambda row: str(row["looked_for"])),
    Column("FOLLOWED", lambda row: str(row["followed"])),
    Column("AS BEFORE", lambda row: str(row["as_before"])),
)

_MEANING = """
  LOOKED FOR   perhaps sent since the database was saved: looked for in the engine before anything is sent
  FOLLOWED     the engine had taken it before: followed to its end
  AS BEFORE    tasks of Embedded: what they did since is gone with the database, so they are done again
"""


@app.command("restored")
def restored(
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this, only say what would be looked for.")] = False,
    saved_at: Annotated[
        datetime | None,
        typer.Option(
            help="The moment that it was restored to, in UTC; only needed where operators have worked on it since. "
            "Default: the last moment that the database knows of."
        ),
    ] = None,
    how: FormatOption = Format.TABLE,
) -> None:
    """
    Say that the database was restored to an older moment, or moved, before operators work on it again.

    Baton then looks in the engines for all that may have been sent since the database was saved, and sends only what is
    not there and never was. What an engine cannot tell is held for a person: see `baton runs resolve`. Saying so
    needlessly does no harm: everything that waits goes some seconds later.

    [bold]Examples[/bold]

     kubectl scale deployment -l app.kubernetes.io/name=baton --replicas=0
     baton database restored             what would be looked for?
     baton database restored --yes
    """
    moment = saved_at and saved_at.replace(tzinfo=saved_at.tzinfo or UTC)
    rows = run(lambda: _restore(yes, moment))
    show(rows, how, lambda: _report(rows, yes))


async def _restore(yes: bool, saved_at: datetime | None) -> list[dict[str, Any]]:
    async with database() as found, found.get_async_session() as session, session.begin():
        rows = await lives.survey(session)
        if yes:
            await _refuse_while_at_work(session)
            actor = f"{person()} (baton database restored)"
            await lives.restore(session, cause="Restored", actor=actor, saved_at=saved_at)
        return rows


async def _refuse_while_at_work(session: AsyncSession) -> None:
    """What is being sent at this moment could not be told from what was sent before."""
    names = await lives.at_work(session)
    if names:
        raise CommandError(f"{', '.join(names)} is at work on this database: scale operators and workers to 0 first")


def _report(rows: list[dict[str, Any]], yes: bool) -> RenderableType:
    done = "Said. Start the operators now." if yes else "Nothing was changed: repeat with --yes."
    if not rows:
        return Group(Text("No Run is under way."), Text(done))
    return Group(table(rows, _COLUMNS), _MEANING, Text(done))
