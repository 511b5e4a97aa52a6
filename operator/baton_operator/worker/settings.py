"""What a site can set for its workers, from the environment or the command line."""

import argparse
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from baton_models import address

EPILOG = """\
Environment: BATON_DATABASE_URL (required), BATON_WORKER_CONCURRENCY, BATON_WORKER_IDLE, BATON_WORKER_LEASE,
BATON_WORKER_GRACE, BATON_LOG_FORMAT (json or text), BATON_LOG_LEVEL. Tasks see only an allowlist of the environment:
PATH, HOME, USER, LANG, LC_*, TZ, TMPDIR, PYTHON*, VIRTUAL_ENV, SSL_CERT_*, PGSSL* and BATON_TASK_*, which is where a
site puts what its tasks need. Engines' credentials belong to the operator; give workers a ServiceAccount without a
token.
"""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """
    Settings of one worker.

    Attributes:
        database_url: PostgreSQL, ``postgresql://user:password@host/name``.
        concurrency: Child processes at most, each with one task at a time. Default 2.
        idle: Seconds without work after which a child process ends; ``inf`` for never. Default 60.
        lease: Seconds after which a silent worker's tasks are taken from it. Default 15.
        grace: Seconds that running tasks get to end after SIGTERM. Default 20.
        kill_grace: Seconds between asking a task to end and killing it. Default 2.
        poll: Seconds between two looks for work or cancels when nothing wakes the worker. Default 0.5.
        log_format: ``json``, ``text`` or empty (text on a terminal).
        log_level: DEBUG, INFO, WARNING or ERROR.
        name: What leases say: host name and process id.
        end_with: Id of the process that started it and whose death it does not survive; None for nobody's.
    """

    database_url: str
    concurrency: int = 2
    idle: float = 60.0
    lease: float = 15.0
    grace: float = 20.0
    kill_grace: float = 2.0
    poll: float = 0.5
    log_format: str = ""
    log_level: str = "INFO"
    name: str = ""
    end_with: int | None = None

    @classmethod
    def read(cls, arguments: Sequence[str], environ: Mapping[str, str]) -> "WorkerSettings":
        """
        Read the command line and the environment; the command line wins.

        Raises:
            SystemExit: Something is missing or cannot be read (exit status 2, one line on standard error).
        """
        parser = _parser(environ)
        given = parser.parse_args(arguments)
        database_url = address.database_url(environ)
        if not database_url:
            parser.error("BATON_DATABASE_URL is not set: postgresql://user:password@host/name")
        if given.concurrency < 1 or given.lease <= 0 or not (given.idle >= 0 and given.grace >= 0):
            parser.error("--concurrency is at least 1, --lease above 0, --idle and --grace at least 0")
        return cls(
            database_url=database_url,
            concurrency=given.concurrency,
            idle=given.idle,
            lease=given.lease,
            grace=given.grace,
            log_format=environ.get("BATON_LOG_FORMAT", ""),
            log_level=environ.get("BATON_LOG_LEVEL", "INFO"),
            end_with=given.end_with,
            name=f"{socket.gethostname()}-{os.getpid()}",
        )


def _parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="baton-worker",
        description="Run the tasks of Baton's own engine, Embedded, in child processes.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--end-with",
        type=int,
        metavar="PID",
        help="end at once when the process that started it, with this id, is dead (the operator's own worker does)",
    )
    parser.add_argument(
        "--concurrency",
        type=int,
        default=environ.get("BATON_WORKER_CONCURRENCY", "2"),
        help="child processes at most, each with one task at a time (default: 2)",
    )
    parser.add_argument(
        "--idle",
        type=float,
        default=environ.get("BATON_WORKER_IDLE", "60"),
        help="seconds without work after which a child process ends, inf for never; the next task starts one (default: "
        "60)",
    )
    parser.add_argument(
        "--lease",
        type=float,
        default=environ.get("BATON_WORKER_LEASE", "15"),
        help="seconds after which a silent worker's tasks are taken from it (default: 15)",
    )
    parser.add_argument(
        "--grace",
        type=float,
        default=environ.get("BATON_WORKER_GRACE", "20"),
        help="seconds that running tasks get to end after SIGTERM (default: 20)",
    )
    return parser
