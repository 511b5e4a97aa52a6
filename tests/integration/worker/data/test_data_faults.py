"""Whatever breaks while a task writes: its rows are there exactly where it is told as succeeded."""

import asyncio
import os
import signal
from urllib.parse import urlsplit, urlunsplit

import pytest
from baton_spine.wire import wired

ENDED = "the database connection was lost before the task's rows were committed: they are gone"
#: Transactions of tasks that are open in this database, not counting those that are asking for one right now.
OPEN = """
SELECT count(*) FROM pg_stat_activity
WHERE starts_with(application_name, 'baton-task ') AND state = 'idle in transaction' AND datname = current_database()
"""
WAITING = ["acme.note-and-wait", "acme.note-and-wait-later"]


@pytest.mark.parametrize("task", WAITING)
async def test_a_killed_child_leaves_no_row(queue, own_worker, books, hand, task):
    token = await hand(task, line=f"killed {task}")
    await queue.says(token, "begun")
    os.kill(own_worker.children()[0], signal.SIGKILL)
    await queue.ended(token)
    assert (books.lines(token), books.run(token)) == ([], ("FAILED", "worker process died (signal 9)"))


async def test_a_task_that_begins_anew_leaves_one_row(queue, own_worker, books, hand, tmp_path):
    """It writes the same unique line again, which only works if the first one is gone."""
    token = await hand("acme.again", line="again", file=str(tmp_path / "starts"), seconds=60)
    await queue.says(token, "begun")
    os.kill(own_worker.children()[0], signal.SIGKILL)
    await queue.ended(token)
    assert (books.lines(token), books.run(token)) == (["again"], ("COMPLETED", None))


async def test_a_kill_before_commit_leaves_no_row(queue, start_worker, books, hand):
    """All was sent but COMMIT: nothing of it counts, also after five starts."""
    start_worker(BATON_FAULTS="worker.commit.before=kill")
    once = await hand("acme.note", line="never")
    await queue.ended(once)
    assert (books.lines(once), books.run(once)) == ([], ("FAILED", "worker process died (signal 9)"))


@pytest.mark.parametrize("task", ["acme.note", "acme.note-later"])
async def test_a_kill_after_commit_changes_nothing(queue, start_worker, books, hand, task):
    """It ended in the moment of the COMMIT, whatever becomes of its worker."""
    worker = start_worker(BATON_FAULTS="worker.commit.after=kill")
    line = f"done by {task}"
    token = await hand(task, line=line)
    await queue.ended(token)
    async with asyncio.timeout(180):
        while "signal 9" not in worker.log.read_text():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)
    assert (books.lines(token), books.run(token)) == ([line], ("COMPLETED", None))


async def test_a_worker_that_lost_its_lease_commits_nothing(queue, start_worker, books, hand):
    """It was frozen while another one settled its task; what it has written goes when it comes back."""
    frozen = start_worker(lease=2)
    token = await hand("acme.note-and-wait", line="too late", seconds=8)
    await queue.says(token, "begun")
    pids = [frozen.process.pid, *frozen.children()]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    start_worker(lease=2)
    assert "fell silent" in (await queue.ended(token)).message
    async with asyncio.timeout(180):
        while books.read(OPEN) != [(0,)]:  # noqa: ASYNC110 - another process ends it
            await asyncio.sleep(0.05)
    for pid in reversed(pids):
        os.kill(pid, signal.SIGCONT)
    await asyncio.to_thread(frozen.stop, 60)
    assert (books.lines(token), books.run(token)[0]) == ([], "FAILED")


async def test_a_task_that_is_somebody_elses_by_now_commits_nothing(queue, start_worker, books, hand):
    """Its lease was taken away while it worked, and nobody has ended its session: its own end rolls back."""
    start_worker(lease=5)
    token = await hand("acme.note-and-wait", line="too late", seconds=8)
    await queue.says(token, "begun")
    assert books.read("UPDATE embedded_task SET worker = 'another' WHERE token = %s RETURNING state", token)
    assert "fell silent" in (await queue.ended(token)).message
    assert (books.lines(token), books.run(token)[0]) == ([], "FAILED")


