"""Whether a Run is taken in, and as what; each refusal with the closed list's reason, the field and the fix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton_operator.decide.admission import MAX_ITEMS, Plan, Refused, admit, token_stem
from baton_operator.decide.definition import read_definition

UID = "6f1c3a52-0d8e-4d3c-9b13-3f0b5c1b7c11"
FLEET = {"name": "canary", "items": [{"host": "a"}, {"host": "b"}]}
REST = {"name": "rest", "payload": {"region": "eu"}, "items": [{"host": "c"}]}


def decide(spec: Mapping[str, Any], **automation: Any) -> Plan | Refused:
    whole = {"engineRef": {"name": "tasks"}, "target": {"embedded": {"task": "demo.hello"}}, **automation}
    return admit(UID, spec, read_definition(whole, "team-a", "patch"))


def plan(spec: Mapping[str, Any], **automation: Any) -> Plan:
    decision = decide(spec, **automation)
    assert isinstance(decision, Plan), decision
    return decision


def test_a_run_that_is_handed_over_whole_has_no_units() -> None:
    """Its Automation's batches are data for arguments, not units."""
    made = plan({}, batches=[FLEET])
    assert (made.batches, made.items, made.max_failures, made.priority) == ((), 0, 0, 100)
    assert made.token_hex == token_stem(UID)


def test_a_run_fans_out_over_its_automations_batches() -> None:
    made = plan({}, batches=[FLEET, REST], dispatch={"per": "Item"})
    assert [(batch.name, batch.position, len(batch.items), batch.own) for batch in made.batches] == [
        ("canary", 0, 2, False),
        ("rest", 1, 1, False),
    ]
    assert made.items == 3
    assert made.batches[0].item_token_hexes == [token_stem(UID, "canary", 0), token_stem(UID, "canary", 1)]


def test_a_run_chooses_batches_in_the_automations_order() -> None:
    made = plan({"batches": {"names": ["rest", "canary"]}}, batches=[FLEET, REST], dispatch={"per": "Batch"})
    assert [batch.name for batch in made.batches] == ["canary", "rest"]
    assert made.batches[0].item_token_hexes == ()


def test_a_run_brings_its_own_batches() -> None:
    made = plan({"batches": {"inline": [REST]}}, batches=[FLEET], dispatch={"per": "Item"})
    assert [(batch.name, batch.own, batch.payload) for batch in made.batches] == [("rest", True, {"region": "eu"})]


@pytest.mark.parametrize(("per", "allowed"), [("Item", 1), ("Batch", 1), ("Run", 0)])
def test_a_share_of_failures_is_of_the_units_that_are_dispatched(per: str, allowed: int) -> None:
    made = plan({}, batches=[FLEET, REST], dispatch={"per": per, "maxFailures": "50%"})
    assert made.max_failures == allowed


@pytest.mark.parametrize(("spec", "expected"), [({}, 7), ({"priority": 0}, 0), ({"priority": 900}, 900)])
def test_a_runs_own_priority_wins(spec: Mapping[str, Any], expected: int) -> None:
    assert plan(spec, priority=7).priority == expected


DEEP: Any = {}
for _ in range(120):
    DEEP = {"a": DEEP}
