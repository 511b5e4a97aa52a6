"""What docs/capacity.md says of the database: how much a Run takes, and how old ones are let go."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from baton_docs.blocks import ROOT, typed_by
from baton_spine.stage import Stage

PAGE = "docs/capacity.md"
SIZE = """
SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
"""
#: What belongs to Runs: nothing of it is left when they are gone.
OF_RUNS = {
    "run",
    "run_state_history",
    "run_orchestration",
    "dispatch_attempt",
    "orchestration_instance",
    "instance_state_history",
    "embedded_task",
}
FIRST, MORE = 60, 140


@pytest.fixture
def busy(stage: Stage) -> Stage:
    """An operator with a worker, and an Automation that does nothing."""
    stage.operator(BATON_WORKER="true").wait_ready()
    stage.engine_embedded()
    stage.task("noop", "demo.noop")
    return stage


def make(stage: Stage, names: range) -> None:
    """Make Runs and wait for their ends."""
    for number in names:
        stage.run(f"noop-{number}", "noop")
    stage.ended(within=240)


def test_a_run_takes_as_much_of_the_database_as_the_page_says(busy: Stage) -> None:
    """Within a factor of two: pages of tables and indexes that have just begun are not full."""
    found = re.search(r"\| database, tables and indexes \| (\d+\.\d) KB \|", (ROOT / PAGE).read_text())
    assert found
    make(busy, range(FIRST))
    before = busy.rows(SIZE)[0][0]
    make(busy, range(FIRST, FIRST + MORE))
    each = (busy.rows(SIZE)[0][0] - before) / MORE
    assert float(found[1]) / 2 < each / 1000 < float(found[1]) * 2


def test_old_runs_go_as_the_page_says_and_nothing_else_does(busy: Stage) -> None:
    """Those whose objects are still there stay, whatever their age; what is left breaks no invariant."""
    make(busy, range(4))
    for number in (0, 1):
        busy.delete("Run", f"noop-{number}")
    busy.until(
        lambda: busy.rows("SELECT count(*) FROM run WHERE NOT is_active AND counted") == [(2,)], what="deletions seen"
    )
    for _, line in typed_by("tests/cluster/spine/test_spine_capacity.py"):
        type_line(busy, line)
    assert busy.rows("SELECT count(*) FROM run") == [(4,)], "they are not that old"
    type_line(busy, "baton purge --before 2100-01-01 --yes")
    assert busy.rows("SELECT name FROM run ORDER BY name") == [("noop-2",), ("noop-3",)]
    left = {table: busy.rows(f"SELECT count(*) FROM {table}")[0][0] for table in OF_RUNS}
    assert set(left.values()) == {2, 6}, left
    busy.check()


def type_line(stage: Stage, line: str) -> None:
    """Type a command of `baton` at the stage's database."""
    program, *words = line.split()
    environ = {**os.environ, "BATON_DATABASE_URL": stage.database_url}
    subprocess.run([Path(sys.executable).with_name(program), *words], env=environ, check=True)
