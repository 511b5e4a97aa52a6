"""Runs become rows: admitted in batches, refused with a reason, cancelled, suspended, resumed, let go when deleted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models import new_id
from baton_models.payload import cleaned, clip_identifier
from baton_models.statements import admit as statements
from baton_models.statements import cancel
from baton_models.statements.release import release
from baton_operator.decide.admission import Plan, Refused, admit, token_stem
from baton_operator.decide.definition import Definition
from baton_operator.decide.traceparent import trace_context
from baton_operator.kube.resources import RunSeen
from baton_operator.loops.intake_definitions import storable
from baton_operator.loops.loop import Bell
from baton_operator.loops.parts import Parts
from baton_operator.loops.project import ProjectLoop, Refusal

T = TypeVar("T")

#: Accepted and Submitted within this time are one patch.
LINGER = timedelta(seconds=1)
#: What an Automation that cannot be used means for its Runs.
_AUTOMATION_REASONS = {"InvalidSchema": "InvalidParameters", "InvalidExpression": "InvalidArguments"}

_AUTOMATIONS = text("""
SELECT a.id, a.tenant_id, a.name, e.id AS engine_id, a.ready_message, d.id AS definition_id,
       CASE WHEN a.ready_reason = 'Valid' AND e.id IS NULL THEN 'EngineNotFound' ELSE a.ready_reason END AS ready_reason
FROM automation a
LEFT JOIN engine e ON e.id = a.engine_id AND e.is_active
LEFT JOIN workflow_definitions d ON d.automation_id = a.id AND d.version = a.generation
WHERE a.is_active AND (a.tenant_id, a.name) IN (
  SELECT * FROM unnest(CAST(:namespaces AS text[]), CAST(:names AS text[])))
""")
_KNOWN = text("""
SELECT uid, id, generation, status, state FROM run WHERE uid = ANY(CAST(:uids AS text[])) ORDER BY id FOR UPDATE
""")
_BATCHES = text("""
SELECT id, automation_id, name FROM batch WHERE automation_id = ANY(CAST(:automations AS uuid[])) AND is_active
""")
_CHANGE = text("""
UPDATE run r SET generation = v.generation, state = v.state, version = r.version + 1, updated_by = v.actor,
       status_reason = CASE WHEN r.cancel_requested_at IS NOT NULL THEN r.status_reason
                            WHEN v.state = 'Suspended' THEN 'Suspended'
                            WHEN r.status_reason = 'Suspended' THEN 'Queued' ELSE r.status_reason END,
       project_at = clock_timestamp(), updated_at = clock_timestamp()
FROM unnest(CAST(:ids AS uuid[]), CAST(:generations AS int[]), CAST(:states AS text[]), CAST(:actors AS text[]))
     AS v(id, generation, state, actor)
