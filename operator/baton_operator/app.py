"""
The one place that constructs things, and THE list of engines.

Everything is handed to what needs it; nothing here is looked up from elsewhere.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from sqlalchemy import event, text
from sqlalchemy.exc import SQLAlchemyError

from baton_migrations import check
from baton_models.database import FROZEN_MS, DatabaseConfig
from baton_operator import VERSION
from baton_operator.engines.airflow.adapter import airflow_adapter
from baton_operator.engines.argo.adapter import argo_adapter
from baton_operator.engines.base import EngineAdapter, EngineSpec
from baton_operator.engines.embedded.adapter import EmbeddedAdapter
from baton_operator.engines.http import Observer
from baton_operator.engines.jenkins.adapter import jenkins_adapter
from baton_operator.engines.kube_access import Cluster
from baton_operator.engines.registry import AdapterFactory, AdapterRegistry, Surroundings, with_installed
from baton_operator.health import HealthServer
from baton_operator.invariants.periodic import CheckLoop
from baton_operator.kube.client import KubeClient
from baton_operator.kube.connection import Connection
from baton_operator.kube.secrets import KubeSecretSource
from baton_operator.loops.cancel import CancelLoop
from baton_operator.loops.count import CountLoop
from baton_operator.loops.definitions import Definitions
from baton_operator.loops.dispatch import DispatchLoop
from baton_operator.loops.follow import FollowLoop
from baton_operator.loops.gauges import GaugeLoop
from baton_operator.loops.guard import GuardLoop
from baton_operator.loops.hints import HintLoop
from baton_operator.loops.hooks import HookLoop
from baton_operator.loops.intake import IntakeLoop
from baton_operator.loops.intake_definitions import DefinitionIntake
from baton_operator.loops.intake_runs import RunIntake
from baton_operator.loops.lives import Lives
from baton_operator.loops.loop import Turner, Turning
from baton_operator.loops.mend import MendLoop
from baton_operator.loops.news import News
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
from baton_operator.traces import configured
from baton_operator.worker.listing import InstalledTasks
from baton_operator.worker.process import WorkerProcess

logger = logging.getLogger(__name__)

#: A turn that takes longer means that the process cannot do its work any more, in seconds.
STUCK = 120.0


def embedded_adapter(spec: EngineSpec, surroundings: Surroundings) -> EngineAdapter:
    """Make the adapter of Baton's own engine."""
    return EmbeddedAdapter(spec, surroundings.database.get_async_session, InstalledTasks(os.environ))


#: THE list of engines. Installed packages add to it through the entry-point group `baton.engines`.
ENGINES: Mapping[str, AdapterFactory] = {
    "Airflow": airflow_adapter,
    "Argo": argo_adapter,
    "Embedded": embedded_adapter,
    "Jenkins": jenkins_adapter,
}

#: Watches the API server and offers what it says to intake, until the event is set; sets the other one when it hears.
Listen = Callable[[Connection, Settings, IntakeLoop, Metrics, asyncio.Event, asyncio.Event], Awaitable[None]]


