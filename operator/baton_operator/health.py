"""
What probes and Prometheus ask: /healthz, /readyz and /metrics, each answered within a second whatever the loops do.

The server has a thread and an event loop of its own. So a loop that never yields makes /healthz say so, instead of
making it hang; only the question for readiness is asked in the application's loop, where its connections live, and
with a deadline.
"""

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from baton_operator.metrics import CONTENT_TYPE, Metrics

logger = logging.getLogger(__name__)

ANSWER_WITHIN = 0.8
_STOP_WITHIN = 5.0

Alive = Callable[[], list[str]]
Ready = Callable[[], Awaitable[list[str]]]


class HealthServer:
    """
    Answers /healthz, /readyz and /metrics on one port.

    Attributes:
        port: Where it listens, known once it was started (a port of 0 picks a free one).
    """

    def __init__(self, host: str, port: int, *, alive: Alive, ready: Ready, metrics: Metrics) -> None:
        """
        Prepare it; `start` makes it listen.

        Args:
            host: The address to listen on.
            port: The port, or 0 for a free one.
            alive: Names what keeps this process from doing its work; nothing when it is well. Called in the server's
                thread, so it must only read. PostgreSQL or an engine being away is none of its business.
            ready: Names what is still missing before this process may be relied on. Called in the loop that called
                `start`, and given up after `ANSWER_WITHIN` seconds.
            metrics: What /metrics shows.
        """
        self.port = port
        self._host = host
        self._alive = alive
        self._ready = ready
        self._metrics = metrics
        self._application: asyncio.AbstractEventLoop | None = None
        self._serving: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        """
        Listen, and return as soon as questions are answered.

        Raises:
            OSError: The address cannot be listened on.
        """
        self._application = asyncio.get_running_loop()
        listening: concurrent.futures.Future[int] = concurrent.futures.Future()
        self._thread = threading.Thread(target=self._run, args=(listening,), name="baton-health", daemon=True)
        self._thread.start()
        self.port = await asyncio.wrap_future(listening)

    async def stop(self) -> None:
        """Stop listening; a server that was never started, or was stopped, is left alone."""
        thread, self._thread = self._thread, None
        if thread is None or self._serving is None or self._stopping is None:
            return
        self._serving.call_soon_threadsafe(self._stopping.set)
        await asyncio.to_thread(thread.join, _STOP_WITHIN)

    def _run(self, listening: concurrent.futures.Future[int]) -> None:
        try:
            asyncio.run(self._serve(listening))
        except OSError as error:
            if listening.done():
                raise
            listening.set_exception(error)

    async def _serve(self, listening: concurrent.futures.Future[int]) -> None:
        self._serving = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        application = web.Application()
        application.router.add_get("/healthz", self._healthz)
        application.router.add_get("/readyz", self._readyz)
        application.router.add_get("/metrics", self._show_metrics)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self._host, self.port)
            await site.start()
            listening.set_result(runner.addresses[0][1])
            await self._stopping.wait()
        finally:
            await runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        return _answer(self._ask_alive())

    async def _readyz(self, _: web.Request) -> web.Response:
        return _answer(await self._ask_ready())

    async def _show_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    def _ask_alive(self) -> Sequence[str]:
        try:
            return self._alive()
        except Exception as error:  # a probe's edge: an answer is owed whatever went wrong
            logger.exception("health.failed", extra={"probe": "healthz"})
            return [f"the question itself failed: {type(error).__name__}"]

    async def _ask_ready(self) -> Sequence[str]:
        assert self._application is not None  # noqa: S101 - set before the thread begins
        asked = asyncio.run_coroutine_threadsafe(_awaited(self._ready), self._application)
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                return await asyncio.wrap_future(asked)
        except TimeoutError:
            asked.cancel()
            return [f"no answer within {ANSWER_WITHIN} s: the loops are busy, or the database does not answer"]
        except Exception as error:  # a probe's edge: an answer is owed whatever went wrong
            logger.exception("health.failed", extra={"probe": "readyz"})
            return [f"the question itself failed: {type(error).__name__}"]


async def _awaited(question: Ready) -> list[str]:
    return await question()


def _answer(reasons: Sequence[str]) -> web.Response:
    if not reasons:
        return web.Response(text="ok\n")
    return web.Response(status=503, text="".join(f"{reason}\n" for reason in reasons))
