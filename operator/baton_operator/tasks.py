"""
Write tasks for Baton's own engine, Embedded.

A task is a function with a name, in a package installed beside Baton (operator and workers run the same image)::

    from baton_operator.tasks import TaskContext, task

    @task("acme.restart", timeout=60, on_crash="retry")
    def restart(host: str, context: TaskContext) -> dict[str, str]:
        context.log(f"restarting {host}")
        return {"host": host}

and the package names its module in the entry-point group ``baton.tasks``::

    [project.entry-points."baton.tasks"]
    acme = "acme_baton.tasks"

The decorator only marks the function: nothing is registered at import. `Catalogue.discover` imports the modules and
collects what they mark; only worker processes do that, never the operator.
"""

import difflib
import inspect
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, Protocol, TypeVar
from uuid import UUID

GROUP = "baton.tasks"

#: Modules that are there without an entry point: what the quickstart and the demo run.
BUILT_IN = ("baton_operator.worker.demo",)

CONTEXT = "context"
MAX_NAME = 100
OnCrash = Literal["fail", "retry"]
Function = TypeVar("Function", bound=Callable[..., Any])

_MARK = "__baton_task__"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


class InvalidTaskError(ValueError):
    """A function cannot be a task; the text names it and the fix."""


class InvalidArgumentsError(ValueError):
    """A task was called with arguments that it does not take; the text names the argument and the fix."""


class TaskStopped(BaseException):
    """Raised inside a sync task that is to end now; clean up within two seconds. An async one is cancelled."""


class TaskData(Protocol):
    """What a task reaches of the database; the worker gives it."""

    def get_model(self, name: str) -> type[Any]:
        """Give the class of a declared data model."""

    @property
    def session(self) -> Any:
        """The session of the task's transaction."""


class NoTaskDataError(RuntimeError):
    """A task that was called outside of a worker has no database; give its context `data` to test it with one."""


class NoTaskData:
    """The data of a context that somebody made by hand."""

    def get_model(self, name: str) -> type[Any]:
        """Refuse."""
        raise NoTaskDataError(f"data model {name!r}: this context was not made by a worker: give it data")

    @property
    def session(self) -> Any:
        """Refuse."""
        raise NoTaskDataError("session: this context was not made by a worker: give it data")


@dataclass(frozen=True, slots=True)
class HookCall:
    """
    Why a task is called as a hook; the same values are its arguments, as far as it has parameters of these names.

    Attributes:
        event: ``onStart``, ``onTransition`` or ``onFinish``.
        status: The Run's status after the change: PENDING, PROCESSING, COMPLETED …
        previous: The one before; None at its birth.
        reason: Why, as in the Run's history.
        seq: Number of the change in the Run's history, from 1.
    """

    event: str
    status: str
    previous: str | None
    reason: str | None
    seq: int


@dataclass(frozen=True, slots=True)
class TaskContext:
    """
    What a task may know of its execution: it gets one if it declares a parameter named ``context``.

    Attributes:
        run_uid: The Run's uid.
        run_name: The Run's name.
        namespace: The Run's namespace.
        token: The attempt's token: the same again if the task is repeated after a crash (``on_crash="retry"``), so
            it serves as an idempotency key towards other systems.
        attempt: Number of the attempt, from 1; a retry is a new attempt.
        traceparent: W3C trace context of the Run, to hand on to whatever the task calls.
        logger: Its lines are kept with the task, as all that the task prints.
        run_id: The Run's key in the database: the ``workflow_instance_id`` of managed rows.
        parent_run_id: That of the Run which it follows (``spec.parentRunRef``); None where it follows none.
        action: What the Run is to that one (``spec.action``).
        hook: Why it is called, if as a hook (``spec.hooks``); None for the Run's own work.
        data: The task's way to the database; given by the worker.
    """

    run_uid: str
    run_name: str
    namespace: str
    token: str
    attempt: int
    traceparent: str | None = None
    logger: logging.Logger = field(default_factory=lambda: logging.getLogger("task"), repr=False)
    run_id: UUID | None = None
    parent_run_id: UUID | None = None
    action: str | None = None
    hook: HookCall | None = None
    data: TaskData = field(default_factory=NoTaskData, repr=False)

    @property
    def session(self) -> Any:
        """
        The database: a `sqlalchemy.orm.Session` in a sync task, an `AsyncSession` in an async one.

        What is written through it is committed together with the task's end, when the task has returned; if it
        fails, all of it is gone. ``commit`` is Baton's. ``rollback`` undoes what the task has written so far,
        ``begin_nested`` makes a part of it that can fail alone. The transaction begins with the first statement, and
        holds its locks until the task has ended.
        """
        return self.data.session

    def get_model(self, name: str) -> type[Any]:
        """
        Give the class of the data model *name*.

        Raises:
            DataModelAccessDeniedError: The Automation's ``spec.dataModels`` does not name it.
        """
        return self.data.get_model(name)

    def log(self, line: object) -> None:
        """Keep one line for people; `baton runs logs` shows it."""
        self.logger.info("%s", line)


