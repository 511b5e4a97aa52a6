"""Ways to end an operator at a moment that nobody would choose."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import yaml
from baton_spine.process import OperatorProcess
from baton_spine.stage import Stage
from baton_spine.wire import Fate, Piece, Wire, wired

Peer = Literal["database", "engine", "kubernetes"]


@dataclass(frozen=True, slots=True)
class Failpoint:
    """Killed by itself at a named side effect, the n-th time it comes there."""

    name: str
    nth: int = 1

    def __str__(self) -> str:
        return self.name if self.nth == 1 else f"{self.name}@{self.nth}"


@dataclass(frozen=True, slots=True)
class InTurn:
    """Killed by itself at one named side effect after the other: an operator for each, the next one when it is dead."""

    points: tuple[Failpoint, ...]

    def __str__(self) -> str:
        return ", then ".join(map(str, self.points))


@dataclass(frozen=True, slots=True)
class OnTheWire:
    """
    Killed when it sends its n-th piece of bytes to one of its peers, several lives in a row.

    Attributes:
        lost: Whether these bytes are lost with it, or still arrive.
        lives: How many operators are killed like this, one after the other.
    """

    peer: Peer
    nth: int
    lost: bool
    lives: int = 2

    def __str__(self) -> str:
        return f"{self.peer} piece {self.nth} {'lost' if self.lost else 'sent'} x{self.lives}"


@dataclass(frozen=True, slots=True)
class CutCommit:
    """
    Nobody dies, but the connection to the database is cut at the n-th COMMIT.

    Attributes:
        lost: Whether the COMMIT is lost, or only its answer.
    """

    nth: int
    lost: bool

    def __str__(self) -> str:
        return f"commit {self.nth} {'lost' if self.lost else 'without an answer'}"


Disturbance = Failpoint | InTurn | OnTheWire | CutCommit


class Scissors:
    """
    Cuts a wire to the database at the n-th COMMIT.

    Attributes:
        cuts: How often it has cut: once, or not yet.
    """

    def __init__(self, plan: CutCommit) -> None:
        self.cuts = 0
        self._plan = plan
        self._commits = 0

    def judge(self, piece: Piece) -> Fate:
        """Count COMMITs; cut at the one that was chosen, or at its answer."""
        if piece.direction == "up" and b"COMMIT" in piece.data:
            self._commits += 1
            if self._plan.lost and self._commits == self._plan.nth:
                self.cuts = 1
                return "cut"
        if piece.direction == "down" and not self._plan.lost and not self.cuts and self._commits >= self._plan.nth:
            self.cuts = 1
            return "cut"
        return "pass"


class Assassin:
    """
    Kills an operator at its n-th piece on a wire.

    Attributes:
        kills: How many it has killed.
        killed_at: When it did so last, by the monotonic clock.
    """

    def __init__(self, plan: OnTheWire) -> None:
        self.kills = 0
        self.killed_at = 0.0
        self._plan = plan
        self._victim: OperatorProcess | None = None
        self._seen = 0

    def aim(self, victim: OperatorProcess) -> None:
        """Count *victim*'s pieces from now on."""
        self._seen, self._victim = 0, victim

    def rest(self) -> None:
        """Kill nobody any more."""
        self._victim = None

    def judge(self, piece: Piece) -> Fate:
        """Count a piece, and kill at the one that was chosen."""
        victim = self._victim
        if victim is None or piece.direction == "down":
            return "pass"
        self._seen += 1
        if self._seen < self._plan.nth:
            return "pass"
        self._victim = None
        victim.process.kill()
        self.kills += 1
        self.killed_at = time.monotonic()
        return "cut" if self._plan.lost else "pass"


@contextmanager
def behind_a_wire(stage: Stage, peer: Peer, engine: tuple[str, int]) -> Iterator[tuple[Stage, Wire, str]]:
    """Give the stage with one peer behind a wire, the wire, and the engine's URL as this stage's operators see it."""
    host, port = _address(stage, peer, engine)
    with wired(host, port) as wire:
        direct = f"http://{engine[0]}:{engine[1]}"
        match peer:
            case "database":
                url = stage.database_url.replace(f"{host}:{port}", f"127.0.0.1:{wire.port}")
                yield replace(stage, operator_database_url=url), wire, direct
            case "engine":
                yield stage, wire, f"http://127.0.0.1:{wire.port}"
            case "kubernetes":
                yield replace(stage, kubeconfig=_rewired(stage, wire.port)), wire, direct


def _address(stage: Stage, peer: Peer, engine: tuple[str, int]) -> tuple[str, int]:
    if peer == "engine":
        return engine
    url = urlsplit(stage.database_url if peer == "database" else _server(stage.kubeconfig))
    return str(url.hostname), int(url.port or 0)


def _server(kubeconfig: Path) -> str:
    found: str = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    return found


def _rewired(stage: Stage, port: int) -> Path:
    document = yaml.safe_load(stage.kubeconfig.read_text())
    document["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    path = stage.folder / "kubeconfig-wired"
    path.write_text(yaml.safe_dump(document))
    return path
