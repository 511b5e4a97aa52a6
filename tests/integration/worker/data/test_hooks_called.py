"""Hooks: queued by the history itself, called in their order, and never in the way of their Run."""

import asyncio
import os
import signal
import time
from itertools import pairwise

HOOKED = """
SELECT t.hook, t.arguments ->> 'status', t.state, t.error, t.started_at, t.finished_at
FROM embedded_task t JOIN dispatch_attempt a ON a.run_id = t.run_id WHERE a.token = %s ORDER BY t.hook_no
"""


def hooks(**tasks):
    """Make ``spec.hooks``: the task, or the task and its timeout."""
    return {
        "hooks": {
            event: {"task": task} if isinstance(task, str) else {"task": task[0], "timeout": task[1]}
            for event, task in tasks.items()
        }
    }


async def all_called(books, token, count, *, within=180):
    """Wait until *count* hooks of the Run have ended; give them in their order."""
    deadline = time.monotonic() + within
    while True:
        rows = books.read(HOOKED, token)
        if len([row for row in rows if row[5]]) == count:
            return rows
        assert time.monotonic() < deadline, rows
        await asyncio.sleep(0.05)


async def test_each_change_of_a_run_calls_its_hooks_in_their_order(queue, worker, books, hand):
    """One begins when those before it have ended; each commits what it writes with its own end."""
    every = dict.fromkeys(["onStart", "onTransition", "onFinish"], "acme.seen")
    token = await hand("acme.note", spec=hooks(**every), line="with hooks")
    rows = await all_called(books, token, 5)
    assert [row[:3] for row in rows] == [
        ("onTransition", "PENDING", "succeeded"),
        ("onStart", "PROCESSING", "succeeded"),
        ("onTransition", "PROCESSING", "succeeded"),
        ("onTransition", "COMPLETED", "succeeded"),
        ("onFinish", "COMPLETED", "succeeded"),
    ]
    assert all(before[5] <= after[4] for before, after in pairwise(rows))
    said = books.read(
        "SELECT substr(line, 39) FROM ext_acme_note n JOIN run r ON n.line LIKE r.uid || ': %%' "
        "JOIN dispatch_attempt a ON a.run_id = r.id WHERE a.token = %s ORDER BY n.id",
        token,
    )
    assert [line for (line,) in said] == [
        "onTransition None-PENDING 1",
        "onStart PENDING-PROCESSING 2",
        "onTransition PENDING-PROCESSING 2",
        "onTransition PROCESSING-COMPLETED 3",
        "onFinish PROCESSING-COMPLETED 3",
    ]


async def test_a_hook_that_fails_leaves_no_row_and_its_run_alone(queue, worker, books, hand):
    token = await hand("acme.note", spec=hooks(onStart="acme.hook-fails", onFinish="acme.seen"), line="unharmed")
    assert (await queue.ended(token)).native == "succeeded"
    failed, last = await all_called(books, token, 2)
    assert failed[:4] == ("onStart", "PROCESSING", "failed", "RuntimeError: nobody was there")
    assert last[:3] == ("onFinish", "COMPLETED", "succeeded")
    assert books.read("SELECT count(*) FROM ext_acme_note WHERE line LIKE '%% never'") == [(0,)]
    assert (books.lines(token), books.run(token)) == (["unharmed"], ("COMPLETED", None))


async def test_a_slow_hook_is_ended_at_its_timeout_and_delays_no_run(queue, worker, books, hand):
    """The worker has one child for tasks; the Run has ended long before its hook."""
    token = await hand("acme.note", spec=hooks(onStart=("acme.hang", "2s")), line="not delayed")
    other = await hand("acme.note", line="another is not either")
    for each in (token, other):
        assert (await queue.ended(each)).native == "succeeded"
    ((event, _, state, _, begun, ended),) = await all_called(books, token, 1)
    ((finished,),) = books.read(
        "SELECT r.finished_at FROM run r JOIN dispatch_attempt a ON a.run_id = r.id WHERE a.token = %s", token
    )
    assert (event, state) == ("onStart", "timedout")
    assert 2 <= (ended - begun).total_seconds() < 20
    assert finished < ended


async def test_a_task_that_is_not_installed_fails_the_hook_only(queue, worker, books, hand):
    token = await hand("acme.note", spec=hooks(onFinish="acme.sen"), line="still here")
    ((_, _, state, error, _, _),) = await all_called(books, token, 1)
    assert (state, "did you mean acme.seen" in error) == ("failed", True)
    assert books.run(token) == ("COMPLETED", None)


async def test_a_hook_writes_managed_rows_while_its_run_goes_on_only(queue, worker, books, hand):
    """After its end, nobody changes what a run has made."""
    spec = hooks(onStart="acme.hook-buys", onFinish="acme.hook-buys")
    token = await hand("acme.tell", models=["Purchase"], spec=spec)
    begun, ended = await all_called(books, token, 2)
    assert {(begun[0], begun[2]), (ended[0], ended[2])} <= {
        ("onStart", "succeeded"),
        ("onStart", "failed"),  # its run may have been quicker
        ("onFinish", "failed"),
    }
    assert "is COMPLETED, not PROCESSING" in ended[3]


BEGUN = """
SELECT substring(t.logs FROM 'begun in ([0-9]+)')::int FROM embedded_task t
JOIN dispatch_attempt a ON a.run_id = t.run_id WHERE a.token = %s
"""


async def test_a_killed_hook_begins_anew(queue, worker, books, hand):
    token = await hand("acme.note", spec=hooks(onFinish=("acme.slow-once", "60s")), line="hook killed")
    deadline = time.monotonic() + 180
    while not (pids := [pid for (pid,) in books.read(BEGUN, token) if pid]):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    os.kill(pids[0], signal.SIGKILL)
    ((_, _, state, _, _, _),) = await all_called(books, token, 1)
    assert (state, books.lines(token)) == ("succeeded", ["hook killed"])
