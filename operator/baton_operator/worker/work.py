"""What `baton-worker` does: it runs the tasks of the Embedded engine until SIGTERM."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence

from baton_models.database import FROZEN_MS, DatabaseConfig
from baton_models.errors import ForeignDatabaseError
from baton_operator import logs
from baton_operator.orphans import waiting_for_orphans
from baton_operator.worker.aftermath import Aftermath
from baton_operator.worker.lineage import end_with
from baton_operator.worker.settings import WorkerSettings
from baton_operator.worker.settlement import unit_settlement
from baton_operator.worker.supervisor import Supervisor

logger = logging.getLogger(__name__)

#: What a worker ends with that must not work on its database.
EXIT_CONFIG = 78


async def work(settings: WorkerSettings) -> None:
    """Run one worker in the running event loop; SIGTERM and SIGINT drain it."""
    database = DatabaseConfig(
        settings.database_url,
        pool_size=2,
        max_overflow=2,
        application_name="baton-worker",
        idle_in_transaction_ms=FROZEN_MS,
    )
    supervisor = Supervisor(settings, database, Aftermath(unit_settlement()), os.environ)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.drain)
    async with waiting_for_orphans():
        await supervisor.run()


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the settings, run, and end with status 0 once drained."""
    settings = WorkerSettings.read(sys.argv[1:] if arguments is None else arguments, os.environ)
    if settings.end_with is not None:
        end_with(settings.end_with)
    try:
        logs.configure(settings.log_format, settings.log_level)  # type: ignore[arg-type] # checked there
    except ValueError as error:
        print(f"baton-worker: {error}", file=sys.stderr)  # noqa: T201 - logging is not set up yet
        raise SystemExit(2) from None
    try:
        asyncio.run(work(settings))
    except ForeignDatabaseError as error:
        logger.critical("database.foreign", extra={"error": str(error)})
        raise SystemExit(EXIT_CONFIG) from None
