"""An order to stop names a task: it ends that one, and never another that runs by now."""

import asyncio
import os
import uuid

import pytest

from baton_operator.worker.children import ChildProcess
from baton_operator.worker.pipes import ChildConfig


@pytest.fixture
async def child(shared_database, site):
    """A real child process, with this test as its supervisor."""
    name = f"test/{uuid.uuid4().hex}"
    config = ChildConfig(shared_database, name, lease=60, log_format="json", log_level="INFO")
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    child = await ChildProcess.start(config, {**os.environ, "PYTHONPATH": path})
    hearing = asyncio.create_task(hear(child))
    yield child, hearing
    await child.end("stopped", grace=0)
    await hearing


async def hear(child):
    async for _ in child.reports():
        pass
    return await child.ended()


async def test_an_order_for_another_task_ends_nothing(queue, child):
    process, _ = child
    token = await queue.put("site.wait", seconds=1)
    process.order("wake")
    await queue.says(token, "waiting")
    process.order(f"stop {uuid.uuid4()}")
    assert (await queue.ended(token)).native == "succeeded"
    following = await queue.put("site.add", left=1)
    process.order("wake")
    assert (await queue.ended(following)).result == {"sum": 2}


async def test_an_order_for_its_task_ends_it_and_leaves_the_verdict_to_the_supervisor(queue, child):
    process, hearing = child
    token = await queue.put("site.wait", seconds=300)
    process.order("wake")
    await queue.says(token, "waiting")
    await process.end("cancelled", grace=10)
    assert await asyncio.wait_for(asyncio.shield(hearing), 60) == "exit status 0"
    assert (await queue.look(token)).native == "running"
