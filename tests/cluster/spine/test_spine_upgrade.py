"""Runs that an older release has left in flight go on with this one; and this one goes on where a newer one was."""

from __future__ import annotations

import dataclasses
import time

import psycopg
import pytest
from baton_spine.process import OperatorProcess
from baton_spine.stage import Stage, condition, shown
from baton_upgrades.older import FIRST_LANDING

from baton_migrations.chains import engine_chain
from baton_migrations.runner import migrate
from baton_operator.kube.conditions import fingerprint

pytestmark = pytest.mark.timeout(900)  # a busy machine takes its time for twenty Runs
SUCCEEDED = ("Succeeded", "Succeeded")
#: Those of the Runs that did not, or will not, succeed.
ENDS = {
    "bad-1": ("Failed", "Failed"),
    "again-1": ("Failed", "Failed"),
    "hasty-1": ("Failed", "TimedOut"),
    "retry-later": ("Failed", "Failed"),
    "refused-1": ("Failed", "AutomationNotFound"),
    "stopped-1": ("Cancelled", "Cancelled"),
    "stopping": ("Cancelled", "Cancelled"),
    "asleep": ("Failed", "TaskError"),
}
WITHIN = 200.0
_HISTORY = """
SELECT r.name, h.seq, h.new_status::text, h.reason, h.changed_at FROM run_state_history h JOIN run r ON r.id = h.run_id
ORDER BY r.name, h.seq
"""
#: What a newer release leaves: one more revision, with a column that this one does not know.
_NEWER = (
    "ALTER TABLE run ADD COLUMN of_a_newer_release integer DEFAULT 0 NOT NULL",
    "CREATE INDEX ix_run_of_a_newer_release ON run (of_a_newer_release)",
    "INSERT INTO schema_compat (chain, revision, readable_since) VALUES ('engine', '9001_later', %s)",
    "UPDATE alembic_version SET version_num = '9001_later'",
)


@pytest.fixture
def older(stage: Stage, database_url: str) -> Stage:
    """A stage as the first landing has left it: its database, its objects, and its engine with what it was sent."""
    made = dataclasses.replace(stage, database_url=database_url)
    FIRST_LANDING.put_on(made)
    return made


def let_all_end(stage: Stage) -> None:
    """Have the engine end, by and by, what would go on for a quarter of an hour."""
    now = time.time()
    for workflow in stage.argo.state.seen(stage.namespace, now):
        if workflow.parameters.get("secs") == "900s" and workflow.at(now).finished is None:
            stage.argo.state.end(stage.namespace, workflow.name, "Succeeded")


def test_runs_that_an_older_release_left_go_on_to_their_ends(older: Stage) -> None:
    told = older.rows(_HISTORY)
    submits = set(older.accepted())
    assert states(older) >= {"ACKED", "SENT", "AMBIGUOUS", "INTENT", "CLOSED"}
    migrate(older.database_url, progress=lambda _: None)
    older.operator(BATON_WORKER="true").wait_ready(WITHIN)
    older.patch("Run", "held", {"state": "Active"})
    with psycopg.connect(older.database_url) as connection:  # its hour is over
        connection.execute("UPDATE dispatch_attempt SET due_at = now() WHERE state = 'INTENT' AND due_at > now()")
    older.run("afterwards")
    older.ended("stopping", within=WITHIN)

    def ended() -> bool:
        let_all_end(older)
        return all(condition(status, "Completed")[0] == "True" for status in older.runs().values())

    older.until(ended, WITHIN, what="the end of all Runs")
    ends = {name: shown(status) for name, status in older.runs().items()}
    assert ends == {name: ENDS.get(name, SUCCEEDED) for name in ends}
    accepted = older.accepted()
    assert len(accepted) == len(set(accepted)), "something was sent twice"
    assert set(accepted) - submits == sent_tokens(older) - submits
    assert [row for row in older.rows(_HISTORY) if row in told] == told
    older.check(60)


