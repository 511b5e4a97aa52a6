"""One case of the proof: an engine, a disturbance, and what is left compared with an undisturbed run."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Self

from baton_crash.disturbances import (
    Assassin,
    CutCommit,
    Disturbance,
    Failpoint,
    InTurn,
    OnTheWire,
    Scissors,
    behind_a_wire,
)
from baton_crash.in_play import InPlay
from baton_crash.scenario import ENDS, End, cancel_one, end_of, open_scenario
from baton_spine.process import end_all
from baton_spine.stage import Stage

#: Seconds that everything may take to its end.
PATIENCE = 120.0
#: Seconds until all invariants hold: the claim of a killed operator on a status it was about to show keeps others from
#: showing it for 15.
SETTLED = 30.0


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
                return _at_failpoints(stage, engine, [disturbance])
            case InTurn(points):
                return _at_failpoints(stage, engine, points)
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


def _at_failpoints(stage: Stage, engine: InPlay, points: Sequence[Failpoint]) -> Played:
    before_the_cancel = sum(not each.name.startswith("cancel.") for each in points)
    with _Heirs(stage, points) as heirs:
        open_scenario(stage, engine, _url(engine))
        if before_the_cancel:
            stage.until(
                lambda: heirs.kills >= before_the_cancel or _are_done(stage, but="stopped"),
                PATIENCE,
                what="kill, or end of the rest,",
            )
        begun = time.monotonic()
        cancel_one(stage)
        played = _finished(stage, engine, 0, begun)
    if not heirs.kills:
        return played
    return replace(played, kills=heirs.kills, seconds=begun + played.seconds - heirs.killed_at)


class _Heirs:
    """
    Starts an operator, and another one as soon as it is killed, whenever that is: its moment may come late.

    Attributes:
        kills: How many have been killed.
        killed_at: When one was last, by the monotonic clock.
    """

    def __init__(self, stage: Stage, points: Sequence[Failpoint]) -> None:
        self._stage, self._points = stage, points
        self._is_over = False
        self._watch = threading.Thread(target=self._succeed, daemon=True)
        self.kills = 0
        self.killed_at = 0.0

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True

    def _succeed(self) -> None:
        for point in self._points:
            operator = self._stage.operator(f"{point.name}=kill@{point.nth}")
            if operator.process.wait() != -signal.SIGKILL or self._is_over:
                return
            self.kills += 1
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


_STORED_AND_LEFT = """
SELECT count(*), count(*) FILTER (WHERE name <> %s AND status NOT IN ('COMPLETED', 'FAILED', 'CANCELLED')) FROM run
"""


def _are_done(stage: Stage, *, but: str) -> bool:
    """Whether every Run is stored and has ended; the one of this name goes on until it is cancelled."""
    return stage.rows(_STORED_AND_LEFT, but) == [(len(ENDS), 0)]


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
