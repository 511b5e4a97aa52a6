"""
SIGTERM before there is anything to finish.

Process 1 of a container gets only the signals that it handles; others the kernel drops. To import an operator takes
more than a second, and the Pod of one that was stopped meanwhile would stay until its grace period is over.
"""

import contextlib
import gc
import os
import signal
from collections.abc import Iterator


def end_when_told() -> None:
    """End this process with status 0 on SIGTERM and SIGINT, at once, until somebody else handles them."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Import without looking for garbage, of which imports make none: a tenth of their time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
