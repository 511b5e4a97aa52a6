"""
Every limit of the three kinds, at its bound and one beyond it, on the real API server.

The limits are read from the definitions, so that none can be forgotten. A value is put into an object that is valid
but for it: the first of `VALID` that has its field, or at least a place for it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

CRDS = sorted((Path(__file__).parents[3] / "crds").glob("*.yaml"))
DURATION = "^([0-9]+(ms|s|m|h))+$"
# How a text starts and goes on, by the last step of its path, where plain letters are not valid.
TEXTS = {
    "url": ("https://a/", "a"),
    "factor": ("1.", "0"),
    "failureRatio": ("0.", "1"),
    "maxFailures": ("100%", "%"),
    "type": ("A", "a"),
}
Node = dict[str, Any]

CONDITION = {"type": "A", "status": "True", "reason": "A", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
ARGO = {"type": "Argo", "url": "https://argo.example"}
BATCHES = [{"name": "a", "payload": {}, "items": [{}]}]
VALID: dict[str, list[Node]] = {
    "Engine.spec": [
        ARGO
        | {
            "auth": {"basic": {"secretRef": {"name": "a"}}},
            "tls": {"caRef": {"configMap": "a"}, "clientSecretRef": {"name": "a"}},
            "allowedNamespaces": {"selector": {"matchLabels": {"a": "b"}}},
            "limits": {"maxInFlight": 10_000},
            "circuitBreaker": {},
            "tracking": {},
            "submission": {},
        },
        ARGO | {"auth": {"bearer": {"secretRef": {"name": "a"}}}},
        ARGO | {"auth": {"serviceAccount": {"name": "a"}}},
        {"type": "Argo", "kubernetes": {"inCluster": True}, "auth": {"serviceAccount": {"name": "a"}}},
        {"type": "Argo", "kubernetes": {"kubeconfigSecretRef": {"name": "a", "key": "a"}}},
    ],
    "Engine.status": [{"conditions": [CONDITION], "capabilities": ["a"]}],
    "Automation.spec": [
        {
            "engineRef": {"name": "a"},
            "target": {"embedded": {"task": "a"}},
            "batches": BATCHES,
            "dispatch": {},
            "arguments": {"a": ""},
            "retry": {"backoff": {}, "retryOn": ["Failed"]},
            "timeouts": {},
            "concurrency": {},
            "dataModels": ["a"],
            "hooks": {each: {"task": "a"} for each in ("onStart", "onTransition", "onFinish")},
        },
        {"engineRef": {"name": "a"}, "target": {"argo": {"workflowTemplate": "a"}}},
        {"engineRef": {"name": "a"}, "target": {"argo": {"clusterWorkflowTemplate": "a"}}},
        {"engineRef": {"name": "a"}, "target": {"airflow": {"dag": "a"}}},
        {"engineRef": {"name": "a"}, "target": {"jenkins": {"job": ["a"]}}},
        {"engineRef": {"name": "a"}, "target": {"custom": {"a": ""}}},
    ],
    "Automation.status": [{"conditions": [CONDITION], "lastRun": {}}],
    "Run.spec": [
        {"automationRef": {"name": "a"}, "batches": {"names": ["a"]}},
        {"automationRef": {"name": "a"}, "batches": {"inline": BATCHES}},
        {"automationRef": {"name": "a"}, "parentRunRef": {"name": "a"}, "action": "a"},
    ],
    "Run.status": [{"conditions": [CONDITION], "counts": {}, "external": {}, "failures": [{}]}],
}


def walk(node: Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Yield each field's schema with its path; the step ``[]`` is a list's element, ``{}`` a map's value."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from walk(child, (*path, name))
    if "items" in node:
        yield from walk(node["items"], (*path, "[]"))
    if isinstance(node.get("additionalProperties"), dict):
        yield from walk(node["additionalProperties"], (*path, "{}"))


def having(limit: str) -> list[Any]:
    """List the fields of all kinds, in spec and status, that have one sort of limit."""
    found = []
    for source in CRDS:
        definition = yaml.safe_load(source.read_text())["spec"]
        properties = definition["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
        for part in ("spec", "status"):
            within = f"{definition['names']['kind']}.{part}"
            found += [
                pytest.param(within, path, node, id=".".join((within, *path)))
                for path, node in walk(properties[part], ())
                if limit in node
            ]
    return found


def place(within: str, path: tuple[str, ...], value: Any) -> Node:
    """Give a valid spec or status with *value* at *path*."""
    for depth in (len(path), len(path) - 1):
        for valid in VALID[within]:
            document = copy.deepcopy(valid)
            if holder(document, path[:depth]) is not None:
                node = holder(document, path[:-1])
                assert node is not None
                node[key(path[-1])] = value
                return document
    raise AssertionError(f"no valid {within} has a place for {path}")


def holder(node: Any, path: tuple[str, ...]) -> Any:
    """Follow *path*, or give None where it leads nowhere."""
    for step in path:
        try:
            node = node[key(step)]
        except (KeyError, IndexError):
            return None
    return node


def key(step: str) -> str | int:
    return {"[]": 0, "{}": "a"}.get(step, step)


def text_of(length: int, path: tuple[str, ...], node: Node) -> str:
    """Make a text of one length that is valid but for it."""
    if node.get("pattern") == DURATION:  # one minute, padded with zeros
        return "1m" + ("00s" if length % 2 else "") + "0s" * ((length - 2 - 3 * (length % 2)) // 2)
    start, filling = TEXTS.get(path[-1], ("", "a"))
    return start.ljust(length, filling)


def elements(count: int, node: Node) -> list[Any]:
    """Make a list of elements that differ where they must."""
    schema = node["items"]
    if "enum" in schema:
        return (schema["enum"] * 2)[:count]
    if schema["type"] == "string":
        return [f"a{index}" for index in range(count)]
    keys = {name for name in ("name", "type") if name in schema.get("required", [])}
    filled = CONDITION if "type" in keys else {}
    return [filled | dict.fromkeys(keys, f"a{index}") for index in range(count)]


@pytest.fixture(scope="module")
def refusal(shared_judge: Any) -> Any:
    """Says why the API server refuses a value at a path, or gives an empty text."""

    def say(within: str, path: tuple[str, ...], value: Any) -> str:
        kind, part = within.split(".")
        document = place(within, path, value)
        if part == "spec":
            return shared_judge.refusal(kind, document)
        return shared_judge.refusal_of_status(kind, "stored", document)

    for kind in ("Engine", "Automation", "Run"):
        shared_judge.create(kind, VALID[f"{kind}.spec"][0], "stored")
    return say


@pytest.mark.parametrize(("within", "path", "node"), having("maxLength"))
def test_a_text_has_a_greatest_length(refusal: Any, within: str, path: tuple[str, ...], node: Node) -> None:
    longest = node["maxLength"]
    assert refusal(within, path, text_of(longest, path, node)) == ""
    assert f"may not be more than {longest} bytes" in refusal(within, path, text_of(longest + 1, path, node))


@pytest.mark.parametrize(("within", "path", "node"), having("minLength"))
def test_a_text_is_not_empty(refusal: Any, within: str, path: tuple[str, ...], node: Node) -> None:
    assert "should be at least 1 chars long" in refusal(within, path, "")


@pytest.mark.parametrize(("within", "path", "node"), having("pattern"))
def test_a_text_has_a_form(refusal: Any, within: str, path: tuple[str, ...], node: Node) -> None:
    for bad in ("!", "a\nb", "ä", " "):
        assert f"should match '{node['pattern']}'" in refusal(within, path, bad)


@pytest.mark.parametrize(("within", "path", "node"), having("enum"))
def test_a_word_is_of_a_list(refusal: Any, within: str, path: tuple[str, ...], node: Node) -> None:
    for word in node["enum"]:
        assert refusal(within, path, word) == ""
    assert 'Unsupported value: "Nonsense"' in refusal(within, path, "Nonsense")


@pytest.mark.parametrize(("within", "path", "node"), having("minimum"))
def test_a_number_has_a_least_value(refusal: Any, within: str, path: tuple[str, ...], node: Node) -> None:
    least = node["minimum"]
    assert refusal(within, path, least) == ""
    assert f"should be greater than or equal to {least}" in refusal(within, path, least - 1)


@pytest.mark.parametrize(("within", "path", "node"), having("maximum"))
def test_a_number_has_a_greatest_value(refusal: Any, within: str, path: tuple[str, ...], node: Node) -> None:
    greatest = node["maximum"]
    assert refusal(within, path, greatest) == ""
    assert f"should be less than or equal to {greatest}" in refusal(within, path, greatest + 1)


@pytest.mark.parametrize(("within", "path", "node"), having("maxItems"))
def test_a_list_has_a_greatest_length(refusal: Any, within: str, path: tuple[str, ...], node: Node) -> None:
    most = node["maxItems"]
    assert refusal(within, path, elements(most, node)) == ""
    assert f"must have at most {most} items" in refusal(within, path, elements(most + 1, node))


@pytest.mark.parametrize(("within", "path", "node"), having("minItems"))
def test_a_list_is_not_empty(refusal: Any, within: str, path: tuple[str, ...], node: Node) -> None:
    assert "should have at least 1 items" in refusal(within, path, [])


@pytest.mark.parametrize(("within", "path", "node"), having("minProperties"))
def test_a_map_is_not_empty(refusal: Any, within: str, path: tuple[str, ...], node: Node) -> None:
    assert "should have at least 1 properties" in refusal(within, path, {})


@pytest.mark.parametrize(("within", "path", "node"), having("maxProperties"))
def test_a_map_has_a_greatest_size(refusal: Any, within: str, path: tuple[str, ...], node: Node) -> None:
    most = node["maxProperties"]
    assert refusal(within, path, {f"a{index}": "" for index in range(most)}) == ""
    assert f"must have at most {most} items" in refusal(within, path, {f"a{index}": "" for index in range(most + 1)})


@pytest.mark.parametrize(("within", "path", "node"), [each for each in having("required") if each.values[1]])
def test_what_is_needed_is_asked_for(refusal: Any, within: str, path: tuple[str, ...], node: Node) -> None:
    said = refusal(within, path, {})
    for name in node["required"]:
        assert f"{name}: Required value" in said


@pytest.mark.parametrize("kind", ["Engine", "Automation", "Run"])
def test_what_every_spec_needs_is_asked_for(judge: Any, kind: str) -> None:
    said = judge.refusal(kind, {})
    needed = {"Engine": ["type"], "Automation": ["engineRef", "target"], "Run": ["automationRef"]}
    for name in needed[kind]:
        assert f"spec.{name}: Required value" in said
