"""A proxy holds a submit for longer than its sender waits, and lets it through when nobody expects it (P1, P6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from baton_spine.stage import Stage, shown
from baton_spine.wire import Fate, Piece, Wire, wired

FINE = ("Succeeded", "Succeeded")


def hold_first_submit(wire: Wire) -> None:
    """Hold the first submit that comes by; the next ones pass."""
    met: list[Piece] = []

    def judge(piece: Piece) -> Fate:
        if piece.direction == "up" and b"/submit " in piece.data and not met:
            met.append(piece)
            return "hold"
        return "pass"

    wire.judge = judge


@pytest.fixture
def held(stage: Stage) -> Iterator[tuple[Stage, Wire]]:
    """A stage whose engine is behind a wire that holds the first submit."""
    address = urlsplit(stage.argo_url)
    with wired(str(address.hostname), int(address.port or 0)) as wire:
        hold_first_submit(wire)
        yield replace(stage, argo_url=f"http://127.0.0.1:{wire.port}"), wire


def attempt(stage: Stage, column: str) -> object:
    """Read one column of the only attempt."""
    return stage.rows(f"SELECT {column} FROM dispatch_attempt")[0][0]


@pytest.mark.parametrize("moment", ["after a look", "after the resend"])
def test_a_request_that_was_held_starts_nothing_twice(moment: str, held: tuple[Stage, Wire]) -> None:
    """It arrives after it was looked for, or after it was sent again: the engine has one execution."""
    stage, wire = held
    stage.engine_argo()
    stage.nap(arguments={"secs": "3s", "fail": "no"})
    stage.operator().wait_ready()
    stage.run("held")
    stage.until(lambda: wire.held, what="a submit that is held")
    if moment == "after a look":
        stage.until(lambda: attempt(stage, "absences > 0 OR sends > 1"), what="a first look that found nothing")
    else:
        stage.until(stage.accepted, what="a resend that the engine took")
    wire.let_go()
    assert shown(stage.ended("held")["held"]) == FINE
    stage.until(lambda: wire.held == 0, what="the held request gone")
    assert len(stage.accepted()) == 1
    assert attempt(stage, "sends") in {1, 2}
    stage.check()


def test_a_request_that_arrives_after_its_cancel_is_cancelled(held: tuple[Stage, Wire]) -> None:
    """What may still arrive is not cancelled clean (R6): it is found and ended, and the Run says Cancelled."""
    stage, wire = held
    stage.engine_argo()
    stage.nap(arguments={"secs": "300s", "fail": "no"})
    stage.operator().wait_ready()
    stage.run("held")
    stage.until(lambda: wire.held, what="a submit that is held")
    stage.until(lambda: attempt(stage, "state = 'AMBIGUOUS' OR sends > 1"), what="a submit without an answer")
    stage.patch("Run", "held", {"state": "Cancelled", "reason": "not wanted"})
    stage.until(lambda: attempt(stage, "cancel_requested_at IS NOT NULL"), what="the cancel taken in")
    wire.let_go()
    assert shown(stage.ended("held")["held"]) == ("Cancelled", "Cancelled")
    (entry,) = stage.ledger()
    assert entry.finished, "the execution that arrived late goes on"
    stage.check()
