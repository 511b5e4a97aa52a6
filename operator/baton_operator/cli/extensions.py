"""`baton extensions`: packages that bring tables and tasks of their own."""

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.text import Text
from sqlalchemy import Connection

from baton_migrations.chains import ENTRY_POINT_GROUP, Chain, extension_chains
from baton_migrations.check import read_state
from baton_migrations.inspection import Finding, Verdict, inspect_extension, inspect_role, left_behind
from baton_models.database import DatabaseConfig
from baton_models.errors import InvalidNamespaceError
from baton_models.registry import GROUP as MODELS
from baton_models.registry import DataModelRegistry
from baton_operator.cli.exits import FAILED, CommandError, ReportingGroup, UnreachableExit
from baton_operator.cli.output import Column, Format, FormatOption, complain, show, table
from baton_operator.cli.scaffold import write_package
from baton_operator.cli.surroundings import database_url
from baton_operator.tasks import GROUP as TASKS
from baton_operator.tasks import Catalogue

app = typer.Typer(
    cls=ReportingGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    help=(
        "Extensions: packages that bring tables and tasks of their own into Baton's database.\n\n"
        "`new` writes one, `pip install -e` installs it, `baton migrate` makes its tables, `baton revision` follows "
        "its models, `check` says whether all of that fits."
    ),
)

Row = Mapping[str, Any]

_COLUMNS = (
    Column("NAMESPACE", lambda row: row["namespace"]),
    Column("PACKAGE", lambda row: row["package"]),
    Column("MODELS", lambda row: ", ".join(row["models"])),
    Column("AT", lambda row: ", ".join(row["at"])),
    Column("STATE", lambda row: row["state"], at_most=100),
)

_STYLES = {Verdict.FINE: "green", Verdict.DOUBTFUL: "yellow", Verdict.WRONG: "bold red"}


@app.command("list")
def list_(how: FormatOption = Format.TABLE) -> None:
    """
    List the installed extensions: their packages, data models, and how far the database has them.

    Imports their models. Asks the database of BATON_DATABASE_URL, else that of the local Baton, if there is one.

    [bold]Example[/bold]

     baton extensions list
    """
    registry = DataModelRegistry.discover()
    chains = _chains()
    with _maybe_connected() as connection:
        rows = [_row(chain, registry, connection) for chain in chains]
        left = left_behind(connection, [chain.name for chain in chains]) if connection else []
        rows += [_left_row(name) for name in left]
    show(rows, how, lambda: table(rows, _COLUMNS) if rows else Text("no extension is installed"))


@app.command("check")
def check(
    namespaces: Annotated[
        list[str] | None, typer.Argument(help="Only these; all that are installed by default.")
    ] = None,
    how: FormatOption = Format.TABLE,
) -> None:
    """
    Check that each installed extension works here.

    It can be imported, its revisions are one line, the database is at their head, its tables are what its models say
    and have their guards: row-level security, and the triggers of managed rows.

    Changes nothing. Each line that is not ok says what to do. The exit code is 1 if anything is wrong.

    [bold]Examples[/bold]

     baton extensions check
     baton extensions check acme
    """
    chains = {chain.name: chain for chain in _chains()}
    if unknown := set(namespaces or ()) - set(chains):
        installed = ", ".join(chains) or "none"
        raise CommandError(f"{', '.join(sorted(unknown))}: no such extension is installed (installed: {installed})")
    registry, tasks = DataModelRegistry.discover(), Catalogue.discover()
    with _connected() as connection:
        found = {"database": [inspect_role(connection)]}
        for name in namespaces or chains:
            found[name] = [*_tasks(name, tasks), *inspect_extension(connection, chains[name], registry)]
    rows = [
        {"extension": name, "verdict": each.verdict.value, "found": each.found, "advice": each.advice}
        for name, findings in found.items()
        for each in findings
    ]
    show(rows, how, lambda: _report(found))
    if any(each.verdict is Verdict.WRONG for findings in found.values() for each in findings):
        raise typer.Exit(FAILED)


