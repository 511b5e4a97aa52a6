"""
Asks a vulnerability service about every package of a lock, by pip-audit.

The service is PyPI's or OSV's. A package that the service does not know was not looked at, so it is no good news: the
answer names it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baton_supply import locks
from baton_supply.locks import Pin
from baton_supply.tree import ROOT

_COMMAND = (
    *(sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--format", "json"),
    *("--progress-spinner", "off", "--desc", "off"),
)


class CannotAskError(Exception):
    """The service was not reached, or does not know the packages: nothing was learnt."""


@dataclass(frozen=True, slots=True, order=True)
class Vulnerability:
    """
    A known vulnerability of a package that is locked.

    Attributes:
        package: Its name and version.
        name: The vulnerability's identifier.
        fixed_in: Versions without it; empty: none yet.
    """

    package: str
    name: str
    fixed_in: tuple[str, ...]

    def __str__(self) -> str:
        """Say what it is, and what to do."""
        return f"{self.package}: {self.name}, " + (
            f"fixed in {', '.join(self.fixed_in)}" if self.fixed_in else "no fix"
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What the service said of one lock.

    Attributes:
        asked: How many packages it knew.
        found: What it knows of them.
        unknown: The packages that it did not know.
    """

    asked: int
    found: tuple[Vulnerability, ...]
    unknown: tuple[str, ...]


def probe(service: Sequence[str] = ()) -> None:
    """
    Ask about the first package of the image alone, before a hundred questions are in vain.

    Args:
        service: Words for pip-audit that name a service: ``--vulnerability-service osv``.

    Raises:
        CannotAskError: If the service does not answer or does not know the package.
    """
    first = locks.read(locks.IMAGE)[0]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as alone:
        alone.write(_line(first))
        alone.flush()
        answer = _ask(Path(alone.name), (), service)
    if answer.unknown:
        raise CannotAskError(f"the service does not know {first.name} {first.version}, nor, it seems, anything else")


def ask(lock: Path, ignored: Iterable[str] = (), service: Sequence[str] = ()) -> Answer:
    """
    Ask about every package of a lock that would be installed on this platform.

    Args:
        lock: The lock, relative to the tree.
        ignored: Vulnerabilities that do not concern Baton.
        service: As for `probe`.

    Raises:
        CannotAskError: If the service does not answer.
    """
    return _ask(ROOT / lock, ignored, service)


def _ask(lock: Path, ignored: Iterable[str], service: Sequence[str]) -> Answer:
    words = [word for each in ignored for word in ("--ignore-vuln", each)]
    command = [*_COMMAND, "--requirement", str(lock), *words, *service]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own interpreter
    try:
        told: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except json.JSONDecodeError as error:
        said = done.stderr.strip().splitlines() or [f"pip-audit ended with {done.returncode}"]
        raise CannotAskError(said[-1]) from error
    return Answer(
        asked=sum("skip_reason" not in each for each in told),
        found=tuple(sorted(_vulnerability(each, one) for each in told for one in each.get("vulns", []))),
        unknown=tuple(sorted(each["name"] for each in told if "skip_reason" in each)),
    )


def _vulnerability(package: dict[str, Any], told: dict[str, Any]) -> Vulnerability:
    return Vulnerability(f"{package['name']} {package['version']}", told["id"], tuple(told["fix_versions"]))


def _line(pin: Pin) -> str:
    return " ".join([f"{pin.name}=={pin.version}", *(f"--hash=sha256:{each}" for each in pin.hashes)]) + "\n"
