"""What comes of tasks that run to their end."""

import asyncio
import time

import pytest

from baton_models import ExecutionStatus


async def test_a_task_runs_and_its_result_is_stored(queue, worker):
    token = await queue.put("demo.hello", name="Ada")
    seen = await queue.ended(token)
    assert (seen.status, seen.reason) == (ExecutionStatus.COMPLETED, "Succeeded")
    assert seen.result == {"greeting": "Hello, Ada!"}
    assert "saying hello to Ada" in await queue.log(token)
    assert seen.duration is not None
    assert seen.duration < 5


@pytest.mark.parametrize("task", ["site.add", "site.add-later"])
async def test_sync_and_async_tasks_give_the_same(queue, worker, task):
    assert (await queue.ended(await queue.put(task, left=2, right=3))).result == {"sum": 5}


async def test_a_sync_task_may_have_an_event_loop_of_its_own(queue, worker):
    assert (await queue.ended(await queue.put("site.loop-of-its-own"))).result == 7


async def test_what_an_async_task_leaves_running_ends_with_it(queue, worker, tmp_path):
    token = await queue.put("site.leave-behind", file=str(tmp_path / "file"))
    assert (await queue.ended(token)).native == "succeeded"
    await queue.ended(await queue.put("site.wait", seconds=0.6))
    assert not (tmp_path / "file").exists()


async def test_an_exception_fails_the_task_with_its_words_and_its_traceback_in_the_log(queue, worker):
    token = await queue.put("demo.fail", message="the disk is full")
    seen = await queue.ended(token)
    assert (seen.status, seen.reason) == (ExecutionStatus.FAILED, "TaskError")
    assert seen.message == "RuntimeError: the disk is full"
    assert "Traceback" in await queue.log(token)


async def test_the_context_tells_the_attempt(queue, worker):
    first = await queue.ended(await queue.put("demo.flaky", fail_attempts=1))
    assert first.message == "ConnectionError: attempt 1: the host did not answer"
    assert (await queue.ended(await queue.put("demo.flaky", fail_attempts=0))).result == {"attempts": 1}


async def test_the_context_hands_the_run_s_trace_on(queue, worker):
    assert (await queue.ended(await queue.put("site.trace"))).result == queue.trace


@pytest.mark.parametrize(
    ("task", "arguments", "words"),
    [
        ("demo.helo", {}, "no task is registered as 'demo.helo': did you mean demo.hello"),
        ("demo.hello", {}, "task 'demo.hello' needs the argument 'name'"),
        ("demo.hello", {"name": "a", "nmae": "b"}, "task 'demo.hello' has no parameter 'nmae' (it takes: name)"),
        ("demo.hello", {"name": "a", "context": {}}, "the argument 'context' is reserved"),
        ("site.set", {}, "no JSON value: result is of the type set"),
        ("site.nul", {}, "result has U+0000 at character 1"),
        ("site.nan", {}, "result is nan, which JSON does not have"),
        ("site.big", {"size": 300_000}, "has 300002 bytes, more than 262144"),
        ("site.leave", {}, "SystemExit: 3"),
    ],
)
async def test_what_cannot_work_fails_with_a_reason_that_names_the_fix(queue, worker, task, arguments, words):
    seen = await queue.ended(await queue.put(task, **arguments))
    assert (seen.status, seen.reason) == (ExecutionStatus.FAILED, "TaskError")
    assert words in seen.message


async def test_a_package_that_cannot_be_imported_is_named_and_hurts_no_other(queue, worker):
    seen = await queue.ended(await queue.put("broken.thing"))
    assert "entry point broken could not be loaded: ModuleNotFoundError" in seen.message
    assert (await queue.ended(await queue.put("site.add", left=1))).result == {"sum": 2}


async def test_nothing_runs_before_its_attempt_is_acknowledged(queue, worker):
    early = await queue.put("site.add", left=1, acked=False)
    later = await queue.put("site.add", left=2)
    await queue.ended(later)
    assert (await queue.look(early)).native == "queued"
    await queue.acknowledge([early])
    assert (await queue.ended(early)).native == "succeeded"


async def test_an_acknowledged_task_starts_at_once(queue, worker):
    await queue.ended(await queue.put("demo.noop"))
    delays = []
    for _ in range(5):
        await asyncio.sleep(0.05)
        token = await queue.put("demo.noop", acked=False)
        begun = time.monotonic()
        await queue.acknowledge([token])
        await queue.ended(token)
        delays.append(time.monotonic() - begun)
    assert min(delays) < 0.25  # polling alone would take half a second at times


async def test_each_of_500_tasks_runs_exactly_once(queue, start_worker, tmp_path):
    ledgers = [str(tmp_path / f"{number}") for number in range(500)]
    work = [("site.once", {"file": file, "seconds": 0}) for file in ledgers]
    tokens = await queue.put_many(work)
    start_worker(concurrency=2)
    references = [queue.reference(token) for token in tokens]
    deadline = time.monotonic() + 240
    while True:
        seen = (await queue.adapter.observe(references)).observations
        if all(each.status is ExecutionStatus.COMPLETED for each in seen):
            break
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    assert {len((tmp_path / f"{number}").read_text().splitlines()) for number in range(500)} == {1}
    assert len(seen) == 500
