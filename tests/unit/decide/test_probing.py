"""What a probe's answer, or its failure, says of an engine."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import pytest

from baton_operator.decide.probing import Health, is_news, judge_failure, judge_probe, judge_problems
from baton_operator.engines import errors
from baton_operator.engines.base import EngineHealth, Problem
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


@pytest.mark.parametrize(("failures", "again"), [(0, 1), (1, 2), (2, 4), (5, 4), (1000, 4)])
def test_an_engine_that_work_waits_for_is_asked_more_often(failures: int, again: float) -> None:
    """So that its return is noticed within seconds."""
    assert judge_failure(RetryableError("down"), failures=failures, waiting=True).again == again


def test_an_engine_that_wants_to_be_left_alone_is() -> None:
    """Retry-After is longer than any back-off of ours."""
    error = RetryableError("later", http_status=503, retry_after=120.0)
    assert judge_failure(error, failures=0, waiting=True).again == 120.0


BEFORE = {
    "ready_reason": "ProbeSucceeded",
    "authenticated_reason": "TokenAccepted",
    "stalled_reason": None,
    "submission_guarantee": "EffectivelyOnce",
    "capabilities": ["Logs", "Cancel"],
    "message": "fine",
    "native_version": "1",
}
FINE = Health("ProbeSucceeded", "TokenAccepted", None, "other words", 30.0, version="1")
DOWN = Health("ProbeFailed", None, None, "down", 1.0)


@pytest.mark.parametrize(
    ("changed", "health", "news"),
    [
        ({}, FINE, False),
        ({"native_version": "0"}, FINE, True),
        ({"capabilities": ["Cancel"]}, FINE, True),
        ({"submission_guarantee": "AtMostOnce"}, FINE, True),
        ({"ready_reason": "ProbeFailed"}, FINE, True),
        ({"authenticated_reason": "CredentialsRejected"}, FINE, True),
        ({}, DOWN, True),
        ({"ready_reason": "ProbeFailed", "authenticated_reason": None, "message": "down"}, DOWN, False),
        ({"ready_reason": "ProbeFailed", "authenticated_reason": None, "message": "away"}, DOWN, True),
    ],
)
def test_a_status_is_written_where_a_probe_changed_what_it_shows(
    changed: dict[str, Any], health: Health, news: bool
) -> None:
    """And only there: each write costs the API server."""
    before = SimpleNamespace(**{**BEFORE, **changed})
    assert is_news(health, before, capabilities=["Cancel", "Logs"], guarantee="EffectivelyOnce") is news


SHORT = Problem("ShortMemory", "the TTL is short", blocking=False)
WEAK = Problem("MissingTokenParameter", "declare BATON_TOKEN", blocking=False)
NONE_AT_ALL = Problem("MissingTokenParameter", "the job declares nothing")
UNKNOWN = Problem("TargetNotFound", "no such job")


@pytest.mark.parametrize(
    ("problems", "shown"),
    [
        ([], ("Valid", None)),
        ([SHORT], ("Valid", "the TTL is short")),
        ([SHORT, WEAK], ("MissingTokenParameter", "the TTL is short; declare BATON_TOKEN")),
        ([WEAK, UNKNOWN], ("TargetNotFound", "no such job; declare BATON_TOKEN")),
        ([NONE_AT_ALL], ("InvalidArguments", "the job declares nothing")),
        ([Problem("InvalidArguments", "odd", blocking=False)], ("Valid", "odd")),
    ],
)
def test_what_weakens_is_told_and_what_blocks_is_the_reason(
    problems: list[Problem], shown: tuple[str, str | None]
) -> None:
    assert judge_problems(problems) == shown
