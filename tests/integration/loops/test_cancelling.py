"""Ending what is under way: cancel, deadlines, deletion."""

from __future__ import annotations

import asyncio

from loop_site import Site, turn

from baton_models.statements.release import release
from baton_models.status import ExecutionStatus
from baton_operator.engines.base import NotSent, Outcome, SubmitRequest, Unknown
from baton_operator.engines.errors import RetryableError


async def cancelled(site: Site, uid: str) -> None:
    await site.change(uid, state="Cancelled", reason="wrong night")


async def ready(site: Site, **automation: object) -> str:
    await site.serve()
    await site.define(**automation)
    (uid,) = await site.start("monday")
    return uid


async def deadlines(site: Site) -> None:
    await site.first.parts.store.run(site.first.sweep._deadlines)


async def test_what_was_never_sent_ends_at_once(site: Site) -> None:
    """A row update: the engine hears nothing."""
    uid = await ready(site)
    await cancelled(site, uid)
    assert site.runs() == {"monday": ("CANCELLED", "Cancelled")}
    assert site.attempts() == ["CLOSED"]
    assert site.one("SELECT cancellation_reason FROM run") == "wrong night"
    await site.dispatch()
    await site.cancel()
    assert (site.engine.submits, site.engine.cancels) == ([], [])


async def test_what_is_under_way_is_told_and_confirmed(site: Site) -> None:
    """Cancelled once the engine shows it."""
    uid = await ready(site)
    await site.dispatch()
    await cancelled(site, uid)
    assert site.runs() == {"monday": ("PROCESSING", "Cancelling")}
    await site.cancel()
    assert site.engine.cancels == site.engine.submits
    assert site.runs() == {"monday": ("PROCESSING", "Cancelling")}
    await site.track()
    assert site.runs() == {"monday": ("CANCELLED", "Cancelled")}
    await site.cancel()
    assert len(site.engine.cancels) == 1


async def test_what_ended_first_has_succeeded(site: Site) -> None:
    """The cancel raced the end (E3)."""
    uid = await ready(site)
    await site.dispatch()
    site.engine.end()
    await cancelled(site, uid)
    await site.cancel()
    await site.track()
    assert site.runs() == {"monday": ("COMPLETED", "Succeeded")}


async def test_a_cancel_that_nobody_confirms_ends_at_its_deadline(site: Site) -> None:
    """The unit ends unconfirmed; the execution is followed, nagged at times, and its end changes nothing."""
    uid = await ready(site, timeouts={"cancel": "30s"})
    site.engine.obedient = False
    await site.dispatch()
    await cancelled(site, uid)
    await site.cancel()
    site.later(20)
    await site.cancel()
    assert site.runs()["monday"][0] == "PROCESSING"
    site.later(11)
    await site.cancel()
    assert site.runs() == {"monday": ("CANCELLED", "CancelUnconfirmed")}
    told = len(site.engine.cancels)
    site.later(61)
    await site.cancel()
    assert len(site.engine.cancels) == told + 1
    site.engine.end()
    await site.track()
    assert site.runs() == {"monday": ("CANCELLED", "CancelUnconfirmed")}
    assert site.attempts() == ["CLOSED"]


async def test_an_engine_that_is_away_does_not_hold_a_cancel_for_ever(site: Site) -> None:
    uid = await ready(site, timeouts={"cancel": "10s"})
    await site.dispatch()
    await cancelled(site, uid)
    site.engine.down = RetryableError("connection refused")
    await site.cancel()
    assert "connection refused" in site.one("SELECT error FROM dispatch_attempt")
    site.later(11)
    await site.cancel()
    assert site.runs() == {"monday": ("CANCELLED", "CancelUnconfirmed")}
    site.engine.down = None
    site.later(61)
    await site.cancel()
    await site.track()
    assert site.attempts() == ["CLOSED"]


