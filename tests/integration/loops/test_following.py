"""Work that an engine has accepted and put into a queue of its own: followed by its handle until it begins."""

from __future__ import annotations

from datetime import timedelta

from baton_fakes.in_memory import QueueingEngine
from loop_site import Site, turn

from baton_models import new_id
from baton_models.statements.follow import claim_handles
from baton_operator.decide.attempts import Look
from baton_operator.engines.base import Enqueued, Outcome, SubmitRequest, Unknown
from baton_operator.engines.errors import RetryableError

Queueing = tuple[Site, QueueingEngine]
ATTEMPT = "SELECT state::text, handle IS NOT NULL, lease_token IS NULL FROM dispatch_attempt"


async def queued(site: Site, *names: str, **automation: object) -> list[str]:
    """Bring Runs, and have them queued by the engine."""
    await site.serve()
    await site.define(**automation)
    uids = await site.start(*(names or ("monday",)))
    while "INTENT" in site.attempts():  # a claim takes some of them
        await site.dispatch()
    assert set(site.attempts()) == {"ENQUEUED"}
    return uids


async def cancel(site: Site, uid: str) -> None:
    await site.change(uid, state="Cancelled")
    await site.cancel()


async def looked_for(site: Site) -> None:
    for _ in range(5):
        site.later(8)
        await site.resolve()


async def test_what_begins_is_followed_to_its_end(queueing: Queueing) -> None:
    """Waiting, begun, ended; submitted once."""
    site, engine = queueing
    await queued(site)
    await site.follow()
    assert site.rows(ATTEMPT) == [("ENQUEUED", True, True)]
    engine.begin()
    await site.follow()
    assert site.attempts() == ["ACKED"]
    engine.end()
    await site.track()
    assert site.runs() == {"monday": ("COMPLETED", "Succeeded")}
    assert len(engine.submits) == 1


async def test_all_handles_of_an_engine_are_one_question(queueing: Queueing) -> None:
    site, engine = queueing
    await queued(site, *(f"run-{number}" for number in range(30)))
    await site.follow()
    assert engine.follows == [30]


async def test_a_handle_is_asked_about_when_it_is_due(queueing: Queueing) -> None:
    """By `tracking.interval`, and once a minute at least."""
    site, engine = queueing
    await site.serve(tracking={"interval": "5m"})
    await site.define()
    await site.start("monday")
    await site.dispatch()
    await turn(site.first.follow)
    await turn(site.first.follow)
    assert engine.follows == [1]
    site.later(61)
    await turn(site.first.follow)
    assert engine.follows == [1, 1]


async def test_what_the_engine_dropped_is_cancelled(queueing: Queueing) -> None:
    """Somebody cancelled it in the engine's queue: nothing ran, nothing is tried again."""
    site, engine = queueing
    await queued(site, retry={"maxAttempts": 3})
    engine.drop()
    await site.follow()
    assert site.runs() == {"monday": ("CANCELLED", "NotBuilt")}
    assert site.attempts() == ["CLOSED"]
    assert site.one("SELECT error_summary FROM run") == "cancelled in the queue"


async def test_a_forgotten_handle_is_looked_for_by_its_token(queueing: Queueing) -> None:
    """The work began meanwhile."""
    site, engine = queueing
    await queued(site)
    engine.begin()
    engine.forget()
    await site.follow()
    assert site.attempts() == ["AMBIGUOUS"]
    await site.resolve()
    assert site.attempts() == ["ACKED"]
    assert len(engine.submits) == 1


async def test_a_forgotten_handle_proves_nothing_before_the_engines_lag(queueing: Queueing) -> None:
    """Long after the submit, the work may have left the queue a moment ago and not be shown yet."""
    site, engine = queueing
    await queued(site)
    site.later(600)
    engine.forget()
    await site.follow()
    assert site.one("SELECT visible_after > clock_timestamp() FROM dispatch_attempt")
    await site.resolve()
    assert site.rows("SELECT state::text, absences FROM dispatch_attempt") == [("AMBIGUOUS", 0)]


async def test_what_was_lost_with_the_queue_is_held(queueing: Queueing) -> None:
    """Nobody can tell it from work that ran and was forgotten: a person decides."""
    site, engine = queueing
    await queued(site)
    engine.forget()
    await site.follow()
    await looked_for(site)
    assert site.attempts() == ["HALTED"]
    assert len(engine.submits) == 1


async def test_what_was_lost_with_the_queue_is_sent_again_where_the_engine_is_trusted(queueing: Queueing) -> None:
    site, engine = queueing
    await site.serve(submission={"visibilityLag": "1s", "memory": "1h", "onAmbiguous": "Resend"})
    await site.define()
    await site.start("monday")
    await site.dispatch()
    engine.forget()
    await site.follow()
    await looked_for(site)
    assert site.attempts() == ["INTENT"]
    await site.dispatch()
    assert len(engine.submits) == 2
    assert len(set(engine.submits)) == 1


async def test_nothing_is_sent_again_where_it_could_not_be_found(queueing: Queueing) -> None:
    """The job does not declare the token: absence is no evidence, whatever the Engine allows."""
    site, engine = queueing
    await site.serve(submission={"visibilityLag": "1s", "memory": "1h", "onAmbiguous": "Resend"})
    await site.define()
    site.execute("UPDATE automation SET target_reason = 'MissingTokenParameter'")
    await site.start("monday")
    await site.dispatch()
    engine.forget()
    await site.follow()
    await looked_for(site)
    assert site.attempts() == ["HALTED"]


