"""What kills its worker each time comes to an end: a task begins anew only so often for one attempt."""

from __future__ import annotations

from sqlalchemy import text

from baton_operator.worker.aftermath import RESTARTS, Aftermath
from baton_operator.worker.claims import requeue

_CLAIMED = text("""
UPDATE embedded_task SET state = 'running', worker = 'w1', on_crash = 'retry', started_at = clock_timestamp(),
       lease_until = clock_timestamp() - interval '1 second'
WHERE token = :token RETURNING id
""")


async def _settle(*_: object) -> None:
    """Move nothing: there is no unit."""


async def crash(queue, token: str) -> str:
    """Let a worker claim the task and fall silent; give the state that follows."""
    async with queue.database.get_async_session() as session, session.begin():
        assert (await session.execute(_CLAIMED, {"token": token})).scalar_one()
        assert await Aftermath(_settle).reclaim(session) == 1
    return await queue.cell(token, "state")


async def test_a_task_begins_anew_only_so_often(queue):
    """Five times; then the attempt fails and says so."""
    token = await queue.put("site.again")
    assert [await crash(queue, token) for _ in range(RESTARTS)] == ["queued"] * RESTARTS
    assert await crash(queue, token) == "failed"
    error = await queue.cell(token, "error")
    assert error == "the worker fell silent: its lease ran out, after the task had begun anew 5 times"


async def test_giving_back_what_was_not_begun_is_no_crash(queue):
    """A claim that came to nothing does not count."""
    token = await queue.put("site.again")
    async with queue.database.get_async_session() as session, session.begin():
        task = (await session.execute(_CLAIMED, {"token": token})).scalar_one()
        await requeue(session, task, "")
    assert await queue.cell(token, "crashes") == 0
