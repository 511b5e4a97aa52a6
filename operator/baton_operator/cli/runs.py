"""`baton runs`: what ran, how it stands, why it ended as it did; and ending it."""

import asyncio
import time
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from baton_operator.cli import run_logs
from baton_operator.cli.exits import (
    CommandError,
    NotFoundExit,
    NotSucceededExit,
    ReportingGroup,
    TooLateExit,
)
from baton_operator.cli.output import Column, Format, FormatOption, ago, complain, show, span, table
from baton_operator.cli.run_nodes import with_nodes
from baton_operator.cli.run_objects import has_ended, phase_of
from baton_operator.cli.run_resolve import resolve
from baton_operator.cli.run_rows import Row, find_run, list_runs, read_history, read_tree
from baton_operator.cli.run_tree import run_tree
from baton_operator.cli.surroundings import database, default_namespace, kubernetes, run
from baton_operator.decide.durations import seconds
from baton_operator.kube.errors import KubeError, NoConnectionError

app = typer.Typer(
    cls=ReportingGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Runs, as the database has them: those that are under way and those of the past, also when their custom "
    "resources are gone.",
)

#: Seconds that `wait` gives a Run that was applied just now to be taken in.
ADMITTED_WITHIN = 10.0
_POLL = 0.25
_ITEMS_SHOWN = 20

NamespaceOption = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Its namespace. Default: that of the current context.")
]
NameArgument = Annotated[
    str, typer.Argument(help="The Run's name; the newest of that name counts. Its uid or run id names an older one.")
]

LIST_COLUMNS = (
    Column("NAMESPACE", lambda row: row["namespace"]),
    Column("NAME", lambda row: row["name"] + (" (deleted)" if row["deleted"] else "")),
    Column("AUTOMATION", lambda row: row["automation"]),
    Column("ENGINE", lambda row: row["engine"]),
    Column("PHASE", lambda row: row["phase"], styled=True),
    Column("REASON", lambda row: row["reason"]),
    Column("PROGRESS", lambda row: row["progress"]),
    Column("ATTEMPT", lambda row: str(row["attempt"] or "")),
    Column("DURATION", lambda row: span(row["duration"])),
    Column("AGE", lambda row: ago(row["created_at"])),
)
HISTORY_COLUMNS = (
    Column("SEQ", lambda row: str(row["seq"])),
    Column("AT", lambda row: f"{row['at'].astimezone():%Y-%m-%d %H:%M:%S.%f}"[:-3]),
    Column("FROM", lambda row: row["previous_status"], styled=True),
    Column("TO", lambda row: row["status"], styled=True),
    Column("REASON", lambda row: row["reason"]),
    Column("LASTED", lambda row: span(row["lasted"])),
    Column("ACTOR", lambda row: row["actor"]),
    Column("MESSAGE", lambda row: row["message"], at_most=80),
)
_ITEM_COLUMNS = (
    Column("BATCH", lambda row: row["batch"]),
    Column("ITEM", lambda row: str(row["item"])),
    *HISTORY_COLUMNS,
)
_PHASES = {
    "active": ["PENDING", "PROCESSING", "RETRYING"],
    "succeeded": ["COMPLETED"],
    "failed": ["FAILED"],
    "cancelled": ["CANCELLED", "SKIPPED"],
}


