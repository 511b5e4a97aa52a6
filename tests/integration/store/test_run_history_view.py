"""What the views of the history answer: who ran what when, with which attempts, and how long each state lasted."""

import uuid

import psycopg
import pytest
from psycopg import sql

#: What a dashboard's role may read, as docs/monitoring.md grants it.
VIEWS = ("baton_run_history", "baton_attempt_history")
_PLAN = "EXPLAIN (FORMAT TEXT) SELECT * FROM baton_run_history WHERE created_at > now() - interval '1 hour'"


def test_each_change_of_a_run_is_a_row_that_says_how_long_it_lasted(connection, world, set_status):
    connection.execute("UPDATE run SET created_by = 'ada', correlation_id = 'order-7'")
    with connection.transaction():
        connection.execute("SELECT set_config('baton.actor', 'dispatch', true)")
        set_status("run", [world.run_id], "PROCESSING", reason="Dispatched")
    set_status("run", [world.run_id], "COMPLETED", reason="Succeeded")
    rows = connection.execute(
        """
        SELECT tenant_id, automation, run, created_by, correlation_id, run_status, attempts,
               seq, previous_status, new_status, reason, changed_by, lasted IS NOT NULL, lasted = left_at - changed_at
        FROM baton_run_history ORDER BY seq
        """
    ).fetchall()
    same = ("team-a", "import", "import-1", "ada", "order-7", "COMPLETED", 0)
    assert rows == [
        (*same, 1, None, "PENDING", None, None, True, True),
        (*same, 2, "PENDING", "PROCESSING", "Dispatched", "dispatch", True, True),
        (*same, 3, "PROCESSING", "COMPLETED", "Succeeded", None, False, None),
    ]


def test_attempts_are_counted_and_the_engine_named(connection, world):
    connection.execute(
        """
        WITH given AS (INSERT INTO engine (tenant_id, name, type) VALUES ('team-a', 'argo-prod', 'argo') RETURNING id),
             chosen AS (UPDATE run SET engine_id = (SELECT id FROM given) RETURNING id, engine_id)
        INSERT INTO dispatch_attempt (run_id, engine_id, attempt_no, token)
        SELECT id, engine_id, n, 'baton-' || n FROM chosen, generate_series(1, 2) n
        """
    )
    found = connection.execute("SELECT DISTINCT engine, engine_type, attempts FROM baton_run_history")
    assert found.fetchall() == [("argo-prod", "argo", 2)]


def test_each_attempt_is_a_row_with_what_the_engine_made_of_it(connection, world):
    connection.execute(
        """
        WITH given AS (INSERT INTO engine (tenant_id, name, type) VALUES ('infra', 'argo', 'Argo') RETURNING id),
             made AS (INSERT INTO orchestration_instance (engine_id, external_id, status, status_reason, native_status)
                      SELECT id, 'ns/wf-1', 'FAILED', 'Failed', 'Error' FROM given RETURNING id, engine_id)
        INSERT INTO dispatch_attempt (run_id, item_execution_id, engine_id, attempt_no, token, state, sends,
                                      orchestration_instance_id)
        SELECT x.run_id, x.id, made.engine_id, 1, 'baton-x-a1', 'CLOSED', 1, made.id
        FROM item_execution x, made WHERE x.id = %s
        """,
        (world.execution_ids[1],),
    )
    connection.execute("UPDATE item_execution SET sequence_number = 1 WHERE id = %s", (world.execution_ids[1],))
    found = connection.execute(
        """
        SELECT tenant_id, run, automation, engine_tenant_id, engine, batch, item, attempt_no, state, sends, external_id,
               status, reason, native_status
        FROM baton_attempt_history
        """
    ).fetchall()
    what = ("CLOSED", 1, "ns/wf-1", "FAILED", "Failed", "Error")
    assert found == [("team-a", "import-1", "import", "infra", "argo", "north", 1, 1, *what)]


def test_a_time_range_is_applied_to_the_runs_before_their_history_is_joined(connection, world):
    """A month of history is read at the cost of that month, not of all years."""
    connection.execute("SET enable_seqscan = off")
    plan = "\n".join(row[0] for row in connection.execute(_PLAN))
    assert "ix_run_created_at" in plan
    assert "WindowAgg" not in plan


@pytest.fixture
def reader(connection):
    """A connection whose role may read the two views and nothing else."""
    role = sql.Identifier(f"reader_{uuid.uuid4().hex}")
    connection.execute(sql.SQL("CREATE ROLE {}").format(role))
    for view in VIEWS:
        connection.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(sql.Identifier(view), role))
    connection.execute(sql.SQL("SET ROLE {}").format(role))
    yield connection
    connection.execute("RESET ROLE")
    connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
    connection.execute(sql.SQL("DROP ROLE {}").format(role))


@pytest.mark.parametrize("view", VIEWS)
def test_a_role_that_may_read_only_the_views_reads_them(world, reader, view):
    assert reader.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(view))).fetchone()[0] >= 0


@pytest.mark.parametrize("table", ["run", "dispatch_attempt", "engine", "item", "invariant_check"])
def test_and_reads_none_of_the_tables_below_them(world, reader, table):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute(sql.SQL("SELECT 1 FROM {}").format(sql.Identifier(table)))
