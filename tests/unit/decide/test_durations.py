"""Durations as the API writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton_operator.decide.durations import seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("1h30m", 5400), ("500ms", 0.5), ("1m", 60), ("0s", 0), ("1s500ms", 1.5), ("1h1m1s1ms", 3661.001)],
)
def test_reading(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["1d", "", "90", "s", "1.5h", "-1s", "1 h", "1h\n", "1H", "\u0661s", "1hs", "h1"])
def test_what_is_no_duration_is_refused_with_the_fix(text: str) -> None:
    """A day has no unit; the message repeats the text and shows how to write it."""
    with pytest.raises(ValueError, match=r"is not a duration: write e\.g\. 90s, 1h30m or 500ms") as refused:
        seconds(text)
    assert repr(text) in str(refused.value)


def test_a_number_without_end_is_refused() -> None:
    """What no float holds is no duration either."""
    with pytest.raises(ValueError, match="is not a duration"):
        seconds("9" * 400 + "h")


@given(st.integers(0, 9999), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_parts_add_up(hours: int, minutes: int, whole: int, milliseconds: int) -> None:
    """Whatever the parts, the sum is theirs."""
    expected = hours * 3600 + minutes * 60 + whole + milliseconds / 1000
    assert seconds(f"{hours}h{minutes}m{whole}s{milliseconds}ms") == pytest.approx(expected)
