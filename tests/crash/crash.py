"""
The proof: operators are killed at every side effect and in the middle of every word; the engines' books are compared.

Each case plays the same seven Runs (one of them fans out, one is tried twice, one is cancelled, one is refused by Baton
and one by the engine, and the answer to the first submit is lost) with an operator that is killed on the way, starts
others in its place, and compares what is left (ends, histories, the engine's own ledger) with an undisturbed run.

    make crash                                           every case on every engine, and a table at the end
    make crash-wrong                                     the same on an operator that must be caught
    .venv/bin/python tests/crash/crash.py --only engine  cases whose names contain a word
    .venv/bin/python tests/crash/crash.py --write        put the table into docs/reliability.md
"""

# ruff: noqa: T201 - its output is what it is for

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "fakes"))

from baton_crash.cases import every  # noqa: E402 - the fakes are no installed package
from baton_crash.disturbances import CutCommit, Disturbance, Failpoint, InTurn, OnTheWire  # noqa: E402
from baton_crash.in_play import InPlay, in_play  # noqa: E402
from baton_crash.play import Played, play  # noqa: E402
from baton_crash.scenario import ATTEMPTS, ENDS  # noqa: E402
from baton_spine.theatre import Theatre, theatre  # noqa: E402

from baton_operator.local.kubernetes import ControlPlane  # noqa: E402
from baton_operator.local.postgres import Postgres  # noqa: E402
from baton_operator.local.progress import say_on_stderr  # noqa: E402
from baton_operator.local.scratch import scratch_home  # noqa: E402

REPORT = ROOT / "docs" / "reliability.md"
#: The operator, and one that submits first and records afterwards.
RIGHT, WRONG = "baton_operator", "baton_crash.wrong_order"
BEGIN, END = "<!-- crash: begin -->\n", "<!-- crash: end -->\n"


@dataclass
class Row:
    """
    What was seen of one kind of fault on one engine.

    Attributes:
        duplicates: Submits that the engine accepted beyond one for each attempt.
        lost: Attempts that the engine should have and has not, and Runs that ended otherwise than undisturbed.
        stuck: Cases that came to no end.
        longest: Seconds from the last kill to the last Run's end, of the case in which that took longest.
        slowest: That case.
    """

    cases: int = 0
    kills: int = 0
    unmet: int = 0
    duplicates: int = 0
    lost: int = 0
    stuck: int = 0
    longest: float = 0.0
    slowest: str = ""
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, played: Played, undisturbed: Played) -> None:
        """Count one case that came to an end."""
        self.cases += 1
        self.kills += played.kills
        self.unmet += played.kills == 0
        if played.seconds > self.longest:
            self.longest, self.slowest = played.seconds, name
        accepted = played.end.accepted
        duplicates = sum(max(0, number - ATTEMPTS.get(run, 0)) for run, number in accepted.items())
        lost = sum(max(0, number - accepted.get(run, 0)) for run, number in ATTEMPTS.items())
        if not duplicates and not lost and (played.broken or played.end != undisturbed.end):
            lost = 1
        self.duplicates += duplicates
        self.lost += lost
        if duplicates or lost:
            self.notes.append(f"{name}: {played.end} {played.broken}")

    @property
    def is_clean(self) -> bool:
        """Whether everything was as undisturbed."""
        return not (self.duplicates or self.lost or self.stuck)


def kind(disturbance: Disturbance) -> str:
    """Name the row of a case."""
    match disturbance:
        case Failpoint() | InTurn():
            return "kill -9 at a side effect"
        case OnTheWire(peer=peer, lost=lost):
            return f"kill -9 at the n-th piece to the {peer}, {'lost' if lost else 'arriving'}"
        case CutCommit(lost=lost):
            return f"connection cut at the n-th COMMIT, {'lost' if lost else 'its answer lost'}"


