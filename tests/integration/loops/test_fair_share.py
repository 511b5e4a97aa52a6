"""Where there is less room than work, tenants take turns, and what it costs does not depend on how much waits."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pytest
from loop_site import Site, turn
from sqlalchemy import text

from baton_models.statements import claim
from baton_models.status import ExecutionStatus
from baton_operator.loops.loop import Turner

FAST = {"requestsPerSecond": 1000, "burst": 1000}


async def tenants(site: Site, *names: str, **limits: Any) -> None:
    """Bring an engine that these namespaces may use, and an Automation in each of them."""
    await site.serve(limits={**FAST, **limits}, allowedNamespaces={"selector": {"matchLabels": {"open": "yes"}}})
    for name in names:
        await site.define(namespace=name, engineRef={"name": "argo", "namespace": "team-a"})
    site.execute(
        "UPDATE automation SET ready_reason = 'Valid', ready_message = NULL, engine_id = (SELECT id FROM engine)"
    )


async def runs(site: Site, namespace: str, count: int, **spec: Any) -> None:
    for first in range(0, count, 100):
        names = [f"{namespace}-{number}" for number in range(first, min(first + 100, count))]
        await site.start(*names, namespace=namespace, **spec)


def served(site: Site) -> Counter[str]:
    """Count what each namespace has, or may have, in the engine."""
    states = "('SENT', 'ENQUEUED', 'ACKED', 'AMBIGUOUS', 'HALTED')"
    counts = f"SELECT tenant_id, count(*) FROM dispatch_attempt WHERE state IN {states} GROUP BY tenant_id"
    return Counter({row.tenant_id: row.count for row in site.rows(counts)})


async def free(site: Site, namespace: str) -> None:
    """Let one execution of a namespace come to its end."""
    token = site.one(
        "SELECT token FROM dispatch_attempt WHERE state = 'ACKED' AND tenant_id = :name ORDER BY id LIMIT 1",
        name=namespace,
    )
    site.engine.end(ExecutionStatus.COMPLETED, token)
    await site.track()


async def test_slots_that_free_go_to_whoever_has_the_fewest(site: Site) -> None:
    """The engine is full with one tenant's work; the next slots are the other's until both have as many."""
    await tenants(site, "team-a", "team-b", maxInFlight=4)
    await runs(site, "team-a", 10)
    await site.dispatch()
    assert served(site) == {"team-a": 4}
    await runs(site, "team-b", 10)
    for expected in ({"team-a": 3, "team-b": 1}, {"team-a": 2, "team-b": 2}):
        await free(site, "team-a")
        await site.dispatch()
        assert served(site) == expected
    await free(site, "team-b")
    await site.dispatch()
    assert served(site) == {"team-a": 2, "team-b": 2}


async def test_a_tenth_of_an_engine_that_others_may_use_is_there_for_them(site: Site) -> None:
    """Nobody has set a limit for each namespace, one tenant has more work than there is room, and nothing ends."""
    await tenants(site, "team-a", "team-b", maxInFlight=20)
    await runs(site, "team-a", 30)
    await site.dispatch()
    assert served(site) == {"team-a": 18}
    await runs(site, "team-b", 1)
    await site.dispatch()
    assert served(site) == {"team-a": 18, "team-b": 1}


async def test_priority_orders_a_tenants_own_work_only(site: Site) -> None:
    """One slot, and a tenant whose Runs are all more urgent than the other's: both are served in turn."""
    await tenants(site, "team-a", "team-b", "team-c", maxInFlight=1)
    await runs(site, "team-a", 6, priority=900)
    await runs(site, "team-b", 2, priority=1)
    await runs(site, "team-c", 2, priority=500)
    order = []
    for _ in range(7):
        await site.dispatch()
        ((tenant, count),) = served(site).items()
        assert count == 1
        order.append(tenant)
        await free(site, tenant)
    assert order == ["team-a", "team-b", "team-c", "team-a", "team-b", "team-c", "team-a"]


async def test_one_claim_serves_all_tenants_alike(site: Site) -> None:
    """However many Runs each has; who has fewer than its share leaves the rest to the others."""
    await tenants(site, "team-a", "team-b", "team-c", maxInFlight=30)
    await runs(site, "team-a", 100, priority=900)
    await runs(site, "team-b", 100)
    await runs(site, "team-c", 4)
    await site.dispatch()
    assert served(site) == {"team-a": 13, "team-b": 13, "team-c": 4}


async def test_a_tenant_at_its_own_limit_leaves_the_rest_to_the_others(site: Site) -> None:
    await tenants(site, "team-a", "team-b", maxInFlight=10, maxInFlightPerNamespace=3)
    await runs(site, "team-a", 20, priority=900)
    await site.dispatch()
    assert served(site) == {"team-a": 3}
    await runs(site, "team-b", 20)
    await site.dispatch()
    assert served(site) == {"team-a": 3, "team-b": 3}


