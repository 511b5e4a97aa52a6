"""Whether this release can work with the schema that it finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, select

from baton_migrations.catalog import catalog, drift
from baton_migrations.chains import Chain, discover
from baton_migrations.errors import ChainError, SchemaBehindError, SchemaTooNewError, SchemaUnusableError
from baton_migrations.releases import release_number
from baton_models import SchemaCompatModel
from baton_models.database import DatabaseConfig

__all__ = [
    "ChainState",
    "SchemaState",
    "Standing",
    "catalog",
    "drift",
    "look",
    "read_state",
    "release_number",
    "verify",
]


class Standing(Enum):
    """How a chain's revision in the database relates to the ones this release brings."""

    AT_HEAD = "at head"
    BEHIND = "behind"
    NEWER_READABLE = "newer, and this release still works with it"
    NEWER_UNREADABLE = "newer, and this release does not work with it"
    UNUSABLE = "its migrations cannot be used"


@dataclass(frozen=True, slots=True)
class ChainState:
    """
    Where one chain stands.

    Attributes:
        chain: The chain.
        current: Revisions in the database; none where nothing was migrated.
        heads: Revisions that this release would migrate to.
        standing: What follows from the two.
        readable_since: The oldest release that works with the newer revisions; None where they do not say.
        pending: What ``baton migrate`` would run, in its order: (revision, what it does, the oldest release that works
            with it).
        problem: Why the chain cannot be used; empty if it can.
    """

    chain: Chain
    current: tuple[str, ...]
    heads: tuple[str, ...]
    standing: Standing
    readable_since: str | None = None
    pending: tuple[tuple[str, str, str], ...] = ()
    problem: str = ""

    @property
    def name(self) -> str:
        """``engine``, or the extension's namespace."""
        return self.chain.name

    @property
    def release(self) -> str:
        """The release of the chain's code that runs now."""
        return self.chain.release

    @property
    def is_newer(self) -> bool:
        """Whether a newer release has brought the chain further than this one knows."""
        return self.standing in (Standing.NEWER_READABLE, Standing.NEWER_UNREADABLE)

    def raise_for_work(self) -> None:
        """
        Refuse a chain that this release must not work with.

        Raises:
            SchemaBehindError: The chain waits for ``baton migrate``.
            SchemaTooNewError: A newer release has made changes that this one cannot work with.
            SchemaUnusableError: The extension's migrations cannot be used.
        """
        at = ", ".join(self.current) or "nothing"
        if self.standing is Standing.UNUSABLE:
            raise SchemaUnusableError(self.problem)
        if self.standing is Standing.BEHIND:
            raise SchemaBehindError(
                f"the schema of {self.name} is at {at}, this release needs {', '.join(self.heads)}: run baton migrate"
            )
        if self.standing is Standing.NEWER_UNREADABLE:
            since = f"{self.readable_since} or newer" if self.readable_since else "a newer release"
            raise SchemaTooNewError(
                f"the schema of {self.name} is at {at}, which release {self.release} does not know; it takes {since}"
            )

    def __str__(self) -> str:
        return f"{self.name}: {', '.join(self.current) or 'nothing'} ({self.problem or self.standing.value})"


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

    def lines(self) -> list[str]:
        """Say for people where each chain stands, and what ``baton migrate`` would run."""
        said = []
        for chain in self.chains:
            said.append(f"{chain}, release {chain.release}")
            said += [
                f"  pending {revision}  {what} Works with {since} or newer." for revision, what, since in chain.pending
            ]
        return said

    def raise_for_work(self) -> None:
        """
        Refuse a schema that this release must not work with.

        Raises:
            SchemaBehindError: A chain waits for ``baton migrate``.
            SchemaTooNewError: A newer release has made changes that this one cannot work with.
            SchemaUnusableError: An extension's migrations cannot be used.
        """
        for chain in self.chains:
            chain.raise_for_work()


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
        SchemaUnusableError: Exit code 78; an extension's migrations cannot be used.
        DBAPIError: The database cannot be reached, which is no verdict.
    """
    state = look(database_url, chains=chains)
    state.raise_for_work()
    return state


def look(database_url: str, *, chains: Sequence[Chain] | None = None) -> SchemaState:
    """
    Read where every chain stands, without a verdict.

    Args:
        database_url: ``postgresql://…``; reading is enough.
        chains: The chains to look at instead of those that are installed.

    Raises:
        DBAPIError: The database cannot be reached.
    """
    database = DatabaseConfig(database_url, pool_size=1, max_overflow=0, application_name="baton migrate --check")
    try:
        with database.sa_engine.connect() as connection:
            return read_state(connection, discover() if chains is None else chains)
    finally:
        database.dispose_engine()


def read_state(connection: Connection, chains: Sequence[Chain]) -> SchemaState:
    """Read where each of *chains* stands, without a verdict."""
    return SchemaState(tuple(_chain_state(connection, chain) for chain in chains))


def _chain_state(connection: Connection, chain: Chain) -> ChainState:
    context = MigrationContext.configure(connection, opts={"version_table": chain.version_table})
    current = tuple(sorted(context.get_current_heads()))
    try:
        scripts = chain.scripts()
    except ChainError as error:
        return ChainState(chain, current, (), Standing.UNUSABLE, problem=str(error))
    heads = tuple(sorted(scripts.get_heads()))
    revisions = {script.revision: script for script in scripts.walk_revisions()}
    if set(current) == set(heads):
        return ChainState(chain, current, heads, Standing.AT_HEAD)
    if set(current) <= set(revisions):
        behind = list(scripts.iterate_revisions(heads, current or "base"))
        pending = tuple((each.revision, each.doc, chain.readable_since(each)) for each in reversed(behind))
        return ChainState(chain, current, heads, Standing.BEHIND, pending=pending)
    unknown = _releases_of_unknown(connection, chain, set(revisions))
    readable_since = max(unknown.values(), key=release_number, default=None)
    named = set(current) - set(revisions) <= set(unknown)
    works = named and readable_since is not None and release_number(readable_since) <= release_number(chain.release)
    standing = Standing.NEWER_READABLE if works else Standing.NEWER_UNREADABLE
    return ChainState(chain, current, heads, standing, readable_since)


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
