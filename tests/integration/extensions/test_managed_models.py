"""Rows that runs alone make: the chain that Baton builds, what is refused, and what is noted."""

import threading
import uuid
from datetime import UTC, datetime

import psycopg
import pytest
from shop_models import Request
from sqlalchemy import event, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from baton_models import ExecutionStatus, ManagedAuditModel

REQUEST = "ext_shop_request"


@pytest.fixture
def wrote(task_of):
    """Has a run write its row, and gives it: ``wrote(run_id, amount=3)``."""

    def write(run_id, amount=1):
        with task_of(run_id, REQUEST) as session:
            row = Request(amount=amount)
            session.add(row)
            session.flush()
            session.commit()
            return row

    return write


@pytest.fixture
def root(shop_url, postgres_server):
    """A superuser's session in the same database: row-level security does not bind it, triggers do."""
    url = postgres_server.rpartition("/")[0] + "/" + shop_url.rpartition("/")[2]
    with psycopg.connect(url, autocommit=True) as opened:
        yield opened


def rows(task_of):
    with task_of(None, REQUEST) as session:
        return {row.workflow_instance_id: row for row in session.scalars(select(Request))}


def test_baton_fills_the_columns_of_the_chain(new_run, wrote, task_of):
    first = new_run(action="create")
    second = new_run(parent=first, action="correct")
    wrote(first, 1)
    inserted = wrote(second, 2)
    found = rows(task_of)
    assert (inserted.workflow_instance_id, inserted.parent_workflow_instance_id) == (second, first)
    assert inserted.action == "correct"
    assert abs(datetime.now(UTC) - inserted.created_at).total_seconds() < 60
    assert found[first].action == "create"
    assert found[first].parent_workflow_instance_id is None
    assert found[first].child_workflow_instance_id == second
    assert found[second].child_workflow_instance_id is None


def test_an_ancestor_without_a_row_is_left_out(new_run, wrote, task_of):
    first = new_run()
    refused = new_run(parent=first, action="approve")
    third = new_run(parent=refused, action="correct")
    wrote(first)
    with task_of(third, REQUEST) as session:
        assert session.scalars(select(Request)).all() == session.scalars(Request.previous_version(third)).all()
        assert session.scalar(Request.previous_version(first)) is None
    assert wrote(third).parent_workflow_instance_id == first
    assert rows(task_of)[first].child_workflow_instance_id == third


def test_a_run_without_an_ancestors_row_begins_a_chain(new_run, wrote):
    assert wrote(new_run(parent=new_run(), action="correct")).parent_workflow_instance_id is None


def test_set_based_inserts_and_upserts_are_chained_too(new_run, wrote, task_of):
    first = new_run()
    second = new_run(parent=first)
    wrote(first)
    upsert = f"""INSERT INTO {REQUEST} (amount) VALUES (:amount)
                 ON CONFLICT (workflow_instance_id) DO UPDATE SET amount = excluded.amount"""
    for amount in (2, 3):
        with task_of(second, REQUEST) as session:
            session.execute(text(upsert), {"amount": amount})
            session.commit()
    found = rows(task_of)[second]
    assert (found.amount, found.parent_workflow_instance_id) == (3, first)


REFUSAL = r"is refused|was not declared"
REFUSED_OUTSIDE = {
    "INSERT": f"INSERT INTO {REQUEST} (amount) VALUES (9)",
    "INSERT of a row's own": f"INSERT INTO {REQUEST} (workflow_instance_id, amount) VALUES (gen_random_uuid(), 9)",
    "UPDATE": f"UPDATE {REQUEST} SET amount = 9",
    "DELETE": f"DELETE FROM {REQUEST}",
    "TRUNCATE": f"TRUNCATE {REQUEST}",
}


