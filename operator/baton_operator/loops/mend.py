"""
Mend: a Run whose status somebody else has written over is shown anew, within half a minute (I4).

One question to the database answers for all Runs whose status is not known to be right; ordinarily there are none.
What differs then is read from the API server before anything is said or done: what a watch told may be late. Whoever
writes over each repair is answered ever more slowly: nobody is fought.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from baton_models.statements.mend import LastShown, last_shown, show_again
from baton_operator.kube.conditions import fingerprint
from baton_operator.kube.errors import KubeError, NotFoundError
from baton_operator.kube.resources import RunSeen
from baton_operator.loops.intake import IntakeLoop
from baton_operator.loops.loop import Bell
from baton_operator.loops.parts import Parts
from baton_operator.loops.witness import SETTLE, Suspicion, Witness

logger = logging.getLogger(__name__)

#: Runs that are compared with one statement, and of these read from the API server in one turn, some at once.
BATCH, READS, READS_AT_ONCE = 500, 50, 8

#: Reads a Run by namespace and name, as `KubeClient.get` does.
Read = Callable[[str, str], Awaitable[Mapping[str, Any]]]


class MendLoop:
    """
    Looks at what the witness suspects; turns with `intake`.

    Args:
        read: Asks the API server.
        projecting: Rung when something is to be shown.
    """

    name = "intake"
    pace = 0.5

    def __init__(self, parts: Parts, witness: Witness, intake: IntakeLoop, *, read: Read, projecting: Bell) -> None:
        self.bell = Bell()
        self._store = parts.store
        self._witness = witness
        self._intake = intake
        self._read = read
        self._projecting = projecting

    async def turn(self) -> float:
        """Compare what is due with the rows."""
        suspicions = self._witness.due(limit=BATCH)
        if not suspicions:
            return 1.0
        uids = [each.run.uid for each in suspicions]
        shown = await self._store.run(lambda session: last_shown(session, uids, settled=timedelta(seconds=SETTLE)))
        odd = [each for each in suspicions if not self._is_settled(each, shown.get(each.run.uid))]
        await self._mend(odd[:READS], shown)
        return 0.0 if len(suspicions) == BATCH else 1.0

    def _is_settled(self, suspicion: Suspicion, shown: LastShown | None) -> bool:
        """Conclude what the rows are enough for; False where the API server is to be asked."""
        run = suspicion.run
        if shown is None:
            if not run.is_completed:  # one that was refused without a row, and does not say so any more
                self._intake.offer_again(run)
            self._witness.drop(suspicion)
        elif shown.digest == suspicion.found:
            self._witness.wrote(run.uid, suspicion.found)
        elif shown.digest is None:  # it is about to be shown for the first time, or anew
            self._witness.drop(suspicion)
        elif not shown.rests:
            self._witness.later(suspicion)
        else:
            return False
        return True

    async def _mend(self, suspicions: Sequence[Suspicion], shown: Mapping[str, LastShown]) -> None:
        """Read the Runs as they are; show those anew that are not as they should be."""
        gate = asyncio.Semaphore(READS_AT_ONCE)

        async def look(each: Suspicion) -> str | None:
            async with gate:
                return await self._look(each, shown[each.run.uid])

        looks = await asyncio.gather(*(look(each) for each in suspicions))
        found = {each.run.uid: what for each, what in zip(suspicions, looks, strict=True) if what is not None}
        if not found:
            return
        again = await self._store.run(lambda session: show_again(session, found))
        for each in suspicions:
            if each.run.uid in again:
                logger.warning("status.overwritten", extra={"run": f"{each.run.namespace}/{each.run.name}"})
                self._witness.mended(each)
            elif each.run.uid in found:
                self._witness.later(each)
        self._projecting.ring()

    async def _look(self, suspicion: Suspicion, shown: LastShown) -> str | None:
        """Read one Run; give SHA-256 of what it shows where that is somebody else's."""
        run = suspicion.run
        try:
            there = RunSeen.parse(await self._read(run.namespace, run.name))
        except NotFoundError:
            self._witness.drop(suspicion)
            return None
        except KubeError:
            self._witness.later(suspicion)
            return None
        found = fingerprint(there.status)
        if there.uid == run.uid and found != shown.digest:
            return found
        self._witness.drop(suspicion)
        return None
