"""`baton migrate`: bring the database to this release."""

from typing import Annotated

import typer

from baton_migrations import check, runner
from baton_operator.cli.surroundings import database_url


def migrate(
    checking: Annotated[
        bool, typer.Option("--check", help="Change nothing; say whether this release can work with the schema.")
    ] = False,
    wait: Annotated[float, typer.Option(help="Seconds to wait for another migrator.")] = 600.0,
) -> None:
    """
    Bring the database to this release: Baton's own tables, then those of installed extensions.

    Safe to run from any number of places at once, and to kill at any moment: one works, the others wait, and what was
    cut off is done again. With --check the exit code is 78 where this release cannot work with the schema.

    [bold]Examples[/bold]

     baton migrate
     baton migrate --check
    """
    url = database_url()
    if checking:
        typer.echo(str(check.verify(url)))
    else:
        runner.migrate(url, progress=typer.echo, wait_seconds=wait)
