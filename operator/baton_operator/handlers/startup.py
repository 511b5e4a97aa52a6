"""
The ear: kopf in our process and our event loop, set up so that it cannot stay deaf.

`kopf.md` numbers what kopf must not be trusted with; the numbers are kept here. What kopf does well, lists and watches
with bookmarks and an order for each object, is all that is asked of it.
"""

import asyncio
import contextlib
import itertools
import logging
import signal
import threading
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import kopf

from baton_operator.handlers import watch
from baton_operator.kube.client import BASE, KubeClient
from baton_operator.kube.connection import Connection
from baton_operator.kube.errors import KubeError
from baton_operator.kube.resources import PLURALS, Kind, Seen
from baton_operator.metrics import Metrics
from baton_operator.settings import Settings

logger = logging.getLogger(__name__)

KINDS: tuple[Kind, ...] = ("Engine", "Automation", "Run")
#: What a process ends with whose ear cannot be brought back to life (K1).
EXIT_DEAF = 70
#: Seconds between two beginnings of a watch that fail at once.
BACKOFFS = (1.0, 2.0, 4.0, 8.0, 15.0)
#: Beginnings in a row, each ended before `STABLE` seconds, after which only a new process can help.
ATTEMPTS = 8
STABLE = 60.0
#: Seconds between two looks whether the watches are alive, and how long one may be missing.
WATCHDOG = 5.0
#: Answers that end a watch of kopf for good although they pass: the kind is not served for a moment (A4).
_PASSING = frozenset({404, 405, 406, 415})


class DeafError(Exception):
    """The watches end again and again: the process is to end with `EXIT_DEAF`, and to be started anew."""


class Intake(Protocol):
    """Who takes what was seen."""

    def offer(self, seen: Seen) -> None:
        """Take one object as it was seen; never blocks."""


