"""The child that calls hooks is there while there are any, like those for tasks."""

import asyncio
import time


async def test_a_child_for_hooks_comes_with_them_and_goes_without(queue, start_worker, books, hand):
    """None starts for a Run without hooks; with the next hook another one comes."""
    worker = start_worker(BATON_WORKER_IDLE="0.8")
    await queue.ended(await hand("acme.note", line="no hooks"))
    assert len(worker.children()) == 1
    for line in ("hooks", "again"):
        token = await hand("acme.note", spec={"hooks": {"onFinish": {"task": "acme.seen"}}}, line=line)
        await queue.ended(token)
        await until(lambda token=token: called(books, token) == [("succeeded",)])
        await until(lambda: not worker.children())


def called(books, token):
    """Give the states of the Run's hooks."""
    return books.read(
        "SELECT t.state FROM embedded_task t JOIN dispatch_attempt a ON a.run_id = t.run_id WHERE a.token = %s", token
    )


async def until(holds, within=180.0):
    """Wait until it holds."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
