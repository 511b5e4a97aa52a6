"""Chains are found by entry points, in a fixed order, and what cannot be used is refused by name."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from baton_migrations.chains import ENTRY_POINT_GROUP, Chain, discover, engine_chain, extension_chains
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
    (folder / "versions").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "site_migrations", raising=False)
    return folder


def test_the_engine_chain_is_alembics_default():
    chain = engine_chain()
    assert (chain.name, chain.version_table) == ("engine", "alembic_version")
    assert discover()[0] == chain


def test_extensions_come_by_name_with_a_version_table_each(package):
    chains = extension_chains([point("zoo"), point("abc")])
    assert [(chain.name, chain.version_table, chain.versions) for chain in chains] == [
        ("abc", "alembic_version_abc", package / "versions"),
        ("zoo", "alembic_version_zoo", package / "versions"),
    ]


@pytest.mark.parametrize("name", ["", "a_b", "9a", "Abc", "a" * 21, "engine", "a-b"])
def test_a_namespace_that_could_own_the_neighbours_tables_is_refused(package, name):
    (chain,) = extension_chains([point(name)])
    assert "is no namespace" in chain.problem
    with pytest.raises(ChainError, match="is no namespace"):
        chain.scripts()


def test_the_same_namespace_twice_is_refused(package):
    (chain,) = extension_chains([point("abc"), point("abc", "other")])
    assert chain.problem.startswith("two installed packages offer migrations for 'abc', site_migrations")


def test_the_same_package_seen_twice_on_the_path_is_one(package):
    (chain,) = extension_chains([point("abc"), point("abc")])
    assert chain.problem is None


def test_a_package_that_is_not_there_is_named_and_its_neighbour_is_usable(package):
    broken, good = extension_chains([point("abc", "nowhere_at_all"), point("zoo")])
    assert "'abc' cannot be imported from nowhere_at_all: ModuleNotFoundError" in broken.problem
    assert good.problem is None
    assert good.scripts().get_heads() == []


def test_a_package_whose_import_fails_in_any_way_is_named(package):
    (package / "__init__.py").write_text("raise SystemExit('no licence')")
    (chain,) = extension_chains([point("abc")])
    assert chain.problem.endswith("SystemExit: no licence")


def test_a_package_without_a_folder_of_revisions_is_named(package):
    (package / "versions").rmdir()
    (chain,) = extension_chains([point("abc")])
    assert chain.problem == f"the migrations of 'abc' have no folder `versions` in {package}"


def test_a_module_in_place_of_a_package_is_named():
    (chain,) = extension_chains([point("abc", "string")])
    assert "string is a module, not a package" in chain.problem


REVISION = "revision = {!r}\ndown_revision = {!r}\n{}\n"
UPGRADE = "def upgrade(): pass"


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (
            {"0001": (None, UPGRADE), "0002": ("0001", UPGRADE), "0002b": ("0001", UPGRADE)},
            "2 heads, 0002 .* and 0002b",
        ),
        ({"0001": ("0000", UPGRADE)}, "0000"),
        ({"0001": (None, "1 +")}, r"a file in .*versions cannot be imported: SyntaxError"),
        ({"0001": (None, "raise RuntimeError('boo')")}, "RuntimeError: boo"),
        ({"0001": (None, "")}, r"0001\.py has no function upgrade"),
        ({"0" * 33: (None, UPGRADE)}, "longer than 32 characters: shorten it"),
        ({"0001": (None, UPGRADE + "\nreadable_since = 'SAY WHICH'")}, "'SAY WHICH' is no release"),
    ],
    ids=["heads", "gap", "syntax", "raises", "no-upgrade", "long", "release"],
)
@pytest.mark.filterwarnings("ignore:Revision")  # alembic's own words about the gap, beside its error
def test_revisions_that_are_no_line_are_named(package, files, problem):
    for name, (down, rest) in files.items():
        (package / "versions" / f"{name}.py").write_text(REVISION.format(name, down, rest))
    (chain,) = extension_chains([point("abc")])
    with pytest.raises(ChainError, match=problem):
        chain.scripts()


def test_a_revision_that_names_no_release_is_read_by_the_one_that_brings_it(package):
    (package / "versions" / "0001.py").write_text(REVISION.format("0001", None, UPGRADE))
    chain = Chain("abc", package / "versions", "2.7.1rc1")
    (script,) = chain.scripts().walk_revisions()
    assert chain.readable_since(script) == "2.7.1"


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