class EndlessBackoffs:
    """1, 2, 4, 8, then 15 seconds for ever; can be gone through any number of times, as kopf does (K1)."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain(BACKOFFS, itertools.repeat(BACKOFFS[-1]))


async def listen(
    connection: Connection,
    settings: Settings,
    intake: Intake,
    metrics: Metrics,
    stop: asyncio.Event,
    *,
    ready: asyncio.Event | None = None,
) -> None:
    """
    Watch Engines, Automations and Runs until *stop*; whatever ends the watches begins them anew.

    Args:
        ready: Set when the three kinds are served and their watches have begun.

    Raises:
        DeafError: They ended `ATTEMPTS` times in a row within `STABLE` seconds each.
    """
    failures = 0
    while not stop.is_set():
        if not await _until_served(connection, metrics, stop):
            return
        begun = time.monotonic()
        await _Ear(connection, settings, intake, metrics).hear(stop, ready)
        if stop.is_set():
            return
        failures = 1 if time.monotonic() - begun > STABLE else failures + 1
        if failures >= ATTEMPTS:
            raise DeafError(f"the watches ended {failures} times in a row; the log says why")
        for kind in KINDS:
            metrics.watch_restarts.labels(kind=kind).inc()
        logger.warning("watch.restarting", extra={"failures": failures})
        await _pause(stop, BACKOFFS[min(failures, len(BACKOFFS)) - 1])


def operator_settings(settings: kopf.OperatorSettings) -> None:
    """Set kopf up as `kopf.md` says."""
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # a line an event would drown our own
    settings.networking.error_backoffs = EndlessBackoffs()
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 310
    settings.watching.connect_timeout = 10
    settings.watching.inactivity_timeout = 70
    settings.watching.chunk_size = 500
    settings.queueing.idle_timeout = 1.0  # a worker an object: they shall not pile up
    settings.posting.enabled = False  # K8: log lines are no Events
    settings.scanning.disabled = True
    settings.peering.standalone = True  # K7: replicas are equal
    settings.persistence.finalizer = "baton.dev/finalizer"  # K10
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix="baton.dev")
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix="baton.dev")


class _Ear:
    """One life of kopf: from its tasks' birth to their end."""

    def __init__(self, connection: Connection, settings: Settings, intake: Intake, metrics: Metrics) -> None:
        self._connection = connection
        self._namespaces = settings.namespaces
        self._identity: Any = settings.replica
        self._metrics = metrics
        self._memo = kopf.Memo(intake=intake, metrics=metrics)
        self._heard: set[Kind] = set()
        self._heard_all = asyncio.Event()
        self._sessions: list[aiohttp.ClientSession] = []

    async def hear(self, stop: asyncio.Event, ready: asyncio.Event | None) -> None:
        """
        Listen until *stop*, or until a watch ends.

        `kopf.operator` would end every task of the event loop that is younger than itself, the other loops among
        them; so its tasks are started, watched and ended here.
        """
        spawned = await kopf.spawn_tasks(
            registry=self._registry(),
            settings=self._settings(),
            memo=self._memo,
            identity=self._identity,  # else kopf makes one of the user's name, and an image's numeric user has none
            clusterwide=not self._namespaces,
            namespaces=self._namespaces,
        )
        _keep_signals(stop)
        tasks: set[asyncio.Task[Any]] = set(spawned)
        watchdog = asyncio.create_task(self._watch_watchers(ready), name="watchdog of the watchers")
        stopping = asyncio.create_task(stop.wait(), name="end of listening")
        try:
            done, _ = await asyncio.wait({*tasks, watchdog, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                error = None if task.cancelled() else task.exception()
                logger.warning("watch.ended", extra={"task": task.get_name(), "error": repr(error)})
        finally:
            await _end({watchdog, stopping, *tasks})
            await _end({task for task in asyncio.all_tasks() if _is_of_kopf(task)})
            for session in self._sessions:
                await session.close()

    def _settings(self) -> kopf.OperatorSettings:
        settings = kopf.OperatorSettings()
        operator_settings(settings)
        return settings

    def _registry(self) -> kopf.OperatorRegistry:
        registry = watch.registry()
        kopf.on.login(registry=registry)(self._login)
        return registry

    async def _login(self, **_: Any) -> kopf.AiohttpSession:
        """Give kopf a session of our own (K6): the same server, credential and certificates as everybody's."""
        session = self._connection.session(self._listening)
        self._sessions.append(session)
        return kopf.AiohttpSession(
            server=self._connection.server, default_namespace=self._connection.namespace, aiohttp_session=session
        )

    async def _listening(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Note each answer; turn those that would end a watch for good into what kopf tries again for ever."""
        response = await handler(request)
        kind = _kind_of(request.url.path)
        if kind is None:
            return response
        self._metrics.kube_requests.labels(verb=_verb(request), kind=kind, code=str(response.status)).inc()
        if response.status in _PASSING:
            response.release()
            raise aiohttp.ClientConnectionError(f"{kind} is not served now: {response.status}")
        if response.ok:
            self._heard.add(kind)
            if self._heard.issuperset(KINDS):
                self._heard_all.set()
            self._metrics.watch_last_event.labels(kind=kind).set(time.time())
        return response

    async def _watch_watchers(self, ready: asyncio.Event | None) -> None:
        """Return when a kind that had a watcher has none any more: kopf does not always say so (K1)."""
        await self._heard_all.wait()
        if ready is not None:
            ready.set()
        while True:
            if not _are_watched(KINDS):
                return
            await asyncio.sleep(WATCHDOG)


async def _until_served(connection: Connection, metrics: Metrics, stop: asyncio.Event) -> bool:
    """Wait until the three kinds are served: kopf, not scanning, would never see them come."""
    async with KubeClient(connection, metrics) as client:
        for delay in EndlessBackoffs():
            try:
                if await client.serves(KINDS):
                    return True
                logger.warning("watch.kinds_missing", extra={"hint": "apply the CustomResourceDefinitions"})
            except KubeError as error:
                logger.warning("watch.unavailable", extra={"error": str(error)})
            if await _pause(stop, delay):
                return False
    return False


async def _pause(stop: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
    return stop.is_set()


async def _end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel *tasks* and wait for them; kopf's own take care of theirs."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _keep_signals(stop: asyncio.Event) -> None:
    """Take SIGTERM and SIGINT back: kopf has made them its own, but there is more to end than kopf."""
    if threading.current_thread() is threading.main_thread():
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)


def _is_of_kopf(task: asyncio.Task[Any]) -> bool:
    """Tell kopf's tasks from everybody else's by where their code is: it leaves some behind when a root task fails."""
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and Path(code.co_filename).is_relative_to(Path(kopf.__file__).parent)


def _is_watcher(task: asyncio.Task[Any]) -> bool:
    return task.get_name().startswith("watcher for ") and not task.done()


def _are_watched(kinds: Collection[Kind]) -> bool:
    names = [task.get_name() for task in asyncio.all_tasks() if _is_watcher(task)]
    return all(any(name.startswith(f"watcher for {PLURALS[kind]}.") for name in names) for kind in kinds)


def _kind_of(path: str) -> Kind | None:
    parts = path.partition(f"{BASE}/")[2].split("/")
    return next((kind for kind, plural in PLURALS.items() if parts[-1] == plural), None)


def _verb(request: aiohttp.ClientRequest) -> str:
    return "watch" if request.url.query.get("watch") == "true" else "list"
