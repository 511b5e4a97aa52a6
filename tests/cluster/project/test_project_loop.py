"""What a real API server shows of a real database's rows."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from baton_models.statements.projection import read_run
from baton_operator.decide.run_status import status_document
from baton_operator.kube.conditions import digest
from baton_operator.kube.connection import Connection
from baton_operator.loops import project_definitions, write_window
from baton_operator.loops.project import ProjectLoop, Refusal
from baton_operator.loops.views import run_view
from baton_operator.metrics import Metrics


async def until(loop: ProjectLoop, holds: Callable[[], Any], seconds: float = 60.0) -> None:
    """Turn until it holds."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - the loop is turned here
            await asyncio.sleep(min(await loop.turn(), 0.05))


async def test_a_run_is_shown_from_its_rows_to_its_end(stage: Any) -> None:
    """Queued, taken by an engine, over: what kubectl wait waits for turns True once."""
    run = stage.run("whole")
    await stage.loop.turn()
    assert stage.status("Run", "whole")["phase"] == "Queued"
    assert stage.condition("Run", "whole", "Accepted") == ("True", "Accepted")
    assert stage.condition("Run", "whole", "Submitted") == ("False", "Waiting")
    stage.rows.submit(run, "x-1")
    stage.rows.end(run, "COMPLETED", "Succeeded")
    await stage.loop.turn()
    status = stage.status("Run", "whole")
    assert (status["phase"], status["progress"], status["runId"]) == ("Succeeded", "1/1", str(run))
    assert stage.condition("Run", "whole", "Completed") == ("True", "Succeeded")
    assert stage.condition("Run", "whole", "Submitted") == ("True", "Submitted")
    assert status["external"]["id"] == "x-1"
    assert "Reconciling" not in {each["type"] for each in status["conditions"]}


async def test_what_is_shown_already_is_not_written_again(stage: Any) -> None:
    """A row that moved without changing its document costs no request."""
    run = stage.run("same")
    await stage.loop.turn()
    written = stage.writes()
    stage.rows.change(
        "UPDATE run SET priority = 7, version = version + 1, projected_at = NULL, project_at = clock_timestamp() "
        "WHERE id = :id",
        id=run,
    )
    await stage.loop.turn()
    assert stage.writes() == written
    settled = "SELECT projected_version = version AND project_at IS NULL FROM run WHERE id = :id"
    assert stage.rows.value(settled, id=run)


async def test_the_status_equals_a_fresh_projection(stage: Any) -> None:
    """Byte for byte (I4), whenever it is made."""
    run = stage.run("equal", per="Item")
    stage.rows.fan_out(run, ["no route to host", "ünïcödé \U0001f600 " * 30])
    stage.rows.submit(run, "x-2")
    stage.rows.end(run, "FAILED", "Failed", "2 of 2 items failed")
    await stage.loop.turn()
    async with stage.rows.database.get_async_session() as session:
        fresh = status_document(run_view(await read_run(session, run)))
    assert digest(stage.status("Run", "equal")) == digest(fresh)


async def test_events_tell_what_a_person_may_act_on_once(stage: Any) -> None:
    """Failed, cancelled and refused runs have one Event each, however often they are shown; success has none."""
    for name, status, reason in (
        ("good", "COMPLETED", "Succeeded"),
        ("bad", "FAILED", "EngineRejected"),
        ("ended", "CANCELLED", "Cancelled"),
    ):
        stage.rows.end(stage.run(name), status, reason)
    stage.rows.end(
        stage.run("wrong", accepted_reason="InvalidParameters", accepted_message="spec.parameters.version is missing"),
        "FAILED",
        "InvalidParameters",
    )
    await stage.loop.turn()
    stage.rows.change("UPDATE run SET shown = NULL, project_at = clock_timestamp()")
    await stage.loop.turn()
    assert stage.events() == [("bad", "Failed"), ("ended", "Cancelled"), ("wrong", "Refused")]


