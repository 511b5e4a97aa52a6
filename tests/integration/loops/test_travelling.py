"""From a Run to its end: what happens when nothing goes wrong, and when the engine says no."""

from __future__ import annotations

from loop_site import Site

from baton_models.status import ExecutionStatus
from baton_operator.engines.base import Rejected


async def test_a_run_travels(site: Site) -> None:
    """Admitted, claimed, handed over, followed, ended; every step in its history."""
    await site.serve()
    await site.define()
    await site.start("monday")
    assert site.runs() == {"monday": ("PENDING", "Queued")}
    await site.dispatch()
    assert site.runs() == {"monday": ("PROCESSING", "Dispatched")}
    site.engine.end()
    await site.track()
    assert site.runs() == {"monday": ("COMPLETED", "Succeeded")}
    assert site.history("monday") == [("PENDING", "Queued"), ("PROCESSING", "Dispatched"), ("COMPLETED", "Succeeded")]
    assert site.attempts() == ["CLOSED"]
    assert len(site.engine.submits) == 1


async def test_a_run_that_the_engine_refuses_fails_with_its_words(site: Site) -> None:
    """PROCESSING, then FAILED; nothing is sent again."""
    await site.serve()
    await site.define()
    await site.start("monday")
    site.engine.script.append(Rejected("TargetNotFound", "no template nap"))
    await site.dispatch()
    assert site.runs() == {"monday": ("FAILED", "EngineRejected")}
    assert site.attempts() == ["REJECTED"]
    assert site.one("SELECT error_summary FROM run") == "no template nap"


async def test_a_failure_is_tried_again_under_a_new_token(site: Site) -> None:
    """The old attempt is closed first; the unit's token tells the attempts apart."""
    await site.serve()
    await site.define(retry={"maxAttempts": 2, "backoff": {"initial": "1m"}})
    await site.start("monday")
    await site.dispatch()
    site.engine.end(ExecutionStatus.FAILED, message="out of disk")
    await site.track()
    assert site.runs() == {"monday": ("RETRYING", "Retrying")}
    assert site.attempts() == ["CLOSED", "INTENT"]
    await site.dispatch()
    assert len(site.engine.submits) == 1
    site.later(61)
    await site.dispatch()
    site.engine.end(ExecutionStatus.FAILED, message="out of disk again")
    await site.track()
    first, second = site.engine.submits
    assert (first[:-3], first[-3:], second[-3:]) == (second[:-3], "-a1", "-a2")
    assert site.runs() == {"monday": ("FAILED", "Failed")}
    assert site.one("SELECT error_summary FROM run") == "out of disk again"
