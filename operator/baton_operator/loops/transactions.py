"""One way to run a transaction: committed at the end, repeated whole where it failed for a passing reason."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.database import DatabaseConfig
from baton_models.failures import retried, sqlstate
from baton_operator.metrics import Metrics

T = TypeVar("T")


class Store:
    """Baton's database, as loops use it."""

    def __init__(self, database: DatabaseConfig, metrics: Metrics) -> None:
        self.database = database
        self._metrics = metrics

    async def run(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """
        Do *work* in one transaction.

        Args:
            work: Repeatable: it is guarded by keys, versions or leases, so a COMMIT whose answer was lost is settled
                by doing it again.
        """

        async def once() -> T:
            begun = time.monotonic()
            async with self.database.get_async_session() as session, session.begin():
                await session.connection()
                self._metrics.db_wait.observe(time.monotonic() - begun)
                return await work(session)

        return await retried(once, failed=self._count)

    def _count(self, error: BaseException) -> None:
        self._metrics.db_retries.labels(reason=sqlstate(error) or type(error).__name__).inc()
