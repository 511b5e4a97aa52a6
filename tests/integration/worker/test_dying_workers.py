"""Workers that die, freeze or lose the database: each task's end is stored once, and what was declared holds."""

import asyncio
import os
import signal
import time
from pathlib import Path

import psycopg

LEASE = 2.0


async def begun(queue, task, file, **arguments):
    token = await queue.put(task, file=str(file), **arguments)
    await queue.says(token, "begun")
    return token


def starts(file):
    return len(Path(file).read_text().splitlines())


async def gone(pid, within=5.0):
    deadline = time.monotonic() + within
    while Path(f"/proc/{pid}").exists():  # noqa: ASYNC240 - not on a disk
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_a_killed_child_fails_a_task_that_may_run_only_once(queue, own_worker, tmp_path):
    token = await begun(queue, "site.once", tmp_path / "ledger")
    os.kill(own_worker.children()[0], signal.SIGKILL)
    seen = await queue.ended(token, within=5)
    assert (seen.native, seen.reason) == ("failed", "TaskError")
    assert seen.message == "worker process died (signal 9)"
    assert starts(tmp_path / "ledger") == 1


async def test_a_killed_child_repeats_a_task_that_allows_it(queue, own_worker, tmp_path):
    token = await begun(queue, "site.again", tmp_path / "ledger")
    os.kill(own_worker.children()[0], signal.SIGKILL)
    seen = await queue.ended(token)
    assert seen.result == "done"
    assert starts(tmp_path / "ledger") == 2
    assert "worker process died (signal 9); the task begins anew" in await queue.log(token)


async def test_a_crash_in_native_code_keeps_the_lines(queue, own_worker):
    token = await queue.put("site.segfault")
    seen = await queue.ended(token)
    assert seen.message == "worker process died (signal 11)"
    assert "about to crash" in await queue.log(token)


async def test_children_end_with_their_killed_parent(queue, own_worker, tmp_path):
    await begun(queue, "site.once", tmp_path / "ledger")
    (child,) = own_worker.children()
    own_worker.process.kill()
    own_worker.process.wait()
    await gone(child)


async def test_another_worker_settles_what_a_killed_one_has_left(queue, start_worker, tmp_path):
    first = start_worker(concurrency=2, lease=LEASE)
    once = await begun(queue, "site.once", tmp_path / "once")
    again = await begun(queue, "site.again", tmp_path / "again")
    first.process.kill()
    start_worker(lease=LEASE)
    failed, repeated = await queue.ended(once), await queue.ended(again)
    assert (failed.native, failed.message) == ("failed", "the worker fell silent: its lease ran out")
    assert repeated.result == "done"
    assert (starts(tmp_path / "once"), starts(tmp_path / "again")) == (1, 2)


async def test_a_worker_that_was_frozen_commits_nothing_after_its_lease(queue, start_worker, tmp_path):
    frozen = start_worker(lease=LEASE)
    token = await begun(queue, "site.again", tmp_path / "ledger", seconds=6)  # it is to be frozen on the way
    processes = [frozen.process.pid, *frozen.children()]
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    start_worker(lease=LEASE)
    seen = await queue.ended(token)
    winner = await queue.cell(token, "worker")
    for pid in processes:
        os.kill(pid, signal.SIGCONT)
    await logged(frozen, "task.not_ours_any_more", "child.ended")
    assert await queue.look(token) == seen
    assert await queue.cell(token, "worker") == winner
    assert starts(tmp_path / "ledger") == 2


async def test_a_worker_that_is_frozen_in_a_transaction_of_its_own_loses_it(
    queue, own_worker, shared_database, tmp_path
):
    """It waits for a lock, is frozen, and is given the lock: the server takes it away after ten seconds."""
    token = await begun(queue, "site.once", tmp_path / "ledger", seconds=20)
    ours = "application_name = 'baton-worker' AND datname = current_database()"
    with psycopg.connect(shared_database, autocommit=True) as connection:

        async def count(condition, expected, within=60.0):
            deadline = time.monotonic() + within
            while connection.execute(
                f"SELECT count(*) FROM pg_stat_activity WHERE {ours} AND {condition}"
            ).fetchone() != (expected,):
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)

        with psycopg.connect(shared_database) as holder:  # another one: a transaction sees its sessions as they were
            holder.execute("SELECT FROM embedded_task WHERE token = %s FOR UPDATE", [token])
            await count("wait_event_type = 'Lock'", 1)
            os.kill(own_worker.process.pid, signal.SIGSTOP)
        await count("state = 'idle in transaction'", 1)
        await count("state = 'idle in transaction'", 0)
    os.kill(own_worker.process.pid, signal.SIGCONT)
    assert (await queue.ended(token)).native == "succeeded"


async def logged(worker, *words, within=180.0):
    deadline = time.monotonic() + within
    while not any(word in worker.log.read_text() for word in words):
        assert time.monotonic() < deadline, worker.log.read_text()
        await asyncio.sleep(0.05)


async def test_an_unreachable_database_fails_no_task(queue, start_worker, postgres_server, shared_database, tmp_path):
    worker = start_worker(lease=LEASE)
    token = await begun(queue, "site.once", tmp_path / "ledger", seconds=1.5)
    name = psycopg.conninfo.conninfo_to_dict(shared_database)["dbname"]
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        await logged(worker, "worker.failed")
        await asyncio.sleep(LEASE * 2)  # longer than any lease: the outage is what is tested
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    await queue.database.dispose_async_engine()
    seen = await queue.ended(token)
    assert (seen.native, seen.result) == ("succeeded", "done")
    assert starts(tmp_path / "ledger") == 1


async def test_a_new_worker_gives_silent_ones_a_lease_to_speak_up(queue, start_worker, tmp_path):
    silent = start_worker(lease=LEASE)
    token = await begun(queue, "site.once", tmp_path / "ledger", seconds=20)
    os.kill(silent.process.pid, signal.SIGSTOP)
    await asyncio.sleep(LEASE)  # until its lease has run out
    await logged(start_worker(lease=30), "worker.ready")
    os.kill(silent.process.pid, signal.SIGCONT)
    assert (await queue.ended(token)).native == "succeeded"


async def test_sigterm_lets_a_running_task_end_and_begins_no_other(queue, own_worker, tmp_path):
    running = await begun(queue, "site.once", tmp_path / "ledger", seconds=1)
    waiting = await queue.put("demo.noop")
    assert await asyncio.to_thread(own_worker.stop) == 0
    assert (await queue.look(running)).native == "succeeded"
    assert (await queue.look(waiting)).native == "queued"


async def test_what_outlasts_the_grace_period_is_stopped_and_says_so(queue, start_worker, tmp_path):
    own_worker = start_worker(concurrency=2, grace=0.5)
    once = await begun(queue, "site.once", tmp_path / "once")
    again = await begun(queue, "site.again", tmp_path / "again")
    assert await asyncio.to_thread(own_worker.stop) == 0
    assert (await queue.look(once)).message == "the worker was stopped while the task ran"
    assert (await queue.look(again)).native == "queued"


async def test_an_idle_worker_stops_at_once(queue, own_worker):
    await queue.ended(await queue.put("demo.noop"))
    begun_at = time.monotonic()
    assert await asyncio.to_thread(own_worker.stop) == 0
    assert time.monotonic() - begun_at < 5
