"""One lane an engine: an engine that keeps us waiting keeps only its own lane waiting."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable

from baton_operator.loops.loop import Bell
from baton_operator.metrics import Metrics

logger = logging.getLogger(__name__)


class Lanes:
    """Work under way, one piece a lane at a time."""

    def __init__(self, name: str, bell: Bell, metrics: Metrics) -> None:
        self._name = name
        self._bell = bell
        self._metrics = metrics
        self._under_way: dict[Hashable, asyncio.Task[None]] = {}

    def is_free(self, lane: Hashable) -> bool:
        """Whether nothing is under way in *lane*."""
        return lane not in self._under_way

    def start(self, lane: Hashable, work: Callable[[], Awaitable[bool]]) -> None:
        """
        Begin *work* in a free lane.

        Args:
            work: Says whether more is likely to be due at once; then the loop is woken.
        """
        self._under_way[lane] = asyncio.create_task(self._run(lane, work), name=f"{self._name} {lane}")

    async def drain(self) -> None:
        """Wait until everything that is under way has ended."""
        while self._under_way:
            await asyncio.wait(set(self._under_way.values()))

    async def _run(self, lane: Hashable, work: Callable[[], Awaitable[bool]]) -> None:
        more = False
        try:
            more = await work()
        except Exception as error:
            self._metrics.loop_errors.labels(loop=self._name, reason=type(error).__name__).inc()
            logger.warning("loop.failed", extra={"loop": self._name, "lane": str(lane)}, exc_info=error)
        finally:
            del self._under_way[lane]
        if more:
            self._bell.ring()
