"""Databases with the schema, and a small world in them."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

import psycopg
import pytest
from owned_databases import template
from psycopg import sql

from baton_migrations.runner import migrate
from baton_models import (
    AutomationModel,
    BatchExecutionModel,
    BatchModel,
    ExecutionStatus,
    ItemExecutionModel,
    ItemModel,
    RunModel,
    RunProgressModel,
)
from baton_models.database import DatabaseConfig

TENANT = "team-a"


@pytest.fixture(scope="session")
def migrated_template(postgres_of: Callable[[int], str]) -> Iterator[str]:
    """The name of a migrated database of PostgreSQL 18 to make copies of."""
    with template(postgres_of(18), migrated) as (name, _):
        yield name


def migrated(url: str) -> None:
    migrate(url, progress=lambda _: None)


@pytest.fixture
def store_url(new_database: Callable[..., str], migrated_template: str) -> str:
    """A migrated database of the test's own."""
    return new_database(template=migrated_template)


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[DatabaseConfig]:
    """A migrated database of the test's own, and its pools."""
    config = DatabaseConfig(store_url)
    yield config
    config.dispose_engine()
    await config.dispose_async_engine()


@pytest.fixture
def connection(store_url: str) -> Iterator[psycopg.Connection]:
    """A plain connection to the test's database; each statement is a transaction."""
    with psycopg.connect(store_url, autocommit=True) as opened:
        yield opened


@dataclass(frozen=True)
class World:
    """One automation with a run of one batch of three items; all of it waits."""

    automation_id: UUID
    batch_id: UUID
    run_id: UUID
    batch_execution_id: UUID
    item_ids: list[UUID]
    execution_ids: list[UUID]


@pytest.fixture
def world(database: DatabaseConfig) -> World:
    """One automation with a run of one batch of three items; all of it waits; items are counted."""
    with database.get_session() as session:
        automation = AutomationModel(tenant_id=TENANT, name="import")
        batch = BatchModel(automation=automation, name="north", payload={"region": "north"})
        items = [ItemModel(batch=batch, sequence_number=place, payload={"place": place}) for place in range(3)]
        run = RunModel(automation=automation, tenant_id=TENANT, name="import-1", status=ExecutionStatus.PENDING)
        session.add_all([automation, batch, *items, run])
        session.flush()
        session.add(RunProgressModel(run_id=run.id, units="Item"))
        session.flush()
        batch_execution = BatchExecutionModel(run=run, batch=batch, status=ExecutionStatus.PENDING)
        executions = [
            ItemExecutionModel(run=run, batch_execution=batch_execution, item=item, status=ExecutionStatus.PENDING)
            for item in items
        ]
        session.add_all([batch_execution, *executions])
        session.commit()
        return World(
            automation.id,
            batch.id,
            run.id,
            batch_execution.id,
            [item.id for item in items],
            [execution.id for execution in executions],
        )


@pytest.fixture
def set_status(connection: psycopg.Connection) -> Callable[..., None]:
    """Moves rows of a table: ``set_status("run", ids, "FAILED", reason="TimedOut")``."""

    def move(table: str, ids: list[UUID], status: str, *, reason: str | None = None) -> None:
        statement = sql.SQL(
            "UPDATE {} SET status = %s, status_reason = %s, version = version + 1 WHERE id = ANY(%s)"
        ).format(sql.Identifier(table))
        connection.execute(statement, (status, reason, ids))

    return move
