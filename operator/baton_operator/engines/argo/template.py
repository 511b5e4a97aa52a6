"""What a WorkflowTemplate declares, and whether a target's arguments fit it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from baton_operator.engines.base import Problem

#: Seconds a name must outlive delay and freeze so that a second send still meets it (`dispatch.md`: TTL ≥ 10 min).
SHORTEST_MEMORY = 600.0


class Parameter(msgspec.Struct, frozen=True, rename="camel"):
    """One declared parameter: required, unless it has a value, a default or a source."""

    name: str = ""
    value: Any = None
    default: Any = None
    value_from: dict[str, Any] | None = None
    enum: list[Any] | None = None

    @property
    def is_required(self) -> bool:
        """Whether a submit without it is refused."""
        return self.value is None and self.default is None and self.value_from is None


class Arguments(msgspec.Struct, frozen=True):
    """``spec.arguments``."""

    parameters: list[Parameter] | None = None


class TtlStrategy(msgspec.Struct, frozen=True, rename="camel"):
    """``spec.ttlStrategy``: seconds after which an ended workflow is deleted."""

    seconds_after_completion: int | None = None
    seconds_after_success: int | None = None
    seconds_after_failure: int | None = None


class Entry(msgspec.Struct, frozen=True):
    """One of the template's templates."""

    name: str = ""


class TemplateSpec(msgspec.Struct, frozen=True, rename="camel"):
    """A template's ``spec``, as far as it matters."""

    arguments: Arguments = Arguments()
    ttl_strategy: TtlStrategy | None = None
    templates: list[Entry] | None = None


class Template(msgspec.Struct, frozen=True):
    """A WorkflowTemplate or ClusterWorkflowTemplate."""

    spec: TemplateSpec

    @property
    def memory(self) -> float | None:
        """Seconds Argo keeps an ended workflow of this template, the shortest of its ends; None if it does not say."""
        strategy = self.spec.ttl_strategy
        if strategy is None:
            return None
        given = (strategy.seconds_after_completion, strategy.seconds_after_success, strategy.seconds_after_failure)
        return min((float(seconds) for seconds in given if seconds is not None), default=None)

    def refusals(self, target: Mapping[str, Any], arguments: Collection[str]) -> list[Problem]:
        """Say what argo-server's own validation would refuse of a submit."""
        found = [
            Problem("InvalidArguments", f"the template requires the parameter {parameter.name}: add it to arguments")
            for parameter in self.spec.arguments.parameters or ()
            if parameter.is_required and parameter.name not in arguments
        ]
        entrypoint = target.get("entrypoint")
        if entrypoint and entrypoint not in {entry.name for entry in self.spec.templates or ()}:
            found.append(Problem("TargetNotFound", f"the template has no entrypoint {entrypoint}"))
        return found

    def problems(self, target: Mapping[str, Any], arguments: Sequence[str]) -> Sequence[Problem]:
        """Compare with what a target wants: Argo itself accepts an undeclared parameter in silence."""
        declared = {parameter.name for parameter in self.spec.arguments.parameters or ()}
        found = [
            Problem("InvalidArguments", f"arguments.{name} is not declared by the template: remove it or declare it")
            for name in arguments
            if name not in declared
        ]
        found += self.refusals(target, arguments)
        if self.memory is not None and self.memory < SHORTEST_MEMORY:
            found.append(
                Problem(
                    "ShortMemory",
                    f"the template's ttlStrategy deletes workflows {self.memory:.0f} s after their end: from "
                    f"{SHORTEST_MEMORY:.0f} s on, a submit whose answer was lost can be told from one never sent",
                    blocking=False,
                )
            )
        return found
