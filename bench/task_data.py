"""
Measure what it costs a task to write: one insert in its transaction, against the same task without.

One worker with one child, PostgreSQL waiting for the disk; blocks of tasks of both kinds take turns, so that whatever
else the machine does meets both. A task's time is from one claim to the next: claim, call, end, both commits.

    make bench                                          after the Runs
    .venv/bin/python bench/task_data.py --tasks 200     fewer in a block
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from rich.console import Console

from baton_operator.local.postgres import Postgres
from baton_operator.local.scratch import scratch_home

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "fakes"))

from baton_crash.task_kills import MODELS, Work, Workers, install
from owned_databases import owned

GOAL = 1.5
BLOCKS = 10
KINDS = ("kills.nothing", "kills.insert")
#: The median time from one start to the next in a block, in milliseconds.
_PACE = """
SELECT 1000 * percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM paced)) FROM (
  SELECT started_at - lag(started_at) OVER (ORDER BY started_at) AS paced FROM embedded_task WHERE id > %s) t
"""
_LAST = "SELECT coalesce(max(id::text)::uuid, '00000000-0000-0000-0000-000000000000') FROM embedded_task"
_UNDER_WAY = "SELECT count(*) FROM embedded_task WHERE state IN ('queued', 'running')"
console = Console(width=None if sys.stdout.isatty() else 120)


def main() -> None:
    """Measure, print one line, and fail where the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=500, help="tasks in a block (default 500)")
    options = parser.parse_args()
    with scratch_home(console.print) as home, tempfile.TemporaryDirectory() as folder:
        paces = _measure(Postgres(home).up(), Path(folder), options.tasks)
    without, with_insert = (statistics.median(paces[kind]) for kind in KINDS)
    ratio = statistics.median(b / a for a, b in zip(*(paces[kind] for kind in KINDS), strict=True))
    load = f"load {os.getloadavg()[0]:.1f}"
    console.print(
        f"a task: {without:.2f} ms; with one insert in its transaction: {with_insert:.2f} ms; "
        f"ratio {ratio:.2f} (≤ {GOAL}); {BLOCKS} blocks of {options.tasks} each, {load}"
    )
    sys.exit(1 if ratio > GOAL else 0)


def _measure(admin_url: str, folder: Path, tasks: int) -> dict[str, list[float]]:
    paces: dict[str, list[float]] = {kind: [] for kind in KINDS}
    site = install(folder / "site")
    with owned(admin_url, site, MODELS) as (url, whole), psycopg.connect(whole, autocommit=True) as books:
        work = Work(whole, random.Random(0))  # noqa: S311 - nothing is left to chance here
        work.open()
        workers = Workers(url, site, folder, 1)
        try:
            for block in range(BLOCKS + 1):
                for kind in KINDS:
                    pace = _block(books, work, kind, tasks)
                    if block:  # the first one warms up
                        paces[kind].append(pace)
        finally:
            workers.stop()
    return paces


def _block(books: psycopg.Connection, work: Work, kind: str, tasks: int) -> float:
    (last,) = books.execute(_LAST).fetchone() or (None,)
    work.add(tasks, kind)
    deadline = time.monotonic() + 300
    while books.execute(_UNDER_WAY).fetchone() != (0,):
        if time.monotonic() > deadline:
            raise SystemExit("the tasks do not end")
        time.sleep(0.2)
    (pace,) = books.execute(_PACE, (last,)).fetchone() or (0.0,)
    return float(pace)


if __name__ == "__main__":
    main()
