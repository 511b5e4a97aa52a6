"""Every link between the repository's own pages leads to a file, and to a heading of it, that is there."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from markdown.extensions.toc import slugify

ROOT = Path(__file__).parents[3]
_FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+\s+(.+?)\s*$", re.MULTILINE)


def pages() -> list[str]:
    """Name all Markdown files that are kept, those that are new included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return sorted(each for each in listed if (ROOT / each).exists())


@cache
def anchors(page: Path) -> frozenset[str]:
    """Give the anchors of a page's headings, as GitHub and MkDocs make them."""
    text = _FENCED.sub("", page.read_text())
    return frozenset(slugify(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", each), "-") for each in _HEADING.findall(text))


@pytest.mark.parametrize("page", pages())
def test_every_link_leads_somewhere(page: str) -> None:
    """Relative ones: those to the rest of the world are not ours to keep."""
    path = ROOT / page
    text = re.sub(r"`[^`\n]*`", "", _FENCED.sub("", path.read_text()))
    wrong = []
    for link in _LINK.finditer(text):
        target, _, anchor = link["target"].partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        found = (path.parent / target).resolve() if target else path
        if not found.exists() or (anchor and found.suffix == ".md" and anchor not in anchors(found)):
            wrong.append(link["target"])
    assert wrong == []


def test_the_pages_are_many() -> None:
    """The list is not empty by mistake."""
    assert {"README.md", "docs/index.md", "docs/reference/crds.md"} <= set(pages())
