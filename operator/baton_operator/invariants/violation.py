"""What a broken invariant looks like to people and programs, and what an invariant is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.database import DatabaseConfig


@dataclass(frozen=True, slots=True)
class Violation:
    """
    One thing that must never be, found.

    Attributes:
        invariant: ``I1`` to ``I8``, as the design numbers them.
        subject: Which row or object, by kind, name and key.
        found: What is wrong with it, in one sentence.
        advice: What to do about it, in one sentence.
    """

    invariant: str
    subject: str
    found: str
    advice: str

    def __str__(self) -> str:
        return f"{self.invariant} {self.subject}: {self.found}. {self.advice}."


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """
    One execution that an engine started, by the engine's own books.

    Attributes:
        token: The name under which it was submitted.
        external_id: The id that the engine gave.
        finished: Whether it has ended.
        duplicated: Whether the engine started it by itself, from a request that it had accepted once.
    """

    token: str
    external_id: str
    finished: bool = False
    duplicated: bool = False


@dataclass(frozen=True, slots=True)
class Cluster:
    """
    What the API server shows.

    Attributes:
        runs: All Run objects as plain values.
        listed_at: When the list was asked for, by the database's clock or one close to it.
        engines: All Engine objects.
        automations: All Automation objects.
    """

    runs: Sequence[Mapping[str, Any]]
    listed_at: datetime
    engines: Sequence[Mapping[str, Any]] = ()
    automations: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    What the invariants are checked against.

    Attributes:
        database: Where the rows are, for what cannot be asked in the session.
        session: One read-only transaction: every question sees the same moment.
        bound: Seconds that a loop may take to do what is due; more is a violation.
        cluster: What the API server shows, where somebody asked it.
        ledger: The engines' own books, where they are at hand (tests with fakes).
        limit: Violations that are read of one rule at most; None for all.
    """

    database: DatabaseConfig
    session: AsyncSession
    bound: float = 30.0
    cluster: Cluster | None = None
    ledger: Sequence[LedgerEntry] | None = None
    limit: int | None = None

    async def broken(self, rule: "Rule") -> Sequence[Any]:
        """Ask one rule's question."""
        narrowed = f"SELECT * FROM ({rule.statement}) AS violations LIMIT {self.limit}"
        return await self.rows(rule.statement if self.limit is None else narrowed)

    async def rows(self, statement: str, **parameters: Any) -> Sequence[Any]:
        """Ask one question; ``:bound`` is there for statements that name it."""
        bound = {"bound": self.bound} if ":bound" in statement else {}
        return (await self.session.execute(text(statement), bound | parameters)).all()


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One question whose every answer is a violation.

    Attributes:
        statement: SQL that gives the columns ``subject`` and ``found``.
        advice: What to do about each.
    """

    statement: str
    advice: str


class Invariant(Protocol):
    """One of I1 to I8."""

    number: ClassVar[str]
    promise: ClassVar[str]

    async def violations(self, evidence: Evidence) -> list[Violation]:
        """Name everything that breaks it."""


class RuledInvariant:
    """An invariant that is kept by rows alone, or mostly: its rules, one set-based question each."""

    number: ClassVar[str]
    promise: ClassVar[str]
    rules: ClassVar[tuple[Rule, ...]] = ()

    async def violations(self, evidence: Evidence) -> list[Violation]:
        """Ask all rules, then what needs more than rows."""
        found = [
            self.violation(row.subject, row.found, rule.advice)
            for rule in self.rules
            for row in await evidence.broken(rule)
        ]
        return found + await self.beyond_rows(evidence)

    async def beyond_rows(self, evidence: Evidence) -> list[Violation]:  # noqa: ARG002 - for those that override it
        """Check what the API server or a ledger says; nothing by default."""
        return []

    def violation(self, subject: str, found: str, advice: str) -> Violation:
        """Make a violation of this invariant."""
        return Violation(self.number, subject, found, advice)


#: How statements name a run, an item, an attempt and an instance; the aliases are r, x, a and i.
RUN = "'Run ' || r.tenant_id || '/' || r.name || ' (' || r.id || ')'"
ITEM = "'item execution ' || x.id || ' of run ' || x.run_id"
ATTEMPT = "'attempt ' || a.token || ' of run ' || a.run_id"
INSTANCE = "'execution ' || i.external_id || ' (' || i.id || ')'"

FINISHED = "('COMPLETED', 'FAILED', 'CANCELLED', 'SKIPPED')"
CLOSED = "('CLOSED', 'REJECTED')"
LATE = "make_interval(secs => :bound)"
