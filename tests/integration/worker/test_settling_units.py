"""A task's end and its unit's transition are one commit: no track loop runs here."""

import os
import signal

import pytest
from sqlalchemy import text

from baton_models import (
    DispatchAttemptModel,
    OrchestrationInstanceModel,
    RunModel,
    WorkflowDefinitionModel,
    new_id,
)
from baton_operator.engines.embedded.adapter import external_id


async def put(queue, task, **arguments):
    """Hand over one Run whose instance exists, as after dispatch's record."""
    token = await queue.put(task, acked=False, **arguments)
    async with queue.database.get_async_session() as session:
        spec = {"engineRef": {"name": "tasks"}, "target": {"embedded": {"task": task}}}
        pinned = WorkflowDefinitionModel(
            id=new_id(),
            automation_id=queue.automation_id,
            name="auto",
            version=new_id().time_low & 0xFFFF,
            definition_json=spec,
        )
        instance = OrchestrationInstanceModel(
            id=new_id(), engine_id=queue.engine_id, external_id=external_id(token), status="PENDING"
        )
        session.add_all([pinned, instance])
        await session.flush()
        attempt = (
            await session.execute(DispatchAttemptModel.__table__.select().where(DispatchAttemptModel.token == token))
        ).one()
        await session.execute(
            DispatchAttemptModel.__table__.update()
            .where(DispatchAttemptModel.token == token)
            .values(orchestration_instance_id=instance.id)
        )
        await session.execute(
            RunModel.__table__.update()
            .where(RunModel.id == attempt.run_id)
            .values(definition_id=pinned.id, engine_id=queue.engine_id)
        )
        await session.commit()
    await queue.acknowledge([token])
    return token


async def rows(queue, token):
    """Read run, instance, attempt and the instance's history at one moment, with the task's own state."""
    statement = text(
        """
        SELECT t.state, r.status AS run, r.status_reason, r.error_summary, i.status AS instance, a.state AS attempt,
               (SELECT array_agg(h.new_status::text ORDER BY h.seq) FROM instance_state_history h
                WHERE h.orchestration_instance_id = i.id) AS history
        FROM embedded_task t JOIN dispatch_attempt a ON a.token = t.token JOIN run r ON r.id = a.run_id
        JOIN orchestration_instance i ON i.id = a.orchestration_instance_id WHERE t.token = :token
        """
    )
    async with queue.database.get_async_session() as session:
        return (await session.execute(statement, {"token": token})).one()


@pytest.mark.parametrize(
    ("task", "end"),
    [
        ("demo.noop", ("COMPLETED", "Succeeded", None)),
        ("demo.fail", ("FAILED", "TaskError", "RuntimeError: it was asked to fail")),
    ],
)
async def test_the_run_ends_in_the_commit_that_ends_the_task(queue, worker, task, end):
    token = await put(queue, task)
    await queue.ended(token)
    seen = await rows(queue, token)
    assert (seen.run, seen.status_reason, seen.error_summary) == end
    assert (seen.instance, seen.attempt) == (end[0], "CLOSED")
    assert seen.history == ["PENDING", "PROCESSING", end[0]]


async def test_the_supervisor_settles_what_a_dead_child_has_left(queue, worker, tmp_path):
    token = await put(queue, "site.once", file=str(tmp_path / "ledger"))
    await queue.says(token, "begun")
    os.kill(worker.children()[0], signal.SIGKILL)
    await queue.ended(token)
    seen = await rows(queue, token)
    assert (seen.run, seen.status_reason, seen.attempt) == ("FAILED", "TaskError", "CLOSED")
    assert seen.error_summary == "worker process died (signal 9)"