async def test_a_task_that_begins_anew_does_not_wait_for_its_frozen_self(queue, start_worker, books, hand, tmp_path):
    """It writes the same unique line: whoever takes the task over ends the session that has it."""
    frozen = start_worker(lease=2)
    token = await hand("acme.again", line="frozen", file=str(tmp_path / "starts"), seconds=8)
    await queue.says(token, "begun")
    pids = [frozen.process.pid, *frozen.children()]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    start_worker(lease=2)
    await queue.ended(token)
    assert (books.lines(token), books.run(token)) == (["frozen"], ("COMPLETED", None))
    assert (tmp_path / "starts").read_text().startswith("start\nstart\n")
    for pid in reversed(pids):
        os.kill(pid, signal.SIGCONT)
    await asyncio.to_thread(frozen.stop, 60)
    assert (books.lines(token), books.run(token)) == (["frozen"], ("COMPLETED", None))


class AtCommit:
    """Cuts the connection at the COMMIT of a task's end: before it arrives (``up``), or before it is answered."""

    def __init__(self, side):
        self.side = side
        self.state = "before the end"
        self.connection = 0

    def __call__(self, piece):
        """Say what becomes of a piece."""
        if self.state == "before the end" and b"greatest(started_at" in piece.data:
            self.state, self.connection = "at the end", piece.connection
        if piece.connection != self.connection or self.state == "cut":
            return "pass"
        if self.state == "at the end" and piece.direction == "up" and b"COMMIT" in piece.data:
            self.state = "committing"
        if self.state == "committing" and piece.direction == self.side:
            self.state = "cut"
            return "cut"
        return "pass"


@pytest.fixture
def cut_at_commit(shared_database, start_worker):
    """Starts a worker whose first end of a task is cut: gives the judge that does it."""
    parts = urlsplit(shared_database)
    with wired(parts.hostname, parts.port) as wire:

        def start(side):
            wire.judge = AtCommit(side)
            netloc = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{wire.port}"
            start_worker(BATON_DATABASE_URL=urlunsplit(parts._replace(netloc=netloc)))
            wire.judge.wire = wire
            return wire.judge

        yield start


@pytest.mark.parametrize("task", ["acme.note", "acme.note-later"])
async def test_a_commit_that_was_made_and_not_answered_is_read_back(queue, cut_at_commit, books, hand, task):
    judge = cut_at_commit("down")
    line = f"unanswered {task}"
    token = await hand(task, line=line)
    await queue.ended(token)
    other = await hand(task, line=f"after {task}")
    await queue.ended(other)
    assert judge.state == "cut"
    assert (books.lines(token), books.run(token)) == ([line], ("COMPLETED", None))
    assert books.run(other) == ("COMPLETED", None)


@pytest.mark.parametrize("task", ["acme.note", "acme.note-later"])
async def test_a_commit_that_never_arrived_fails_a_task_that_may_run_only_once(queue, cut_at_commit, books, hand, task):
    judge = cut_at_commit("up")
    token = await hand(task, line=f"not arrived {task}")
    await queue.ended(token)
    assert judge.state == "cut"
    assert (books.lines(token), books.run(token)) == ([], ("FAILED", ENDED))


async def test_a_commit_that_never_arrived_begins_a_task_anew_that_may(queue, cut_at_commit, books, hand, tmp_path):
    starts = tmp_path / "starts"
    judge = cut_at_commit("up")
    token = await hand("acme.again", line="not arrived", file=str(starts))
    await queue.ended(token)
    assert judge.state == "cut"
    assert starts.read_text() == "start\nstart\n"
    assert (books.lines(token), books.run(token)) == (["not arrived"], ("COMPLETED", None))
    assert await queue.cell(token, "crashes") == 1


@pytest.mark.parametrize("task", WAITING)
async def test_a_connection_that_breaks_in_the_middle_leaves_no_row(queue, cut_at_commit, books, hand, task):
    """The task goes on, and finds out at its end."""
    judge = cut_at_commit("never")
    token = await hand(task, line=f"cut {task}", seconds=8)
    await queue.says(token, "begun")
    judge.wire.cut()
    await queue.ended(token)
    assert (books.lines(token), books.run(token)) == ([], ("FAILED", ENDED))
