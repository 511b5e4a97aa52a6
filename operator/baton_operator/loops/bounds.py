"""How late things may come: what a lease, the network, a frozen process and an engine's own lag add up to."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from baton_operator.decide.durations import seconds
from baton_operator.settings import Settings


def lease(settings: Settings) -> timedelta:
    """How long a claim lasts: two whole requests, the wait for a turn and the request itself."""
    return timedelta(seconds=settings.request_deadline * 2 + 1)


def travel(settings: Settings) -> timedelta:
    """How long after its lease a request may still arrive: a frozen process, then the network."""
    return timedelta(seconds=settings.freeze_allowance + settings.network_delay)


def lag(spec: Mapping[str, Any]) -> timedelta:
    """How late an engine of this spec may show what it has accepted (``submission.visibilityLag``)."""
    return timedelta(seconds=seconds(spec.get("submission", {}).get("visibilityLag", "30s")))


def memory(spec: Mapping[str, Any], learned: float | None) -> timedelta:
    """
    How long an engine of this spec remembers what has ended (``submission.memory``).

    Args:
        learned: Seconds, as its probe found out; None where it does not tell.
    """
    said = seconds(spec.get("submission", {}).get("memory", "24h"))
    return timedelta(seconds=said if learned is None else min(said, learned))


def interval(spec: Mapping[str, Any]) -> timedelta:
    """How often an engine of this spec is asked about what is under way (``tracking.interval``)."""
    return timedelta(seconds=seconds(spec.get("tracking", {}).get("interval", "10s")))


def may_resend(spec: Mapping[str, Any], target_reason: str | None) -> bool:
    """
    Say whether what is not there may be sent again although the engine cannot tell a second submit from the first.

    Only where the Engine says so, and only where its work can be found again: without the token, absence is no
    evidence at all.
    """
    wanted = spec.get("submission", {}).get("onAmbiguous", "Hold") == "Resend"
    return bool(wanted and is_findable(target_reason))


def is_findable(target_reason: str | None) -> bool:
    """Say whether work of a target can be found again by its token."""
    return target_reason != "MissingTokenParameter"
