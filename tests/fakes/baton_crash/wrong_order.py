"""
An operator with a deliberate fault: it submits first and writes down afterwards, as tools do that submit twice.

The proof plays it to show that it can fail: `python -m baton_crash.wrong_order` in place of `baton_operator`.
"""

from __future__ import annotations

from uuid import UUID

from baton_models import new_id
from baton_operator import faults
from baton_operator.clock import boottime
from baton_operator.loops.dispatch import DispatchLoop
from baton_operator.operate import main


async def _serve(self: DispatchLoop, engine: UUID) -> bool:
    """Read what is due, send it, and only then claim it and record what came of it."""
    async with self._store.database.get_async_session() as session:
        read = await self._claim_in(session, engine, new_id(), boottime())
        await session.rollback()
    if read is None or not read.attempts:
        return False
    outcomes = dict(zip((row.id for row, _, _ in read.attempts), await self._send(read), strict=True))
    faults.hit("dispatch.record.before")
    claimed = await self._claim(engine)
    if claimed is None:
        return False
    await self._record(claimed, [outcomes[row.id] for row, _, _ in claimed.attempts])
    self._ring()
    return False


if __name__ == "__main__":
    DispatchLoop._serve = _serve  # type: ignore[method-assign]
    main()
