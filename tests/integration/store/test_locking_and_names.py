"""Optimistic locking is real, and names are free again after a soft delete."""

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from baton_models import (
    AutomationModel,
    BatchExecutionModel,
    BatchModel,
    EngineModel,
    ExecutionStatus,
    ItemExecutionModel,
    ItemModel,
    OrchestrationInstanceModel,
    RunModel,
    RunOrchestrationModel,
)


@pytest.mark.parametrize(
    "model", [AutomationModel, BatchModel, ItemModel, RunModel, BatchExecutionModel, ItemExecutionModel]
)
def test_a_stale_write_raises(database, world, model):
    with database.get_session() as first, database.get_session() as second:
        mine, theirs = (session.query(model).order_by(model.id).first() for session in (first, second))
        theirs.updated_by = "bob"
        second.commit()
        mine.updated_by = "ada"
        with pytest.raises(StaleDataError):
            first.commit()
        assert theirs.version == 2


def test_a_stale_delete_raises(database, world):
    with database.get_session() as first, database.get_session() as second:
        mine, theirs = first.query(RunModel).one(), second.query(RunModel).one()
        theirs.updated_by = "bob"
        second.commit()
        first.delete(mine)
        with pytest.raises(StaleDataError):
            first.commit()


def test_a_version_counts_each_update_from_one(database, world):
    with database.get_session() as session:
        run = session.query(RunModel).one()
        assert run.version == 1
        for status in (ExecutionStatus.PROCESSING, ExecutionStatus.COMPLETED):
            run.status = status
            session.commit()
        assert run.version == 3


def test_an_update_moves_updated_at_alone(database, world):
    with database.get_session() as session:
        run = session.query(RunModel).one()
        born, changed = run.created_at, run.updated_at
        run.updated_by = "ada"
        session.commit()
        session.refresh(run)
        assert run.created_at == born
        assert run.updated_at > changed


ROWS = {
    "automation": lambda world: AutomationModel(tenant_id="team-a", name="import"),
    "batch": lambda world: BatchModel(automation_id=world.automation_id, name="north"),
    "item": lambda world: ItemModel(batch_id=world.batch_id, sequence_number=0),
}


@pytest.mark.parametrize("table", ROWS)
def test_a_name_in_use_is_refused(database, world, table):
    with database.get_session() as session:
        session.add(ROWS[table](world))
        with pytest.raises(IntegrityError):
            session.commit()


@pytest.mark.parametrize("table", ROWS)
def test_a_name_is_free_again_after_a_soft_delete(database, connection, world, table):
    connection.execute(f"UPDATE {table} SET is_active = false")
    with database.get_session() as session:
        session.add(ROWS[table](world))
        session.commit()
        assert session.execute(f"SELECT count(*) FROM {table} WHERE is_active").scalar_one() == 1


def test_tenants_do_not_share_names(database, world):
    with database.get_session() as session:
        session.add_all([AutomationModel(tenant_id="team-b", name="import"), AutomationModel(name="import")])
        session.add_all([EngineModel(tenant_id=tenant, name="argo", type="argo") for tenant in ("team-a", "team-b")])
        session.commit()


@pytest.mark.parametrize(
    "row",
    [
        lambda w: BatchExecutionModel(run_id=w.run_id, batch_id=w.batch_id, status=ExecutionStatus.PENDING),
        lambda w: ItemExecutionModel(
            run_id=w.run_id,
            batch_execution_id=w.batch_execution_id,
            item_id=w.item_ids[0],
            status=ExecutionStatus.PENDING,
        ),
    ],
    ids=["batch", "item"],
)
def test_a_unit_is_executed_once_in_a_run(database, world, row):
    with database.get_session() as session:
        session.add(row(world))
        with pytest.raises(IntegrityError):
            session.commit()


def test_an_external_id_is_known_once_to_an_engine(connection):
    statement = "INSERT INTO orchestration_instance (engine_id, external_id, status) VALUES (%s, 'x', 'PENDING')"
    engines = connection.execute(
        "INSERT INTO engine (tenant_id, name, type) VALUES ('a', 'one', 'argo'), ('a', 'two', 'argo') RETURNING id"
    ).fetchall()
    for engine in engines:
        connection.execute(statement, engine)
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute(statement, engines[0])


def test_deleting_an_engine_takes_its_instances_and_links_but_no_run(database, connection, world):
    with database.get_session() as session:
        engine = EngineModel(tenant_id="team-a", name="argo", type="argo")
        instance = OrchestrationInstanceModel(engine=engine, external_id="x", status=ExecutionStatus.PENDING)
        link = RunOrchestrationModel(
            run=session.get_one(RunModel, world.run_id),
            orchestration_instance=instance,
            attached_at=engine_time(session),
        )
        session.add_all([engine, instance, link])
        session.commit()
        session.delete(engine)
        session.commit()
    for table, left in [
        ("orchestration_instance", 0),
        ("run_orchestration", 0),
        ("instance_state_history", 0),
        ("run", 1),
    ]:
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (left,)


def engine_time(session):
    return session.execute("SELECT now()").scalar_one()


def test_a_key_made_by_the_database_is_a_uuid7_in_the_order_of_time(connection):
    keys = [row[0] for row in connection.execute("SELECT baton_uuid7() FROM generate_series(1, 2000)")]
    assert {(key.version, key.variant) for key in keys} == {(7, "specified in RFC 4122")}
    assert len(set(keys)) == 2000
    stamps = [key.int >> 80 for key in keys]
    assert stamps == sorted(stamps)
    (milliseconds,) = connection.execute(
        "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
    ).fetchone()
    assert 0 <= milliseconds - stamps[-1] < 5_000
