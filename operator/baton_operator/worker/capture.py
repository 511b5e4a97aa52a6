"""
Everything that a task prints or logs, by whatever means: file descriptors 1 and 2 of the child lead into a pipe.

A thread reads the pipe, so that programs which the task starts and libraries in C are heard as well, and stores the
lines of the task under way at least every second, in a transaction and over a connection of its own: they are there
while the task runs, and stay if its own transaction is rolled back.
"""

import fcntl
import logging
import os
import select
import sys
import threading
import time
from typing import TextIO
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from baton_models.database import DatabaseConfig
from baton_operator.engines.embedded.log import TaskLog

#: Seconds between two stores of a running task's lines.
FLUSH_INTERVAL = 0.5

_PIPE_BYTES = 1 << 20
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ; the constant is missing in some builds of Python 3.11

_STORE = text(
    """
    UPDATE embedded_task SET logs = :logs, updated_at = now()
    WHERE id = :id AND worker = :worker AND state = 'running'
    """
)

logger = logging.getLogger(__name__)


class Capture:
    """
    Takes standard output and standard error of this process for the task under way.

    Attributes:
        real_stderr: A descriptor of what was standard error before: for the child's own records.
    """

    def __init__(self, database: DatabaseConfig, worker: str) -> None:
        self._database = database
        self._worker = worker
        self._lock = threading.Lock()
        self._task: UUID | None = None
        self._log = TaskLog()
        self._heard = False
        self._stored = True
        self._stored_at = 0.0
        self.real_stderr = os.dup(2)
        self._pipe, writer = os.pipe()
        os.set_blocking(self._pipe, False)
        fcntl.fcntl(writer, _SET_PIPE_SIZE, _PIPE_BYTES)
        os.dup2(writer, 1)
        os.dup2(writer, 2)
        os.close(writer)
        sys.stdout, sys.stderr = _lines_to(1), _lines_to(2)

    def start(self) -> None:
        """Begin to listen."""
        threading.Thread(target=self._listen, name="capture", daemon=True).start()

    def begin(self, task: UUID, logs: str) -> None:
        """Keep what comes from now on for *task*, after the lines that it has already."""
        with self._lock:
            self._read()  # what came between two tasks belongs to none
            self._task, self._log = task, TaskLog(logs)
            self._heard, self._stored = False, True

    def end(self) -> str | None:
        """Stop keeping lines; return all of them, or None if the task has said nothing."""
        _flush_streams()
        with self._lock:
            self._read()
            self._task = None
            return self._log.text if self._heard else None

    def store(self) -> None:
        """Store the lines now: the process is about to end without finishing its task."""
        _flush_streams()
        with self._lock:
            self._read()
        self._store_if_due(interval=0)

    def _listen(self) -> None:
        while True:
            select.select([self._pipe], [], [], FLUSH_INTERVAL)
            with self._lock:
                self._read()
            self._store_if_due(interval=FLUSH_INTERVAL)
            time.sleep(0.01)  # a chatty task is heard a hundred times a second, not at every line

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._pipe, 1 << 16)
            except BlockingIOError:
                return
            if self._task is None:
                os.write(self.real_stderr, data)
                continue
            self._log.append(data)
            self._heard, self._stored = True, False

    def _store_if_due(self, interval: float) -> None:
        with self._lock:
            if self._task is None or self._stored or time.monotonic() - self._stored_at < interval:
                return
            values = {"id": self._task, "logs": self._log.text, "worker": self._worker}
            self._stored, self._stored_at = True, time.monotonic()
        try:
            with self._database.get_session() as session:
                session.execute(_STORE, values)
                session.commit()
        except (SQLAlchemyError, OSError) as error:
            self._stored = False
            logger.warning("task.logs_not_stored", extra={"task": str(values["id"]), "error": type(error).__name__})


def _lines_to(descriptor: int) -> TextIO:
    """Make a stream that writes line by line, whatever the text holds."""
    return open(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _flush_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # a task closed it: then there is nothing to flush
            continue
