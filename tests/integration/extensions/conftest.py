"""A small extension's tables in a database that belongs to a role as row-level security binds it."""

import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
import pytest
from owned_databases import template
from shop_models import TABLES

from baton_migrations.chains import engine_chain
from baton_migrations.runner import migrate
from baton_models import TASK_SETTINGS, AutomationModel, ExecutionStatus, RunModel
from baton_models.database import DatabaseConfig, TextSession
from baton_models.extension_guards import guard_table

TENANT = "team-a"


@pytest.fixture(scope="session")
def shop_template(postgres_of, plain_role) -> Iterator[str]:
    """The name of a migrated database with the shop's tables, of the plain role."""
    with template(postgres_of(18), make_shop, owner=plain_role(18)) as (name, _):
        yield name


def make_shop(url: str) -> None:
    """Migrate, and make the shop's tables as a revision does, guarded by what the migrations brought."""
    migrate(url, progress=lambda _: None, chains=[engine_chain()])
    config = DatabaseConfig(url)
    with config.sa_engine.begin() as connection:
        for table in TABLES:
            table.create(connection)
            guard_table(connection, table.name)
    config.dispose_engine()


@pytest.fixture
def shop_url(new_database: Callable[..., str], shop_template: str) -> str:
    """A migrated database of the test's own, with the shop's tables, as its owner."""
    return new_database(template=shop_template, owned=True)


@pytest.fixture
async def shop(shop_url: str) -> AsyncIterator[DatabaseConfig]:
    """The database, and its pools."""
    config = DatabaseConfig(shop_url)
    yield config
    config.dispose_engine()
    await config.dispose_async_engine()


@pytest.fixture
def psql(shop_url: str) -> Iterator[psycopg.Connection]:
    """A person's session: each statement is a transaction."""
    with psycopg.connect(shop_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def new_run(shop: DatabaseConfig) -> Callable[..., UUID]:
    """Makes runs: ``new_run(parent=…, action="correct")`` is PROCESSING; gives the id."""
    automations: list[UUID] = []

    def make(
        parent: UUID | None = None, action: str | None = None, status: ExecutionStatus = ExecutionStatus.PROCESSING
    ) -> UUID:
        with shop.get_session() as session:
            if not automations:
                automation = AutomationModel(tenant_id=TENANT, name="purchase")
                session.add(automation)
                session.flush()
                automations.append(automation.id)
            run = RunModel(automation_id=automations[0], tenant_id=TENANT, name=f"purchase-{uuid.uuid4().hex[:8]}")
            run.status, run.parent_run_id, run.action, run.created_by = status, parent, action, "ada"
            session.add(run)
            session.commit()
            return run.id

    return make


@pytest.fixture
def task_of(shop: DatabaseConfig) -> Callable[..., object]:
    """Opens sessions as the tasks of a run have them: by the run's id and the tables that they declare."""

    @contextmanager
    def opened(run_id: UUID | None, *tables: str) -> Iterator[TextSession]:
        with shop.get_session() as session:
            settings = {"tables": ",".join(tables), "run": str(run_id or ""), "actor": "task"}
            session.execute(TASK_SETTINGS, settings)
            yield session

    return opened
