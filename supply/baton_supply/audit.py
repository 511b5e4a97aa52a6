"""
Looks at everything that Baton is made of, and says what it found: `make audit`.

    python -m baton_supply.audit [words for pip-audit, as: --vulnerability-service osv]

Exits with 1 if something was found, otherwise with 2 if something could not be looked at.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from rich.console import Console
from rich.table import Table
from rich.text import Text

from baton_supply import licences, locks, secret_scan, vulnerabilities
from baton_supply.policy import load


class Result(IntEnum):
    """How one look ended; the number is its exit status."""

    CLEAN = 0
    FOUND = 1
    NOT_LOOKED = 2


@dataclass(frozen=True, slots=True)
class Row:
    """
    One look.

    Attributes:
        what: What was looked for.
        where: In what.
        result: How it ended.
        said: What was found, or why nothing was looked at; a line each.
    """

    what: str
    where: str
    result: Result
    said: tuple[str, ...] = ()


def rows(service: Sequence[str] = ()) -> Iterator[Row]:
    """
    Look at pins, licences, secrets and vulnerabilities, one after the other.

    Args:
        service: Words for pip-audit that name a vulnerability service.
    """
    yield _attempt("pins", "four locks", _pins, locks.LockError)
    yield _attempt("licences", "the image, development, extras", _licences, licences.LicenceError)
    yield _secrets("the tree", secret_scan.in_tree)
    yield _secrets("its history", secret_scan.in_history)
    yield from _vulnerabilities(service)


def _attempt(what: str, where: str, look: Callable[[], str], wrong: type[Exception]) -> Row:
    try:
        return Row(what, where, Result.CLEAN, (look(),))
    except wrong as error:
        return Row(what, where, Result.FOUND, (str(error),))


def _pins() -> str:
    pinned = sum(len(locks.read(each)) for each in locks.LOCKS)
    return f"{pinned} requirements, each one version with its hashes"


def _licences() -> str:
    found = licences.judged(load())
    excepted = [each.pin.name for each in found if each.reason]
    return f"{len(found)} packages, all allowed; weak copyleft in the image: {', '.join(excepted)}"


def _secrets(where: str, look: Callable[[], list[secret_scan.Finding]]) -> Row:
    try:
        found = look()
    except subprocess.CalledProcessError as error:
        return Row("secrets", where, Result.NOT_LOOKED, (f"git said: {error.stderr!r}",))
    new = tuple(str(each) for each in secret_scan.known().news(found))
    told = f"{len(found)} findings, each known to be none"
    return Row("secrets", where, Result.FOUND if new else Result.CLEAN, new or (told,))


def _vulnerabilities(service: Sequence[str]) -> Iterator[Row]:
    try:
        vulnerabilities.probe(service)
        for lock, where in locks.LOCKS.items():
            answer = vulnerabilities.ask(lock, load().ignored, service)
            yield _answered(where, answer)
    except vulnerabilities.CannotAskError as error:
        yield Row("vulnerabilities", "the locks", Result.NOT_LOOKED, (f"could not be asked for: {error}",))


def _answered(where: str, answer: vulnerabilities.Answer) -> Row:
    if answer.found:
        return Row("vulnerabilities", where, Result.FOUND, tuple(str(each) for each in answer.found))
    if answer.unknown:
        said = f"the service does not know {', '.join(answer.unknown)}"
        return Row("vulnerabilities", where, Result.NOT_LOOKED, (said,))
    return Row("vulnerabilities", where, Result.CLEAN, (f"none known of {answer.asked} packages",))


_SHOWN = {Result.CLEAN: ("good", "green"), Result.FOUND: ("FOUND", "red"), Result.NOT_LOOKED: ("NOT LOOKED", "yellow")}


def verdict(results: Sequence[Result]) -> Result:
    """Tell how the whole ended: what was found counts more than what was not looked at."""
    return next((each for each in (Result.FOUND, Result.NOT_LOOKED) if each in results), Result.CLEAN)


def main(arguments: list[str] | None = None) -> int:
    """Run the script; the result is its exit code."""
    with Console(stderr=True).status("Looking: a minute or two"):
        looks = list(rows(sys.argv[1:] if arguments is None else arguments))
    table = Table("look for", "in", "result", "what was found")
    for row in looks:
        word, colour = _SHOWN[row.result]
        said = row.said[0] if len(row.said) == 1 else f"{len(row.said)}, listed below"
        table.add_row(row.what, row.where, Text(word, colour), Text(said))
    console = Console(soft_wrap=True)
    console.print(table, soft_wrap=False)
    for each in (line for row in looks if len(row.said) > 1 for line in row.said):
        console.print(Text(each))
    return verdict([row.result for row in looks])


if __name__ == "__main__":
    sys.exit(main())
