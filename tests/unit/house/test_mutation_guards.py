"""The list of guards that `make mutate` plays: each is where it is said to be, and so is each of its tests."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
#: Tests that others run, too: a file of ours only names them.
SHIPPED = (ROOT / "operator" / "baton_operator" / "engines" / "conformance", ROOT / "examples" / "adapter" / "tests")


@pytest.fixture
def guards(monkeypatch):
    """The guards, as `mutate.py` imports them."""
    monkeypatch.syspath_prepend(ROOT / "tests" / "mutation")
    return importlib.import_module("guards").GUARDS


def test_a_guard_is_found_once(guards):
    found = {each.name: (ROOT / each.file).read_text().count(each.old) for each in guards}
    assert {name: count for name, count in found.items() if count != 1} == {}


def test_each_of_its_tests_is_there(guards):
    """A test that was called otherwise since would show nothing."""
    missing = []
    for test in {test for each in guards for test in each.tests}:
        file, _, rest = test.partition("::")
        names = [part.partition("[")[0] for part in rest.split("::") if part]
        path = ROOT / file
        if not path.exists() or not all(_has(path, name) for name in names):
            missing.append(test)
    assert missing == []


def _has(path: Path, name: str) -> bool:
    """Whether a folder or file has a class or function of this name, or takes it over from where it ships."""
    text = path.read_text() if path.is_file() else ""
    shipped = (each.read_text() for folder in SHIPPED for each in sorted(folder.rglob("*.py")))
    return any(re.search(rf"(def|class) {re.escape(name)}\b", each) for each in (text, *shipped))


def test_no_two_guards_have_one_name(guards):
    names = [each.name for each in guards]
    assert sorted(set(names)) == sorted(names)
