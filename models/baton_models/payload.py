"""
JSON as PostgreSQL can keep it exactly: what people send is refused, what engines say is repaired and noted.

JSONB takes no U+0000 and no half of a surrogate pair, JSON knows no NaN and no Infinity, and what is nested deeper than
100 levels is a mistake or an attack.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator
from typing import Any

from baton_models.errors import UncleanPayloadError

MAX_DEPTH = 100
MAX_NOTES = 10

REPLACEMENT = "\ufffd"

_KEPT = 160
_DIGITS = 16

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")


def check_payload(value: Any, path: str) -> None:
    """
    Refuse what PostgreSQL could not keep exactly.

    Args:
        value: A JSON document as a decoder gave it.
        path: Where it stands, for the message, e.g. ``spec.parameters``.

    Raises:
        UncleanPayloadError: Names the first place and the fix.
    """
    for complaint in _complaints(value, path, 0):
        raise UncleanPayloadError(complaint)


def cleaned(value: Any) -> tuple[Any, tuple[str, ...]]:
    """
    Repair what PostgreSQL could not keep exactly: for texts and results that an engine gives.

    Characters become U+FFFD, numbers that are none become their names, what is nested too deep becomes a remark.

    Returns:
        The document to store, and what was replaced where: at most ten notes and a last one that counts the others.
    """
    notes: list[str] = []
    document = _clean(value, "$", 0, notes)
    if len(notes) > MAX_NOTES:
        notes[MAX_NOTES:] = [f"and {len(notes) - MAX_NOTES} more"]
    return document, tuple(notes)


def clip_identifier(text: str, length: int) -> str:
    """
    Fit an identifier into its column without making two of them equal.

    Args:
        text: The identifier; one that fits stays as it is.
        length: The column's length in characters; where the usual 160 + 16 do not fit, fewer are kept.

    Returns:
        Its first 160 characters and 16 hexadecimal digits of its SHA-256.
    """
    if len(text) <= length:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    return text[: min(_KEPT, length - _DIGITS)] + digest


def _complaints(value: Any, path: str, depth: int) -> Iterator[str]:
    match value:
        case str():
            yield from _about_text(value, path)
        case float() if not math.isfinite(value):
            yield f"{path} is {value}, which JSON does not have: leave it out, or send it as text"
        case None | bool() | int() | float():
            return
        case dict() | list() if depth >= MAX_DEPTH:
            yield f"{path[:200]} is nested deeper than {MAX_DEPTH} levels: make it flatter, or send it as text"
        case dict():
            for key, member in value.items():
                if not isinstance(key, str):
                    yield f"{path} has the key {key!r}: keys of JSON are text, put it in quotes"
                    continue
                yield from _about_text(key, f"a key of {path}")
                yield from _complaints(member, _member(path, key), depth + 1)
        case list():
            for index, element in enumerate(value):
                yield from _complaints(element, f"{path}[{index}]", depth + 1)
        case _:
            yield f"{path} is of the type {type(value).__name__}, which JSON does not have: send it as text"


def _about_text(text: str, path: str) -> Iterator[str]:
    found = _UNKEEPABLE.search(text)
    if found is None:
        return
    if found.group() == "\x00":
        yield f"{path} has U+0000 at character {found.start()}: remove it, or send the bytes as base64"
    else:
        half = f"U+{ord(found.group()):04X}"
        yield f"{path} has half a surrogate pair ({half}) at character {found.start()}: send the whole character"


def _clean(value: Any, path: str, depth: int, notes: list[str]) -> Any:
    match value:
        case str():
            return _clean_text(value, path, notes)
        case float() if not math.isfinite(value):
            notes.append(f"{path}: {value} became text")
            return str(value)
        case None | bool() | int() | float():
            return value
        case dict() | list() | tuple() if depth >= MAX_DEPTH:
            notes.append(f"{path[:200]}: left out what is nested deeper than {MAX_DEPTH} levels")
            return f"left out: nested deeper than {MAX_DEPTH} levels"
        case dict():
            return {
                _clean_key(key, path, notes): _clean(member, _member(path, str(key)), depth + 1, notes)
                for key, member in value.items()
            }
        case list() | tuple():
            return [_clean(element, f"{path}[{index}]", depth + 1, notes) for index, element in enumerate(value)]
        case _:
            notes.append(f"{path}: {type(value).__name__} became text")
            return _clean_text(str(value), path, notes)


def _clean_key(key: Any, path: str, notes: list[str]) -> str:
    if isinstance(key, str):
        return _clean_text(key, f"a key of {path}", notes)
    notes.append(f"{path}: the key {key!r} became text")
    return _clean_text(str(key), f"a key of {path}", notes)


def _clean_text(text: str, path: str, notes: list[str]) -> str:
    repaired, count = _UNKEEPABLE.subn(REPLACEMENT, text)
    if count:
        notes.append(f"{path}: {count} characters replaced that PostgreSQL cannot keep")
    return repaired


def _member(path: str, key: str) -> str:
    return f"{path}.{key}" if _PLAIN_KEY.fullmatch(key) else f"{path}[{json.dumps(key)}]"