class App:
    """One operator process: its parts, and how they start and stop."""

    def __init__(self, settings: Settings, connection: Connection, listen: Listen) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self._connection = connection
        self._listen = listen
        self.database = DatabaseConfig(
            settings.database_url,
            pool_size=settings.pool_size,
            max_overflow=settings.max_overflow,
            application_name=f"baton-operator {settings.replica}"[:63],
            idle_in_transaction_ms=FROZEN_MS,
        )
        _count_statements(self.database, self.metrics)
        self.kube = KubeClient(connection, self.metrics)
        self.stopping = asyncio.Event()
        self._hearing = asyncio.Event()
        self._begun = False
        self._awaited = "the database has not answered yet"
        self.traces = configured(os.environ)
        self._build()
        self._turners = [Turner(loop, self.metrics) for loop in self._chosen()]
        self._health = HealthServer(
            settings.http_host, settings.http_port, alive=self._alive, ready=self._ready, metrics=self.metrics
        )

    def _build(self) -> None:
        definitions = Definitions()
        parts = Parts(
            settings=self.settings,
            store=Store(self.database, self.metrics),
            definitions=definitions,
            settler=Settler(definitions),
            registry=AdapterRegistry(with_installed(ENGINES), self._surroundings()),
            kube=self.kube,
            metrics=self.metrics,
        )
        self.registry = parts.registry
        witness = Witness()
        self.project = ProjectLoop(self.database, self.kube, self.metrics, self.settings, witness)
        shown = self.project.bell
        self.track = TrackLoop(parts)
        self.dispatch = DispatchLoop(parts, projecting=shown, tracking=self.track.bell)
        followers = [self.dispatch.bell, shown]
        self.track.followers.extend(followers)
        self.hints = HintLoop(parts, hinted=self.track.hinted, tracking=self.track.bell)
        self.resolve = ResolveLoop(parts, [*followers, self.track.bell])
        tasks = InstalledTasks(os.environ)
        self.probe = ProbeLoop(parts, dispatching=self.dispatch.bell, projecting=shown, tasks=tasks)
        self.follow = FollowLoop(parts, [self.track.bell, *followers])
        self.cancel = CancelLoop(parts, [self.track.bell, self.follow.bell, *followers])
        self.intake = IntakeLoop(
            parts,
            DefinitionIntake(parts, [self.probe.bell, shown]),
            RunIntake(parts, self.project, [self.dispatch.bell, self.cancel.bell]),
            witness,
        )
        self.mend = MendLoop(parts, witness, self.intake, read=partial(self.kube.get, "Run"), projecting=shown)
        self.guard = GuardLoop(parts)
        self.hooks = HookLoop(parts)
        self._lives = Lives(parts)
        self.sweep = SweepLoop(parts, self.intake, [*followers, self.cancel.bell])
        self._news = News(self.database, followers)
        self.readings: list[Turning] = [GaugeLoop(parts), CountLoop(parts, self.traces), CheckLoop(parts)]

    def _surroundings(self) -> Surroundings:
        return Surroundings(
            secrets=KubeSecretSource(self.kube),
            engine_networks=self.settings.engine_networks,
            api_server=addresses_of(self._connection.server),
            cluster=Cluster(self._connection.server, self._connection.authority),
            database=self.database,
            request_deadline=self.settings.request_deadline,
            observers=self._observer,
        )

    def _observer(self, engine: str) -> Observer:
        def observe(operation: str, code: str, seconds: float) -> None:
            self.metrics.engine_request_duration.labels(engine=engine, operation=operation, code=code).observe(seconds)

        return observe

    def _chosen(self) -> Sequence[Turning]:
        hearing: list[Turning] = [self.intake, self.mend]
        every: Mapping[str, Sequence[Turning]] = {
            "intake": hearing,
            "dispatch": [self.dispatch, self.resolve],
            "track": [self.track, self.hints, self.follow, self.probe, self.cancel],
            "project": [self.project, self.guard, self.hooks],
            "sweep": [self.sweep],
        }
        chosen = [loop for name in self.settings.loops for loop in every[name]]
        needs_intake = "sweep" in self.settings.loops and "intake" not in self.settings.loops
        return [*chosen, *(hearing if needs_intake else []), *self.readings]

    async def run(self) -> None:
        """
        Work until `stop`.

        Raises:
            SchemaNotReadyError: The schema is not one that this release can work with.
            ForeignDatabaseError: The database is a copy of another one.
        """
        await self._health.start()
        try:
            await self._verify_schema()
            await self._compare_runs()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._wake_all(), name="end")
                for turner in self._turners:
                    group.create_task(turner.run(self.stopping), name=turner.loop.name)
                group.create_task(self._news.run(self.stopping), name="news")
                if "intake" in self.settings.loops:
                    group.create_task(self._hear(), name="ear")
                if self.settings.worker and "dispatch" in self.settings.loops:
                    group.create_task(WorkerProcess(os.environ).run(self.stopping), name="worker")
        finally:
            await self._close()

    def stop(self) -> None:
        """Finish the turns under way, then end."""
        self.stopping.set()

    async def _wake_all(self) -> None:
        """Wake every loop once it is to end, whoever said so."""
        await self.stopping.wait()
        for turner in self._turners:
            turner.loop.bell.ring()

    async def _hear(self) -> None:
        await self._listen(self._connection, self.settings, self.intake, self.metrics, self.stopping, self._hearing)

    async def _close(self) -> None:
        for loop in (self.hints, self.dispatch, self.resolve, self.track, self.follow, self.probe, self.cancel):
            await loop.drain()
        await self._health.stop()
        if self.traces:
            await asyncio.to_thread(self.traces.close)
        await self.registry.close()
        await self.kube.close()
        await self.database.dispose_async_engine()

    async def _verify_schema(self) -> None:
        """Wait for the database; then check the schema, once, before anything is written."""
        self.metrics.describe_build(version=VERSION, revision=self.settings.revision, postgres="")
        while not self.stopping.is_set():
            try:
                state = await asyncio.to_thread(check.verify, self.settings.database_url)
                await self._lives.begin()
                await self._describe_build()
            except SQLAlchemyError as error:
                logger.warning("database.unreachable", extra={"reason": type(error).__name__})
                self.metrics.loop_errors.labels(loop="start", reason=type(error).__name__).inc()
                await asyncio.sleep(2)
                continue
            self._describe_schema(state)
            return

    async def _compare_runs(self) -> None:
        """Find out, before anything is written, whether the Runs say more than the database."""
        self._awaited = "the Runs have not been compared with the database yet"
        while not self.stopping.is_set():
            if await self._lives.compare():
                self._begin()
                return
            await asyncio.sleep(2)

    def _describe_schema(self, state: check.SchemaState) -> None:
        for chain in state.chains:
            self.metrics.schema_head.labels(chain=chain.name).set(1 if chain.standing is check.Standing.AT_HEAD else 0)
            if chain.is_newer:
                stands = {"chain": chain.name, "revision": ", ".join(chain.current), "release": chain.release}
                logger.warning("schema.newer", extra={**stands, "readable_since": chain.readable_since})

    def _begin(self) -> None:
        self._begun = True
        for turner in self._turners:
            turner.turned_at = time.monotonic()

    async def _describe_build(self) -> None:
        async with self.database.get_async_session() as session:
            postgres = (await session.execute(text("SHOW server_version"))).scalar_one()
        self.metrics.describe_build(version=VERSION, revision=self.settings.revision, postgres=postgres)

    def _alive(self) -> list[str]:
        """Name the loops that do not turn; read by the health server's thread."""
        if not self._begun:  # a database that is away is no reason to start this process anew
            return []
        now = time.monotonic()
        return [
            f"loop {turner.loop.name} has not turned for {now - turner.turned_at:.0f} s"
            for turner in self._turners
            if now - turner.turned_at > STUCK
        ]

    async def _ready(self) -> list[str]:
        if not self._begun:
            return [self._awaited]
        reasons = []
        try:
            async with self.database.get_async_session() as session:
                await session.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError) as error:
            reasons.append(f"database: {type(error).__name__}")
        if "intake" in self.settings.loops and not self._hearing.is_set():
            reasons.append("the first lists are not done")
        return reasons


def _count_statements(database: DatabaseConfig, metrics: Metrics) -> None:
    """Count what is sent to PostgreSQL: statements and commits a Run are part of the goals."""
    sa_engine = database.async_sa_engine.sync_engine
    event.listen(sa_engine, "before_cursor_execute", lambda *_: metrics.db_statements.inc())
    event.listen(sa_engine, "commit", lambda *_: metrics.db_commits.inc())


def addresses_of(server: str) -> list[IPv4Address | IPv6Address]:
    """Find the addresses of the API server: an engine must not be reached there unless a site allows it."""
    host = urlsplit(server).hostname or ""
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return []
    return sorted({ip_address(each[4][0]) for each in found}, key=str)
