"""JSON Schema as Automations bring it: what it refuses, and what is refused of it."""

from __future__ import annotations

import time

import pytest

from baton_operator.decide.schemas import InvalidSchemaError, Schema


def test_a_problem_names_the_field() -> None:
    schema = Schema("spec.itemSchema", {"properties": {"hosts": {"items": {"type": "string"}}}})
    (problem,) = schema.problems("spec.parameters", {"hosts": ["a", 7]})
    assert problem.startswith("spec.parameters.hosts[1]: 7 is not of type")


@pytest.mark.parametrize(
    ("wanted", "value", "fix"),
    [
        ("string", 6.8, ": put it into quotes"),
        ("string", True, ": put it into quotes"),
        ("string", None, ""),
        ("string", ["a"], ""),
        ("integer", "5", ": remove its quotes"),
        ("integer", "5.5", ""),
        ("number", "-5.5", ": remove its quotes"),
        ("boolean", "true", ": remove its quotes"),
        ("boolean", "yes", ""),
        ("integer", "five", ""),
    ],
)
def test_the_fix_is_named_where_yaml_took_it_for_something_else(wanted: str, value: object, fix: str) -> None:
    (problem,) = Schema("f", {"properties": {"a": {"type": wanted}}}).problems("spec.parameters", {"a": value})
    assert problem.startswith("spec.parameters.a: ")
    assert problem.endswith(f'is not of type "{wanted}"{fix}')


def test_what_fits_has_no_problem() -> None:
    assert Schema("f", {"type": "object"}).problems("spec.parameters", {"a": 1}) == []
    assert Schema("f", True).problems("spec.parameters", None) == []


def test_three_problems_are_enough() -> None:
    """A message is read by people."""
    schema = Schema("f", {"items": {"type": "string"}})
    assert len(schema.problems("p", list(range(100)))) == 3
    (problem,) = Schema("f", {"const": 1}).problems("p", "x" * 10_000)
    assert len(problem) < 400


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"type": "objekt"}, '.type: "objekt" is no type: write array, boolean, '),
        ({"properties": {"a": {"type": "strng"}}}, '.properties.a.type: "strng" is no type'),
        ({"properties": {"a": {"minLength": "1"}}}, '.properties.a.minLength: "1" is not of type "integer"'),
        ({"$ref": "https://example.com/schema.json"}, "remote $ref"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "remote $ref"),
        ({"$ref": "#/$defs/nothing"}, "nothing"),
        ({"pattern": "(unclosed"}, "unclosed"),
        ({"description": "x" * 70_000}, "over 64 KiB"),
        (["not", "a", "schema"], "spec.parametersSchema: "),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(document: object, words: str) -> None:
    """The text names the field and what is wrong with it."""
    with pytest.raises(InvalidSchemaError) as refused:
        Schema("spec.parametersSchema", document)
    assert str(refused.value).startswith("spec.parametersSchema")
    assert words in str(refused.value)
    assert len(str(refused.value)) < 600


def test_no_pattern_takes_long() -> None:
    """Linear time: the classic catastrophe is decided at once."""
    begun = time.monotonic()
    assert Schema("f", {"pattern": "^(a+)+$"}).problems("p", "a" * 5000 + "b")
    assert time.monotonic() - begun < 1
