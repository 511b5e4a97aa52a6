"""`baton revision`: write down what changed in the models as a revision of their tables."""

from typing import Annotated

import typer

from baton_migrations.chains import find_chain
from baton_migrations.revision import Written, write_revision
from baton_operator.cli.surroundings import database_url


def revision(
    message: Annotated[str, typer.Option("--message", "-m", help="What it does, in a few words; it names the file.")],
    extension: Annotated[
        str | None,
        typer.Option("--extension", "-e", help="The extension's namespace; without it, Baton's own chain."),
    ] = None,
    empty: Annotated[
        bool, typer.Option("--empty", help="Write a revision to be filled by hand, for example to move data.")
    ] = False,
) -> None:
    """
    Write the next revision of an extension: what its models say, compared with the database.

    The database must be migrated (`baton migrate`) and is only read. The file goes into the package's source, so the
    package must be installed with `pip install -e`. Nothing is written where models and database say the same. Read
    the file before you commit it: a comparison cannot tell a renamed column from a dropped and a new one.

    Without --extension it is Baton's own chain, for those who develop Baton.

    [bold]Examples[/bold]

     baton revision --extension acme -m "add the price of an order"
     baton revision -e acme -m "fill the price of old orders" --empty
    """
    chain = find_chain(extension)
    written = write_revision(database_url(), chain, message, empty=empty)
    if written is None:
        typer.echo(f"{chain.name}: nothing changed: the database is what the models say")
        return
    for line in _report(chain.name, written):
        typer.echo(line)


def _report(name: str, written: Written) -> list[str]:
    lines = [f"{name}: wrote {written.path}", *(f"  {step}" for step in written.changes.steps)]
    lines += [f"  look: {doubt}" for doubt in written.changes.doubts]
    return [*lines, "Read it, then: baton migrate"]
