"""The scan for secrets: what it finds in a tree and in its history, and what it takes for made up."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from baton_supply import history, secret_scan

#: Put together here, so that this file has none.
TOKEN = "ghp_" + "a1B2" * 9
LONG = "correct-horse-" + "battery-staple-7"
SHORT = "tr0ub4dor"


class Repository:
    """A work tree of git, to which files are committed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._git("init", "--quiet")

    def commit(self, **files: str | None) -> None:
        """Commit files, named with ``__`` for a slash; None removes one."""
        for name, text in files.items():
            path = self.folder / (name.replace("__", "/") + ".yaml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True) if text is None else path.write_text(text)
        self._git("add", "--all")
        self._git("-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "--quiet", "--message", "x")

    def _git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.folder, check=True)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """In a folder whose own name is one of those where passwords are made up."""
    folder = tmp_path / "tests" / "repository"
    folder.mkdir(parents=True)
    return Repository(folder)


def found(findings: list[secret_scan.Finding]) -> list[tuple[str, int, str]]:
    return [(each.path, each.line, each.kind) for each in findings]


def test_a_token_is_found_anywhere(repository: Repository) -> None:
    """In tests and pages, too: what a service gave out is never made up."""
    repository.commit(tests__a=f"x: 1\nvalue: {TOKEN}\n", docs__b=f"value: {TOKEN}\n")
    assert found(secret_scan.in_tree(repository.folder)) == [
        ("docs/b.yaml", 1, "GitHub Token"),
        ("tests/a.yaml", 2, "GitHub Token"),
    ]


def test_a_short_password_is_made_up_in_tests_only(repository: Repository) -> None:
    repository.commit(tests__a=f"password: {SHORT}\n", charts__b=f"password: {SHORT}\n", docs__c=f"password: {LONG}\n")
    assert found(secret_scan.in_tree(repository.folder)) == [
        ("charts/b.yaml", 1, "Secret Keyword"),
        ("docs/c.yaml", 1, "Secret Keyword"),
    ]


def test_the_word_password_is_no_password(repository: Repository) -> None:
    repository.commit(charts__a="uri: postgresql://user:password@host/name\n", charts__b="password: password\n")
    assert secret_scan.in_tree(repository.folder) == []


def test_what_was_removed_is_found_in_the_history(repository: Repository) -> None:
    """Once, by its file and without a line; the tree itself is clean."""
    repository.commit(charts__a=f"value: {TOKEN}\nother: 1\n")
    repository.commit(charts__a="other: 1\n", charts__b=f"value: {TOKEN}\n")
    repository.commit(charts__b=None)
    assert secret_scan.in_tree(repository.folder) == []
    findings = secret_scan.in_history(repository.folder)
    assert found(findings) == [("charts/a.yaml", 0, "GitHub Token"), ("charts/b.yaml", 0, "GitHub Token")]
    assert str(findings[0]).startswith("the history of charts/a.yaml: GitHub Token, hash ")
    assert TOKEN not in str(findings)


def test_what_is_made_up_is_so_in_the_history(repository: Repository) -> None:
    repository.commit(tests__a=f"password: {SHORT}\n")
    repository.commit(tests__a=None)
    assert secret_scan.in_history(repository.folder) == []


def test_lines_are_read_out_of_a_patch() -> None:
    """Also one that itself looks like a header, and what follows a removed line."""
    patch = (
        "diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1 @@\n--- x\n-y\n+++ b/c\n"
        "@@ -9,0 +9,2 @@ def f\n+one\n+one\n"
        "diff --git a/b c.txt b/b c.txt\nnew file mode 100644\n--- /dev/null\n+++ b/b c.txt\t\n@@ -0,0 +1 @@\n+two\n"
        "\\ No newline at end of file\n"
        "diff --git a/d b/d\ndeleted file mode 100644\n--- a/d\n+++ /dev/null\n@@ -1 +0,0 @@\n-three\n"
    )
    assert history.lines_added(patch) == {Path("a.txt"): ["++ b/c", "one"], Path("b c.txt"): ["two"]}


def test_an_entry_needs_a_reason_and_is_listed_once(tmp_path: Path) -> None:
    (tmp_path / "known.toml").write_text('[[known]]\nwhy = "a name"\nhashes = ["aa"]\n')
    assert secret_scan.known(tmp_path / "known.toml") == secret_scan.Known({"aa": "a name"})
    for more, said in (
        ('[[known]]\nwhy = " "\nhashes = ["bb"]\n', "an entry has no reason"),
        ('[[recorded]]\nwhy = ""\nfiles = ["a"]\nkinds = []\n', "an entry has no reason"),
        ('[[known]]\nwhy = "again"\nhashes = ["aa"]\n', "aa is listed twice"),
    ):
        (tmp_path / "other.toml").write_text((tmp_path / "known.toml").read_text() + more)
        with pytest.raises(ValueError, match=said):
            secret_scan.known(tmp_path / "other.toml")


def test_recorded_data_may_have_random_values_but_no_tokens() -> None:
    """In its own files only."""
    known = secret_scan.Known({"aa": "a name"}, (("tests/recorded/*.jsonl", frozenset({"Hex"})),))
    random = secret_scan.Finding("tests/recorded/a.jsonl", 1, "Hex", "bb")
    token = secret_scan.Finding("tests/recorded/a.jsonl", 2, "GitHub Token", "cc")
    elsewhere = secret_scan.Finding("tests/a.jsonl", 1, "Hex", "bb")
    name = secret_scan.Finding("charts/a.yaml", 1, "Secret Keyword", "aa")
    assert known.news([random, token, elsewhere, name]) == [token, elsewhere]
