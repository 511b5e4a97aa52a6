"""What a probe's answer, or its failure, says of an engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from baton_models.payload import cleaned
from baton_operator.engines.base import EngineHealth, Problem
from baton_operator.engines.errors import (
    AddressRefusedError,
    AuthExpiredError,
    EngineError,
    ForbiddenError,
    PermanentError,
    RetryableError,
    SecretNotFoundError,
)

#: Seconds between probes of an engine that answers, at most of one that does not, and at most while work waits for it.
HEALTHY = 30.0
SICK = 30.0
AWAITED = 4.0
#: What an Automation shows whose target works, but does not take Baton's token.
WEAKER = "MissingTokenParameter"


@dataclass(frozen=True, slots=True)
class Health:
    """
    The columns of ``engine_health`` that a probe decides.

    Attributes:
        again: Seconds until the next probe.
    """

    ready: str
    authenticated: str | None
    stalled: str | None
    message: str
    again: float
    version: str | None = None
    epoch: str | None = None
    memory: float | None = None


def judge_probe(answer: EngineHealth) -> Health:
    """Take over what an engine that answers says of itself."""
    return Health(
        "ProbeSucceeded",
        "TokenAccepted",
        None,
        answer.message,
        HEALTHY,
        version=answer.version[:100],
        epoch=answer.restart_epoch,
        memory=answer.memory,
    )


def judge_failure(error: EngineError, *, failures: int, waiting: bool = False) -> Health:
    """
    Say what a failed probe means.

    Args:
        failures: Probes that failed before, one after the other.
        waiting: Whether work waits for the engine: its return is then to be noticed soon.
    """
    again = min(AWAITED if waiting else SICK, float(2 ** min(failures, 5)))
    if isinstance(error, RetryableError) and error.retry_after:
        again = max(again, error.retry_after)
    match error:
        case SecretNotFoundError():
            return Health("ProbeFailed", "SecretNotFound", None, str(error), again)
        case AuthExpiredError() | ForbiddenError():
            return Health("ProbeFailed", "CredentialsRejected", None, str(error), again)
        case AddressRefusedError():
            return Health("ProbeFailed", None, "AddressRefused", str(error), SICK)
        case PermanentError(http_status=None):
            return Health("ProbeFailed", None, "InvalidSpec", str(error), SICK)
        case _:
            return Health("ProbeFailed", None, None, str(error), again)


def judge_problems(problems: Sequence[Problem]) -> tuple[str, str | None]:
    """
    Say what an Automation shows of its target.

    ``MissingTokenParameter`` means that Runs go, with a weaker guarantee; every other word but ``Valid`` means that
    they would fail. What does not keep Runs from going is told in the message.

    Returns:
        The reason, and the words of all problems, those that block first.
    """
    if not problems:
        return "Valid", None
    ordered = sorted(problems, key=lambda each: not each.blocking)
    words = cleaned("; ".join(each.message for each in ordered))[0][:1000]
    if ordered[0].blocking:
        reason = ordered[0].reason
        return ("InvalidArguments" if reason in {WEAKER, "Valid"} else reason), words
    return (WEAKER if any(each.reason == WEAKER for each in ordered) else "Valid"), words


def is_news(health: Health, before: Any, *, capabilities: Sequence[str], guarantee: str | None) -> bool:
    """
    Say whether a probe changed anything that an Engine's status shows.

    Args:
        before: The engine's columns as they were before the probe.
    """
    was = (before.ready_reason, before.authenticated_reason, before.stalled_reason, before.submission_guarantee)
    if was != (health.ready, health.authenticated, health.stalled, guarantee):
        return True
    if sorted(before.capabilities) != sorted(capabilities):
        return True
    if health.ready != "ProbeSucceeded" and before.message != health.message:
        return True
    return health.version is not None and health.version != before.native_version
