"""``run_progress`` says at every moment how many units of a run stand where."""

import threading

import psycopg
import pytest

NAMES = ("total", "pending", "running", "completed", "failed", "cancelled", "skipped")


def counters(connection, run_id):
    row = connection.execute(f"SELECT {', '.join(NAMES)} FROM run_progress WHERE run_id = %s", (run_id,)).fetchone()
    return {name: number for name, number in zip(NAMES, row, strict=True) if number}


def test_units_are_counted_when_they_are_born(connection, world):
    assert counters(connection, world.run_id) == {"total": 3, "pending": 3}


@pytest.mark.parametrize(
    ("status", "counter"),
    [
        ("PROCESSING", "running"),
        ("RETRYING", "running"),
        ("COMPLETED", "completed"),
        ("FAILED", "failed"),
        ("CANCELLED", "cancelled"),
        ("SKIPPED", "skipped"),
    ],
)
def test_each_status_has_its_counter(connection, world, set_status, status, counter):
    set_status("item_execution", world.execution_ids[:2], status)
    assert counters(connection, world.run_id) == {"total": 3, "pending": 1, counter: 2}
    set_status("item_execution", world.execution_ids[:2], "PENDING")
    assert counters(connection, world.run_id) == {"total": 3, "pending": 3}


def test_an_update_that_moves_nothing_leaves_the_counters_row_alone(connection, world, set_status):
    version = "SELECT version FROM run_progress"
    before = connection.execute(version).fetchone()
    set_status("item_execution", world.execution_ids, "PENDING", reason="Queued")
    connection.execute("UPDATE item_execution SET token_hex = 'ab'")
    assert connection.execute(version).fetchone() == before


def test_only_the_units_of_the_run_are_counted(connection, world, set_status):
    connection.execute("UPDATE run_progress SET units = 'Batch', total = 1, pending = 1")
    set_status("item_execution", world.execution_ids, "FAILED")
    assert counters(connection, world.run_id) == {"total": 1, "pending": 1}
    set_status("batch_execution", [world.batch_execution_id], "COMPLETED")
    assert counters(connection, world.run_id) == {"total": 1, "completed": 1}


def test_the_row_may_be_born_in_the_same_statement_as_its_units(connection, world):
    (run_id,) = connection.execute(
        """
        WITH born AS (INSERT INTO run (automation_id, status) VALUES (%(automation)s, 'PENDING') RETURNING id),
             counted AS (INSERT INTO run_progress (run_id, units) SELECT id, 'Batch' FROM born),
             batches AS (
               INSERT INTO batch_execution (run_id, batch_id, status) SELECT id, %(batch)s, 'PENDING' FROM born
             )
        SELECT id FROM born
        """,
        {"automation": world.automation_id, "batch": world.batch_id},
    ).fetchone()
    assert counters(connection, run_id) == {"total": 1, "pending": 1}


def test_one_statement_counts_many_runs(connection, world):
    connection.execute(
        "INSERT INTO run (automation_id, status) SELECT %s, 'PENDING' FROM generate_series(1, 50)",
        (world.automation_id,),
    )
    connection.execute(
        "INSERT INTO run_progress (run_id, units) SELECT id, 'Batch' FROM run WHERE id <> %s", (world.run_id,)
    )
    connection.execute(
        "INSERT INTO batch_execution (run_id, batch_id, status)"
        " SELECT run_id, %s, 'PENDING' FROM run_progress WHERE units = 'Batch'",
        (world.batch_id,),
    )
    connection.execute("UPDATE batch_execution SET status = 'COMPLETED' WHERE run_id <> %s", (world.run_id,))
    found = connection.execute("SELECT DISTINCT total, pending, completed FROM run_progress WHERE units = 'Batch'")
    assert found.fetchall() == [(1, 0, 1)]


def test_contending_writers_of_two_runs_neither_deadlock_nor_lose_a_count(store_url, connection, world):
    """Each statement moves items of both runs, in opposite orders of time; the counters' rows are locked in one."""
    (other,) = connection.execute(
        "INSERT INTO run (automation_id, status) VALUES (%s, 'PENDING') RETURNING id", (world.automation_id,)
    ).fetchone()
    connection.execute("INSERT INTO run_progress (run_id, units) VALUES (%s, 'Item')", (other,))
    (batch,) = connection.execute(
        "INSERT INTO batch_execution (run_id, batch_id, status) VALUES (%s, %s, 'PENDING') RETURNING id",
        (other, world.batch_id),
    ).fetchone()
    connection.execute(
        "INSERT INTO item_execution (run_id, batch_execution_id, item_id, status)"
        " SELECT %s, %s, id, 'PENDING' FROM item",
        (other, batch),
    )
    failures = []

    def write(place: int) -> None:
        """Move the item at one place, in both runs at once: no two writers share an item, all share the counters."""
        try:
            with psycopg.connect(store_url, autocommit=True) as own:
                for status in ("PROCESSING", "RETRYING", "PROCESSING", "COMPLETED") * 5:
                    own.execute(
                        "UPDATE item_execution SET status = %s WHERE item_id = %s", (status, world.item_ids[place])
                    )
        except psycopg.Error as error:
            failures.append(error)

    writers = [threading.Thread(target=write, args=(place,)) for place in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=60)
    assert failures == []
    assert counters(connection, world.run_id) == {"total": 3, "completed": 3}
    assert counters(connection, other) == {"total": 3, "completed": 3}
