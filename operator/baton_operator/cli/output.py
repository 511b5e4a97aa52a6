"""Showing values as a table for people, or as JSON or YAML for programs."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import orjson
import typer
import yaml
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

#: Characters of a line in a pipe: more than anything that is shown has.
_ENDLESS = 100_000

STYLES = {
    "Succeeded": "green",
    "Running": "cyan",
    "Failed": "bold red",
    "Cancelled": "yellow",
    "Cancelling": "yellow",
    "COMPLETED": "green",
    "PROCESSING": "cyan",
    "RETRYING": "magenta",
    "FAILED": "bold red",
    "CANCELLED": "yellow",
    "SKIPPED": "dim",
    "PENDING": "dim",
    "HALTED": "bold red",
    "AMBIGUOUS": "magenta",
}


class Format(StrEnum):
    """How an answer is shown."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


FormatOption = Annotated[Format, typer.Option("--output", "-o", help="How the answer is shown.", show_default=True)]


@dataclass(frozen=True, slots=True)
class Column:
    """
    One column of a table.

    Attributes:
        title: What stands above it.
        value: Gives the text of one row.
        styled: Whether the text is coloured by what it says.
        at_most: Characters of it that a terminal gets, so that the other columns have a place; a pipe gets all.
    """

    title: str
    value: Callable[[Mapping[str, Any]], str | None]
    styled: bool = False
    at_most: int | None = None

    def cell(self, row: Mapping[str, Any], *, terminal: bool) -> Text:
        """Give the text of *row*, cut only for a terminal."""
        whole = self.value(row) or ""
        cut = terminal and self.at_most is not None and len(whole) > self.at_most
        shown = f"{whole[: (self.at_most or 0) - 1]}…" if cut else whole
        return Text(shown, style=STYLES.get(whole, "") if self.styled else "")


def show(answer: Any, how: Format, people: Callable[[], RenderableType]) -> None:
    """Print *answer* as JSON or YAML, or what *people* makes of it."""
    if how is Format.TABLE:
        _show_people(people())
        return
    plain = orjson.loads(orjson.dumps(answer, default=_plain, option=orjson.OPT_UTC_Z))
    if how is Format.JSON:
        text = orjson.dumps(plain, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
    else:
        text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
    sys.stdout.write(text)


def console() -> Console:
    """Give the console of answers; lines are only cut where there is a terminal to be narrow."""
    terminal = sys.stdout.isatty()
    return Console(highlight=False, soft_wrap=not terminal, width=None if terminal else _ENDLESS)


def complain(line: str) -> None:
    """Print a line for people on standard error, beside the answer."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(line, markup=False)


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> Table:
    """Make a table as kubectl's look: no lines, titles in capitals."""
    terminal = sys.stdout.isatty()
    made = Table(*(each.title for each in columns), box=box.SIMPLE_HEAD if terminal else None, pad_edge=False)
    for row in rows:
        made.add_row(*(column.cell(row, terminal=terminal) for column in columns))
    return made


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """Say how long ago *moment* was, as kubectl does: 45s, 12m, 3h, 5d."""
    return "" if moment is None else span((now or datetime.now(UTC)) - moment)


def span(length: timedelta | None) -> str:
    """Say a length of time in its two largest units: 0.4s, 45s, 2m14s, 3h5m, 5d2h."""
    if length is None:
        return ""
    seconds = max(length.total_seconds(), 0.0)
    if seconds < 10:  # noqa: PLR2004 - below it tenths tell
        return f"{seconds:.1f}s"
    left = int(seconds)
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2])


def _show_people(answer: RenderableType) -> None:
    """Print for people; in a pipe nothing fills lines up."""
    made = console()
    if made.is_terminal:
        made.print(answer)
        return
    with made.capture() as captured:
        made.print(answer)
    sys.stdout.write("\n".join(line.rstrip() for line in captured.get().split("\n")))


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return round(value.total_seconds(), 3)
    return str(value)