ITEM, BATCH = {"dispatch": {"per": "Item"}}, {"dispatch": {"per": "Batch"}}
INLINE = "spec.batches.inline"
BAD: list[tuple[str, Mapping[str, Any], Mapping[str, Any], str, str]] = [
    (
        "suspended",
        {},
        {"suspend": True},
        "AutomationSuspended",
        "spec.suspend of the Automation is true: set it to false",
    ),
    (
        "a parameter of the wrong type",
        {"parameters": {"host": 7}},
        {"parametersSchema": {"properties": {"host": {"type": "string"}}}},
        "InvalidParameters",
        "spec.parameters.host: 7 is not of type",
    ),
    (
        "a parameter that is missing",
        {},
        {"parametersSchema": {"required": ["host"]}},
        "InvalidParameters",
        'spec.parameters: "host" is a required property',
    ),
    (
        "a field that does not exist",
        {"parameters": {"hots": "a"}},
        {"parametersSchema": {"properties": {"host": {}}, "additionalProperties": False}},
        "InvalidParameters",
        "spec.parameters: Additional properties are not allowed ('hots' was unexpected)",
    ),
    (
        "a NUL",
        {"parameters": {"a": "x\0"}},
        {},
        "InvalidParameters",
        "spec.parameters.a has U+0000 at character 1: remove",
    ),
    (
        "a lone surrogate",
        {"parameters": {"a": "\ud800"}},
        {},
        "InvalidParameters",
        "spec.parameters.a has half a surrogate pair (U+D800) at character 0: send the whole character",
    ),
    (
        "a NUL in the correlation id",
        {"correlationId": "c\0"},
        {},
        "InvalidParameters",
        "spec.correlationId has U+0000 at character 1: remove",
    ),
    ("a deep payload", {"parameters": DEEP}, {}, "InvalidParameters", "spec.parameters.a.a"),
    (
        "a number that is none",
        {"parameters": {"a": float("nan")}},
        {},
        "InvalidParameters",
        "spec.parameters.a is nan, which JSON does not have",
    ),
    (
        "a batch that is not there",
        {"batches": {"names": ["canary", "nobody"]}},
        {"batches": [FLEET], **ITEM},
        "InvalidBatches",
        "spec.batches.names: no batch 'nobody' in the Automation; it has: canary",
    ),
    (
        "a batch of an Automation without any",
        {"batches": {"names": ["canary"]}},
        ITEM,
        "InvalidBatches",
        "spec.batches.names: no batch 'canary' in the Automation; it has: none",
    ),
    ("no batches", {}, ITEM, "InvalidBatches", "dispatch.per is Item, but there are no batches: add spec.batches"),
    ("no batches for Batch", {}, BATCH, "InvalidBatches", "dispatch.per is Batch, but there are no batches"),
    (
        "an empty batch",
        {"batches": {"inline": [{"name": "a"}]}},
        ITEM,
        "InvalidBatches",
        f"{INLINE}[0].items: empty, but dispatch.per is Item",
    ),
    (
        "two batches of one name",
        {"batches": {"inline": [FLEET, FLEET]}},
        ITEM,
        "InvalidBatches",
        f"{INLINE}: two batches have the same name",
    ),
    (
        "10,001 items",
        {"batches": {"inline": [{"name": "a", "items": [{}] * (MAX_ITEMS + 1)}]}},
        ITEM,
        "TooManyItems",
        f"{INLINE}: over 10000 items; split them over several Runs",
    ),
    (
        "10,001 items in two batches",
        {"batches": {"inline": [{"name": name, "items": [{}] * 5001} for name in "ab"]}},
        ITEM,
        "TooManyItems",
        f"{INLINE}: over 10000 items",
    ),
    (
        "an item that does not fit",
        {"batches": {"inline": [REST, {"name": "b", "items": [{"host": "a"}, {"host": 7}]}]}},
        {"itemSchema": {"properties": {"host": {"type": "string"}}}, **ITEM},
        "InvalidBatches",
        f"{INLINE}[1].items[1].host: 7 is not of type",
    ),
    (
        "a batch payload that does not fit",
        {"batches": {"inline": [{"name": "a", "items": [{}]}]}},
        {"batchSchema": {"required": ["region"]}, **ITEM},
        "InvalidBatches",
        f'{INLINE}[0].payload: "region" is a required property',
    ),
    (
        "a NUL in an item",
        {"batches": {"inline": [{"name": "a", "items": [{"x\0": 1}]}]}},
        ITEM,
        "InvalidBatches",
        f"a key of {INLINE}[0].items[0] has U+0000",
    ),
    (
        "a NUL in a batch payload",
        {"batches": {"inline": [{"name": "a", "payload": {"b": "\0"}, "items": [{}]}]}},
        BATCH,
        "InvalidBatches",
        f"{INLINE}[0].payload.b has U+0000",
    ),
    (
        "the Automation's own item",
        {},
        {"batches": [FLEET], "itemSchema": {"required": ["zone"]}, **ITEM},
        "InvalidBatches",
        'spec.batches of the Automation[0].items[0]: "zone" is a required property',
    ),
]


@pytest.mark.parametrize(
    ("spec", "automation", "reason", "words"), [row[1:] for row in BAD], ids=[row[0] for row in BAD]
)
def test_a_refusal_names_the_field_and_the_fix(
    spec: Mapping[str, Any], automation: Mapping[str, Any], reason: str, words: str
) -> None:
    decision = decide(spec, **automation)
    assert isinstance(decision, Refused)
    assert decision.reason == reason
    assert decision.message.startswith(words), decision.message
    assert len(decision.message) < 1200


def test_ten_thousand_items_are_taken() -> None:
    made = plan({"batches": {"inline": [{"name": "a", "items": [{"n": n} for n in range(MAX_ITEMS)]}]}}, **ITEM)
    assert made.items == MAX_ITEMS
    assert len(set(made.batches[0].item_token_hexes)) == MAX_ITEMS


def test_tokens_survive_the_loss_of_the_database() -> None:
    """They follow from uid, batch and number alone; these never change, or a restored Baton finds nothing again."""
    assert token_stem(UID) == "a589fe0afe60527995dc32d2fbb96ae7"
    assert token_stem(UID, "canary") == "ff64e37b153854209a4b05324edfc7fb"
    assert token_stem(UID, "canary", 0) == "4e4dd6fb70255f0eb7f63c838fd4c6de"


@given(
    st.lists(
        st.tuples(st.text(max_size=8), st.text(max_size=8), st.none() | st.integers(0, 99)), unique=True, max_size=20
    )
)
def test_no_two_units_share_a_token(units: list[tuple[str, str, int | None]]) -> None:
    """Whatever the names: uid, batch and number are kept apart."""
    apart = {(uid.replace("\0", ""), batch.replace("\0", ""), number) for uid, batch, number in units}
    assert len({token_stem(*unit) for unit in apart}) == len(apart)
