"""What the dashboard of the history asks is understood by PostgreSQL, and reads nothing but the two views."""

from __future__ import annotations

import re

import pytest
from baton_monitoring.dashboards import POSTGRESQL, as_postgresql_sees_it, boards

STATEMENTS = [each for board in boards() if board.kind == POSTGRESQL for each in board.queries()]
CHOICES = [
    (each["name"], each["query"])
    for board in boards()
    for each in board.variables
    if board.kind == POSTGRESQL and each["type"] == "query"
]
TEXTS = {"namespace": "'team-a', 'it''s'", "automation": "'import'", "run": "''"}


@pytest.mark.parametrize(("title", "statement"), STATEMENTS + CHOICES, ids=lambda each: str(each)[:40])
def test_a_statement_of_the_history_runs(connection, world, title, statement):
    connection.execute(as_postgresql_sees_it(statement, TEXTS).replace("%", "%%"))
    read = set(re.findall(r"\b(?:FROM|JOIN)\s+(\w+)", statement)) - {"started_at", "finished_at", "max", "lasted"}
    assert read <= {"baton_run_history", "baton_attempt_history"}


def test_the_runs_of_a_time_range_are_listed_once_each(connection, world, set_status):
    set_status("run", [world.run_id], "PROCESSING", reason="Dispatched")
    (statement,) = [each for title, each in STATEMENTS if title == "Who ran what when"]
    (row,) = connection.execute(as_postgresql_sees_it(statement, TEXTS).replace("%", "%%")).fetchall()
    assert row[1:5] == ("team-a", "import", None, "import-1")
