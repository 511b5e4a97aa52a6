"""One case of the proof: an engine, a disturbance, and what is left compared with an undisturbed run."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Self

from baton_crash.disturbances import (
    Assassin,
    CutCommit,
    Disturbance,
    Failpoint,
    OnTheWire,
    Scissors,
    behind_a_wire,
)
from baton_crash.in_play import InPlay
from baton_crash.scenario import ENDS, End, cancel_one, end_of, open_scenario
from baton_spine.process import OperatorProcess, end_all
from baton_spine.stage import Stage

#: Seconds that everything may take to its end.
PATIENCE = 120.0
#: Seconds until all invariants hold: the claim of a killed operator on a status it was about to show keeps others from
#: showing it for 30.
SETTLED = 45.0


@dataclass(frozen=True, slots=True)
class Played:
    """
    What became of one case.

    Attributes:
        end: What was left.
        kills: How many operators were killed, or connections cut; 0 where the moment never came.
        broken: What `baton check` said of it, the engine's books at hand; empty where all holds.
        seconds: From the last kill (undisturbed: the first Run's creation) to the last Run's end.
    """

    end: End
    kills: int
    seconds: float
    broken: str = ""


def play(stage: Stage, engine: InPlay, disturbance: Disturbance | None) -> Played:
    """Play the scenario once; the engine's books and the database are compared by `baton check` at the end."""
    try:
        match disturbance:
            case None:
                return _undisturbed(stage, engine)
            case Failpoint():
                return _at_a_failpoint(stage, engine, disturbance)
            case OnTheWire():
                return _on_the_wire(stage, engine, disturbance)
            case CutCommit():
                return _at_a_commit(stage, engine, disturbance)
    finally:
        end_all(stage.operators)


def _undisturbed(stage: Stage, engine: InPlay) -> Played:
    stage.operator()
    begun = time.monotonic()
    open_scenario(stage, engine, _url(engine))
    cancel_one(stage)
    return _finished(stage, engine, 0, begun)


def _at_a_failpoint(stage: Stage, engine: InPlay, failpoint: Failpoint) -> Played:
    first = stage.operator(f"{failpoint.name}=kill@{failpoint.nth}")
    with _Heir(stage, first) as heir:
        open_scenario(stage, engine, _url(engine))
        if not failpoint.name.startswith("cancel."):
            stage.until(
                lambda: heir.killed_at or _are_done(stage, but="stopped"),
                PATIENCE,
                what="kill, or end of the rest,",
            )
        begun = time.monotonic()
        cancel_one(stage)
        played = _finished(stage, engine, 0, begun)
    if heir.killed_at is None:
        return played
    return replace(played, kills=1, seconds=begun + played.seconds - heir.killed_at)


class _Heir:
    """Starts another operator as soon as the first is killed, whenever that is: its moment may come late."""

    def __init__(self, stage: Stage, first: OperatorProcess) -> None:
        self._stage, self._first = stage, first
        self._is_over = False
        self._watch = threading.Thread(target=self._succeed, daemon=True)
        self.killed_at: float | None = None

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True

    def _succeed(self) -> None:
        if self._first.process.wait() == -signal.SIGKILL and not self._is_over:
            self.killed_at = time.monotonic()
            self._stage.operator()


def _on_the_wire(stage: Stage, engine: InPlay, plan: OnTheWire) -> Played:
    assassin = Assassin(plan)
    with ExitStack() as ends:
        wired, wire, url = ends.enter_context(behind_a_wire(stage, plan.peer, engine.address))
        wire.judge = assassin.judge
        begun = time.monotonic()
        assassin.aim(wired.operator())
        open_scenario(wired, engine, url)
        for life in range(plan.lives):
            if not _dies(wired, assassin, life + 1):
                break
            if life + 1 < plan.lives:
                assassin.aim(wired.operator())
        assassin.rest()
        if wired.operators[-1].process.poll() is not None:
            wired.operator()
        cancel_one(wired)
        return _finished(wired, engine, assassin.kills, assassin.killed_at or begun)


def _at_a_commit(stage: Stage, engine: InPlay, plan: CutCommit) -> Played:
    scissors = Scissors(plan)
    with ExitStack() as ends:
        wired, wire, url = ends.enter_context(behind_a_wire(stage, "database", engine.address))
        wire.judge = scissors.judge
        begun = time.monotonic()
        wired.operator()
        open_scenario(wired, engine, url)
        cancel_one(wired)
        return _finished(wired, engine, scissors.cuts, begun)


def _dies(stage: Stage, assassin: Assassin, kills: int) -> bool:
    """Wait until the operator of this life is killed; False where all there is to do was done without."""
    deadline = time.monotonic() + PATIENCE
    while assassin.kills < kills:
        if time.monotonic() > deadline:
            raise AssertionError(f"neither killed nor done\n{stage.account()}")
        if _are_done(stage, but="stopped"):
            return False
        time.sleep(0.2)
    stage.operators[-1].wait_end(10)
    return True


_LEFT = "SELECT count(*) FROM run WHERE name <> %s AND status NOT IN ('COMPLETED', 'FAILED', 'CANCELLED')"
_ALL = "SELECT count(*) FROM run"


def _are_done(stage: Stage, *, but: str) -> bool:
    """Whether every Run is stored and has ended; the one of this name goes on until it is cancelled."""
    return stage.rows(_ALL)[0][0] == len(ENDS) and stage.rows(_LEFT, but)[0][0] == 0


def _finished(stage: Stage, engine: InPlay, kills: int, begun: float) -> Played:
    stage.ended(within=PATIENCE)
    seconds = time.monotonic() - begun
    broken = ""
    try:
        stage.check(SETTLED, books=lambda: engine.books(stage))
    except AssertionError as error:
        broken = str(error)
    return Played(end_of(stage, engine), kills, seconds, broken)


def _url(engine: InPlay) -> str:
    return f"http://{engine.address[0]}:{engine.address[1]}"
