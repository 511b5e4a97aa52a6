"""Claiming under the engine's row lock: limits, fairness, rate, leases."""

from __future__ import annotations

import asyncio

import pytest
from loop_site import Site, turn

from baton_models import new_id
from baton_models.statements.claim import Limits
from baton_operator.clock import boottime
from baton_operator.engines.base import Created, Idempotency, SubmitRequest


async def test_r10_two_claimers_never_exceed_the_limit(site: Site) -> None:
    """Three replicas claim at once, one place below the limit: counting and claiming are one step (P7)."""
    await site.serve(limits={"maxInFlight": 3, "requestsPerSecond": 1000, "burst": 1000})
    await site.define()
    await site.start(*(f"run-{number}" for number in range(12)))
    site.execute(
        "UPDATE dispatch_attempt SET state = 'HALTED', sends = 1, first_sent_at = now() "
        "WHERE id IN (SELECT id FROM dispatch_attempt ORDER BY id LIMIT 2)"
    )
    replicas = [site.first, site.another(), site.another()]
    await asyncio.gather(*(turn(each.dispatch) for each in replicas))
    assert len(site.engine.submits) == 1


async def test_r10_a_claimer_waits_for_the_one_before_it(site: Site) -> None:
    """Who comes second counts what the first has claimed, although that was not committed when it came."""
    await site.serve(limits={"maxInFlight": 1, "requestsPerSecond": 1000, "burst": 1000})
    await site.define()
    await site.start("first", "second")
    engine, other = site.one("SELECT id FROM engine"), site.another()
    async with site.first.database.get_async_session() as session, session.begin():
        claimed = await site.first.dispatch._claim_in(session, engine, new_id(), boottime())
        waiting = asyncio.create_task(other.dispatch._claim(engine))
        await site.somebody_waits()
    assert claimed
    assert len(claimed.attempts) == 1
    assert await waiting is None


async def test_a_busy_namespace_does_not_keep_another_waiting(site: Site) -> None:
    """One tenant has a thousand attempts, another has one: the one is in the first claim."""
    limits = {"maxInFlight": 10, "requestsPerSecond": 1000, "burst": 1000}
    await site.serve(limits=limits, allowedNamespaces={"selector": {"matchLabels": {"team": "b"}}})
    await site.define()
    for first in range(0, 1000, 100):
        await site.start(*(f"run-{number}" for number in range(first, first + 100)))
    await site.define(namespace="team-b", engineRef={"name": "argo", "namespace": "team-a"})
    site.execute(
        "UPDATE automation SET ready_reason = 'Valid', ready_message = NULL, "
        "engine_id = (SELECT id FROM engine) WHERE tenant_id = 'team-b'"
    )
    await site.start("lonely", namespace="team-b")
    await site.dispatch()
    assert len(site.engine.submits) == 10
    assert site.one("SELECT status::text FROM run WHERE name = 'lonely'") == "PROCESSING"


@pytest.mark.parametrize(("idempotency", "at_most"), [("UNIQUE_NAME", 40), ("KEY", 40), ("COALESCING", 10)])
async def test_a_crash_leaves_little_to_a_person(site: Site, idempotency: str, at_most: int) -> None:
    """What is claimed when a process dies is held where the engine cannot tell a second submit from the first."""
    site.engine.idempotency = Idempotency(idempotency)
    await site.serve()
    await site.define()
    await site.start(*(f"run-{number}" for number in range(40)))
    claimed = await site.first.dispatch._claim(site.one("SELECT id FROM engine"))
    assert claimed is not None
    assert len(claimed.attempts) == at_most
    for _ in range(4):
        await site.dispatch()
    assert len(site.engine.submits) == 40 - at_most


async def test_a_namespaces_own_limit(site: Site) -> None:
    await site.serve(limits={"maxInFlight": 10, "maxInFlightPerNamespace": 2, "requestsPerSecond": 1000, "burst": 1000})
    await site.define()
    await site.start(*(f"run-{number}" for number in range(5)))
    for _ in range(3):
        await site.dispatch()
    assert len(site.engine.submits) == 2


async def test_the_more_urgent_goes_first(site: Site) -> None:
    await site.serve(limits={"maxInFlight": 1, "requestsPerSecond": 1000, "burst": 1000})
    await site.define()
    await site.start("patient", priority=1)
    await site.start("urgent", priority=900)
    await site.dispatch()
    assert site.runs()["urgent"][0] == "PROCESSING"


