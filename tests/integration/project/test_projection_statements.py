"""Claiming, reading and recording what is to be shown, on a real PostgreSQL."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from project_rows import Rows
from sqlalchemy import event

from baton_models import AttemptState
from baton_models.statements.projection import (
    Shown,
    claim_definitions,
    claim_runs,
    record_definitions,
    record_runs,
    touch_definitions,
)
from baton_operator.decide.run_status import status_document
from baton_operator.loops.views import run_view

SECOND = timedelta(seconds=1)
PACE = timedelta(seconds=10)


async def claim(rows: Rows, *, limit: int = 10, interval: timedelta = SECOND, busy: bool = False) -> list[Any]:
    async with rows.database.get_async_session() as session:
        found, _ = await claim_runs(session, limit=limit, interval=interval, busy=busy)
        await session.commit()
    return list(found)


async def record(rows: Rows, *shown: Shown) -> None:
    async with rows.database.get_async_session() as session:
        await record_runs(session, shown)
        await session.commit()


def due(rows: Rows, run: UUID) -> Any:
    return rows.value("SELECT project_at FROM run WHERE id = :id", id=run)


async def test_a_run_is_claimed_by_one_only(rows: Rows) -> None:
    """A second claim finds nothing, neither while the first is open nor after it."""
    rows.run("one")
    async with rows.database.get_async_session() as first, rows.database.get_async_session() as second:
        taken, _ = await claim_runs(first, limit=10, interval=SECOND)
        left, _ = await claim_runs(second, limit=10, interval=SECOND)
        assert (len(taken), len(left)) == (1, 0)
        await first.commit()
    assert await claim(rows) == []


async def test_what_moved_while_it_was_shown_stays_due(rows: Rows) -> None:
    """The record clears the claim only where nobody has moved the row meanwhile."""
    quiet, moved = rows.run("quiet"), rows.run("moved")
    found = await claim(rows)
    rows.change("UPDATE run SET project_at = clock_timestamp() WHERE id = :id", id=moved)
    await record(rows, *(Shown(row.id, row.lease, version=row.version, digest="d", written=True) for row in found))
    assert due(rows, quiet) is None
    assert due(rows, moved) is not None


async def test_nobody_shows_a_newer_state_while_an_older_one_is_on_its_way(rows: Rows) -> None:
    """A row that moved under a claim is due, but not another's, until the claim is recorded or its lease is over."""
    run = rows.run("one")
    (older,) = await claim(rows)
    rows.change("UPDATE run SET project_at = clock_timestamp(), finished_at = clock_timestamp() WHERE id = :id", id=run)
    assert await claim(rows) == []
    await record(rows, Shown(run, older.lease, version=older.version, digest="older", written=True))
    assert [row.id for row in await claim(rows)] == [run]


async def test_who_comes_after_its_lease_records_nothing(rows: Rows) -> None:
    """A process that was frozen while it showed a row does not undo what was shown since."""
    run = rows.run("one")
    (frozen,) = await claim(rows)
    rows.change(
        "UPDATE run SET project_at = project_at - interval '1 m', project_lease = project_lease - interval '1 m'"
    )
    (newer,) = await claim(rows)
    await record(rows, Shown(run, newer.lease, version=9, digest="newer", written=True))
    await record(rows, Shown(run, frozen.lease, version=1, digest="older", written=True))
    assert rows.value("SELECT shown FROM run WHERE id = :id", id=run) == "newer"
    assert due(rows, run) is None


async def test_a_claim_waits_for_nobody_and_sees_what_it_left_out_later(rows: Rows) -> None:
    """A row that a writer holds is left out; with the writer's commit it is due, and read as the writer left it."""
    run = rows.run("held")
    with rows.database.get_session() as writer:
        writer.connection().exec_driver_sql(
            "UPDATE run SET status_reason = 'Dispatched', project_at = clock_timestamp()"
        )
        assert await claim(rows) == []
        writer.commit()
    assert [(row.id, row.status_reason) for row in await claim(rows)] == [(run, "Dispatched")]


async def test_a_moving_run_is_paced_and_its_end_is_not(rows: Rows) -> None:
    """Within the interval only what has ended is claimed again."""
    run = rows.run("moving")
    [row] = await claim(rows)
    await record(rows, Shown(row.id, row.lease, version=row.version, digest="d", written=True))
    rows.change("UPDATE run SET project_at = clock_timestamp() WHERE id = :id", id=run)
    assert await claim(rows, interval=timedelta(minutes=1)) == []
    rows.end(run, "COMPLETED", "Succeeded")
    assert [each.id for each in await claim(rows, interval=timedelta(minutes=1))] == [run]


