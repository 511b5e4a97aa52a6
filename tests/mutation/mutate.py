"""
Switches off one guard after the other, and shows that a test fails each time: `make mutate`.

Each guard of `guards.py` is a text of the source and what takes its place. It is changed in a copy of the tree, and
only the tests that are named for it run there, on servers that all of them share. First everything named runs on the
copy as it is: a test that fails anyway would prove nothing.

    python tests/mutation/mutate.py [--only WORD] [--jobs 2]
"""

# ruff: noqa: T201 - its output is what it is for

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from guard import Guard
from guards import GUARDS

from baton_operator.local.progress import say_on_stderr
from baton_operator.local.scratch import scratch_home

ROOT = Path(__file__).parents[2]
PACKAGES = ("models", "migrations", "operator")
#: Seconds that the tests of one guard may take; what takes longer has been stopped by the change, too.
PATIENCE = 120.0
#: What pytest's exit status says: tests failed; every other but 0 means that they did not even run.
PASSED, FAILED = 0, 1


@dataclass(frozen=True)
class Verdict:
    """What became of one guard: ``killed`` is as it must be."""

    guard: Guard
    word: str
    seconds: float
    output: str = ""


class Copy:
    """
    A copy of the tree, to be changed.

    Args:
        folder: Where it is.
        home: Where the servers of its tests are.
    """

    def __init__(self, folder: Path, home: str) -> None:
        self.folder = folder
        path = os.pathsep.join(str(folder / package) for package in PACKAGES)
        self._environ = {**os.environ, "PYTHONPATH": path, "BATON_TEST_HOME": home, "PYTHONDONTWRITEBYTECODE": "1"}
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        for name in filter(None, listed.stdout.decode().split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, folder / name)

    def run(self, tests: Sequence[str], *, patience: float = PATIENCE) -> tuple[int | None, str]:
        """Run tests by their ids; give pytest's status (None if they took too long) and what they said."""
        command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider", *tests]
        try:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=self._environ,
                capture_output=True,
                text=True,
                timeout=patience,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            return None, str(error)
        return done.returncode, done.stdout + done.stderr

    def try_without(self, guard: Guard) -> Verdict:
        """Switch *guard* off, run its tests, switch it on again."""
        begun = time.monotonic()
        path = self.folder / guard.file
        whole = path.read_text()
        if whole.count(guard.old) != 1:
            return Verdict(guard, "NOT FOUND", 0.0, f"{guard.file} has it {whole.count(guard.old)} times:\n{guard.old}")
        path.write_text(whole.replace(guard.old, guard.new))
        try:
            status, output = self.run(guard.tests)
        finally:
            path.write_text(whole)
        word = {PASSED: "SURVIVED", FAILED: "killed", None: "killed (stuck)"}.get(status, "BROKEN")
        return Verdict(guard, word, time.monotonic() - begun, output)


@contextmanager
def server_home() -> Iterator[str]:
    """Give a home for the servers of all tests: the one of ``BATON_TEST_HOME``, or one that is gone afterwards."""
    given = os.environ.get("BATON_TEST_HOME")
    if given:
        yield given
        return
    with scratch_home(say_on_stderr) as home:
        yield str(home.path)


def judge(guards: Sequence[Guard], jobs: int) -> list[Verdict]:
    """Try all guards, *jobs* at a time, and tell of each as it is known."""
    with server_home() as home, tempfile.TemporaryDirectory(prefix="baton-mutate-") as folder:
        copies: SimpleQueue[Copy] = SimpleQueue()
        for number in range(jobs):
            copies.put(Copy(Path(folder) / str(number), home))
        first = copies.get()
        tests = sorted({test for guard in guards for test in guard.tests})
        print(f"{len(guards)} guards; first all their {len(tests)} tests with nothing switched off", flush=True)
        status, output = first.run(tests, patience=10 * PATIENCE)
        copies.put(first)
        if status != PASSED:
            raise SystemExit(f"{output}\nthese tests do not pass as it is: nothing can be shown")

        def one(guard: Guard) -> Verdict:
            copy = copies.get()
            try:
                verdict = copy.try_without(guard)
            finally:
                copies.put(copy)
            print(f"{verdict.word:<14} {verdict.seconds:5.1f} s  {guard.name}", flush=True)
            return verdict

        with ThreadPoolExecutor(jobs) as pool:
            return list(pool.map(one, guards))


def main() -> None:
    """Print a line for each guard; exit with 1 if one can be missed."""
    parser = argparse.ArgumentParser(description="Switch off one guard after the other: some test must fail each time.")
    parser.add_argument("--only", default="", help="guards whose names contain this")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (default: 2)")
    arguments = parser.parse_args()
    verdicts = judge([each for each in GUARDS if arguments.only in each.name], arguments.jobs)
    missed = [each for each in verdicts if not each.word.startswith("killed")]
    for each in missed:
        print(f"\n=== {each.word}: {each.guard.name}\n{each.output[-3000:]}")
    print(f"\n{len(verdicts) - len(missed)} of {len(verdicts)} guards are missed when they are switched off")
    raise SystemExit(1 if missed or not verdicts else 0)


if __name__ == "__main__":
    main()