async def test_r6_what_may_still_arrive_is_not_cancelled_clean(site: Site) -> None:
    """The answer is lost, the request travels, the Run is cancelled; the request arrives and is cancelled then (P6)."""
    uid = await ready(site)
    travelling: list[SubmitRequest] = []

    def lose(request: SubmitRequest) -> Outcome:
        travelling.append(request)
        return Unknown("timeout")

    site.engine.script.append(lose)
    await site.dispatch()
    await cancelled(site, uid)
    await site.resolve()
    await site.cancel()
    assert site.runs() == {"monday": ("PROCESSING", "Cancelling")}
    site.engine.accept(travelling[0])
    site.later(8)
    await site.resolve()
    await site.cancel()
    assert site.engine.cancels == [travelling[0].token]
    await site.track()
    assert site.runs() == {"monday": ("CANCELLED", "Cancelled")}


async def test_what_never_arrived_is_cancelled_clean_in_the_end(site: Site) -> None:
    """Absent for long enough, twice; nothing is sent again, and nobody goes on asking."""
    uid = await ready(site)
    site.engine.script.append(Unknown("timeout"))
    await site.dispatch()
    await cancelled(site, uid)
    for _ in range(3):
        site.later(8)
        await site.resolve()
    assert site.runs() == {"monday": ("CANCELLED", "Cancelled")}
    assert site.attempts() == ["CLOSED"]
    assert site.one("SELECT cancel_due_at FROM dispatch_attempt") is None
    await site.dispatch()
    assert site.engine.submits == []


async def test_what_turns_up_after_the_deadline_is_cancelled_then(site: Site) -> None:
    """The unit has ended unconfirmed, its attempt is still looked for."""
    uid = await ready(site, timeouts={"cancel": "2s"})
    travelling: list[SubmitRequest] = []

    def lose(request: SubmitRequest) -> Outcome:
        travelling.append(request)
        return Unknown("timeout")

    site.engine.script.append(lose)
    await site.dispatch()
    await cancelled(site, uid)
    site.later(3)
    await site.cancel()
    assert site.runs() == {"monday": ("CANCELLED", "CancelUnconfirmed")}
    site.engine.accept(travelling[0])
    site.later(61)
    await site.resolve()
    await site.cancel()
    assert site.engine.cancels == [travelling[0].token]
    await site.track()
    assert site.attempts() == ["CLOSED"]
    assert site.runs() == {"monday": ("CANCELLED", "CancelUnconfirmed")}


async def test_a_cancel_while_the_request_is_made_ends_what_was_not_sent(site: Site) -> None:
    """It was claimed, cancelled, and then proven not to have been sent: it ends, and is not sent again."""
    uid = await ready(site)
    dispatch = site.first.dispatch
    claimed = await dispatch._claim(site.one("SELECT id FROM engine"))
    assert claimed
    await cancelled(site, uid)
    await dispatch._record(claimed, [NotSent("connection refused")])
    assert site.runs() == {"monday": ("CANCELLED", "Cancelled")}
    site.later(5)
    await site.dispatch()
    assert site.engine.submits == []
    assert site.attempts() == ["CLOSED"]


async def test_a_cancel_while_it_is_looked_for_sends_nothing_again(site: Site) -> None:
    """The look said absent twice; the cancel came before that was written down."""
    uid = await ready(site)
    assert await site.first.dispatch._claim(site.one("SELECT id FROM engine"))
    site.later(15)
    await site.resolve()
    site.later(2)
    find = site.engine.find

    async def cancel_meanwhile(request: SubmitRequest) -> object:
        await cancelled(site, uid)
        return await find(request)

    site.engine.find = cancel_meanwhile
    await site.resolve()
    site.engine.find = find
    site.later(2)
    await site.dispatch()
    assert site.engine.submits == []
    for _ in range(2):
        site.later(2)
        await site.resolve()
    assert site.runs() == {"monday": ("CANCELLED", "Cancelled")}


