"""How the demo is watched: a live table on a terminal, a line for each change elsewhere."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from baton_operator.cli.output import STYLES
from baton_operator.cli.run_objects import Object, has_ended, name_of, outcome_of, phase_of

_MESSAGE = 70


class Display(Protocol):
    """Is shown the Runs again and again."""

    def show(self, runs: Sequence[Object]) -> None:
        """Show how *runs* stand now."""


class LiveTable:
    """Draws all Runs anew each time."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, runs: Sequence[Object]) -> None:
        """Draw them."""
        self._live.update(runs_table(runs), refresh=True)


class Lines:
    """Prints a line when a Run's phase or reason changes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[str, tuple[str, str]] = {}

    def show(self, runs: Sequence[Object]) -> None:
        """Print what changed."""
        for run in runs:
            status, outcome = run.get("status") or {}, outcome_of(run)
            now = (phase_of(run), str(outcome.get("reason", "")))
            if not now[0] or self._shown.get(name_of(run)) == now:
                continue
            self._shown[name_of(run)] = now
            said = outcome.get("message", "") if has_ended(run) else ""
            words = [f"{name_of(run):<22}", f"{now[0]:<10}", f"{now[1]:<18}", f"{status.get('progress', ''):<6}", said]
            self._console.print(" ".join(words).rstrip(), markup=False)


@contextmanager
def display(console: Console) -> Iterator[Display]:
    """Give the display that suits where *console* writes."""
    if not sys.stdout.isatty():
        yield Lines(console)
        return
    with Live(runs_table([]), console=console, auto_refresh=False, vertical_overflow="visible") as live:
        yield LiveTable(live)


def runs_table(runs: Sequence[Object]) -> Table:
    """Make the table of all Runs: as `kubectl get runs -o wide`, with what they say."""
    titles = ("RUN", "AUTOMATION", "PHASE", "PROGRESS", "ATTEMPT", "REASON", "DURATION", "MESSAGE")
    made = Table(*titles, box=box.SIMPLE_HEAD, pad_edge=False)
    for run in sorted(runs, key=name_of):
        status, outcome = run.get("status") or {}, outcome_of(run)
        phase = phase_of(run)
        message = str(outcome.get("message", "")) if has_ended(run) else ""
        made.add_row(
            name_of(run),
            run["spec"]["automationRef"]["name"],
            Text(phase, style=STYLES.get(phase, "")),
            str(status.get("progress", "")),
            str(status.get("attempt", "") or ""),
            str(outcome.get("reason", "")),
            str(status.get("duration", "")),
            Text(message if len(message) <= _MESSAGE else f"{message[: _MESSAGE - 1]}…"),
        )
    return made
