"""
Workers are killed with -9 while their tasks insert one row each, as often as it takes.

A child process is killed at a random moment of a task that it has claimed; from time to time its supervisor with all
children. At the end each task that counts as done has exactly one row, every other one none.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from laid_out import lay_out
from owned_databases import owned
from sqlalchemy import insert

from baton_models import (
    AutomationModel,
    DispatchAttemptModel,
    EmbeddedTaskModel,
    EngineModel,
    OrchestrationInstanceModel,
    RunModel,
    WorkflowDefinitionModel,
    new_id,
)
from baton_models.database import DatabaseConfig

SITE = Path(__file__).parent.parent / "killed_site"
MODELS = "models_of_kills"
#: One kill in so many is the supervisor's; the others take over what it leaves when its lease has run out.
SUPERVISOR = 25
LEASE = 2.0
#: Tasks that wait at least.
AHEAD = 60
PATIENCE = 120.0
#: Seconds into a task within which it is killed: what it does takes about half as long.
WITHIN = 0.06
_RUNNING = "SELECT worker FROM embedded_task WHERE state = 'running'"
_HIT = "SELECT coalesce(sum(crashes), 0) + count(*) FILTER (WHERE error LIKE 'worker%%') FROM embedded_task"
_WAITING = (
    "SELECT count(*) FILTER (WHERE state = 'queued'), count(*) FILTER (WHERE state = 'running') FROM embedded_task"
)
_WRONG = """
SELECT t.token, t.task, t.state, r.status::text, count(d.id) AS rows
FROM embedded_task t JOIN dispatch_attempt a ON a.token = t.token JOIN run r ON r.id = a.run_id
LEFT JOIN ext_kills_done d ON d.token = t.token
GROUP BY t.token, t.task, t.state, r.status
HAVING count(d.id) <> CASE WHEN t.state = 'succeeded' THEN 1 ELSE 0 END
    OR (t.state = 'succeeded') <> (r.status = 'COMPLETED') OR t.state NOT IN ('succeeded', 'failed')
"""
_ENDS = "SELECT state, count(*) FROM embedded_task GROUP BY state"


@dataclass(frozen=True, slots=True)
class Killed:
    """
    What was seen.

    Attributes:
        hits: Kills that met a task.
        ends: Tasks by their state.
        wrong: Tasks whose rows are not what their state says: token, task, state, status of the Run, rows.
    """

    hits: int
    ends: dict[str, int]
    wrong: list[Any]


def install(folder: Path) -> Path:
    """Lay out the site's package as pip would."""
    points = ("baton.tasks: kills = tasks_of_kills", "baton.models: kills = models_of_kills")
    return lay_out(folder, "kills", SITE.glob("*.py"), *points)


@dataclass
class Work:
    """One Engine of type Embedded, and the tasks that wait there."""

    url: str
    random: random.Random
    engine: uuid.UUID = field(default_factory=new_id)
    automation: uuid.UUID = field(default_factory=new_id)
    definition: uuid.UUID = field(default_factory=new_id)
    made: int = 0

    def open(self) -> None:
        """Make Engine, Automation and its version."""
        spec = {"engineRef": {"name": "e"}, "target": {"embedded": {"task": "kills.once"}}, "dataModels": ["Done"]}
        pinned = {"automation_id": self.automation, "name": "a", "version": 1, "definition_json": spec}
        with self._session() as session:
            session.execute(insert(EngineModel).values(id=self.engine, tenant_id="t", name="e", type="Embedded"))
            session.execute(insert(AutomationModel).values(id=self.automation, tenant_id="t", name="a"))
            session.execute(insert(WorkflowDefinitionModel).values(id=self.definition, **pinned))
            session.commit()

    def add(self, count: int, task: str | None = None) -> None:
        """Hand over *count* tasks, as dispatch leaves them; of all three kinds where none is named."""
        rows = [(new_id(), new_id(), f"baton-{uuid.uuid4().hex}-a1") for _ in range(count)]
        shared = {"engine_id": self.engine, "tenant_id": "t"}
        of_run = {**shared, "automation_id": self.automation, "definition_id": self.definition, "status": "PROCESSING"}
        runs = [{"id": run, "uid": str(run), "name": "r", **of_run} for run, _, _ in rows]
        instances = [
            {"id": key, "engine_id": self.engine, "external_id": f"embedded/{token}", "status": "PENDING"}
            for _, key, token in rows
        ]
        attempts = [
            {
                "run_id": run,
                **shared,
                "attempt_no": 1,
                "token": token,
                "state": "ACKED",
                "orchestration_instance_id": key,
            }
            for run, key, token in rows
        ]
        tasks = [
            {
                "engine_id": self.engine,
                "token": token,
                "fingerprint": "",
                "task": task or self.random.choices(["kills.once", "kills.again", "kills.fails"], [5, 5, 1])[0],
                "arguments": {"number": self.made + number},
            }
            for number, (_, _, token) in enumerate(rows)
        ]
        with self._session() as session:
            for model, values in (
                (RunModel, runs),
                (OrchestrationInstanceModel, instances),
                (DispatchAttemptModel, attempts),
                (EmbeddedTaskModel, tasks),
            ):
                session.execute(insert(model), values)
            session.commit()
        self.made += count

    @contextmanager
    def _session(self) -> Iterator[Any]:
        database = DatabaseConfig(self.url, pool_size=1)
        with database.get_session() as session:
            yield session
        database.dispose_engine()


