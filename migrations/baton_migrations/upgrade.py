"""
Bringing one chain to its head, or writing down the statements that would.

Each revision is wrapped: what it raises becomes one line that names the revision, its file, the statement and the fix;
those of extensions run inside the `fence`.
"""

import io
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import wraps
from pathlib import Path
from typing import Any

from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import Script
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from baton_migrations.chains import Chain
from baton_migrations.errors import RevisionFailedError, TrespassError
from baton_migrations.fence import TrespassFound, declare, fenced, guard_tables
from baton_models.failures import sqlstate

Progress = Callable[[str], None]

_STATEMENT_SHOWN = 240

#: What people can do about the commonest refusals, by SQLSTATE.
_FIXES = {
    "55P03": "another session holds the table: run baton migrate again when it is quieter",
    "57014": "it took too long: give it more by op.execute(\"SET LOCAL statement_timeout = '10min'\") at its beginning",
    "40P01": "it met another session in a deadlock: run baton migrate again",
    "23502": "the table has rows: give the new column a server_default, or make it nullable",
    "42501": "the role lacks a right: migrate as the role that owns the tables",
}
_CORRECT = "correct the file, then run baton migrate again"


def upgrade(connection: Connection, chain: Chain, progress: Progress) -> None:
    """
    Bring *chain* to its head over *connection*, which is in no transaction.

    Raises:
        RevisionFailedError: A revision failed and was rolled back; those before it are kept.
        DBAPIError: The connection was lost.
        ChainError: The revisions cannot be read.
    """
    scripts = chain.scripts()
    config = chain.config()
    config.attributes.update(connection=connection, progress=progress)

    def steps(current: Any, _context: MigrationContext) -> Iterator[Any]:
        for step in scripts._upgrade_revs("heads", current):  # noqa: SLF001 - alembic's documentation says to
            _wrap(step, chain, connection)
            yield step

    with EnvironmentContext(config, scripts, fn=steps, destination_rev="heads"):
        scripts.run_env()


def upgrade_sql(chain: Chain, current: Sequence[str]) -> str:
    """
    Write down the statements that bring *chain* from *current* to its head; empty where there is nothing to do.

    Raises:
        RevisionFailedError: A revision asks the database before it acts, so it cannot be written down.
        ChainError: The revisions cannot be read.
    """
    scripts, output = chain.scripts(), io.StringIO()
    if set(current) == set(scripts.get_heads()):
        return ""
    config = chain.config(output)
    config.attributes.update(progress=lambda _: None)
    begin = ",".join(current) or None

    def steps(_current: Any, context: MigrationContext) -> Iterator[Any]:
        for step in scripts._upgrade_revs("heads", begin):  # type: ignore[arg-type] # noqa: SLF001 - as above
            _write_down(step, chain, context)
            yield step

    with EnvironmentContext(config, scripts, fn=steps, as_sql=True, starting_rev=begin, destination_rev="heads"):
        scripts.run_env()
    return output.getvalue()


def _wrap(step: RevisionStep, chain: Chain, connection: Connection) -> None:
    run: Callable[..., None] = step.migration_fn

    @wraps(run)
    def wrapped(**arguments: Any) -> None:
        try:
            with fenced(connection, chain) if chain.is_extension else nullcontext():
                run(**arguments)
        except TrespassFound as error:
            raise TrespassError(_sentence(chain, step.revision, str(error), _CORRECT)) from error
        except DBAPIError as error:
            if error.connection_invalidated or sqlstate(error) is None:
                raise
            raise RevisionFailedError(_refused(chain, step.revision, error)) from error
        except (Exception, SystemExit) as error:
            reason = f"{type(error).__name__}: {error}"
            raise RevisionFailedError(_sentence(chain, step.revision, reason, _CORRECT)) from error

    step.migration_fn = wrapped


def _write_down(step: RevisionStep, chain: Chain, context: MigrationContext) -> None:
    run: Callable[..., None] = step.migration_fn

    @wraps(run)
    def wrapped(**arguments: Any) -> None:
        try:
            if chain.is_extension:
                context.execute(declare(chain))
            run(**arguments)
            if chain.is_extension:
                context.execute(guard_tables(chain))
        except (Exception, SystemExit) as error:
            reason = f"{type(error).__name__}: {error}"
            fix = "it asks the database before it acts: run it with baton migrate"
            raise RevisionFailedError(_sentence(chain, step.revision, reason, fix)) from error

    step.migration_fn = wrapped


def _refused(chain: Chain, revision: Script, error: DBAPIError) -> str:
    reason = str(error.orig).strip().partition("\n")[0]
    statement = " ".join((error.statement or "").split())
    if len(statement) > _STATEMENT_SHOWN:
        statement = f"{statement[:_STATEMENT_SHOWN]}…"
    fix = _FIXES.get(sqlstate(error) or "", _CORRECT)
    return f"{_sentence(chain, revision, reason, fix)}; statement: {statement}"


def _sentence(chain: Chain, revision: Script, reason: str, fix: str) -> str:
    where = f"{revision.path}{_line_in(revision.path)}"
    return f"{chain.name}: revision {revision.revision} failed and was rolled back: {reason} — {fix}; file: {where}"


def _line_in(path: str) -> str:
    """Say at which line of the revision's file the present exception came up."""
    frames = traceback.extract_tb(sys.exc_info()[2])
    lines = [frame.lineno for frame in frames if Path(frame.filename) == Path(path)]
    return f":{lines[-1]}" if lines else ""
