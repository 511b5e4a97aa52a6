"""`baton local`: a whole Baton on this machine."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from baton_operator.local.errors import LocalError
from baton_operator.local.home import Home
from baton_operator.local.logs import read_log
from baton_operator.local.stack import LocalEngine, Stack

app = typer.Typer(help="Run a whole Baton on this machine: no root, no Docker, no cluster.", no_args_is_help=True)

HomeOption = Annotated[
    Path, typer.Option("--home", envvar="BATON_HOME", help="The folder in which everything is kept.", show_default=True)
]
_HOME = Path(".baton")
#: What to type next where the examples are not at hand.
_NEXT = "kubectl explain run.spec   # or see examples travel: baton demo"


@app.command()
def up(
    home: HomeOption = _HOME,
    engine: Annotated[list[LocalEngine] | None, typer.Option(help="Start this engine's servers too.")] = None,
    database_url: Annotated[
        str | None,
        typer.Option(envvar="BATON_DATABASE_URL", help="A database of your own in place of a local PostgreSQL."),
    ] = None,
    operator: Annotated[bool, typer.Option(help="Start Baton, not only the servers around it.")] = True,
) -> None:
    """Start what does not run, wait until it is ready, and say how to use it."""
    with _errors_in_one_line():
        endpoints = Stack(Home.at(home), _say, database_url=database_url).up(engine or [], operator=operator)
    typer.echo(f"export KUBECONFIG={shlex.quote(str(endpoints.kubeconfig))}")
    if operator:
        folders = {"examples/argo/": endpoints.argo_url, "examples/airflow/": endpoints.airflow_url}
        examples = next((folder for folder, url in folders.items() if url), "examples/")
        typer.echo(f"kubectl apply -f {examples} && kubectl get runs --watch" if Path(examples).is_dir() else _NEXT)


@app.command()
def status(home: HomeOption = _HOME) -> None:
    """Say which servers run. The exit code is 1 if one that was started does not."""
    servers = Stack(Home(home.absolute()), _say).status()
    if not servers:
        typer.echo(f"nothing was ever started in {home}: `baton local up`")
        return
    table = Table("NAME", "STATE", "PID", "PORTS", box=None, pad_edge=False)
    for each in servers:
        state = "[green]running[/]" if each.pid else "[red]stopped[/]"
        ports = ", ".join(f"{use} {port}" for use, port in each.ports.items())
        table.add_row(each.name, state, str(each.pid or ""), ports)
    Console(soft_wrap=True).print(table)
    if not all(each.pid for each in servers):
        raise typer.Exit(1)


@app.command()
def down(home: HomeOption = _HOME) -> None:
    """Stop every server; what they keep stays for the next `up`."""
    place = Home(home.absolute())
    stopped: list[str] = []
    if place.known():
        with _errors_in_one_line():
            stopped = Stack(place, _say).down()
    typer.echo(f"stopped {', '.join(stopped)}" if stopped else "nothing ran")


@app.command()
def logs(
    name: Annotated[str, typer.Argument(help="The server, as `baton local status` names it.")],
    home: HomeOption = _HOME,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more, until the server ends.")] = False,
) -> None:
    """Print the log of one server."""
    place = Home(home.absolute())
    if name not in place.known():
        known = ", ".join(place.known()) or "none was ever started"
        _error(f"no server is called {name}; there are: {known}")
        raise typer.Exit(2)
    for piece in read_log(place.process(name), follow=follow):
        typer.echo(piece, nl=False)


@contextmanager
def _errors_in_one_line() -> Iterator[None]:
    """Print what failed and what to do about it, and end with 1."""
    try:
        yield
    except LocalError as error:
        _error(str(error))
        raise typer.Exit(1) from None


def _error(text: str) -> None:
    typer.echo(f"{typer.style('error:', fg='red')} {text}", err=True)


def _say(line: str) -> None:
    typer.echo(line, err=True)
