"""All invariants, asked one after the other in one read-only transaction."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from baton_models.database import DatabaseConfig
from baton_operator.invariants.counts import CountsAddUp
from baton_operator.invariants.history import HistoryWhole
from baton_operator.invariants.isolation import TenantsApart
from baton_operator.invariants.lost import NothingLost
from baton_operator.invariants.orphans import NoOrphan
from baton_operator.invariants.projection import StatusIsProjection
from baton_operator.invariants.schema import SchemaFits
from baton_operator.invariants.twice import NothingTwice
from baton_operator.invariants.violation import Cluster, Evidence, Invariant, LedgerEntry, Violation
from baton_operator.kube.client import KubeClient
from baton_operator.kube.resources import Kind

#: Seconds that a loop may take to do what is due.
BOUND = 30.0

INVARIANTS: tuple[Invariant, ...] = (
    NothingLost(),
    NothingTwice(),
    HistoryWhole(),
    StatusIsProjection(),
    NoOrphan(),
    CountsAddUp(),
    TenantsApart(),
    SchemaFits(),
)


async def check_invariants(
    database: DatabaseConfig,
    kube: KubeClient | None = None,
    ledger: Sequence[LedgerEntry] | None = None,
    *,
    bound: float = BOUND,
    only: Collection[str] = (),
    limit: int | None = None,
    patience: float | None = None,
) -> list[Violation]:
    """
    Check a live system, or one that has come to rest.

    Args:
        database: Where the rows are.
        kube: The API server, if its objects are to be compared with the rows.
        ledger: What the engines accepted by their own books, if these are at hand.
        bound: Seconds that a loop may take to do what is due; 0 once everything has come to rest.
        only: Numbers of the invariants to check (``I3``); all by default.
        limit: Violations that are read of one rule at most; all by default.
        patience: Seconds that one question may take before PostgreSQL gives it up; for ever by default.

    Returns:
        Everything that is wrong, by invariant.

    Raises:
        DBAPIError: The database does not answer, or has not the schema.
        KubeError: The API server does not answer.
    """
    cluster = await _look(kube, await _now(database)) if kube else None
    async with database.get_async_session() as session:
        await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        if patience is not None:
            await session.execute(text(f"SET LOCAL statement_timeout = {int(patience * 1000)}"))
        evidence = Evidence(database, session, bound, cluster, ledger, limit)
        chosen = [each for each in INVARIANTS if not only or each.number in only]
        return [violation for each in chosen for violation in await each.violations(evidence)]


async def _now(database: DatabaseConfig) -> datetime:
    """Read the database's clock, with which the rows' times are compared."""
    async with database.get_async_session() as session:
        now: datetime = (await session.execute(text("SELECT clock_timestamp()"))).scalar_one()
        return now


async def _look(kube: KubeClient, listed_at: datetime) -> Cluster:
    async def listed(kind: Kind) -> list[dict[str, Any]]:
        return [each async for page in kube.list(kind) for each in page]

    return Cluster(await listed("Run"), listed_at, await listed("Engine"), await listed("Automation"))