async def test_p7_replicas_that_claim_at_once_keep_both_limits(site: Site) -> None:
    """Three replicas, one place below the limit of the engine, two tenants."""
    await tenants(site, "team-a", "team-b", maxInFlight=5, maxInFlightPerNamespace=4)
    await runs(site, "team-a", 4)
    await site.dispatch()
    assert served(site) == {"team-a": 4}
    await runs(site, "team-a", 4)
    await runs(site, "team-b", 4)
    replicas = [site.first, site.another(), site.another()]
    await asyncio.gather(*(turn(each.dispatch) for each in replicas))
    assert served(site) == {"team-a": 4, "team-b": 1}


async def test_a_lonely_run_is_dispatched_within_a_second_beside_a_thousand(site: Site) -> None:
    """
    One tenant sends 1,000 Runs to an engine that takes ten a second, another one sends a single Run.

    The loop turns as in production, with its own pace and rests; nothing wakes it but the Run's own admission. A
    second is measured by the engine's rate: until the single Run goes, at most ten others do.
    """
    await tenants(site, "team-a", "team-b", maxInFlight=10_000, requestsPerSecond=10, burst=10)
    await runs(site, "team-a", 1000)
    dispatch = site.first.dispatch
    stopping = asyncio.Event()
    turning = asyncio.create_task(Turner(dispatch, site.first.parts.metrics).run(stopping))
    async with asyncio.timeout(120):
        while served(site)["team-a"] < 20:  # noqa: ASYNC110 - PostgreSQL rings no bell for it
            await asyncio.sleep(0.05)
        await runs(site, "team-b", 1)
        stored = site.one("SELECT clock_timestamp()")  # its row is dated by its transaction's beginning
        dispatch.bell.ring()
        while not served(site)["team-b"]:  # noqa: ASYNC110 - PostgreSQL rings no bell for it
            await asyncio.sleep(0.02)
    stopping.set()
    dispatch.bell.ring()
    await turning
    await dispatch.drain()
    overtaken = site.one(
        "SELECT count(*) FROM dispatch_attempt a, dispatch_attempt b WHERE a.tenant_id = 'team-a' "
        "AND b.tenant_id = 'team-b' AND a.first_sent_at BETWEEN :stored AND b.first_sent_at",
        stored=stored,
    )
    assert overtaken <= 10


@pytest.fixture
def crowded(site: Site) -> Iterator[Site]:
    """Bring as many attempts as a bad night leaves: 20,000 of one tenant, ended ones, and one of each of 20 others."""
    site.execute(
        """
        INSERT INTO engine (tenant_id, name, type, uid) VALUES ('team-a', 'argo', 'Argo', 'u');
        """
    )
    site.execute("INSERT INTO engine_health (engine_id, ready_reason) SELECT id, 'ProbeSucceeded' FROM engine")
    site.execute("INSERT INTO automation (tenant_id, name, engine_id) SELECT 'team-a', 'patch', id FROM engine")
    site.execute(
        """
        INSERT INTO run (tenant_id, name, automation_id, engine_id, status, token_hex, uid)
        SELECT 'team-a', 'run', a.id, a.engine_id, 'PENDING', 'hex', 'run' FROM automation a
        """
    )
    site.execute(
        """
        INSERT INTO dispatch_attempt (run_id, engine_id, tenant_id, attempt_no, token, state, priority, due_at)
        SELECT r.id, r.engine_id, CASE WHEN n <= 40000 THEN 'team-a' ELSE 'team-' || n END, n, 'baton-' || n,
               CASE WHEN n <= 20000 THEN 'CLOSED'::attempt_state ELSE 'INTENT' END, 900 - n % 7, now()
        FROM run r, generate_series(1, 40020) n
        """
    )
    site.execute("ANALYZE dispatch_attempt")
    yield site
    site.forget_runs()


def touched(plan: Mapping[str, Any], relation: str) -> int:
    """Sum the rows that a plan took from a relation, and those that it threw away again."""
    own = 0
    if plan.get("Relation Name") == relation:
        rows = (
            plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        )
        own = round(rows * plan["Actual Loops"])
    return own + sum(touched(each, relation) for each in plan.get("Plans", []))


async def test_a_claim_reads_what_it_takes_and_not_what_waits(crowded: Site) -> None:
    """By the plan that PostgreSQL really carried out: a few rows for each that is picked, of 40,000."""
    values = {
        "engine": crowded.one("SELECT id FROM engine"),
        "limit": 50,
        "per_namespace": 1000,
        "max_in_flight": 1000,
        "last_tenant": "team-a",
    }
    with crowded.admin.get_session() as session:
        explained = text(f"EXPLAIN (ANALYZE, FORMAT JSON) {claim._PICK.text}")
        (plan,) = session.execute(explained, values).scalar_one()
        picked = session.execute(claim._PICK, values).all()
        session.rollback()
    assert len(picked) == 50
    assert touched(plan["Plan"], "dispatch_attempt") < 500, orjson.dumps(plan, option=orjson.OPT_INDENT_2).decode()
