"""Every case of the proof, and the sample of them that each test run plays."""

from __future__ import annotations

from collections.abc import Sequence

from baton_crash.disturbances import CutCommit, Disturbance, Failpoint, InTurn, OnTheWire, Peer

from baton_operator.faults import FAILPOINTS, HANDLE_FAILPOINTS

#: How often the operator speaks to each peer while it starts and plays the scenario, and no step is left out where
#: submits, looks and polls are: the engine's wire.
_PIECES: dict[Peer, Sequence[int]] = {
    "engine": range(1, 25),
    "database": [*range(1, 30, 4), *range(30, 120, 6)],
    "kubernetes": range(1, 30, 3),
}
#: Failpoints that a scenario comes to more than once: the second and the fifth time, something else is under way.
_AGAIN = ("dispatch.claim.after", "dispatch.sent.after", "dispatch.record.before", "track.settle.before")
#: Engines that give a handle first, which is followed to the execution.
QUEUEING = ("Jenkins",)
#: All side effects, in an order in which each kill leaves the next one something to do; and some of them.
_ALL = (
    ("intake.admit.before", "intake.admit.after"),
    (
        *("dispatch.claim.before", "dispatch.claim.after", "dispatch.sent.before"),
        *("dispatch.find.after", "dispatch.resolve.before", "dispatch.resolve.after"),
    ),
    ("dispatch.sent.after", "dispatch.record.before", "dispatch.record.after"),
    ("track.observe.after", "track.settle.before", "track.settle.after"),
    ("project.claim.after", "project.patch.after", "project.record.after"),
    ("cancel.send.before", "cancel.send.after"),
    ("sweep.release.after", "sweep.deadlines.after", "cancel.record.after"),
)
_SOME = ("dispatch.claim.after", "dispatch.sent.after", "dispatch.record.after")
_SETTLE = "track.settle.before"


def failpoints(engine: str) -> list[Disturbance]:
    """Every named side effect that is met on an engine of this type, and some of them again."""
    return [
        *(Failpoint(name) for name in FAILPOINTS),
        *(Failpoint(name, nth) for name in HANDLE_FAILPOINTS for nth in (1, 2) if engine in QUEUEING),
        *(Failpoint(name, nth) for name in _AGAIN for nth in (2, 3)),
    ]


def wire() -> list[Disturbance]:
    """Every n-th piece to every peer, its bytes lost or sent."""
    return [
        OnTheWire(peer, nth, lost) for peer, numbers in _PIECES.items() for nth in numbers for lost in (True, False)
    ]


def commits() -> list[Disturbance]:
    """The connection to the database cut at every n-th COMMIT."""
    return [CutCommit(nth, lost) for nth in range(1, 40, 2) for lost in (True, False)]


def every(engine: str) -> list[Disturbance]:
    """All cases on an engine of this type."""
    return [*failpoints(engine), *wire(), *commits()]


def in_turn(engine: str) -> list[InTurn]:
    """What every test run plays of the named side effects: on Argo each of them, on the others some."""
    if engine == "Argo":
        turns: Sequence[Sequence[str]] = _ALL
    elif engine in QUEUEING:
        turns = [(*_SOME, *HANDLE_FAILPOINTS, _SETTLE)]
    else:
        turns = [(*_SOME, _SETTLE)]
    return [InTurn(tuple(map(Failpoint, each))) for each in turns]


def sample() -> list[Disturbance]:
    """What every test run plays besides, for each engine."""
    return [
        OnTheWire("engine", 3, lost=True),
        OnTheWire("engine", 6, lost=False),
        OnTheWire("database", 40, lost=True),
        OnTheWire("database", 60, lost=False),
        OnTheWire("kubernetes", 9, lost=False),
        CutCommit(8, lost=True),
        CutCommit(13, lost=False),
    ]
