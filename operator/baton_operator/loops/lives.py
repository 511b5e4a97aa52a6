"""
Lives: whether the database is the one it was, and as new as the Runs. Asked once, before any loop turns.

A database that is older than the Runs would send again what engines have had long ago, and write its older statuses
over the only evidence.
"""

import contextlib
import logging
from collections.abc import AsyncIterator, Sequence

from sqlalchemy.exc import SQLAlchemyError

from baton_models.statements import lives as statements
from baton_models.statements.lives import Says
from baton_operator.kube.errors import KubeError, NotFoundError
from baton_operator.kube.resources import RunSeen
from baton_operator.loops.parts import Parts

logger = logging.getLogger(__name__)

#: Names of Runs in a log line at most.
NAMED = 10


class Lives:
    """Asks once at the start."""

    def __init__(self, parts: Parts) -> None:
        self._store = parts.store
        self._kube = parts.kube
        self._namespaces = parts.settings.namespaces
        self._metrics = parts.metrics

    async def begin(self) -> None:
        """
        Begin the first life, or make sure that this is the database whose life lasts.

        Raises:
            ForeignDatabaseError: It is a copy.
        """
        await self._store.run(statements.start)

    async def compare(self) -> bool:
        """
        Compare the Runs with the rows; where they say more, have looked for what may have been sent.

        Returns:
            Whether it is done; if not, ask again.
        """
        try:
            if await self._store.run(statements.may_be_old):
                async for page in self._pages():
                    await self._believe(page)
        except (KubeError, SQLAlchemyError, OSError) as error:
            self._metrics.loop_errors.labels(loop="start", reason=type(error).__name__).inc()
            logger.warning("runs.not_compared", extra={"reason": type(error).__name__})
            return False
        return True

    async def _pages(self) -> AsyncIterator[Sequence[RunSeen]]:
        """List the Runs that say that they were submitted or have ended; none before there is the kind."""
        with contextlib.suppress(NotFoundError):
            for namespace in self._namespaces or (None,):
                async for page in self._kube.list("Run", namespace=namespace):
                    yield [run for run in map(RunSeen.parse, page) if run.told_at]

    async def _believe(self, runs: Sequence[RunSeen]) -> None:
        """Believe those that say more than their rows; the first ones begin a new life, which explains the others."""
        says = [Says(run.uid, run.is_submitted, run.is_completed, run.told_at) for run in runs if run.told_at]
        found = set(await self._store.run(lambda session: statements.believe(session, says))) if says else ()
        if found:
            names = sorted(f"{run.namespace}/{run.name}" for run in runs if run.uid in found)
            hint = "it was restored, or lost commits: what may have been sent is looked for first"
            logger.warning("database.older_than_runs", extra={"count": len(names), "runs": names[:NAMED], "hint": hint})
