"""What `baton-operator` does: all loops in one process, or some of them; any number of processes at once."""

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence

from baton_migrations.errors import SchemaNotReadyError
from baton_models.errors import ForeignDatabaseError
from baton_operator import VERSION, faults, logs
from baton_operator.app import App
from baton_operator.handlers.startup import EXIT_DEAF, DeafError, listen
from baton_operator.kube.connection import Connection
from baton_operator.kube.errors import NoConnectionError
from baton_operator.loops.intake import IntakeLoop
from baton_operator.metrics import Metrics
from baton_operator.orphans import waiting_for_orphans
from baton_operator.settings import LOOPS, Settings

logger = logging.getLogger(__name__)

EXIT_USAGE = 2
EXIT_CONFIG = 78

EPILOG = f"""\
Environment (seconds, unless said otherwise): BATON_DATABASE_URL (required), BATON_LOOPS, BATON_NAMESPACES,
BATON_HTTP_HOST, BATON_HTTP_PORT, BATON_WORKER, BATON_ENGINE_NETWORKS, BATON_REQUEST_DEADLINE, BATON_BATCH_SIZE,
BATON_POOL_SIZE, BATON_MAX_OVERFLOW, BATON_SWEEP_INTERVAL, BATON_LOG_FORMAT, BATON_LOG_LEVEL; docs/settings.md
explains each with its default. KUBECONFIG, or a Pod's ServiceAccount, says where the API server is.

Exit status: 0 after SIGTERM; 2 a setting cannot be read; {EXIT_DEAF} the watches cannot be brought back to life, start
the process anew; {EXIT_CONFIG} the schema is not one that this release can work with (run `baton migrate`), or the
database is a copy of another one (run `baton database restored` if it takes its place).
"""


def main(given: Sequence[str] | None = None) -> None:
    """Run until SIGTERM; the exit status says why it ended."""
    parser = argparse.ArgumentParser(
        prog="baton-operator",
        description="Bring Runs from the Kubernetes API through PostgreSQL to engines and back, exactly once.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--loops", metavar="NAMES", help=f"run only some of: {','.join(LOOPS)}")
    parser.add_argument("--version", action="version", version=f"baton {VERSION}")
    options = parser.parse_args(given)
    environ = dict(os.environ)
    if options.loops:
        environ["BATON_LOOPS"] = options.loops
    try:
        settings = Settings.read(environ)
        connection = Connection.discover(environ)
        faults.arm(environ)
        logs.configure(settings.log_format, settings.log_level)  # type: ignore[arg-type] # checked there
    except (ValueError, NoConnectionError) as error:
        print(f"baton-operator: {error}", file=sys.stderr)  # noqa: T201 - logging is not set up yet
        raise SystemExit(EXIT_USAGE) from None
    gc.freeze()
    raise SystemExit(asyncio.run(_operate(settings, connection)))


async def _operate(settings: Settings, connection: Connection) -> int:
    app = App(settings, connection, _listen)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, app.stop)
    try:
        async with waiting_for_orphans():
            await app.run()
    except SchemaNotReadyError as error:
        logger.critical("schema.unfit", extra={"error": str(error)})
        return EXIT_CONFIG
    except ForeignDatabaseError as error:
        logger.critical("database.foreign", extra={"error": str(error)})
        return EXIT_CONFIG
    except BaseExceptionGroup as errors:
        deaf = errors.subgroup(DeafError)
        if deaf is None:
            raise
        logger.critical("watch.dead", extra={"error": str(deaf.exceptions[0])})
        return EXIT_DEAF
    return 0


async def _listen(  # noqa: PLR0917 - the order that `App` promises
    connection: Connection,
    settings: Settings,
    intake: IntakeLoop,
    metrics: Metrics,
    stopping: asyncio.Event,
    hearing: asyncio.Event,
) -> None:
    await listen(connection, settings, intake, metrics, stopping, ready=hearing)