@dataclass(frozen=True, slots=True)
class Task:
    """
    A function that can be run by name.

    Attributes:
        name: As ``spec.target.embedded.task`` says it, at most 100 characters.
        function: Sync or async; called with keyword arguments.
        timeout: Seconds after which it is killed; None for no limit. The Run's own limit holds beside it.
        on_crash: What the death of its worker means: ``fail`` (at most once) or ``retry`` (at least once).
    """

    name: str
    function: Callable[..., Any]
    timeout: float | None = None
    on_crash: OnCrash = "fail"

    @property
    def takes_context(self) -> bool:
        """Whether it declares a parameter named ``context``."""
        return CONTEXT in inspect.signature(self.function).parameters

    @property
    def parameters(self) -> Mapping[str, bool]:
        """Names of the arguments it takes, and whether each is required."""
        return {
            name: each.default is each.empty
            for name, each in inspect.signature(self.function).parameters.items()
            if name != CONTEXT and each.kind is not each.VAR_KEYWORD
        }

    @property
    def takes_any(self) -> bool:
        """Whether it takes arguments of any name (``**values``)."""
        return any(each.kind is each.VAR_KEYWORD for each in inspect.signature(self.function).parameters.values())

    def check(self, names: Iterable[str]) -> None:
        """
        Check the names of arguments before a call.

        Raises:
            InvalidArgumentsError: One is missing, or one is not a parameter of the function.
        """
        problem = argument_problem(self.name, self.parameters, takes_any=self.takes_any, names=names)
        if problem:
            raise InvalidArgumentsError(problem)


def argument_problem(name: str, parameters: Mapping[str, bool], *, takes_any: bool, names: Iterable[str]) -> str | None:
    """Say which of the argument *names* a task does not take, or which one it lacks; None if they fit."""
    given = set(names)
    for each in sorted(given):
        if each == CONTEXT:
            return f"task {name!r}: the argument 'context' is reserved for Baton: rename it"
        if each not in parameters and not takes_any:
            takes = ", ".join(parameters) or "none"
            return f"task {name!r} has no parameter {each!r} (it takes: {takes}): remove or rename the argument"
    for each, required in parameters.items():
        if required and each not in given:
            return f"task {name!r} needs the argument {each!r}: add it to the Automation's spec.arguments"
    return None


def task(name: str, *, timeout: float | None = None, on_crash: OnCrash = "fail") -> Callable[[Function], Function]:
    """
    Mark a function as the task *name*; the function itself stays what it is.

    It is called with keyword arguments, JSON values as the Automation's ``arguments`` give them, and returns a JSON
    value of at most 256 KiB. An exception fails it: its type and text are the Run's message, its traceback is in the
    logs. It runs in a process of its own that ends it when it is cancelled or out of time, whatever it is doing:
    first `TaskStopped` is raised in it (2 seconds to clean up), then the process is killed.

    Args:
        name: Letters, digits, ``.``, ``_`` and ``-``, e.g. ``acme.restart``.
        timeout: Seconds it may run; None for no limit.
        on_crash: ``fail`` or ``retry`` when its worker dies: at most once, or at least once; it begins anew five times
            for one attempt, then the attempt fails.

    Raises:
        InvalidTaskError: The name, the timeout or a parameter cannot be used.
    """

    def mark(function: Function) -> Function:
        _check_task(name, function, timeout, on_crash)
        setattr(function, _MARK, Task(name, function, timeout, on_crash))
        return function

    return mark


