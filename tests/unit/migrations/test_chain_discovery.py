"""Chains are found by entry points, in a fixed order, and what cannot be used is refused by name."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from baton_migrations.chains import ENTRY_POINT_GROUP, discover, engine_chain, extension_chains
from baton_migrations.errors import ChainError
from baton_migrations.filters import alembic_filters, owned_by_engine, owned_by_extension


def point(name: str, value: str = "site_migrations") -> EntryPoint:
    return EntryPoint(name=name, value=value, group=ENTRY_POINT_GROUP)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of migrations that can be imported as ``site_migrations``."""
    folder = tmp_path / "site_migrations"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "env.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "site_migrations", raising=False)
    return folder


def test_the_engine_chain_is_alembics_default():
    chain = engine_chain()
    assert (chain.name, chain.version_table) == ("engine", "alembic_version")
    assert discover()[0] == chain


def test_extensions_come_by_name_with_a_version_table_each(package):
    chains = extension_chains([point("zoo"), point("abc")])
    assert [(chain.name, chain.version_table, chain.folder) for chain in chains] == [
        ("abc", "alembic_version_abc", package),
        ("zoo", "alembic_version_zoo", package),
    ]


@pytest.mark.parametrize("name", ["", "a_b", "9a", "Abc", "a" * 21, "engine", "a-b"])
def test_a_namespace_that_could_own_the_neighbours_tables_is_refused(package, name):
    with pytest.raises(ChainError, match="is no namespace"):
        extension_chains([point(name)])


def test_the_same_namespace_twice_is_refused(package):
    with pytest.raises(ChainError, match="two installed packages"):
        extension_chains([point("abc"), point("abc", "other")])


def test_a_package_that_is_not_there_is_named():
    with pytest.raises(ChainError, match="'abc' cannot be imported from nowhere_at_all"):
        extension_chains([point("abc", "nowhere_at_all")])


def test_a_package_without_env_is_named(package):
    (package / "env.py").unlink()
    with pytest.raises(ChainError, match=r"have no env\.py"):
        extension_chains([point("abc")])


@pytest.mark.parametrize(
    ("table", "owner"),
    [
        ("run", "engine"),
        ("schema_compat", "engine"),
        ("alembic_version", None),
        ("alembic_version_abc", None),
        ("ext_abc_order", "abc"),
        ("ext_abcd_order", "abcd"),
        ("ext_order", None),
    ],
)
def test_each_table_belongs_to_one_chain_at_most(table, owner):
    filters = {"engine": owned_by_engine, "abc": owned_by_extension("abc"), "abcd": owned_by_extension("abcd")}
    assert [name for name, owns in filters.items() if owns(table)] == ([owner] if owner else [])


def test_both_of_alembics_filters_follow_the_owner():
    filters = alembic_filters(owned_by_extension("abc"))
    names = ["ext_abc_order", "run", "alembic_version_abc"]
    assert [filters["include_name"](name, "table", {}) for name in names] == [True, False, False]
    assert [filters["include_object"](None, name, "table", False, None) for name in names] == [True, False, False]
    assert filters["include_name"]("payload", "column", {"table_name": "ext_abc_order"})
