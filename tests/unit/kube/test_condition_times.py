"""When a condition's time changes."""

from datetime import UTC, datetime
from typing import Any

from baton_operator.kube.conditions import carry_over

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def status(ready: str, at: str | None) -> dict[str, Any]:
    return {"conditions": [{"type": "Ready", "status": ready, "reason": "R", "message": "m", "lastTransitionTime": at}]}


def test_a_time_stays_while_the_status_stays() -> None:
    """Whatever becomes of reason and message."""
    shown = carry_over(status("True", None), status("True", "2026-01-01T00:00:00Z"), now=NOON)
    assert shown == status("True", "2026-01-01T00:00:00Z")


def test_a_time_is_new_with_the_status_and_with_the_condition() -> None:
    """A change, and a first time."""
    assert carry_over(status("False", None), status("True", "2026-01-01T00:00:00Z"), now=NOON) == status(
        "False", "2026-11-21T12:00:00Z"
    )
    assert carry_over(status("False", None), {}, now=NOON) == status("False", "2026-11-21T12:00:00Z")


def test_what_is_passed_is_not_changed() -> None:
    """The document is compared again later."""
    wanted = status("True", None)
    carry_over(wanted, {}, now=NOON)
    assert wanted == status("True", None)