WHERE r.id = v.id AND r.generation < v.generation AND r.status IN ('PENDING', 'PROCESSING', 'RETRYING')
""")
_SEEN = text("""
UPDATE run r SET generation = v.generation, project_at = clock_timestamp()
FROM unnest(CAST(:ids AS uuid[]), CAST(:generations AS int[])) AS v(id, generation)
WHERE r.id = v.id AND r.generation < v.generation
""")
_GONE = text("""
UPDATE run SET is_active = false, cr_deleted_at = coalesce(cr_deleted_at, clock_timestamp()), project_at = NULL
WHERE uid = ANY(CAST(:uids AS text[])) AND is_active RETURNING id
""")


@dataclass(frozen=True, slots=True)
class Unready:
    """A reference that no watch has brought yet, and the reason to refuse with if the API server has none either."""

    kind: Literal["Automation", "Engine"]
    namespace: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Admission:
    """A Run that gets a row, with what it refers to."""

    run: RunSeen
    automation: Any
    definition: Definition | None
    decision: Plan | Refused
    id: UUID


class RunIntake:
    """Takes in batches of Runs, each in one transaction."""

    def __init__(self, parts: Parts, project: ProjectLoop, followers: Sequence[Bell]) -> None:
        self._store = parts.store
        self._definitions = parts.definitions
        self._settler = parts.settler
        self._project = project
        self._followers = followers
        self._asked: set[str] = set()

    async def take(self, runs: Sequence[RunSeen]) -> Mapping[str, Unready]:
        """
        Take in a batch.

        Returns:
            By uid, the Runs whose references are not there yet: nothing was written for them.
        """
        unready: dict[str, Unready] = {}

        async def work(session: AsyncSession) -> None:
            unready.clear()
            gone = [run.uid for run in runs if run.is_gone]
            if gone:
                await self._let_go(session, gone)
            here = [run for run in runs if not run.is_gone]
            known = {row.uid: row for row in await session.execute(_KNOWN, {"uids": [run.uid for run in here]})}
            await self._change(session, [(run, known[run.uid]) for run in here if run.uid in known])
            await self._admit(session, [run for run in here if run.uid not in known], unready)

        await self._store.run(work)
        self._asked.difference_update(run.uid for run in runs)
        for bell in (*self._followers, self._project.bell):
            bell.ring()
        return unready

    async def refuse(self, run: RunSeen, unready: Unready) -> None:
        """Refuse a Run whose reference the API server does not have; without an Automation there is no row."""
        message = f"there is no {unready.kind} {unready.name!r} in namespace {unready.namespace!r}: create it first"
        if unready.kind == "Engine":
            await self._store.run(lambda session: self._admit(session, [run], {}, missing_engine=message))
        else:
            self._refuse_without_row(run, unready.reason, f"spec.automationRef: {message}")
        self._project.bell.ring()

    def decide_now(self, run: RunSeen) -> None:
        """Have a Run decided by the rows as they are: the API server was asked for what it refers to."""
        self._asked.add(run.uid)

    def _may_still_come(self, run: RunSeen, ready_reason: str) -> bool:
        """Whether an engine is missing, or does not permit, that no watch may have brought yet."""
        return ready_reason in {"EngineNotFound", "RefNotPermitted"} and run.uid not in self._asked

    async def refuse_unkept(self, run: RunSeen, error: Exception) -> bool:
        """
        Refuse a Run that PostgreSQL cannot keep for a reason that no check foresaw; the log has the details.

        Returns:
            False where it has a row already: then it goes on, and only a change of it could not be kept.
        """
        if await self._store.run(lambda session: session.scalar(_KNOWN, {"uids": [run.uid]})):
            return False
        why = str(getattr(error, "orig", error)).splitlines()[0][:300]
        self._refuse_without_row(run, "InvalidParameters", f"spec: PostgreSQL cannot keep it: {why}")
        return True

    def _refuse_without_row(self, run: RunSeen, reason: str, message: str) -> None:
        now = datetime.now(UTC)
        self._project.refuse(Refusal(run.namespace, run.name, run.uid, run.generation, reason, message, now))

    async def _admit(
        self,
        session: AsyncSession,
        runs: Sequence[RunSeen],
        unready: dict[str, Unready],
        *,
        missing_engine: str | None = None,
    ) -> None:
        if not runs:
            return
        admissions: list[_Admission] = []
        automations = await self._automations(session, runs)
        definitions = await self._definitions.get(
            session, {row.definition_id for row in automations.values() if row.definition_id}
        )
        for run in runs:
            name = run.spec["automationRef"]["name"]
            automation = automations.get((run.namespace, name))
            if automation is None:
                unready[run.uid] = Unready("Automation", run.namespace, name, "AutomationNotFound")
                continue
            definition = definitions.get(automation.definition_id)
            if definition and missing_engine is None and self._may_still_come(run, automation.ready_reason):
                unready[run.uid] = Unready("Engine", *definition.engine, automation.ready_reason)
                continue
            decision = _decide(run, automation, definition, missing_engine)
            admissions.append(_Admission(run, automation, definition, decision, new_id()))
        if admissions:
            await self._insert(session, admissions)

    async def _automations(self, session: AsyncSession, runs: Sequence[RunSeen]) -> dict[tuple[str, str], Any]:
        wanted = {(run.namespace, run.spec["automationRef"]["name"]) for run in runs}
        namespaces, names = zip(*sorted(wanted), strict=True)
        rows = await session.execute(_AUTOMATIONS, {"namespaces": list(namespaces), "names": list(names)})
        return {(row.tenant_id, row.name): row for row in rows}

    async def _insert(self, session: AsyncSession, admissions: Sequence[_Admission]) -> None:
        born: set[UUID] = set()
        for actor, group in _by_actor(admissions, lambda each: each.run.created_by):
            await statements.act_as(session, actor)
            born |= await statements.insert_runs(session, [_row(each) for each in group], linger=LINGER.total_seconds())
        new = [each for each in admissions if each.id in born]
        fanned = [each for each in new if isinstance(each.decision, Plan) and each.decision.batches]
        if fanned:
            await self._insert_units(session, fanned)
        cancelled = [each for each in new if each.run.spec.get("state") == "Cancelled"]
        if cancelled:
            await self._cancel(session, [(each.run, each.id) for each in cancelled])
        await release(session, [each.id for each in new if isinstance(each.decision, Plan) and not _goes_whole(each)])

    async def _insert_units(self, session: AsyncSession, admissions: Sequence[_Admission]) -> None:
        named = {
            (row.automation_id, row.name): row.id
            for row in await session.execute(
                _BATCHES, {"automations": sorted({each.automation.id for each in admissions})}
            )
        }
        own_batches, own_items, executions = [], [], []
        item_columns: tuple[list[UUID], list[int], list[str]] = ([], [], [])
        for each in admissions:
            for batch in each.decision.batches if isinstance(each.decision, Plan) else ():
                key = new_id() if batch.own else named[each.automation.id, batch.name]
                if batch.own:
                    own_batches.append(_own_batch(key, each, batch))
                    own_items.extend(_own_items(key, batch))
                execution = new_id()
                executions.append(_execution(execution, each, key, batch))
                for number, token_hex in enumerate(batch.item_token_hexes):
                    item_columns[0].append(execution)
                    item_columns[1].append(number)
                    item_columns[2].append(token_hex)
        if own_batches:
            await statements.insert_own_batches(session, own_batches, own_items)
        await statements.insert_units(
            session,
            runs=[each.id for each in admissions],
            units=[each.definition.per if each.definition else "Item" for each in admissions],
            batch_executions=executions,
            items=item_columns,
        )

    async def _change(self, session: AsyncSession, runs: Sequence[tuple[RunSeen, Any]]) -> None:
        """Follow a change of ``state``; on a Run that has ended it is only taken note of."""
        changed = [(run, row) for run, row in runs if run.generation > row.generation]
        if not changed:
            return
        values = {
            "ids": [row.id for _, row in changed],
            "generations": [run.generation for run, _ in changed],
            "states": [run.spec.get("state", "Active") for run, _ in changed],
            "actors": [_actor(run.state_by) for run, _ in changed],
        }
        await session.execute(_CHANGE, values)
        await session.execute(_SEEN, {"ids": values["ids"], "generations": values["generations"]})
        wanted = {"Cancelled": list[tuple[RunSeen, UUID]](), "Active": [], "Suspended": []}
        for run, row in changed:
            wanted[run.spec.get("state", "Active")].append((run, row.id))
        if wanted["Cancelled"]:
            await self._cancel(session, wanted["Cancelled"])
        await release(session, [key for _, key in wanted["Active"]])

    async def _cancel(self, session: AsyncSession, runs: Sequence[tuple[RunSeen, UUID]]) -> None:
        for actor, group in _by_actor(runs, lambda pair: pair[0].state_by):
            await statements.act_as(session, actor)
            asked = await cancel.request(
                session,
                [key for _, key in group],
                cause="Cancelled",
                reasons=[cleaned(run.spec.get("reason") or None)[0] for run, _ in group],
                actors=[actor] * len(group),
                linger=LINGER,
            )
            if asked:
                await self._settler.stop(session, asked, cause="Cancelled")

    async def _let_go(self, session: AsyncSession, uids: Sequence[str]) -> None:
        """Follow a deletion: nothing more of the Run is started; what is out goes on to its end and is recorded."""
        gone = list((await session.execute(_GONE, {"uids": list(uids)})).scalars())
        if not gone:
            return
        asked = await cancel.request(
            session,
            gone,
            cause="Deleted",
            reasons=["the Run was deleted"] * len(gone),
            actors=[None] * len(gone),
            linger=LINGER,
        )
        if asked:
            await self._settler.stop(session, asked, cause="Deleted")


def _decide(run: RunSeen, automation: Any, definition: Definition | None, missing_engine: str | None) -> Plan | Refused:
    if missing_engine:
        return Refused("EngineNotFound", f"spec.engineRef of the Automation: {missing_engine}")
    if automation.ready_reason != "Valid" or definition is None:
        reason = _AUTOMATION_REASONS.get(automation.ready_reason, automation.ready_reason)
        if reason not in {"InvalidParameters", "InvalidArguments", "RefNotPermitted", "EngineNotFound"}:
            reason = "InvalidArguments"
        return Refused(reason, f"Automation {automation.name}: {automation.ready_message}")
    return admit(run.uid, run.spec, definition)


def _goes_whole(each: _Admission) -> bool:
    """Whether the run is handed over in one piece and nothing holds it back."""
    definition, state = each.definition, each.run.spec.get("state", "Active")
    return definition is not None and definition.per == "Run" and definition.max_active is None and state == "Active"


def _row(each: _Admission) -> dict[str, Any]:
    run, definition, decision = each.run, each.definition, each.decision
    row: dict[str, Any] = {
        "id": each.id,
        "automation_id": each.automation.id,
        "definition_id": each.automation.definition_id,
        "engine_id": each.automation.engine_id,
        "tenant_id": run.namespace,
        "uid": run.uid,
        "generation": run.generation,
        "name": run.name,
        "correlation_id": cleaned(run.spec.get("correlationId"))[0],
        "state": run.spec.get("state", "Active"),
        "parameters": storable(run.spec.get("parameters", {})),
        "trace_context": trace_context(run.traceparent, run.uid),
        "created_by": _actor(run.created_by),
        "submitted_before": run.is_submitted,
        "token_hex": token_stem(run.uid),
        "per": definition.per if definition else "Run",
        "max_parallel": definition.max_parallel if definition else 1,
        "sequential": definition.sequential if definition else False,
        "max_attempts": definition.retry.max_attempts if definition else 1,
        "queued_seconds": definition.queued if definition else None,
        "run_timeout_seconds": round(definition.run) if definition and definition.run else None,
        "cancel_timeout_seconds": round(definition.cancel) if definition else 300,
        "priority": run.spec.get("priority", definition.priority if definition else 100),
    }
    if isinstance(decision, Refused):
        refused = {"accepted_reason": decision.reason, "accepted_message": decision.message, "status_reason": "Failed"}
        return row | refused | {"status": "FAILED", "max_failures": 0}
    return row | {
        "accepted_reason": "Accepted",
        "status": "PENDING",
        "status_reason": "Suspended" if row["state"] == "Suspended" else "Queued",
        "released": _goes_whole(each),
        "max_failures": decision.max_failures,
        "priority": decision.priority,
    }


def _own_batch(key: UUID, each: _Admission, batch: Any) -> dict[str, Any]:
    return {
        "id": key,
        "automation_id": each.automation.id,
        "name": batch.name,
        "payload": batch.payload,
        "position": batch.position,
    }


def _own_items(key: UUID, batch: Any) -> list[dict[str, Any]]:
    return [{"batch_id": key, "sequence_number": number, "payload": item} for number, item in enumerate(batch.items)]


def _execution(key: UUID, each: _Admission, batch: UUID, planned: Any) -> dict[str, Any]:
    return {
        "id": key,
        "run_id": each.id,
        "batch_id": batch,
        "position": planned.position,
        "token_hex": planned.token_hex,
    }


def _by_actor(things: Sequence[T], name: Callable[[T], str | None]) -> Iterator[tuple[str | None, list[T]]]:
    """Group *things* by who did them: a batch is mostly one person's."""
    actors = {_actor(name(each)) for each in things}
    for actor in sorted(actors, key=lambda each: each or ""):
        yield actor, [each for each in things if _actor(name(each)) == actor]


def _actor(name: str | None) -> str | None:
    return clip_identifier(cleaned(name)[0], 100) if name else None
