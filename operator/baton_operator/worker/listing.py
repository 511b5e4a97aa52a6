"""
Which tasks are installed here, asked of a child process: finding out imports users' code, and the operator does not.

The child is ``python -m baton_operator.worker.listing``, with the environment that tasks get; it prints JSON. People
may call it too, to see what a package offers and what could not be loaded.
"""

import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from baton_models.registry import DataModelRegistry, unknown_data_model
from baton_operator.engines.base import Problem
from baton_operator.tasks import Catalogue, argument_problem, unknown_task
from baton_operator.worker.environment import scrubbed

#: Seconds that importing all packages may take.
DEADLINE = 30.0

#: Seconds between two listings because of a name that was not found: a package may have been installed meanwhile. Where
#: a listing took longer, it counts for as long again: packages that are slow to import are not imported all the time.
SETTLE = 5.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Signature:
    """
    How a task may be called.

    Attributes:
        parameters: Names of its arguments, and whether each is required.
        takes_any: Whether it takes others besides.
    """

    parameters: Mapping[str, bool]
    takes_any: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """
    What a child process found: `Catalogue` without the functions, `DataModelRegistry` without the classes.

    Attributes:
        models: Names of data models.
        broken_models: Packages of data models that could not be loaded, and why.
    """

    tasks: Mapping[str, Signature]
    broken: Mapping[str, str]
    models: Sequence[str] = ()
    broken_models: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: bytes) -> "Listing":
        """Decode what `main` printed: its last line, whatever the packages printed before."""
        values: Mapping[str, Any] = orjson.loads(text.strip().splitlines()[-1])
        tasks = {name: Signature(**each) for name, each in values["tasks"].items()}
        return cls(tasks, values["broken"], values["models"], values["broken_models"])


class InstalledTasks:
    """
    A `TaskDirectory` of the packages installed beside the operator; workers run the same image.

    Where the listing itself fails, nobody knows, and nothing is refused: the worker has the last word.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._listing: Listing | None = None
        self._counts_until = 0.0
        self._asking: asyncio.Task[None] | None = None

    async def problem(self, task: str, arguments: Sequence[str] | None) -> Problem | None:
        """Say what keeps *task* from being called with these *arguments*; None if nothing does, or nobody knows."""
        listing = await self._listed(lambda known: task in known.tasks)
        if listing is None:
            return None
        if task not in listing.tasks:
            return Problem("TargetNotFound", unknown_task(task, listing.tasks, listing.broken))
        known = listing.tasks[task]
        if arguments is None:
            return None
        wrong = argument_problem(task, known.parameters, takes_any=known.takes_any, names=arguments)
        return Problem("InvalidArguments", wrong) if wrong else None

    async def missing_model(self, models: Sequence[str]) -> Problem | None:
        """Say which of the data *models* is not installed; None if all are, or nobody knows."""
        listing = await self._listed(lambda known: set(models) <= set(known.models))
        for each in models if listing else ():
            if listing and each not in listing.models:
                return Problem(
                    "TargetNotFound",
                    f"spec.dataModels: {unknown_data_model(each, listing.models, listing.broken_models)}",
                )
        return None

    async def _listed(self, fits: Callable[[Listing], bool]) -> Listing | None:
        """
        Give the listing; ask for a new one where this one lacks something, which may be installed by now.

        Whoever cannot wait for it may be cancelled: the listing goes on, for the next one who asks.
        """
        if self._listing and fits(self._listing):
            return self._listing
        if self._asking is None and time.monotonic() >= self._counts_until:
            self._asking = asyncio.create_task(self._list())
        if self._asking:
            await asyncio.shield(self._asking)
        return self._listing

    async def _list(self) -> None:
        begun = time.monotonic()
        try:
            self._listing = await _ask(self._environ) or self._listing
        except OSError as error:
            logger.warning("tasks.not_listed", extra={"error": type(error).__name__})
        finally:
            ended = time.monotonic()
            self._counts_until = ended + max(SETTLE, ended - begun)
            self._asking = None


async def _ask(environ: Mapping[str, str]) -> Listing | None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "baton_operator.worker.listing",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env=scrubbed(environ),
    )
    try:
        async with asyncio.timeout(DEADLINE):
            out, _ = await process.communicate()
        return Listing.parse(out)
    except (TimeoutError, ValueError, LookupError, TypeError) as error:
        logger.warning("tasks.not_listed", extra={"error": type(error).__name__, "status": process.returncode})
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def main() -> None:
    """Print what is installed as one line of JSON."""
    catalogue = Catalogue.discover()
    tasks = {
        name: {"parameters": dict(each.parameters), "takes_any": each.takes_any}
        for name, each in catalogue.tasks.items()
    }
    models = DataModelRegistry.discover()
    found = {
        "tasks": tasks,
        "broken": catalogue.broken,
        "models": models.list(),
        "broken_models": models.broken,
    }
    sys.stdout.write(orjson.dumps(found).decode() + "\n")
    sys.stdout.flush()
    os._exit(0)  # whatever threads the packages have started


if __name__ == "__main__":
    main()