@pytest.mark.parametrize("statement", REFUSED_OUTSIDE.values(), ids=REFUSED_OUTSIDE)
@pytest.mark.parametrize("who", ["a person who declared it", "a superuser"])
def test_nobody_writes_outside_a_run(new_run, wrote, psql, root, statement, *, who):
    wrote(new_run(), 1)
    psql.execute("SET baton.data_models = 'ext_shop_*'")
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.RestrictViolation), match=REFUSAL):
        (root if who == "a superuser" else psql).execute(statement)
    assert root.execute(f"SELECT array_agg(amount) FROM {REQUEST}").fetchone() == ([1],)


@pytest.mark.parametrize("status", [status for status in ExecutionStatus if status != ExecutionStatus.PROCESSING])
def test_a_run_that_is_not_processing_writes_nothing(new_run, wrote, status):
    run_id = new_run(status=status)
    with pytest.raises(DBAPIError, match=f"is {status.value}, not PROCESSING"):
        wrote(run_id)


def test_a_run_that_is_not_there_writes_nothing(wrote):
    unknown = uuid.uuid4()
    with pytest.raises(DBAPIError, match=f"there is no run {unknown}"):
        wrote(unknown)


def test_a_run_may_change_its_own_row_and_no_other(new_run, wrote, task_of):
    first, second = new_run(), new_run()
    wrote(first), wrote(second)
    with task_of(first, REQUEST) as session:
        mine = session.get_one(Request, first)
        mine.amount = 5
        session.commit()
    with task_of(first, REQUEST) as session, pytest.raises(DBAPIError, match="may change its own row only"):
        session.execute(update(Request).values(amount=6))
    with task_of(first, REQUEST) as session:
        session.delete(session.get_one(Request, first))
        with pytest.raises(DBAPIError, match="DELETE on ext_shop_request is refused"):
            session.flush()
    assert {key: row.amount for key, row in rows(task_of).items()} == {first: 5, second: 1}


CHAIN_COLUMNS = ["workflow_instance_id", "parent_workflow_instance_id", "child_workflow_instance_id"]
FORGED = [
    *((column, uuid.UUID(int=7)) for column in CHAIN_COLUMNS),
    ("action", "forged"),
    ("created_at", datetime(2020, 1, 1, tzinfo=UTC)),
]


@pytest.mark.parametrize(("column", "value"), FORGED, ids=lambda value: str(value)[:30])
def test_the_columns_of_the_chain_are_batons(new_run, wrote, task_of, column, value):
    run_id, other = new_run(parent=new_run(), action="create"), new_run()
    with task_of(run_id, REQUEST) as session, pytest.raises(DBAPIError, match="fills the columns of the chain"):
        session.execute(insert(Request).values({"amount": 1, column: value}))
    wrote(run_id)
    with task_of(run_id, REQUEST) as session, pytest.raises(DBAPIError, match="keeps the columns of the chain"):
        session.execute(update(Request).values({column: value}))
    with task_of(other, REQUEST) as session, pytest.raises(DBAPIError, match="own row only"):
        session.execute(update(Request).values({column: value}))


def test_a_row_has_one_child(new_run, wrote, psql):
    first = new_run()
    wrote(first)
    wrote(new_run(parent=first))
    psql.execute("DROP INDEX uq_run_parent_run_id")
    with pytest.raises(DBAPIError, match=f"row {first} has a child already"):
        wrote(new_run(parent=first))


def test_of_two_children_at_once_one_is_refused(new_run, wrote, psql, task_of):
    first = new_run()
    wrote(first)
    psql.execute("DROP INDEX uq_run_parent_run_id")
    children, refused, meeting = [new_run(parent=first) for _ in range(2)], [], threading.Barrier(2)

    def write(run_id):
        with task_of(run_id, REQUEST) as session:
            meeting.wait(timeout=30)
            try:
                session.add(Request(amount=2))
                session.flush()
                session.commit()
            except DBAPIError as error:
                refused.append((run_id, str(error.orig)))

    threads = [threading.Thread(target=write, args=[run_id]) for run_id in children]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(refused) == 1
    assert "has a child already" in refused[0][1]
    assert rows(task_of).keys() == {first, *children} - {refused[0][0]}


