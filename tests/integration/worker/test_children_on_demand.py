"""A worker has children while there is work: they start when a task waits, stay for the next, and go after a while."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from pathlib import Path

import psycopg
import pytest
from laid_out import lay_out

HERE = Path(__file__).parent


async def until(holds, within=180.0):
    """Wait until it holds; give what it gave."""
    deadline = time.monotonic() + within
    while not (found := holds()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    return found


async def seen(worker, seconds):
    """Give every set of children that *worker* had within the next *seconds*."""
    found, end = set(), time.monotonic() + seconds
    while time.monotonic() < end:
        found.add(frozenset(worker.children()))
        await asyncio.sleep(0.02)
    return found


def records(worker, event):
    """Read what the worker has recorded of one kind."""
    lines = worker.log.read_text().splitlines()
    return [each for each in map(json.loads, lines) if each["event"] == event]


async def ready(worker):
    """Wait until it has begun its work."""
    await until(lambda: records(worker, "worker.ready"))


async def test_there_is_no_child_before_there_is_work(queue, start_worker):
    """A task that must not begin yet is none, either."""
    worker = start_worker(concurrency=2)
    early = await queue.put("site.add", left=1, acked=False)
    await ready(worker)
    assert await seen(worker, 1.5) == {frozenset()}
    await queue.acknowledge([early])
    assert (await queue.ended(early)).native == "succeeded"


async def test_a_child_starts_for_a_task_and_stays_for_the_next_one(queue, start_worker):
    worker = start_worker(concurrency=2)
    await ready(worker)
    await queue.ended(await queue.put("site.add", left=1))
    (child,) = worker.children()
    assert [each["entry_point"] for each in records(worker, "tasks.not_loaded")] == ["broken"]
    for _ in range(5):
        await queue.ended(await queue.put("site.add", left=1))
    assert worker.children() == [child]


async def test_a_task_that_was_not_announced_is_found(queue, start_worker, shared_database):
    """By a worker without a child, and by one whose child has nothing to do."""
    worker = start_worker()
    await ready(worker)
    with psycopg.connect(shared_database, autocommit=True) as connection:
        for _ in range(2):
            token = await queue.put("site.add", left=1, acked=False)
            connection.execute("UPDATE dispatch_attempt SET state = 'ACKED' WHERE token = %s", [token])
            assert (await queue.ended(token)).native == "succeeded"
    assert len(records(worker, "child.ready")) == 1


async def test_there_are_as_many_children_as_tasks_but_no_more_than_allowed(queue, start_worker):
    worker = start_worker(concurrency=2)
    await ready(worker)
    first = await queue.put("site.wait", seconds=300)
    await queue.says(first, "waiting")
    assert {len(each) for each in await seen(worker, 1.2)} == {1}
    rest = await queue.put_many([("site.wait", {"seconds": 300})] * 2)
    await until(lambda: len(worker.children()) == 2)
    assert {len(each) for each in await seen(worker, 1.2)} == {2}
    for token in (*rest, first):
        await queue.adapter.cancel(queue.reference(token), "stop", "the test is over")
        await queue.ended(token)


async def test_a_child_without_work_goes_quietly_and_the_next_task_gets_another(queue, start_worker):
    worker = start_worker(concurrency=2, BATON_WORKER_IDLE="0.8")
    tokens = await queue.put_many([("site.wait", {"seconds": 0.5})] * 2)
    for token in tokens:
        await queue.ended(token)
    await until(lambda: not worker.children())
    assert await seen(worker, 1.2) == {frozenset()}
    assert (await queue.ended(await queue.put("site.add", left=1))).native == "succeeded"
    assert records(worker, "child.ended") == []


async def test_tasks_that_come_as_children_go_are_executed(queue, start_worker, tmp_path):
    """The child goes as soon as it can; the tasks come earlier and later, each of them is executed once."""
    worker = start_worker(BATON_WORKER_IDLE="0")
    for number in range(8):
        file = tmp_path / str(number)
        token = await queue.put("site.once", file=str(file), seconds=0)
        await queue.ended(token)
        assert file.read_text() == "x\n"
        await asyncio.sleep(number * 0.08)  # between at once, and after the child has gone
    assert records(worker, "child.ended") == []


@pytest.fixture
async def leaving(queue, start_worker):
    """A worker whose only child was told to retire and does not yet: it is frozen."""
    worker = start_worker(BATON_WORKER_IDLE="1", BATON_LOG_LEVEL="DEBUG")
    await queue.ended(await queue.put("site.add", left=1))
    (child,) = worker.children()
    os.kill(child, signal.SIGSTOP)
    await until(lambda: records(worker, "child.retiring"))
    return worker, child


async def test_a_child_that_was_told_to_go_takes_what_has_come_meanwhile(queue, leaving):
    worker, child = leaving
    token = await queue.put("site.add", left=1)
    os.kill(child, signal.SIGCONT)
    assert (await queue.ended(token)).native == "succeeded"
    await until(lambda: child not in worker.children())
    assert len(records(worker, "child.ready")) == 1


async def test_a_task_that_finds_the_child_gone_gets_another(queue, leaving):
    _, child = leaving
    token = await queue.put("site.add", left=1)
    os.kill(child, signal.SIGKILL)
    assert (await queue.ended(token)).native == "succeeded"


async def test_a_child_that_does_not_answer_keeps_no_task_waiting(queue, start_worker):
    """It is frozen while it has nothing to do; after a lease another one is started, as for one that starts slowly."""
    worker = start_worker(concurrency=8, lease=2)
    await queue.ended(await queue.put("site.add", left=1))
    frozen = worker.children()
    for each in frozen:
        os.kill(each, signal.SIGSTOP)
    assert (await queue.ended(await queue.put("site.add", left=1))).native == "succeeded"
    assert len(worker.children()) > len(frozen)
    for each in frozen:
        os.kill(each, signal.SIGCONT)


async def test_a_task_that_nobody_can_take_starts_one_child_only(queue, start_worker, shared_database):
    """Somebody holds its row: the child waits for it, longer than it would without work."""
    token = await queue.put("site.add", left=1)
    with psycopg.connect(shared_database) as holder:
        holder.execute("SELECT FROM embedded_task WHERE token = %s FOR UPDATE", [token])
        worker = start_worker(BATON_WORKER_IDLE="0.5")
        children = frozenset(await until(worker.children))
        await until(lambda: records(worker, "child.ready"))
        assert await seen(worker, 2) == {children}
    assert (await queue.ended(token)).native == "succeeded"


@pytest.fixture
def troubled(start_worker, site, tmp_path):
    """Starts a worker with a package that is in trouble while a file is there; gives both."""

    def start(trouble):
        file = tmp_path / trouble
        file.touch()
        points = "baton.tasks: troubled = troubled_at_import"
        package = lay_out(tmp_path / "site", "troubled", [HERE / "troubled_at_import.py"], points)
        path = os.pathsep.join(filter(None, [str(site), str(package), os.environ.get("PYTHONPATH")]))
        return start_worker(PYTHONPATH=path, BATON_TASK_FOLDER=str(tmp_path)), file

    return start


async def test_children_that_end_at_their_start_are_started_ever_later(queue, troubled):
    """Until a child begins the task; the worker drains meanwhile as ever."""
    worker, trouble = troubled("ends")
    token = await queue.put("site.add", left=1)
    ended = await until(lambda: len(found := records(worker, "child.ended")) == 3 and found)
    assert {each["how"] for each in ended} == {"exit status 3"}
    assert await seen(worker, 1) == {frozenset()}  # half a second, then one and a half, then three and a half
    trouble.unlink()
    assert (await queue.ended(token)).native == "succeeded"


async def test_a_worker_drains_while_a_child_starts(queue, troubled):
    """The child begins nothing; the task waits for another worker."""
    worker, trouble = troubled("is-slow")
    token = await queue.put("site.add", left=1)
    await until(worker.children)
    worker.process.terminate()
    await until(lambda: records(worker, "worker.draining"))
    trouble.unlink()
    assert await asyncio.to_thread(worker.process.wait, 180) == 0
    assert (await queue.look(token)).native == "queued"
    await queue.adapter.cancel(queue.reference(token), "stop", "the test is over")
