"""What PostgreSQL cannot keep is refused by place and fix, or repaired and noted."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton_models.errors import UncleanPayloadError
from baton_models.payload import MAX_DEPTH, check_payload, cleaned, clip_identifier

KEEPABLE_TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
ANY_TEXT = st.text(st.characters(exclude_categories=[]))
NUMBERS = st.integers() | st.floats()


def documents(texts, numbers):
    return st.recursive(
        st.none() | st.booleans() | numbers | texts,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    )


def nested(depth: int):
    document = []
    for _ in range(depth - 1):
        document = [document]
    return document


@given(documents(KEEPABLE_TEXT, st.integers() | st.floats(allow_nan=False, allow_infinity=False)))
def test_what_can_be_kept_is_let_through_unchanged(document):
    check_payload(document, "spec.parameters")
    assert cleaned(document) == (document, ())


@given(documents(ANY_TEXT, NUMBERS))
def test_a_repaired_document_can_always_be_kept(document):
    repaired, notes = cleaned(document)
    check_payload(repaired, "$")
    json.dumps(repaired, allow_nan=False).encode("utf-8")
    try:
        check_payload(document, "$")
    except UncleanPayloadError:
        assert notes
    else:
        assert not notes


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("a\x00b", "spec.p has U+0000 at character 1: remove it, or send the bytes as base64"),
        ({"a": [{"b c": "\ud800"}]}, 'spec.p.a[0]["b c"] has half a surrogate pair (U+D800) at character 0: send'),
        ({"\udc00": 1}, "a key of spec.p has half a surrogate pair (U+DC00)"),
        ({"n": math.nan}, "spec.p.n is nan, which JSON does not have: leave it out, or send it as text"),
        ([0, -math.inf], "spec.p[1] is -inf, which JSON does not have"),
        ({"a": {1: 2}}, "spec.p.a has the key 1: keys of JSON are text, put it in quotes"),
        ({"when": b"x"}, "spec.p.when is of the type bytes, which JSON does not have: send it as text"),
        (nested(MAX_DEPTH + 1), "is nested deeper than 100 levels: make it flatter, or send it as text"),
    ],
)
def test_a_refusal_names_the_place_and_the_fix(document, message):
    with pytest.raises(UncleanPayloadError) as refused:
        check_payload(document, "spec.p")
    assert message in str(refused.value)


def test_a_hundred_levels_are_allowed():
    check_payload(nested(MAX_DEPTH), "spec.p")


def test_a_bottomless_document_is_refused_without_running_out_of_stack():
    with pytest.raises(UncleanPayloadError):
        check_payload(nested(50_000), "spec.p")
    repaired, notes = cleaned(nested(50_000))
    check_payload(repaired, "$")
    assert len(notes) == 1


def test_repairs_are_noted_where_they_were_made():
    repaired, notes = cleaned({"log": "a\x00b\ud800", "n": math.inf, 1: None, "t": (1,)})
    assert repaired == {"log": "a\ufffdb\ufffd", "n": "inf", "1": None, "t": [1]}
    assert notes == (
        "$.log: 2 characters replaced that PostgreSQL cannot keep",
        "$.n: inf became text",
        "$: the key 1 became text",
    )


def test_notes_are_few():
    _, notes = cleaned(["\x00"] * 500)
    assert len(notes) == 11
    assert notes[-1] == "and 490 more"


@given(ANY_TEXT, st.integers(min_value=20, max_value=300))
def test_a_clipped_identifier_fits_and_a_short_one_stays(text, length):
    clipped = clip_identifier(text, length)
    assert len(clipped) <= length
    assert (clipped == text) is (len(text) <= length)


def test_long_identifiers_that_begin_alike_stay_apart():
    one, other = (clip_identifier("x" * 300 + end, 200) for end in "ab")
    assert len(one) == 176
    assert one[:160] == other[:160] == "x" * 160
    assert one != other
    assert len(clip_identifier("x" * 300, 100)) == 100