async def test_a_run_of_the_same_name_is_left_alone(stage: Any) -> None:
    """The rows of a Run that was deleted and made anew do not write onto its successor, and are not due any more."""
    run = stage.run("twice")
    stage.delete("Run", "twice")
    stage.create("Run", "twice", {"automationRef": {"name": "patch"}})
    await stage.loop.turn()
    assert stage.status("Run", "twice") == {}
    assert stage.rows.value("SELECT project_at, shown FROM run WHERE id = :id", id=run) == (None, None)


async def test_two_loops_write_each_run_once(stage: Any, new_loop: Callable[..., ProjectLoop]) -> None:
    """Replicas share the work by claims: no run is written twice."""
    for number in range(30):
        stage.run(f"run-{number}")
    other = new_loop(Connection.from_kubeconfig(stage.server.path), stage.metrics)
    await asyncio.gather(stage.loop.turn(), other.turn(), stage.loop.turn(), other.turn())
    await until(stage.loop, lambda: stage.rows.value("SELECT count(*) FROM run WHERE project_at IS NOT NULL") == 0)
    assert stage.writes() == 30


async def test_a_burst_of_changes_is_one_write_an_interval(stage: Any, new_loop: Callable[..., ProjectLoop]) -> None:
    """While a run moves it is written once an interval, and its end at once."""
    run, interval = stage.run("busy"), 5.0
    loop = new_loop(Connection.from_kubeconfig(stage.server.path), stage.metrics, interval=interval)
    await loop.turn()
    written, begun = stage.writes(), time.monotonic()
    for number in range(20):
        stage.rows.change(
            "UPDATE run SET error_summary = CAST(:text AS text), status_reason = CAST(:text AS varchar), "
            "project_at = clock_timestamp() WHERE id = :id",
            id=run,
            text=f"Step{number}",
        )
        await loop.turn()
    assert stage.writes() - written <= (time.monotonic() - begun) / interval + 1
    stage.rows.end(run, "CANCELLED", "Cancelled")
    await loop.turn()
    assert stage.status("Run", "busy")["phase"] == "Cancelled"


async def test_an_api_server_that_is_away_loses_nothing(stage: Any, new_loop: Callable[..., ProjectLoop]) -> None:
    """Turns go on without raising, rows stay due, and the next loop that reaches it shows them."""
    runs = [stage.run(f"run-{number}") for number in range(20)]
    refused = stage.create("Run", "lost", {"automationRef": {"name": "none"}})
    away = new_loop(Connection("https://127.0.0.1:9"), Metrics())
    away.refuse(_refusal(stage, "lost", refused))
    await away.turn()
    await away.turn()
    assert stage.rows.value("SELECT count(*) FROM run WHERE project_at IS NOT NULL AND shown IS NULL") == len(runs)
    stage.rows.change("UPDATE run SET project_at = clock_timestamp()")
    await until(stage.loop, lambda: stage.rows.value("SELECT count(*) FROM run WHERE shown IS NULL") == 0)


async def test_nothing_is_written_late_in_a_claim(stage: Any, monkeypatch: Any) -> None:
    """Another replica may hold it by the time that it would arrive: what is left is shown with the next claim."""
    stage.run("late")
    ticks = itertools.count(step=6.0)
    monkeypatch.setattr(write_window, "boottime", lambda: next(ticks))
    await stage.loop.turn()
    assert stage.writes() == 0
    monkeypatch.undo()
    await until(stage.loop, lambda: stage.status("Run", "late").get("phase") == "Queued")


async def test_a_refusal_without_a_row_is_shown(stage: Any) -> None:
    """An unknown Automation: Accepted is False with what to do, and the Run counts as completed."""
    stage.loop.refuse(_refusal(stage, "lost", stage.create("Run", "lost", {"automationRef": {"name": "none"}})))
    await stage.loop.turn()
    assert stage.condition("Run", "lost", "Accepted") == ("False", "AutomationNotFound")
    assert stage.condition("Run", "lost", "Completed") == ("True", "AutomationNotFound")
    assert stage.status("Run", "lost")["phase"] == "Failed"
    assert stage.events() == [("lost", "Refused")]
    written = stage.writes()
    await stage.loop.turn()
    assert stage.writes() == written


