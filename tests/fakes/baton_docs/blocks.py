"""
The blocks of the pages: what is shown to be typed, and what between fences.

A line of a block that is indented is typed; what follows two spaces explains it. A block between fences names its
language. `baton_docs.rules` says of each which test does what it says, and a test asks here for those that it is given.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from baton_docs.rules import RULES, Rule

ROOT = Path(__file__).parents[3]
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\s*$")
_ITEM = re.compile(r" {0,3}([-*]|\d+\.) ")
_INDENT = " " * 4
#: Fragments of changes, which become one page at a release.
_NO_PAGES = ("changelog.d/", "CHANGELOG.md")


@dataclass(frozen=True, slots=True)
class Block:
    """
    One block of a page.

    Attributes:
        page: The page's path from the repository's root.
        line: Where the block's text begins, counted from 1.
        language: What its fence says; empty for one that is indented, whose lines are typed.
        text: Its text, without what indents all of it.
    """

    page: str
    line: int
    language: str
    text: str

    @property
    def where(self) -> str:
        """Where it stands, as editors take it."""
        return f"{self.page}:{self.line}"

    def commands(self) -> list[str]:
        """Give its lines as they are typed: continued ones joined, without the words that explain them."""
        joined = re.sub(r"\s*\\\n\s*", " ", self.text)
        return [re.split(r" {2,}", each.strip())[0] for each in joined.splitlines() if each.strip()]

    def words(self) -> list[str]:
        """Give what rules decide about: each line that is typed, or the language and the first line."""
        return [f"[{self.language}] {self.text.partition(chr(10))[0]}"] if self.language else self.commands()


def pages() -> list[str]:
    """Name all Markdown files that are kept, those that are new included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return sorted(each for each in listed if not each.startswith(_NO_PAGES) and (ROOT / each).exists())


def blocks(*only: str) -> Iterator[Block]:
    """Give the blocks of some pages, or of all."""
    for page in only or pages():
        yield from _blocks(page, (ROOT / page).read_text().splitlines())


def _blocks(page: str, lines: list[str]) -> Iterator[Block]:
    at, before, inside = 0, "", False
    while at < len(lines):
        line = lines[at]
        if line.strip() and not line.startswith(_INDENT):
            inside = bool(_ITEM.match(line)) or (inside and bool(before.strip()))
        indent = _INDENT * (2 if inside else 1)  # what is indented once below an item is a paragraph of it
        end = at + 1
        if fence := _FENCE.match(line):
            end = next(n for n in range(at + 1, len(lines)) if lines[n] == f"{fence['indent']}```") + 1
            text = "\n".join(each.removeprefix(fence["indent"]) for each in lines[at + 1 : end - 1])
            yield Block(page, at + 2, fence["language"], text)
        elif line.startswith(indent) and not before.strip():
            ends = (n for n in range(at, len(lines)) if lines[n].strip() and not lines[n].startswith(indent))
            end = next(ends, len(lines))
            yield Block(page, at + 1, "", "\n".join(each.removeprefix(indent) for each in lines[at:end]).rstrip())
        before, at = lines[end - 1], end


def rule_of(page: str, words: str) -> Rule | None:
    """Give the first rule that decides about *words* of *page*; None if none does."""
    return next((each for each in RULES if each.is_about(page, words)), None)


def typed_by(test: str) -> list[tuple[Block, str]]:
    """Give the lines that *test*, a path in the repository, is given to type, page by page in their order."""
    lines = [(block, line) for block in blocks() if not block.language for line in block.commands()]
    return [(block, line) for block, line in lines if _is_given(test, rule_of(block.page, line))]


def read_by(test: str) -> list[Block]:
    """Give the blocks between fences that *test*, a path in the repository, is given to read."""
    fenced = [block for block in blocks() if block.language]
    return [block for block in fenced if _is_given(test, rule_of(block.page, *block.words()))]


def _is_given(test: str, rule: Rule | None) -> bool:
    return rule is not None and rule.test == test
