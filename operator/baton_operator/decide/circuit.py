"""
When an engine gets a rest: the circuit breaker, one for an engine, shared by all replicas through its row.

It counts submits, polls, looks, questions about handles, and cancels. A request has failed when nobody knows what
became of it or when the engine could not be asked: no connection, no whole answer in time, 5xx, an answer that makes no
sense. A refusal (4xx), a credential that was not taken and a lease that ran out say nothing against the engine's
health; a ``Retry-After`` pauses it instead.

Closed, it lets everything through, and opens when enough of the latest requests failed. Open, it lets nothing through
until its rest is over. Then it is half-open: one submit at a time is let through as a trial, and its outcome closes
the circuit or opens it again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Literal

from baton_operator.decide.durations import seconds
from baton_operator.engines.base import CancelOutcome, NotSent, Outcome, Unknown
from baton_operator.engines.errors import AuthExpiredError, EngineError, RetryableError, UnknownOutcomeError

State = Literal["closed", "open", "half-open"]

#: How many submits a circuit that is not closed lets through at a time.
TRIALS = 1


@dataclass(frozen=True, slots=True)
class Policy:
    """
    An Engine's ``spec.circuitBreaker``.

    Attributes:
        failure_ratio: Share of the latest requests, over 0 to 1, whose failure opens the circuit.
        minimum_requests: Fewer requests than this prove nothing.
        window: Seconds that "the latest" reaches back.
        open_for: Seconds of rest before a trial.
    """

    failure_ratio: float = 0.5
    minimum_requests: int = 20
    window: float = 60.0
    open_for: float = 60.0

    @classmethod
    def read(cls, spec: Mapping[str, Any]) -> "Policy":
        """Read it from an Engine's spec; what is left out has the default of the custom resource."""
        given = spec.get("circuitBreaker", {})
        return cls(
            failure_ratio=float(given.get("failureRatio", "0.5")),
            minimum_requests=int(given.get("minimumRequests", 20)),
            window=seconds(given.get("window", "60s")),
            open_for=seconds(given.get("openFor", "60s")),
        )


@dataclass(frozen=True, slots=True)
class Tally:
    """
    How a batch of requests fared.

    Attributes:
        requests: How many say anything about the engine's health.
        failures: How many of them failed.
        pause: Seconds for which the engine wants to be left alone, where it said so.
        trial: Whether they were let through by a circuit that is not closed.
    """

    requests: int = 0
    failures: int = 0
    pause: float | None = None
    trial: bool = False

    def plus(self, other: "Tally") -> "Tally":
        """Add another batch."""
        pauses = [each for each in (self.pause, other.pause) if each is not None]
        return Tally(
            self.requests + other.requests,
            self.failures + other.failures,
            max(pauses, default=None),
            self.trial or other.trial,
        )


@dataclass(frozen=True, slots=True)
class Circuit:
    """
    The circuit's columns of ``engine_health``.

    Attributes:
        until: Open: the end of its rest. Half-open: until when a trial may be under way.
        opened_at: Since when it has not been closed.
        started_at: When the window that is being counted began; the one before it counts by what is left of it.
    """

    state: State = "closed"
    until: datetime | None = None
    opened_at: datetime | None = None
    started_at: datetime | None = None
    requests: int = 0
    failures: int = 0
    earlier_requests: int = 0
    earlier_failures: int = 0

    def lets_through(self, now: datetime) -> int | None:
        """Say how many submits may go *now*: None for no limit of its own."""
        if self.state == "closed":
            return None
        return TRIALS if self.until is None or self.until <= now else 0


def judge(circuit: Circuit, tally: Tally, policy: Policy, *, now: datetime) -> Circuit:
    """
    Say how a circuit stands after a batch of requests.

    Args:
        tally: What was sent before a circuit opened, and is answered afterwards, does not move it.
        now: The database's clock.
    """
    if circuit.state == "closed":
        counted = _count(_roll(circuit, policy, now), tally)
        if tally.failures and _is_too_much(counted, policy, now):
            return Circuit("open", now + timedelta(seconds=policy.open_for), now)
        return counted
    if not tally.trial:
        return circuit
    if tally.failures:
        return replace(circuit, state="open", until=now + timedelta(seconds=policy.open_for))
    if tally.requests:
        return Circuit(started_at=now)
    return replace(circuit, until=now)  # the trial told nothing: another one may go


def rested(circuit: Circuit, *, waiting: bool, now: datetime) -> Circuit:
    """
    Say how a circuit stands after a probe that succeeded.

    Args:
        waiting: Whether there is anything to be sent: if so, a trial decides.
    """
    is_over = circuit.until is None or circuit.until <= now
    return Circuit(started_at=now) if circuit.state != "closed" and is_over and not waiting else circuit


def tally_outcomes(outcomes: Iterable[Outcome], *, trial: bool = False) -> Tally:
    """Say how submits fared."""
    sum_ = Tally(trial=trial)
    for outcome in outcomes:
        sum_ = sum_.plus(_tally_outcome(outcome))
    return sum_


def tally_error(error: EngineError) -> Tally:
    """Say what the failure of a read means."""
    status = error.http_status
    if isinstance(error, UnknownOutcomeError):
        return Tally(1, 1)
    if isinstance(error, AuthExpiredError) or not isinstance(error, RetryableError):
        return Tally()
    refused = status is not None and HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return Tally(1, 0 if refused else 1, error.retry_after)


def tally_cancels(outcomes: Iterable[CancelOutcome]) -> Tally:
    """Say how cancels fared; a verb that an engine does not have was never sent."""
    asked = [each for each in outcomes if each is not CancelOutcome.UNSUPPORTED]
    return Tally(len(asked), asked.count(CancelOutcome.UNKNOWN))


def _tally_outcome(outcome: Outcome) -> Tally:
    match outcome:
        case Unknown():
            return Tally(1, 1)
        case NotSent(counts=False) | NotSent(auth=True):
            return Tally()
        case NotSent(http_status=status, retry_after=after):
            is_failure = status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR
            return Tally(1, int(is_failure), after)
        case _:
            return Tally(1)


def _roll(circuit: Circuit, policy: Policy, now: datetime) -> Circuit:
    """Begin the next window where this one is over."""
    if circuit.started_at is None:
        return Circuit(started_at=now)
    age = (now - circuit.started_at).total_seconds()
    if age < policy.window:
        return circuit
    if age >= 2 * policy.window:
        return Circuit(started_at=now)
    return Circuit(
        started_at=circuit.started_at + timedelta(seconds=policy.window),
        earlier_requests=circuit.requests,
        earlier_failures=circuit.failures,
    )


def _count(circuit: Circuit, tally: Tally) -> Circuit:
    return replace(circuit, requests=circuit.requests + tally.requests, failures=circuit.failures + tally.failures)


def _is_too_much(circuit: Circuit, policy: Policy, now: datetime) -> bool:
    """Whether enough of the latest requests failed; of the window before, the part that is still among the latest."""
    age = (now - (circuit.started_at or now)).total_seconds()
    left = max(0.0, 1.0 - age / policy.window)
    requests = circuit.requests + left * circuit.earlier_requests
    failures = circuit.failures + left * circuit.earlier_failures
    return requests >= policy.minimum_requests and failures >= policy.failure_ratio * requests
