"""Statements as one release of Baton has sent them: written down, read again, and sent once more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from psycopg.types.json import Jsonb


@dataclass(frozen=True, slots=True)
class Sent:
    """
    One statement.

    Attributes:
        text: The SQL, with psycopg's placeholders.
        parameters: What was passed: by name, or a list of that for a statement that was sent many times at once.
        rows: How many rows it touched or gave; -1 where the driver does not say.
    """

    text: str
    parameters: Any
    rows: int

    @property
    def writes(self) -> bool:
        """Whether it changes rows."""
        words = self.text.split()
        return words[0].upper() in {"INSERT", "UPDATE", "DELETE"} or (
            words[0].upper() == "WITH" and bool({"INSERT", "UPDATE", "DELETE"} & {word.upper() for word in words})
        )


def encoded(text: str, parameters: Any, rows: int) -> bytes:
    """Write one statement as a line of JSON; values that JSON does not know are named by their type."""
    return orjson.dumps({"text": text, "parameters": _plain(parameters), "rows": rows}) + b"\n"


def heard(lines: bytes) -> Iterator[Sent]:
    """Read what `encoded` wrote."""
    for line in lines.splitlines():
        entry = orjson.loads(line)
        yield Sent(entry["text"], _rich(entry["parameters"], timedelta()), entry["rows"])


def packed(statements: Iterable[Sent]) -> bytes:
    """Write statements for keeps: each text once, on a line before the first line that sends it."""
    numbers: dict[str, int] = {}
    lines = []
    for each in statements:
        if each.text not in numbers:
            numbers[each.text] = len(numbers)
            lines.append(orjson.dumps({"number": numbers[each.text], "text": each.text}))
        call = {"send": numbers[each.text], "parameters": _plain(each.parameters), "rows": each.rows}
        lines.append(orjson.dumps(call))
    return b"\n".join(lines) + b"\n"


def unpacked(lines: bytes, *, later: timedelta = timedelta()) -> Iterator[Sent]:
    """Read what `packed` wrote, all moments moved by *later*."""
    texts: dict[int, str] = {}
    for line in lines.splitlines():
        match orjson.loads(line):
            case {"number": number, "text": text}:
                texts[number] = text
            case {"send": number, "parameters": parameters, "rows": rows}:
                yield Sent(texts[number], _rich(parameters, later), rows)


def _plain(value: Any) -> Any:
    match value:
        case UUID():
            return {"$uuid": str(value)}
        case datetime():
            return {"$moment": value.isoformat()}
        case timedelta():
            return {"$seconds": value.total_seconds()}
        case Jsonb():
            return {"$jsonb": value.obj}
        case Mapping():
            return {str(name): _plain(each) for name, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case _:
            return value


def _rich(value: Any, later: timedelta) -> Any:
    match value:
        case {"$uuid": text}:
            return UUID(text)
        case {"$moment": text}:
            return datetime.fromisoformat(text) + later
        case {"$seconds": seconds}:
            return timedelta(seconds=seconds)
        case {"$jsonb": document}:
            return Jsonb(document)
        case Mapping():
            return {name: _rich(each, later) for name, each in value.items()}
        case list():
            return [_rich(each, later) for each in value]
        case _:
            return value
