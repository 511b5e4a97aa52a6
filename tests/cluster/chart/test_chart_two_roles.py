"""The operator works as a database role that owns nothing, with the privileges that docs/install.md gives it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from baton_spine.stage import Stage
from baton_spine.theatre import Theatre

from baton_migrations.runner import migrate
from baton_operator.local.postgres import as_role, create_database, create_role, drop_database, drop_role

PAGE = Path(__file__).parents[3] / "docs" / "install.md"

pytestmark = pytest.mark.timeout(900)


def documented(owner: str, app: str) -> str:
    """Give the statements of the page, for two roles of the test's own."""
    (block,) = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return block.replace("baton_owner", owner).replace("baton_app", app)


@pytest.fixture
def stage(stages: Theatre, postgres_server: str) -> Iterator[Stage]:
    """A stage whose database belongs to one role, and whose operators are another."""
    password, name = uuid.uuid4().hex, uuid.uuid4().hex
    owner, app, database = f"owner_{name}", f"app_{name}", f"test_{name}"
    for role in (owner, app):
        create_role(postgres_server, role, password)
    url = create_database(postgres_server, database, owner=owner)
    with psycopg.connect(as_role(url, owner, password), autocommit=True) as connection:
        connection.execute(documented(owner, app))
    migrate(as_role(url, owner, password), progress=lambda _: None)
    made = stages.stage()
    made.database_url, made.operator_database_url = url, as_role(url, app, password)
    yield made
    stages.strike(made)
    drop_database(postgres_server, database)
    for role in (owner, app):
        drop_role(postgres_server, role)


def test_a_role_that_owns_nothing_is_enough(stage: Stage) -> None:
    stage.engine_argo()
    stage.engine_embedded()
    stage.nap()
    stage.nap("nap-retried", retry={"maxAttempts": 2, "backoff": {"initial": "1s"}})
    stage.task("hello", "demo.hello", "name")
    stage.operator(BATON_WORKER="true").wait_ready(120)
    stage.run("succeeds")
    stage.run("fails", "nap-retried", fail="yes")
    stage.run("greets", "hello", name="Ada")
    stage.run("cancelled", secs="60s")
    stage.phase("cancelled", "Running", within=120)
    stage.patch("Run", "cancelled", {"state": "Cancelled"})
    ended = stage.ended(within=180)
    assert {name: status["phase"] for name, status in ended.items()} == {
        "succeeds": "Succeeded",
        "fails": "Failed",
        "greets": "Succeeded",
        "cancelled": "Cancelled",
    }
    stage.check(60)


@pytest.mark.parametrize("statement", ["ALTER TABLE run ADD COLUMN extra text", "DELETE FROM run"])
def test_it_can_change_no_table_and_take_no_history_away(stage: Stage, statement: str) -> None:
    with (
        psycopg.connect(stage.operator_database_url) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)