async def test_a_fleet_is_cancelled(site: Site) -> None:
    """What waits at once, what is out when it is confirmed, and what has ended stays."""
    uid = await ready(site, batches=[{"name": "a", "items": [{}] * 4}], dispatch={"per": "Item", "maxParallel": 2})
    await site.dispatch()
    first = next(iter(site.engine.executions))
    site.engine.end(ExecutionStatus.COMPLETED, first)
    await site.track()
    await cancelled(site, uid)
    await site.cancel()
    await site.track()
    assert site.runs() == {"monday": ("CANCELLED", "Cancelled")}
    statuses = sorted(row.status for row in site.rows("SELECT status::text FROM item_execution"))
    assert statuses == ["CANCELLED", "CANCELLED", "CANCELLED", "COMPLETED"]


async def test_what_is_let_go_at_the_same_moment_is_stopped_too(site: Site) -> None:
    """Another replica lets units go and has not committed when time is up: none of them is sent afterwards."""
    dispatch = {"per": "Item", "maxParallel": 2}
    await ready(site, batches=[{"name": "a", "items": [{}] * 4}], dispatch=dispatch, timeouts={"queued": "1m"})
    site.later(61)
    (run,) = (row.id for row in site.rows("SELECT id FROM run"))
    site.execute("UPDATE run SET max_parallel = 4")
    async with site.another().database.get_async_session() as session, session.begin():
        await release(session, [run])
        cancelling = asyncio.create_task(deadlines(site))
        await site.somebody_waits()
    await cancelling
    assert site.runs() == {"monday": ("FAILED", "TimedOut")}
    assert set(site.attempts()) == {"CLOSED"}
    await site.dispatch()
    assert site.engine.submits == []


async def test_queued_too_long_fails_with_two_history_rows(site: Site) -> None:
    """PENDING, PROCESSING, FAILED in one transaction."""
    await ready(site, timeouts={"queued": "1m"})
    site.later(61)
    await deadlines(site)
    assert site.runs() == {"monday": ("FAILED", "TimedOut")}
    assert [status for status, _ in site.history("monday")] == ["PENDING", "PROCESSING", "FAILED"]
    assert site.attempts() == ["CLOSED"]


async def test_a_fleet_that_is_queued_too_long(site: Site) -> None:
    await ready(site, timeouts={"queued": "1m"}, batches=[{"name": "a", "items": [{}, {}]}], dispatch={"per": "Item"})
    site.later(61)
    await deadlines(site)
    assert site.runs() == {"monday": ("FAILED", "TimedOut")}
    assert [status for status, _ in site.history("monday")] == ["PENDING", "PROCESSING", "FAILED"]
    assert {row.status for row in site.rows("SELECT status::text FROM item_execution")} == {"CANCELLED"}


async def test_a_run_that_takes_too_long_is_told_to_end_and_fails(site: Site) -> None:
    await ready(site, timeouts={"run": "1h"}, retry={"maxAttempts": 3})
    await site.dispatch()
    await deadlines(site)
    assert site.runs()["monday"][0] == "PROCESSING"
    site.later(3601)
    await deadlines(site)
    await site.cancel()
    assert len(site.engine.cancels) == 1
    await site.track()
    assert site.runs() == {"monday": ("FAILED", "TimedOut")}


async def test_a_run_that_takes_too_long_in_an_engine_that_does_not_obey(site: Site) -> None:
    await ready(site, timeouts={"run": "1h", "cancel": "10s"})
    site.engine.obedient = False
    await site.dispatch()
    site.later(3601)
    await deadlines(site)
    site.later(11)
    await site.cancel()
    assert site.runs() == {"monday": ("FAILED", "CancelUnconfirmed")}


async def test_a_retry_that_waits_is_cancelled_at_once(site: Site) -> None:
    uid = await ready(site, retry={"maxAttempts": 2, "backoff": {"initial": "1h"}})
    await site.dispatch()
    site.engine.end(ExecutionStatus.FAILED)
    await site.track()
    assert site.runs()["monday"][0] == "RETRYING"
    await cancelled(site, uid)
    assert site.runs() == {"monday": ("CANCELLED", "Cancelled")}