async def test_the_bucket_lets_no_more_through_than_the_rate(site: Site) -> None:
    """A burst at once, then as many as the seconds give; shared by all replicas through the database."""
    await site.serve(limits={"maxInFlight": 1000, "requestsPerSecond": 0.02, "burst": 5})  # one in 50 s
    await site.define()
    await site.start(*(f"run-{number}" for number in range(20)))
    other = site.another()
    await asyncio.gather(turn(site.first.dispatch), turn(other.dispatch))
    await site.dispatch()
    assert len(site.engine.submits) == 5
    site.later(150)
    await site.dispatch()
    assert len(site.engine.submits) == 8


def test_a_bucket_fills_up_to_its_burst() -> None:
    limits = Limits(max_in_flight=1, per_namespace=1, rate=2.0, burst=5)
    assert limits.tokens(0.0, None) == 5
    assert limits.tokens(1.0, 1.5) == 4
    assert limits.tokens(1.0, 100) == 5
    assert limits.tokens(1.0, -3.0) == 1


async def test_an_engine_that_may_not_be_sent_to_keeps_its_runs_waiting(site: Site) -> None:
    """Suspended, sick, paused: no attempt is touched."""
    await site.serve()
    await site.define()
    await site.start("monday")
    for made, undone in (
        ("UPDATE engine SET suspend = true", "UPDATE engine SET suspend = false"),
        (
            "UPDATE engine_health SET ready_reason = 'ProbeFailed'",
            "UPDATE engine_health SET ready_reason = 'ProbeSucceeded'",
        ),
        (
            "UPDATE engine_health SET authenticated_reason = 'CredentialsRejected'",
            "UPDATE engine_health SET authenticated_reason = 'TokenAccepted'",
        ),
        (
            "UPDATE engine_health SET paused_until = now() + interval '1 h'",
            "UPDATE engine_health SET paused_until = NULL",
        ),
    ):
        site.execute(made)
        await site.dispatch()
        assert site.attempts() == ["INTENT"]
        site.execute(undone)
    await site.dispatch()
    assert site.attempts() == ["ACKED"]


async def test_r2_nothing_is_sent_when_the_lease_may_not_cover_the_request(site: Site) -> None:
    """The process was frozen between claim and send: it gives up, and what was proven unsent waits again."""
    await site.serve()
    await site.define()
    await site.start("monday")
    claimed = await site.first.dispatch._claim(site.one("SELECT id FROM engine"))
    assert claimed
    assert claimed.covers(2.0)
    frozen = claimed.begun - claimed.lease_for.total_seconds() + 1.9
    object.__setattr__(claimed, "begun", frozen)
    ((_, _, request),) = claimed.attempts
    assert request.before_send
    assert not claimed.covers(2.0)


async def test_the_claim_is_committed_before_any_byte_leaves(site: Site) -> None:
    """While the engine is asked, other sessions see the attempt as SENT, its run as PROCESSING, and the lease."""
    await site.serve()
    await site.define()
    await site.start("monday")
    seen = []

    def spy(request: SubmitRequest) -> Created:
        seen.append(site.rows("SELECT state::text, sends, lease_until > now() + interval '2 s' FROM dispatch_attempt"))
        seen.append(site.runs())
        return site.engine.accept(request)

    site.engine.script.append(spy)
    await site.dispatch()
    assert seen == [[("SENT", 1, True)], {"monday": ("PROCESSING", "Dispatched")}]


async def test_an_argument_that_cannot_be_computed_fails_its_run_alone(site: Site) -> None:
    """Nothing is sent for it; the others of its batch go on."""
    await site.serve()
    await site.define(arguments={"host": "${parameters.hosts[3]}"})
    await site.start("short", parameters={"hosts": ["a"]})
    await site.start("long", parameters={"hosts": ["a", "b", "c", "d"]})
    await site.dispatch()
    assert site.runs() == {"short": ("FAILED", "InvalidArguments"), "long": ("PROCESSING", "Dispatched")}
    assert site.history("short") == [
        ("PENDING", "Queued"),
        ("PROCESSING", "Dispatched"),
        ("FAILED", "InvalidArguments"),
    ]
    assert "spec.arguments.host" in site.one("SELECT error_summary FROM run WHERE name = 'short'")
    (execution,) = site.engine.executions.values()
    assert execution.arguments == {"host": "d"}
