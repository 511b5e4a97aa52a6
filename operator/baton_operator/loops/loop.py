"""How every loop turns: again at once while there is work, else when woken or after a rest."""

import asyncio
import logging
import time
from typing import Protocol

from baton_operator.metrics import Metrics

logger = logging.getLogger(__name__)


class Bell:
    """Wakes one loop; ringing twice before it wakes is ringing once."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Say that there is work."""
        self._event.set()

    async def wait(self, timeout: float) -> None:  # noqa: ASYNC109 - the rest between two turns, not a deadline
        """Sleep until it rings, *timeout* seconds at most."""
        try:
            async with asyncio.timeout(timeout):
                await self._event.wait()
        except TimeoutError:
            return
        finally:
            self._event.clear()


class Turning(Protocol):
    """
    What a loop is: a name, a bell, and one turn that says how long to rest.

    Attributes:
        pace: Seconds from the beginning of one turn to that of the next at least: under load a turn gathers what has
            come meanwhile, and the first turn after a rest begins at once.
    """

    name: str
    pace: float
    bell: Bell

    async def turn(self) -> float:
        """Do what is due; return the seconds to rest unless woken, 0 where more is due already."""


class Turner:
    """
    Keeps one loop turning for the life of the process, whatever a turn raises.

    Attributes:
        turned_at: When the last turn ended (``time.monotonic``): /healthz reads it.
    """

    def __init__(self, loop: Turning, metrics: Metrics) -> None:
        self.loop = loop
        self.turned_at = time.monotonic()
        self._metrics = metrics
        self._failures = 0

    async def run(self, stopping: asyncio.Event) -> None:
        """Turn until *stopping*; the turn under way is finished first."""
        while not stopping.is_set():
            begun = time.monotonic()
            rest = await self._once()
            self.turned_at = time.monotonic()
            if rest > 0:
                await self.loop.bell.wait(rest)
            early = begun + self.loop.pace - time.monotonic()
            if early > 0:
                await asyncio.sleep(early)

    async def _once(self) -> float:
        begun = time.monotonic()
        try:
            rest = await self.loop.turn()
        except Exception as error:
            self._failures += 1
            self._metrics.loop_errors.labels(loop=self.loop.name, reason=type(error).__name__).inc()
            logger.warning("loop.failed", extra={"loop": self.loop.name}, exc_info=error)
            return float(min(2 ** min(self._failures, 4) * 0.25, 4.0))
        self._failures = 0
        self._metrics.loop_iterations.labels(loop=self.loop.name).inc()
        self._metrics.loop_duration.labels(loop=self.loop.name).observe(time.monotonic() - begun)
        return rest