async def test_engines_and_automations_show_how_they_stand(stage: Any) -> None:
    """Their conditions and counters follow the rows; a time changes only with its condition's status."""
    stage.run("open")
    rows = stage.rows
    engine_uid = stage.create("Engine", "tasks", {"type": "Embedded"})
    spec = {"engineRef": {"name": "tasks"}, "target": {"embedded": {"task": "t"}}}
    automation_uid = stage.create("Automation", "patch", spec)
    rows.change("UPDATE engine SET uid = :uid, project_at = clock_timestamp()", uid=engine_uid)
    rows.change("UPDATE automation SET uid = :uid, project_at = clock_timestamp()", uid=automation_uid)
    await until(stage.loop, lambda: stage.status("Automation", "patch") and stage.status("Engine", "tasks"))
    assert stage.condition("Engine", "tasks", "Ready") == ("True", "ProbeSucceeded")
    assert stage.condition("Automation", "patch", "Ready") == ("True", "Valid")
    status = stage.status("Automation", "patch")
    assert (status["active"], status["version"], status["observedGeneration"]) == (1, 3, 1)


async def test_counters_that_were_lost_with_a_process_are_found(
    stage: Any, new_loop: Callable[..., ProjectLoop]
) -> None:
    """Which definitions Runs have moved is remembered in the process: the next one compares, and writes once."""
    spec = {"engineRef": {"name": "tasks"}, "target": {"embedded": {"task": "t"}}}
    uid = stage.create("Automation", "patch", spec)
    stage.rows.change("UPDATE automation SET uid = :uid, project_at = clock_timestamp()", uid=uid)
    await until(stage.loop, lambda: stage.status("Automation", "patch"))
    stage.run("unseen")
    stage.rows.change("UPDATE run SET project_at = NULL")
    stage.rows.change("UPDATE automation SET projected_at = clock_timestamp() - interval '1 minute'")
    await stage.loop.turn()
    assert stage.status("Automation", "patch")["active"] == 0
    another = new_loop(Connection.from_kubeconfig(stage.server.path), stage.metrics)
    await until(another, lambda: stage.status("Automation", "patch")["active"] == 1)


async def test_an_engine_that_goes_away_is_told_once(stage: Any, monkeypatch: Any) -> None:
    """Ready turns False with an Event; what stays as it was keeps its time."""
    monkeypatch.setattr(project_definitions, "INTERVAL", 0.0)
    monkeypatch.setattr(project_definitions, "LOOK", 0.0)
    rows, uid = stage.rows, stage.create("Engine", "tasks", {"type": "Embedded"})
    rows.change("UPDATE engine SET uid = :uid, project_at = clock_timestamp()", uid=uid)
    await stage.loop.turn()
    before = {each["type"]: each for each in stage.status("Engine", "tasks")["conditions"]}
    for message in ("connection refused", "timed out"):
        rows.change("UPDATE engine_health SET ready_reason = 'ProbeFailed', message = :m", m=message)
        rows.change("UPDATE engine SET project_at = clock_timestamp()")
        await stage.loop.turn()
    after = {each["type"]: each for each in stage.status("Engine", "tasks")["conditions"]}
    assert (after["Ready"]["status"], after["Ready"]["message"]) == ("False", "timed out")
    assert after["Authenticated"]["lastTransitionTime"] == before["Authenticated"]["lastTransitionTime"]
    assert stage.events() == [("tasks", "EngineUnavailable")]


def _refusal(stage: Any, name: str, uid: str) -> Refusal:
    message = "spec.automationRef.name: there is no Automation none in this namespace: create it, or correct the name"
    return Refusal(stage.namespace, name, uid, 1, "AutomationNotFound", message, datetime.now(UTC))
