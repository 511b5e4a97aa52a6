"""What a probe's answer, or its failure, says of an engine."""

from dataclasses import dataclass

from baton_operator.engines.base import EngineHealth
from baton_operator.engines.errors import (
    AddressRefusedError,
    AuthExpiredError,
    EngineError,
    ForbiddenError,
    PermanentError,
    SecretNotFoundError,
)

#: Seconds between probes of an engine that answers, and at most of one that does not.
HEALTHY = 30.0
SICK = 30.0


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


def judge_failure(error: EngineError, *, failures: int) -> Health:
    """
    Say what a failed probe means.

    Args:
        failures: Probes that failed before, one after the other.
    """
    again = min(SICK, float(2 ** min(failures, 5)))
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