async def test_what_is_held_is_cancelled_unconfirmed(site: Site) -> None:
    """Nobody knows whether it runs; at the deadline the unit ends and says so."""
    uid = await ready(site, timeouts={"cancel": "10s"})
    await site.dispatch()
    site.execute("UPDATE dispatch_attempt SET state = 'HALTED'")
    await cancelled(site, uid)
    site.later(11)
    await site.cancel()
    assert site.runs() == {"monday": ("CANCELLED", "CancelUnconfirmed")}
    left = "SELECT extract(epoch FROM cancel_due_at - now()) FROM dispatch_attempt"
    assert site.one(left) > 30
    site.later(61)
    await turn(site.first.cancel)
    assert site.one(left) > 30


async def test_r6_what_was_held_is_looked_for_again_and_cancelled_when_it_turns_up(site: Site) -> None:
    """The engine was restarted, so it was held; the cancel was given up; then the execution shows."""
    uid = await ready(site, timeouts={"cancel": "10s"})

    def lose(request: SubmitRequest) -> Outcome:
        site.engine.accept(request)
        return Unknown("timeout")

    site.engine.script.append(lose)
    site.execute("UPDATE engine_health SET restart_epoch = '1'")
    await site.dispatch()
    site.engine.hidden.update(site.engine.executions)
    site.execute("UPDATE engine_health SET restart_epoch = '2'")
    site.later(8)
    await site.resolve()
    assert site.attempts() == ["HALTED"]
    await cancelled(site, uid)
    await site.resolve()
    assert site.attempts() == ["HALTED"]
    site.later(11)
    await site.cancel()
    assert site.runs() == {"monday": ("CANCELLED", "CancelUnconfirmed")}
    for _ in range(2):
        site.later(61)
        await site.resolve()
        assert site.attempts() == ["AMBIGUOUS"]
    site.engine.hidden.clear()
    site.later(300)
    await site.resolve()
    await site.cancel()
    assert len(site.engine.cancels) == 1
    await site.track()
    assert site.attempts() == ["CLOSED"]


async def test_what_was_given_up_is_let_go_when_the_engine_would_have_forgotten(site: Site) -> None:
    """Nothing turned up for as long as the engine remembers: its place is free again."""
    uid = await ready(site, timeouts={"cancel": "10s"})
    site.execute("UPDATE engine_health SET restart_epoch = '1'")
    site.engine.script.append(Unknown("timeout"))
    await site.dispatch()
    site.execute("UPDATE engine_health SET restart_epoch = '2'")
    await cancelled(site, uid)
    site.later(11)
    await site.cancel()
    site.later(3600)
    await site.resolve()
    assert site.attempts() == ["CLOSED"]
    assert site.runs() == {"monday": ("CANCELLED", "CancelUnconfirmed")}


async def test_an_engine_that_is_slow_to_be_told_delays_no_other(site: Site) -> None:
    """While one engine keeps its cancels waiting, another's are sent; its own stay due to nobody else."""
    uid = await ready(site)
    await site.dispatch()
    await site.serve("second")
    await site.define("other", engineRef={"name": "second"})
    (later,) = await site.start("tuesday", automation="other")
    await site.dispatch()
    busy = site.one("SELECT id FROM engine WHERE name = 'argo'")
    site.first.cancel._lanes.start(busy, asyncio.Event().wait)
    await cancelled(site, uid)
    await site.change(later, state="Cancelled")
    await site.first.cancel.turn()
    async with asyncio.timeout(60):
        while not site.engine.cancels:  # noqa: ASYNC110 - the engine rings no bell
            await asyncio.sleep(0.02)
    due = "SELECT cancel_due_at <= now() FROM dispatch_attempt WHERE engine_id = :engine"
    assert site.one(due, engine=busy)
    site.first.cancel._lanes._under_way[busy].cancel()
