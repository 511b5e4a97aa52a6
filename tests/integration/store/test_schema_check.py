"""An operator starts on the schemas that it can work with, and on no other."""

import subprocess
import sys
from dataclasses import replace

import pytest

from baton_migrations.__main__ import main
from baton_migrations.chains import engine_chain
from baton_migrations.check import Standing, verify
from baton_migrations.errors import SchemaBehindError, SchemaTooNewError


@pytest.fixture
def newer(connection):
    """Puts the database where a newer release left it: ``newer("0.1.0", …)``, one revision for each release."""

    def move(*readable_since: str | None) -> None:
        for place, since in enumerate(readable_since):
            if since is not None:
                connection.execute(
                    "INSERT INTO schema_compat VALUES ('engine', %s, %s) ON CONFLICT DO NOTHING",
                    (f"9{place:03}_later", since),
                )
        connection.execute("UPDATE alembic_version SET version_num = %s", (f"9{len(readable_since) - 1:03}_later",))

    return move


def test_at_head_is_fine(store_url):
    state = verify(store_url)
    assert state.is_at_head
    assert str(state) == f"engine: {engine_chain().scripts().get_current_head()} (at head)"


def test_an_empty_database_waits_for_migrate(database_url):
    with pytest.raises(SchemaBehindError, match=r"the schema of engine is at nothing, .*: run baton migrate$"):
        verify(database_url)


def test_an_older_schema_waits_for_migrate(store_url, connection):
    connection.execute("UPDATE alembic_version SET version_num = '0001_outside'")
    with pytest.raises(SchemaBehindError, match=r"is at 0001_outside, this release needs .*: run baton migrate$"):
        verify(store_url)


def test_a_newer_schema_that_allows_this_release_is_worked_with(store_url, newer):
    newer("0.1.0", "0.0.9")
    (chain,) = verify(store_url).chains
    assert chain.standing is Standing.NEWER_READABLE
    assert str(chain) == "engine: 9001_later (newer, and this release still works with it)"


def test_every_unknown_revision_must_allow_this_release(store_url, newer):
    newer("9.0.0", "0.1.0")
    with pytest.raises(SchemaTooNewError, match=r"is at 9001_later, .* it takes 9\.0\.0 or newer$"):
        verify(store_url)


def test_releases_are_compared_as_numbers(store_url, newer):
    newer("0.9.0")
    chain = engine_chain()
    assert verify(store_url, chains=[replace(chain, release="0.10.0")])
    with pytest.raises(SchemaTooNewError):
        verify(store_url, chains=[replace(chain, release="0.8.12")])


def test_a_newer_schema_that_says_nothing_is_refused(store_url, newer):
    newer(None)
    with pytest.raises(SchemaTooNewError, match=r"it takes a newer release$"):
        verify(store_url)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "baton_migrations", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_init_container_migrates_and_checks_by_exit_code(database_url):
    before = run("--check", "--database-url", database_url)
    assert (before.returncode, before.stdout) == (78, "")
    assert before.stderr.endswith("run baton migrate\n")
    assert before.stderr.count("\n") == 1
    migrated = run("--database-url", database_url)
    assert (migrated.returncode, migrated.stderr) == (0, "")
    assert migrated.stdout.endswith("engine: at head\n")
    after = run("--check", "--database-url", database_url)
    assert (after.returncode, after.stderr) == (0, "")


def test_the_url_may_come_from_the_environment(store_url, monkeypatch, capsys):
    monkeypatch.setenv("BATON_DATABASE_URL", store_url)
    assert main(["--check"]) == 0
    assert capsys.readouterr().out.startswith("engine: ")


@pytest.mark.parametrize("url", ["postgresql://u:s3cret@127.0.0.1:1/x", "mysql://u:s3cret@h/x", "s3cret"])
def test_what_cannot_be_reached_is_one_line_without_a_secret(url, capsys):
    assert main(["--database-url", url]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "s3cret" not in said


def test_without_a_url_the_usage_is_shown(monkeypatch, capsys):
    monkeypatch.delenv("BATON_DATABASE_URL", raising=False)
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "BATON_DATABASE_URL" in capsys.readouterr().err


def test_an_older_migrator_leaves_a_newer_schema_alone(store_url, newer, capsys):
    """A rollback starts the old image's init container too: it says so and goes on, or ends with 78."""
    newer("0.1.0")
    assert main(["--database-url", store_url]) == 0
    assert "still works with it" in capsys.readouterr().out
    newer("0.1.0", "9.0.0")
    assert main(["--database-url", store_url]) == 78
    assert "it takes 9.0.0 or newer" in capsys.readouterr().err
