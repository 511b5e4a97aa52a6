"""An engine that is down, slow or hostile changes nothing for the Runs of another one in the same process."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_network
from pathlib import Path

import pytest
from baton_fakes.argo import FakeArgo
from baton_fakes.argo_harness import OneSecret
from loop_site import Site, turn
from sqlalchemy import text

from baton_operator.engines.argo.adapter import argo_adapter
from baton_operator.engines.conformance import Fault, serving
from baton_operator.engines.registry import Surroundings

MEGABYTE = 1024 * 1024
CANARY = "canary-7f3a9c"
FAULTS = [
    Fault("sink"),
    Fault("drip", seconds=0.2),
    Fault("bomb", size=1024 * MEGABYTE),
    Fault("flood", size=1024 * MEGABYTE),
    Fault("page"),
    Fault("cut"),
    Fault("drop"),
    Fault("answer", status=503, headers={"Content-Type": "text/plain"}, body="no healthy upstream"),
    Fault("redirect", location="http://127.0.0.1:1/"),
]


_POLL_OURS = text("""
UPDATE engine_health SET next_poll_at = now() WHERE engine_id = (SELECT id FROM engine WHERE name = 'argo')
""")
_OURS = """
SELECT d.state::text AS state FROM dispatch_attempt d JOIN run r ON r.id = d.run_id WHERE r.name IN ('ours-0', 'ours-1')
"""


def resident() -> int:
    """Measure the memory of this process, in bytes."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.fixture
async def beside(site: Site) -> AsyncIterator[FakeArgo]:
    """A second engine behind HTTP beside the site's own one, with an Automation and three live executions."""
    fake = FakeArgo(["argo"])
    site.may_fail = True
    async with serving(fake.app()) as url:
        surroundings = Surroundings(
            OneSecret(CANARY), engine_networks=[ip_network("127.0.0.0/8")], request_deadline=3.0
        )
        site.first.factories["Hostile"] = lambda spec, _: argo_adapter(spec, surroundings)
        auth = {"bearer": {"secretRef": {"name": "bot"}}}
        await site.serve()
        await site.define()
        await site.serve("hostile", type="Hostile", url=url, auth=auth)
        target = {"custom": {"workflowTemplate": "nap", "namespace": "argo"}}
        await site.define("theirs", engineRef={"name": "hostile"}, target=target, arguments={"secs": "3600"})
        await site.start("theirs-0", "theirs-1", "theirs-2", automation="theirs")
        async with asyncio.timeout(60):
            while site.attempts() != ["ACKED"] * 3:  # a busy machine may need more than one try
                site.later(30)
                await turn(site.first.probe)
                await turn(site.first.resolve)
                await site.dispatch()
        yield fake
        for loop in (site.first.dispatch, site.first.track, site.first.probe, site.first.resolve):
            await loop.drain()
        site.forget_runs()
        await site.first.parts.registry.close()
    site.engine.executions.clear()


async def stays_away(begin: Callable[[], Awaitable[object]], loop: object) -> asyncio.Task[None]:
    """Begin a turn, and go on without waiting for what it began."""
    await begin()
    return asyncio.create_task(loop.drain())  # type: ignore[attr-defined]


def test_every_fault_is_known() -> None:
    from baton_operator.engines.conformance import KINDS  # noqa: PLC0415 - beside its only use

    assert {each.kind for each in FAULTS} <= set(KINDS)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.kind)
async def test_a_hostile_engine_changes_nothing_for_another(site: Site, beside: FakeArgo, fault: Fault) -> None:
    """While each of its loops waits for it, the other engine's Runs are sent, followed and ended."""
    before = resident()
    beside.faults.add(fault)
    await site.start("theirs-3", "theirs-4", automation="theirs")
    await site.start("ours-0", "ours-1")
    site.execute("UPDATE engine_health SET next_poll_at = now(), next_probe_at = now()")
    first = site.first
    begun = [await stays_away(loop.turn, loop) for loop in (first.dispatch, first.track, first.probe)]
    async with asyncio.timeout(120):
        while [row.state for row in site.rows(_OURS)] != ["ACKED"] * 2:  # they are PROCESSING before they are sent
            await first.dispatch.turn()
            await asyncio.sleep(0.02)
        site.engine.end()
        await first.parts.store.run(lambda session: session.execute(_POLL_OURS))
        while {site.runs()[name][0] for name in ("ours-0", "ours-1")} != {"COMPLETED"}:
            await first.track.turn()
            await asyncio.sleep(0.02)
        await asyncio.gather(*begun)
        for loop in (first.dispatch, first.track, first.probe):
            await loop.drain()
    assert resident() - before < 128 * MEGABYTE
    assert {site.runs()[f"theirs-{number}"][0] for number in range(3)} == {"PROCESSING"}
    dump = site.rows(
        "SELECT coalesce(error, '') AS words FROM dispatch_attempt UNION ALL "
        "SELECT coalesce(message, '') FROM engine_health"
    )
    assert not any(CANARY in row.words for row in dump)


async def test_when_it_is_well_again_its_runs_go_on(site: Site, beside: FakeArgo) -> None:
    """What was sent in the meantime is found or sent again: one execution each."""
    beside.faults.add(Fault("sink"))
    await site.start("theirs-3", automation="theirs")
    await turn(site.first.dispatch)
    await turn(site.first.track)
    beside.faults.clear()
    for _ in range(6):
        site.later(40)
        await turn(site.first.probe)
        await turn(site.first.resolve)
        await turn(site.first.dispatch)
    assert site.runs()["theirs-3"][0] == "PROCESSING"
    assert sorted(site.attempts()) == ["ACKED"] * 4
    assert len(beside.state.live()) == 4
