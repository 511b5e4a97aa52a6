"""How often engines are asked, and what it costs."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest
from baton_fakes.argo import FakeArgo
from baton_fakes.argo_harness import OneSecret
from live_rows import insert_live, start_workflows
from loop_site import Site, turn

from baton_operator.engines.argo.adapter import argo_adapter
from baton_operator.engines.base import Observed, Reference
from baton_operator.engines.conformance import serving
from baton_operator.engines.errors import RetryableError
from baton_operator.engines.registry import Surroundings
from baton_operator.loops import track

#: Workflows on one page of Argo's list, as the adapter asks for it.
ON_A_PAGE = 500
MEGABYTE = 1024 * 1024


async def one_run(site: Site, name: str = "first", **spec: object) -> str:
    await site.serve(**spec)
    await site.define()
    (uid,) = await site.start(name)
    await site.dispatch()
    return uid


def next_poll(site: Site) -> float:
    """Say in how many seconds the engine is to be asked again."""
    moment: datetime = site.one("SELECT next_poll_at FROM engine_health")
    return (moment - datetime.now(UTC)).total_seconds()


def resident() -> int:
    """Measure the memory of this process, in bytes."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


async def test_ten_thousand_instances_cost_pages_and_not_instances(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty pages and nothing besides, cycle after cycle, and no memory is kept."""
    fake = FakeArgo(["argo"])
    uid = await one_run(site)
    site.engine.end()
    await site.track()
    insert_live(site.admin, start_workflows(fake, 10_000), like=uid)
    listed = fake.state.seen("argo", time.time())
    monkeypatch.setattr(fake.state, "seen", lambda *_: listed)  # which it would sort anew for each page
    async with serving(fake.app()) as url:
        surroundings = Surroundings(OneSecret(""), engine_networks=[ip_network("127.0.0.0/8")])
        site.first.factories["Argo"] = lambda spec, _: argo_adapter(spec, surroundings)
        site.execute(
            "UPDATE engine SET generation = 2, spec = spec || jsonb_build_object('url', CAST(:u AS text))", u=url
        )
        sizes = []
        for _ in range(3):
            fake.requests.clear()
            await site.track()
            assert sum(fake.requests.values()) <= math.ceil(10_000 / ON_A_PAGE) + 1, fake.requests
            sizes.append(resident())
        await site.first.parts.registry.close()
    assert site.one("SELECT count(*) FROM orchestration_instance WHERE native_status = 'Running'") == 10_000
    assert sizes[-1] - sizes[1] < 16 * MEGABYTE, sizes
    site.engine.executions.clear()
    site.forget_runs()


async def test_one_question_a_poll_whatever_the_number(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are read in pages; the engine is asked once."""
    monkeypatch.setattr(track, "PAGE", 3)
    await one_run(site)
    await site.start(*(f"run-{number}" for number in range(9)))
    await site.dispatch()
    asked: list[int] = []
    answer = site.engine.observe

    async def observe(references: Sequence[Reference]) -> Observed:
        asked.append(len(references))
        return await answer(references)

    monkeypatch.setattr(site.engine, "observe", observe)
    site.engine.end()
    await site.track()
    assert asked == [10]
    assert {status for status, _ in site.runs().values()} == {"COMPLETED"}


async def test_a_quiet_engine_is_asked_less_often(site: Site) -> None:
    """From ten seconds up to a minute; the first thing that moves or is started brings it back."""
    await one_run(site)
    await site.track()
    assert 8 < next_poll(site) < 12
    site.execute("UPDATE orchestration_instance SET created_at = created_at - interval '2 min'")
    site.later(120)
    await site.track()
    assert 26 < next_poll(site) < 34
    site.execute("UPDATE orchestration_instance SET created_at = created_at - interval '1 h'")
    site.later(3600)
    await site.track()
    assert 53 < next_poll(site) < 67
    await site.start("second")
    await site.dispatch()
    assert next_poll(site) < 11
    site.engine.end()
    await site.track()
    assert 8 < next_poll(site) < 12


async def test_what_was_started_during_a_poll_is_looked_at_soon(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The poll's own next turn, which lies far off, does not replace the one that a submit asked for meanwhile."""
    await one_run(site)
    await site.track()
    site.execute("UPDATE orchestration_instance SET created_at = created_at - interval '1 h'")
    site.execute("UPDATE engine_health SET moved_at = now() - interval '1 h'")
    observe = site.engine.observe

    async def during_a_submit(references: Sequence[Reference]) -> Observed:
        await site.start("second")
        await site.dispatch()
        assert 8 < next_poll(site) < 11
        return await observe(references)

    monkeypatch.setattr(site.engine, "observe", during_a_submit)
    await site.track()
    assert 8 < next_poll(site) < 11


async def test_an_engine_that_fails_is_asked_less_and_less(site: Site) -> None:
    """Up to the idle interval; its own wish counts where it is longer; one answer ends it."""
    site.may_fail = True
    await one_run(site)
    site.engine.down = RetryableError("no answer within 10 s")
    waits = []
    for _ in range(4):
        await site.track()
        waits.append(next_poll(site))
    assert [round(wait / 10) for wait in waits[:2]] == [2, 4]
    assert all(53 < wait < 67 for wait in waits[2:])
    site.engine.down = RetryableError("later", http_status=503, retry_after=500.0)
    await site.track()
    assert 490 < next_poll(site) <= 500
    site.engine.down = None
    site.execute("UPDATE engine_health SET paused_until = NULL")
    site.engine.end()
    await site.track()
    assert 8 < next_poll(site) < 12


async def test_an_engine_that_lost_everything_is_not_asked_for_each_piece_at_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many direct looks a poll; the second look of some goes before the first of others."""
    monkeypatch.setattr(track, "LOOKS_A_POLL", 3)
    await one_run(site)
    await site.start(*(f"run-{number}" for number in range(7)))
    await site.dispatch()
    site.engine.hidden.update(site.engine.executions)
    looked: list[str] = []
    look = site.engine.look

    async def counted(reference: Reference) -> object:
        looked.append(reference.token)
        return await look(reference)

    monkeypatch.setattr(site.engine, "look", counted)
    await site.track()
    first = list(looked)
    assert len(first) == 3
    site.later(31)
    await site.track()
    assert looked[3:] == first
    assert sum(reason == "Lost" for _, reason in site.runs().values()) == 3


async def test_an_engine_that_is_back_is_polled_at_once(site: Site) -> None:
    """A probe that succeeds after one that failed brings the next poll forward."""
    site.may_fail = True
    await one_run(site)
    await site.track()
    site.engine.down = RetryableError("no connection")
    for _ in range(2):
        site.execute("UPDATE engine_health SET next_probe_at = now()")
        await turn(site.first.probe)
        assert (next_poll(site) > 1) is bool(site.engine.down)
        site.engine.down = None
