"""`baton local`: a whole Baton on this machine."""

from __future__ import annotations

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
    console = Console(stderr=True)
    stack = Stack(Home.at(home), console.print, database_url=database_url)
    try:
        endpoints = stack.up(engine or [], operator=operator)
    except LocalError as error:
        console.print(f"[red]error:[/] {error}", highlight=False)
        raise typer.Exit(1) from None
    out = Console(highlight=False, soft_wrap=True)
    out.print(f"export KUBECONFIG={endpoints.kubeconfig}")
    if operator:
        examples = "examples/argo/" if LocalEngine.ARGO in (engine or []) else "examples/"
        out.print(f"kubectl apply -f {examples} && kubectl get runs --watch", markup=False)


@app.command()
def status(home: HomeOption = _HOME) -> None:
    """Say which servers run. The exit code is 1 if one that was started does not."""
    servers = Stack(Home.at(home), print).status()
    table = Table("NAME", "STATE", "PID", "LOG", box=None)
    for each in servers:
        state = "[green]running[/]" if each.pid else "[red]stopped[/]"
        table.add_row(each.name, state, str(each.pid or ""), str(each.log))
    Console(soft_wrap=True).print(table if servers else f"Nothing was ever started in {home}: `baton local up`")
    if not all(each.pid for each in servers):
        raise typer.Exit(1)


@app.command()
def down(home: HomeOption = _HOME) -> None:
    """Stop every server; what they keep stays for the next `up`."""
    console = Console(stderr=True)
    try:
        stopped = Stack(Home.at(home), console.print).down()
    except LocalError as error:
        console.print(f"[red]error:[/] {error}", highlight=False)
        raise typer.Exit(1) from None
    console.print(f"stopped {', '.join(stopped)}" if stopped else "nothing ran")


@app.command()
def logs(
    name: Annotated[str, typer.Argument(help="The server, as `baton local status` names it.")],
    home: HomeOption = _HOME,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more, until the server ends.")] = False,
) -> None:
    """Print the log of one server."""
    place = Home.at(home)
    if name not in place.known():
        known = ", ".join(place.known()) or "none was ever started"
        Console(stderr=True).print(f"[red]error:[/] no server is called {name}; there are: {known}", highlight=False)
        raise typer.Exit(2)
    for piece in read_log(place.process(name), follow=follow):
        typer.echo(piece, nl=False)
