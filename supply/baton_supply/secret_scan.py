"""
Looks for secrets in the tree and in its history, with every detector of detect-secrets, and asks nobody.

What is known and no secret stands in `supply/known.toml` with the reason: by the hash of its value or, for recorded
data, by file and kind. Passwords of a few characters in tests, examples and pages are no secrets and need no entry; nor
do files that list hashes.
"""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.plugins.base import BasePlugin
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.keyword import KeywordDetector
from detect_secrets.settings import default_settings, get_settings

from baton_supply import history
from baton_supply.tree import ROOT, tracked

KNOWN = Path(__file__).parents[1] / "known.toml"
#: Files of hashes: each line is one, and none is a secret.
HASHES = ("*.lock", "*.sum", "supply/known.toml")
#: Where passwords are made up.
MADE_UP = ("tests", "examples", "docs", "bench")
#: A made-up password has fewer characters; what a service gives out has more.
PASSWORD = 16
#: What stands for a password in an explanation, anywhere.
PLACEHOLDERS = frozenset({"password"})

_VERIFICATION = "detect_secrets.filters.common.is_ignored_due_to_verification_policies"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """
    A value that looks like a secret.

    Attributes:
        path: The file, relative to the tree.
        line: Its line, or 0: only in the history.
        kind: What it looks like.
        digest: The SHA-1 of the value, which names it without telling it.
    """

    path: str
    line: int
    kind: str
    digest: str

    def __str__(self) -> str:
        """Say where it is, and by which hash it would be known."""
        where = f"{self.path}:{self.line}" if self.line else f"the history of {self.path}"
        return f"{where}: {self.kind}, hash {self.digest}"


@dataclass(frozen=True, slots=True)
class Known:
    """
    What is known and no secret.

    Attributes:
        hashes: The reason for each value, by its hash.
        recorded: Patterns of files with recorded data, and the kinds of findings that are no secrets there.
    """

    hashes: Mapping[str, str]
    recorded: tuple[tuple[str, frozenset[str]], ...] = ()

    def news(self, findings: Iterable[Finding]) -> list[Finding]:
        """Pick out the findings that are not known."""
        return [each for each in findings if each.digest not in self.hashes and not self._is_recorded(each)]

    def _is_recorded(self, finding: Finding) -> bool:
        return any(fnmatchcase(finding.path, pattern) and finding.kind in kinds for pattern, kinds in self.recorded)


def known(path: Path = KNOWN) -> Known:
    """
    Read what is known and no secret.

    Raises:
        ValueError: If an entry has no reason, or a hash is listed twice.
    """
    told = tomllib.loads(path.read_text())
    hashes: dict[str, str] = {}
    for entry in told["known"]:
        for digest in entry["hashes"]:
            if digest in hashes:
                raise ValueError(f"{path.name}: {digest} is listed twice")
            hashes[digest] = entry["why"]
    recorded = told.get("recorded", [])
    if not all(entry["why"].strip() for entry in (*told["known"], *recorded)):
        raise ValueError(f"{path.name}: an entry has no reason")
    return Known(hashes, tuple((name, frozenset(entry["kinds"])) for entry in recorded for name in entry["files"]))


def in_tree(root: Path = ROOT) -> list[Finding]:
    """Find what looks like a secret in the files that git tracks, known or not, in order."""
    return _scan(root, (each for each in tracked(root) if not any(each.match(pattern) for pattern in HASHES)))


def in_history(root: Path = ROOT) -> list[Finding]:
    """Find what looks like a secret in any line that a commit ever added, known or not, in order."""
    lines = history.added(root, but=HASHES)
    with tempfile.TemporaryDirectory() as folder:
        for path, text in lines.items():
            (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / path).write_text("\n".join(text))
        found = _scan(Path(folder), sorted(lines))
    return sorted({Finding(each.path, 0, each.kind, each.digest) for each in found})


def is_made_up(filename: str, plugin: BasePlugin, secret: str) -> bool:
    """Tell whether a password, or what stands for one, is made up; detect-secrets calls it by these names."""
    if not isinstance(plugin, BasicAuthDetector | KeywordDetector):
        return False
    root = get_settings().filters[_MADE_UP]["root"]
    return secret in PLACEHOLDERS or (len(secret) < PASSWORD and Path(filename).relative_to(root).parts[0] in MADE_UP)


_MADE_UP = f"{__name__}.{is_made_up.__name__}"


def _scan(root: Path, paths: Iterable[Path]) -> list[Finding]:
    found = SecretsCollection(root=str(root))
    with _detectors(root):
        for each in paths:
            found.scan_file(str(each))
    return sorted({Finding(name, each.line_number, each.type, each.secret_hash) for name, each in found})


@contextmanager
def _detectors(root: Path) -> Iterator[None]:
    """Switch on all detectors; the filter that would try a found secret at its service stays off."""
    with default_settings() as settings:
        settings.disable_filters(_VERIFICATION)
        settings.filters[_MADE_UP] = {"root": root}
        yield
