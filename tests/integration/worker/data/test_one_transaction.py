"""What a task writes is committed with its own end and its Run's, or it is gone and the error stays."""

import pytest


@pytest.mark.parametrize("task", ["acme.note", "acme.note-later"])
async def test_what_a_task_writes_stays_when_it_succeeds(queue, worker, books, hand, task):
    token = await hand(task, line=task)
    seen = await queue.ended(token)
    assert (seen.native, seen.result) == ("succeeded", {"line": task}), seen
    assert books.lines(token) == [task]
    assert books.run(token) == ("COMPLETED", None)


@pytest.mark.parametrize("task", ["acme.fail", "acme.fail-later"])
async def test_a_failed_task_leaves_no_row_and_its_error_stays(queue, worker, books, hand, task):
    token = await hand(task, line=task)
    seen = await queue.ended(token)
    assert (seen.native, seen.message) == ("failed", "RuntimeError: the approver said no")
    assert books.lines(token) == []
    assert books.run(token) == ("FAILED", "RuntimeError: the approver said no")


async def test_a_result_that_cannot_be_stored_leaves_no_row(queue, worker, books, hand):
    token = await hand("acme.no-json", line="no json")
    assert "the task returned what is no JSON value" in (await queue.ended(token)).message
    assert books.lines(token) == []


async def test_what_is_checked_at_commit_only_fails_the_task_with_its_words(queue, worker, books, hand):
    """A deferred constraint is checked while the task can still fail by it."""
    first = await hand("acme.note", line="first at the place", place="one")
    second = await hand("acme.note", line="second at the place", place="one")
    await queue.ended(first)
    seen = await queue.ended(second)
    assert (seen.native, "place" in seen.message) == ("failed", True), seen
    assert (books.lines(first), books.lines(second)) == (["first at the place"], [])
    assert books.run(second)[0] == "FAILED"


@pytest.mark.parametrize("task", ["acme.go-on-after-an-error", "acme.go-on-after-a-flush"])
async def test_an_error_of_the_database_that_the_task_ignores_fails_it(queue, worker, books, hand, task):
    """What PostgreSQL has rolled back cannot be reported as done."""
    token = await hand(task, line=task)
    assert (await queue.ended(token)).native == "failed"
    assert "never mind" in await queue.log(token)
    assert (books.lines(token), books.run(token)[0]) == ([], "FAILED")


async def test_a_task_may_undo_what_it_has_written_and_begin_anew(queue, worker, books, hand):
    token = await hand("acme.begin-anew", line="twice")
    assert (await queue.ended(token)).native == "succeeded"
    assert books.lines(token) == ["twice, anew"]


async def test_a_part_may_fail_alone(queue, worker, books, hand):
    token = await hand("acme.part", line="part")
    assert (await queue.ended(token)).native == "succeeded"
    assert books.lines(token) == ["part"]


@pytest.mark.parametrize("method", ["commit", "close", "begin", "reset", "invalidate"])
@pytest.mark.parametrize("task", ["acme.end-the-transaction", "acme.end-the-transaction-later"])
@pytest.mark.usefixtures("worker")
async def test_a_task_cannot_end_the_transaction(queue, books, hand, task, method):
    token = await hand(task, line=f"{task}.{method}", method=method)
    seen = await queue.ended(token)
    assert f"context.session.{method}(): Baton commits when the task ends" in seen.message
    assert (seen.native, books.lines(token)) == ("failed", [])


@pytest.mark.parametrize("method", ["commit", "rollback", "close"])
@pytest.mark.parametrize("task", ["acme.end-on-the-connection", "acme.end-on-the-connection-later"])
@pytest.mark.usefixtures("worker")
async def test_a_task_cannot_end_it_on_its_connection_either(queue, books, hand, task, method):
    """As one does who executes on a connection of SQLAlchemy: what was written would stay although the task failed."""
    token = await hand(task, line=f"{task}.{method}", method=method)
    seen = await queue.ended(token)
    assert f"context.session.connection().{method}(): Baton commits when the task ends" in seen.message
    assert (seen.native, books.lines(token)) == ("failed", [])


async def test_a_commit_as_text_is_not_told_as_done(queue, worker, books, hand):
    """Nothing sees it in time: the rows stay, but nobody is told that the task has done its work."""
    token = await hand("acme.commit-as-text", line="behind Baton's back")
    assert (await queue.ended(token)).native == "failed"
    assert (books.lines(token), books.run(token)[0]) == (["behind Baton's back"], "FAILED")


async def test_what_an_async_task_leaves_running_is_named_in_its_log(queue, worker, books, hand):
    """It is cancelled, in the middle of a query if need be; nobody then looks for trouble with the database."""
    token = await hand("acme.leave-a-query", line="left alone")
    assert (await queue.ended(token)).native == "failed"
    said = "1 asyncio tasks were left running and are cancelled: await them in the task (left)"
    assert said in await queue.log(token)
    assert (books.lines(token), books.run(token)[0]) == ([], "FAILED")


async def test_a_session_is_not_used_as_a_context_manager(queue, worker, books, hand):
    """Its end would undo everything without a word."""
    token = await hand("acme.block", line="in a block")
    assert "do not use the session as a context manager" in (await queue.ended(token)).message
    assert books.lines(token) == []


async def test_a_task_that_touches_no_data_has_no_transaction(queue, worker, books, hand):
    token = await hand("acme.tell", action="create")
    seen = await queue.ended(token)
    ((run,),) = books.read("SELECT run_id::text FROM dispatch_attempt WHERE token = %s", token)
    assert seen.result == {"run": run, "parent": None, "action": "create"}


async def test_a_task_may_pause_in_its_transaction(queue, worker, hand):
    """The limit that ends frozen processes is for Baton's own transactions."""
    token = await hand("acme.longest-pause")
    assert (await queue.ended(token)).result == "0"


async def test_rows_and_the_run_s_end_are_never_seen_apart(queue, worker, books, hand):
    """Whoever looks while a hundred tasks run sees a note exactly where the Run has ended."""
    together = """
        SELECT a.token, r.status = 'COMPLETED', t.state = 'succeeded', n.id IS NOT NULL
        FROM dispatch_attempt a JOIN run r ON r.id = a.run_id JOIN embedded_task t ON t.token = a.token
        LEFT JOIN ext_acme_note n ON n.token = a.token WHERE a.token = ANY(%s)
    """
    tokens: list[str] = []
    looks, done = 0, 0
    while done < 100:
        if len(tokens) < 100:
            tokens.append(await hand("acme.note", line=f"together {len(tokens)}"))
        rows = books.read(together, tokens)
        assert all(len(set(row[1:])) == 1 for row in rows), rows
        done = sum(row[1] for row in rows)
        looks += 0 < done < len(tokens)
    assert looks > 0
    assert len(rows) == len(tokens)


async def test_a_managed_row_belongs_to_the_run_that_made_it(queue, worker, books, hand):
    first = await hand("acme.purchase", models=["Purchase"], action="create", amount=7)
    key = (await queue.ended(first)).result
    second = await hand("acme.purchase", models=["Purchase"], parent=first, action="correct", amount=8)
    child = (await queue.ended(second)).result
    rows = books.read(
        "SELECT parent_workflow_instance_id::text, child_workflow_instance_id::text, action, amount "
        "FROM ext_acme_purchase ORDER BY created_at"
    )
    assert rows == [(None, child, "create", 7), (key, None, "correct", 8)]
    assert books.read("SELECT actor, action, run_id::text FROM baton_managed_audit WHERE operation = 'insert'") == [
        ("ann", "create", key),
        ("ann", "correct", child),
    ]
