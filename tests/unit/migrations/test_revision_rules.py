"""What every revision of Baton's own chain keeps to."""

import ast
from importlib.metadata import version
from pathlib import Path

import pytest

import baton_migrations
from baton_migrations.chains import engine_chain
from baton_migrations.releases import release_number

REVISIONS = list(engine_chain().scripts().walk_revisions())


def test_the_chain_is_one_line():
    scripts = engine_chain().scripts()
    assert len(scripts.get_heads()) == 1
    assert len(scripts.get_bases()) == 1
    assert not any(revision.is_branch_point or revision.is_merge_point for revision in REVISIONS)


@pytest.mark.parametrize("revision", REVISIONS, ids=lambda revision: revision.revision)
def test_a_revision_names_the_oldest_release_that_works_with_it(revision):
    assert release_number(revision.module.readable_since) <= release_number(version("baton"))


@pytest.mark.parametrize("revision", REVISIONS, ids=lambda revision: revision.revision)
def test_a_revision_repeats_history_and_does_not_ask_the_models(revision):
    """A fresh database replays what was run then, so a revision must not change when a model does."""
    tree = ast.parse(Path(revision.path).read_text(encoding="utf-8"))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    assert not any(module.startswith("baton") for module in imported)


@pytest.mark.parametrize("revision", REVISIONS, ids=lambda revision: revision.revision)
def test_there_is_no_way_back(revision):
    assert not hasattr(revision.module, "downgrade")


@pytest.mark.parametrize(
    ("folder", "rule"),
    [("engine", "the previous release keeps working"), ("extension", "tasks of the previous release still run")],
)
def test_the_templates_print_the_rule(folder, rule):
    template = (Path(baton_migrations.__path__[0]) / folder / "script.py.mako").read_text(encoding="utf-8")
    assert rule in template
    assert "readable_since" in template


@pytest.mark.parametrize(
    ("release", "number"),
    [("0.1.0", (0, 1, 0)), ("1.2", (1, 2, 0)), ("0.12.1rc1", (0, 12, 1)), ("10.0.0.dev3+local", (10, 0, 0))],
)
def test_releases_compare_as_numbers(release, number):
    assert release_number(release) == number


def test_what_is_no_release_is_refused():
    with pytest.raises(ValueError, match="'SAY WHICH' is no release"):
        release_number("SAY WHICH")
