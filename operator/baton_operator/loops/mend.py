"""
Mend: a Run whose status somebody else has written over is shown anew, within half a minute (I4).

One question to the database answers for all Runs whose status is not known to be right; ordinarily there are none.
Whoever writes over each repair is answered ever more slowly: nobody is fought.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.statements.mend import LastShown, last_shown, show_again
from baton_operator.loops.intake import IntakeLoop
from baton_operator.loops.loop import Bell
from baton_operator.loops.parts import Parts
from baton_operator.loops.witness import SETTLE, Suspicion, Witness

logger = logging.getLogger(__name__)

#: Runs that are compared with one statement.
BATCH = 500


class MendLoop:
    """Looks at what the witness suspects; turns with `intake`."""

    name = "intake"
    pace = 0.5

    def __init__(self, parts: Parts, witness: Witness, intake: IntakeLoop, projecting: Bell) -> None:
        self.bell = Bell()
        self._store = parts.store
        self._witness = witness
        self._intake = intake
        self._projecting = projecting

    async def turn(self) -> float:
        """Compare what is due with the rows."""
        suspicions = self._witness.due(limit=BATCH)
        if not suspicions:
            return 1.0
        shown, again = await self._store.run(lambda session: _compare(session, suspicions))
        for each in suspicions:
            self._conclude(each, shown.get(each.run.uid), is_again=each.run.uid in again)
        if again:
            self._projecting.ring()
        return 0.0 if len(suspicions) == BATCH else 1.0

    def _conclude(self, suspicion: Suspicion, shown: LastShown | None, *, is_again: bool) -> None:
        run = suspicion.run
        if is_again:
            logger.warning("status.overwritten", extra={"run": f"{run.namespace}/{run.name}"})
            self._witness.mended(suspicion)
        elif shown is None:
            if not run.is_completed:  # one that was refused without a row, and does not say so any more
                self._intake.offer_again(run)
            self._witness.drop(suspicion)
        elif shown.digest == suspicion.found:
            self._witness.wrote(run.uid, suspicion.found)
        elif shown.digest is None:  # it is about to be shown for the first time, or anew
            self._witness.drop(suspicion)
        else:
            self._witness.later(suspicion)


async def _compare(session: AsyncSession, suspicions: Sequence[Suspicion]) -> tuple[Mapping[str, LastShown], set[str]]:
    """Read what was shown last, and make due what rests and shows something else."""
    found = {each.run.uid: each.found for each in suspicions}
    shown = await last_shown(session, list(found), settled=timedelta(seconds=SETTLE))
    odd = {
        uid: found[uid]
        for uid, last in shown.items()
        if last.rests and last.digest is not None and last.digest != found[uid]
    }
    return shown, await show_again(session, odd) if odd else set()
