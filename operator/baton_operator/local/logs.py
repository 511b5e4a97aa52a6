"""A server's log, as far as it goes and as it grows."""

from __future__ import annotations

import time
from collections.abc import Iterator

from baton_operator.local.process import ServerProcess

_PAUSE = 0.2


def read_log(process: ServerProcess, *, follow: bool) -> Iterator[str]:
    """
    Give the log of a server in pieces.

    Args:
        process: Whose log it is.
        follow: Whether to wait for more, until the server has ended.

    Raises:
        FileNotFoundError: It was never started.
    """
    with process.log_file.open(errors="replace") as log:
        while True:
            ended = not (follow and process.runs)  # asked before the last reading, so that no last words are lost
            while piece := log.read(65536):
                yield piece
            if ended:
                return
            time.sleep(_PAUSE)
