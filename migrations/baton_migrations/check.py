"""Whether this release can work with the schema that it finds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, select

from baton_migrations.catalog import catalog, drift
from baton_migrations.chains import Chain, discover
from baton_migrations.errors import SchemaBehindError, SchemaTooNewError
from baton_models import SchemaCompatModel
from baton_models.database import DatabaseConfig

__all__ = ["ChainState", "SchemaState", "Standing", "catalog", "drift", "read_state", "verify"]


class Standing(Enum):
    """How a chain's revision in the database relates to the ones this release brings."""

    AT_HEAD = "at head"
    BEHIND = "behind"
    NEWER_READABLE = "newer, and this release still works with it"
    NEWER_UNREADABLE = "newer, and this release does not work with it"


@dataclass(frozen=True, slots=True)
class ChainState:
    """
    Where one chain stands.

    Attributes:
        name: ``engine``, or the extension's namespace.
        current: Revisions in the database; none where nothing was migrated.
        heads: Revisions that this release would migrate to.
        standing: What follows from the two.
        readable_since: The oldest release that works with the newer revisions; None where they do not say.
        release: The release of the chain's code that runs now.
    """

    name: str
    current: tuple[str, ...]
    heads: tuple[str, ...]
    standing: Standing
    readable_since: str | None
    release: str

    @property
    def is_newer(self) -> bool:
        """Whether a newer release has brought the chain further than this one knows."""
        return self.standing in (Standing.NEWER_READABLE, Standing.NEWER_UNREADABLE)

    def __str__(self) -> str:
        return f"{self.name}: {', '.join(self.current) or 'nothing'} ({self.standing.value})"


@dataclass(frozen=True, slots=True)
class SchemaState:
    """Where all chains stand, in the order in which they are migrated."""

    chains: tuple[ChainState, ...]

    @property
    def is_at_head(self) -> bool:
        """Whether every chain stands exactly where this release would bring it."""
        return all(chain.standing is Standing.AT_HEAD for chain in self.chains)

    def __str__(self) -> str:
        return "\n".join(map(str, self.chains))

    def raise_for_work(self) -> None:
        """
        Refuse a schema that this release must not work with.

        Raises:
            SchemaBehindError: A chain waits for ``baton migrate``.
            SchemaTooNewError: A newer release has made changes that this one cannot work with.
        """
        for chain in self.chains:
            if chain.standing is Standing.BEHIND:
                found = ", ".join(chain.current) or "nothing"
                raise SchemaBehindError(
                    f"the schema of {chain.name} is at {found}, this release needs {', '.join(chain.heads)}: "
                    "run baton migrate"
                )
            if chain.standing is Standing.NEWER_UNREADABLE:
                since = f"{chain.readable_since} or newer" if chain.readable_since else "a newer release"
                raise SchemaTooNewError(
                    f"the schema of {chain.name} is at {', '.join(chain.current)}, which release {chain.release} "
                    f"does not know; it takes {since}"
                )


def verify(database_url: str, *, chains: Sequence[Chain] | None = None) -> SchemaState:
    """
    Read where every chain stands, and refuse what this release must not work with.

    An older image on a newer schema goes on where every revision that it does not know names a ``readable_since`` that
    is not above its release: so a rollback and a rollout both work. Say so, by the returned state.

    Args:
        database_url: ``postgresql://…``; reading is enough.
        chains: The chains to look at instead of those that are installed.

    Raises:
        SchemaBehindError: Exit code 78; run ``baton migrate``.
        SchemaTooNewError: Exit code 78; a newer release is needed.
        ChainError: An extension's migrations cannot be used.
        DBAPIError: The database cannot be reached, which is no verdict.
    """
    database = DatabaseConfig(database_url, pool_size=1, max_overflow=0, application_name="baton migrate --check")
    try:
        with database.sa_engine.connect() as connection:
            state = read_state(connection, discover() if chains is None else chains)
    finally:
        database.dispose_engine()
    state.raise_for_work()
    return state


def read_state(connection: Connection, chains: Sequence[Chain]) -> SchemaState:
    """Read where each of *chains* stands, without a verdict."""
    return SchemaState(tuple(_chain_state(connection, chain) for chain in chains))


def _chain_state(connection: Connection, chain: Chain) -> ChainState:
    context = MigrationContext.configure(connection, opts={"version_table": chain.version_table})
    current = tuple(sorted(context.get_current_heads()))
    scripts = chain.scripts()
    heads = tuple(sorted(scripts.get_heads()))
    ours = {script.revision for script in scripts.walk_revisions()}
    readable_since = None
    if set(current) == set(heads):
        standing = Standing.AT_HEAD
    elif set(current) <= ours:
        standing = Standing.BEHIND
    else:
        unknown = _releases_of_unknown(connection, chain, ours)
        readable_since = max(unknown.values(), key=release_number, default=None)
        named = set(current) - ours <= set(unknown)
        works = named and readable_since is not None and release_number(readable_since) <= release_number(chain.release)
        standing = Standing.NEWER_READABLE if works else Standing.NEWER_UNREADABLE
    return ChainState(chain.name, current, heads, standing, readable_since, chain.release)


def _releases_of_unknown(connection: Connection, chain: Chain, ours: set[str]) -> dict[str, str]:
    """Give ``readable_since`` of each revision of the database that this release does not know."""
    if not inspect(connection).has_table(SchemaCompatModel.__tablename__):
        return {}
    rows = connection.execute(
        select(SchemaCompatModel.revision, SchemaCompatModel.readable_since).where(
            SchemaCompatModel.chain == chain.name, SchemaCompatModel.revision.not_in(ours)
        )
    )
    return {row.revision: row.readable_since for row in rows}


def release_number(release: str) -> tuple[int, int, int]:
    """
    Read the comparable part of a release: ``0.12.1rc1`` is (0, 12, 1).

    A release candidate counts as its release: it reads and writes what the release does.
    """
    found = re.match(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?", release)
    if found is None:
        raise ValueError(f"{release!r} is no release; expected e.g. 0.1.0")
    major, minor, patch = (int(part or 0) for part in found.groups())
    return major, minor, patch
