"""A database behind TLS, with the variables by which the chart hands `database.sslMode` and `database.ca` on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import pytest
from baton_spine.stage import Stage, shown
from baton_spine.tls_front import NAMED, UNNAMED, TlsFront, tls_front

from baton_operator.local.certificates import ControlPlaneKeys


@pytest.fixture
def front(stage: Stage, tmp_path: Path) -> Iterator[TlsFront]:
    """TLS before the stage's database."""
    with tls_front(stage.database_url, tmp_path / "keys") as made:
        yield made


def given(front: TlsFront, database_url: str, *, host: str = NAMED, authority: Path | None = None) -> dict[str, str]:
    """Give what a Pod gets for a database in parts, with `sslMode: verify-full` and the authority of `database.ca`."""
    parts = urlsplit(front.url(database_url, host))
    return {
        "BATON_DATABASE_URL": urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])),
        "BATON_DATABASE_USER": unquote(parts.username or ""),
        "BATON_DATABASE_PASSWORD": unquote(parts.password or ""),
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": str(authority or front.authority),
    }


def migrate(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Do what an init container does."""
    command = [sys.executable, "-m", "baton_migrations", "--only=engine", "--wait-for-database=1"]
    return subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=False)


def test_a_run_travels_over_verified_connections_only(stage: Stage, front: TlsFront) -> None:
    """Of the operator, of what wakes its loops, of its worker and of the tasks."""
    stage.operator(**given(front, stage.database_url), BATON_WORKER="true").wait_ready()
    stage.engine_argo()
    stage.engine_embedded()
    stage.nap()
    stage.task("hello", "demo.hello", "name")
    stage.run("there")
    stage.run("here", "hello", name="Ada")
    assert {shown(each)[0] for each in stage.ended().values()} == {"Succeeded"}
    assert front.encrypted >= 3
    assert front.refused == 0
    ours = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'baton%%'"
    )
    assert stage.rows(ours)[0][0] >= 3
    stage.check()


def test_migrations_verify_the_server_too(stage: Stage, front: TlsFront) -> None:
    done = migrate(given(front, stage.database_url))
    assert done.returncode == 0, done.stdout + done.stderr
    assert (front.encrypted > 0, front.refused) == (True, 0)


@pytest.mark.parametrize(
    ("host", "said"), [(UNNAMED, "does not match host name"), (NAMED, "certificate verify failed")]
)
def test_a_server_that_is_another_one_gets_no_password(
    host: str, said: str, stage: Stage, front: TlsFront, tmp_path: Path
) -> None:
    """Neither one whose certificate has another name, nor one whom another authority vouches for."""
    stranger = ControlPlaneKeys.kept_in(tmp_path / "stranger").authority if host == NAMED else None
    wrong = given(front, stage.database_url, host=host, authority=stranger)
    done = migrate(wrong)
    assert done.returncode != 0
    assert said in done.stdout + done.stderr
    operator = stage.operator(**wrong)
    stage.until(lambda: "database.unreachable" in operator.tail(), 60, what="the look at the database")
    assert operator.is_alive()
    assert not operator.is_ready()
