"""An Automation's spec as Baton works with it: read once a generation, then kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from baton_operator.decide.durations import seconds
from baton_operator.decide.expressions import InvalidExpressionError, Template, compile_arguments
from baton_operator.decide.schemas import InvalidSchemaError, Schema

#: Which arm of ``spec.target`` belongs to which type of engine.
ARMS = {"argo": "Argo", "jenkins": "Jenkins", "airflow": "Airflow", "embedded": "Embedded"}
#: The arm of every other type: what is in it, only the installed adapter knows.
CUSTOM = "custom"


class InvalidDefinitionError(ValueError):
    """
    An Automation cannot be used.

    Attributes:
        reason: ``InvalidSchema`` or ``InvalidExpression``.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a unit of work is tried again; times in seconds."""

    max_attempts: int = 1
    initial: float = 30.0
    factor: float = 2.0
    maximum: float = 1800.0
    retry_on: frozenset[str] = frozenset({"Failed", "EngineError"})

    def delay(self, attempt: int) -> float:
        """Seconds to wait after the failure of attempt number *attempt*, from 1."""
        try:
            return float(min(self.maximum, self.initial * self.factor ** max(attempt - 1, 0)))
        except OverflowError:
            return self.maximum


@dataclass(frozen=True, slots=True)
class Definition:
    """
    What an Automation says, read.

    Attributes:
        namespace, automation: Whose it is.
        engine: Namespace and name of its engine.
        arm: The target's kind: ``argo``, ``embedded`` …
        target: Its values, with the namespace filled in where the engine has namespaces; of an Embedded task with its
            ``dataModels``, and with the tasks of its ``hooks`` by event.
        max_failures: A number, or a share of all units (``"5%"``), exact.
        queued, run, cancel: Time limits in seconds; None for no limit.
        cancel_on_delete: Whether the work of a Run is cancelled when the Run is deleted; else it goes on unheld.
        data_models: What its tasks and hooks may touch, by name.
        hooks: The tasks of its ``hooks``, by event.
    """

    namespace: str
    automation: str
    engine: tuple[str, str]
    arm: str
    target: Mapping[str, Any]
    parameters_schema: Schema | None
    batch_schema: Schema | None
    item_schema: Schema | None
    arguments: tuple[Template, ...]
    batches: Sequence[Mapping[str, Any]]
    per: str
    max_parallel: int
    sequential: bool
    max_failures: int | Fraction
    retry: RetryPolicy
    queued: float | None
    run: float | None
    cancel: float
    max_active: int | None
    priority: int
    suspend: bool
    cancel_on_delete: bool = False
    data_models: Sequence[str] = ()
    hooks: Mapping[str, str] = field(default_factory=dict)

    def failures_allowed(self, total: int) -> int:
        """How many of *total* units may fail before the run stops."""
        return int(self.max_failures * total) if isinstance(self.max_failures, Fraction) else self.max_failures


def read_definition(spec: Mapping[str, Any], namespace: str, automation: str) -> Definition:
    """
    Read an Automation's spec.

    Args:
        namespace: The Automation's: where its engine is looked for and its target lives, unless the spec says.
        automation: Its name.

    Raises:
        InvalidDefinitionError: A schema, an expression or a value cannot be used; the text names the field.
    """
    if len(spec.get("target", ())) != 1 or "engineRef" not in spec:
        raise InvalidDefinitionError("InvalidSchema", "spec: needs engineRef and exactly one field of target")
    (arm,) = spec["target"]
    dispatch, timeouts = spec.get("dispatch", {}), spec.get("timeouts", {})
    engine = spec["engineRef"]
    try:
        return Definition(
            namespace=namespace,
            automation=automation,
            engine=(engine.get("namespace") or namespace, engine["name"]),
            arm=arm,
            target=_target(spec, namespace),
            parameters_schema=_schema(spec, "parametersSchema"),
            batch_schema=_schema(spec, "batchSchema"),
            item_schema=_schema(spec, "itemSchema"),
            arguments=compile_arguments(spec.get("arguments", {})),
            batches=spec.get("batches", ()),
            per=dispatch.get("per", "Run"),
            max_parallel=dispatch.get("maxParallel", 10),
            sequential=dispatch.get("order") == "Sequential",
            max_failures=_max_failures(dispatch.get("maxFailures", 0)),
            retry=_retry(spec.get("retry", {})),
            queued=_limit(timeouts, "queued"),
            run=_limit(timeouts, "run"),
            cancel=_limit(timeouts, "cancel") or 300.0,
            max_active=spec.get("concurrency", {}).get("max"),
            priority=spec.get("priority", 100),
            suspend=bool(spec.get("suspend", False)),
            cancel_on_delete=spec.get("deletionPolicy") == "Cancel",
            data_models=spec.get("dataModels", ()),
            hooks=_hooks(spec),
        )
    except InvalidExpressionError as error:
        raise InvalidDefinitionError("InvalidExpression", str(error)) from None
    except (InvalidSchemaError, ValueError) as error:
        raise InvalidDefinitionError("InvalidSchema", str(error)) from None


def _target(spec: Mapping[str, Any], namespace: str) -> Mapping[str, Any]:
    ((arm, target),) = spec["target"].items()
    if arm == "argo":
        return {"namespace": namespace, **target}
    if arm != "embedded":
        return dict(target)
    beside = {"dataModels": spec.get("dataModels"), "hooks": _hooks(spec)}
    return {**target, **{name: value for name, value in beside.items() if value}}


def _hooks(spec: Mapping[str, Any]) -> Mapping[str, str]:
    """Give the tasks that can be read: a hook never keeps a Run, whatever has got past the kind's schema."""
    hooks = spec.get("hooks")
    found = hooks.items() if isinstance(hooks, Mapping) else ()
    return {
        event: hook["task"] for event, hook in found if isinstance(hook, Mapping) and isinstance(hook.get("task"), str)
    }


def fits(arm: str, engine_type: str) -> bool:
    """Tell whether a target of this kind can be started at an engine of that type."""
    return engine_type not in ARMS.values() if arm == CUSTOM else ARMS.get(arm) == engine_type


def _schema(spec: Mapping[str, Any], field: str) -> Schema | None:
    return Schema(f"spec.{field}", spec[field]) if field in spec else None


def _limit(timeouts: Mapping[str, Any], field: str) -> float | None:
    if field not in timeouts:
        return None
    try:
        return seconds(timeouts[field])
    except ValueError as error:
        raise ValueError(f"spec.timeouts.{field}: {error}") from None


def _max_failures(value: int | str) -> int | Fraction:
    try:
        return Fraction(value[:-1]) / 100 if isinstance(value, str) and value.endswith("%") else int(value)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"spec.dispatch.maxFailures: {value!r} is neither a number nor a share like 5%") from None


def _retry(retry: Mapping[str, Any]) -> RetryPolicy:
    backoff = retry.get("backoff", {})
    try:
        return RetryPolicy(
            max_attempts=retry.get("maxAttempts", 1),
            initial=seconds(backoff.get("initial", "30s")),
            factor=float(backoff.get("factor", "2")),
            maximum=seconds(backoff.get("max", "30m")),
            retry_on=frozenset(retry.get("retryOn", ("Failed", "EngineError"))),
        )
    except ValueError as error:
        raise ValueError(f"spec.retry.backoff: {error}") from None
