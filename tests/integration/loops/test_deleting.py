"""Runs that are deleted: their work goes on as an orphan, or is cancelled (``deletionPolicy``)."""

from __future__ import annotations

from loop_site import Site, manifest

from baton_models.statements.guard import claim, record
from baton_models.statements.projection import LEASE
from baton_operator.engines.base import Outcome, SubmitRequest, Unknown
from baton_operator.kube.resources import RunSeen

GUARD = "SELECT guard FROM run"


async def ready(site: Site, **automation: object) -> str:
    await site.serve()
    await site.define(**{"deletionPolicy": "Cancel", **automation})
    (uid,) = await site.start("monday")
    return uid


async def ask_for_deletion(site: Site, uid: str) -> None:
    """Let the watch say that the object is to go, while our finalizer holds it."""
    raw = manifest("team-a", "monday", {"automationRef": {"name": "patch"}, "state": "Active"}, uid=uid, generation=2)
    raw["metadata"] |= {"deletionTimestamp": "2026-11-21T12:00:00Z", "finalizers": ["baton.dev/cancel"]}
    await site.first.runs.take([RunSeen.parse({"type": "MODIFIED", "object": raw})])


async def guarded(site: Site, there: str | None) -> list[tuple[str, bool]]:
    """See to what is due as the loop does, as if the API server took everything; give names and whether to let go."""
    store = site.first.parts.store
    rows = await store.run(lambda session: claim(session, lease_for=LEASE, limit=10))
    if rows:
        await store.run(lambda session: record(session, [(row.id, row.lease, there, None) for row in rows]))
    return [(row.name, row.over) for row in rows]


async def test_an_orphan_goes_on(site: Site) -> None:
    """The default: nothing holds the object, and the execution is left alone."""
    uid = await ready(site, deletionPolicy="Orphan")
    await site.dispatch()
    assert await guarded(site, "held") == []
    await site.delete(uid)
    await site.cancel()
    assert site.engine.cancels == []
    site.engine.end()
    await site.track()
    assert site.runs() == {"monday": ("COMPLETED", "Succeeded")}


async def test_what_never_arrived_is_not_sent_for_a_run_that_is_gone(site: Site) -> None:
    """The answer was lost, and so was the request: nothing is under way, so there is nothing to go on."""
    site.engine.script.append(Unknown("connection reset"))
    uid = await ready(site, deletionPolicy="Orphan")
    await site.dispatch()
    await site.delete(uid)
    for _ in range(4):
        site.later(8)
        await site.resolve()
        await site.dispatch()
    assert site.runs() == {"monday": ("CANCELLED", "Cancelled")}
    assert site.engine.executions == {}


async def test_nothing_is_held_before_anything_is_under_way(site: Site) -> None:
    """Deleted while it waits: it ends at once, and the engine hears nothing."""
    uid = await ready(site)
    assert await guarded(site, "held") == []
    await site.delete(uid)
    assert site.runs() == {"monday": ("CANCELLED", "Cancelled")}
    await site.dispatch()
    assert site.engine.submits == []


async def test_what_is_under_way_is_held_cancelled_and_let_go(site: Site) -> None:
    """Held once it is handed over; let go when the end is shown, and never held again."""
    uid = await ready(site)
    await site.dispatch()
    assert await guarded(site, "held") == [("monday", False)]
    assert await guarded(site, "held") == []
    await ask_for_deletion(site, uid)
    assert await guarded(site, "held") == []
    await site.cancel()
    await site.track()
    assert site.runs() == {"monday": ("CANCELLED", "Cancelled")}
    assert "deletionPolicy" in site.one("SELECT cancellation_reason FROM run")
    assert await guarded(site, None) == []
    site.execute("UPDATE run SET project_at = NULL")
    assert await guarded(site, None) == [("monday", True)]
    assert await guarded(site, None) == []


async def test_what_ends_by_itself_is_let_go(site: Site) -> None:
    await ready(site)
    await site.dispatch()
    await guarded(site, "held")
    site.engine.end()
    await site.track()
    site.execute("UPDATE run SET project_at = NULL")
    assert await guarded(site, None) == [("monday", True)]
    assert site.one(GUARD) is None


async def test_the_rows_cancel_whoever_took_the_finalizer_away(site: Site) -> None:
    """The object is gone although it was held, or before it could be: the work is cancelled all the same."""
    uid = await ready(site)
    await site.dispatch()
    await site.delete(uid)
    await site.cancel()
    await site.track()
    assert site.engine.cancels == site.engine.submits
    assert site.runs() == {"monday": ("CANCELLED", "Cancelled")}
    assert await guarded(site, None) == []


async def test_what_may_still_arrive_is_cancelled_when_it_does(site: Site) -> None:
    """Deleted while nobody knows whether the engine has it (R6)."""
    uid = await ready(site)

    def lose(request: SubmitRequest) -> Outcome:
        site.engine.accept(request)
        return Unknown("timeout")

    site.engine.script.append(lose)
    await site.dispatch()
    await ask_for_deletion(site, uid)
    site.later(8)
    await site.resolve()
    await site.cancel()
    await site.track()
    assert site.runs() == {"monday": ("CANCELLED", "Cancelled")}


async def test_an_engine_that_does_not_obey_holds_nobody_beyond_the_deadline(site: Site) -> None:
    uid = await ready(site, timeouts={"cancel": "30s"})
    site.engine.obedient = False
    await site.dispatch()
    await guarded(site, "held")
    await ask_for_deletion(site, uid)
    await site.cancel()
    site.later(31)
    await site.cancel()
    assert site.runs() == {"monday": ("CANCELLED", "CancelUnconfirmed")}
    site.execute("UPDATE run SET project_at = NULL")
    assert await guarded(site, None) == [("monday", True)]
    site.engine.end()
    await site.track()


async def test_loops_that_stand_still_hold_nobody_beyond_the_deadline(site: Site) -> None:
    """Nobody cancels at all: the object goes all the same, a few seconds late; the cancel is owed by the rows."""
    uid = await ready(site, timeouts={"cancel": "30s"})
    await site.dispatch()
    await guarded(site, "held")
    await ask_for_deletion(site, uid)
    site.execute("UPDATE run SET cancel_requested_at = cancel_requested_at - interval '41 seconds'")
    assert await guarded(site, None) == [("monday", True)]
    await site.cancel()
    await site.track()
    assert site.runs() == {"monday": ("CANCELLED", "Cancelled")}


async def test_a_crash_while_it_is_put_there_is_made_good(site: Site) -> None:
    """Written down before it is put there: whoever comes next does it again, or takes it away."""
    await ready(site)
    await site.dispatch()
    store = site.first.parts.store
    await store.run(lambda session: claim(session, lease_for=LEASE, limit=10))
    assert await guarded(site, "held") == []
    site.execute("UPDATE run SET guard_at = guard_at - interval '1 minute'")
    assert await guarded(site, "held") == [("monday", False)]
    site.engine.end()
    await site.track()
    site.execute("UPDATE run SET project_at = NULL, guard = 'wanted', guard_at = now()")
    assert await guarded(site, None) == [("monday", True)]


async def test_a_finalizer_that_no_row_knows_of_is_seen_to(site: Site) -> None:
    """The database was restored: an object that is being deleted and held becomes known as held, and ends."""
    uid = await ready(site)
    await site.dispatch()
    site.execute("UPDATE run SET guard = NULL")
    await ask_for_deletion(site, uid)
    assert site.one(GUARD) == "held"
    await site.cancel()
    await site.track()
    site.execute("UPDATE run SET project_at = NULL")
    assert await guarded(site, None) == [("monday", True)]
