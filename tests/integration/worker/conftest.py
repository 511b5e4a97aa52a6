"""A database with Baton's tables, a queue to put tasks into, and real workers to run them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from laid_out import lay_out
from sqlalchemy import text

from baton_models import (
    AttemptState,
    AutomationModel,
    Base,
    DispatchAttemptModel,
    EngineModel,
    ExecutionStatus,
    RunModel,
    new_id,
)
from baton_models.database import DatabaseConfig
from baton_operator.engines.base import EngineSpec, Observation, Problem, Reference, SubmitRequest
from baton_operator.engines.embedded.adapter import EmbeddedAdapter, external_id, wake_workers
from baton_operator.engines.options import LogPage
from baton_operator.local.postgres import create_database, drop_database

HERE = Path(__file__).parent
#: Seconds that a task may take: worker and child start for it, which costs seconds of a core that others have, too.
PATIENCE = 180.0

#: What a worker's environment may hold and no task may see, and one thing that tasks are to see.
CANARIES = {
    "ARGO_TOKEN": "canary",
    "KUBECONFIG": "/canary",
    "PGPASSWORD": "canary",
    "BATON_TASK_REGION": "eu",
}


class AnyTask:
    """A directory that knows nothing, so the worker's own word is what counts."""

    async def problem(self, task: str, arguments: object) -> Problem | None:
        """Know nothing against it."""
        return None


class Queue:
    """One Engine of type Embedded, and the Runs that go to it."""

    def __init__(self, database: DatabaseConfig) -> None:
        self.database = database
        self.engine_id, self.automation_id = new_id(), new_id()
        self.trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        self.spec = EngineSpec(self.engine_id, "team", "tasks", "Embedded", 1, {"type": "Embedded"})
        self.adapter = EmbeddedAdapter(self.spec, database.get_async_session, AnyTask())

    async def open(self) -> None:
        """Make the Engine and an Automation."""
        async with self.database.get_async_session() as session:
            session.add(
                EngineModel(id=self.engine_id, tenant_id="team", name=f"tasks-{self.engine_id}", type="Embedded")
            )
            session.add(AutomationModel(id=self.automation_id, tenant_id="team", name=f"auto-{self.engine_id}"))
            await session.commit()

    async def put(self, task: str, *, limit: float | None = None, acked: bool = True, **arguments: Any) -> str:
        """Hand over one task as dispatch does; return its token."""
        (token,) = await self.put_many([(task, arguments)], limit=limit, acked=acked)
        return token

    async def put_many(
        self, tasks: list[tuple[str, dict[str, Any]]], *, limit: float | None = None, acked: bool = True
    ) -> list[str]:
        """Hand over many tasks in one go; return their tokens."""
        runs = [self._run() for _ in tasks]
        attempts = [self._attempt(run) for run in runs]
        async with self.database.get_async_session() as session:
            session.add_all(runs)
            await session.flush()
            session.add_all(attempts)
            await session.commit()
        requests = [
            self.request(each.token, task, arguments, timeout=limit)
            for each, (task, arguments) in zip(attempts, tasks, strict=True)
        ]
        await self.adapter.submit_batch(requests)
        if acked:
            await self.acknowledge([each.token for each in attempts])
        return [each.token for each in attempts]

    async def acknowledge(self, tokens: list[str]) -> None:
        """Record as dispatch does that the engine has accepted *tokens*."""
        async with self.database.get_async_session() as session:
            await session.execute(
                text("UPDATE dispatch_attempt SET state = 'ACKED' WHERE token = ANY(:tokens)"), {"tokens": tokens}
            )
            await wake_workers(session)
            await session.commit()

    def request(self, token: str, task: str, arguments: Mapping[str, Any], **more: Any) -> SubmitRequest:
        """Make the request that dispatch would make."""
        return SubmitRequest(token, "f" * 64, "uid", "run", "team", {"task": task}, arguments, **more)

    def _run(self) -> RunModel:
        return RunModel(
            id=new_id(),
            automation_id=self.automation_id,
            tenant_id="team",
            uid=str(uuid.uuid4()),
            name="nightly",
            trace_context=self.trace,
            status=ExecutionStatus.PROCESSING,
        )

    def _attempt(self, run: RunModel) -> DispatchAttemptModel:
        return DispatchAttemptModel(
            run_id=run.id,
            engine_id=self.engine_id,
            attempt_no=1,
            token=f"baton-{uuid.uuid4().hex}-a1",
            state=AttemptState.SENT,
        )

    def reference(self, token: str) -> Reference:
        """Name the execution of *token*."""
        return Reference(external_id(token), token)

    async def look(self, token: str) -> Observation:
        """See how *token* stands."""
        seen = await self.adapter.look(self.reference(token))
        assert seen is not None
        return seen

    async def ended(self, token: str, *, within: float = PATIENCE) -> Observation:
        """Wait until *token* has ended."""
        return await self.until(token, lambda seen: seen.native not in {"queued", "running"}, within=within)

    async def until(self, token: str, holds: Callable[[Observation], bool], *, within: float = PATIENCE) -> Observation:
        """Wait until what is seen of *token* fits."""
        deadline = time.monotonic() + within
        while not holds(seen := await self.look(token)):
            assert time.monotonic() < deadline, f"{seen}\n{await self.log(token)}"
            await asyncio.sleep(0.02)
        return seen

    async def log(self, token: str) -> str:
        """Read all lines."""
        return (await self.page(token)).text

    async def page(self, token: str, cursor: str | None = None) -> LogPage:
        """Read on from *cursor*."""
        return await self.adapter.logs(self.reference(token), cursor)

    async def says(self, token: str, line: str, *, within: float = PATIENCE) -> None:
        """Wait until the task has said *line*."""
        deadline = time.monotonic() + within
        while line not in (said := await self.log(token)):
            assert time.monotonic() < deadline, (said, await self.look(token))
            await asyncio.sleep(0.02)

    async def cell(self, token: str, column: str) -> Any:
        """Read one column of the task's row."""
        async with self.database.get_async_session() as session:
            return await session.scalar(text(f"SELECT {column} FROM embedded_task WHERE token = :t"), {"t": token})


