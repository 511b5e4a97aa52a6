"""What `baton revision` and `baton extensions` say where something is not as it must be."""

from __future__ import annotations

from pathlib import Path

import orjson
import psycopg
import pytest
from extension_packages import ExtensionPackage, baton
from typer.testing import CliRunner

from baton_migrations.chains import engine_chain
from baton_migrations.errors import CannotReviseError
from baton_migrations.revision import next_revision, write_revision
from baton_migrations.runner import migrate
from baton_operator.cli.application import application

MODEL = """
@register_data_model(name="Order")
class Order(Model):
    _ext_table = "order"

    id: Mapped[int] = mapped_column(primary_key=True)
"""


@pytest.fixture
def package(tmp_path: Path) -> ExtensionPackage:
    """The extension `acme` with one model and no revision."""
    made = ExtensionPackage.make(tmp_path, "acme", models="")
    made.models(MODEL)
    return made


def test_models_that_cannot_be_imported_do_not_drop_the_tables(database_url, package):
    package.revise("0001", "CREATE TABLE ext_acme_order (id serial PRIMARY KEY)")
    migrate(database_url, progress=lambda _: None, chains=[engine_chain(), package.chain])
    (package.package / "models.py").write_text("import nowhere_at_all")
    done = baton(package.site, "revision", "-e", "acme", "-m", "x", BATON_DATABASE_URL=database_url)
    assert done.returncode == 1
    assert "the models of 'acme' cannot be used: ModuleNotFoundError" in done.stderr
    assert [path.name for path in package.versions.glob("*.py")] == ["0001.py"]


def test_the_table_of_the_last_model_is_dropped_by_a_revision_too(database_url, package):
    """A package whose module of models is there and has none any more: what it says is that its tables are to go."""

    def say(*words: str) -> str:
        done = baton(package.site, *words, BATON_DATABASE_URL=database_url)
        return f"{done.returncode}: {done.stdout}{done.stderr}"

    package.revise("0001", "CREATE TABLE ext_acme_order (id serial CONSTRAINT pk_ext_acme_order PRIMARY KEY)")
    migrate(database_url, progress=lambda _: None, chains=[engine_chain(), package.chain])
    package.models("")
    checked = say("extensions", "check", "acme")
    assert checked.startswith("1: ")
    assert "the models are ahead of the tables: - table ext_acme_order" in checked
    written = say("revision", "-e", "acme", "-m", "no more orders")
    assert written.startswith("0: acme: wrote ")
    assert "  - table ext_acme_order\n  look: ext_acme_order is dropped with all its rows." in written
    assert say("migrate").endswith("acme: at head\n")
    assert say("revision", "-e", "acme", "-m", "x").startswith("0: acme: nothing changed")
    checked = say("extensions", "check", "acme")
    assert checked.startswith("0: ")
    assert "take the entry point 'acme' out of baton.models" in " ".join(checked.split())


def test_check_names_what_is_wrong_and_what_to_do(database_url, package):
    package.revise("0001", "CREATE TABLE ext_acme_order (id serial CONSTRAINT pk_ext_acme_order PRIMARY KEY)")
    migrate(database_url, progress=lambda _: None, chains=[engine_chain(), package.chain])
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE ext_acme_order DISABLE ROW LEVEL SECURITY")
    done = baton(package.site, "extensions", "check", "-o", "json", BATON_DATABASE_URL=database_url)
    assert done.returncode == 1
    rows = orjson.loads(done.stdout)
    wrong = [row for row in rows if row["verdict"] == "wrong"]
    assert [row["advice"] for row in wrong] == ["as its owner: SELECT baton_guard_extension('ext_acme_order')"]
    assert [row["verdict"] for row in rows if row["extension"] == "database"] == ["look"]  # the tests' administrator
    package.revise("0002", "SELECT 1")
    done = baton(package.site, "extensions", "check", "acme", BATON_DATABASE_URL=database_url)
    assert "the database waits for 0002" in done.stdout


