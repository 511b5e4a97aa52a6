"""Whoever comes late writes nothing: a lost lease, a stale version, an attempt that somebody else has moved on."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from loop_site import Site, turn

from baton_models import new_id
from baton_models.statements.record import Change, claim_unclear, engines_with_unclear, record
from baton_models.statements.settle import InstanceMove, move_instances
from baton_models.statements.track import claim_probes
from baton_operator.engines.base import SubmitRequest, Unknown
from baton_operator.engines.errors import RetryableError

POLL = timedelta(seconds=10)


async def _send_one(site: Site) -> tuple[UUID, UUID]:
    """Bring a Run whose submit has no answer; give its attempt and the lease under which it was sent."""
    leases: list[UUID] = []

    def answer(request: SubmitRequest) -> Unknown:
        leases.append(site.one("SELECT lease_token FROM dispatch_attempt WHERE token = :t", t=request.token))
        site.engine.accept(request)
        return Unknown("the answer was lost")

    await site.serve()
    await site.define()
    await site.start("monday")
    site.engine.script.append(answer)
    await site.dispatch()
    return site.one("SELECT id FROM dispatch_attempt"), leases[0]


async def _record(site: Site, attempt: UUID, lease: UUID, held: str) -> int:
    change = Change(attempt, "ACKED", instance_id=new_id(), external_id="a/late/one")
    async with site.first.database.get_async_session() as session, session.begin():
        return len(await record(session, [change], lease=lease, held=held, poll_in=POLL))


async def test_r11_a_process_that_lost_its_lease_records_nothing(site: Site) -> None:
    """Somebody else holds the attempt now; the late answer makes neither an instance nor a link."""
    attempt, lease = await _send_one(site)
    holder = new_id()
    site.execute("UPDATE dispatch_attempt SET state = 'SENT', lease_token = :holder", holder=holder)
    assert await _record(site, attempt, lease, "SENT") == 0
    assert site.one("SELECT count(*) FROM orchestration_instance") == 0
    assert site.one("SELECT lease_token FROM dispatch_attempt") == holder


async def test_r11_a_process_records_nothing_of_a_state_that_has_passed(site: Site) -> None:
    """Its lease still stands, but the attempt has moved on: it was being looked for already."""
    attempt, lease = await _send_one(site)
    site.execute("UPDATE dispatch_attempt SET lease_token = :lease", lease=lease)
    assert site.attempts() == ["AMBIGUOUS"]
    assert await _record(site, attempt, lease, "SENT") == 0
    assert await _record(site, attempt, lease, "AMBIGUOUS") == 1


async def test_what_is_held_is_not_looked_for(site: Site) -> None:
    """SENT under a live lease is its sender's; only when the lease has run out, somebody looks."""
    await _send_one(site)
    site.execute(
        "UPDATE dispatch_attempt SET state = 'SENT', lease_token = :lease, due_at = now(),"
        " lease_until = now() + interval '1 minute'",
        lease=new_id(),
    )
    engine = site.one("SELECT id FROM engine")
    async with site.first.database.get_async_session() as session, session.begin():
        assert list(await engines_with_unclear(session)) == []
        _, held = await claim_unclear(session, engine, lease=new_id(), lease_for=POLL, limit=10)
        assert list(held) == []
    site.later(61)
    async with site.first.database.get_async_session() as session, session.begin():
        assert list(await engines_with_unclear(session)) == [engine]
        _, held = await claim_unclear(session, engine, lease=new_id(), lease_for=POLL, limit=10)
        assert len(held) == 1


async def test_r1_what_was_ever_sent_stays_counted(site: Site) -> None:
    """The process died after the claim: the send counts although nobody knows of it."""
    await site.serve()
    await site.define()
    await site.start("monday")
    site.engine.script.append(lambda _: Unknown("cut"))
    await site.dispatch()
    assert site.one("SELECT sends FROM dispatch_attempt") == 1
    first_sent_at = site.one("SELECT first_sent_at FROM dispatch_attempt")
    assert first_sent_at is not None
    for _ in range(2):
        site.later(20)
        await turn(site.first.resolve)
    assert site.attempts() == ["INTENT"]
    await site.dispatch()
    assert site.one("SELECT sends FROM dispatch_attempt") == 2
    assert site.attempts() == ["ACKED"]


async def test_an_unknown_outcome_is_looked_for_and_found_before_anything_is_sent(site: Site) -> None:
    """The answer was lost, the work was not: it is adopted, and the engine hears of it once."""
    await _send_one(site)
    await site.dispatch()
    site.later(20)
    await site.dispatch()
    await site.resolve()
    assert site.attempts() == ["ACKED"]
    assert len(site.engine.submits) == 1


async def test_a_stale_verdict_moves_nothing(site: Site) -> None:
    """Two replicas saw the instance at the same version; the second one's word is not taken."""
    await site.serve()
    await site.define()
    await site.start("monday")
    await site.dispatch()
    (row,) = site.rows("SELECT id, version FROM orchestration_instance")
    running = InstanceMove(row.id, row.version, "PROCESSING", "Running", "Running")
    ended = InstanceMove(row.id, row.version, "FAILED", "Failed", "Failed")
    async with site.first.database.get_async_session() as session, session.begin():
        assert await move_instances(session, [running], later=POLL) == {row.id}
        assert await move_instances(session, [ended], later=POLL) == set()
    assert site.one("SELECT status::text FROM orchestration_instance") == "PROCESSING"


@pytest.mark.parametrize("generation", [1, 2])
async def test_an_older_generation_changes_nothing(site: Site, generation: int) -> None:
    """A watch brings events again and late: what is older than the row is no news."""
    await site.serve(suspend=True)
    await site.define()
    (uid,) = await site.start("monday")
    await site.change(uid, generation=3, state="Suspended")
    await site.change(uid, generation=generation, state="Cancelled")
    assert site.runs() == {"monday": ("PENDING", "Suspended")}


async def test_the_same_run_is_admitted_once(site: Site) -> None:
    """Two replicas hear the same event."""
    await site.serve(suspend=True)
    await site.define()
    (uid,) = await site.start("monday")
    site.execute("UPDATE run SET name = 'first' WHERE uid = :uid", uid=uid)
    await site.change(uid, generation=1)
    assert site.one("SELECT count(*) FROM run") == 1


@pytest.mark.parametrize("is_up", [True, False], ids=["it is up", "it is down"])
async def test_a_process_that_was_frozen_in_a_probe_says_nothing_of_the_engine(is_up: bool, site: Site) -> None:
    """Another one has probed it since; what was begun before that is older, whatever it says."""
    await site.serve()
    site.execute("UPDATE engine_health SET next_probe_at = now()")
    async with site.first.database.get_async_session() as session, session.begin():
        (frozen,) = await claim_probes(session, limit=1)
    site.later(31)
    down = RetryableError("no connection")
    site.engine.down = None if is_up else down
    await turn(site.another().probe)
    known = site.one("SELECT ready_reason FROM engine_health")
    assert known == ("ProbeSucceeded" if is_up else "ProbeFailed")
    site.engine.down = down if is_up else None
    await site.first.probe._probe(frozen)
    assert site.one("SELECT ready_reason FROM engine_health") == known
