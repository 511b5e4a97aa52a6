"""A small, healthy world: one automation, three runs in different places, made as Baton makes them."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from baton_migrations.runner import migrate
from baton_models import (
    AttemptState,
    AutomationModel,
    BatchExecutionModel,
    BatchModel,
    DispatchAttemptModel,
    EngineHealthModel,
    EngineModel,
    ExecutionStatus,
    ItemExecutionModel,
    ItemModel,
    OrchestrationInstanceModel,
    RunModel,
    RunOrchestrationModel,
    RunProgressModel,
    WorkflowDefinitionModel,
)
from baton_models.database import DatabaseConfig
from baton_operator.invariants import LedgerEntry
from baton_operator.local.postgres import create_database, drop_database

PENDING, PROCESSING, COMPLETED = ExecutionStatus.PENDING, ExecutionStatus.PROCESSING, ExecutionStatus.COMPLETED


@dataclass
class World:
    """
    What is in the database.

    Attributes:
        done: Token of the attempt of each item of the run ``done``, which is over.
        live: Token of the attempt of the run ``live``, which is under way in the engine.
        ledger: The engine's own books.
    """

    database: DatabaseConfig
    done: list[str] = field(default_factory=list)
    live: str = ""
    ledger: list[LedgerEntry] = field(default_factory=list)

    def break_(self, *statements: str) -> None:
        """Change rows past every trigger and foreign key, as only a superuser can."""
        with self.database.get_session() as session:
            session.execute(text("SET session_replication_role = replica"))
            for statement in statements:
                assert session.execute(text(statement)).rowcount, f"changed nothing: {statement}"
            session.commit()


@pytest.fixture(scope="session")
def healthy(postgres_server: str) -> Iterator[tuple[str, World]]:
    """The healthy world, made once a session: the name of its database, and what is in it."""
    name = f"healthy_{uuid.uuid4().hex}"
    database = DatabaseConfig(create_database(postgres_server, name), pool_size=1)
    migrate(database.database_url, progress=lambda _: None)
    made = World(database)
    with database.get_session() as session:
        fill(session, made)
        session.commit()
    database.dispose_engine()
    yield name, made
    drop_database(postgres_server, name)


@pytest.fixture
def world(healthy: tuple[str, World], new_database: Callable[..., str]) -> Iterator[World]:
    """The healthy world in a database of the test's own, to be broken."""
    template, original = healthy
    database = DatabaseConfig(new_database(template=template), pool_size=1)
    yield replace(original, database=database)
    database.dispose_engine()
    asyncio.run(database.dispose_async_engine())


def fill(session: Session, world: World) -> None:
    engine = EngineModel(tenant_id="team-a", uid="e1", name="argo", type="Argo", spec={})
    engine.health = EngineHealthModel(ready_reason="ProbeSucceeded")
    automation = AutomationModel(tenant_id="team-a", uid="a1", name="fleet", spec={})
    session.add_all([engine, automation])
    session.flush()
    definition = WorkflowDefinitionModel(automation_id=automation.id, name="fleet", version=1, definition_json={})
    batch = BatchModel(automation_id=automation.id, name="canary")
    batch.items = [ItemModel(sequence_number=number, payload={"host": f"h{number}"}) for number in range(2)]
    session.add_all([definition, batch])
    session.flush()

    def run(name: str, per: str) -> RunModel:
        made = RunModel(
            tenant_id="team-a",
            uid=f"uid-{name}",
            name=name,
            automation_id=automation.id,
            definition_id=definition.id,
            engine_id=engine.id,
            per=per,
            token_hex=uuid.uuid4().hex,
            status=PENDING,
            status_reason="Queued",
            max_attempts=2,
        )
        session.add(made)
        session.flush()
        return made

    _complete(session, world, run("done", "Item"), engine, batch)
    _begin(session, world, run("live", "Run"), engine)
    _wait(session, run("waiting", "Run"), engine)
    session.flush()
    session.execute(text("UPDATE run SET released_at = now(), projected_version = version, projected_at = now()"))
    session.execute(text("UPDATE engine_health SET next_poll_at = now()"))


def _attempt(session: Session, run: RunModel, engine: EngineModel, stem: str, **more: object) -> DispatchAttemptModel:
    made = DispatchAttemptModel(
        run_id=run.id, engine_id=engine.id, tenant_id=run.tenant_id, attempt_no=1, token=f"baton-{stem}-a1", **more
    )
    session.add(made)
    session.flush()
    return made


def _send(session: Session, attempt: DispatchAttemptModel, run: RunModel) -> OrchestrationInstanceModel:
    instance = OrchestrationInstanceModel(
        engine_id=attempt.engine_id, external_id=f"argo/{attempt.token}", status=PENDING, status_reason="Dispatched"
    )
    session.add(instance)
    session.flush()
    session.add(RunOrchestrationModel(run_id=run.id, orchestration_instance_id=instance.id, attached_at=run.created_at))
    attempt.state, attempt.sends, attempt.first_sent_at = AttemptState.ACKED, 1, run.created_at
    attempt.orchestration_instance_id = instance.id
    session.flush()
    _move(session, instance, PROCESSING)
    return instance


def _move(session: Session, row: object, status: ExecutionStatus) -> None:
    row.status, row.status_reason = status, {"PROCESSING": "Running", "COMPLETED": "Succeeded"}[status.value]
    now = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    row.started_at = row.started_at or now
    row.finished_at = now if status.is_finished else None
    session.flush()


def _complete(session: Session, world: World, run: RunModel, engine: EngineModel, batch: BatchModel) -> None:
    batch_run = BatchExecutionModel(run_id=run.id, batch_id=batch.id, token_hex=uuid.uuid4().hex, status=PENDING)
    session.add_all([RunProgressModel(run_id=run.id, units="Item"), batch_run])
    session.flush()
    for moving in (run, batch_run):
        _move(session, moving, PROCESSING)
    for item in batch.items:
        unit = ItemExecutionModel(
            run_id=run.id,
            batch_execution_id=batch_run.id,
            item_id=item.id,
            token_hex=uuid.uuid4().hex,
            status=PENDING,
            max_attempts=2,
        )
        session.add(unit)
        session.flush()
        attempt = _attempt(
            session, run, engine, unit.token_hex, batch_execution_id=batch_run.id, item_execution_id=unit.id
        )
        _move(session, unit, PROCESSING)
        instance = _send(session, attempt, run)
        _move(session, instance, COMPLETED)
        _move(session, unit, COMPLETED)
        attempt.state = AttemptState.CLOSED
        world.done.append(attempt.token)
        world.ledger.append(LedgerEntry(attempt.token, instance.external_id, finished=True))
    for moving in (batch_run, run):
        _move(session, moving, COMPLETED)


def _begin(session: Session, world: World, run: RunModel, engine: EngineModel) -> None:
    attempt = _attempt(session, run, engine, run.token_hex)
    _move(session, run, PROCESSING)
    instance = _send(session, attempt, run)
    world.live = attempt.token
    world.ledger.append(LedgerEntry(attempt.token, instance.external_id))


def _wait(session: Session, run: RunModel, engine: EngineModel) -> None:
    _attempt(session, run, engine, run.token_hex, due_at=run.created_at)
