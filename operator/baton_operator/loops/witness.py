"""
Witness: what the watches and lists show of Runs, against what was written to them.

It only remembers and compares, so an echo of a write of our own costs neither a statement nor a request. What is there
instead is looked at by `mend`, some seconds later: it may be older than our last write, or another replica's.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from baton_operator.kube.conditions import fingerprint
from baton_operator.kube.resources import RunSeen

#: Seconds that a status must have been there before it is looked at.
SETTLE = 2.0
#: Seconds between two repairs of one Run at most, if somebody writes over each; within 30 it is to be ours again.
LONGEST = 20.0
#: Seconds without a repair after which the next one is as quick as the first.
PEACE = 300.0
#: Runs whose status or repairs are remembered at most.
REMEMBERED = 20_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Suspicion:
    """
    A status that may be somebody else's.

    Attributes:
        run: The Run as it was seen last.
        found: SHA-256 of its status.
        due: When it is to be looked at, by the witness's clock.
    """

    run: RunSeen
    found: str
    due: float


class Witness:
    """
    Says which Runs show what was not written to them.

    Args:
        clock: Seconds, never going back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._right: OrderedDict[str, str] = OrderedDict()
        self._odd: dict[str, Suspicion] = {}
        self._mended: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wrote(self, uid: str, digest: str) -> None:
        """Note that a status was written, or was found to be what it should be."""
        _remember(self._right, uid, digest)
        if uid in self._odd and self._odd[uid].found == digest:
            del self._odd[uid]

    def saw(self, run: RunSeen) -> None:
        """Note what a Run shows; one that was only just created shows nothing, which is no suspicion."""
        if run.is_gone or (run.type == "ADDED" and not run.status):
            self._odd.pop(run.uid, None)
            return
        found = fingerprint(run.status)
        if self._right.get(run.uid) == found:
            self._odd.pop(run.uid, None)
            return
        self._right.pop(run.uid, None)
        before = self._odd.get(run.uid)
        self._odd[run.uid] = Suspicion(run, found, before.due if before else self._clock() + self._delay(run.uid))

    def due(self, *, limit: int) -> Sequence[Suspicion]:
        """Give up to *limit* suspicions that are to be looked at."""
        now = self._clock()
        return [each for each in self._odd.values() if each.due <= now][:limit]

    def later(self, suspicion: Suspicion) -> None:
        """Put a suspicion off: somebody is showing the Run right now."""
        if suspicion.run.uid in self._odd:
            newest = self._odd[suspicion.run.uid]
            self._odd[suspicion.run.uid] = Suspicion(newest.run, newest.found, self._clock() + SETTLE)

    def drop(self, suspicion: Suspicion) -> None:
        """Forget a suspicion, unless something else was seen meanwhile."""
        if self._odd.get(suspicion.run.uid) is suspicion:
            del self._odd[suspicion.run.uid]

    def mended(self, suspicion: Suspicion) -> None:
        """Note that a Run is to be shown anew: if that is written over too, the next repair waits longer."""
        uid, now = suspicion.run.uid, self._clock()
        _remember(self._mended, uid, (self._repairs(uid, now) + 1, now))
        self.drop(suspicion)

    def _delay(self, uid: str) -> float:
        return float(min(SETTLE * 2 ** min(self._repairs(uid, self._clock()), 8), LONGEST))

    def _repairs(self, uid: str, now: float) -> int:
        repairs, last = self._mended.get(uid, (0, now))
        return repairs if now - last < PEACE else 0


def _remember(things: OrderedDict[str, T], uid: str, thing: T) -> None:
    things[uid] = thing
    things.move_to_end(uid)
    if len(things) > REMEMBERED:
        things.popitem(last=False)
