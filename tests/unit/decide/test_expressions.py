"""Arguments: strings with CEL in them."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton_operator.decide.expressions import InvalidExpressionError, compile_arguments, evaluate

VARIABLES: dict[str, Any] = {
    "parameters": {"host": "db-1", "count": 3, "share": 0.5, "on": True, "tags": ["a", "b"], "none": None},
    "run": {"name": "nightly", "namespace": "team-a", "uid": "u", "correlationId": "c"},
    "batch": {"name": "canary", "payload": {"region": "eu"}, "region": "eu"},
    "item": {"host": "h1"},
    "attempt": 2,
}


def value(text: str) -> Any:
    return evaluate(compile_arguments({"a": text}), VARIABLES)["a"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("${parameters.host}", "db-1"),
        ("${parameters.count}", 3),
        ("${parameters.share}", 0.5),
        ("${parameters.on}", True),
        ("${parameters.tags}", ["a", "b"]),
        ("${parameters.none}", None),
        ("${attempt + 1}", 3),
        ("${parameters}", VARIABLES["parameters"]),
        ("${item.host}.${batch.region}.example", "h1.eu.example"),
        ("n=${parameters.count} on=${parameters.on} none=${parameters.none}", "n=3 on=true none=null"),
        ("tags=${parameters.tags}", 'tags=["a","b"]'),
        ("$${parameters.host}", "${parameters.host}"),
        ("costs $5 {really}", "costs $5 {really}"),
        ("${'}'}", "}"),
        ('${"a}b" + "{"}', "a}b{"),
        ("${{'k': 1}}", {"k": 1}),
        ("${has(item.host) ? item.host : 'none'}", "h1"),
        ("${'.map(' + run.name}", ".map(nightly"),
        ("${run.name.startsWith('night')}", True),
    ],
)
def test_values(text: str, expected: Any) -> None:
    """A lone expression keeps its type; inside text it becomes text."""
    assert value(text) == expected
    assert type(value(text)) is type(expected)


@given(st.text(alphabet=st.characters(exclude_characters="$", exclude_categories=["Cs"])))
def test_text_without_a_dollar_is_itself(text: str) -> None:
    assert value(text) == text


@given(st.text(alphabet="${}'\"\\ab", max_size=30))
def test_reading_ends_in_a_value_or_a_refusal_that_names_the_argument(text: str) -> None:
    """Whatever the text, nothing else is raised."""
    try:
        value(text)
    except InvalidExpressionError as error:
        refusal = str(error)
    else:
        return
    assert refusal.startswith("spec.arguments.a: ")


BAD = [
    ("${parameters.tags.all(t, t == 'a')}", "the macro all() is not allowed"),
    ("${parameters.tags . exists (t, t == 'a')}", "the macro exists() is not allowed"),
    ("${parameters.tags.exists_one(t, true)}", "the macro exists_one() is not allowed"),
    ("${parameters.tags.filter(t, true)}", "the macro filter() is not allowed"),
    ("${'x' + parameters.tags.map(t, t)[0]}", "the macro map() is not allowed"),
    ("${'" + "x" * 2048 + "'}", "an expression is over 2048 bytes"),
    ("${'" + "ä" * 1024 + "'}", "an expression is over 2048 bytes"),
    ("${parameters.host", "'${' without its '}'; write '$${' for the text"),
    ("${1 +}", ""),
    ("${}", ""),
    ("${environment.HOME}", "unknown name 'environment'; there are attempt, batch, item, parameters, run"),
    (7, "must be a string; write numbers as '${42}'"),
]


@pytest.mark.parametrize(("text", "words"), BAD)
def test_what_cannot_be_read_is_refused(text: Any, words: str) -> None:
    """The message names the argument, what is wrong, and the fix."""
    with pytest.raises(InvalidExpressionError) as refused:
        compile_arguments({"host": text})
    assert str(refused.value).startswith(f"spec.arguments.host: {words}")
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize(
    "text",
    ["${parameters.hots}", "${item['nothing']}", "${1 / 0}", "${parameters.tags[9]}", "${parameters.host + 1}"],
)
def test_what_cannot_be_computed_is_refused(text: str) -> None:
    """It names the argument and the expression."""
    with pytest.raises(InvalidExpressionError) as refused:
        value(text)
    assert str(refused.value).startswith(f"spec.arguments.a: {text[2:-1]}: ")


def test_no_expression_takes_long() -> None:
    """The longest that is taken is computed at once."""
    text = "${" + "+".join(["attempt"] * 250) + "}"
    begun = time.monotonic()
    assert value(text) == 500
    assert time.monotonic() - begun < 1
