"""
The proof for tasks that write: their worker is killed 500 times while each of them inserts one row.

    make crash-tasks                                              500 kills
    .venv/bin/python tests/crash/task_kills.py --kills 50 --seed 7
"""

# ruff: noqa: T201 - its output is what it is for

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "fakes"))

from baton_crash.task_kills import play  # noqa: E402 - the fakes are no installed package

from baton_operator.local.postgres import Postgres  # noqa: E402
from baton_operator.local.progress import say_on_stderr  # noqa: E402
from baton_operator.local.scratch import scratch_home  # noqa: E402


def main() -> None:
    """Play, and fail where a row is missing, or is there twice, or without its task's success."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=500, help="kills that meet a task (default: 500)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="of all chances")
    options = parser.parse_args()
    print(f"seed {options.seed}")
    begun = time.monotonic()
    with scratch_home(say_on_stderr) as home, tempfile.TemporaryDirectory() as folder:
        url = Postgres(home).up()
        seen = play(url, Path(folder), kills=options.kills, seed=options.seed, say=print)
    ends = ", ".join(f"{count} {state}" for state, count in sorted(seen.ends.items()))
    print(f"{seen.hits} kills met a task in {time.monotonic() - begun:.0f} s; {ends}; {len(seen.wrong)} wrong")
    for each in seen.wrong:
        print(f"wrong: {each}")
    sys.exit(1 if seen.wrong else 0)


if __name__ == "__main__":
    main()
