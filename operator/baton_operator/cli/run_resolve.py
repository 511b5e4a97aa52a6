"""`baton runs resolve`: a person says what became of a submit about which nobody else can tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Group, RenderableType
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models import new_id
from baton_models.database import DatabaseConfig
from baton_models.payload import clip_identifier
from baton_models.statements import resolve as statements
from baton_models.statements.admit import act_as
from baton_models.statements.record import Change, read_held, record
from baton_models.statements.settle import UnitMove
from baton_operator.cli.adapters import adapters, engine_spec
from baton_operator.cli.exits import CommandError, NotFoundExit
from baton_operator.cli.output import Column, Format, FormatOption, ago, show, table
from baton_operator.cli.run_rows import Row, find_run
from baton_operator.cli.surroundings import database, default_namespace, person, run
from baton_operator.decide.attempts import Acknowledge, Queue, Step
from baton_operator.decide.expressions import InvalidExpressionError
from baton_operator.engines.base import Absent, EngineAdapter, Enqueued, Foreign, Found, Reference, Sighting
from baton_operator.loops.bounds import interval
from baton_operator.loops.changes import EXTERNAL_ID, change_of
from baton_operator.loops.definitions import Definitions
from baton_operator.loops.requests import arguments, request
from baton_operator.loops.settle import Settler

CHOICES = """
  --adopt ID   the engine has it, under this id: it is followed, and its end is the unit's
  --resubmit   the engine does not have it and never had: it is sent again, under the same token
  --fail       it shall not be tried again: the unit fails, with the words of --reason
