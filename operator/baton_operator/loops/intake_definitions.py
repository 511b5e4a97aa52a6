"""Engines and Automations become rows: upserted by uid and generation, their versions and batches kept."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models import (
    AutomationModel,
    BatchModel,
    EngineHealthModel,
    EngineModel,
    ItemModel,
    WorkflowDefinitionModel,
    new_id,
)
from baton_models.errors import UncleanPayloadError
from baton_models.payload import check_payload, cleaned, clip_identifier
from baton_models.statements.health import reset_limits
from baton_operator.decide.definition import Definition, InvalidDefinitionError, fits, read_definition
from baton_operator.kube.errors import KubeError
from baton_operator.kube.resources import AutomationSeen, EngineSeen, Seen
from baton_operator.loops.loop import Bell
from baton_operator.loops.parts import Parts

#: A new uid under a name puts the row of the old one out of use: a deletion that the watch missed blocks no name.
_RETIRE = """
UPDATE {table} SET is_active = false, version = version + 1, updated_at = now()
WHERE tenant_id = :namespace AND name = :name AND is_active AND uid IS DISTINCT FROM :uid
"""
_RETIRE_ENGINE = text(_RETIRE.format(table="engine"))
_RETIRE_AUTOMATION = text(_RETIRE.format(table="automation"))


#: An Engine that was made anew under its name takes over what its predecessor was never sent.
_HAND_OVER_ATTEMPTS = text("""
UPDATE dispatch_attempt d SET engine_id = :key FROM engine e
WHERE e.id = d.engine_id AND e.tenant_id = :namespace AND e.name = :name AND e.id <> :key
  AND d.state = 'INTENT' AND d.sends = 0
""")
_HAND_OVER_RUNS = text("""
UPDATE run r SET engine_id = :key FROM engine e
WHERE e.id = r.engine_id AND e.tenant_id = :namespace AND e.name = :name AND e.id <> :key
  AND r.status IN ('PENDING', 'PROCESSING', 'RETRYING')
