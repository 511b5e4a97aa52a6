"""What a submit to Baton's own queue says when something breaks, and that it says exactly what happened."""

import asyncio
import uuid

import pytest
from sqlalchemy import text

from baton_models.database import DatabaseConfig
from baton_operator.engines.base import Adopted, Created, NotSent, Problem, Rejected, SubmitRequest, Unknown
from baton_operator.engines.embedded.adapter import EmbeddedAdapter, external_id
from baton_operator.engines.errors import RetryableError
from baton_operator.worker.listing import InstalledTasks


def request(arguments=None, **more):
    token = more.pop("token", f"baton-{uuid.uuid4().hex}-a1")
    return SubmitRequest(token, "f" * 64, "uid", "run", "team", {"task": "demo.noop"}, arguments or {}, **more)


async def count(queue, *requests):
    tokens = [each.token for each in requests]
    async with queue.database.get_async_session() as session:
        found = text("SELECT count(*) FROM embedded_task WHERE token = ANY(:tokens)")
        return await session.scalar(found, {"tokens": tokens})


async def test_a_batch_is_answered_in_its_order(queue):
    first, second = request(), request()
    assert await queue.adapter.submit(first) == Created(external_id(first.token), native="queued")
    assert await queue.adapter.submit_batch([second, first, second]) == [
        Created(external_id(second.token), native="queued"),
        Adopted(external_id(first.token), native="queued"),
        Adopted(external_id(second.token), native="queued"),
    ]


async def test_a_name_that_holds_something_else_is_taken(queue):
    first = request()
    await queue.adapter.submit(first)
    (outcome,) = await queue.adapter.submit_batch(
        [SubmitRequest(first.token, "0" * 64, "uid", "run", "team", {"task": "demo.noop"}, {})]
    )
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "NameTaken"


async def test_only_the_culprit_of_a_batch_is_refused(queue):
    good, bad, other = request(), request({"text": "a\0b"}), request()
    outcomes = await queue.adapter.submit_batch([good, bad, other])
    assert [type(each) for each in outcomes] == [Created, Rejected, Created]
    assert outcomes[1].reason == "EngineRejected"
    assert await count(queue, good, bad, other) == 2


async def test_without_a_database_nothing_was_sent(queue):
    nowhere = DatabaseConfig("postgresql://nobody@127.0.0.1:1/nothing")
    adapter = EmbeddedAdapter(queue.spec, nowhere.get_async_session, InstalledTasks({}))
    assert isinstance(await adapter.submit(request()), NotSent)
    with pytest.raises(RetryableError):
        await adapter.probe()
    with pytest.raises(RetryableError):
        await adapter.observe([queue.reference("baton-x-a1")])
    await nowhere.dispose_async_engine()


async def test_a_lease_that_ran_out_keeps_a_request_back(queue):
    late, fine = request(before_send=lambda: False), request(before_send=lambda: True)
    outcomes = await queue.adapter.submit_batch([late, fine])
    assert [type(each) for each in outcomes] == [NotSent, Created]
    assert not outcomes[0].counts
    assert await count(queue, late) == 0


async def test_a_request_that_waits_too_long_was_not_sent(queue):
    held = request(deadline=0.3)
    async with queue.database.get_async_session() as blocker:
        await blocker.execute(text("LOCK TABLE embedded_task IN ACCESS EXCLUSIVE MODE"))
        assert isinstance(await queue.adapter.submit(held), NotSent)
        await blocker.rollback()
    assert await count(queue, held) == 0


async def test_only_a_commit_without_an_answer_is_unknown(queue):
    async with queue.database.get_async_session() as session:
        for statement in (
            """
            CREATE FUNCTION die_at_commit() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$
            """,
            """
            CREATE CONSTRAINT TRIGGER die AFTER INSERT ON embedded_task DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION die_at_commit()
            """,
        ):
            await session.execute(text(statement))
        await session.commit()
    try:
        assert isinstance(await queue.adapter.submit(request()), Unknown)
    finally:
        async with queue.database.get_async_session() as session:
            await session.execute(text("DROP FUNCTION die_at_commit CASCADE"))
            await session.commit()


async def test_installed_tasks_are_known_without_importing_them_here(site):
    tasks = InstalledTasks({"PYTHONPATH": str(site)})
    assert await tasks.problem("site.add", ["left"]) is None
    assert await tasks.problem("site.add", None) is None
    assert await tasks.problem("site.add", ["lefft"]) == Problem(
        "InvalidArguments",
        "task 'site.add' has no parameter 'lefft' (it takes: left, right): remove or rename the argument",
    )
    unknown = await tasks.problem("site.ad", None)
    assert unknown is not None
    assert unknown.reason == "TargetNotFound"
    assert "did you mean site.add" in unknown.message
    assert "entry point broken could not be loaded" in unknown.message


async def test_where_the_listing_itself_fails_nothing_is_refused(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import os\nos._exit(1)\n")
    assert await InstalledTasks({"PYTHONPATH": str(tmp_path)}).problem("anything", []) is None


async def test_submit_refuses_what_is_not_installed(queue, site):
    adapter = EmbeddedAdapter(queue.spec, queue.database.get_async_session, InstalledTasks({"PYTHONPATH": str(site)}))
    unknown = SubmitRequest(request().token, "f" * 64, "uid", "run", "team", {"task": "demo.nope"}, {}, deadline=60)
    known = request(deadline=60)
    outcomes = await adapter.submit_batch([unknown, known])
    assert [type(each) for each in outcomes] == [Rejected, Created]
    assert outcomes[0].reason == "TargetNotFound"
    assert [each.reason for each in await adapter.validate({"task": "demo.hello"}, ["nam"])] == ["InvalidArguments"]
    assert await adapter.validate({"task": "demo.hello"}, ["name"]) == []


async def test_packages_that_are_slow_to_import_hold_no_submit_up(queue, tmp_path):
    """Nobody knows the task in time: the worker has the last word, and the listing goes on for the next one."""
    gate, begun = tmp_path / "gate", tmp_path / "begun"
    (tmp_path / "sitecustomize.py").write_text(
        f"import pathlib, time\npathlib.Path({str(begun)!r}).open('a').write('x')\n"
        f"while not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.02)\n"
    )
    tasks = InstalledTasks({"PYTHONPATH": str(tmp_path)})
    adapter = EmbeddedAdapter(queue.spec, queue.database.get_async_session, tasks)
    async with asyncio.timeout(20):
        first, second = await adapter.submit_batch([request(deadline=2.0), request(deadline=2.0)])
    assert [type(first), type(second)] == [Created, Created]
    gate.touch()
    async with asyncio.timeout(60):
        unknown = await tasks.problem("demo.nope", None)
    assert unknown is not None
    assert unknown.reason == "TargetNotFound"
    assert begun.read_text() == "x"
