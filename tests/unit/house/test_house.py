"""The house itself: its layout, its sizes, its lock file."""

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from baton_operator.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("models/baton_models", "migrations/baton_migrations", "operator/baton_operator", "supply/baton_supply")
MAX_FILE, MAX_FUNCTION = 400, 50


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def test_the_folder_operator_does_not_shadow_the_standard_library():
    """A Python file directly in operator/ would make the folder importable as `operator`."""
    assert list((ROOT / "operator").glob("*.py")) == []


def test_tests_are_no_packages():
    """Importlib mode: file names are unique, and nothing under tests/ is imported as a package of ours."""
    assert list((ROOT / "tests").glob("*/__init__.py")) == []
    assert not (ROOT / "tests" / "__init__.py").exists()


def test_no_file_outgrows_its_room():
    long = {
        str(path.relative_to(ROOT)): n for path in modules() if (n := len(path.read_text().splitlines())) > MAX_FILE
    }
    assert long == {}


def test_no_function_outgrows_its_place():
    long = [
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in modules()
        if "versions" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION
    ]
    assert long == []


def test_every_room_states_its_law():
    """Each package's `__init__` begins with a docstring."""
    silent = [
        str(path.relative_to(ROOT))
        for path in modules()
        if path.name == "__init__.py" and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_every_dependency_has_a_reason():
    """Each runtime dependency in pyproject.toml is followed by a comment."""
    text = (ROOT / "pyproject.toml").read_text()
    block = text.split("\ndependencies = [")[1].split("\n]")[0]
    bare = [line for line in block.splitlines() if line.strip() and "#" not in line]
    assert bare == []


@pytest.mark.parametrize(("name", "fewest"), [("", 50), ("-image", 50), ("-build", 3)])
def test_the_locks_hold_hashes_and_no_address(name, fewest):
    lock = (ROOT / f"requirements{name}.lock").read_text()
    assert "://" not in lock
    packages = re.findall(r"^[a-z0-9][\w.-]*==", lock, re.MULTILINE)
    assert len(packages) > fewest
    assert lock.count("--hash=sha256:") >= len(packages)


@pytest.mark.parametrize(
    "page", sorted(path.relative_to(ROOT) for path in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
)
def test_links_between_pages_lead_somewhere(page):
    text = (ROOT / page).read_text()
    targets = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    lost = [link for link in targets if not (ROOT / page).parent.joinpath(link).exists()]
    assert lost == []


def test_settings_are_documented():
    """Every setting of the operator has its row in docs/settings.md."""
    page = (ROOT / "docs" / "settings.md").read_text()
    assert [each.name for each in fields(Settings) if f"`BATON_{each.name.upper()}`" not in page] == []
