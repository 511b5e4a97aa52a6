"""A model of an engine that takes a name once, as long as it remembers it; in virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field

from baton_operator.engines.base import Absent, Adopted, Created, Found, NameGone, Outcome, Rejected, Sighting


@dataclass
class Execution:
    """One execution; ``forgotten_at`` is set when it ends: how long it is remembered after that."""

    id: int
    begun_at: float
    ended_at: float | None = None
    forgotten_at: float | None = None


@dataclass
class UniqueNames:
    """
    The engine's own books of one token.

    Attributes:
        memory: Seconds that an execution that has ended is remembered at least.
        lag: Seconds by which what it shows may be behind.
        ledger: Every execution there ever was.
    """

    memory: float
    lag: float
    now: float = 0.0
    epoch: int = 1
    ledger: list[Execution] = field(default_factory=list)
    travelling: list[float] = field(default_factory=list)

    @property
    def holder(self) -> Execution | None:
        """Who has the name."""
        return next((each for each in self.ledger if not self._is_forgotten(each, self.now)), None)

    def accept(self, *, collected_meanwhile: bool = False, quota: bool = False) -> Outcome:
        """Take a request in, at this moment."""
        holder = self.holder
        if holder and collected_meanwhile and holder.ended_at is not None:
            holder.forgotten_at = self.now
            return NameGone("taken, then gone")
        if holder:
            return Adopted(str(holder.id))
        if quota:
            return Rejected("EngineRejected", "over quota")
        self.ledger.append(Execution(len(self.ledger), self.now))
        return Created(str(self.ledger[-1].id))

    def deliver_later(self, delay: float) -> None:
        """Let a request arrive although its sender has given up."""
        self.travelling.append(self.now + delay)

    def pass_time(self, seconds: float) -> None:
        """Let requests arrive in their order; what they are answered, nobody hears."""
        until = self.now + seconds
        for moment in sorted(each for each in self.travelling if each <= until):
            self.now = moment
            self.accept()
        self.travelling = [each for each in self.travelling if each > until]
        self.now = until

    def end(self) -> None:
        """Let what runs come to its end."""
        for each in self.ledger:
            if each.ended_at is None:
                each.ended_at, each.forgotten_at = self.now, self.now + self.memory

    def restart(self) -> None:
        """Lose everything: queue, executions and names."""
        self.epoch += 1
        for each in self.ledger:
            each.ended_at = each.ended_at or self.now
            each.forgotten_at = min(each.forgotten_at or self.now, self.now)

    def show(self, behind: float) -> Sighting:
        """Show who has the name, as it was *behind* seconds ago."""
        at = self.now - behind
        shown = [each for each in self.ledger if each.begun_at <= at and not self._is_forgotten(each, at)]
        return Found(str(shown[0].id)) if shown else Absent()

    @staticmethod
    def _is_forgotten(each: Execution, at: float) -> bool:
        return each.forgotten_at is not None and each.forgotten_at <= at
