"""What comes of tasks that run to their end."""

import pytest

from baton_models import ExecutionStatus


async def test_a_task_runs_and_its_result_is_stored(queue, worker):
    token = await queue.put("demo.hello", name="Ada")
    seen = await queue.ended(token)
    assert (seen.status, seen.reason, seen.result) == (
        ExecutionStatus.COMPLETED,
        "Succeeded",
        {"greeting": "Hello, Ada!"},
    )
    assert "saying hello to Ada" in await queue.log(token)
    assert seen.duration is not None
    assert seen.duration < 5


@pytest.mark.parametrize("task", ["site.add", "site.add-later"])
async def test_sync_and_async_tasks_give_the_same(queue, worker, task):
    assert (await queue.ended(await queue.put(task, left=2, right=3))).result == {"sum": 5}
