"""What a submit said becomes rows, under the lease only; and what a crash leaves is looked for first."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest
from loop_site import Site, turn

from baton_operator.engines.base import NameGone, NotSent, Outcome, Rejected, Sighting, SubmitRequest, Unknown
from baton_operator.engines.errors import RetryableError

ATTEMPT = "SELECT state::text, sends, tries, lease_token, first_sent_at, evidence_until, error FROM dispatch_attempt"


async def waiting(site: Site) -> None:
    await site.serve()
    await site.define()
    await site.start("monday")


def lose_the_answer(site: Site) -> None:
    """Let the next submit be accepted, and its answer be lost."""

    def submit(request: SubmitRequest) -> Outcome:
        site.engine.accept(request)
        return Unknown("connection reset")

    site.engine.script.append(submit)


async def looked_for(site: Site) -> None:
    """Let time pass until everything in doubt is decided."""
    for _ in range(4):
        site.later(8)
        await site.resolve()


async def test_r11_what_was_sent_under_a_lost_lease_is_not_recorded(site: Site) -> None:
    """The sender was frozen; another replica took over and adopted. Its own late record writes nothing (C3)."""
    await waiting(site)
    frozen = site.first.dispatch
    claimed = await frozen._claim(site.one("SELECT id FROM engine"))
    assert claimed
    outcomes = await frozen._send(claimed)
    site.later(60)
    await turn(site.another().resolve)
    assert site.attempts() == ["ACKED"]
    before = site.rows("SELECT xmin::text, d.* FROM dispatch_attempt d")
    history = site.history("monday")
    await frozen._record(claimed, outcomes)
    assert site.rows("SELECT xmin::text, d.* FROM dispatch_attempt d") == before
    assert site.one("SELECT count(*) FROM orchestration_instance") == 1
    assert site.history("monday") == history


async def test_r11_a_refusal_under_a_lost_lease_fails_nothing(site: Site) -> None:
    """It came too late: somebody else looks for the attempt now."""
    await waiting(site)
    frozen = site.first.dispatch
    claimed = await frozen._claim(site.one("SELECT id FROM engine"))
    assert claimed
    site.later(60)
    await turn(site.another().resolve)
    await frozen._record(claimed, [Rejected("EngineRejected", "no")])
    assert site.runs()["monday"][0] == "PROCESSING"
    assert site.attempts() == ["AMBIGUOUS"]


async def test_a_crash_between_send_and_record_starts_nothing_twice(site: Site) -> None:
    """R1: the send stays counted; the execution is found and adopted."""
    await waiting(site)
    claimed = await site.first.dispatch._claim(site.one("SELECT id FROM engine"))
    assert claimed
    await site.first.dispatch._send(claimed)
    await site.dispatch()
    assert site.rows("SELECT state::text, sends FROM dispatch_attempt") == [("SENT", 1)]
    site.later(6)
    await site.resolve()
    assert site.attempts() == ["ACKED"]
    site.engine.end()
    await site.track()
    assert site.runs() == {"monday": ("COMPLETED", "Succeeded")}
    assert len(site.engine.submits) == 1


async def test_a_crash_before_the_send_starts_it_once(site: Site) -> None:
    """R3, R9: it is absent for long enough, twice; then it is sent with the same token."""
    await waiting(site)
    assert await site.first.dispatch._claim(site.one("SELECT id FROM engine"))
    site.later(6)
    await site.resolve()
    assert site.rows("SELECT state::text, absences FROM dispatch_attempt") == [("AMBIGUOUS", 0)]
    site.later(8)
    await site.resolve()
    assert site.rows("SELECT state::text, absences FROM dispatch_attempt") == [("AMBIGUOUS", 1)]
    await site.resolve()
    assert site.rows("SELECT state::text, absences FROM dispatch_attempt") == [("AMBIGUOUS", 1)]
    site.later(2)
    await site.resolve()
    assert site.attempts() == ["INTENT"]
    await site.dispatch()
    assert site.rows("SELECT state::text, sends FROM dispatch_attempt") == [("ACKED", 2)]
    assert len(site.engine.submits) == 1


async def test_a_lost_answer_does_not_start_a_second_workflow(site: Site) -> None:
    await waiting(site)
    lose_the_answer(site)
    await site.dispatch()
    assert site.attempts() == ["AMBIGUOUS"]
    await looked_for(site)
    assert site.attempts() == ["ACKED"]
    assert len(site.engine.submits) == 1


async def test_r4_the_first_send_may_be_out_although_the_resend_was_not(site: Site) -> None:
    """The engine hides what it has; the resend is not sent; the attempt stays in doubt and is adopted later."""
    await waiting(site)
    lose_the_answer(site)
    await site.dispatch()
    (token,) = site.engine.executions
    site.engine.hidden.add(token)
    await looked_for(site)
    assert site.attempts() == ["INTENT"]
    site.engine.script.append(NotSent("connection refused"))
    await site.dispatch()
    assert site.rows("SELECT state::text, sends FROM dispatch_attempt") == [("AMBIGUOUS", 2)]
    site.engine.hidden.clear()
    await looked_for(site)
    assert site.attempts() == ["ACKED"]


async def test_r5_a_resend_that_is_refused_fails_nothing(site: Site) -> None:
    """The quota is full because the first send was accepted (P3)."""
    await waiting(site)
    lose_the_answer(site)
    await site.dispatch()
    (token,) = site.engine.executions
    site.engine.hidden.add(token)
    await looked_for(site)
    site.engine.script.append(Rejected("EngineRejected", "over quota"))
    await site.dispatch()
    assert site.attempts() == ["AMBIGUOUS"]
    assert site.runs() == {"monday": ("PROCESSING", "Dispatched")}
    site.engine.hidden.clear()
    await looked_for(site)
    assert site.attempts() == ["ACKED"]


async def test_a_resend_that_is_refused_comes_to_its_end(site: Site) -> None:
    """The process died before it had sent anything, and the engine does not know the target: no loop without an end."""
    await waiting(site)
    assert await site.first.dispatch._claim(site.one("SELECT id FROM engine"))
    site.later(60)
    await looked_for(site)
    assert site.attempts() == ["INTENT"]
    site.engine.script.append(Rejected("TargetNotFound", "no template nap"))
    await site.dispatch()
    assert site.rows("SELECT state::text, refusal FROM dispatch_attempt") == [("AMBIGUOUS", "no template nap")]
    site.later(60)
    await looked_for(site)
    assert site.rows("SELECT state::text, error FROM dispatch_attempt") == [("REJECTED", "no template nap")]
    assert site.runs() == {"monday": ("FAILED", "EngineRejected")}


async def test_r8_a_restarted_engine_is_not_believed(site: Site) -> None:
    """What was sent before the restart may have run: HALTED, for a person."""
    site.engine.epoch = "1"
    await waiting(site)
    assert await site.first.dispatch._claim(site.one("SELECT id FROM engine"))
    site.engine.epoch = "2"
    site.later(60)
    await turn(site.first.probe)
    await looked_for(site)
    assert site.attempts() == ["HALTED"]
    assert site.engine.submits == []


async def test_r13_a_name_that_was_taken_and_is_gone_is_held(site: Site) -> None:
    await waiting(site)
    site.engine.script.append(NameGone("409, then 404"))
    await site.dispatch()
    await looked_for(site)
    assert site.attempts() == ["HALTED"]
    assert site.one("SELECT error FROM dispatch_attempt") == "409, then 404"


async def test_what_was_proven_unsent_counts_as_never_sent(site: Site) -> None:
    """The same token, a little later; the next refusal is the refusal of its only send."""
    await waiting(site)
    site.engine.script += [NotSent("connection refused"), Rejected("EngineRejected", "no")]
    await site.dispatch()
    (row,) = site.rows(ATTEMPT)
    assert (row.state, row.sends, row.tries, row.first_sent_at, row.evidence_until) == ("INTENT", 0, 1, None, None)
    assert row.error == "connection refused"
    await site.dispatch()
    assert site.attempts() == ["INTENT"]
    site.later(1.5)
    await site.dispatch()
    assert site.runs() == {"monday": ("FAILED", "EngineRejected")}


async def test_a_full_engine_is_asked_again_when_it_said(site: Site) -> None:
    await waiting(site)
    site.engine.script.append(NotSent("429", retry_after=30))
    await site.dispatch()
    site.later(25)
    await site.dispatch()
    assert site.attempts() == ["INTENT"]
    site.later(6)
    await site.dispatch()
    assert site.attempts() == ["ACKED"]


@pytest.mark.parametrize("passed", [7300])
async def test_what_the_engine_may_have_forgotten_is_held(site: Site, passed: float) -> None:
    """Baton was down for longer than the engine remembers: absence proves nothing any more."""
    await waiting(site)
    assert await site.first.dispatch._claim(site.one("SELECT id FROM engine"))
    site.later(passed)
    await looked_for(site)
    assert site.attempts() == ["HALTED"]


async def test_an_engine_that_cannot_be_asked_is_asked_again(site: Site) -> None:
    """A look that failed is no absence."""
    await waiting(site)
    assert await site.first.dispatch._claim(site.one("SELECT id FROM engine"))
    site.later(60)
    site.engine.down = RetryableError("502")
    await looked_for(site)
    assert site.rows("SELECT state::text, absences FROM dispatch_attempt") == [("AMBIGUOUS", 0)]
    site.engine.down = None
    await looked_for(site)
    assert site.attempts() == ["INTENT"]


async def test_a_restored_database_finds_before_it_sends(site: Site) -> None:
    """The Run's status says Submitted, no attempt is stored: it is adopted under its old token, and followed."""
    await site.serve()
    await site.define()
    (uid,) = await site.start("monday")
    await site.dispatch()
    lost = site.engine.submits[0]
    site.forget_runs()
    await restored(site, uid)
    assert site.attempts() == ["AMBIGUOUS"]
    await site.dispatch()
    await site.resolve()
    assert site.attempts() == ["ACKED"]
    site.engine.end()
    await site.track()
    assert site.runs() == {"monday": ("COMPLETED", "Succeeded")}
    assert site.engine.submits == [lost]


