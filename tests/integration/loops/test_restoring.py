"""A database restored to an older moment: what engines did since is found, nothing is sent twice, the rest is held."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from loop_site import Site, manifest
from saved_rows import SavedRows

from baton_models.errors import ForeignDatabaseError
from baton_models.statements import lives
from baton_models.statements.lives import Says
from baton_models.status import ExecutionStatus
from baton_operator.engines.base import Idempotency, Rejected
from baton_operator.kube.resources import RunSeen
from baton_operator.loops.lives import Lives

WHOLE = [Idempotency.UNIQUE_NAME, Idempotency.SEARCH_ONLY]
ENDED = {"monday": ("COMPLETED", "Succeeded")}


async def waiting(site: Site, **spec: Any) -> SavedRows:
    """Save the database while one Run waits for its first dispatch."""
    await site.serve()
    await site.define(**spec)
    await site.start("monday")
    return SavedRows.of(site)


async def restored(site: Site, saved: SavedRows | None = None, **values: Any) -> None:
    """Put the rows back, and say so, as `baton database restored` does."""
    if saved:
        saved.put_back()
    await site.first.parts.store.run(lambda session: lives.restore(session, cause="Restored", **values))


async def believed(site: Site, uid: str, *, submitted: bool = True, completed: bool = False) -> bool:
    """Let the Run's custom resource say so; return whether it says more than its row."""
    says = [Says(uid, submitted, completed, datetime.now(UTC))]
    return bool(await site.first.parts.store.run(lambda session: lives.believe(session, says)))


async def looked_for(site: Site) -> None:
    """Let time pass until everything in doubt is decided; nothing is sent before."""
    for _ in range(4):
        await site.dispatch()
        site.later(8)
        await site.resolve()


async def ended(site: Site) -> None:
    """Send what may be sent, and let everything end."""
    await site.dispatch()
    site.engine.end()
    await site.track()


@pytest.mark.parametrize("idempotency", WHOLE)
async def test_what_was_sent_since_is_found_and_followed(site: Site, idempotency: Idempotency) -> None:
    """The restored row says that it was never sent; the engine is asked first."""
    site.engine.idempotency = idempotency
    saved = await waiting(site)
    await site.dispatch()
    await restored(site, saved)
    assert site.attempts() == ["AMBIGUOUS"]
    await looked_for(site)
    assert site.attempts() == ["ACKED"]
    await ended(site)
    assert site.runs() == ENDED
    assert len(site.engine.submits) == 1
    assert site.history("monday") == [
        ("PENDING", "Queued"),
        ("PROCESSING", "Dispatched"),
        ("COMPLETED", "Succeeded"),
    ]


@pytest.mark.parametrize("idempotency", WHOLE)
async def test_what_was_never_sent_is_sent_once(site: Site, idempotency: Idempotency) -> None:
    """Whatever the engine offers: it is not there, twice, and nobody is left who could still send it."""
    site.engine.idempotency = idempotency
    await restored(site, await waiting(site))
    await site.dispatch()
    await site.resolve()
    assert site.engine.submits == [], "a request of the old world may still arrive"
    await looked_for(site)
    await ended(site)
    assert site.runs() == ENDED
    assert len(site.engine.submits) == 1


@pytest.mark.parametrize("reason", ["forgotten", "restarted", "saved long ago"])
async def test_what_the_engine_cannot_tell_is_held(site: Site, reason: str) -> None:
    """It has forgotten what ended, or was restarted since the backup, or the backup is older than its memory."""
    site.engine.epoch = "1"
    saved = await waiting(site)
    await ended(site)
    site.engine.executions.clear()
    site.engine.submits.clear()
    saved.put_back()
    since = datetime.now(UTC) - timedelta(hours=2) if reason == "saved long ago" else None
    await restored(site, saved_at=since)
    if reason == "forgotten":
        site.engine.reach = 1.0
    elif reason == "restarted":
        site.engine.epoch = "2"
        site.execute("UPDATE engine_health SET restart_epoch = '2'")
    await looked_for(site)
    assert site.attempts() == ["HALTED"]
    assert site.engine.submits == []
    assert site.one("SELECT error FROM dispatch_attempt").startswith("perhaps sent before the database was restored: ")


async def test_a_retry_that_was_sent_since_is_found(site: Site) -> None:
    """The restored row follows the first attempt, whose end is found; the second one was sent, too."""
    await site.serve()
    await site.define(retry={"maxAttempts": 2, "backoff": {"initial": "1s"}})
    await site.start("monday")
    await site.dispatch()
    saved = SavedRows.of(site)
    site.engine.end(ExecutionStatus.FAILED)
    await site.track()
    site.later(5)
    await site.dispatch()
    assert len(site.engine.submits) == 2
    await restored(site, saved)
    await site.track()
    assert site.attempts() == ["CLOSED", "AMBIGUOUS"]
    await looked_for(site)
    await ended(site)
    assert site.runs() == ENDED
    assert len(site.engine.submits) == 2