def _check_task(name: str, function: Callable[..., Any], timeout: float | None, on_crash: str) -> None:
    where = f"{function.__module__}.{getattr(function, '__qualname__', function)}"
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise InvalidTaskError(f"{where}: {name!r} is no task name: 1-100 letters, digits, '.', '_' and '-'")
    if timeout is not None and timeout <= 0:
        raise InvalidTaskError(f"{where}: timeout={timeout!r}: seconds above 0, or None for no limit")
    if on_crash not in {"fail", "retry"}:
        raise InvalidTaskError(f"{where}: on_crash={on_crash!r}: 'fail' or 'retry'")
    for each in inspect.signature(function).parameters.values():
        if each.kind in {each.POSITIONAL_ONLY, each.VAR_POSITIONAL}:
            raise InvalidTaskError(f"{where}: parameter {each.name!r} cannot be given by name: tasks take keywords")


class UnknownTaskError(LookupError):
    """No installed package offers a task of that name; the text names near ones."""


@dataclass(frozen=True)
class Catalogue:
    """
    The tasks that are installed here.

    Attributes:
        tasks: By name.
        broken: What could not be loaded, and why: by entry point, for people.
    """

    tasks: Mapping[str, Task]
    broken: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def discover(cls, built_in: Sequence[str] = BUILT_IN, group: str = GROUP) -> "Catalogue":
        """
        Import the built-in modules and all entry points of *group*, and collect the tasks they mark.

        Runs users' code. A module that cannot be imported is noted in `broken`; the others stay usable.
        """
        builder = _Builder()
        for module in built_in:
            builder.add(EntryPoint(name=module, value=module, group=group))
        for each in sorted(entry_points(group=group), key=lambda point: (point.name, point.value)):
            builder.add(each)
        return cls(builder.tasks, builder.broken)

    @classmethod
    def of(cls, *functions: Callable[..., Any]) -> "Catalogue":
        """Make a catalogue of marked *functions*, without importing anything."""
        found = (getattr(each, _MARK) for each in functions)
        return cls({each.name: each for each in found})

    def get(self, name: str) -> Task:
        """
        Return the task *name*.

        Raises:
            UnknownTaskError: There is none here.
        """
        if name not in self.tasks:
            raise UnknownTaskError(unknown_task(name, self.tasks, self.broken))
        return self.tasks[name]


def unknown_task(name: str, known: Iterable[str], broken: Mapping[str, str]) -> str:
    """Say for people that *name* is not known, which names are near, and which packages could not be loaded."""
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "is its package installed beside Baton's workers?"
    failed = "".join(f"; entry point {entry} could not be loaded: {why}" for entry, why in broken.items())
    return f"no task is registered as {name!r}: {hint}{failed}"[:1000]


class _Builder:
    """Collects tasks from entry points, one after the other."""

    def __init__(self) -> None:
        self.tasks: dict[str, Task] = {}
        self.broken: dict[str, str] = {}

    def add(self, point: EntryPoint) -> None:
        try:
            loaded = point.load() if point.attr else import_module(point.module)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - users' code: whatever it raises, the other packages go on
            self.broken[point.name] = f"{type(error).__name__}: {error}"[:300]
            return
        for each in _marked(loaded):
            other = self.tasks.setdefault(each.name, each)
            if other is not each:
                self.broken[point.name] = (
                    f"task {each.name!r} is already offered by {other.function.__module__}: rename one of the two"
                )


def _marked(loaded: object) -> Iterable[Task]:
    if isinstance(getattr(loaded, _MARK, None), Task):
        return [getattr(loaded, _MARK)]
    marks = (getattr(each, _MARK, None) for each in list(vars(loaded).values()))
    return [each for each in marks if isinstance(each, Task)]
