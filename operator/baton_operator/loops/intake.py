"""
Intake: from what the watches say to rows.

A watch may bring a Run before its Automation: a reference that is not there waits one second, then the API server is
asked, and only its 404 refuses. Known generations are passed over without a look at the database.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice
from typing import TypeVar

from baton_models.failures import is_transient, sqlstate
from baton_operator import faults
from baton_operator.kube.errors import KubeError, NotFoundError
from baton_operator.kube.resources import AutomationSeen, EngineSeen, RunSeen, Seen
from baton_operator.loops.intake_definitions import DefinitionIntake
from baton_operator.loops.intake_runs import RunIntake, Unready
from baton_operator.loops.loop import Bell
from baton_operator.loops.parts import Parts
from baton_operator.loops.witness import Witness

logger = logging.getLogger(__name__)

#: How long events are gathered before a batch is admitted, in seconds.
LINGER = 0.004
#: How long a reference may be missing before the API server is asked, in seconds.
PATIENCE = 1.0
#: Runs in one transaction at most.
BATCH = 100
#: Generations remembered at most, so that the echoes of our own status patches cost nothing.
REMEMBERED = 100_000

#: Classes of SQLSTATE that speak of the values: data exception, integrity constraint violation.
UNKEEPABLE = frozenset({"22", "23"})
#: Seconds that an object waits which cannot be taken in, at most; it begins with one.
LONGEST_ASIDE = 60.0

T = TypeVar("T", bound=Seen)

_Key = tuple[str, int, str, str]


class IntakeLoop:
    """Takes in what is offered; one task, so what belongs to one object is taken in in its order."""

    name = "intake"
    pace = 0.05

    def __init__(self, parts: Parts, definitions: DefinitionIntake, runs: RunIntake, witness: Witness) -> None:
        self.bell = Bell()
        self._definitions = definitions
        self._runs = runs
        self._witness = witness
        self._kube = parts.kube
        self._offered: OrderedDict[str, Seen] = OrderedDict()
        self._waiting: dict[str, tuple[float, RunSeen, Unready]] = {}
        self._known: OrderedDict[str, _Key] = OrderedDict()
        self._aside: dict[str, tuple[float, float, Seen]] = {}
        self._ask_after = 0.0
        self._metrics = parts.metrics

    def offer(self, seen: Seen) -> None:
        """Put *seen* on the list; never blocks. A later sight of the same object takes the place of an earlier one."""
        if isinstance(seen, RunSeen):
            self.glance(seen)
        if self._known.get(seen.uid) == _key(seen):
            return
        before = self._offered.get(seen.uid)
        if before is None or not before.is_gone:
            self._offered[seen.uid] = seen
        self.bell.ring()

    def offer_again(self, seen: Seen) -> None:
        """Put *seen* on the list although it was taken in before."""
        self._known.pop(seen.uid, None)
        self.offer(seen)

    def glance(self, run: RunSeen) -> None:
        """Note only what *run* shows; never blocks."""
        self._witness.saw(run)

    async def turn(self) -> float:
        """Take in everything that is there: engines first, then automations, then runs in batches."""
        await asyncio.sleep(LINGER)
        self._retry_aside()
        await self._retry_waiting()
        for kind in (EngineSeen, AutomationSeen):
            for seen in self._next(kind, limit=len(self._offered)):
                await self._define(seen)
        runs = self._next(RunSeen, limit=BATCH)
        if runs:
            await self._admit(runs)
        if self._offered:
            return 0.0
        return 0.1 if self._waiting else 1.0 if self._aside else 60.0

    def _next(self, kind: type[T], *, limit: int) -> list[T]:
        """Give what is next of a kind; it stays on the list until it is done, so a failure loses nothing."""
        return list(islice((seen for seen in self._offered.values() if isinstance(seen, kind)), limit))

    def _done(self, seen: Seen) -> None:
        """Take *seen* off the list, unless something newer has come meanwhile."""
        if self._offered.get(seen.uid) is seen:
            del self._offered[seen.uid]
        self._aside.pop(seen.uid, None)
        self._remember(seen)

    async def _define(self, seen: Seen) -> None:
        try:
            await self._definitions.take(seen)
        except Exception as error:
            if is_transient(error):
                raise
            self._set_aside(seen, error)
        else:
            self._done(seen)

    def _set_aside(self, seen: Seen, error: Exception) -> None:
        """Let an object wait that cannot be taken in, whoever's fault it is: the others go on."""
        self._metrics.loop_errors.labels(loop=self.name, reason=type(error).__name__).inc()
        logger.error("intake.set_aside", extra={"object": f"{seen.namespace}/{seen.name}"}, exc_info=error)
        delay = min(2 * self._aside[seen.uid][1], LONGEST_ASIDE) if seen.uid in self._aside else 1.0
        self._aside[seen.uid] = (time.monotonic() + delay, delay, seen)
        if self._offered.get(seen.uid) is seen:
            del self._offered[seen.uid]

    def _retry_aside(self) -> None:
        for uid, (until, _, seen) in self._aside.items():
            if until <= time.monotonic():
                self._offered.setdefault(uid, seen)

    async def _admit(self, batch: Sequence[RunSeen]) -> None:
        faults.hit("intake.admit.before")
        try:
            unready = await self._runs.take(batch)
        except Exception as error:
            if is_transient(error):
                raise
            await self._admit_apart(batch, error)
            return
        faults.hit("intake.admit.after")
        for run in batch:
            if run.uid in unready:
                begun = self._waiting.get(run.uid, (time.monotonic(), run, unready[run.uid]))[0]
                self._waiting[run.uid] = (begun, run, unready[run.uid])
                self._offered.pop(run.uid, None)
            else:
                self._waiting.pop(run.uid, None)
                self._done(run)

    async def _admit_apart(self, batch: Sequence[RunSeen], error: Exception) -> None:
        """Admit one by one what failed together: the culprit is refused if PostgreSQL cannot keep it, or waits."""
        if len(batch) > 1:
            logger.warning("intake.batch_failed", extra={"runs": len(batch), "reason": type(error).__name__})
            for run in batch:
                await self._admit([run])
            return
        (run,) = batch
        if (sqlstate(error) or "")[:2] in UNKEEPABLE and await self._runs.refuse_unkept(run, error):
            self._done(run)
        else:
            self._set_aside(run, error)

    async def _retry_waiting(self) -> None:
        """Offer waiting Runs again; ask the API server about references that have been missing too long."""
        for uid, (begun, run, unready) in list(self._waiting.items()):
            if run.uid in self._offered:
                continue
            if time.monotonic() - begun >= PATIENCE and time.monotonic() >= self._ask_after:
                await self._ask(run, unready)
            if uid in self._waiting:
                self._offered[uid] = run

    async def _ask(self, run: RunSeen, unready: Unready) -> None:
        """Ask the API server for a reference that no watch has brought."""
        try:
            raw = await self._kube.get(unready.kind, unready.namespace, unready.name)
        except NotFoundError:
            if unready.kind == "Run" or unready.reason == "RefNotPermitted":  # whether there is one is not to be told
                self._runs.decide_now(run, unready.kind)
                return
            await self._runs.refuse(run, unready)
            self._waiting.pop(run.uid, None)
            self._done(run)
            return
        except KubeError as error:
            logger.warning("intake.cannot_ask", extra={"reason": type(error).__name__})
            self._ask_after = time.monotonic() + PATIENCE
            return
        if unready.kind == "Run":
            self._bring_parent(run, RunSeen.parse(raw), unready)
            return
        seen = AutomationSeen.parse(raw) if unready.kind == "Automation" else EngineSeen.parse(raw)
        await self._definitions.take(seen)
        if unready.kind == "Engine":
            await self._definitions.resolve_again(run.namespace, run.spec["automationRef"]["name"])
            self._runs.decide_now(run, "Engine")

    def _bring_parent(self, run: RunSeen, parent: RunSeen, unready: Unready) -> None:
        """Take in the Run that *run* follows; one that has ended and has no row was refused, or its row is lost."""
        if parent.is_completed or parent.uid == run.uid:
            self._runs.decide_now(run, "Run")
        else:
            self.offer(parent)
            self._waiting[run.uid] = (time.monotonic(), run, unready)

    def _remember(self, seen: Seen) -> None:
        self._known[seen.uid] = _key(seen)
        self._known.move_to_end(seen.uid)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def _key(seen: Seen) -> _Key:
    life = "gone" if seen.is_gone else "deleting" if seen.deleting_since else ""
    return (seen.uid, seen.generation, seen.state_by or "", life)
