"""An engine that fails gets a rest: all replicas keep it, the Runs say so, and one submit at a time ends it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from baton_fakes.in_memory import QueueingEngine
from loop_site import Site, turn

from baton_models.statements.projection import read_runs
from baton_operator.decide.run_status import status_document
from baton_operator.engines.base import CancelOutcome, NotSent, Outcome, Rejected, Unknown
from baton_operator.engines.errors import RetryableError
from baton_operator.kube.resources import EngineSeen
from baton_operator.loops.views import run_view

POLICY = {"failureRatio": "0.5", "minimumRequests": 4, "window": "60s", "openFor": "30s"}
DOWN = NotSent("the engine answered 503", http_status=503)


async def failing(site: Site, *outcomes: Outcome, more: int = 4) -> EngineSeen:
    """Bring an engine, and as many Runs as there are *outcomes*, and *more* that come when it is open."""
    seen = await site.serve(circuitBreaker=POLICY)
    await site.define()
    site.engine.script.extend(outcomes)
    await site.start(*(f"first-{number}" for number in range(len(outcomes))))
    await site.dispatch()
    if more:
        await site.start(*(f"later-{number}" for number in range(more)))
    return seen


def circuit(site: Site) -> str:
    return str(site.one("SELECT circuit_state FROM engine_health"))


async def submitted(site: Site, name: str) -> dict[str, Any]:
    """Give the condition Submitted of a Run, as it would be shown now."""
    key = site.one("SELECT id FROM run WHERE name = :name", name=name)
    async with site.first.database.get_async_session() as session:
        (row,) = await read_runs(session, [key])
    (found,) = [each for each in status_document(run_view(row))["conditions"] if each["type"] == "Submitted"]
    return dict(found)


async def test_failures_open_it_for_every_replica(site: Site) -> None:
    """Nothing more is sent, by whomever; the attempts wait as they are."""
    await failing(site, *[Unknown("reset")] * 4)
    assert circuit(site) == "open"
    other = site.another()
    await asyncio.gather(turn(site.first.dispatch), turn(other.dispatch))
    assert site.engine.submits == []
    assert site.attempts().count("INTENT") == 4


async def test_a_claim_that_began_before_it_opened_sends_nothing_after(site: Site) -> None:
    """Which engines have work is asked without a lock; under the lock the circuit is asked again."""
    await failing(site, more=1)
    site.execute("UPDATE engine_health SET circuit_state = 'open', circuit_until = now() + interval '1 minute'")
    assert await site.first.dispatch._claim(site.one("SELECT id FROM engine")) is None
    site.execute("UPDATE engine_health SET circuit_state = 'closed', paused_until = now() + interval '1 minute'")
    assert await site.first.dispatch._claim(site.one("SELECT id FROM engine")) is None


@pytest.mark.parametrize(
    "outcome",
    [
        Rejected("EngineRejected", "no such parameter", http_status=400),
        NotSent("the lease does not cover a request any more", counts=False),
        NotSent("401", http_status=401, auth=True),
    ],
)
async def test_refusals_and_leases_open_nothing(site: Site, outcome: Outcome) -> None:
    await failing(site, *[outcome] * 8, more=0)
    assert circuit(site) == "closed"


async def test_failures_of_all_replicas_count_together(site: Site) -> None:
    """Two see half of it each."""
    await site.serve(circuitBreaker=POLICY)
    await site.define()
    other = site.another()
    for replica in (site.first, other):
        site.engine.script.extend([Unknown("reset")] * 2)
        await site.start(f"{id(replica)}-1", f"{id(replica)}-2")
        await turn(replica.dispatch)
    assert circuit(site) == "open"


async def test_after_the_rest_one_submit_tries_and_closes_it(site: Site) -> None:
    """Two replicas ask at once; one of them has the trial. It fares well, and the others follow."""
    await failing(site, *[Unknown("reset")] * 4)
    site.later(30)
    other = site.another()
    first, second = await asyncio.gather(
        site.first.dispatch._claim(site.one("SELECT id FROM engine")),
        other.dispatch._claim(site.one("SELECT id FROM engine")),
    )
    (trial,) = [each for each in (first, second) if each]
    assert (len(trial.attempts), trial.trial, circuit(site)) == (1, True, "half-open")
    site.later(60)  # the trial's process died
    await site.dispatch()
    assert len(site.engine.submits) == 1
    assert circuit(site) == "closed"
    await site.dispatch()
    assert len(site.engine.submits) == 3


async def test_a_trial_that_fails_begins_the_next_rest(site: Site) -> None:
    await failing(site, *[Unknown("reset")] * 4)
    since = site.one("SELECT circuit_opened_at FROM engine_health")
    site.later(30)
    site.engine.script.append(Unknown("reset"))
    await site.dispatch()
    assert circuit(site) == "open"
    assert site.one("SELECT circuit_until > now() + interval '20 s' FROM engine_health")
    assert since - site.one("SELECT circuit_opened_at FROM engine_health") == timedelta(seconds=30)
    await site.dispatch()
    assert site.engine.submits == []


async def test_its_runs_say_why_and_how_long_they_wait(site: Site) -> None:
    """Once when it opens and once when it is over: what is shown does not change with every trial."""
    await failing(site, *[Unknown("reset")] * 3, more=2)
    later = "(SELECT id FROM run WHERE name = 'later-1')"
    site.execute(f"UPDATE dispatch_attempt SET due_at = now() + interval '1 h' WHERE run_id = {later}")
    site.execute("UPDATE run SET project_at = NULL")
    site.execute("UPDATE engine SET project_at = NULL")
    site.engine.script.append(Unknown("reset"))
    await site.dispatch()
    assert circuit(site) == "open"
    since = site.one("SELECT circuit_opened_at FROM engine_health").astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (await submitted(site, "later-1"))["message"] == (
        f"Engine team-a/argo rests since {since}, as too many requests failed; tried again every 30s"
    )
    assert site.one("SELECT count(*) FROM run WHERE name = 'later-1' AND project_at IS NOT NULL") == 1
    assert site.one("SELECT count(*) FROM engine WHERE project_at IS NOT NULL") == 1
    site.execute("UPDATE run SET project_at = NULL")
    await site.start("trial", priority=900)
    site.later(31)
    await site.dispatch()
    assert circuit(site) == "closed"
    assert site.one("SELECT count(*) FROM run WHERE name = 'later-1' AND project_at IS NOT NULL") == 1
    assert "rests" not in (await submitted(site, "later-1"))["message"]


async def turn_probe(site: Site, *, later: float) -> None:
    site.later(later)
    site.execute("UPDATE engine_health SET next_probe_at = now()")
    await turn(site.first.probe)


async def test_where_nothing_waits_a_probe_ends_the_rest(site: Site) -> None:
    await failing(site, *[Unknown("reset")] * 4, more=0)
    await turn_probe(site, later=10)
    assert circuit(site) == "open"
    await turn_probe(site, later=21)
    assert circuit(site) == "closed"


async def test_a_changed_spec_ends_rest_and_pause(site: Site) -> None:
    """Whoever changed it wants to see at once whether that helped; what backs off is tried at once, too."""
    seen = await failing(site, NotSent("later", http_status=503, retry_after=600.0), *[DOWN] * 3)
    assert circuit(site) == "open"
    assert site.one("SELECT paused_until > now() + interval '9 min' FROM engine_health")
    raw = {"namespace": seen.namespace, "name": seen.name, "uid": seen.uid, "generation": 2}
    await site.first.definitions.take(EngineSeen.parse({"metadata": raw, "spec": {**seen.spec, "suspend": False}}))
    await turn(site.first.probe)
    await site.dispatch()
    assert (circuit(site), len(site.engine.submits)) == ("closed", 8)


async def test_an_engine_that_is_back_is_sent_to_at_once(site: Site) -> None:
    """What backs off from it does not wait for its own time; a retry that the Automation wants later does."""
    await failing(site, *[DOWN] * 3, more=0)
    await site.start("patient")
    site.execute(
        "UPDATE dispatch_attempt SET due_at = now() + interval '10 min', tries = "
        "CASE WHEN run_id = (SELECT id FROM run WHERE name = 'patient') THEN 0 ELSE 5 END"
    )
    site.engine.down = RetryableError("no connection")
    await turn_probe(site, later=0)
    site.engine.down = None
    site.execute("UPDATE run SET project_at = NULL")
    await turn_probe(site, later=0)
    assert site.one("SELECT count(*) FROM run WHERE project_at IS NOT NULL") == 3  # they said when they are sent again
    await site.dispatch()
    assert site.runs()["patient"][0] == "PENDING"
    assert len(site.engine.submits) == 3


async def test_retry_after_pauses_the_engine_for_all(site: Site) -> None:
    """Attempts that were never refused wait, too, and so do polls; the longest wish wins."""
    outcomes = [NotSent("too many", http_status=429, retry_after=after) for after in (5.0, 40.0, 1.0)]
    await failing(site, *outcomes)
    assert circuit(site) == "closed"
    other = site.another()
    await turn(other.dispatch)
    site.later(30)
    await turn(other.dispatch)
    assert site.engine.submits == []
    site.later(11)
    await turn(other.dispatch)
    assert len(site.engine.submits) == 7


async def test_a_pause_holds_polls_back(site: Site) -> None:
    await site.serve(circuitBreaker=POLICY)
    await site.define()
    await site.start("one")
    await site.dispatch()
    site.engine.end()
    site.execute("UPDATE engine_health SET paused_until = now() + interval '1 minute'")
    await site.track()
    assert site.runs()["one"][0] == "PROCESSING"
    site.later(61)
    await site.track()
    assert site.runs()["one"][0] == "COMPLETED"


async def test_polls_that_fail_open_it(site: Site) -> None:
    """An engine that cannot be asked is not sent to; what it has is asked for more slowly."""
    site.may_fail = True
    await site.serve(circuitBreaker=POLICY)
    await site.define()
    await site.start("one")
    await site.dispatch()
    site.engine.down = RetryableError("no answer within 10 s")
    for _ in range(4):
        await site.track()
    assert circuit(site) == "open"
    assert site.one("SELECT poll_failures FROM engine_health") == 4
    wait = site.one("SELECT next_poll_at FROM engine_health") - datetime.now(UTC)
    assert timedelta(seconds=50) < wait < timedelta(seconds=67)
    site.engine.down = None
    site.engine.end()
    await site.track()
    assert site.runs()["one"][0] == "COMPLETED"
    assert site.one("SELECT poll_failures FROM engine_health") == 0


async def test_looks_that_fail_open_it(site: Site) -> None:
    """What is looked for cannot be found out where nobody answers."""
    await site.serve(circuitBreaker=POLICY)
    await site.define()
    site.engine.script.extend([Unknown("reset")] * 3)
    await site.start("one", "two", "three")
    await site.dispatch()
    assert circuit(site) == "closed"
    site.engine.down = RetryableError("no answer within 10 s")
    site.later(8)
    await site.resolve()
    assert circuit(site) == "open"


async def test_cancels_that_fail_open_it_and_pause_it(site: Site) -> None:
    await site.serve(circuitBreaker=POLICY)
    await site.define()
    uids = await site.start(*(f"run-{number}" for number in range(4)))
    await site.dispatch()
    site.engine.down = RetryableError("503", retry_after=40.0, http_status=503)
    for uid in uids:
        await site.change(uid, state="Cancelled")
    await site.cancel()
    assert circuit(site) == "open"
    assert site.one("SELECT paused_until > now() + interval '30 s' FROM engine_health")


async def test_cancels_of_which_nobody_knows_open_it(site: Site) -> None:
    """And those that the engine does not have were never sent."""
    await site.serve(circuitBreaker=POLICY)
    await site.define()
    uids = await site.start(*(f"run-{number}" for number in range(4)))
    await site.dispatch()
    for uid in uids:
        await site.change(uid, state="Cancelled")
    site.engine.cancelling = CancelOutcome.UNSUPPORTED
    await site.cancel()
    assert circuit(site) == "closed"
    site.later(3)
    site.engine.cancelling = CancelOutcome.UNKNOWN
    await site.cancel()
    assert circuit(site) == "open"


async def test_questions_about_handles_open_it(queueing: tuple[Site, QueueingEngine]) -> None:
    site, engine = queueing
    site.may_fail = True
    await site.serve(circuitBreaker={**POLICY, "minimumRequests": 2})
    await site.define()
    await site.start("one")
    await site.dispatch()
    engine.down = RetryableError("no answer within 10 s")
    for _ in range(3):
        await site.follow()
    assert circuit(site) == "open"


async def test_a_pause_holds_questions_about_handles_back(queueing: tuple[Site, QueueingEngine]) -> None:
    """Whether a submit was told to wait or such a question itself."""
    site, engine = queueing
    site.may_fail = True
    await site.serve(circuitBreaker=POLICY)
    await site.define()
    await site.start("one")
    await site.dispatch()
    engine.down = RetryableError("too many", retry_after=60.0, http_status=429)
    await site.follow()
    engine.down = None
    await site.follow()
    assert engine.follows == []
    site.later(61)
    await site.follow()
    assert engine.follows == [1]


async def test_a_healthy_engine_costs_no_statement_for_it(site: Site) -> None:
    """Successes are gathered; the row learns of them with the next failure, or now and then."""
    await site.serve(circuitBreaker=POLICY)
    await site.define()
    for number in range(3):
        await site.start(f"run-{number}")
        await site.dispatch()
    assert site.one("SELECT window_requests FROM engine_health") == 0
    site.engine.script.append(Unknown("reset"))
    await site.start("last")
    await site.dispatch()
    (counted,) = site.rows("SELECT window_requests, window_failures FROM engine_health")
    assert tuple(counted) == (4, 1)
