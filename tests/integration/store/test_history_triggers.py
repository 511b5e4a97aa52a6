"""History is written for every change, whoever makes it, gapless, and nobody can change it."""

import threading
from itertools import pairwise

import psycopg
import pytest

from baton_models import EngineModel, ExecutionStatus, ItemExecutionModel, OrchestrationInstanceModel, RunModel

HISTORIES = ["item_state_history", "run_state_history", "instance_state_history"]


def history(connection, item_execution_id):
    return connection.execute(
        "SELECT seq, previous_status, new_status, reason, created_by FROM item_state_history"
        " WHERE item_execution_id = %s ORDER BY seq",
        (item_execution_id,),
    ).fetchall()


def test_birth_and_each_change_are_written_by_a_set_based_statement(connection, world, set_status):
    set_status("item_execution", world.execution_ids, "PROCESSING", reason="Dispatched")
    set_status("item_execution", world.execution_ids[:1], "FAILED", reason="TimedOut")
    assert history(connection, world.execution_ids[0]) == [
        (1, None, "PENDING", None, None),
        (2, "PENDING", "PROCESSING", "Dispatched", None),
        (3, "PROCESSING", "FAILED", "TimedOut", None),
    ]
    assert len(history(connection, world.execution_ids[1])) == 2


def test_the_orm_cannot_leave_history_out(database, connection, world):
    with database.get_session() as session:
        execution = session.get_one(ItemExecutionModel, world.execution_ids[0])
        execution.status = ExecutionStatus.PROCESSING
        session.commit()
        assert [change.new_status for change in execution.state_history] == ["PENDING", "PROCESSING"]


def test_an_update_that_leaves_the_status_writes_nothing(connection, world, set_status):
    set_status("item_execution", world.execution_ids, "PENDING", reason="Queued")
    assert len(history(connection, world.execution_ids[0])) == 1


def test_the_actor_of_the_transaction_is_noted(connection, world, set_status):
    with connection.transaction():
        connection.execute("SELECT set_config('baton.actor', %s, true)", ("ada@example.org" + "x" * 200,))
        set_status("item_execution", world.execution_ids[:1], "PROCESSING")
    set_status("item_execution", world.execution_ids[:1], "FAILED")
    *_, noted, anonymous = history(connection, world.execution_ids[0])
    assert noted[4] == ("ada@example.org" + "x" * 200)[:100]
    assert anonymous[4] is None


def test_runs_and_instances_have_their_history(database, connection, world, set_status):
    with database.get_session() as session:
        engine = EngineModel(tenant_id="team-a", name="argo", type="argo")
        instance = OrchestrationInstanceModel(engine=engine, external_id="x", status=ExecutionStatus.PROCESSING)
        session.add_all([engine, instance])
        session.commit()
        instance.status = ExecutionStatus.COMPLETED
        session.commit()
        assert [(c.seq, c.new_status) for c in instance.state_history] == [(1, "PROCESSING"), (2, "COMPLETED")]
        set_status("run", [world.run_id], "PROCESSING")
        changes = session.get_one(RunModel, world.run_id).state_history
        assert [(c.seq, c.previous_status, c.new_status) for c in changes] == [
            (1, None, "PENDING"),
            (2, "PENDING", "PROCESSING"),
        ]


def test_a_born_end_is_one_row(connection, world):
    (run_id,) = connection.execute(
        "INSERT INTO run (automation_id, status, status_reason) VALUES (%s, 'FAILED', 'BadParameters') RETURNING id",
        (world.automation_id,),
    ).fetchone()
    found = connection.execute(
        "SELECT seq, previous_status, new_status, reason FROM run_state_history WHERE run_id = %s", (run_id,)
    )
    assert found.fetchall() == [(1, None, "FAILED", "BadParameters")]


def test_seq_has_no_gap_and_time_never_goes_back_under_eight_writers(store_url, connection, world):
    execution_id, rounds = world.execution_ids[0], 15
    failures = []

    def write() -> None:
        try:
            with psycopg.connect(store_url, autocommit=True) as own:
                for turn in range(rounds):
                    status = ("PROCESSING", "RETRYING")[turn % 2]
                    own.execute("UPDATE item_execution SET status = %s WHERE id = %s", (status, execution_id))
        except psycopg.Error as error:
            failures.append(error)

    writers = [threading.Thread(target=write) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=60)
    assert failures == []
    rows = connection.execute(
        "SELECT seq, previous_status, new_status, changed_at FROM item_state_history"
        " WHERE item_execution_id = %s ORDER BY seq",
        (execution_id,),
    ).fetchall()
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    assert len(rows) > rounds
    assert all(later[1] == earlier[2] for earlier, later in pairwise(rows))
    assert all(earlier[3] <= later[3] for earlier, later in pairwise(rows))
    assert (
        rows[-1][2]
        == connection.execute("SELECT status FROM item_execution WHERE id = %s", (execution_id,)).fetchone()[0]
    )


@pytest.mark.parametrize("table", HISTORIES)
@pytest.mark.parametrize("statement", ["UPDATE {} SET reason = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
def test_history_cannot_be_changed(connection, world, table, statement):
    with pytest.raises(psycopg.errors.RestrictViolation, match=f"on {table} is refused: history is written once"):
        connection.execute(statement.format(table))


def test_history_cannot_be_truncated_along_with_its_parent(connection, world):
    with pytest.raises(psycopg.errors.RestrictViolation):
        connection.execute("TRUNCATE run CASCADE")


@pytest.mark.parametrize("root", ["automation", "run"])
def test_a_purge_takes_the_history_with_it(connection, world, set_status, root):
    set_status("item_execution", world.execution_ids, "PROCESSING")
    connection.execute(f"DELETE FROM {root}")
    left = [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in HISTORIES]
    assert left == [0, 0, 0]


def test_the_orm_purges_a_run_with_all_that_hangs_on_it(database, connection, world):
    with database.get_session() as session:
        session.delete(session.get_one(RunModel, world.run_id))
        session.commit()
    for table in ("run", "batch_execution", "item_execution", "item_state_history", "run_progress"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    assert connection.execute("SELECT count(*) FROM item").fetchone() == (3,)