@app.command("new")
def new(
    namespace: Annotated[str, typer.Argument(help="1-20 lower case letters and digits, a letter first.")],
    folder: Annotated[Path | None, typer.Option(help="Where to write it; ./NAMESPACE by default.")] = None,
) -> None:
    """
    Write a working package of an extension: a table, its first revision, a task, tests, an Automation and a Run.

    The namespace is in the names of all its tables, ext_NAMESPACE_…, so it cannot be changed later.

    [bold]Example[/bold]

     baton extensions new acme
     pip install -e acme
     baton migrate
     baton extensions check acme
    """
    place = folder or Path(namespace)
    try:
        written = write_package(namespace, place)
    except InvalidNamespaceError as error:
        raise typer.BadParameter(str(error), param_hint="NAMESPACE") from None
    for each in written:
        typer.echo(f"  {place / each}")
    for line in _next_steps(namespace, place):
        typer.echo(line)


def _next_steps(namespace: str, place: Path) -> Iterator[str]:
    """Give what to type next, from the folder that *place* is relative to: there a local Baton keeps its files, too."""
    yield "Next:"
    for command, why in (
        (f"pip install -e {shlex.quote(str(place))}", "beside Baton, in its environment"),
        ("baton migrate", f"makes the table ext_{namespace}_host; a new `baton local up` does it, too"),
        (f"baton extensions check {namespace}", "does everything fit?"),
    ):
        yield f"  {command:<30}  # {why}"
    yield f"Then read {place / 'README.md'}: it runs the task and adds a column."


def _chains() -> list[Chain]:
    """Give the chains of all extensions, those that have models only with what is missing as their problem."""
    points = list(entry_points(group=ENTRY_POINT_GROUP))
    chains = {chain.name: chain for chain in extension_chains(points)}
    for point in entry_points(group=MODELS):
        if point.name not in chains:
            missing = (
                f"{point.value} has models but no migrations: name the package with its folder `versions` in the "
                f"entry-point group {ENTRY_POINT_GROUP}, as {point.name!r}"
            )
            chains[point.name] = Chain(point.name, None, point.dist.version if point.dist else "0", missing)
    return [chains[name] for name in sorted(chains)]


def _row(chain: Chain, registry: DataModelRegistry, connection: Connection | None) -> dict[str, Any]:
    models = sorted(name for name, model in registry.models.items() if model.baton_namespace == chain.name)
    row = {"namespace": chain.name, "package": _package(chain.name), "models": models, "at": [], "state": ""}
    if chain.name in registry.broken:
        row["state"] = registry.broken[chain.name]
    elif connection is None:
        row["state"] = chain.problem or "no database was asked"
    else:
        (state,) = read_state(connection, [chain]).chains
        row |= {"at": list(state.current), "state": state.problem or state.standing.value}
    return row


def _left_row(namespace: str) -> dict[str, Any]:
    state = "not installed here; its tables are kept"
    return {"namespace": namespace, "package": "", "models": [], "at": [], "state": state}


def _package(namespace: str) -> str:
    for group in (ENTRY_POINT_GROUP, MODELS):
        for point in entry_points(group=group):
            if point.name == namespace and point.dist:
                return f"{point.dist.name} {point.dist.version}"
    return ""


def _tasks(namespace: str, catalogue: Catalogue) -> Iterator[Finding]:
    points: list[EntryPoint] = [point for point in entry_points(group=TASKS) if point.name == namespace]
    if namespace in catalogue.broken:
        yield Finding(Verdict.WRONG, f"tasks: {catalogue.broken[namespace]}", "correct it")
    elif points:
        modules = tuple(point.module for point in points)
        names = sorted(name for name, task in catalogue.tasks.items() if task.function.__module__.startswith(modules))
        yield Finding(Verdict.FINE, f"tasks: {', '.join(names)}")


def _report(found: Mapping[str, list[Finding]]) -> Group:
    lines = []
    for name, findings in found.items():
        lines.append(Text(" ".join(filter(None, [name, _package(name)])), style="bold"))
        for each in findings:
            lines.append(Text.assemble("  ", (f"{each.verdict.value:<5}", _STYLES[each.verdict]), " ", each.found))
            if each.advice:
                lines.append(Text(f"        → {each.advice}", style="dim"))
    return Group(*lines)


@contextmanager
def _connected() -> Iterator[Connection]:
    database = DatabaseConfig(database_url(), pool_size=1, max_overflow=0, application_name="baton extensions")
    try:
        with database.sa_engine.connect() as connection:
            yield connection
    finally:
        database.dispose_engine()


@contextmanager
def _maybe_connected() -> Iterator[Connection | None]:
    try:
        database_url()
    except UnreachableExit as error:
        complain(str(error))
        yield None
        return
    with _connected() as connection:
        yield connection
