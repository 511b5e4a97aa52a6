"""`baton migrate`: bring the database to this release."""

from typing import Annotated

import typer

from baton_migrations import check, runner
from baton_migrations.errors import ExtensionsFailedError
from baton_operator.cli.output import complain
from baton_operator.cli.surroundings import database_url
from baton_operator.redaction import redact_text


def migrate(
    checking: Annotated[
        bool, typer.Option("--check", help="Change nothing; say whether this release can work with the schema.")
    ] = False,
    status: Annotated[
        bool, typer.Option("--status", help="Change nothing; say where every chain stands and what waits.")
    ] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Change nothing; print the statements that would run.")] = False,
    wait: Annotated[float, typer.Option(help="Seconds to wait for another migrator.")] = 600.0,
) -> None:
    """
    Bring the database to this release: Baton's own tables, then those of installed extensions, by name.

    Safe to run from any number of places at once, and to kill at any moment: one works, the others wait, and what was
    cut off is done again. Each revision is one transaction, and one of an extension may change the extension's own
    tables only. An extension that fails stays before the revision that failed; Baton's tables and the other extensions
    are migrated all the same, and the exit code is 1. Put it right and run this again.

    With --check the exit code is 78 where this release cannot work with the schema.

    [bold]Examples[/bold]

     baton migrate
     baton migrate --status             where is each chain, what would run?
     baton migrate --sql > review.sql   the very statements, for somebody to read first
     baton migrate --check              for scripts: may this release start?
    """
    if checking + status + sql > 1:
        raise typer.BadParameter("one of them at a time", param_hint="--check, --status, --sql")
    url = database_url()
    if checking:
        typer.echo(str(check.verify(url)))
    elif status:
        typer.echo("\n".join(check.look(url).lines()))
    elif sql:
        typer.echo(runner.pending_sql(url) or "-- every chain is at its head: nothing would run")
    else:
        _migrate(url, wait)


def _migrate(url: str, wait: float) -> None:
    try:
        runner.migrate(url, progress=typer.echo, wait_seconds=wait)
    except ExtensionsFailedError as error:
        for failure in error.failures:
            complain(f"error: {redact_text(str(failure.error))}")
        raise typer.Exit(error.exit_code) from None
