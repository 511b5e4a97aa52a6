"""`baton demo`: a whole Baton on this machine, Runs that travel, and one Run's history."""

import typer


def demo() -> None:
    """Show it."""
    typer.echo("soon")
