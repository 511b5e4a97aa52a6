"""All commands, put together."""

import typer

from baton_operator import VERSION
from baton_operator.cli import database, engines, extensions, runs
from baton_operator.cli.demo import demo
from baton_operator.cli.exits import EXIT_CODES, ReportingGroup
from baton_operator.cli.invariants import check
from baton_operator.cli.purge import purge
from baton_operator.cli.revision import revision
from baton_operator.cli.schema import migrate

_HELP = f"""
One Kubernetes API over every orchestrator you already run.

`kubectl apply` starts Runs; this shows what became of them, from PostgreSQL, long after the custom resources and the
engines' own records are gone.

[bold]Where it looks[/bold]

 The database: BATON_DATABASE_URL, else that of the local Baton in ./.baton (or BATON_HOME).
 The API server: KUBECONFIG, else that of the local Baton, else your own kubeconfig.

[bold]Examples[/bold]

 baton demo                             see it work on this machine, in half a minute
 baton runs list -A --phase failed      what went wrong lately
 baton runs get fleet-all -n team-a     a Run with its batches, items, attempts and links
 baton runs history fleet-all           when it changed, why, and who did it
 baton runs wait nightly --timeout 2h   for scripts: the exit code says how it ended
 baton check                            is anything lost, doubled or wrong?
 baton database restored                before operators work on a restored database
 baton extensions new acme              a package with tables and tasks of your own
{EXIT_CODES}"""


def application() -> typer.Typer:
    """Put the commands together; those of the local room only where it is installed."""
    app = typer.Typer(
        cls=ReportingGroup,
        name="baton",
        help=_HELP,
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    app.command()(demo)
    app.add_typer(runs.app, name="runs")
    app.add_typer(engines.app, name="engines")
    app.add_typer(extensions.app, name="extensions")
    app.add_typer(database.app, name="database")
    app.command()(check)
    app.command()(migrate)
    app.command()(revision)
    app.command()(purge)
    _add_local(app)
    return app


def _add_local(app: typer.Typer) -> None:
    try:
        from baton_operator.cli import local  # noqa: PLC0415 - the extra `local` is not in the operator's image
    except ModuleNotFoundError:
        return
    app.add_typer(local.app, name="local")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"baton {VERSION}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Say the version."),
) -> None:
    """Take the options that belong to no command."""
