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

from baton_operator import faults
from baton_operator.kube.errors import NotFoundError
from baton_operator.kube.resources import AutomationSeen, EngineSeen, RunSeen, Seen
from baton_operator.loops.intake_definitions import DefinitionIntake
from baton_operator.loops.intake_runs import RunIntake, Unready
from baton_operator.loops.loop import Bell
from baton_operator.loops.parts import Parts

logger = logging.getLogger(__name__)

#: How long events are gathered before a batch is admitted, in seconds.
LINGER = 0.004
#: How long a reference may be missing before the API server is asked, in seconds.
PATIENCE = 1.0
#: Runs in one transaction at most.
BATCH = 100
#: Generations remembered at most, so that the echoes of our own status patches cost nothing.
REMEMBERED = 100_000

_Key = tuple[str, int, str, bool]


class IntakeLoop:
    """Takes in what is offered; one task, so what belongs to one object is taken in in its order."""

    name = "intake"
    pace = 0.05

    def __init__(self, parts: Parts, definitions: DefinitionIntake, runs: RunIntake) -> None:
        self.bell = Bell()
        self._definitions = definitions
        self._runs = runs
        self._kube = parts.kube
        self._offered: OrderedDict[str, Seen] = OrderedDict()
        self._waiting: dict[str, tuple[float, RunSeen, Unready]] = {}
        self._known: OrderedDict[str, _Key] = OrderedDict()

    def offer(self, seen: Seen) -> None:
        """Put *seen* on the list; never blocks. A later sight of the same object takes the place of an earlier one."""
        if self._known.get(seen.uid) == _key(seen):
            return
        before = self._offered.get(seen.uid)
        if before is None or not before.is_gone:
            self._offered[seen.uid] = seen
        self.bell.ring()

    def forget(self, uid: str) -> None:
        """Look at an object again although its generation is known: its row is missing or its object is gone."""
        self._known.pop(uid, None)

    async def turn(self) -> float:
        """Take in everything that is there: engines first, then automations, then runs in batches."""
        await asyncio.sleep(LINGER)
        await self._retry_waiting()
        for kind in (EngineSeen, AutomationSeen):
            for seen in self._take(kind, limit=len(self._offered)):
                await self._one_definition(seen)
        runs = self._take(RunSeen, limit=BATCH)
        if runs:
            await self._admit(runs)
        if self._offered:
            return 0.0
        return 0.1 if self._waiting else 60.0

    def _take(self, kind: type[Seen], *, limit: int) -> list[Seen]:
        uids = [uid for uid, seen in self._offered.items() if isinstance(seen, kind)][:limit]
        return [self._offered.pop(uid) for uid in uids]

    async def _one_definition(self, seen: Seen) -> None:
        try:
            await self._definitions.take(seen)
        except BaseException:
            self._offered.setdefault(seen.uid, seen)
            raise
        self._remember(seen)

    async def _admit(self, runs: Sequence[Seen]) -> None:
        """Admit a batch; where it fails, one by one, so that only the culprit waits."""
        faults.hit("intake.admit.before")
        batch = [run for run in runs if isinstance(run, RunSeen)]
        try:
            unready = await self._runs.take(batch)
        except Exception as error:
            if len(batch) == 1:
                self._offered.setdefault(batch[0].uid, batch[0])
                raise
            logger.warning("intake.batch_failed", extra={"runs": len(batch), "reason": type(error).__name__})
            for position, run in enumerate(batch):
                try:
                    await self._admit([run])
                except Exception:
                    for rest in batch[position + 1 :]:
                        self._offered.setdefault(rest.uid, rest)
                    raise
            return
        faults.hit("intake.admit.after")
        for run in batch:
            if run.uid in unready:
                begun = self._waiting.get(run.uid, (time.monotonic(), run, unready[run.uid]))[0]
                self._waiting[run.uid] = (begun, run, unready[run.uid])
            else:
                self._waiting.pop(run.uid, None)
                self._remember(run)

    async def _retry_waiting(self) -> None:
        """Offer waiting Runs again; ask the API server about references that have been missing too long."""
        for uid, (begun, run, unready) in list(self._waiting.items()):
            if run.uid in self._offered:
                continue
            if time.monotonic() - begun >= PATIENCE:
                await self._ask(run, unready)
            if uid in self._waiting:
                self._offered[uid] = run

    async def _ask(self, run: RunSeen, unready: Unready) -> None:
        """Ask the API server for a reference that no watch has brought."""
        try:
            raw = await self._kube.get(unready.kind, unready.namespace, unready.name)
        except NotFoundError:
            self._waiting.pop(run.uid, None)
            self._offered.pop(run.uid, None)
            await self._runs.refuse(run, unready)
            self._remember(run)
            return
        seen = AutomationSeen.parse(raw) if unready.kind == "Automation" else EngineSeen.parse(raw)
        await self._definitions.take(seen)

    def _remember(self, seen: Seen) -> None:
        self._known[seen.uid] = _key(seen)
        self._known.move_to_end(seen.uid)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def _key(seen: Seen) -> _Key:
    return (seen.uid, seen.generation, seen.state_by or "", seen.is_gone)