def test_list_shows_what_is_installed_and_what_was(database_url, tmp_path, monkeypatch):
    gone = ExtensionPackage.make(tmp_path, "gone")
    gone.revise("0001", "CREATE TABLE ext_gone_order (id integer)")
    migrate(database_url, progress=lambda _: None, chains=[engine_chain(), gone.chain])
    here = ExtensionPackage.make(tmp_path / "site", "here")
    here.revise("0001", "SELECT 1")
    monkeypatch.syspath_prepend(here.site)
    monkeypatch.setenv("BATON_DATABASE_URL", database_url)
    result = CliRunner().invoke(application(), ["extensions", "list", "-o", "json"])
    shown = [(row["namespace"], row["package"], row["state"]) for row in orjson.loads(result.output)]
    assert shown == [
        ("here", "here-baton 1.0.0", "behind"),
        ("gone", "", "not installed here; its tables are kept"),
    ]


def test_a_revision_is_not_written_into_an_installed_copy(tmp_path, database_url):
    package = ExtensionPackage.make(tmp_path / "site-packages", "acme")
    with pytest.raises(CannotReviseError, match=r"is an installed copy: .* `pip install -e FOLDER`"):
        write_revision(database_url, package.chain, "add a thing")
    assert list(package.versions.iterdir()) == []


def test_a_revision_begins_where_the_database_ends(package, database_url):
    migrate(database_url, progress=lambda _: None, chains=[engine_chain()])
    package.revise("0001", "CREATE TABLE ext_acme_order (id integer)")
    with pytest.raises(CannotReviseError, match=r"acme: nothing \(behind\): run `baton migrate` first"):
        write_revision(database_url, package.chain, "too early")
    assert [path.name for path in package.versions.glob("*.py")] == ["0001.py"]


def test_an_empty_revision_is_for_moving_data(package):
    package.revise("0007_seven")
    written = write_revision("postgresql://nobody@127.0.0.1:1/x", package.chain, 'fill "it"\n\\ now', empty=True)
    assert written is not None
    assert written.path.name == "0008_fill_it_now.py"
    assert package.chain.scripts().get_current_head() == "0008_fill_it_now"
    assert '"""\nFill \'it\' / now.\n' in written.path.read_text()


@pytest.mark.parametrize(
    ("message", "revision"),
    [("Add it", "0001_add_it"), ("Größe", "0001_gr_e"), ("!", "0001_change"), ("x" * 60, "0001_" + "x" * 27)],
)
def test_a_revision_is_named_after_what_it_does(package, message, revision):
    assert next_revision(package.chain, message) == revision


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["revision", "-m", "x", "--extension", "nosuch"], "no installed package offers migrations for 'nosuch'"),
        (["extensions", "check", "nosuch"], "nosuch: no such extension is installed"),
        (["extensions", "new", "a_b"], "is no namespace of an extension"),
        (["migrate", "--sql", "--check"], "one of them at a time"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_words_are_answered_with_the_right_ones(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(application(), words)
    assert result.exit_code in {1, 2}
    assert said in " ".join(result.output.replace("│", " ").split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [["migrate", "--check"], ["extensions", "list"], ["extensions", "check"], ["revision", "-m", "x"]],
    ids=" ".join,
)
def test_an_address_that_is_none_is_named(words, monkeypatch):
    monkeypatch.setenv("BATON_DATABASE_URL", "mysql://nobody@nowhere/x")
    result = CliRunner().invoke(application(), words)
    said = " ".join(result.output.split())
    assert (result.exit_code, said) == (
        1,
        "error: BATON_DATABASE_URL: the database URL begins with 'mysql'; expected postgresql://host/database",
    )


def test_a_folder_that_cannot_be_written_is_named(monkeypatch):
    result = CliRunner().invoke(application(), ["extensions", "new", "acme", "--folder", "/proc/acme"])
    said = " ".join(result.output.split())
    assert (result.exit_code, said) == (
        1,
        "error: /proc/acme cannot be written (No such file or directory): name another place by --folder",
    )
