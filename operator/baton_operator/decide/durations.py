"""Durations as the API writes them: ``90s``, ``1h30m``, ``500ms``."""

import re

_FORM = re.compile(r"([0-9]{1,15}(ms|s|m|h))+")
_PART = re.compile(r"([0-9]+)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """
    Read a duration.

    Raises:
        ValueError: It does not have the form ``([0-9]{1,15}(ms|s|m|h))+``; the text says so.
    """
    if not _FORM.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration: write e.g. 90s, 1h30m or 500ms (units ms, s, m, h)")
    return sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
