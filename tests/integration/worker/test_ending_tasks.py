"""A task really ends when it is cancelled or out of time, whatever it is doing."""

import pytest

from baton_models import ExecutionStatus
from baton_operator.engines.base import CancelOutcome


async def cancel(queue, token):
    return await queue.adapter.cancel(queue.reference(token), "stop", "a person asked")


@pytest.mark.parametrize(("task", "word"), [("demo.sleep", "sleeping"), ("site.wait", "waiting")])
async def test_a_cancel_ends_a_running_task(queue, worker, task, word):
    token = await queue.put(task, seconds=300)
    await queue.says(token, word)
    assert await cancel(queue, token) is CancelOutcome.ACCEPTED
    seen = await queue.ended(token, within=5)
    assert (seen.status, seen.reason) == (ExecutionStatus.CANCELLED, "Cancelled")
    assert word in await queue.log(token)


async def test_a_task_that_refuses_to_end_is_killed(queue, worker):
    token = await queue.put("site.stubborn", seconds=300)
    await queue.says(token, "stubborn")
    (child,) = worker.children()
    await cancel(queue, token)
    assert (await queue.ended(token, within=8)).native == "cancelled"
    assert child not in worker.children()


async def test_a_task_that_is_ended_may_clean_up(queue, worker, tmp_path):
    token = await queue.put("site.careful", file=str(tmp_path / "file"))
    await queue.says(token, "begun")
    await cancel(queue, token)
    await queue.ended(token)
    assert (tmp_path / "file").read_text() == "cleaned up"


async def test_the_next_task_runs_after_one_was_ended(queue, worker):
    token = await queue.put("demo.sleep", seconds=300)
    await queue.says(token, "sleeping")
    following = await queue.put("site.add", left=1)
    await cancel(queue, token)
    assert (await queue.ended(following)).native == "succeeded"


async def test_a_blocking_task_is_ended_at_the_limit_of_its_request(queue, worker):
    seen = await queue.ended(await queue.put("demo.sleep", limit=1, seconds=300))
    assert (seen.status, seen.reason, seen.native) == (ExecutionStatus.FAILED, "TimedOut", "timedout")
    assert seen.duration is not None
    assert 1 <= seen.duration < 5


async def test_a_blocking_task_is_ended_at_its_own_limit(queue, worker):
    seen = await queue.ended(await queue.put("site.limited", limit=100))
    assert seen.native == "timedout"


async def test_a_queued_task_is_cancelled_without_a_worker(queue):
    token = await queue.put("demo.noop")
    assert await cancel(queue, token) is CancelOutcome.ACCEPTED
    seen = await queue.look(token)
    assert (seen.native, seen.message) == ("cancelled", "a person asked")
    assert seen.finished_at is not None


async def test_what_has_ended_is_never_cancelled(queue, worker):
    token = await queue.put("demo.noop")
    ended = await queue.ended(token)
    assert await cancel(queue, token) is CancelOutcome.ALREADY_TERMINAL
    assert await queue.look(token) == ended


async def test_what_was_never_there_is_not_found(queue):
    assert await cancel(queue, "baton-nobody-a1") is CancelOutcome.NOT_FOUND
