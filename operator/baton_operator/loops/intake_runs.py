"""Runs become rows: admitted in batches, refused with a reason, cancelled, suspended, resumed, let go when deleted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models import new_id
from baton_models.payload import cleaned
from baton_models.statements import admit as statements
from baton_models.statements import cancel
from baton_models.statements.release import release
from baton_operator.decide.admission import Plan, Refused, admit
from baton_operator.decide.definition import Definition
from baton_operator.kube.resources import RunSeen
from baton_operator.loops.admissions import (
    Admission,
    actor_of,
    batch_row,
    ends_with_object,
    execution_row,
    goes_whole,
    item_rows,
    run_row,
    tell,
)
from baton_operator.loops.loop import Bell
from baton_operator.loops.parents import find_parents, missing_parent, parent_name, taken_parent
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
SELECT uid, id, generation, status, state, cancel_on_delete FROM run
WHERE uid = ANY(CAST(:uids AS text[])) ORDER BY id FOR UPDATE
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
_HELD = text("""
UPDATE run SET guard = 'held' WHERE uid = ANY(CAST(:uids AS text[])) AND guard IS NULL
""")
_GONE = text("""
UPDATE run SET is_active = false, cr_deleted_at = coalesce(cr_deleted_at, clock_timestamp()), project_at = NULL,
       guard = NULL
