"""A task that is ended by Baton has written nothing."""

import pytest

WAITING = ["acme.note-and-wait", "acme.note-and-wait-later"]


@pytest.mark.parametrize("task", WAITING)
async def test_a_task_at_its_timeout_leaves_no_row(queue, worker, books, hand, task):
    token = await hand(task, line=f"too slow {task}", limit=1)
    assert (await queue.ended(token)).native == "timedout"
    assert (books.lines(token), books.run(token)[0]) == ([], "FAILED")


@pytest.mark.parametrize("task", WAITING)
async def test_a_cancelled_task_leaves_no_row(queue, worker, books, hand, task):
    token = await hand(task, line=f"cancelled {task}")
    await queue.says(token, "begun")
    await queue.adapter.cancel(queue.reference(token), "graceful", "not wanted any more")
    assert (await queue.ended(token)).native == "cancelled"
    assert books.lines(token) == []