def prove(
    stages: Theatre, engine: InPlay, cases: Sequence[Disturbance], jobs: int, module: str = RIGHT
) -> dict[str, Row]:
    """Play all *cases* on one engine, *jobs* at a time, and show how far it is."""
    undisturbed = _play(stages, engine, None, module)
    assert undisturbed.end.ends == ENDS, undisturbed.end
    assert undisturbed.end.accepted == ATTEMPTS, undisturbed.end
    rows: dict[str, Row] = {kind(each): Row() for each in cases}
    noted = dict.fromkeys(rows, 0)
    begun = time.monotonic()
    with ThreadPoolExecutor(jobs) as pool:
        waiting: dict[Future[Played], Disturbance] = {
            pool.submit(_play, stages, engine, each, module): each for each in cases
        }
        done = 0
        while waiting:
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                case = waiting.pop(future)
                row = rows[kind(case)]
                try:
                    row.add(str(case), future.result(), undisturbed)
                except Exception as error:  # noqa: BLE001 - one case that breaks loses no other one's result
                    row.cases += 1
                    row.stuck += 1
                    row.notes.append(f"{case}: {type(error).__name__}: {error}")
                done += 1
                for note in row.notes[noted[kind(case)] :]:
                    print(f"  {note}", flush=True)
                noted[kind(case)] = len(row.notes)
                if done % 10 == 0 or not waiting:
                    kills = sum(each.kills for each in rows.values())
                    word = "clean so far" if all(each.is_clean for each in rows.values()) else "NOT CLEAN"
                    print(
                        f"  {engine.type}: {done}/{len(cases)} cases, {kills} kills, {word}, "
                        f"{time.monotonic() - begun:.0f} s",
                        flush=True,
                    )
    return rows


def _play(stages: Theatre, engine: InPlay, case: Disturbance | None, module: str) -> Played:
    stage = replace(stages.stage(), module=module)
    try:
        return play(stage, engine, case)
    finally:
        stages.strike(stage)


def table(found: dict[str, dict[str, Row]]) -> str:
    """Write all rows as a table for people."""
    lines = [
        "| engine | fault | cases | kills | duplicates | lost | stuck | longest recovery |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    total = Row()
    for engine, rows in found.items():
        for name, row in rows.items():
            lines.append(_line(engine, name, row))
            for number in ("cases", "kills", "duplicates", "lost", "stuck"):
                setattr(total, number, getattr(total, number) + getattr(row, number))
            total.longest = max(total.longest, row.longest)
    return "\n".join([*lines, _line("**all**", "", total)]) + "\n"


def _line(engine: str, name: str, row: Row) -> str:
    return (
        f"| {engine} | {name} | {row.cases} | {row.kills} | {row.duplicates} | {row.lost} | {row.stuck} "
        f"| {row.longest:.1f} s |"
    )


@contextmanager
def opened() -> Iterator[Theatre]:
    """Start the servers, and leave nothing of them."""
    with ExitStack() as ends:
        home = ends.enter_context(scratch_home(say_on_stderr))
        postgres = Postgres(home, 18, fsync=False).up()
        server = ControlPlane(home, say_on_stderr, fsync=False).up()
        yield ends.enter_context(theatre(server, postgres))


def main() -> int:
    """Play, print, and say by the exit status whether all was as undisturbed."""
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # half a request is what the fakes are to get here
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default="Argo,Jenkins,Airflow", help="which engines, by their types")
    parser.add_argument("--only", default="", metavar="WORD", help="only cases whose names contain it")
    parser.add_argument("--jobs", type=int, default=4, help="cases under way at once")
    parser.add_argument("--write", action="store_true", help="put the table into docs/reliability.md")
    parser.add_argument("--wrong", action="store_true", help="play an operator that must be caught")
    options = parser.parse_args()
    if options.wrong:
        return _catch_the_wrong_one(options.jobs)
    found: dict[str, dict[str, Row]] = {}
    with opened() as stages:
        for name in options.engines.split(","):
            cases = [each for each in every(name) if options.only in str(each)]
            with in_play(name, stages) as engine:
                found[name] = prove(stages, engine, cases, options.jobs)
            slowest = max(found[name].values(), key=lambda row: row.longest)
            print(f"  {name}: the slowest was {slowest.slowest}\n\n{table(found)}", flush=True)
    shown = table(found)
    if options.write:
        text = REPORT.read_text()
        REPORT.write_text(text[: text.index(BEGIN) + len(BEGIN)] + shown + text[text.index(END) :])
    return 0 if all(row.is_clean for rows in found.values() for row in rows.values()) else 1


def _catch_the_wrong_one(jobs: int) -> int:
    """Play the wrong order on the engine that cannot tell a second submit from the first; 0 if it is caught."""
    cases = [Failpoint("dispatch.sent.after", nth) for nth in (1, 2, 3)]
    with opened() as stages, in_play("Jenkins", stages) as engine:
        rows = prove(stages, engine, cases, jobs, WRONG)
    duplicates = sum(row.duplicates for row in rows.values())
    print(f"\n{table({'Jenkins, submit then record': rows})}\n{'caught' if duplicates else 'NOT CAUGHT'}")
    return 0 if duplicates else 1


if __name__ == "__main__":
    raise SystemExit(main())