def states(stage: Stage) -> set[str]:
    """Give the states that attempts are in."""
    return {state for (state,) in stage.rows("SELECT DISTINCT state::text FROM dispatch_attempt")}


def sent_tokens(stage: Stage) -> set[str]:
    """Give the tokens of all attempts that were sent to Argo."""
    sent = (
        "SELECT token FROM dispatch_attempt d JOIN engine e ON e.id = d.engine_id WHERE e.type = 'Argo' AND sends > 0"
    )
    return {token for (token,) in stage.rows(sent)}


def reword(stage: Stage, name: str) -> None:
    """Have a Run show what another release wrote."""
    status = stage.get("Run", name)["status"]
    for each in status["conditions"]:
        each["message"] = "as another release had it"
    stage.server.request("PATCH", stage.path("Run", name) + "/status", {"status": status})
    with psycopg.connect(stage.database_url) as connection:
        connection.execute("UPDATE run SET shown = %s WHERE name = %s", (fingerprint(status), name))


def test_open_runs_are_shown_in_the_words_of_this_release(stage: Stage) -> None:
    """At rest as they are; one that has ended is not written again, and `baton check` does not mind."""
    stage.engine_argo()
    stage.nap()
    first = stage.operator().wait_ready(WITHIN)
    stage.run("ended")
    stage.run("asleep", spec={"state": "Suspended"})
    stage.ended("ended", within=WITHIN)
    stage.phase("asleep", "Suspended", within=WITHIN)
    stage.check(60)
    first.terminate()
    assert first.wait_end() == 0
    for name in ("ended", "asleep"):
        reword(stage, name)
    (found,) = [each for each in stage.violations() if each.subject.startswith("Run ")]
    assert "/asleep" in found.subject
    stage.operator().wait_ready(WITHIN)
    stage.check(60)
    assert stage.condition("Run", "asleep", "Completed")[2] == "The Run has not ended"
    assert stage.condition("Run", "ended", "Completed")[2] == "as another release had it"


def move_on(database_url: str, readable_since: str) -> None:
    """Leave the database as a newer release does."""
    with psycopg.connect(database_url) as connection:
        for statement in _NEWER:
            connection.execute(statement, (readable_since,) if "%s" in statement else None)


def after_a_rollback(stage: Stage, readable_since: str) -> OperatorProcess:
    """Run an operator, let a newer release take over its database while a Run is under way, and go back."""
    stage.engine_argo()
    stage.nap()
    first = stage.operator().wait_ready(WITHIN)
    stage.run("under-way", secs="900s")
    stage.phase("under-way", "Running", within=WITHIN)
    move_on(stage.database_url, readable_since)
    first.terminate()
    assert first.wait_end() == 0
    return stage.operator()


def test_a_rollback_goes_on_where_the_newer_schema_allows_it(stage: Stage) -> None:
    release = engine_chain().release
    operator = after_a_rollback(stage, release).wait_ready(WITHIN)
    stage.run("afterwards")
    assert shown(stage.ended("afterwards", within=WITHIN)["afterwards"]) == SUCCEEDED
    let_all_end(stage)
    assert shown(stage.ended("under-way", within=WITHIN)["under-way"]) == SUCCEEDED
    assert len(stage.accepted()) == 2
    said = [line for line in operator.log.read_text().splitlines() if "schema.newer" in line]
    assert len(said) == 1
    assert "9001_later" in said[0]
    stage.check(60)


def test_a_rollback_is_refused_in_one_line_where_the_newer_schema_forbids_it(stage: Stage) -> None:
    operator = after_a_rollback(stage, "9.0.0")
    assert operator.wait_end(WITHIN) == 78
    assert operator.log.read_text().count("\n") == 1
    assert "it takes 9.0.0 or newer" in operator.tail()
    assert stage.rows("SELECT status::text FROM run") == [("PROCESSING",)]