"""
COLUMNS = (
    Column("ATTEMPT", lambda row: row["token"]),
    Column("BATCH", lambda row: row["batch"]),
    Column("ITEM", lambda row: "" if row["item"] is None else str(row["item"])),
    Column("ENGINE", lambda row: row["engine"]),
    Column("SENT", lambda row: f"{row['sends']}x, {ago(row['last_sent_at'])} ago" if row["last_sent_at"] else ""),
    Column("RESUBMIT", lambda row: f"from {_clock(row['visible_after'])}" if row["too_early"] else "possible"),
    Column("WHY", lambda row: row["message"]),
)


@dataclass(frozen=True, slots=True)
class Decision:
    """
    What a person says, and who.

    Attributes:
        adopt: The engine's id, or None.
        resubmit: Whether it is to be sent again; with neither it fails.
        anyway: Adopt also what does not carry the token.
    """

    adopt: str | None
    resubmit: bool
    reason: str
    actor: str
    anyway: bool


def resolve(
    name: Annotated[str, typer.Argument(help="The Run's name, uid or run id.")],
    *,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="Its namespace. Default: that of the current context.")
    ] = None,
    attempt: Annotated[
        list[str] | None, typer.Option(help="Token or id of a held attempt; may be repeated. Default: the only one.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All held attempts of the Run alike.")] = False,
    adopt: Annotated[str | None, typer.Option(metavar="ID", help="The engine has it, under this id.")] = None,
    resubmit: Annotated[bool, typer.Option("--resubmit", help="The engine does not have it: send it again.")] = False,
    fail: Annotated[bool, typer.Option("--fail", help="Do not try it again: the unit fails.")] = False,
    reason: Annotated[str, typer.Option(help="Why; kept with the unit.")] = "",
    anyway: Annotated[bool, typer.Option("--anyway", help="Adopt what does not carry the attempt's token.")] = False,
    how: FormatOption = Format.TABLE,
) -> None:
    """
    Decide about a submit that is held: nobody can tell whether the engine took it. Without a choice, show what is held.

    [bold]Examples[/bold]

     baton runs resolve nightly-patch -n team-a
     baton runs resolve nightly-patch --adopt infra/patch-host#42/1042/1795255380000
     baton runs resolve nightly-patch --resubmit --all
     baton runs resolve nightly-patch --fail --reason "host was replaced"
    """
    if sum((adopt is not None, resubmit, fail)) > 1:
        raise typer.BadParameter("say one of --adopt, --resubmit and --fail", param_hint="--adopt")
    space = namespace or default_namespace()
    if adopt is None and not resubmit and not fail:
        rows = run(lambda: _held(space, name))
        show(rows, how, lambda: _explained(rows))
        return
    decision = Decision(adopt, resubmit, reason, f"{person()} (baton runs resolve)", anyway)
    for line in run(lambda: _decide(space, name, decision, attempt or [], everything=everything)):
        typer.echo(line)


async def _held(namespace: str, name: str) -> list[Row]:
    async with database() as found, found.get_async_session() as session:
        return list(await statements.held(session, (await find_run(session, namespace, name))["id"]))


def _explained(rows: Sequence[Row]) -> RenderableType:
    if not rows:
        return "nothing of it is held"
    return Group(table(list(rows), COLUMNS), CHOICES)


async def _decide(
    namespace: str, name: str, decision: Decision, wanted: Sequence[str], *, everything: bool
) -> list[str]:
    async with database() as found:
        async with found.get_async_session() as session:
            owner = await find_run(session, namespace, name)
            rows = _chosen(await statements.held(session, owner["id"]), wanted, name, everything=everything)
        if decision.adopt is not None and len(rows) > 1:
            raise CommandError("an execution belongs to one attempt: name it with --attempt")
        return [await _one(found, row, decision) for row in rows]


def _chosen(rows: Sequence[Row], wanted: Sequence[str], name: str, *, everything: bool) -> Sequence[Row]:
    """Choose among what is held; never guess which is meant."""
    if not rows:
        raise NotFoundExit(f"nothing of run {name} is held: see `baton runs get {name}`")
    if everything:
        return rows
    if not wanted:
        if len(rows) > 1:
            raise CommandError(f"{len(rows)} attempts are held: name one with --attempt, or say --all")
        return rows
    chosen = [row for row in rows if row["token"] in wanted or str(row["id"]) in wanted]
    if len(chosen) < len(wanted):
        raise NotFoundExit(f"no such held attempt: see `baton runs resolve {name}`")
    return chosen


async def _one(found: DatabaseConfig, row: Row, decision: Decision) -> str:
    if decision.adopt is not None:
        step, seen = await _look(found, row, decision)
        await _record(found, row, change_of(row["id"], step), decision, None)
        return f"{row['token']}: {seen}"
    words = f"{decision.reason or 'decided'} ({decision.actor})"
    if decision.resubmit:
        _refuse_resubmit(row)
        change = Change(row["id"], "INTENT", due_at=row["visible_after"] or row["last_sent_at"], error=words)
        await _record(found, row, change, decision, None)
        return f"{row['token']}: is sent again, under the same token"
    await _record(found, row, Change(row["id"], "CLOSED", error=words), decision, words)
    return f"{row['token']}: failed"


def _refuse_resubmit(row: Row) -> None:
    """Rule R12, said in words; the statement keeps it."""
    if row["too_early"]:
        raise CommandError(
            f"{row['token']}: an earlier request may still arrive until {_clock(row['visible_after'])}: "
            "sent again before, it could run twice"
        )
    if row["cancelled"]:
        raise CommandError(f"{row['token']}: its Run is being cancelled; it is not sent again")


async def _look(found: DatabaseConfig, row: Row, decision: Decision) -> tuple[Step, str]:
    """Ask the engine what is there, and compare it with what is to be adopted."""
    assert decision.adopt is not None  # noqa: S101 - the caller asked
    async with found.get_async_session() as session:
        (work,) = await read_held(session, [row["id"]])
        definition = (await Definitions().get(session, [work.definition_id]))[work.definition_id]
    async with adapters(found) as registry:
        spec = await engine_spec(found, key=row["engine_id"])
        adapter = await registry.adapter(spec)
        sighting = await _find(adapter, work, definition)
        match sighting:
            case Found(external_id, url, native, others) if external_id == decision.adopt:
                return Acknowledge(external_id, url, native, adopted=True, others=others), _words(external_id, native)
            case Found(external_id):
                raise CommandError(f"the engine has {external_id} under this token, not {decision.adopt}")
            case Enqueued(handle):
                return Queue(handle), "waits in the engine's queue; it is followed from there"
            case Foreign(external_id) if external_id == decision.adopt and not decision.anyway:
                raise CommandError(f"{external_id} has this name and is not Baton's; repeat with --anyway to adopt it")
        seen = await adapter.look(Reference(decision.adopt, work.token, definition.target))
    if seen is None:
        raise NotFoundExit(f"the engine knows no {decision.adopt}")
    if not decision.anyway:
        raise CommandError(
            f"the engine has {decision.adopt} ({seen.native}), which does not show this token: repeat with --anyway "
            "if it is the one"
        )
    return Acknowledge(seen.external_id, seen.url, seen.native, adopted=True), _words(seen.external_id, seen.native)


async def _find(adapter: EngineAdapter, work: Any, definition: Any) -> Sighting:
    try:
        values = arguments(work, definition)
    except InvalidExpressionError:
        return Absent()
    return await adapter.find(request(work, definition, values, deadline=30.0))


async def _record(found: DatabaseConfig, row: Row, change: Change, decision: Decision, failure: str | None) -> None:
    """Write the decision, its actor, and what follows from it, in one transaction."""
    lease = new_id()
    async with found.get_async_session() as session, session.begin():
        await act_as(session, decision.actor)
        if change.external_id is not None:
            await _refuse_taken(session, row["engine_id"], change.external_id)
        if not await statements.take(session, row["id"], lease=lease, to_send=decision.resubmit):
            raise CommandError(f"{row['token']}: it is not held any more; see `baton runs resolve` again")
        spec = await engine_spec(found, key=row["engine_id"])
        (kept,) = await record(session, [change], lease=lease, held="HALTED", poll_in=interval(spec.spec))
        await statements.note_decider(session, kept.run_id, decision.actor)
        if failure is not None and not kept.settled:
            await Settler(Definitions()).end(session, [_failed(kept, failure)], runs={kept.run_id})


async def _refuse_taken(session: AsyncSession, engine: UUID, external_id: str) -> None:
    taken = await statements.owner(session, engine, clip_identifier(external_id, EXTERNAL_ID))
    if taken:
        raise CommandError(f"{external_id} belongs to run {taken} already")


def _failed(row: Any, words: str) -> UnitMove:
    """End a unit as it was decided; where it was to be cancelled, as cancelled."""
    unit = row.id, row.run_id, row.batch_execution_id, row.item_execution_id
    if row.cancel_requested_at is not None and row.cancel_cause != "TimedOut":
        return UnitMove(*unit, "CANCELLED", "Cancelled", words)
    return UnitMove(*unit, "FAILED", "Failed", words)


def _words(external_id: str, native: str) -> str:
    return f"adopted {external_id}" + (f", which is {native}" if native else "")


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone():%H:%M:%S}"