class Workers:
    """One `baton-worker`, started anew whenever it was killed."""

    def __init__(self, url: str, site: Path, folder: Path, concurrency: int) -> None:
        path = os.pathsep.join([str(site), *sys.path])
        self._environ = {**os.environ, "BATON_DATABASE_URL": url, "PYTHONPATH": path, "BATON_LOG_FORMAT": "json"}
        self._options = [f"--concurrency={concurrency}", f"--lease={LEASE}", "--grace=1"]
        self._folder = folder
        self._started = 0
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self._started += 1
        self._log = self._folder / f"worker-{self._started}.log"
        command = [sys.executable, "-m", "baton_operator.worker", *self._options]
        with self._log.open("wb") as stream:
            return subprocess.Popen(command, env=self._environ, stderr=stream)

    def pids(self) -> dict[str, int]:
        """Give the process of each worker's name that has become ready, from the supervisor's own records."""
        records = [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]
        return {each["worker"]: each["pid"] for each in records if each["event"] == "child.ready"}

    def kill(self) -> None:
        """Kill the supervisor, with its children, and start another one."""
        self.process.kill()
        self.process.wait()
        self.process = self._start()

    def stop(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.wait()


def play(
    admin_url: str,
    folder: Path,
    *,
    kills: int,
    seed: int,
    concurrency: int = 4,
    say: Callable[[str], None] = lambda _: None,
) -> Killed:
    """Kill until *kills* have met a task, let the rest end, and say what is there."""
    choose = random.Random(seed)  # noqa: S311 - chance that can be repeated, not secrecy
    site = install(folder / "site")
    with owned(admin_url, site, MODELS) as (url, whole), psycopg.connect(whole, autocommit=True) as books:
        work = Work(whole, choose)
        work.open()
        work.add(AHEAD)
        workers = Workers(url, site, folder, concurrency)
        try:
            hits = _kill(books, work, workers, kills, say)
            _until_all_have_ended(books)
        finally:
            workers.stop()
        return Killed(hits, dict(books.execute(_ENDS).fetchall()), books.execute(_WRONG).fetchall())


def _kill(
    books: psycopg.Connection[Any],
    work: Work,
    workers: Workers,
    kills: int,
    say: Callable[[str], None],
) -> int:
    done, deadline = 0, time.monotonic() + PATIENCE
    while True:
        ((hits,),) = books.execute(_HIT).fetchall()
        if hits > done:
            done, deadline = hits, time.monotonic() + PATIENCE
            if done % 50 == 0:
                say(f"{done} kills have met a task")
        if done >= kills:
            return done
        if time.monotonic() > deadline:
            raise TimeoutError(f"no kill has met a task for {PATIENCE:.0f} s, after {done}")
        ((waiting, _),) = books.execute(_WAITING).fetchall()
        if waiting < AHEAD:
            work.add(AHEAD)
        pids = workers.pids()
        there = [pids[name] for (name,) in books.execute(_RUNNING).fetchall() if name in pids]
        time.sleep(work.random.uniform(0, WITHIN))
        if there and work.random.randrange(SUPERVISOR) == 0:
            workers.kill()
        elif there:
            with suppress(ProcessLookupError):
                os.kill(work.random.choice(there), signal.SIGKILL)


def _until_all_have_ended(books: psycopg.Connection[Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while books.execute(_WAITING).fetchall() != [(0, 0)]:
        if time.monotonic() > deadline:
            raise TimeoutError("tasks are still under way")
        time.sleep(0.1)