async def test_under_load_even_the_first_showing_waits(rows: Rows) -> None:
    """While there is more than one turn takes, a run that was just admitted may end before it is shown."""
    rows.run("new")
    assert await claim(rows, interval=timedelta(minutes=1), busy=True) == []
    assert len(await claim(rows, interval=timedelta(minutes=1), busy=False)) == 1


async def test_what_has_ended_goes_first(rows: Rows) -> None:
    """With room for one, the run that has ended is claimed before older ones that move."""
    rows.run("older")
    ended = rows.run("ended")
    rows.end(ended, "FAILED", "Failed")
    assert [row.id for row in await claim(rows, limit=1)] == [ended]


async def test_later_means_later(rows: Rows) -> None:
    """What could not be shown is due again after the time that was said, and nothing of it counts as shown."""
    run = rows.run("away")
    [row] = await claim(rows)
    await record(rows, Shown(row.id, row.lease, again_in=timedelta(minutes=5)))
    assert rows.value(
        "SELECT project_at > clock_timestamp() + interval '4 minutes', shown IS NULL, projected_at IS NULL FROM run "
        "WHERE id = :id",
        id=run,
    ) == (True, True, True)


async def test_a_status_is_made_from_all_that_belongs_to_the_run(rows: Rows) -> None:
    """Engine, counters, attempts, the execution started last and the last ten failures."""
    run = rows.run("whole", per="Item")
    rows.fan_out(run, [f"host {number} is down" for number in range(12)])
    rows.submit(run, "first")
    rows.submit(run, "last", attempt_no=2)
    [row] = await claim(rows)
    document = status_document(run_view(row))
    assert document["counts"] == {"total": 12, "completed": 0, "failed": 12, "running": 0}
    assert document["attempt"] == 2
    assert document["external"] == {
        "engine": "team-a/tasks",
        "id": "last",
        "url": "https://engine.example/last",
        "nativeStatus": "Running",
        "more": 1,
    }
    assert len(document["failures"]) == 10
    submitted = next(each for each in document["conditions"] if each["type"] == "Submitted")
    assert (submitted["status"], submitted["reason"]) == ("True", "Submitted")


async def test_a_held_attempt_is_shown_as_unknown(rows: Rows) -> None:
    """HALTED is a person's matter, and the status says so."""
    run = rows.run("held", status_reason="Dispatched")
    rows.attempt(run, state=AttemptState.HALTED)
    [row] = await claim(rows)
    conditions = {each["type"]: each for each in status_document(run_view(row))["conditions"]}
    assert (conditions["Submitted"]["status"], conditions["Submitted"]["reason"]) == ("Unknown", "SubmissionAmbiguous")
    assert conditions["Stalled"]["status"] == "True"


async def test_a_batch_of_runs_costs_three_statements(rows: Rows) -> None:
    """Claim, read and record do not depend on the number of runs."""
    for number in range(20):
        rows.run(f"run-{number}")
    statements: list[str] = []
    event.listen(
        rows.database.async_sa_engine.sync_engine,
        "before_cursor_execute",
        lambda _c, _u, statement, *_: statements.append(statement),
    )
    found = await claim(rows, limit=50)
    await record(rows, *(Shown(row.id, row.lease, version=row.version, digest="d", written=True) for row in found))
    assert (len(found), len(statements)) == (20, 3)


async def test_counters_of_a_definition_are_shown_when_its_runs_move(rows: Rows) -> None:
    """A touch makes it due; what was recorded as shown is not due any more."""
    rows.run("open")
    async with rows.database.get_async_session() as session:
        assert await claim_definitions(session, "automation", limit=10, interval=PACE) == ()
        await touch_definitions(session, "automation", [rows.automation])
        await session.commit()
        [row] = await claim_definitions(session, "automation", limit=10, interval=PACE)
        await session.commit()
        assert (row.active, row.version, row.ready_reason) == (1, 3, "Valid")
        await record_definitions(session, "automation", [Shown(row.id, row.lease, digest="d")])
        await session.commit()
        assert await claim_definitions(session, "automation", limit=10, interval=PACE) == ()


async def test_replicas_keep_one_pace_of_writing(rows: Rows) -> None:
    """What one of them has written just now is no other's to write, until the interval is over."""

    async def claimed(*, written: bool) -> int:
        async with rows.database.get_async_session() as session:
            found = await claim_definitions(session, "engine", limit=10, interval=PACE)
            await record_definitions(
                session, "engine", [Shown(row.id, row.lease, digest="d", written=written) for row in found]
            )
            await touch_definitions(session, "engine", [rows.engine])
            await session.commit()
        return len(found)

    rows.change("UPDATE engine SET project_at = clock_timestamp()")
    assert await claimed(written=False) == 1
    assert await claimed(written=True) == 1  # what was not written costs nobody a turn
    assert await claimed(written=True) == 0
    rows.change("UPDATE engine SET projected_at = projected_at - interval '10 s'")
    assert await claimed(written=True) == 1
