"""An engine that answers each single request in time, and all of a probe or a check together too late."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from loop_site import Site, turn

from baton_models.statements import track
from baton_operator.engines.base import EngineHealth, Problem


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """All requests of one probe, or of one check, get half a second."""
    monkeypatch.setattr(track, "ASK_WITHIN", 0.5)


@pytest.mark.usefixtures("impatient")
async def test_a_probe_that_takes_too_long_has_failed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never() -> EngineHealth:
        await asyncio.Event().wait()
        raise AssertionError

    await site.serve()
    monkeypatch.setattr(site.engine, "probe", never)
    site.execute("UPDATE engine_health SET next_probe_at = now()")
    await turn(site.first.probe)
    assert site.rows("SELECT ready_reason, message FROM engine_health") == [
        ("ProbeFailed", "not all was answered within 0.5 s")
    ]


@pytest.mark.usefixtures("impatient")
async def test_a_check_that_takes_too_long_is_made_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was known of the target stays, and the next check is soon."""

    async def never(target: Mapping[str, Any], arguments: Sequence[str]) -> Sequence[Problem]:
        await asyncio.Event().wait()
        raise AssertionError

    await site.serve()
    await site.define()
    monkeypatch.setattr(site.engine, "validate", never)
    for known in (("TargetNotFound", "no template nap"), (None, None)):
        site.execute(
            "UPDATE automation SET next_check_at = now(), target_reason = :reason, target_message = :message",
            reason=known[0],
            message=known[1],
        )
        await turn(site.first.probe)
        told = known if known[0] else (None, "not all was answered within 0.5 s")
        assert site.rows("SELECT target_reason, target_message FROM automation") == [told]
        assert site.one("SELECT next_check_at BETWEEN now() AND now() + interval '16 s' FROM automation")
