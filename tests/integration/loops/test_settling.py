"""What engines show becomes rows: guarded, rolled up, tried again, stopped, ended."""

from __future__ import annotations

from datetime import UTC, datetime

from loop_site import Site, turn

from baton_models.status import ExecutionStatus
from baton_operator.engines.errors import RetryableError
from baton_operator.loops.settle import Verdict

FAILED, COMPLETED, PROCESSING = ExecutionStatus.FAILED, ExecutionStatus.COMPLETED, ExecutionStatus.PROCESSING
UNITS = "SELECT status::text, status_reason FROM {} ORDER BY id"


async def fleet(site: Site, *, size: int = 4, **dispatch: object) -> None:
    await site.serve()
    items = [{"n": number} for number in range(size)]
    half = size // 2
    await site.define(
        batches=[{"name": "a", "items": items[:half]}, {"name": "b", "items": items[half:]}],
        dispatch={"per": "Item", "maxParallel": 10, **dispatch},
    )
    await site.start("fleet")
    await site.dispatch()


async def test_a_late_verdict_moves_nothing(site: Site) -> None:
    """Two replicas looked; the slower one's word is dropped by the version it was read at."""
    await site.serve()
    await site.define()
    await site.start("monday")
    await site.dispatch()
    (row,) = site.rows("SELECT id, version FROM orchestration_instance")
    late = Verdict(row.id, row.version, PROCESSING, "Running", "Running late", started_at=datetime.now(UTC))
    site.engine.end()
    await site.track()
    shown = site.rows("SELECT xmin::text, r.* FROM run r")
    store, settler = site.first.parts.store, site.first.parts.settler
    assert await store.run(lambda session: settler.settle(session, [late])) == 0
    assert site.rows("SELECT xmin::text, r.* FROM run r") == shown
    assert site.runs() == {"monday": ("COMPLETED", "Succeeded")}
    assert site.one("SELECT native_status FROM run") == "Succeeded"


async def test_a_late_verdict_takes_no_word_back(site: Site) -> None:
    """The instance still runs; what was read before its last move is dropped all the same."""
    await site.serve()
    await site.define()
    await site.start("monday")
    await site.dispatch()
    (row,) = site.rows("SELECT id, version FROM orchestration_instance")
    await site.track()
    late = Verdict(row.id, row.version, PROCESSING, "Running", "Scheduling")
    store, settler = site.first.parts.store, site.first.parts.settler
    assert await store.run(lambda session: settler.settle(session, [late])) == 0
    assert site.one("SELECT native_status FROM orchestration_instance") == "Running"
    assert site.one("SELECT native_status FROM run") == "Running"


async def test_one_end_is_settled_once(site: Site) -> None:
    """Both replicas bring the same verdict: one retry, not two."""
    await site.serve()
    await site.define(retry={"maxAttempts": 3, "backoff": {"initial": "1s"}})
    await site.start("monday")
    await site.dispatch()
    (row,) = site.rows("SELECT id, version FROM orchestration_instance")
    verdict = Verdict(row.id, row.version, FAILED, "Failed", "Failed")
    other = site.another()
    for each in (site.first, other):
        await each.parts.store.run(lambda session, each=each: each.parts.settler.settle(session, [verdict]))
    assert site.attempts() == ["CLOSED", "INTENT"]
    assert site.history("monday")[-1] == ("RETRYING", "Retrying")


async def test_batches_follow_their_items(site: Site) -> None:
    """One item fails and is put up with: its batch fails, the run succeeds."""
    await fleet(site, maxFailures=1)
    first = next(iter(site.engine.executions))
    site.engine.end(FAILED, first, message="boom")
    site.engine.end()
    await site.track()
    assert [row.status for row in site.rows(UNITS.format("batch_execution"))] == ["FAILED", "COMPLETED"]
    assert site.runs() == {"fleet": ("COMPLETED", "Succeeded")}
    assert site.one("SELECT error_message FROM item_execution WHERE status = 'FAILED'") == "boom"


