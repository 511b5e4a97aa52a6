"""A site with data models of its own, in a database that belongs to a plain role, and Runs that may touch them."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from shutil import copy
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import text, update

from baton_models import DispatchAttemptModel, OrchestrationInstanceModel, WorkflowDefinitionModel, new_id
from baton_operator.engines.embedded.adapter import external_id
from baton_operator.local.postgres import as_role, create_database, create_role, drop_database, drop_role

HERE = Path(__file__).parent
#: Makes Baton's tables and the site's, as the role that will use them; in a process of its own, because the metadata
#: is one for a process.
_MAKE = """
import sys, models_of_acme
from baton_models import Base
from baton_models.database import DatabaseConfig
Base.metadata.create_all(DatabaseConfig(sys.argv[1]).sa_engine)
"""
_RUN_OF = text("SELECT run_id FROM dispatch_attempt WHERE token = :token")
_BEGIN = text("UPDATE run SET status = 'PROCESSING', status_reason = 'Running', version = version + 1 WHERE id = :run")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as pip would leave it: a package with models and tasks."""
    folder = tmp_path_factory.mktemp("site")
    info = folder / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[baton.tasks]\nacme = tasks_of_acme\n[baton.models]\nacme = models_of_acme\n"
    )
    for module in ("models_of_acme.py", "tasks_of_acme.py"):
        copy(HERE / module, folder)
    return folder


@pytest.fixture(scope="module")
def shared_database(postgres_server: str, site: Path) -> Iterator[str]:
    """A database of a plain role, with Baton's tables and the site's: row-level security binds no superuser."""
    name = f"test_{uuid.uuid4().hex}"
    create_role(postgres_server, name, name)
    url = as_role(create_database(postgres_server, name, owner=name), name, name)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *sys.path])}
    subprocess.run([sys.executable, "-c", _MAKE, url], env=environ, check=True)
    yield url
    drop_database(postgres_server, name)
    drop_role(postgres_server, name)


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
def books(postgres_server: str, shared_database: str) -> Books:
    """The administrator's view."""
    return Books(postgres_server.rpartition("/")[0] + urlsplit(shared_database).path)


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
