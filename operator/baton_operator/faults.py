"""
Named failpoints at every side effect, so that tests can kill or freeze a process exactly there.

They do nothing unless `BATON_FAULTS` is set when the process starts, e.g. ``dispatch.sent.after=kill``,
``dispatch.claim.after=stop@3`` (at the third time), several joined by commas. Actions: ``kill`` (SIGKILL to itself),
``stop`` (SIGSTOP to itself), ``exit`` (SIGTERM to itself).
"""

import os
import signal
from collections import Counter
from collections.abc import Mapping

_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "exit": signal.SIGTERM}
_armed: dict[str, tuple[signal.Signals, int]] = {}
_seen: Counter[str] = Counter()

#: Every failpoint there is, in the order in which a run meets them; a test kills at each.
FAILPOINTS = (
    "intake.admit.before",
    "intake.admit.after",
    "dispatch.claim.before",
    "dispatch.claim.after",
    "dispatch.sent.before",
    "dispatch.sent.after",
    "dispatch.record.before",
    "dispatch.record.after",
    "dispatch.find.after",
    "dispatch.resolve.before",
    "dispatch.resolve.after",
    "track.observe.after",
    "track.settle.before",
    "track.settle.after",
    "cancel.send.before",
    "cancel.send.after",
    "cancel.record.after",
    "project.claim.after",
    "project.patch.after",
    "project.record.after",
    "sweep.release.after",
    "sweep.deadlines.after",
)
#: Those that are met only where an engine answers a submit with a handle.
HANDLE_FAILPOINTS = ("follow.ask.after", "follow.record.after")
#: Those that are met only where a deletion cancels.
GUARD_FAILPOINTS = ("guard.patch.before", "guard.patch.after")
#: Those of a worker's child processes, around the COMMIT of a task that has written to the database.
WORKER_FAILPOINTS = ("worker.commit.before", "worker.commit.after")


class UnknownFailpointError(ValueError):
    """`BATON_FAULTS` names a failpoint or an action that does not exist."""


def arm(environ: Mapping[str, str]) -> None:
    """Read `BATON_FAULTS`; called once at the start of a process."""
    _armed.clear()
    for entry in filter(None, environ.get("BATON_FAULTS", "").split(",")):
        name, _, action = entry.strip().partition("=")
        word, _, nth = (action or "kill").partition("@")
        if name not in (*FAILPOINTS, *HANDLE_FAILPOINTS, *GUARD_FAILPOINTS, *WORKER_FAILPOINTS) or word not in _SIGNALS:
            raise UnknownFailpointError(f"BATON_FAULTS: {entry!r}: one of {FAILPOINTS} = one of {tuple(_SIGNALS)}")
        _armed[name] = (_SIGNALS[word], int(nth or 1))


def hit(name: str) -> None:
    """Do what `BATON_FAULTS` says for this failpoint; nothing where it says nothing."""
    if name not in _armed:
        return
    _seen[name] += 1
    action, nth = _armed[name]
    if _seen[name] == nth:
        os.kill(os.getpid(), action)