async def test_a_retry_that_begins_after_the_restore_is_sent_at_once(site: Site) -> None:
    """Its first attempt was running when the database was restored: nobody had sent the second one."""
    await site.serve()
    await site.define(retry={"maxAttempts": 2, "backoff": {"initial": "1s"}})
    await site.start("monday")
    await site.dispatch()
    await restored(site)
    site.later(120)
    site.engine.end(ExecutionStatus.FAILED)
    await site.track()
    assert site.attempts() == ["CLOSED", "INTENT"]
    site.later(5)
    await ended(site)
    assert site.runs() == ENDED


async def test_units_are_looked_for_until_the_first_ones_turn_out_unsent(site: Site) -> None:
    """They go in their order, two at a time: when two are not there, those behind them cannot have been sent."""
    site.engine.idempotency = Idempotency.SEARCH_ONLY
    items = [{"items": [{"n": n} for n in range(8)], "name": "all"}]
    saved = await waiting(site, batches=items, dispatch={"per": "Item", "maxParallel": 2})
    await ended(site)
    await site.dispatch()
    assert len(site.engine.submits) == 4
    await restored(site, saved)
    seen = [site.attempts()]
    while site.runs() != ENDED:
        await looked_for(site)
        await ended(site)
        seen.append(site.attempts()[-2:])
        assert len(seen) < 9
    assert seen == [["AMBIGUOUS"] * 2, ["AMBIGUOUS"] * 2, ["AMBIGUOUS"] * 2, ["INTENT"] * 2, ["CLOSED"] * 2]
    assert len(site.engine.submits) == len(set(site.engine.submits)) == 8
    assert site.one("SELECT completed FROM run_progress") == 8


async def test_what_is_refused_makes_nothing_behind_it_certain(site: Site) -> None:
    """It was refused before, too, and made room for the next one, which was sent."""
    refused = Rejected("EngineRejected", "no")
    site.engine.idempotency = Idempotency.SEARCH_ONLY
    items = [{"items": [{"n": n} for n in range(2)], "name": "all"}]
    saved = await waiting(site, batches=items, dispatch={"per": "Item", "maxParallel": 1, "maxFailures": 1})
    site.engine.script.append(refused)
    await site.dispatch()
    await site.dispatch()
    assert len(site.engine.submits) == 1
    await restored(site, saved)
    site.engine.script.append(refused)
    await looked_for(site)
    await looked_for(site)
    await ended(site)
    assert site.attempts() == ["REJECTED", "CLOSED"]
    assert site.runs() == ENDED
    assert len(site.engine.submits) == 1


async def test_a_run_without_a_row_that_is_older_than_the_restore_is_looked_for(site: Site) -> None:
    """It was created since the backup; its status may not have shown yet that it was submitted."""
    await site.serve()
    await site.define()
    await restored(site)
    made = datetime.now(UTC)
    for name, created in (("older", made - timedelta(minutes=1)), ("newer", made + timedelta(minutes=1))):
        raw = manifest("team-a", name, {"automationRef": {"name": "patch"}, "state": "Active"})
        raw["metadata"]["creationTimestamp"] = created.isoformat()
        await site.first.runs.take([RunSeen.parse(raw)])
    assert site.attempts() == ["AMBIGUOUS", "INTENT"]
    await looked_for(site)
    await ended(site)
    assert set(site.runs().values()) == {("COMPLETED", "Succeeded")}
    assert len(site.engine.submits) == 2


@pytest.mark.parametrize(
    "left", ["state = 'SENT', sends = 1", "sends = 1", "state = 'AMBIGUOUS', sends = 1", "state = 'HALTED', sends = 2"]
)
async def test_whatever_may_have_moved_since_is_looked_for(site: Site, left: str) -> None:
    """What was to be sent again was perhaps; what a person had to decide was perhaps decided."""
    saved = await waiting(site)
    await site.dispatch()
    saved.put_back()
    site.execute(
        f"UPDATE dispatch_attempt SET {left}, first_sent_at = now(), last_sent_at = now(), "
        "visible_after = now(), evidence_until = now() + interval '1 hour'"
    )
    site.execute(
        "UPDATE dispatch_attempt SET fingerprint = :it", it=next(iter(site.engine.executions.values())).fingerprint
    )
    await restored(site)
    await looked_for(site)
    await ended(site)
    assert site.runs() == ENDED
    assert len(site.engine.submits) == 1


async def test_saying_so_needlessly_does_no_harm(site: Site) -> None:
    """What is followed is followed, what waits goes a little later; twice is as good as once."""
    await site.serve()
    await site.define()
    await site.start("tuesday")
    await site.dispatch()
    await site.start("monday")
    await restored(site)
    await restored(site)
    assert site.attempts() == ["ACKED", "AMBIGUOUS"]
    await looked_for(site)
    await ended(site)
    assert site.runs() == ENDED | {"tuesday": ("COMPLETED", "Succeeded")}
    assert len(site.engine.submits) == 2


