"""Times for people, values for programs."""

import io
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import yaml
from rich.console import Console

from baton_models.status import ExecutionStatus
from baton_operator.cli.demo_display import Lines
from baton_operator.cli.output import Column, Format, ago, show, span, table


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0s"),
        (0.44, "0.4s"),
        (9.94, "9.9s"),
        (10, "10s"),
        (134, "2m14s"),
        (3600, "1h"),
        (11_105, "3h5m"),
        (180_000, "2d2h"),
        (-3, "0.0s"),
    ],
)
def test_a_length_of_time_is_said_in_two_units(seconds: float, text: str):
    """As kubectl does, with tenths where seconds are few."""
    assert span(timedelta(seconds=seconds)) == text


def test_nothing_is_said_of_a_time_that_is_not_known():
    """An empty cell, not a guess."""
    assert (span(None), ago(None)) == ("", "")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert ago(now - timedelta(minutes=5), now) == "5m"


@pytest.mark.parametrize(("how", "read"), [(Format.JSON, json.loads), (Format.YAML, yaml.safe_load)])
def test_programs_get_plain_values(how: Format, read, capsys: pytest.CaptureFixture[str]):
    """Times as ISO 8601, lengths in seconds, keys and enums as text."""
    key = UUID(int=1)
    answer = {
        "id": key,
        "at": datetime(2026, 1, 1, tzinfo=UTC),
        "lasted": timedelta(seconds=1.5),
        "status": ExecutionStatus.FAILED,
        "name": "Müller",
        "none": None,
    }

    show(answer, how, lambda: "not for programs")

    shown = read(capsys.readouterr().out)
    assert str(shown.pop("at")).startswith("2026-01-01")
    assert shown == {"id": str(key), "lasted": 1.5, "status": "FAILED", "name": "Müller", "none": None}


COLUMNS = (
    Column("NAME", lambda row: row["name"]),
    Column("MESSAGE", lambda row: row["message"], at_most=80),
)
ROWS = ({"name": "argo", "message": "the engine said " + "no, " * 200 + "never"}, {"name": "ci", "message": "yes"})


def test_a_pipe_gets_each_row_whole_in_one_line(capsys: pytest.CaptureFixture[str]):
    """For grep and awk: nothing is cut, folded, or filled up with spaces."""
    show(ROWS, Format.TABLE, lambda: table(ROWS, COLUMNS))

    assert capsys.readouterr().out.splitlines() == ["NAME  MESSAGE", f"argo  {ROWS[0]['message']}", "ci    yes"]


def test_a_terminal_gets_the_beginning_of_what_is_long(monkeypatch: pytest.MonkeyPatch):
    """A message would take the place of all other columns."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    made = Console(file=io.StringIO(), width=200)
    made.print(table(ROWS, COLUMNS))

    assert isinstance(made.file, io.StringIO)
    first = next(line for line in made.file.getvalue().splitlines() if "argo" in line)
    assert first.split("argo", 1)[1].strip() == ROWS[0]["message"][:79] + "…"


@pytest.fixture
def lines() -> tuple[Lines, io.StringIO]:
    stream = io.StringIO()
    return Lines(Console(file=stream, width=200)), stream


def test_without_a_terminal_only_changes_are_printed(lines: tuple[Lines, io.StringIO]):
    """A log of a pipeline shows each change once."""
    display, stream = lines
    running = {
        "metadata": {"name": "fleet"},
        "status": {
            "phase": "Running",
            "progress": "1/2",
            "conditions": [{"type": "Succeeded", "status": "Unknown", "reason": "Running"}],
        },
    }
    for _ in range(3):
        display.show([{"metadata": {"name": "new"}}, running])
    display.show([{**running, "status": {**running["status"], "phase": "Failed"}}])

    assert [line.split() for line in stream.getvalue().splitlines()] == [
        ["fleet", "Running", "Running", "1/2"],
        ["fleet", "Failed", "Running", "1/2"],
    ]