async def test_nothing_is_sent_again_where_the_job_is_gone(queueing: Queueing) -> None:
    """A deleted job has taken its builds with it: a look that reaches nowhere back proves nothing, and says so."""
    site, engine = queueing
    await site.serve(submission={"visibilityLag": "1s", "memory": "1h", "onAmbiguous": "Resend"})
    await site.define()
    await site.start("monday")
    engine.script.append(Unknown("connection reset"))
    await site.dispatch()
    engine.reach = 0.0
    await looked_for(site)
    assert site.attempts() == ["HALTED"]
    assert "may have run and forgotten it" in site.one("SELECT error FROM dispatch_attempt")
    assert site.runs() == {"monday": ("PROCESSING", "Dispatched")}


async def test_a_lost_answer_is_found_in_the_queue(queueing: Queueing) -> None:
    """A look finds it waiting: it is followed from there."""
    site, engine = queueing

    def lose(request: SubmitRequest) -> Outcome:
        engine.accept(request)
        return Unknown("connection reset")

    await site.serve()
    await site.define()
    await site.start("monday")
    engine.script.append(lose)
    await site.dispatch()
    site.later(8)
    await site.resolve()
    assert site.rows(ATTEMPT) == [("ENQUEUED", True, True)]
    engine.begin()
    await site.follow()
    assert site.attempts() == ["ACKED"]
    assert len(engine.submits) == 1


async def test_an_engine_that_is_away_is_asked_again(queueing: Queueing) -> None:
    """The handle is kept, the claim is given back, the reason is told."""
    site, engine = queueing
    site.may_fail = True
    await queued(site)
    engine.down = RetryableError("connection refused")
    await site.follow()
    assert site.rows(ATTEMPT) == [("ENQUEUED", True, True)]
    assert "connection refused" in site.one("SELECT error FROM dispatch_attempt")
    engine.down = None
    engine.begin()
    await site.follow()
    assert site.attempts() == ["ACKED"]


async def test_what_a_dead_process_held_is_taken_over(queueing: Queueing) -> None:
    """Its lease runs out; until then nobody asks; afterwards its own late answer writes nothing (R11)."""
    site, engine = queueing
    await queued(site)
    engine.begin()
    dead = site.another()
    held_by = new_id()
    key = site.one("SELECT id FROM engine")
    site.execute("UPDATE dispatch_attempt SET next_poll_at = now()")
    row, held = await dead.parts.store.run(
        lambda session: claim_handles(session, key, lease=held_by, lease_for=timedelta(minutes=1), limit=10)
    )
    await site.follow()
    assert engine.follows == []
    site.later(61)
    await site.follow()
    assert site.attempts() == ["ACKED"]
    await dead.follow._record([(held[0], Look(row.now, 0, "too late"))], held_by, row)
    assert site.attempts() == ["ACKED"]


async def test_what_waits_is_withdrawn_and_confirmed(queueing: Queueing) -> None:
    """Told to the queue; only what follow sees next ends the Run."""
    site, engine = queueing
    (uid,) = await queued(site)
    await cancel(site, uid)
    assert engine.cancels == engine.submits
    assert site.runs() == {"monday": ("PROCESSING", "Cancelling")}
    await turn(site.first.follow)
    assert site.runs() == {"monday": ("CANCELLED", "Cancelled")}
    assert site.attempts() == ["CLOSED"]


async def test_what_began_while_it_was_withdrawn_is_cancelled_there(queueing: Queueing) -> None:
    site, engine = queueing
    (uid,) = await queued(site)
    engine.begin()
    await cancel(site, uid)
    await turn(site.first.follow)
    assert site.attempts() == ["ACKED"]
    await site.cancel()
    assert [each.status.value for each in engine.all()] == ["CANCELLED"]
    await site.track()
    assert site.runs() == {"monday": ("CANCELLED", "Cancelled")}


async def test_a_queue_that_does_not_obey_ends_unconfirmed(queueing: Queueing) -> None:
    """The unit ends at the deadline; what begins later is cancelled then (R6)."""
    site, engine = queueing
    (uid,) = await queued(site, timeouts={"cancel": "10s"})
    engine.stubborn = True
    await cancel(site, uid)
    site.later(11)
    await site.cancel()
    assert site.runs() == {"monday": ("CANCELLED", "CancelUnconfirmed")}
    assert site.attempts() == ["ENQUEUED"]
    engine.begin()
    await site.follow()
    await site.cancel()
    await site.track()
    assert site.attempts() == ["CLOSED"]
    assert [each.status.value for each in engine.all()] == ["CANCELLED"]


async def test_waiting_in_the_engines_queue_is_waiting(queueing: Queueing) -> None:
    """`timeouts.queued` counts until the work begins."""
    site, engine = queueing
    await queued(site, timeouts={"queued": "10m"})
    site.later(601)
    await site.first.parts.store.run(site.first.sweep._deadlines)
    await site.cancel()
    await turn(site.first.follow)
    assert site.runs() == {"monday": ("FAILED", "TimedOut")}
    assert engine.executions == {}


async def test_what_has_begun_waits_no_more(queueing: Queueing) -> None:
    site, engine = queueing
    await queued(site, timeouts={"queued": "10m"})
    engine.begin()
    await site.follow()
    site.later(601)
    await site.first.parts.store.run(site.first.sweep._deadlines)
    assert site.runs()["monday"][0] == "PROCESSING"
    engine.end()
    await site.track()


async def test_an_adapter_that_knows_no_handles_any_more(site: Site) -> None:
    """The type of adapter was replaced: what was queued is looked for by its token."""
    site.engine.script.append(lambda request: site.engine.accept(request) and Enqueued("item/7"))
    await site.serve()
    await site.define()
    await site.start("monday")
    await site.dispatch()
    assert site.attempts() == ["ENQUEUED"]
    await site.follow()
    await site.resolve()
    assert site.attempts() == ["ACKED"]