async def test_a_restored_database_does_not_send_what_it_cannot_find(site: Site) -> None:
    """It may have run and been collected, or have been sent twice: a person decides."""
    await site.serve()
    await site.define()
    await restored(site, "6f1c3a52-0d8e-4d3c-9b13-3f0b5c1b7c11")
    await looked_for(site)
    assert site.attempts() == ["HALTED"]
    assert site.engine.submits == []


async def test_a_restored_database_fails_nothing_for_another_fingerprint(site: Site) -> None:
    """The Automation was changed meanwhile: what has the name is ours, but does not look like it."""
    await site.serve()
    await site.define()
    (uid,) = await site.start("monday")
    await site.dispatch()
    site.engine.executions[site.engine.submits[0]].fingerprint = "0" * 64
    site.forget_runs()
    await restored(site, uid)
    await looked_for(site)
    assert site.attempts() == ["HALTED"]
    assert site.runs()["monday"][0] == "PROCESSING"


async def restored(site: Site, uid: str) -> None:
    from loop_site import manifest  # noqa: PLC0415

    from baton_operator.kube.resources import RunSeen  # noqa: PLC0415

    raw = manifest("team-a", "monday", {"automationRef": {"name": "patch"}, "state": "Active"}, uid=uid)
    raw["status"] = {"conditions": [{"type": "Submitted", "status": "True"}]}
    await site.first.runs.take([RunSeen.parse(raw)])


async def test_lives_of_a_few_looks_settle_what_they_found(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else an operator that is killed again and again looks for the same hundred, and nothing moves any more."""
    await site.serve()
    await site.define(batches=[{"name": "a", "items": [{}] * 60}], dispatch={"per": "Item", "maxParallel": 60})
    await site.start("monday")
    for _ in range(60):
        lose_the_answer(site)
    await site.dispatch()
    assert site.attempts() == ["AMBIGUOUS"] * 60
    find, looks = site.engine.find, count(1)

    async def dying(request: SubmitRequest) -> Sighting:
        if next(looks) > 30:
            raise asyncio.CancelledError  # as a process that ends: nothing after it happens
        return await find(request)

    monkeypatch.setattr(site.engine, "find", dying)
    site.later(8)
    for _ in range(3):
        await site.resolve()
    assert site.attempts().count("ACKED") == 20
    monkeypatch.undo()
    site.later(60)
    for _ in range(3):
        await site.resolve()
    assert site.attempts() == ["ACKED"] * 60
    site.engine.end()
    await site.track()
    assert site.runs() == {"monday": ("COMPLETED", "Succeeded")}
