"""I8: the schema is the one that this release works with."""

import asyncio
from typing import ClassVar

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from baton_migrations.catalog import drift
from baton_migrations.chains import discover
from baton_migrations.check import ChainState, Standing, read_state
from baton_models.database import DatabaseConfig
from baton_operator.invariants.violation import Evidence, RuledInvariant, Violation

_LINES = 5


class SchemaFits(RuledInvariant):
    """
    Every chain of migrations is where this release works with it, and the tables are those of the models.

    The second is only asked of a database all of whose chains are at head, and with a role that may create a schema:
    the models' tables are made beside the others in a transaction that is rolled back.
    """

    number: ClassVar[str] = "I8"
    promise: ClassVar[str] = "the schema is the one that this release works with"

    async def beyond_rows(self, evidence: Evidence) -> list[Violation]:
        """Read where the chains stand; compare the catalog with the models."""
        chains = await evidence.session.run_sync(_chains)
        unfit = [each for each in chains if each.standing not in {Standing.AT_HEAD, Standing.NEWER_READABLE}]
        found = [self.violation(f"chain {each.name}", str(each), _advice(each)) for each in unfit]
        if found or any(each.standing is not Standing.AT_HEAD for each in chains):
            return found
        (may_create,) = (await evidence.rows("SELECT has_database_privilege(current_database(), 'CREATE')"))[0]
        if not may_create:
            return []
        differences = await asyncio.to_thread(_drift, evidence.database)
        if not differences:
            return []
        shown = "; ".join(differences[:_LINES]) + (
            f"; and {more} more" if (more := len(differences) - _LINES) > 0 else ""
        )
        advice = "undo what was changed by hand, or restore the schema: `-` is expected, `+` is there"
        return [self.violation("the schema", f"is not what the models say: {shown}", advice)]


def _chains(session: Session) -> tuple[ChainState, ...]:
    connection: Connection = session.connection()
    return read_state(connection, discover()).chains


def _advice(chain: ChainState) -> str:
    if chain.standing is Standing.BEHIND:
        return "run `baton migrate`"
    if chain.standing is Standing.UNUSABLE:
        return "run `baton extensions check`"
    return f"run release {chain.readable_since or 'that made it'} or newer"


def _drift(database: DatabaseConfig) -> list[str]:
    with database.sa_engine.connect() as connection:
        lines = drift(connection).splitlines()
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]
