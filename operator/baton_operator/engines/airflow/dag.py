"""What a DAG is and declares, and whether a target's arguments fit it."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from baton_operator.engines.airflow.runs import OURS
from baton_operator.engines.base import Problem

_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_UNITS = (86400.0, 3600.0, 60.0, 1.0)


class Param(msgspec.Struct, frozen=True, rename={"schema_": "schema"}):
    """One declared param."""

    value: Any = None
    schema_: dict[str, Any] = {}

    @property
    def is_required(self) -> bool:
        """
        Whether a submit without it is refused: it has no value, and its type does not take null.

        Airflow shows a param without a default and one whose default is null alike. Without a type nobody can tell
        them apart; such a one is left to Airflow.
        """
        types = self.schema_.get("type")
        return self.value is None and types is not None and types != "null" and "null" not in types


class Dag(msgspec.Struct, frozen=True):
    """The answer of ``/dags/{dag}/details``, as far as it matters."""

    dag_id: str
    is_paused: bool | None = None
    is_stale: bool = False
    has_import_errors: bool = False
    allowed_run_types: list[str] | None = None
    dag_run_timeout: str | float | None = None
    params: dict[str, Param] | None = None

    @property
    def timeout(self) -> float | None:
        """The DAG's own ``dagrun_timeout`` in seconds (measured: ISO 8601, ``PT25S``); None for none."""
        if isinstance(self.dag_run_timeout, float):
            return self.dag_run_timeout
        match = _DURATION.fullmatch(self.dag_run_timeout or "")
        if match is None or not any(match.groups()):
            return None
        return sum(float(count or 0) * unit for count, unit in zip(match.groups(), _UNITS, strict=True))

    def problems(self, arguments: Sequence[str]) -> Sequence[Problem]:
        """Compare with what a target wants; a paused DAG blocks nothing, since its runs begin once it is not."""
        return [*self._standing(), *self._declared(arguments)]

    def _standing(self) -> Sequence[Problem]:
        """Say what is wrong with the DAG itself."""
        if self.is_stale:
            return [Problem("TargetNotFound", f"the DAG {self.dag_id} is not in any file any more: add it again")]
        found = []
        if self.has_import_errors:
            message = f"the DAG {self.dag_id} has import errors, so Airflow refuses to run it: correct its file"
            found.append(Problem("TargetNotFound", message))
        if self.allowed_run_types is not None and "manual" not in self.allowed_run_types:
            message = f"the DAG {self.dag_id} does not allow manual runs: add manual to its allowed_run_types"
            found.append(Problem("TargetNotFound", message))
        if self.is_paused:
            message = (
                f"the DAG {self.dag_id} is paused: Airflow takes its runs and lets them wait until it is unpaused "
                f"(airflow dags unpause {self.dag_id})"
            )
            found.append(Problem("TargetPaused", message, blocking=False))
        return found

    def _declared(self, arguments: Sequence[str]) -> Sequence[Problem]:
        """Compare *arguments* with the params; a DAG without any takes everything as it is."""
        declared = self.params or {}
        found = [
            Problem("InvalidArguments", f"the DAG requires the param {name}: add it to arguments")
            for name, param in declared.items()
            if param.is_required and name not in arguments
        ]
        if OURS in arguments:
            found.append(Problem("InvalidArguments", f"arguments.{OURS} is Baton's own: call the argument otherwise"))
        unknown = [name for name in arguments if name not in declared and name != OURS] if declared else []
        if unknown:
            message = (
                f"not declared among the DAG's params: {', '.join(unknown)}; tasks see them in dag_run.conf only, and "
                "a misspelt name is not noticed"
            )
            found.append(Problem("InvalidArguments", message, blocking=False))
        return found
