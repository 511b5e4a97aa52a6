"""
``baton-migrate``: what the init container runs.

Exit codes: 0 done (or, with ``--check``, this release can work with the schema); 78 it cannot, and waiting does not
help; 1 anything else, and running it again is safe.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence

from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from baton_migrations import check, runner
from baton_migrations.chains import Chain, discover
from baton_migrations.errors import ExtensionsFailedError, MigrationError, SchemaNotReadyError
from baton_models import address
from baton_models.address import URL_VARIABLE
from baton_models.failures import is_unreachable

#: Seconds between two tries to reach the database.
RETRY_SECONDS = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Migrate the database, or check it.

    Args:
        arguments: The command line without the program's name. If None it is ``sys.argv``, and the process is this
            program's own: SIGTERM ends it as control-C does, also process 1 of a container, which would not hear it.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        prog="baton-migrate",
        description="Bring Baton's database to this release: Baton's own tables, then those of installed extensions.",
        epilog="Exit codes: 0 done; 78 the schema is not one for this release, and waiting does not help; 1 anything "
        "else, and running it again is safe.",
    )
    parser.add_argument("--database-url", help=f"postgresql://user@host/database; default: ${URL_VARIABLE}")
    parser.add_argument("--only", choices=("engine", "extensions"), help="Baton's own tables only, or those of others")
    parser.add_argument(
        "--wait-for-database",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="try again for so long while the database does not answer (default: 0)",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="change nothing; say whether this release can work with it")
    what.add_argument("--status", action="store_true", help="change nothing; say where every chain stands")
    what.add_argument("--sql", action="store_true", help="change nothing; print the statements that would run")
    options = parser.parse_args(arguments)
    if arguments is None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    database_url = options.database_url or address.database_url(os.environ)
    if not database_url:
        parser.error(f"name the database by --database-url or {URL_VARIABLE}")
    try:
        _patiently(lambda: _act(options, database_url), options.wait_for_database)
    except ExtensionsFailedError as error:
        for failure in error.failures:
            _failed(str(failure.error), 1)
        return error.exit_code
    except (MigrationError, SchemaNotReadyError) as error:
        return _failed(str(error), error.exit_code)
    except (SQLAlchemyError, CommandError, ValueError) as error:
        return _failed(_first_line(error), 1)
    except KeyboardInterrupt:
        return _failed("stopped; what was under way is undone, and running it again is safe", 1)
    return 0


def _act(options: argparse.Namespace, database_url: str) -> None:
    chains = _chosen(options.only)
    if options.check:
        say(str(check.verify(database_url, chains=chains)))
    elif options.status:
        say("\n".join(check.look(database_url, chains=chains).lines()))
    elif options.sql:
        say(runner.pending_sql(database_url, chains=chains))
    elif chains:
        runner.migrate(database_url, progress=say, chains=chains)
    else:
        say("no installed package brings migrations: nothing to do")


def _chosen(only: str | None) -> list[Chain]:
    return [each for each in discover() if only is None or each.is_extension == (only == "extensions")]


def _patiently(act: Callable[[], None], seconds: float) -> None:
    """Act; where the database does not answer, again and again for *seconds*. To act twice does no harm."""
    until = time.monotonic() + seconds
    while True:
        try:
            return act()
        except DBAPIError as error:
            if not is_unreachable(error) or time.monotonic() >= until:
                raise
            say(f"the database does not answer: {_first_line(error)}")
        time.sleep(RETRY_SECONDS)


def say(line: str) -> None:
    """Print a line for people at once, also where the output is a pipe."""
    print(line, flush=True)  # noqa: T201 - what a command line is for


def _failed(message: str, code: int) -> int:
    print(f"baton-migrate: {message}", file=sys.stderr, flush=True)  # noqa: T201 - what a command line is for
    return code


def _first_line(error: Exception) -> str:
    """Leave out the statement and the link that SQLAlchemy adds."""
    original = getattr(error, "orig", None) or error
    return str(original).strip().partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main())
