"""An Automation's spec, read: what it means, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from baton_operator.decide.definition import Definition, InvalidDefinitionError, RetryPolicy, fits, read_definition


def spec(**fields: Any) -> dict[str, Any]:
    return {"engineRef": {"name": "tasks"}, "target": {"embedded": {"task": "demo.hello"}}, **fields}


def read(**fields: Any) -> Definition:
    return read_definition(spec(**fields), "team-a", "patch")


def test_the_least_that_may_be_said() -> None:
    """Every default is the one of the API."""
    definition = read()
    assert (definition.namespace, definition.automation, definition.engine) == ("team-a", "patch", ("team-a", "tasks"))
    assert (definition.arm, definition.target) == ("embedded", {"task": "demo.hello"})
    assert (definition.per, definition.max_parallel, definition.sequential) == ("Run", 10, False)
    assert (definition.max_failures, definition.max_active, definition.priority) == (0, None, 100)
    assert (definition.queued, definition.run, definition.cancel) == (None, None, 300)
    assert definition.retry == RetryPolicy(1, 30, 2, 1800, frozenset({"Failed", "EngineError"}))
    assert (definition.arguments, definition.batches, definition.suspend) == ((), (), False)


def test_everything_that_may_be_said() -> None:
    definition = read(
        engineRef={"name": "argo", "namespace": "platform"},
        target={"argo": {"workflowTemplate": "nap"}},
        dispatch={"per": "Item", "maxParallel": 3, "order": "Sequential", "maxFailures": "5%"},
        retry={
            "maxAttempts": 4,
            "retryOn": ["Lost"],
            "backoff": {"initial": "1s", "factor": "1.5", "max": "1m"},
        },
        timeouts={"queued": "1m", "run": "1h30m", "cancel": "10s"},
        concurrency={"max": 2},
        priority=7,
        suspend=True,
    )
    assert definition.engine == ("platform", "argo")
    assert definition.target == {"namespace": "team-a", "workflowTemplate": "nap"}
    assert (definition.per, definition.max_parallel, definition.sequential) == ("Item", 3, True)
    assert definition.retry == RetryPolicy(4, 1, 1.5, 60, frozenset({"Lost"}))
    assert (definition.queued, definition.run, definition.cancel) == (60, 5400, 10)
    assert (definition.max_active, definition.priority, definition.suspend) == (2, 7, True)


def test_a_target_may_name_its_own_namespace() -> None:
    assert read(target={"argo": {"workflowTemplate": "nap", "namespace": "jobs"}}).target["namespace"] == "jobs"


@pytest.mark.parametrize(
    ("value", "total", "allowed"),
    [
        (0, 100, 0),
        (3, 100, 3),
        ("3", 100, 3),
        ("5%", 100, 5),
        ("5%", 10, 0),
        ("50%", 3, 1),
        ("100%", 7, 7),
        ("29%", 100, 29),
    ],
)
def test_failures_that_are_put_up_with(value: int | str, total: int, allowed: int) -> None:
    """A share is rounded down, and never by a float's own error."""
    assert read(dispatch={"maxFailures": value}).failures_allowed(total) == allowed


BAD = [
    ({"parametersSchema": {"type": "objekt"}}, "InvalidSchema", "spec.parametersSchema.type: "),
    ({"batchSchema": {"$ref": "http://x/y"}}, "InvalidSchema", "spec.batchSchema: "),
    ({"itemSchema": {"pattern": "("}}, "InvalidSchema", "spec.itemSchema.pattern: "),
    ({"arguments": {"host": "${items.map(i, i)}"}}, "InvalidExpression", "spec.arguments.host: the macro map()"),
    ({"arguments": {"host": "${" + "1+" * 1024 + "1}"}}, "InvalidExpression", "spec.arguments.host: "),
    ({"arguments": {"host": "${parameter.x}"}}, "InvalidExpression", "spec.arguments.host: unknown name 'parameter'"),
    ({"timeouts": {"run": "1d"}}, "InvalidSchema", "spec.timeouts.run: '1d' is not a duration"),
    ({"timeouts": {"queued": "9" * 400 + "h"}}, "InvalidSchema", "spec.timeouts.queued: "),
    ({"retry": {"backoff": {"initial": "soon"}}}, "InvalidSchema", "spec.retry.backoff: 'soon' is not a duration"),
    ({"retry": {"backoff": {"factor": "two"}}}, "InvalidSchema", "spec.retry.backoff: "),
    ({"dispatch": {"maxFailures": "many"}}, "InvalidSchema", "spec.dispatch.maxFailures: "),
]


@pytest.mark.parametrize(
    "document", [{}, {"target": {"argo": {}}}, spec(target={}), spec(target={"argo": {}, "embedded": {}})]
)
def test_what_says_nothing_is_refused(document: dict[str, Any]) -> None:
    """Such a spec is stored where an object could not be kept as it was."""
    with pytest.raises(InvalidDefinitionError, match=r"needs engineRef and exactly one field of target"):
        read_definition(document, "team-a", "patch")


@pytest.mark.parametrize(("fields", "reason", "words"), BAD)
def test_what_cannot_be_used_is_refused_by_field(fields: dict[str, Any], reason: str, words: str) -> None:
    """The reason is of the closed list, and the message begins with the field."""
    with pytest.raises(InvalidDefinitionError) as refused:
        read(**fields)
    assert refused.value.reason == reason
    assert str(refused.value).startswith(words)


@pytest.mark.parametrize(
    ("arm", "engine", "expected"),
    [
        ("argo", "Argo", True),
        ("argo", "Embedded", False),
        ("argo", "Acme", False),
        ("embedded", "Argo", False),
        ("custom", "Acme", True),
        ("custom", "Argo", False),
        ("custom", "Embedded", False),
        ("another", "Acme", False),
    ],
)
def test_a_target_fits_its_type_of_engine(arm: str, engine: str, expected: bool) -> None:
    """What an installed adapter serves is `custom`; the listed types have an arm of their own each."""
    assert fits(arm, engine) is expected
