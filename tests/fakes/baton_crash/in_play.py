"""Engines that the crash proof plays with: how work is described for each, and what its own books say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from baton_spine.stage import Stage

from baton_operator.invariants import LedgerEntry


class InPlay(Protocol):
    """
    One kind of engine, shared by all stages: what is in a stage's namespace there is the stage's own.

    Attributes:
        type: As an Engine's spec names it.
        address: Host and port of the fake.
    """

    type: str
    address: tuple[str, int]

    def engine(self, stage: Stage, url: str) -> None:
        """Make the Engine ``engine`` at *url*, quick to look and to poll, and what it needs there and here."""

    def target(self, stage: Stage) -> dict[str, Any]:
        """Give the target of work that takes ``secs`` and then fails if ``fail`` is ``yes``."""

    def lose_answer(self, stage: Stage) -> None:
        """Have the next submit of this stage done, and its answer lost."""

    def books(self, stage: Stage) -> Sequence[LedgerEntry]:
        """Give what the engine has accepted of this stage, by its own books."""


class ArgoInPlay:
    """The fake Argo that every stage has."""

    type = "Argo"

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address

    def engine(self, stage: Stage, url: str) -> None:
        """Make the Engine and the template."""
        stage.engine_argo("engine", url=url)

    def target(self, stage: Stage) -> dict[str, Any]:
        """Give the template ``nap``."""
        return {"argo": {"workflowTemplate": "nap"}}

    def lose_answer(self, stage: Stage) -> None:
        """Cut the connection behind the work."""
        stage.spoil("work-then-drop", method="POST", times=1)

    def books(self, stage: Stage) -> Sequence[LedgerEntry]:
        """Read the fake's ledger."""
        return stage.ledger()