@pytest.fixture(scope="module")
def shared_database(postgres_server: str) -> Iterator[str]:
    """A database with Baton's tables, for all tests of a module: each has an Engine of its own."""
    name = f"test_{uuid.uuid4().hex}"
    url = create_database(postgres_server, name)
    database = DatabaseConfig(url)
    with database.sa_engine.begin() as connection:
        Base.metadata.create_all(connection)
    database.dispose_engine()
    yield url
    drop_database(postgres_server, name)


@pytest.fixture
async def queue(shared_database: str) -> AsyncIterator[Queue]:
    """An Engine of the test's own."""
    database = DatabaseConfig(shared_database)
    queue = Queue(database)
    await queue.open()
    yield queue
    await database.dispose_async_engine()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as pip would leave it: a package of a site with an entry point of the group ``baton.tasks``."""
    points = ("baton.tasks: site = tasks_of_a_site\nbroken = not_there_at_all",)
    return lay_out(tmp_path_factory.mktemp("site"), "site-tasks", [HERE / "tasks_of_a_site.py"], *points)


class Worker:
    """A running `baton-worker`."""

    def __init__(self, log: Path, options: Sequence[str], environ: Mapping[str, str]) -> None:
        self.log = log
        command = [sys.executable, "-m", "baton_operator.worker", *options]
        with log.open("wb") as stream:
            self.process = subprocess.Popen(command, env={**os.environ, **CANARIES, **environ}, stderr=stream)

    def children(self) -> list[int]:
        """Process ids of the child processes, read from the system."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def stop(self, within: float = 60) -> int:
        """Send SIGTERM; return the exit status."""
        self.process.terminate()
        return self.process.wait(within)

    def kill(self) -> None:
        """Leave nothing of it, whatever state it is in."""
        if self.process.poll() is None:
            for pid in [self.process.pid, *self.children()]:
                os.kill(pid, signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        sys.stdout.write(self.log.read_text())


@contextmanager
def workers(database_url: str, site: Path, folder: Path) -> Iterator[Callable[..., Worker]]:
    """Lend a function that starts workers; all of them are gone afterwards, with their children."""
    started: list[Worker] = []

    def start(*, concurrency: int = 1, lease: float = 15, grace: float = 20, **environ: str) -> Worker:
        options = [f"--concurrency={concurrency}", f"--lease={lease}", f"--grace={grace}"]
        path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
        given = {"BATON_DATABASE_URL": database_url, "PYTHONPATH": path, "BATON_LOG_FORMAT": "json"}
        started.append(Worker(folder / f"worker-{len(started)}.log", options, {**given, **environ}))
        return started[-1]

    try:
        yield start
    finally:
        for each in started:
            each.kill()


@pytest.fixture
def start_worker(shared_database: str, site: Path, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts workers for one test."""
    with workers(shared_database, site, tmp_path) as start:
        yield start


@pytest.fixture
def own_worker(start_worker: Callable[..., Worker]) -> Worker:
    """One worker with one child, for a test that hurts it."""
    return start_worker()


@pytest.fixture(scope="module")
def worker(shared_database: str, site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """One worker with one child, for all tests of a module."""
    with workers(shared_database, site, tmp_path_factory.mktemp("worker")) as start:
        yield start()
