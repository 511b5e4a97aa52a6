"""The DAGs of the fake Airflow: chains of tasks whose length and end follow from a run's ``conf``."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec


def _arguments(*positional: Any, **named: Any) -> dict[str, Any]:
    """Return what Airflow shows of a Python task's arguments."""
    return {"templates_dict": None, "op_args": list(positional), "op_kwargs": named}


class Task(msgspec.Struct, forbid_unknown_fields=True):
    """
    One task.

    Attributes:
        task_id: Its name.
        seconds: How long it takes: a number, or the parameter that says so.
        fails: The parameter that makes it fail, if it is true or ``yes``.
        maps: The parameter with the number of its mapped instances; a task without one is not mapped.
        broken: Mapped instances that fail after some seconds, by their indexes.
        asks: Whether it waits for a person, as ``ApprovalOperator`` does.
        template: What Airflow shows of its rendered arguments once it runs.
        returns: What it leaves in XCom; None leaves nothing.
    """

    task_id: str
    seconds: float | str = 0.05
    fails: str = ""
    maps: str = ""
    broken: dict[int, float] = {}
    asks: bool = False
    template: dict[str, Any] = msgspec.field(default_factory=_arguments)
    returns: Any = None


class Declared(msgspec.Struct, forbid_unknown_fields=True):
    """
    A DAG as it is declared: its tasks in their order, its parameters as ``{"value", "schema"}``.

    Attributes:
        timeout: Its ``dagrun_timeout`` in seconds; 0 for none.
        doc: What its page says of it.
    """

    dag_id: str
    tasks: list[Task]
    params: dict[str, dict[str, Any]] = {}
    tags: list[str] = []
    start_date: str | None = None
    timeout: float = 0.0
    doc: str | None = None


@dataclass
class FakeDag:
    """
    A DAG that the server knows.

    Attributes:
        pauses: When it was paused: from, and until (infinity while it still is).
    """

    declared: Declared
    pauses: list[tuple[float, float]] = field(default_factory=list)
    version_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created: float = field(default_factory=time.time)

    @property
    def dag_id(self) -> str:
        """Its name."""
        return self.declared.dag_id

    @property
    def is_paused(self) -> bool:
        """Whether its runs wait."""
        return bool(self.pauses) and self.pauses[-1][1] == float("inf")

    def pause(self, wanted: bool, now: float) -> None:
        """Pause it, or let it go on."""
        if wanted and not self.is_paused:
            self.pauses.append((now, float("inf")))
        elif not wanted and self.is_paused:
            self.pauses[-1] = (self.pauses[-1][0], now)

    def value(self, conf: Mapping[str, Any], name: str) -> Any:
        """Return a parameter as a run has it: its ``conf``'s value, or the default."""
        return conf.get(name, self.declared.params.get(name, {}).get("value"))

    def refusal(self, conf: Mapping[str, Any]) -> str:
        """Return what Airflow says of a ``conf`` that a parameter's schema does not allow, or nothing."""
        for name, param in self.declared.params.items():
            value, schema = self.value(conf, name), param.get("schema", {})
            for rule, words in (("type", "is not of type {!r}"), ("enum", "is not one of {!r}")):
                if rule in schema and not _RULES[rule](value, schema[rule]):
                    said = f"{value!r} {words.format(schema[rule])}"
                    return (
                        f"Invalid input for param {name}: {said}\n\nFailed validating {rule!r} in schema:\n"
                        f"    {schema!r}\n\nOn instance:\n    {value!r}"
                    )
        return ""


_TYPES: dict[str, tuple[type, ...]] = {
    "number": (int, float),
    "integer": (int,),
    "string": (str,),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}


def _has_type(value: Any, wanted: str | list[str]) -> bool:
    names = [wanted] if isinstance(wanted, str) else wanted
    if isinstance(value, bool):
        return "boolean" in names
    return any(isinstance(value, _TYPES[name]) for name in names)


_RULES = {"type": _has_type, "enum": lambda value, wanted: value in wanted}


def param(value: Any, kind: str, **schema: Any) -> dict[str, Any]:
    """Declare a parameter by its default and its type."""
    return {"value": value, "schema": {"type": kind, **schema}, "description": None, "source": None}


NAP = Declared(
    "nap",
    [Task("wait", seconds="secs", fails="fail")],
    {"secs": param(2.0, "number"), "fail": param("no", "string", enum=["no", "yes"])},
    doc="Wait so many seconds; fail then, if that is wanted.",
)
#: The DAGs of the recordings.
RECORDED = [
    Declared(
        "baton_demo",
        [
            Task("prepare", returns={"items": [1, 2, 3]}),
            Task(
                "work",
                seconds="sleep",
                fails="fail",
                template=_arguments({"items": [1, 2, 3]}),
                returns={"sum": 6},
            ),
            Task(
                "finish",
                template=_arguments({"sum": 6}),
                returns={"sum": 6},
            ),
        ],
        {"sleep": param(0, "number"), "fail": param(False, "boolean"), "batch": param({}, "object")},
        ["baton"],
        "2024-01-01T00:00:00Z",
    ),
    Declared(
        "baton_map",
        [
            Task("gen"),
            Task(
                "one",
                maps="n",
                broken={1: 0.1},
                template=_arguments(i=0),
            ),
        ],
        {"n": param(3, "integer")},
    ),
    Declared(
        "baton_hitl",
        [
            Task("approve", asks=True, template={"subject": "Deploy?", "body": "please approve"}),
            Task("after"),
        ],
    ),
]
