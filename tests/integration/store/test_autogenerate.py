"""
Writing a new revision sees the tables of its own chain and no other, in every order.

Models of extensions share one metadata with Baton's, so each comparison runs in a process of its own.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from extension_packages import ExtensionPackage, baton, run_python

ORDER = """
@register_data_model(name="{name}")
class {name}(Model):
    _ext_table = "{table}"

    id: Mapped[int] = mapped_column(primary_key=True)
    note: Mapped[str | None] = mapped_column(index=True)
"""
MANAGED = """
@register_data_model(name="{name}")
class {name}(Model, WorkflowManagedMixin):
    _ext_table = "{table}"

    amount: Mapped[int] = mapped_column(server_default="0")
"""

#: Compares every chain with the database, in each of the orders given, and prints what would be done in which.
COMPARE = """
import sys
from sqlalchemy import NullPool, create_engine
from baton_migrations.chains import discover
from baton_migrations.described import describe
from baton_migrations.revision import differences
from baton_models.database import psycopg_url
from baton_models.registry import DataModelRegistry

registry = DataModelRegistry.discover()
assert not registry.broken, registry.broken
chains = {chain.name: chain for chain in discover()}
with create_engine(psycopg_url(sys.argv[1]), poolclass=NullPool).connect() as connection:
    for order in sys.argv[2:]:
        for name in order.split(","):
            for step in describe(differences(connection, chains[name]), chains[name]).steps:
                print(f"{order}: {name}: {step}")
"""
ORDERS = [",".join(order) for order in itertools.permutations(["engine", "a", "ab"])]


def compare(site: Path, url: str, *orders: str) -> list[str]:
    done = run_python(site, "-c", COMPARE, url, *orders)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages `a` and `ab`: each has a plain and a managed table, whose names are near the other's."""
    return tmp_path_factory.mktemp("site")


@pytest.fixture
def neighbours(site: Path, store_url: str) -> tuple[ExtensionPackage, ExtensionPackage]:
    """`a` and `ab` installed and migrated; their revisions were written by comparison."""
    made = []
    for namespace, plain in (("a", "b_order"), ("ab", "order")):
        package = ExtensionPackage(site, namespace)
        if not package.package.exists():
            ExtensionPackage.make(site, namespace, models="")
        names = {"name": f"Order{namespace}", "table": plain}
        managed = {"name": f"Deed{namespace}", "table": "deed"}
        package.models(ORDER.format(**names) + MANAGED.format(**managed))
        made.append(package)
    for package in made:
        if not list(package.versions.glob("*.py")):
            write(site, store_url, package.namespace, "first")
    migrated = run_python(site, "-m", "baton_migrations", BATON_DATABASE_URL=store_url)
    assert migrated.returncode == 0, migrated.stdout + migrated.stderr
    return made[0], made[1]


def write(site: Path, url: str, namespace: str, message: str) -> None:
    written = baton(site, "revision", "--extension", namespace, "-m", message, BATON_DATABASE_URL=url)
    assert written.returncode == 0, written.stderr


@pytest.mark.usefixtures("neighbours")
def test_at_head_nobody_has_anything_to_do_in_any_order(site, store_url):
    assert compare(site, store_url, *ORDERS) == []


def test_a_table_whose_model_is_gone_is_dropped_by_its_owner_alone(site, store_url, neighbours):
    neighbours[0].models(MANAGED.format(name="Deeda", table="deed"))
    dropped = ["- index ix_ext_a_b_order_note", "- table ext_a_b_order"]
    assert compare(site, store_url, *ORDERS) == [f"{order}: a: {step}" for order in ORDERS for step in dropped]


@pytest.mark.usefixtures("neighbours")
def test_a_package_that_was_uninstalled_keeps_its_tables(site, store_url):
    info = site / "a_baton-1.0.0.dist-info"
    info.rename(site / "a_baton.away")
    try:
        assert compare(site, store_url, "engine,ab") == []
    finally:
        (site / "a_baton.away").rename(info)


#: Prints everything of the schema but what differs by nature: files, owners, version tables.
LISTING = """
import sys
from sqlalchemy import NullPool, create_engine
from baton_migrations.chains import Chain
from baton_migrations.fence import things
from baton_models import Base
from baton_models.database import psycopg_url
from baton_models.registry import DataModelRegistry

assert not DataModelRegistry.discover().broken
with create_engine(psycopg_url(sys.argv[1]), poolclass=NullPool).connect() as connection:
    if sys.argv[2] == "create":
        Base.metadata.create_all(connection)
    for name, what in sorted(things(connection, Chain("nobody", None, "0")).items()):
        kind = name.split()[0]
        if "alembic_version" not in name:
            print(name, " ".join(what.split()[:-1]) if kind == "table" else what)
"""


def test_a_fresh_install_replays_history_and_ends_with_the_models_schema(site, neighbours, store_url, new_database):
    """Columns, constraints, indexes, policies and triggers, also those of managed rows."""
    package = neighbours[0]
    package.models(
        ORDER.format(name="Ordera", table="b_order").replace("index=True", "index=True, server_default='none'")
        + MANAGED.format(name="Deeda", table="deed").replace("amount: Mapped[int]", "amount: Mapped[int | None]")
        + ORDER.format(name="Latea", table="late")
    )
    write(site, store_url, "a", "second")
    migrated, created = new_database(), new_database()
    try:
        done = run_python(site, "-m", "baton_migrations", BATON_DATABASE_URL=migrated)
    finally:
        (package.versions / "0002_second.py").unlink()  # the other tests have the first revision only
    assert done.returncode == 0, done.stdout + done.stderr
    listed = [run_python(site, "-c", LISTING, url, how) for url, how in ((migrated, "look"), (created, "create"))]
    assert [each.stderr for each in listed] == ["", ""]
    assert "trigger ext_a_deed.baton_managed_guard" in listed[0].stdout
    assert "policy ext_a_late.baton_declared" in listed[0].stdout
    assert listed[0].stdout.splitlines() == listed[1].stdout.splitlines()