async def test_what_is_decided_by_a_person_ends_the_doubt(site: Site) -> None:
    """Cancelled while it is looked for: it is not there, so it is over, and nothing was sent."""
    saved = await waiting(site)
    await restored(site, saved)
    await site.change(site.one("SELECT uid FROM run"), state="Cancelled")
    await looked_for(site)
    assert site.runs() == {"monday": ("CANCELLED", "Cancelled")}
    assert site.engine.submits == []


async def test_a_run_that_was_deleted_since_starts_nothing(site: Site) -> None:
    """What is not there is over; what is there goes on to its end."""
    await site.serve()
    await site.define()
    uids = await site.start("sent", "unsent")
    saved = SavedRows.of(site)
    await site.dispatch()
    token = site.one("SELECT d.token FROM dispatch_attempt d JOIN run r ON r.id = d.run_id WHERE r.name = 'unsent'")
    del site.engine.executions[token]
    site.engine.submits.clear()
    await restored(site, saved)
    await site.delete(*uids)
    await looked_for(site)
    await ended(site)
    assert site.runs() == {"sent": ("COMPLETED", "Succeeded"), "unsent": ("CANCELLED", "Cancelled")}
    assert site.engine.submits == []


async def test_a_custom_resource_that_says_more_than_its_row_gives_the_restore_away(site: Site) -> None:
    """Nobody said so: that Run was sent, the others are doubted, and absence is no evidence of what was sent."""
    site.engine.idempotency = Idempotency.SEARCH_ONLY
    await site.serve()
    await site.define()
    (told,) = await site.start("told")
    await site.start("lagging", "waiting")
    saved = SavedRows.of(site)
    await ended(site)
    for token in list(site.engine.executions)[::2]:
        del site.engine.executions[token]
    sent = len(site.engine.submits)
    saved.put_back()
    assert await believed(site, told)
    assert site.attempts() == ["AMBIGUOUS"] * 3
    assert not await believed(site, told), "it is known now"
    await looked_for(site)
    await site.dispatch()
    await site.track()
    assert site.attempts()[0] == "HALTED"
    assert len(site.engine.submits) == sent + 1, "one of the others is not there: it was collected, or never sent"
    assert site.one("SELECT count(*) FROM database_life WHERE cause = 'Contradicted'") == 1


async def test_what_a_known_restore_explains_is_no_news(site: Site) -> None:
    """The Run was submitted before the restore that somebody has said: no second one is found."""
    saved = await waiting(site)
    await site.dispatch()
    said = [Says(site.one("SELECT uid FROM run"), submitted=True, completed=False, at=datetime.now(UTC))]
    await restored(site, saved)
    await site.first.parts.store.run(lambda session: lives.believe(session, said))
    assert site.one("SELECT count(*) FROM database_life") == 1
    assert site.rows("SELECT state::text, sends FROM dispatch_attempt") == [("AMBIGUOUS", 2)]


async def test_a_run_that_has_ended_or_lost_its_row_gives_it_away_too(site: Site) -> None:
    await waiting(site)
    await site.dispatch()
    uid = site.one("SELECT uid FROM run")
    assert not await believed(site, uid)
    assert not await believed(site, "somebody-else", submitted=False, completed=True), "it was refused without a row"
    assert await believed(site, "somebody-else")
    assert await believed(site, uid, completed=True)


async def test_what_embedded_did_is_gone_with_the_database(site: Site) -> None:
    """Its tasks and what they wrote are rows as any other: they are done again."""
    saved = await waiting(site)
    await restored(site, saved)
    site.execute("UPDATE engine SET type = 'Embedded'")
    await site.start("tuesday")
    await restored(site)
    assert site.attempts() == ["AMBIGUOUS", "INTENT"]
    site.execute("UPDATE engine SET type = 'Argo'")
    await looked_for(site)


async def test_a_copy_of_the_database_is_refused_until_somebody_says_that_it_counts(site: Site) -> None:
    """A dump that is restored elsewhere, or production's copy that a staging operator opens."""
    ours = Lives(site.first.parts)
    await ours.begin()
    await ours.begin()
    assert site.rows("SELECT cause, identity IS NOT NULL FROM database_life") == [("Started", True)]
    site.execute("UPDATE database_life SET identity = '1/1'")
    with pytest.raises(ForeignDatabaseError, match="baton database restored"):
        await ours.begin()
    await restored(site)
    await ours.begin()


async def test_nothing_is_begun_before_the_runs_were_asked(site: Site) -> None:
    """The API server is away: ask again, unless nothing of what is stored goes on."""
    site.may_fail = True
    ours = Lives(site.first.parts)
    assert not await ours.compare(), "all rows may be lost"
    await waiting(site)
    assert not await ours.compare()
    await ended(site)
    assert await ours.compare()


async def test_a_role_that_may_not_ask_is_let_in(site: Site) -> None:
    """A server that does not tell who it is cannot be told from another one."""
    site.execute("UPDATE pg_proc SET proname = proname || '_away' WHERE proname = 'pg_control_system'")
    ours = Lives(site.first.parts)
    await ours.begin()
    assert site.rows("SELECT cause, identity FROM database_life") == [("Started", None)]
