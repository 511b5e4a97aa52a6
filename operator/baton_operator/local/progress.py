"""Lines that tell a waiting person what happens, why, and how long it usually takes."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Say = Callable[[str], None]
"""Shows one line to whoever waits."""

_BEAT = 10.0


def say_on_stderr(line: str) -> None:
    """Write *line* to the process's own standard error, even where a test runner captures `sys.stderr`."""
    print(f"baton local: {line}", file=sys.__stderr__, flush=True)


@contextmanager
def heartbeat(say: Say, what: str, *, usually: str, detail: Callable[[], str] = str) -> Iterator[None]:
    """
    Say what is being done, then every ten seconds how long it has taken, and at the end how long it took.

    Args:
        say: Where the lines go.
        what: What is being done, and why.
        usually: How long it usually takes.
        detail: Asked at each beat for a word on how far it is; may be empty.
    """
    started = time.monotonic()
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(_BEAT):
            say(f"  … {_clock(started)} so far (usually {usually}) {detail()}".rstrip())

    say(f"{what} (usually {usually})")
    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
        say(f"  done after {_clock(started)}")
    finally:
        ended.set()
        thread.join()


def _clock(started: float) -> str:
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    return f"{minutes}:{seconds:02d} min"