@app.command("list")
def list_(
    *,
    namespace: NamespaceOption = None,
    everywhere: Annotated[bool, typer.Option("--all-namespaces", "-A", help="Those of all namespaces.")] = False,
    automation: Annotated[str | None, typer.Option("--automation", "-a", help="Only those of this Automation.")] = None,
    which: Annotated[
        str | None, typer.Option("--phase", "-p", help="Only those that are: active, succeeded, failed or cancelled.")
    ] = None,
    correlation: Annotated[str | None, typer.Option(help="Only those with this spec.correlationId.")] = None,
    held: Annotated[
        bool, typer.Option("--held", help="Only those with a submit that a person has to decide about.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    how: FormatOption = Format.TABLE,
) -> None:
    """
    List Runs, the newest first; those whose custom resource is gone are marked (deleted).

    [bold]Examples[/bold]

     baton runs list -A --phase failed
     baton runs list -A --held
     baton runs list -n team-a --automation patch-fleet -o json
    """
    if which is not None and which.lower() not in _PHASES:
        raise typer.BadParameter(f"{which!r} is none of {', '.join(_PHASES)}", param_hint="--phase")

    async def ask() -> list[Row]:
        async with database() as found, found.get_async_session() as session:
            return await list_runs(
                session,
                namespace=None if everywhere else namespace or default_namespace(),
                automation=automation,
                statuses=_PHASES[which.lower()] if which else None,
                correlation=correlation,
                held=held,
                limit=limit,
            )

    rows = run(ask)
    show(rows, how, lambda: table(rows, LIST_COLUMNS if everywhere else LIST_COLUMNS[1:]))


@app.command()
def get(
    name: NameArgument,
    namespace: NamespaceOption = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Draw every item of large batches.")] = False,
    nodes: Annotated[
        bool, typer.Option("--nodes", help="Ask the engine for the steps of each attempt that is drawn.")
    ] = False,
    how: FormatOption = Format.TABLE,
) -> None:
    """
    Show one Run as a tree: run, batches, items, attempts, each with the engine's own word and link.

    [bold]Examples[/bold]

     baton runs get fleet-all -n team-a
     baton runs get fleet-all -n team-a --nodes
     baton runs get 0197c2d5-7f1e-7cc3-98c4-dc0c0c07398f -o yaml
    """
    most = None if everything else _ITEMS_SHOWN

    async def ask() -> dict[str, Any]:
        async with database() as found:
            async with found.get_async_session() as session:
                seen = await read_tree(session, await find_run(session, namespace or default_namespace(), name))
            return await with_nodes(found, seen, most=most) if nodes else seen

    tree = run(ask)
    show(tree, how, lambda: run_tree(tree, most=most))


@app.command()
def history(
    name: NameArgument,
    namespace: NamespaceOption = None,
    items: Annotated[bool, typer.Option("--items", help="The history of its items instead.")] = False,
    how: FormatOption = Format.TABLE,
) -> None:
    """
    Show every change of a Run's status: when, from what to what, why, by whom, and how long it lasted.

    It is written by PostgreSQL itself and stays when the Run and the engine's own record are gone. The last change has
    the message, if it is a failure, a refusal or a cancel.

    [bold]Examples[/bold]

     baton runs history fleet-all -n team-a
     baton runs history fleet-all -n team-a --items -o json
    """

    async def ask() -> list[Row]:
        async with database() as found, found.get_async_session() as session:
            return await read_history(
                session, (await find_run(session, namespace or default_namespace(), name))["id"], items=items
            )

    rows = run(ask)
    show(rows, how, lambda: history_table(rows, items=items))


def history_table(rows: list[Row], *, items: bool = False) -> RenderableType:
    """Make the table of a history."""
    return table(rows, _ITEM_COLUMNS if items else HISTORY_COLUMNS)


@app.command()
def cancel(
    name: Annotated[str, typer.Argument(help="The Run's name.")],
    namespace: NamespaceOption = None,
    reason: Annotated[str, typer.Option(help="Why; kept in the history and told to the engine.")] = "",
    waiting: Annotated[bool, typer.Option("--wait", help="Return when it has ended.")] = False,
) -> None:
    """
    End a Run: sets spec.state to Cancelled, as `kubectl patch` would. There is no way back.

    [bold]Example[/bold]

     baton runs cancel patch-fleet-2026-47 -n team-a --reason "wrong region" --wait
    """
    space = namespace or default_namespace()

    async def act() -> None:
        async with kubernetes() as client:
            seen = await client.get("Run", space, name)
            if has_ended(seen):
                raise CommandError(f"run {space}/{name} has ended already: {phase_of(seen)}")
            await client.patch("Run", space, name, {"spec": {"state": "Cancelled", "reason": reason}})

    run(act)
    typer.echo(f"run {space}/{name} is to be cancelled")
    if waiting:
        ended = run(lambda: wait_for(space, name, None))
        typer.echo(f"run {space}/{name} ended: {ended['phase']} ({ended['reason']})")


@app.command()
def wait(
    name: NameArgument,
    namespace: NamespaceOption = None,
    timeout: Annotated[str, typer.Option(help="How long at most, for example 90s or 1h30m. 0s: for ever.")] = "0s",
    how: FormatOption = Format.TABLE,
) -> None:
    """
    Wait until a Run has ended. The exit code says how: 0 succeeded, 4 failed or cancelled, 5 the time is up.

    [bold]Example[/bold]

     kubectl apply -f run.yaml && baton runs wait patch-fleet-2026-47 --timeout 2h
    """
    space = namespace or default_namespace()
    ended = run(lambda: wait_for(space, name, _length(timeout)))
    lasted = f" after {span(ended['duration'])}" if ended["duration"] else ""
    show(ended, how, lambda: f"run {space}/{name} ended: {ended['phase']} ({ended['reason']}){lasted}")
    if ended["phase"] != "Succeeded":
        raise NotSucceededExit(
            f"run {space}/{name}: {ended['message'] or ended['cancellation_reason'] or ended['reason']}"
        )


async def wait_for(namespace: str, name: str, timeout: float | None) -> Row:  # noqa: ASYNC109 - named by its option
    """
    Poll the rows until the Run has ended: the one that has the name now, not an older one of that name.

    Args:
        timeout: Seconds, or None for ever.

    Raises:
        NotFoundExit: It was not taken in within `ADMITTED_WITHIN` seconds.
        TooLateExit: The time is up.
    """
    begun = time.monotonic()
    uid = await _uid_of(namespace, name)
    async with database() as found:
        while True:
            passed = time.monotonic() - begun
            last = "is not there yet"
            try:
                async with found.get_async_session() as session:
                    row = await find_run(session, namespace, uid or name)
            except NotFoundExit:
                if passed > ADMITTED_WITHIN:
                    raise
            else:
                if row["finished_at"]:
                    return row
                last = f"is {row['phase']} ({row['reason']}, {row['progress']})"
            if timeout is not None and passed > timeout:
                raise TooLateExit(f"run {namespace}/{name} {last} after {timeout:.0f} s")
            await asyncio.sleep(_POLL)


async def _uid_of(namespace: str, name: str) -> str | None:
    """Ask the API server which Run has the name now; None where there is none, or nobody to ask."""
    try:
        async with kubernetes() as client:
            uid: str = (await client.get("Run", namespace, name))["metadata"]["uid"]
            return uid
    except (NoConnectionError, KubeError):
        return None


@app.command()
def logs(
    name: NameArgument,
    *,
    namespace: NamespaceOption = None,
    batch: Annotated[str | None, typer.Option(help="Only of this batch.")] = None,
    item: Annotated[int | None, typer.Option(help="Only of this item, counted from 0.")] = None,
    attempt: Annotated[int | None, typer.Option(help="Only of this attempt. Default: of each unit's last one.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more until the work has ended.")] = False,
) -> None:
    """
    Print what the work wrote, read from the engine as long as the engine keeps it.

    [bold]Examples[/bold]

     baton runs logs fleet-all --batch canary --item 1
     baton runs logs flaky-order --attempt 1
    """
    wanted = run_logs.Wanted(batch, item, attempt)
    shown = run(lambda: run_logs.print_logs(namespace or default_namespace(), name, wanted, follow=follow))
    if not shown:
        complain("nothing was handed to an engine yet")


app.command()(resolve)


def _length(duration: str) -> float | None:
    """Read a duration of the API; 0 is None."""
    try:
        return seconds(duration) or None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--timeout") from None
