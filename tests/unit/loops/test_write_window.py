"""What may still be written under a claim."""

from __future__ import annotations

import asyncio

import pytest

from baton_models.statements.projection import LEASE
from baton_operator.loops import write_window
from baton_operator.loops.write_window import LONGEST, WriteWindow


async def test_what_is_begun_last_is_over_before_the_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(write_window, "boottime", lambda: now)
    window = WriteWindow()
    now += LEASE.total_seconds() - LONGEST
    async with window.write():
        pass
    now += 0.1
    with pytest.raises(TimeoutError):
        async with window.write():
            pytest.fail("begun too late")


async def test_what_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_window, "LONGEST", 0.05)
    with pytest.raises(TimeoutError):
        async with WriteWindow().write():
            await asyncio.Event().wait()
