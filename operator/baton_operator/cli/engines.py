"""`baton engines`: the orchestrators that Baton hands work to."""

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Annotated, Any

import typer
from rich.text import Text
from sqlalchemy import text

from baton_operator import VERSION
from baton_operator.app import ENGINES
from baton_operator.cli.adapters import adapters, engine_spec
from baton_operator.cli.exits import CommandError, ReportingGroup
from baton_operator.cli.output import Column, Format, FormatOption, ago, show, table
from baton_operator.cli.surroundings import database, default_namespace, run
from baton_operator.engines.errors import EngineError, PermanentError
from baton_operator.engines.registry import GROUP, with_installed

app = typer.Typer(
    cls=ReportingGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Engines: the orchestrators that Baton hands work to, and how they stand.",
)

Row = Mapping[str, Any]

_LIST = """
SELECT e.tenant_id AS namespace, e.name, e.type, e.spec ->> 'url' AS url, e.suspend, h.ready_reason,
       h.authenticated_reason, h.stalled_reason, h.message, h.native_version AS version, h.capabilities,
       h.submission_guarantee, h.circuit_state, h.probed_at, NOT e.is_active AS deleted,
       count(a.id) FILTER (WHERE a.state IN ('SENT', 'ENQUEUED', 'ACKED', 'AMBIGUOUS', 'HALTED')) AS in_flight,
       count(a.id) FILTER (WHERE a.state = 'INTENT') AS waiting,
       count(a.id) FILTER (WHERE a.state = 'HALTED') AS held
FROM engine e LEFT JOIN engine_health h ON h.engine_id = e.id
LEFT JOIN dispatch_attempt a ON a.engine_id = e.id AND a.state NOT IN ('CLOSED', 'REJECTED')
WHERE (CAST(:namespace AS text) IS NULL OR e.tenant_id = :namespace) AND (e.is_active OR :deleted)
GROUP BY e.id, h.id ORDER BY e.tenant_id, e.name
"""


def _ready(row: Row) -> str:
    if row["suspend"]:
        return "Suspended"
    if row["stalled_reason"] or row["ready_reason"] is None:
        return row["stalled_reason"] or "Unknown"
    if row["circuit_state"] not in {None, "closed"}:
        return "CircuitOpen"
    return "True" if row["ready_reason"] == "ProbeSucceeded" else str(row["ready_reason"])


_COLUMNS = (
    Column("NAMESPACE", lambda row: row["namespace"]),
    Column("NAME", lambda row: row["name"] + (" (deleted)" if row["deleted"] else "")),
    Column("TYPE", lambda row: row["type"]),
    Column("READY", _ready),
    Column("VERSION", lambda row: row["version"]),
    Column("GUARANTEE", lambda row: row["submission_guarantee"]),
    Column("IN FLIGHT", lambda row: str(row["in_flight"])),
    Column("WAITING", lambda row: str(row["waiting"])),
    Column("HELD", lambda row: str(row["held"])),
    Column("PROBED", lambda row: ago(row["probed_at"])),
    Column("MESSAGE", lambda row: row["message"], at_most=80),
)


_TYPE_COLUMNS = (Column("TYPE", lambda row: row["type"]), Column("PACKAGE", lambda row: row["package"]))


@app.command("list")
def list_(
    namespace: Annotated[str | None, typer.Option("--namespace", "-n", help="Only those of this namespace.")] = None,
    everywhere: Annotated[bool, typer.Option("--all-namespaces", "-A", help="Those of all namespaces.")] = False,
    deleted: Annotated[bool, typer.Option("--deleted", help="Also those whose custom resource is gone.")] = False,
    how: FormatOption = Format.TABLE,
) -> None:
    """
    List engines: whether they answer, what is in flight and what waits.

    [bold]Example[/bold]

     baton engines list -A
    """

    async def ask() -> list[Row]:
        async with database() as found, found.get_async_session() as session:
            space = None if everywhere else namespace or default_namespace()
            rows = await session.execute(text(_LIST), {"namespace": space, "deleted": deleted})
            return [dict(row) for row in rows.mappings()]

    rows = run(ask)
    show(rows, how, lambda: table(rows, _COLUMNS))


@app.command("types")
def types(how: FormatOption = Format.TABLE) -> None:
    """
    List the types of engine that this installation has adapters for, and the package that brings each.

    An operator has those of its own installation: ask there, too, if an Engine says that nothing serves its type.

    [bold]Example[/bold]

     baton engines types
    """
    try:
        known = sorted(with_installed(ENGINES))
    except PermanentError as error:
        raise CommandError(str(error)) from None
    installed = {
        point.name: f"{point.dist.name} {point.dist.version}"
        for point in entry_points(group=GROUP)
        if point.dist is not None and point.name not in ENGINES
    }
    rows = [{"type": each, "package": installed.get(each, f"baton {VERSION}")} for each in known]
    show(rows, how, lambda: table(rows, _TYPE_COLUMNS))


@app.command("test")
def ask_now(
    name: Annotated[str, typer.Argument(help="The Engine's name.")],
    namespace: Annotated[str | None, typer.Option("--namespace", "-n", help="Its namespace.")] = None,
    how: FormatOption = Format.TABLE,
) -> None:
    """
    Ask an engine now, from this machine: is it there, does it take the credential, what can it do.

    Reads the Engine's Secrets with your own rights. Nothing is started. The exit code is 1 if it does not answer.

    [bold]Example[/bold]

     baton engines test ci-jenkins -n platform
    """
    answer = run(lambda: _probe(namespace or default_namespace(), name))
    lines = "\n".join(
        f"{key.replace('_', ' ').capitalize() + ':':<15} {value}" for key, value in answer.items() if value
    )
    show(answer, how, lambda: Text(lines))


async def _probe(namespace: str, name: str) -> dict[str, Any]:
    async with database() as found:
        spec = await engine_spec(found, namespace=namespace, name=name)
        async with adapters(found) as registry:
            try:
                adapter = await registry.adapter(spec)
                health = await adapter.probe()
            except EngineError as error:
                kind = type(error).__name__.removesuffix("Error")
                raise CommandError(f"engine {namespace}/{name}: {kind}: {error}") from None
    return {
        "engine": f"{namespace}/{name}",
        "type": spec.type,
        "version": health.version,
        "idempotency": adapter.idempotency.value,
        "capabilities": ", ".join(sorted(each.value for each in adapter.capabilities)),
        "message": health.message,
    }
