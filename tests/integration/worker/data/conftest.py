"""A site with data models of its own, in a database that belongs to a plain role, and Runs that may touch them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from laid_out import lay_out
from owned_databases import owned
from sqlalchemy import text, update

from baton_models import DispatchAttemptModel, OrchestrationInstanceModel, WorkflowDefinitionModel, new_id
from baton_operator.engines.embedded.adapter import external_id

HERE = Path(__file__).parent
#: The entry points of the package.
ACME = ("baton.tasks: acme = tasks_of_acme", "baton.models: acme = models_of_acme")
_RUN_OF = text("SELECT run_id FROM dispatch_attempt WHERE token = :token")
_BEGIN = text("UPDATE run SET status = 'PROCESSING', status_reason = 'Running', version = version + 1 WHERE id = :run")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as pip would leave it: a package with models and tasks."""
    return lay_out(tmp_path_factory.mktemp("site"), "acme", HERE.glob("*_of_acme.py"), *ACME)


@pytest.fixture(scope="module")
def databases(postgres_server: str, site: Path) -> Iterator[tuple[str, str]]:
    """A database of a plain role, with Baton's tables and the site's: as that role, and as the administrator."""
    with owned(postgres_server, site, "models_of_acme") as urls:
        yield urls


@pytest.fixture(scope="module")
def shared_database(databases: tuple[str, str]) -> str:
    """The database as its role, whom row-level security binds."""
    return databases[0]


class Books:
    """What is in the database, read by its administrator."""

    def __init__(self, url: str) -> None:
        self._url = url

    def read(self, statement: str, *values: Any) -> list[Any]:
        """Read rows, at one moment."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            return connection.execute(statement, values).fetchall()

    def lines(self, token: str) -> list[str]:
        """Give the notes of one task."""
        return [line for (line,) in self.read("SELECT line FROM ext_acme_note WHERE token = %s ORDER BY id", token)]

    def run(self, token: str) -> tuple[str, str | None]:
        """Give status and error of one task's Run."""
        ((status, error),) = self.read(
            "SELECT r.status::text, r.error_summary FROM run r JOIN dispatch_attempt a ON a.run_id = r.id "
            "WHERE a.token = %s",
            token,
        )
        return status, error


@pytest.fixture(scope="module")
def books(databases: tuple[str, str]) -> Books:
    """The administrator's view."""
    return Books(databases[1])


@pytest.fixture
def hand(queue: Any) -> Callable[..., Any]:
    """Hands over one Run as intake and dispatch do, its instance recorded; gives its token."""

    async def order(
        task: str,
        *,
        models: Sequence[str] = ("Note",),
        spec: dict[str, Any] | None = None,
        parent: str | None = None,
        action: str | None = None,
        limit: float | None = None,
        **arguments: Any,
    ) -> str:
        target = {"engineRef": {"name": "tasks"}, "target": {"embedded": {"task": task}}, "dataModels": list(models)}
        async with queue.database.get_async_session() as session:
            pinned = WorkflowDefinitionModel(
                id=new_id(),
                automation_id=queue.automation_id,
                name="auto",
                version=uuid.uuid4().int & 0x7FFFFFFF,
                definition_json=target | (spec or {}),
            )
            run = queue._run()
            run.status, run.engine_id, run.action, run.created_by = "PENDING", queue.engine_id, action, "ann"
            run.parent_run_id = await session.scalar(_RUN_OF, {"token": parent}) if parent else None
            run.definition_id = pinned.id
            session.add(pinned)
            await session.flush()
            session.add(run)
            await session.flush()
            attempt = queue._attempt(run)
            session.add(attempt)
            await session.execute(_BEGIN, {"run": run.id})
            await session.commit()
        await queue.adapter.submit(queue.request(attempt.token, task, arguments, timeout=limit))
        async with queue.database.get_async_session() as session:
            instance = OrchestrationInstanceModel(
                id=new_id(), engine_id=queue.engine_id, external_id=external_id(attempt.token), status="PENDING"
            )
            session.add(instance)
            await session.flush()
            sent = update(DispatchAttemptModel).where(DispatchAttemptModel.token == attempt.token)
            await session.execute(sent.values(orchestration_instance_id=instance.id))
            await session.commit()
        await queue.acknowledge([attempt.token])
        token: str = attempt.token
        return token

    return order
