"""Call one task and turn whatever comes of it into an outcome; the only place where users' code is called."""

import asyncio
import inspect
import logging
import signal
import traceback
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any, Protocol

import orjson

from baton_models.errors import UncleanPayloadError
from baton_models.payload import check_payload
from baton_operator.engines.embedded.adapter import MAX_MESSAGE
from baton_operator.tasks import CONTEXT, InvalidArgumentsError, Task, TaskContext, TaskStopped
from baton_operator.worker.finish import Outcome

#: Bytes of a result as JSON.
MAX_RESULT = 256 * 1024

#: How many of what a task has left running are named.
_SHOWN = 5

logger = logging.getLogger(__name__)


class InvalidResultError(ValueError):
    """A task returned what cannot be stored; the text says what and what to do."""


class Stopper:
    """
    Turns SIGTERM into the end of the task under way: an exception in a sync one, a cancel of an async one.

    Attributes:
        stopped: Whether a task was ended by it; its outcome is then the supervisor's to say.
        asked: Whether SIGTERM came at all: no further task may begin.
    """

    def __init__(self) -> None:
        self.stopped = False
        self.asked = False
        self._sync = False
        self._cancel: Callable[[], object] | None = None

    def install(self) -> None:
        """Listen to SIGTERM; SIGINT is the supervisor's business."""
        signal.signal(signal.SIGTERM, self._terminated)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _terminated(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's form
        self.asked = True
        if self._sync:
            self.stopped = True
            raise TaskStopped
        if self._cancel:
            self.stopped = True
            self._cancel()

    def run_sync(self, function: Callable[[], Any]) -> Any:
        """Call *function* so that SIGTERM ends it."""
        self._sync = True
        try:
            return function()
        finally:
            self._sync = False

    async def run_async(self, function: Callable[[], Any]) -> Any:
        """Await *function* so that SIGTERM cancels it; what it has left running is cancelled afterwards."""
        loop, current = asyncio.get_running_loop(), asyncio.current_task()
        inner = loop.create_task(_contained(function))
        self._cancel = lambda: loop.call_soon_threadsafe(inner.cancel)
        try:
            return await inner
        finally:
            self._cancel = None
            left = [each for each in asyncio.all_tasks() if each is not current]
            if left and not self.stopped:
                _tell_of(left)
            for each in left:
                each.cancel()
            await asyncio.gather(*left, return_exceptions=True)


def _tell_of(left: Sequence[asyncio.Task[Any]]) -> None:
    """Say it in the task's log: a query that is cancelled breaks the connection, as if the database were in trouble."""
    names = ", ".join(sorted(each.get_name() for each in left)[:_SHOWN])
    said = "%s asyncio tasks were left running and are cancelled: await them in the task (%s)"
    logging.getLogger("task").warning(said, len(left), names)


async def _contained(function: Callable[[], Any]) -> Any:
    """Keep `SystemExit` of a task from ending the event loop."""
    try:
        return await function()
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"{type(error).__name__}: {error}") from error


class Work(Protocol):
    """What a task writes, to be closed when it has returned, before its end is stored."""

    def seal(self) -> None:
        """Send what is left to be written, and check it; that of a sync task."""

    async def seal_async(self) -> None:
        """Do the same for an async task."""


def invoke(
    task: Task,
    arguments: Mapping[str, Any],
    context: TaskContext,
    work: Work,
    *,
    stopper: Stopper,
    runner: asyncio.Runner,
) -> Outcome:
    """
    Call *task* and say how it went; what it raises is its failure, with the traceback in its log.

    A sync task is called on the main thread with no event loop running, so `asyncio.run` works inside it.
    """
    try:
        task.check(arguments)
        keywords = {**arguments, CONTEXT: context} if task.takes_context else dict(arguments)
        if inspect.iscoroutinefunction(task.function):
            result = encoded(runner.run(stopper.run_async(lambda: task.function(**keywords))))
            runner.run(stopper.run_async(work.seal_async))
        else:
            result = encoded(stopper.run_sync(lambda: task.function(**keywords)))
            stopper.run_sync(work.seal)
        return Outcome("succeeded", result=result)
    except (InvalidArgumentsError, InvalidResultError) as error:
        return Outcome("failed", error=str(error)[:MAX_MESSAGE])
    except BaseException as error:  # noqa: BLE001 - users' code may raise anything; the worker goes on
        if not stopper.stopped:
            traceback.print_exception(error)
        return Outcome("failed", error=_described(error))


def _described(error: BaseException) -> str:
    text = str(error)
    return (f"{type(error).__name__}: {text}" if text else type(error).__name__)[:MAX_MESSAGE].replace("\0", "\ufffd")


def encoded(value: Any) -> bytes:
    """
    Encode a result as JSON.

    Raises:
        InvalidResultError: It is no JSON value, holds what PostgreSQL cannot store, or is too big.
    """
    try:
        check_payload(value, "result")
        result = orjson.dumps(value)
    except (UncleanPayloadError, TypeError, RecursionError) as error:
        raise InvalidResultError(f"the task returned what is no JSON value: {error}") from None
    if len(result) > MAX_RESULT:
        raise InvalidResultError(
            f"the task's result has {len(result)} bytes, more than {MAX_RESULT}: store it elsewhere, return a link"
        )
    return result
