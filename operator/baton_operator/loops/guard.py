"""
Guard: hold a deleted Run back until its work is cancelled, where its Automation says so (``deletionPolicy: Cancel``).

The cancel itself follows from the rows, held back or not. The finalizer only keeps the object there, so that people
see what becomes of it, and its name is not used again beside work that still runs.
"""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

from baton_models.statements import guard as statements
from baton_models.statements.projection import LEASE
from baton_operator import faults
from baton_operator.kube.errors import ForbiddenError, KubeError, NotFoundError
from baton_operator.kube.resources import FINALIZER
from baton_operator.loops.loop import Bell
from baton_operator.loops.parts import Parts
from baton_operator.loops.write_window import WriteWindow

#: Objects that one turn sees to at most.
BATCH = 50
#: When to come again, after a claim's end: where the object had changed meanwhile, and where it may not be written.
CHANGED, FORBIDDEN = timedelta(seconds=1) - LEASE, timedelta(0)


class GuardLoop:
    """Puts finalizers on Runs and takes them away; turns with `project`."""

    name = "project"
    pace = 0.5

    def __init__(self, parts: Parts) -> None:
        self.bell = Bell()
        self._store = parts.store
        self._kube = parts.kube
        self._metrics = parts.metrics

    async def turn(self) -> float:
        """See to what is due."""
        window = WriteWindow()
        rows = await self._store.run(lambda session: statements.claim(session, lease_for=LEASE, limit=BATCH))
        if not rows:
            return 1.0
        faults.hit("guard.patch.before")
        done = await asyncio.gather(*(self._see_to(row, window) for row in rows))
        await self._store.run(lambda session: statements.record(session, done))
        return 0.0 if len(rows) >= BATCH else 1.0

    async def _see_to(self, row: Any, window: WriteWindow) -> tuple[UUID, Any, str | None, timedelta | None]:
        """Put one finalizer there, or take it away; say what is there now."""
        wanted = not row.over
        try:
            async with window.write():
                await self._kube.set_finalizer(
                    "Run", row.namespace, row.name, uid=row.uid, finalizer=FINALIZER, wanted=wanted
                )
            faults.hit("guard.patch.after")
        except NotFoundError:
            return row.id, row.lease, None, None
        except (KubeError, TimeoutError) as error:
            self._metrics.loop_errors.labels(loop=self.name, reason=type(error).__name__).inc()
            again_in = FORBIDDEN if isinstance(error, ForbiddenError) else CHANGED
            return row.id, row.lease, "wanted" if wanted else "held", again_in
        return row.id, row.lease, "held" if wanted else None, None
