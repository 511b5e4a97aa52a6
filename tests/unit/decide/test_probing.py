"""What a probe's answer, or its failure, says of an engine."""

from __future__ import annotations

import inspect

import pytest

from baton_operator.decide.probing import Health, judge_failure, judge_probe
from baton_operator.engines import errors
from baton_operator.engines.base import EngineHealth
from baton_operator.engines.errors import (
    AddressRefusedError,
    AuthExpiredError,
    EngineError,
    ForbiddenError,
    PermanentError,
    ProtocolDriftError,
    RetryableError,
    SecretNotFoundError,
)


def test_an_engine_that_answers_is_ready() -> None:
    """Its words are taken over, cut to their columns."""
    answer = EngineHealth(version="v" * 200, restart_epoch="7", memory=600.0, message="fine")
    assert judge_probe(answer) == Health(
        "ProbeSucceeded", "TokenAccepted", None, "fine", 30.0, version="v" * 100, epoch="7", memory=600.0
    )


FAILURES = [
    (SecretNotFoundError, "SecretNotFound", None),
    (AuthExpiredError, "CredentialsRejected", None),
    (ForbiddenError, "CredentialsRejected", None),
    (AddressRefusedError, None, "AddressRefused"),
    (PermanentError, None, "InvalidSpec"),
    (RetryableError, None, None),
    (ProtocolDriftError, None, None),
]


@pytest.mark.parametrize(("error", "authenticated", "stalled"), FAILURES)
def test_each_failure_has_its_condition(
    error: type[EngineError], authenticated: str | None, stalled: str | None
) -> None:
    health = judge_failure(error("its words"), failures=0)
    assert (health.ready, health.authenticated, health.stalled) == ("ProbeFailed", authenticated, stalled)
    assert health.message == "its words"
    assert (health.version, health.epoch, health.memory) == (None, None, None)


def test_every_error_of_engines_is_judged() -> None:
    """An error that is added later ends no probe loop."""
    for error in vars(errors).values():
        if inspect.isclass(error) and issubclass(error, EngineError):
            assert judge_failure(error("words"), failures=3).ready == "ProbeFailed"


@pytest.mark.parametrize(("failures", "again"), [(0, 1), (1, 2), (4, 16), (5, 30), (1000, 30)])
def test_a_sick_engine_is_asked_less_and_less(failures: int, again: float) -> None:
    """Half a minute at most: its Runs wait for it."""
    assert judge_failure(RetryableError("down"), failures=failures).again == again
