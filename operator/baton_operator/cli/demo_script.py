"""What the demo shows: which examples, which Run is to be cancelled, and how each is expected to end."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from baton_operator.cli.run_objects import Object, has_ended, name_of, outcome_of, phase_of


class DemoEngine(StrEnum):
    """Whose work the demo shows."""

    EMBEDDED = "embedded"
    ARGO = "argo"
    AIRFLOW = "airflow"


@dataclass(frozen=True, slots=True)
class Ending:
    """
    How one Run is expected to end.

    Attributes:
        phase: Its last phase.
        reason: The reason of its condition ``Succeeded``; None for any.
        attempts: Its highest attempt; None for any.
        words: What its message must say, for a Run that fails with a reason a person understands.
    """

    phase: str
    reason: str | None = None
    attempts: int | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """
    One demo.

    Attributes:
        folder: Where its files are, under ``examples``.
        endings: What becomes of each Run.
        cancelled: The Run that is cancelled once it runs.
        told: The Run whose tree and history are shown at the end.
        patience: Seconds until all must have ended.
        more: Files that are applied too, under ``examples``.
        after: Which file is applied once a Run has ended.
    """

    folder: str
    endings: Mapping[str, Ending]
    cancelled: str
    told: str
    patience: float
    more: tuple[str, ...] = ()
    after: Mapping[str, str] = field(default_factory=dict)


_SUCCEEDED = Ending("Succeeded")
_CANCELLED = Ending("Cancelled", "Cancelled")
_DISK = Ending("Failed", words="disk is full on db-7")

SCRIPTS: Mapping[DemoEngine, Script] = {
    DemoEngine.EMBEDDED: Script(
        folder="",
        endings={
            **dict.fromkeys(("hello-ada", "hello-grace", "hello-margaret"), _SUCCEEDED),
            "hello-nobody": Ending("Failed", words="name"),
            "flaky-order": Ending("Succeeded", attempts=3),
            "failing-disk": _DISK,
            "nap-long": _CANCELLED,
            "nap-limited": Ending("Failed", "TimedOut"),
            **dict.fromkeys(("fleet-all", "fleet-canary", "fleet-lab"), _SUCCEEDED),
            **dict.fromkeys(("nightly-monday", "nightly-tuesday", "nightly-wednesday"), _SUCCEEDED),
        },
        cancelled="nap-long",
        told="fleet-all",
        patience=300.0,
    ),
    DemoEngine.ARGO: Script(
        folder="argo",
        endings={
            **dict.fromkeys(("argo-hello-ada", "argo-hello-grace", "argo-hello-margaret"), _SUCCEEDED),
            "argo-hello-nobody": Ending("Failed", words="name"),
            "argo-flaky-order": Ending("Succeeded", attempts=2),
            "argo-failing-disk": _DISK,
            "argo-missing": Ending("Failed", words="no-such-template"),
            "argo-nap-long": _CANCELLED,
            "argo-nap-short": _SUCCEEDED,
            **dict.fromkeys(("argo-fleet-all", "argo-fleet-canary", "argo-fleet-lab"), _SUCCEEDED),
        },
        cancelled="argo-nap-long",
        told="argo-fleet-all",
        patience=300.0,
    ),
    DemoEngine.AIRFLOW: Script(
        folder="airflow",
        endings={
            **dict.fromkeys(("airflow-hello-ada", "airflow-hello-grace", "airflow-hello-margaret"), _SUCCEEDED),
            "airflow-hello-nobody": Ending("Failed", words="name"),
            "airflow-flaky-order": Ending("Succeeded", attempts=2),
            "airflow-failing-disk": Ending("Failed"),
            "airflow-missing": Ending("Failed", words="no_such_dag"),
            "airflow-nap-long": _CANCELLED,
            "airflow-nap-short": _SUCCEEDED,
            **dict.fromkeys(("airflow-fleet-all", "airflow-fleet-canary", "airflow-fleet-lab"), _SUCCEEDED),
        },
        cancelled="airflow-nap-long",
        told="airflow-fleet-all",
        patience=600.0,
    ),
}


_APPROVALS = "extensions/approvals"
_SCANS = {
    **dict.fromkeys(("scan-eu", "scan-us"), _SUCCEEDED),
    "scan-unreachable": Ending("Failed", words="moon does not answer"),
}
#: A request that is refused, corrected and approved: each step is a Run that follows the one before.
_STEPS = {
    "laptop": _SUCCEEDED,
    "laptop-too-much": Ending("Failed", words="ada may approve 2000"),
    "laptop-corrected": _SUCCEEDED,
    "laptop-approved": _SUCCEEDED,
}


def with_extensions(script: Script) -> Script:
    """Add what the extensions of ``examples/extensions`` show, where they are installed."""
    return replace(
        script,
        endings={**script.endings, **_SCANS, **_STEPS},
        more=("extensions/inventory/automation.yaml", f"{_APPROVALS}/automation.yaml"),
        after={
            "laptop": f"{_APPROVALS}/10-too-much.yaml",
            "laptop-too-much": f"{_APPROVALS}/20-correction.yaml",
            "laptop-corrected": f"{_APPROVALS}/30-approval.yaml",
        },
    )


def surprises(script: Script, runs: Sequence[Object]) -> list[str]:
    """Say in one line each which Runs did not end as they should have."""
    seen = {name_of(run): run for run in runs}
    found = []
    for name, ending in script.endings.items():
        if name not in seen:
            found.append(f"{name}: is not there, expected {ending.phase}")
        elif problem := _surprise(ending, seen[name]):
            found.append(f"{name}: {problem}")
    return found


def miscounted(tokens: Sequence[str], executions: Sequence[str], kind: str) -> list[str]:
    """Say in one line each where an engine's *executions*, each a *kind*, are not exactly the attempts' *tokens*."""
    times = Counter(executions)
    wanted = set(tokens)
    found = [f"attempt {each} has no {kind}" for each in sorted(wanted - times.keys())]
    found += [f"{kind} {each} belongs to no attempt" for each in sorted(times.keys() - wanted)]
    found += [f"attempt {each} has {count} {kind}s" for each, count in sorted(times.items()) if count > 1]
    return found


def _surprise(ending: Ending, run: Object) -> str | None:
    outcome, attempts = outcome_of(run), (run.get("status") or {}).get("attempt")
    message = str(outcome.get("message", ""))
    if not has_ended(run):
        return f"has not ended, it is {phase_of(run) or 'not taken in'} ({outcome.get('reason', 'no reason')})"
    if phase_of(run) != ending.phase:
        return f"{phase_of(run)} ({outcome.get('reason')}: {message}), expected {ending.phase}"
    if ending.reason is not None and outcome.get("reason") != ending.reason:
        return f"ended for {outcome.get('reason')}, expected {ending.reason}"
    if ending.attempts is not None and attempts != ending.attempts:
        return f"took {attempts} attempts, expected {ending.attempts}"
    if ending.words not in message:
        return f"says {message!r}, expected {ending.words!r} in it"
    return None
