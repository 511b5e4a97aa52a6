"""
Restate: after a start, open Runs that show the words of another release are made due to be shown in this one's.

A release may word a status differently, and a Run at rest (suspended, or waiting, or long under way) would keep the
old words until it moves (I4). Compared is what each shows with what this release would write, so an upgrade that
changes no word writes nothing. A Run that has ended keeps the words that it ended with: there may be any number.

This is done some times after a start and then never again. While two releases run side by side the older one may take
a Run that is due and find it right as it is, hence more than once; and nobody is fought, hence not for ever.
"""

import time
from collections.abc import Callable, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.statements.mend import make_due, open_at_rest
from baton_models.statements.projection import read_runs
from baton_operator.decide.run_status import status_document
from baton_operator.kube.conditions import fingerprint
from baton_operator.loops.transactions import Store
from baton_operator.loops.views import run_view

#: Seconds after the start at which it is done: when what a dead operator left is under way again, when the older
#: release should be gone, and if it was slow.
MOMENTS = (10.0, 60.0, 300.0)
#: Runs that are compared in one transaction.
PAGE = 100


class Restatement:
    """
    Compares open Runs at rest; part of `sweep`.

    Args:
        clock: Seconds, never going back.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._begun = clock()
        self._done = 0

    async def turn(self) -> int:
        """Compare them, if a moment for it has come; give how many are due to be shown anew."""
        passed = sum(self._clock() - self._begun >= moment for moment in MOMENTS)
        if passed == self._done:
            return 0
        runs = await self._store.run(open_at_rest)
        differing = 0
        for first in range(0, len(runs), PAGE):
            differing += await self._compare(runs[first : first + PAGE])
        self._done = passed
        return differing

    async def _compare(self, runs: Sequence[UUID]) -> int:
        async def work(session: AsyncSession) -> int:
            rows = await read_runs(session, runs)
            differing = [row.id for row in rows if row.shown != fingerprint(status_document(run_view(row)))]
            if differing:
                await make_due(session, differing)
            return len(differing)

        return await self._store.run(work)
