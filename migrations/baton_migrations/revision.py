"""
Writing a new revision of one chain: what the models say, compared with a database that is at the chain's head.

Only the chain's own tables are looked at. A table whose model is gone is dropped by its owner's revision and by nobody
else's.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from alembic.autogenerate import produce_migrations
from alembic.command import revision as alembic_revision
from alembic.operations.ops import MigrationScript, UpgradeOps
from alembic.runtime.environment import ProcessRevisionDirectiveFn
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from baton_migrations.chains import MAX_REVISION, Chain
from baton_migrations.check import Standing, read_state
from baton_migrations.described import Changes, describe
from baton_migrations.errors import CannotReviseError
from baton_migrations.filters import alembic_filters
from baton_models import Base
from baton_models.database import DatabaseConfig
from baton_models.registry import GROUP, DataModelRegistry

_NUMBERED = re.compile(r"(\d+)_")
_COPIES = {"site-packages", "dist-packages"}
_MAX_MESSAGE = 200


@dataclass(frozen=True, slots=True)
class Written:
    """
    A revision that was written.

    Attributes:
        path: Its file.
        revision: Its id.
        changes: What it does, and what to look at, for people.
    """

    path: Path
    revision: str
    changes: Changes


def write_revision(database_url: str, chain: Chain, message: str, *, empty: bool = False) -> Written | None:
    """
    Write the revision that brings the database to what the models of *chain* say.

    Args:
        database_url: A database that is at the head of the chain; it is read only.
        chain: Whose revision it is.
        message: What it does, in a few words; the file is named after it.
        empty: Write a revision without operations instead, to be filled by hand; the models are not looked at.

    Returns:
        What was written; None where the models and the database say the same.

    Raises:
        CannotReviseError: The package is an installed copy, its models cannot be imported, or the database is not at
            the chain's head.
        ChainError: The chain's revisions cannot be read.
    """
    said = " ".join(message.replace('"', "'").replace("\\", "/").split())[:_MAX_MESSAGE]
    if not said:
        raise CannotReviseError('say by -m "…" what the revision does, for example -m "add the price of an order"')
    revision = next_revision(chain, said)
    _check_folder(chain)
    config = chain.config()
    config.attributes["progress"] = _silent
    if empty:
        script = alembic_revision(config, said, rev_id=revision)
        return _written(chain, script, UpgradeOps())
    with _connected(database_url) as connection:
        _check_standing(connection, chain)
        import_models(chain)
        config.attributes["connection"] = connection
        found: list[UpgradeOps] = []
        script = alembic_revision(
            config, said, rev_id=revision, autogenerate=True, process_revision_directives=_keep(found)
        )
        connection.rollback()
    return _written(chain, script, found[0]) if script else None


def _keep(found: list[UpgradeOps]) -> ProcessRevisionDirectiveFn:
    """Take what the comparison found, and write no file where it found nothing."""

    def keep(_context: Any, _revision: Any, directives: list[MigrationScript]) -> None:
        operations = directives[0].upgrade_ops or UpgradeOps()
        found.append(operations)
        if operations.is_empty():
            directives.clear()

    return keep


def _written(chain: Chain, script: Any, operations: UpgradeOps) -> Written:
    return Written(Path(script.path), script.revision, describe(operations, chain))


def _silent(_line: str) -> None:
    """Say nothing."""


def differences(connection: Connection, chain: Chain) -> UpgradeOps:
    """
    Give what would bring the tables of *chain* to what the models say; empty where they are the same.

    Args:
        connection: Read only; stands in no transaction afterwards.
        chain: The owner of the tables; its models are imported already.
    """
    options: dict[str, Any] = {
        "target_metadata": Base.metadata,
        "version_table": chain.version_table,
        "compare_type": True,
        "compare_server_default": True,
        **alembic_filters(chain.owns),
    }
    try:
        context = MigrationContext.configure(connection, opts=options)
        found = produce_migrations(context, Base.metadata).upgrade_ops
    finally:
        connection.rollback()
    return found or UpgradeOps()


def import_models(chain: Chain) -> None:
    """
    Import what a comparison of *chain* needs: the models of all extensions, for they may refer to each other.

    Raises:
        CannotReviseError: Those of the chain cannot be used: without them, all its tables would be dropped.
    """
    if not chain.is_extension:
        return
    registry = DataModelRegistry.discover()
    if chain.name in registry.broken and chain.name not in registry.empty:
        raise CannotReviseError(f"the models of {chain.name!r} cannot be used: {registry.broken[chain.name]}")
    if not any(point.name == chain.name for point in entry_points(group=GROUP)):
        raise CannotReviseError(
            f"no installed package offers the models of {chain.name!r}: name their module in the entry-point group "
            f"{GROUP} and install the package again, or write the revision by hand with --empty"
        )


def next_revision(chain: Chain, message: str) -> str:
    """Make the id of the next revision: its number, then what it does, at most 32 characters."""
    known = [script.revision for script in chain.scripts().walk_revisions()]
    numbers = [int(found[1]) for each in known if (found := _NUMBERED.match(each))]
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_") or "change"
    return f"{max(numbers, default=len(known)) + 1:04}_{slug}"[:MAX_REVISION].rstrip("_")


def is_installed_copy(chain: Chain) -> bool:
    """Whether the revisions lie where an installer copied them, so that a new one would be lost."""
    return chain.versions is not None and bool(_COPIES & set(chain.versions.parts))


def _check_folder(chain: Chain) -> None:
    folder = chain.versions
    if folder is None or is_installed_copy(chain) or not os.access(folder, os.W_OK):
        what = "is an installed copy" if is_installed_copy(chain) else "cannot be written"
        raise CannotReviseError(
            f"{folder} {what}: a revision belongs into the package's source. Install that with "
            "`pip install -e FOLDER`, then run this again"
        )


def _check_standing(connection: Connection, chain: Chain) -> None:
    (state,) = read_state(connection, [chain]).chains
    connection.rollback()
    if state.standing is Standing.BEHIND:
        raise CannotReviseError(f"{state}: run `baton migrate` first, so that the new revision begins where it ends")
    if state.standing is not Standing.AT_HEAD:
        raise CannotReviseError(f"{state}: use a database that was migrated from this source and no newer one")


@contextmanager
def _connected(database_url: str) -> Iterator[Connection]:
    database = DatabaseConfig(database_url, pool_size=1, max_overflow=0, application_name="baton revision")
    try:
        with database.sa_engine.connect() as connection:
            yield connection
    finally:
        database.dispose_engine()