WHERE uid = ANY(CAST(:uids AS text[])) AND is_active RETURNING id, cancel_on_delete
""")


@dataclass(frozen=True, slots=True)
class Unready:
    """A reference that no watch has brought yet, and the reason to refuse with if the API server has none either."""

    kind: Literal["Automation", "Engine", "Run"]
    namespace: str
    name: str
    reason: str


class RunIntake:
    """Takes in batches of Runs, each in one transaction."""

    def __init__(self, parts: Parts, project: ProjectLoop, followers: Sequence[Bell]) -> None:
        self._store = parts.store
        self._definitions = parts.definitions
        self._settler = parts.settler
        self._project = project
        self._followers = followers
        self._asked: set[tuple[str, str]] = set()

    async def take(self, runs: Sequence[RunSeen]) -> Mapping[str, Unready]:
        """
        Take in a batch.

        Returns:
            By uid, the Runs whose references are not there yet: nothing was written for them.
        """
        unready: dict[str, Unready] = {}

        async def work(session: AsyncSession) -> Sequence[Admission]:
            unready.clear()
            gone = [run.uid for run in runs if run.is_gone]
            if gone:
                await self._let_go(session, gone)
            here = [run for run in runs if not run.is_gone]
            known = {row.uid: row for row in await session.execute(_KNOWN, {"uids": [run.uid for run in here]})}
            held = [run.uid for run in here if run.deleting_since and run.is_guarded]
            if held:  # also where a database was restored that knows nothing of it
                await session.execute(_HELD, {"uids": held})
            dying = [run for run in here if run.uid in known and run.deleting_since and known[run.uid].cancel_on_delete]
            await self._end(session, [known[run.uid].id for run in dying])
            await self._change(session, [(run, known[run.uid]) for run in here if run.uid in known])
            return await self._admit(session, [run for run in here if run.uid not in known], unready)

        tell(await self._store.run(work))
        taken = {run.uid for run in runs}
        self._asked = {asked for asked in self._asked if asked[0] not in taken}
        for bell in (*self._followers, self._project.bell):
            bell.ring()
        return unready

    async def refuse(self, run: RunSeen, unready: Unready) -> None:
        """Refuse a Run whose reference the API server does not have; without an Automation there is no row."""
        message = f"there is no {unready.kind} {unready.name!r} in namespace {unready.namespace!r}: create it first"
        if unready.kind == "Engine":
            tell(await self._store.run(lambda session: self._admit(session, [run], {}, missing_engine=message)))
        else:
            self._refuse_without_row(run, unready.reason, f"spec.automationRef: {message}")
        self._project.bell.ring()

    def decide_now(self, run: RunSeen, kind: str) -> None:
        """Have a Run decided by the rows as they are: the API server was asked for what of *kind* it refers to."""
        self._asked.add((run.uid, kind))

    def _may_still_come(self, run: RunSeen, ready_reason: str) -> bool:
        """Whether an engine is missing, or does not permit, that no watch may have brought yet."""
        return ready_reason in {"EngineNotFound", "RefNotPermitted"} and (run.uid, "Engine") not in self._asked

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
    ) -> Sequence[Admission]:
        """Give rows to those of *runs* whose references are there, and say which got one now."""
        if not runs:
            return ()
        admissions: list[Admission] = []
        parents = await find_parents(session, runs)
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
            parent = parent_name(run)
            if parent and run.uid not in parents and (run.uid, "Run") not in self._asked:
                unready[run.uid] = Unready("Run", run.namespace, parent, "ParentNotFound")
                continue
            decision = _decide(run, automation, definition, missing_engine)
            admissions.append(_following(Admission(run, automation, definition, decision, new_id()), parents))
        return await self._insert(session, _one_child_each(admissions)) if admissions else ()

    async def _automations(self, session: AsyncSession, runs: Sequence[RunSeen]) -> dict[tuple[str, str], Any]:
        wanted = {(run.namespace, run.spec["automationRef"]["name"]) for run in runs}
        namespaces, names = zip(*sorted(wanted), strict=True)
        rows = await session.execute(_AUTOMATIONS, {"namespaces": list(namespaces), "names": list(names)})
        return {(row.tenant_id, row.name): row for row in rows}

    async def _insert(self, session: AsyncSession, admissions: Sequence[Admission]) -> Sequence[Admission]:
        born: set[UUID] = set()
        for actor, group in _by_actor(admissions, lambda each: each.run.created_by):
            await statements.act_as(session, actor)
            keys = await statements.insert_runs(
                session, [run_row(each) for each in group], linger=LINGER.total_seconds()
            )
            fanned = [
                each for each in group if each.id in keys and isinstance(each.decision, Plan) and each.decision.batches
            ]
            if fanned:
                await self._insert_units(session, fanned)
            born |= keys
        new = [each for each in admissions if each.id in born]
        cancelled = [each for each in new if each.run.spec.get("state") == "Cancelled"]
        if cancelled:
            await self._cancel(session, [(each.run, each.id) for each in cancelled])
        await self._end(session, [each.id for each in new if each.run.deleting_since and ends_with_object(each)])
        await release(session, [each.id for each in new if isinstance(each.decision, Plan) and not goes_whole(each)])
        return new

    async def _insert_units(self, session: AsyncSession, admissions: Sequence[Admission]) -> None:
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
                    own_batches.append(batch_row(key, each, batch))
                    own_items.extend(item_rows(key, batch))
                execution = new_id()
                executions.append(execution_row(execution, each, key, batch))
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
            "actors": [actor_of(run.state_by) for run, _ in changed],
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

    async def _end(self, session: AsyncSession, runs: Sequence[UUID]) -> None:
        """
        Cancel what is under way of Runs that are deleted; where that was asked for already, nothing is new.

        Nobody stamps who deletes: nobody is named for it, least of all who else was at work in this batch.
        """
        if not runs:
            return
        await statements.act_as(session, None)
        asked = await cancel.request(
            session,
            runs,
            cause="Cancelled",
            reasons=["the Run was deleted (deletionPolicy: Cancel)"] * len(runs),
            actors=[None] * len(runs),
            linger=LINGER,
        )
        if asked:
            await self._settler.stop(session, asked, cause="Cancelled")

    async def _let_go(self, session: AsyncSession, uids: Sequence[str]) -> None:
        """
        Follow a deletion: nothing more of the Run is started.

        What is out goes on to its end and is recorded, or is cancelled (``deletionPolicy``).
        """
        rows = (await session.execute(_GONE, {"uids": list(uids)})).all()
        await self._end(session, [row.id for row in rows if row.cancel_on_delete])
        gone = [row.id for row in rows if not row.cancel_on_delete]
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


def _following(each: Admission, parents: Mapping[str, UUID | Refused]) -> Admission:
    """Have an admitted Run follow its parent, or refuse it; one that is refused anyway takes nobody's place."""
    name = parent_name(each.run)
    if name is None or isinstance(each.decision, Refused):
        return each
    parent = parents.get(each.run.uid) or missing_parent(name, each.run.namespace)
    return replace(each, decision=parent) if isinstance(parent, Refused) else replace(each, parent=parent)


def _one_child_each(admissions: Sequence[Admission]) -> Sequence[Admission]:
    """Refuse all but the first of those that would follow the same Run."""
    first: dict[UUID, str] = {}
    chosen = []
    for each in admissions:
        if each.parent and first.setdefault(each.parent, each.run.uid) != each.run.uid:
            child = next(other.run.name for other in admissions if other.run.uid == first[each.parent])
            chosen.append(replace(each, parent=None, decision=taken_parent(parent_name(each.run) or "", child)))
        else:
            chosen.append(each)
    return chosen


def _by_actor(things: Sequence[T], name: Callable[[T], str | None]) -> Iterator[tuple[str | None, list[T]]]:
    """Group *things* by who did them: a batch is mostly one person's."""
    actors = {actor_of(name(each)) for each in things}
    for actor in sorted(actors, key=lambda each: each or ""):
        yield actor, [each for each in things if actor_of(name(each)) == actor]
