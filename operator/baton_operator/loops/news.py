"""News from workers: what their tasks have settled is shown and followed up without waiting for a poll."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from baton_models.database import DatabaseConfig
from baton_operator.loops.loop import Bell

logger = logging.getLogger(__name__)

#: Workers tell here that a transaction of theirs has moved a unit.
SETTLED = "baton_settled"
#: Seconds until a lost connection is opened anew; polls go on meanwhile.
AGAIN = 2.0


class News:
    """Rings bells when a worker has told something."""

    def __init__(self, database: DatabaseConfig, bells: Sequence[Bell]) -> None:
        self._database = database
        self._bells = bells

    async def run(self, stopping: asyncio.Event) -> None:
        """Listen until *stopping*."""
        listening = asyncio.create_task(self._listen(), name="news")
        await stopping.wait()
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening

    async def _listen(self) -> None:
        while True:
            try:
                async for _ in self._database.notifications(SETTLED):
                    for bell in self._bells:
                        bell.ring()
            except (SQLAlchemyError, psycopg.Error, OSError) as error:
                logger.info("news.lost", extra={"reason": type(error).__name__})
            await asyncio.sleep(AGAIN)
