"""
`baton check` as the operator asks it by itself: one invariant at a time, by one replica at a time, at a bounded cost.

Only what the rows say is asked: a command compares with the API server and the models, too. What was found is kept in
``invariant_check``, so that every replica shows the same, and nobody asks twice.
"""

import asyncio
import logging
import time

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from baton_migrations.chains import discover
from baton_migrations.check import Standing, read_state
from baton_operator.invariants.checker import INVARIANTS, check_invariants
from baton_operator.loops.loop import Bell
from baton_operator.loops.parts import Parts

logger = logging.getLogger(__name__)

#: What is asked: of the schema, only where its chains stand (``baton_schema_head``).
PERIODIC = tuple(each.number for each in INVARIANTS if each.number != "I8")
#: Seconds between two checks of one invariant; less once it is broken, so that what has passed is seen to have passed.
INTERVAL = 300.0
BROKEN_INTERVAL = 60.0
#: Seconds that one check may take; what takes longer is given up and counted as an error of this loop.
PATIENCE = 30.0
#: How many times as long as it took an invariant rests: checks never take more than a hundredth of the time each.
REST = 100.0
#: Violations that are read of one rule at most, and that are logged of one check.
LIMIT = 100
LOGGED = 5
#: Seconds between two looks for what is due, and between two looks where the chains stand.
LOOK = 15.0
CHAINS_INTERVAL = 60.0

_KNOW = text("""
INSERT INTO invariant_check (invariant) SELECT unnest(CAST(:numbers AS text[])) ON CONFLICT DO NOTHING
""")
_CLAIM = text("""
UPDATE invariant_check SET due_at = clock_timestamp() + make_interval(secs => :rest)
WHERE invariant = (SELECT invariant FROM invariant_check
                   WHERE due_at <= clock_timestamp() AND invariant = ANY(CAST(:numbers AS text[]))
                   ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING invariant
""")
_RECORD = text("""
UPDATE invariant_check SET checked_at = clock_timestamp(), violations = :violations, seconds = :seconds,
       due_at = clock_timestamp() + make_interval(secs => :rest)
WHERE invariant = :invariant
""")


class CheckLoop:
    """Checks the invariants whose turn it is, and says where the chains of migrations stand."""

    name = "check"
    pace = 1.0

    def __init__(self, parts: Parts) -> None:
        self.bell = Bell()
        self._store = parts.store
        self._metrics = parts.metrics
        self._chains_at: float | None = None

    async def turn(self) -> float:
        """
        Check one invariant at most.

        Raises:
            TimeoutError: It took longer than `PATIENCE`; it rests as if it had taken that long.
        """
        if self._chains_at is None or time.monotonic() - self._chains_at >= CHAINS_INTERVAL:
            await self._store.run(lambda session: session.run_sync(self._show_chains))
            self._chains_at = time.monotonic()
        number = await self._store.run(self._claim)
        if number is None:
            return LOOK
        await self._check(number)
        return 0.0

    async def _claim(self, session: AsyncSession) -> str | None:
        """Take the invariant that is due longest; it is not due again before a check that fails may be repeated."""
        numbers = list(PERIODIC)
        await session.execute(_KNOW, {"numbers": numbers})
        found = await session.execute(_CLAIM, {"numbers": numbers, "rest": PATIENCE * REST})
        number: str | None = found.scalar_one_or_none()
        return number

    async def _check(self, number: str) -> None:
        begun = time.monotonic()
        async with asyncio.timeout(PATIENCE):
            found = await check_invariants(self._store.database, only=[number], limit=LIMIT, patience=PATIENCE)
        took = time.monotonic() - begun
        for each in found[:LOGGED]:
            logger.error(
                "invariant.broken",
                extra={"invariant": number, "subject": each.subject, "found": each.found, "advice": each.advice},
            )
        known = {
            "invariant": number,
            "violations": len(found),
            "seconds": took,
            "rest": max(BROKEN_INTERVAL if found else INTERVAL, took * REST),
        }
        await self._store.run(lambda session: session.execute(_RECORD, known))

    def _show_chains(self, session: Session) -> None:
        for chain in read_state(session.connection(), discover()).chains:
            self._metrics.schema_head.labels(chain=chain.name).set(1 if chain.standing is Standing.AT_HEAD else 0)