async def test_a_run_stops_after_too_many_failures(site: Site) -> None:
    """What waits is skipped, what is out goes on to its own end, nothing is tried again."""
    await fleet(site, size=6, maxParallel=3)
    first, second, third = site.engine.executions
    site.engine.end(FAILED, first)
    await site.track()
    await site.dispatch()
    assert len(site.engine.submits) == 3
    assert site.runs()["fleet"][0] == "PROCESSING"
    assert site.engine.cancels == []
    site.engine.end(COMPLETED, second)
    site.engine.end(FAILED, third)
    await site.track()
    assert site.runs() == {"fleet": ("FAILED", "Failed")}
    statuses = sorted(row.status for row in site.rows(UNITS.format("item_execution")))
    assert statuses == ["COMPLETED", "FAILED", "FAILED", "SKIPPED", "SKIPPED", "SKIPPED"]
    assert site.one("SELECT error_summary FROM run") == "1 of 6 failed; 0 may (dispatch.maxFailures)"


async def test_an_item_is_tried_again_alone(site: Site) -> None:
    await site.serve()
    await site.define(
        batches=[{"name": "a", "items": [{}, {}]}],
        dispatch={"per": "Item", "maxParallel": 2},
        retry={"maxAttempts": 2, "backoff": {"initial": "1s"}},
    )
    await site.start("fleet")
    await site.dispatch()
    first, second = site.engine.executions
    site.engine.end(FAILED, first)
    site.engine.end(COMPLETED, second)
    await site.track()
    site.later(2)
    await site.dispatch()
    assert site.engine.submits[2:] == [first[:-1] + "2"]
    site.engine.end()
    await site.track()
    assert site.runs() == {"fleet": ("COMPLETED", "Succeeded")}
    assert site.one("SELECT max(attempt_count) FROM item_execution") == 2


async def test_lost_after_two_looks_far_enough_apart(site: Site) -> None:
    """Missing in a list is not gone; nor is missing twice within the confirmation time. Lost is not tried again."""
    await site.serve()
    await site.define(retry={"maxAttempts": 3, "backoff": {"initial": "1s"}})
    await site.start("monday")
    await site.dispatch()
    site.engine.hidden.update(site.engine.executions)
    await site.track()
    await site.track()
    assert site.runs()["monday"][0] == "PROCESSING"
    site.later(31)
    await site.track()
    assert site.runs() == {"monday": ("FAILED", "Lost")}
    assert site.attempts() == ["CLOSED"]


async def test_what_comes_back_was_not_lost(site: Site) -> None:
    await site.serve()
    await site.define()
    await site.start("monday")
    await site.dispatch()
    site.engine.hidden.update(site.engine.executions)
    await site.track()
    site.engine.hidden.clear()
    await site.track()
    assert site.one("SELECT lost_since FROM orchestration_instance") is None
    site.engine.hidden.update(site.engine.executions)
    site.later(31)
    await site.track()
    assert site.runs()["monday"][0] == "PROCESSING"


async def test_an_engine_that_cannot_be_asked_loses_nothing(site: Site) -> None:
    """However long it is down."""
    site.may_fail = True
    await site.serve()
    await site.define()
    await site.start("monday")
    await site.dispatch()
    site.engine.down = RetryableError("503")
    for _ in range(3):
        await site.track()
        site.later(60)
    assert site.runs()["monday"][0] == "PROCESSING"
    site.engine.down = None
    site.engine.end()
    await site.track()
    assert site.runs() == {"monday": ("COMPLETED", "Succeeded")}


async def test_only_an_engine_whose_turn_it_is_is_asked(site: Site) -> None:
    """Two replicas turn at once: one question."""
    await site.serve()
    await site.define()
    await site.start("monday")
    await site.dispatch()
    site.execute("UPDATE engine_health SET next_poll_at = now()")
    asked = []
    observe = site.engine.observe

    async def count(references: object) -> object:
        asked.append(references)
        return await observe(references)

    site.engine.observe = count
    await turn(site.first.track)
    await turn(site.another().track)
    assert len(asked) == 1
