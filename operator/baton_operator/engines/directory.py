"""What is installed for workers: asked, because finding out runs users' code, and the operator runs none."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from baton_operator.engines.base import Problem


class TaskDirectory(Protocol):
    """Knows which tasks are installed, without running users' code in this process."""

    async def problem(self, task: str, arguments: Sequence[str] | None) -> Problem | None:
        """
        Say what keeps *task* from being called with these *arguments*; None if nothing does, or nobody knows.

        Args:
            task: Its name.
            arguments: The arguments' names; None leaves them unchecked.
        """

    async def missing_model(self, models: Sequence[str]) -> Problem | None:
        """Say which of the data *models* is not installed; None if all are, or nobody knows."""


async def missing(directory: TaskDirectory, models: Sequence[str], hooks: Mapping[str, str]) -> Sequence[Problem]:
    """
    Say which data models and which hooks' tasks an Automation names that are not installed.

    Args:
        models: Names of ``spec.dataModels``.
        hooks: The tasks of ``spec.hooks``, by event.
    """
    found = [await directory.missing_model(models) if models else None]
    for event, task in hooks.items():
        problem = await directory.problem(task, None)
        found.append(problem and replace(problem, message=f"spec.hooks.{event}: {problem.message}"))
    return [problem for problem in found if problem]
