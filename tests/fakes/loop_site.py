"""A migrated database of the test's own, and every loop over it, turned by hand; the engine is in memory."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from baton_fakes.in_memory import InMemoryEngine, QueueingEngine
from sqlalchemy import event, text

from baton_migrations.runner import migrate
from baton_models.database import DatabaseConfig
from baton_operator.engines.registry import AdapterFactory, AdapterRegistry, Surroundings
from baton_operator.invariants import check_invariants
from baton_operator.kube.client import KubeClient
from baton_operator.kube.connection import Connection
from baton_operator.kube.resources import AutomationSeen, EngineSeen, RunSeen, Seen
from baton_operator.kube.secrets import KubeSecretSource
from baton_operator.local.postgres import create_database, drop_database
from baton_operator.loops.cancel import CancelLoop
from baton_operator.loops.definitions import Definitions
from baton_operator.loops.dispatch import DispatchLoop
from baton_operator.loops.follow import FollowLoop
from baton_operator.loops.intake import IntakeLoop
from baton_operator.loops.intake_definitions import DefinitionIntake
from baton_operator.loops.intake_runs import RunIntake
from baton_operator.loops.parts import Parts
from baton_operator.loops.probe import ProbeLoop
from baton_operator.loops.project import ProjectLoop
from baton_operator.loops.resolve import ResolveLoop
from baton_operator.loops.settle import Settler
from baton_operator.loops.sweep import SweepLoop
from baton_operator.loops.track import TrackLoop
from baton_operator.loops.transactions import Store
from baton_operator.loops.witness import Witness
from baton_operator.metrics import Metrics
from baton_operator.settings import Settings

#: No API server is asked in these tests: a question to this address fails at once.
NOWHERE = Connection("http://127.0.0.1:1")
#: Every time in the rows that a loop waits for or measures from.
TIMES = {
    "dispatch_attempt": "due_at lease_until first_sent_at last_sent_at visible_after evidence_until last_look_at "
    "cancel_requested_at cancel_sent_at cancel_due_at cancel_deadline_at next_poll_at",
    "run": "queue_deadline_at deadline_at project_at released_at restored_at restored_from",
    "database_life": "began_at known_until",
    "orchestration_instance": "lost_since next_poll_at",
    "engine_health": "next_poll_at next_probe_at paused_until bucket_at circuit_until circuit_opened_at "
    "window_started_at moved_at",
    "automation": "next_check_at",
}
RUN_TABLES = (
    "run",
    "run_state_history",
    "dispatch_attempt",
    "run_orchestration",
    "orchestration_instance",
    "instance_state_history",
)
#: The invariants that need no API server and no second schema.
ROWS_ONLY = ("I1", "I2", "I3", "I6", "I7")


class Replica:
    """
    One operator process: every loop, with parts of its own.

    Attributes:
        factories: Makes adapters by type; a test may add to it.
    """

    def __init__(
        self, database_url: str, engine: InMemoryEngine, *, database: DatabaseConfig | None = None, **settings: Any
    ) -> None:
        self.settings = Settings(
            database_url=database_url,
            **{
                "request_deadline": 2.0,
                "freeze_allowance": 1.0,
                "network_delay": 1.0,
                "settle_time": 1.0,
                **settings,
            },
        )
        self.database = database or DatabaseConfig(database_url, pool_size=2)
        self.engine = engine
        metrics = Metrics()
        kube = KubeClient(NOWHERE, metrics)
        definitions = Definitions()
        self.factories: dict[str, AdapterFactory] = {"Argo": lambda _spec, _surroundings: engine}
        surroundings = Surroundings(secrets=KubeSecretSource(kube), database=self.database)
        self.parts = Parts(
            settings=self.settings,
            store=Store(self.database, metrics),
            definitions=definitions,
            settler=Settler(definitions),
            registry=AdapterRegistry(self.factories, surroundings),
            kube=kube,
            metrics=metrics,
        )
        self.witness = Witness()
        self.project = ProjectLoop(self.database, kube, metrics, self.settings, self.witness)
        self.track = TrackLoop(self.parts)
        self.dispatch = DispatchLoop(self.parts, projecting=self.project.bell, tracking=self.track.bell)
        self.resolve = ResolveLoop(self.parts, [])
        self.probe = ProbeLoop(self.parts, dispatching=self.dispatch.bell, projecting=self.project.bell)
        self.cancel = CancelLoop(self.parts, [])
        self.follow = FollowLoop(self.parts, [])
        self.definitions = DefinitionIntake(self.parts, [])
        self.runs = RunIntake(self.parts, self.project, [])
        self.intake = IntakeLoop(self.parts, self.definitions, self.runs, self.witness)
        self.sweep = SweepLoop(self.parts, self.intake, [])

    def errors(self) -> list[dict[str, str]]:
        """Name the errors that its loops have counted."""
        (metric,) = self.parts.metrics.loop_errors.collect()
        return [each.labels for each in metric.samples if each.name.endswith("_total") and each.value]

    async def close(self) -> None:
        """End all connections."""
        await self.parts.kube.close()
        await self.database.dispose_async_engine()


@dataclass
class Site:
    """
    A database, its replicas and one engine.

    Attributes:
        first: The replica that does what the test does not ask another for.
        may_fail: Whether a loop may fail in this test.
    """

    url: str
    engine: InMemoryEngine
    first: Replica
    replicas: list[Replica] = field(default_factory=list)
    may_fail: bool = False
    admin: DatabaseConfig = field(init=False)

    def __post_init__(self) -> None:
        self.admin = DatabaseConfig(self.url, pool_size=1)

    def another(self, **settings: Any) -> Replica:
        """Start one more replica."""
        self.replicas.append(Replica(self.url, self.engine, **settings))
        return self.replicas[-1]

    async def serve(self, name: str = "argo", namespace: str = "team-a", **spec: Any) -> EngineSeen:
        """Bring an Engine, and have it probed."""
        whole = {
            "type": "Argo",
            "limits": {"maxInFlight": 1000, "requestsPerSecond": 1000, "burst": 1000},
            "submission": {"visibilityLag": "1s", "memory": "1h"},
            **spec,
        }
        seen = EngineSeen.parse(manifest(namespace, name, whole))
        await self.first.definitions.take(seen)
        await turn(self.first.probe)
        return seen

    async def define(self, name: str = "patch", namespace: str = "team-a", **spec: Any) -> AutomationSeen:
        """Bring an Automation."""
        whole = {"engineRef": {"name": "argo"}, "target": {"argo": {"workflowTemplate": "nap"}}, **spec}
        seen = AutomationSeen.parse(manifest(namespace, name, whole))
        await self.first.definitions.take(seen)
        return seen

    async def start(
        self,
        *names: str,
        automation: str = "patch",
        namespace: str = "team-a",
        replica: Replica | None = None,
        **spec: Any,
    ) -> list[str]:
        """Bring Runs in one batch, to *replica* or the first one; give their uids."""
        whole = {"automationRef": {"name": automation}, "state": "Active", **spec}
        seen = [RunSeen.parse(manifest(namespace, name, whole)) for name in names]
        await (replica or self.first).runs.take(seen)
        return [each.uid for each in seen]

    async def change(self, uid: str, *, generation: int = 2, **spec: Any) -> None:
        """Change ``state`` of a Run."""
        (row,) = self.rows("SELECT name, tenant_id, automation_id FROM run WHERE uid = :uid", uid=uid)
        whole = {"automationRef": {"name": "patch"}, **spec}
        raw = manifest(row.tenant_id, row.name, whole, uid=uid, generation=generation)
        await self.first.runs.take([RunSeen.parse(raw)])

    async def delete(self, *seen: str) -> None:
        """Let the watch say that Runs are gone."""
        raws = [{"type": "DELETED", "object": manifest("", "", {}, uid=uid)} for uid in seen]
        await self.first.runs.take([RunSeen.parse(raw) for raw in raws])

    async def dispatch(self) -> None:
        """Turn dispatch once."""
        await turn(self.first.dispatch)

    async def track(self) -> None:
        """Turn track once, whenever its next turn would be."""
        self.execute("UPDATE engine_health SET next_poll_at = now()")
        await turn(self.first.track)

    async def resolve(self) -> None:
        """Turn resolve once."""
        await turn(self.first.resolve)

    async def follow(self) -> None:
        """Turn follow once, whenever its next turn would be."""
        self.execute("UPDATE dispatch_attempt SET next_poll_at = now() WHERE state = 'ENQUEUED'")
        await turn(self.first.follow)

    async def cancel(self) -> None:
        """Turn cancel once."""
        await turn(self.first.cancel)

    def later(self, seconds: float) -> None:
        """Let time pass: every time in the rows goes back."""
        for table, columns in TIMES.items():
            moved = ", ".join(f"{each} = {each} - make_interval(secs => {seconds})" for each in columns.split())
            self.execute(f"UPDATE {table} SET {moved}")

    async def somebody_waits(self) -> None:
        """Return once a session of this database waits for a lock."""
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        async with asyncio.timeout(60):
            while not self.one(waiting):  # noqa: ASYNC110 - PostgreSQL rings no bell for it
                await asyncio.sleep(0.02)

    def execute(self, statement: str, **values: Any) -> None:
        """Run one statement."""
        with self.admin.get_session() as session:
            session.execute(text(statement), values)
            session.commit()

    def forget_runs(self) -> None:
        """Lose every Run and what was known of it, as a database does that is restored from last night."""
        with self.admin.get_session() as session:
            session.execute(text("SET session_replication_role = replica"))
            for table in RUN_TABLES:
                session.execute(text(f"DELETE FROM {table}"))
            session.commit()

    def rows(self, statement: str, **values: Any) -> Sequence[Any]:
        """Read rows."""
        with self.admin.get_session() as session:
            return session.execute(text(statement), values).all()

    def one(self, statement: str, **values: Any) -> Any:
        """Read one value."""
        ((value,),) = self.rows(statement, **values)
        return value

    def runs(self) -> dict[str, tuple[str, str]]:
        """Give status and reason of every Run by its name."""
        return {
            row.name: (row.status, row.status_reason)
            for row in self.rows("SELECT name, status::text, status_reason FROM run")
        }

    def attempts(self) -> list[str]:
        """Give the states of all attempts, oldest first."""
        return [row.state for row in self.rows("SELECT state::text FROM dispatch_attempt ORDER BY created_at, id")]

    def history(self, name: str) -> list[tuple[str, str]]:
        """Give what a Run has gone through."""
        statement = (
            "SELECT h.new_status::text AS status, h.reason FROM run_state_history h JOIN run r ON r.id = h.run_id "
            "WHERE r.name = :name ORDER BY h.seq"
        )
        return [(row.status, row.reason) for row in self.rows(statement, name=name)]

    async def close(self) -> None:
        """Check that nothing is broken and no loop has failed, then end."""
        try:
            failed = [each for one in (self.first, *self.replicas) for each in one.errors()]
            assert self.may_fail or not failed, failed
            found = await check_invariants(self.first.database, ledger=self.engine.ledger(), only=ROWS_ONLY)
            assert not found, "\n".join(map(str, found))
        finally:
            for each in (self.first, *self.replicas):
                await each.close()
            self.admin.dispose_engine()


def manifest(namespace: str, name: str, spec: dict[str, Any], *, uid: str = "", generation: int = 1) -> dict[str, Any]:
    """Make an object as the API server gives it."""
    metadata = {"namespace": namespace, "name": name, "uid": uid or str(uuid.uuid4()), "generation": generation}
    return {"metadata": metadata, "spec": spec}


async def turn(loop: Any) -> None:
    """Let a loop do what is due, and everything that it began."""
    await loop.turn()
    await loop.drain()


def gone(seen: Seen) -> Seen:
    """Make what the watch says when *seen* is deleted."""
    raw = manifest(seen.namespace, seen.name, {}, uid=seen.uid)
    return type(seen).parse({"type": "DELETED", "object": raw})


@contextmanager
def counted_statements(replica: Replica) -> Iterator[list[str]]:
    """Collect every statement that a replica sends, but for BEGIN and COMMIT, which the driver sends."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    sa_engine = replica.database.async_sa_engine.sync_engine
    event.listen(sa_engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(sa_engine, "before_cursor_execute", note)


@pytest.fixture(scope="session")
def migrated(postgres_server: str) -> Iterator[str]:
    """The name of a migrated database, to be copied."""
    name = f"migrated_{uuid.uuid4().hex}"
    migrate(create_database(postgres_server, name), progress=lambda _: None)
    yield name
    drop_database(postgres_server, name)


@pytest.fixture
async def site(migrated: str, new_database: Callable[..., str]) -> AsyncIterator[Site]:
    """A database of the test's own with one replica; the invariants are checked at the end."""
    url, engine = new_database(template=migrated), InMemoryEngine()
    made = Site(url, engine, Replica(url, engine))
    yield made
    await made.close()


@pytest.fixture
async def queueing(migrated: str, new_database: Callable[..., str]) -> AsyncIterator[tuple[Site, QueueingEngine]]:
    """The same with an engine that answers with a place in its queue."""
    url, engine = new_database(template=migrated), QueueingEngine()
    made = Site(url, engine, Replica(url, engine))
    yield made, engine
    await made.close()