def test_a_chain_of_a_thousand_is_read_in_one_statement(new_run, shop, task_of, psql):
    seed = new_run(action="create")
    with psql.transaction():
        psql.execute("SET LOCAL baton.data_models = 'ext_shop_request'")
        parent = seed
        for number in range(1000):
            if number:
                (run_id,) = psql.execute(
                    """INSERT INTO run (automation_id, tenant_id, name, status, parent_run_id, action)
                       SELECT automation_id, tenant_id, 'next', 'PROCESSING', id, 'correct' FROM run WHERE id = %s
                       RETURNING id""",
                    (parent,),
                ).fetchone()
                parent = run_id
            psql.execute("SELECT set_config('baton.run_id', %s, true)", (str(parent),))
            psql.execute("INSERT INTO ext_shop_request (amount) VALUES (%s)", (number,))
    statements = []
    event.listen(shop.sa_engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    with task_of(None, REQUEST) as session:
        middle = session.scalars(select(Request.workflow_instance_id).where(Request.amount == 400)).one()
        for member in (seed, middle, parent):
            statements.clear()
            chain = session.scalars(Request.version_chain(member)).all()
            assert [row.amount for row in chain] == list(range(1000))
            assert len(statements) == 1


async def test_a_chain_is_read_by_an_async_session_too(new_run, wrote, shop):
    first = new_run()
    second = new_run(parent=first)
    wrote(first), wrote(second)
    async with shop.get_async_session() as session:
        await session.execute(text("SET LOCAL baton.data_models = 'ext_shop_request'"))
        chain = (await session.scalars(Request.version_chain(second))).all()
        assert [row.workflow_instance_id for row in chain] == [first, second]
        assert (await session.scalars(Request.version_chain(uuid.uuid4()))).all() == []


def test_the_audit_says_who_when_and_by_which_run(new_run, wrote, task_of, psql):
    first = new_run(action="create")
    second = new_run(parent=first, action="approve")
    wrote(first)
    with task_of(first, REQUEST) as session:
        session.get_one(Request, first).amount = 2
        session.commit()
    wrote(second)
    found = psql.execute(
        """SELECT operation, table_name, workflow_instance_id, run_id, action, actor, tenant_id, automation, run_status
           FROM baton_managed_audit ORDER BY changed_at"""
    ).fetchall()
    here = ("ada", "team-a", "purchase", "PROCESSING")
    assert found == [
        ("insert", REQUEST, first, first, "create", *here),
        ("update", REQUEST, first, first, "create", *here),
        ("insert", REQUEST, second, second, "approve", *here),
    ]


def test_a_write_that_is_rolled_back_is_not_noted(new_run, task_of, psql):
    with task_of(new_run(), REQUEST) as session:
        session.add(Request(amount=1))
        session.flush()
        session.rollback()
    assert psql.execute("SELECT count(*) FROM managed_audit").fetchone() == (0,)


@pytest.mark.parametrize("statement", ["UPDATE managed_audit SET actor = 'x'", "DELETE FROM managed_audit"])
def test_the_audit_is_written_once(new_run, wrote, psql, statement):
    wrote(new_run())
    with pytest.raises(psycopg.errors.RestrictViolation, match=ManagedAuditModel.__tablename__):
        psql.execute(statement)


def test_rows_and_audit_outlive_their_run(new_run, wrote, psql, task_of):
    run_id = new_run()
    wrote(run_id)
    psql.execute("DELETE FROM automation")
    assert rows(task_of).keys() == {run_id}
    assert psql.execute("SELECT run, run_status FROM baton_managed_audit").fetchone()[1] is None


def test_a_table_that_is_managed_no_more_is_an_ordinary_one(new_run, wrote, psql):
    wrote(new_run())
    psql.execute(f"ALTER TABLE {REQUEST} DROP COLUMN action")
    psql.execute("SELECT baton_guard_extension('ext_shop_request')")
    psql.execute("SET baton.data_models = 'ext_shop_request'")
    assert psql.execute(f"DELETE FROM {REQUEST}").rowcount == 1
