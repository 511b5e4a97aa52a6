"""What loops that speak to engines have in common: who has something due is served, in a lane of its own."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from baton_operator.decide.circuit import Policy, Tally
from baton_operator.loops.breaker import Breaker
from baton_operator.loops.lanes import Lanes
from baton_operator.loops.loop import Bell
from baton_operator.loops.parts import Parts


class EngineLoop(ABC):
    """
    Serves engines side by side.

    Attributes:
        name: Whose turn it takes, in metrics and settings.
        pace: Seconds between two turns at least.
        bell: Wakes it.
    """

    name: str
    pace: float

    def __init__(self, parts: Parts, followers: Sequence[Bell]) -> None:
        self.bell = Bell()
        self._store = parts.store
        self._settings = parts.settings
        self._registry = parts.registry
        self._definitions = parts.definitions
        self._settler = parts.settler
        self._metrics = parts.metrics
        self._breaker = Breaker(parts.store)
        self._lanes = Lanes(self.name, self.bell, parts.metrics)
        self._followers = followers

    async def turn(self) -> float:
        """Serve every engine that has something due and is not being served."""
        for engine in await self._store.run(self._due):
            if self._lanes.is_free(engine):
                self._lanes.start(engine, partial(self._serve, engine))
        return self._settings.idle

    async def drain(self) -> None:
        """Wait until everything that is under way has ended."""
        await self._lanes.drain()

    @abstractmethod
    async def _due(self, session: AsyncSession) -> Sequence[UUID]:
        """Find the engines that have something due."""

    @abstractmethod
    async def _serve(self, engine: UUID) -> bool:
        """Serve one engine; say whether more of it is likely to be due at once."""

    async def _note(self, engine: UUID, spec: Mapping[str, Any], tally: Tally) -> None:
        """Tell the engine's circuit how requests fared, and whoever waits for it if that moved it."""
        if await self._breaker.note(engine, Policy.read(spec), tally):
            self._ring()

    def _ring(self) -> None:
        """Wake what follows from this loop's work."""
        for bell in self._followers:
            bell.ring()