""")

_HAND_OVER_AUTOMATIONS = text("""
UPDATE automation a SET engine_id = :key FROM engine e
WHERE e.id = a.engine_id AND e.tenant_id = :namespace AND e.name = :name AND e.id <> :key AND a.is_active
""")


class DefinitionIntake:
    """Takes in Engines and Automations, one at a time: they are few."""

    def __init__(self, parts: Parts, followers: Sequence[Bell]) -> None:
        self._store = parts.store
        self._kube = parts.kube
        self._definitions = parts.definitions
        self._followers = followers

    async def take(self, seen: Seen) -> None:
        """Take in one Engine or Automation, or its end."""
        if isinstance(seen, EngineSeen):
            await self._store.run(lambda session: self._engine(session, seen))
        elif isinstance(seen, AutomationSeen):
            owner = None if seen.is_gone else seen.spec.get("engineRef", {}).get("namespace")
            labels = await self._labels(owner, seen.namespace)
            await self._store.run(lambda session: self._automation(session, seen, labels))
        for bell in self._followers:
            bell.ring()

    async def resolve_again(self, namespace: str, name: str) -> None:
        """Find the engine of an Automation again, now that it is known to the rows."""

        async def read(session: AsyncSession) -> Any:
            columns = (AutomationModel.id, AutomationModel.spec)
            wanted = (AutomationModel.tenant_id == namespace, AutomationModel.name == name, AutomationModel.is_active)
            return (await session.execute(select(*columns).where(*wanted))).one_or_none()

        row = await self._store.run(read)
        if row is None:
            return
        definition = read_definition(row.spec, namespace, name)
        labels = await self._labels(definition.engine[0], namespace)

        async def write(session: AsyncSession) -> None:
            engine, reason, message = await resolve_engine(session, definition, namespace, labels)
            found = {"engine_id": engine.id if engine else None, "ready_reason": reason, "ready_message": message}
            changed = update(AutomationModel).where(AutomationModel.id == row.id)
            await session.execute(changed.values(**found, project_at=func.now()))

        await self._store.run(write)

    async def _engine(self, session: AsyncSession, seen: EngineSeen) -> None:
        if seen.is_gone:
            await session.execute(
                update(EngineModel).where(EngineModel.uid == seen.uid).values(is_active=False, project_at=None)
            )
            return
        await session.execute(_RETIRE_ENGINE, {"namespace": seen.namespace, "name": seen.name, "uid": seen.uid})
        values = _values(seen) | {"type": seen.spec["type"]}
        key = await _upsert(session, EngineModel, values)
        if key is None:
            return
        await session.execute(
            insert(EngineHealthModel)
            .values(engine_id=key, next_probe_at=func.now())
            .on_conflict_do_update(index_elements=["engine_id"], set_={"next_probe_at": func.now()})
        )
        await reset_limits(session, key)
        for statement in (_HAND_OVER_ATTEMPTS, _HAND_OVER_RUNS, _HAND_OVER_AUTOMATIONS):
            await session.execute(statement, {"key": key, "namespace": seen.namespace, "name": seen.name})
        # Automations that were waiting for this engine, or for its permission, are resolved again.
        await session.execute(
            update(AutomationModel)
            .where(AutomationModel.is_active, AutomationModel.spec["engineRef"]["name"].astext == seen.name)
            .where(
                func.coalesce(AutomationModel.spec["engineRef"]["namespace"].astext, AutomationModel.tenant_id)
                == seen.namespace
            )
            .values(next_check_at=func.now(), project_at=func.now())
        )

    async def _automation(self, session: AsyncSession, seen: AutomationSeen, labels: Mapping[str, str] | None) -> None:
        if seen.is_gone:
            await self._retire(session, seen.uid)
            return
        await session.execute(_RETIRE_AUTOMATION, {"namespace": seen.namespace, "name": seen.name, "uid": seen.uid})
        definition, reason, message = _read(seen)
        engine = None
        if definition:
            engine, reason, message = await resolve_engine(session, definition, seen.namespace, labels)
        spec = storable(seen.spec)
        values = _values(seen) | {
            "description": spec.get("description"),
            "batch_schema": spec.get("batchSchema"),
            "item_schema": spec.get("itemSchema"),
            "engine_id": engine.id if engine else None,
            "max_active": spec.get("concurrency", {}).get("max"),
            "spec_hash": _hash(spec),
            "ready_reason": reason,
            "ready_message": message,
            "target_reason": None,
            "target_message": None,
            "next_check_at": func.now(),
        }
        key = await _upsert(session, AutomationModel, values)
        if key is None or definition is None:
            return
        await self._keep_version(session, key, seen, definition)
        await _sync_batches(session, key, definition)

    async def _keep_version(
        self, session: AsyncSession, key: UUID, seen: AutomationSeen, definition: Definition
    ) -> None:
        version = insert(WorkflowDefinitionModel).values(
            id=new_id(), automation_id=key, name=seen.name, version=seen.generation, definition_json=seen.spec
        )
        answer = await session.execute(
            version.on_conflict_do_nothing(index_elements=["automation_id", "version"]).returning(
                WorkflowDefinitionModel.id
            )
        )
        kept = answer.scalar_one_or_none()
        if kept:
            self._definitions.keep(kept, definition)

    async def _retire(self, session: AsyncSession, uid: str) -> None:
        """Put an Automation, its batches and items out of use; its runs stay readable."""
        answer = await session.execute(
            update(AutomationModel)
            .where(AutomationModel.uid == uid)
            .values(is_active=False, project_at=None)
            .returning(AutomationModel.id)
        )
        key = answer.scalar_one_or_none()
        if key:
            await _retire_batches(session, key)

    async def _labels(self, owner: str | None, namespace: str) -> Mapping[str, str] | None:
        """Read the namespace's labels where another namespace's engine may ask for them; None if nobody can say."""
        if owner in {None, namespace}:
            return None
        try:
            return await self._kube.namespace_labels(namespace)
        except KubeError:
            return None


async def resolve_engine(
    session: AsyncSession, definition: Definition, namespace: str, labels: Mapping[str, str] | None
) -> tuple[EngineModel | None, str, str | None]:
    """
    Find the engine that an Automation names, if it may use it.

    Args:
        labels: Of the Automation's namespace; None where they are not known.

    Returns:
        The engine or None, the Automation's ``Ready`` reason, and a message.
    """
    owner, name = definition.engine
    engine = await session.scalar(
        select(EngineModel).where(EngineModel.tenant_id == owner, EngineModel.name == name, EngineModel.is_active)
    )
    if owner != namespace and not (engine and _permits(engine.spec, labels)):
        message = (
            f"spec.engineRef: Engine {owner}/{name} does not allow namespace {namespace}: "
            "its spec.allowedNamespaces must select this namespace's labels"
        )
        return None, "RefNotPermitted", message
    if engine is None:
        return None, "EngineNotFound", f"spec.engineRef: there is no Engine {name!r} in namespace {owner!r}"
    if not fits(definition.arm, engine.type):
        message = f"spec.target.{definition.arm}: does not fit Engine {owner}/{name}, which is of type {engine.type}"
        return None, "TargetNotFound", message
    return engine, "Valid", None


def _permits(spec: Mapping[str, Any], labels: Mapping[str, str] | None) -> bool:
    wanted = (spec.get("allowedNamespaces") or {}).get("selector", {}).get("matchLabels")
    return bool(wanted) and labels is not None and wanted.items() <= labels.items()


def _read(seen: AutomationSeen) -> tuple[Definition | None, str, str | None]:
    try:
        check_payload(dict(seen.spec), "spec")
        return read_definition(seen.spec, seen.namespace, seen.name), "Valid", None
    except InvalidDefinitionError as error:
        return None, error.reason, str(error)
    except UncleanPayloadError as error:
        return None, "InvalidSchema", str(error)


def _values(seen: Seen) -> dict[str, Any]:
    actor = clip_identifier(cleaned(seen.created_by)[0], 100) if seen.created_by else None
    return {
        "tenant_id": seen.namespace,
        "uid": seen.uid,
        "generation": seen.generation,
        "name": seen.name,
        "spec": storable(seen.spec),
        "suspend": bool(seen.spec.get("suspend", False)),
        "created_by": actor,
        "is_active": True,
        "project_at": func.now(),
    }


def storable(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return *spec* as PostgreSQL can keep it; what cannot be kept is refused elsewhere, with its place."""
    try:
        check_payload(dict(spec), "spec")
    except UncleanPayloadError:
        return {}
    return dict(spec)


async def _upsert(
    session: AsyncSession, model: type[EngineModel] | type[AutomationModel], values: dict[str, Any]
) -> UUID | None:
    """Insert, or update where the generation is newer; None where it is not."""
    statement = insert(model).values(id=new_id(), **values)
    changed = {name: statement.excluded[name] for name in values if name not in {"uid", "created_by"}}
    upsert = statement.on_conflict_do_update(
        index_elements=["uid"],
        set_={**changed, "version": model.version + 1, "updated_at": func.now()},
        where=(model.generation < statement.excluded.generation) | ~model.is_active,
    ).returning(model.id)
    key: UUID | None = await session.scalar(upsert)
    return key


async def _sync_batches(session: AsyncSession, automation: UUID, definition: Definition) -> None:
    """Insert batches that are new or changed; put changed and dropped ones out of use, never edit them."""
    rows = await session.execute(
        select(BatchModel.name, BatchModel.content_hash).where(
            BatchModel.automation_id == automation, BatchModel.is_active
        )
    )
    have = {name: content for name, content in rows}  # noqa: C416 - dict() of rows is not typed
    want = {
        batch["name"]: _hash({"position": position, "batch": batch})
        for position, batch in enumerate(definition.batches)
    }
    stale = [name for name, content in have.items() if want.get(name) != content]
    if stale:
        await _retire_batches(session, automation, stale)
    fresh = [
        (position, batch)
        for position, batch in enumerate(definition.batches)
        if have.get(batch["name"]) != want[batch["name"]]
    ]
    for position, batch in fresh:
        key = new_id()
        await session.execute(
            insert(BatchModel).values(
                id=key,
                automation_id=automation,
                name=batch["name"],
                payload=batch.get("payload"),
                position=position,
                content_hash=want[batch["name"]],
            )
        )
        if batch.get("items"):
            items = [
                {"id": new_id(), "batch_id": key, "sequence_number": number, "payload": item}
                for number, item in enumerate(batch["items"])
            ]
            await session.execute(insert(ItemModel), items)


async def _retire_batches(session: AsyncSession, automation: UUID, names: list[str] | None = None) -> None:
    retired = update(BatchModel).where(BatchModel.automation_id == automation, BatchModel.is_active)
    if names is not None:
        retired = retired.where(BatchModel.name.in_(names))
    keys = list(await session.scalars(retired.values(is_active=False).returning(BatchModel.id)))
    if keys:
        await session.execute(update(ItemModel).where(ItemModel.batch_id.in_(keys)).values(is_active=False))


def _hash(document: Any) -> str:
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()
