"""The questions of the repositories, asked of a real database."""

from uuid import uuid4

import pytest

from baton_models import (
    AutomationModel,
    EngineModel,
    ExecutionStatus,
    ItemStateHistoryModel,
    OrchestrationInstanceModel,
    RunModel,
    RunOrchestrationModel,
)
from baton_models.errors import FieldNotUpdatableError, InvalidFilterError, NotFoundError, StaleVersionError
from baton_models.repositories import (
    AutomationRepository,
    BatchExecutionRepository,
    BatchRepository,
    EngineRepository,
    ItemExecutionRepository,
    ItemRepository,
    ItemStateHistoryRepository,
    OrchestrationInstanceRepository,
    RunOrchestrationRepository,
    RunRepository,
)

OURS, THEIRS = "team-a", "team-b"


@pytest.fixture
async def session(database):
    async with database.get_async_session() as opened:
        yield opened


async def test_definitions_are_found_as_people_name_them(session, world):
    automation = await AutomationRepository(session, OURS).get_by_name("import")
    batch = await BatchRepository(session, OURS).get_by_automation_and_name(world.automation_id, "north")
    item = await ItemRepository(session, OURS).get_by_batch_and_sequence(world.batch_id, 1)
    assert (automation.id, batch.id, item.id) == (world.automation_id, world.batch_id, world.item_ids[1])
    assert [row.id for row in await AutomationRepository(session, OURS).list_active()] == [world.automation_id]
    assert [row.id for row in await BatchRepository(session, OURS).list_by_automation(world.automation_id)] == [
        batch.id
    ]
    page = await ItemRepository(session, OURS).list_by_batch(world.batch_id, after_sequence=0)
    assert [row.sequence_number for row in page] == [1, 2]


async def test_executions_are_found_as_people_name_them(session, world):
    runs, batches = RunRepository(session, OURS), BatchExecutionRepository(session, OURS)
    items = ItemExecutionRepository(session, OURS)
    await runs.update(world.run_id, {"priority": 7}, expected_version=1)
    assert [row.priority for row in await runs.list_by_automation(world.automation_id)] == [7]
    assert [row.id for row in await runs.list_by_status(ExecutionStatus.PENDING)] == [world.run_id]
    assert await runs.find_running() == []
    assert (await batches.get_by_run_and_batch(world.run_id, world.batch_id)).id == world.batch_execution_id
    assert [row.id for row in await batches.list_by_run(world.run_id)] == [world.batch_execution_id]
    assert [row.id for row in await batches.list_by_batch(world.batch_id)] == [world.batch_execution_id]
    assert (await items.get_by_run_and_item(world.run_id, world.item_ids[2])).id == world.execution_ids[2]
    listed = await items.list_by_batch_execution(world.batch_execution_id)
    assert [row.id for row in listed] == sorted(world.execution_ids)
    assert len(await items.list_pending_by_run(world.run_id)) == 3
    assert await items.list_failed_by_run(world.run_id) == []


async def test_items_are_counted_by_status_with_zeros(session, world, set_status):
    set_status("item_execution", world.execution_ids[:2], "FAILED")
    counted = await ItemExecutionRepository(session, OURS).count_by_status(world.run_id)
    assert counted == dict.fromkeys(ExecutionStatus, 0) | {ExecutionStatus.FAILED: 2, ExecutionStatus.PENDING: 1}


async def test_the_youngest_run_of_a_correlation_id_is_found(session, world):
    runs = RunRepository(session, OURS)
    for name in ("old", "new"):
        row = RunModel(automation_id=world.automation_id, tenant_id=OURS, name=name, correlation_id="order-7")
        row.status = ExecutionStatus.PENDING
        await runs.add(row)
    assert (await runs.get_by_correlation_id("order-7")).name == "new"


async def test_history_is_read_and_never_written(session, world, set_status):
    set_status("item_execution", world.execution_ids, "PROCESSING")
    history = ItemStateHistoryRepository(session, OURS)
    rows = await history.list_by_item_execution(world.execution_ids[0])
    assert [row.new_status for row in rows] == [ExecutionStatus.PENDING, ExecutionStatus.PROCESSING]
    assert (await history.get_latest_by_item_execution(world.execution_ids[0])).seq == 2
    assert [row.seq for row in await history.list_by_item_execution(world.execution_ids[0], after_seq=1)] == [2]
    for refused in (
        history.update(rows[0].id, {"reason": "x"}),
        history.delete(rows[0].id),
        history.deactivate(rows[0].id),
        history.add(ItemStateHistoryModel()),
    ):
        with pytest.raises(NotImplementedError):
            await refused


async def test_engines_instances_and_links_are_found(session, world):
    engines, links = EngineRepository(session, OURS), RunOrchestrationRepository(session, OURS)
    instances = OrchestrationInstanceRepository(session, OURS)
    engine = await engines.add(EngineModel(tenant_id=OURS, name="argo", type="argo"))
    instance = await instances.add(
        OrchestrationInstanceModel(engine_id=engine.id, external_id="w-1", status=ExecutionStatus.PROCESSING)
    )
    link = RunOrchestrationModel(
        run_id=world.run_id, orchestration_instance_id=instance.id, attached_at=engine.created_at
    )
    await links.add(link)
    assert await engines.get_by_name("argo") is engine
    assert await engines.list_by_type("argo") == [engine]
    assert await instances.get_by_engine_and_external(engine.id, "w-1") is instance
    assert await instances.list_by_engine(engine.id) == [instance]
    assert await instances.list_by_status(ExecutionStatus.PROCESSING) == [instance]
    assert await instances.list_running() == [instance]
    assert await links.get_by_run_and_instance(world.run_id, instance.id) is link
    assert await links.list_by_run(world.run_id) == [link]
    assert await links.list_by_instance(instance.id) == [link]


@pytest.mark.parametrize(
    ("repository", "pick"),
    [
        (AutomationRepository, lambda w: w.automation_id),
        (BatchRepository, lambda w: w.batch_id),
        (ItemRepository, lambda w: w.item_ids[0]),
        (RunRepository, lambda w: w.run_id),
        (BatchExecutionRepository, lambda w: w.batch_execution_id),
        (ItemExecutionRepository, lambda w: w.execution_ids[0]),
    ],
)
async def test_another_tenant_sees_nothing(session, world, repository, pick):
    theirs = repository(session, THEIRS)
    assert await theirs.get(pick(world)) is None
    assert await theirs.list() == []
    assert await theirs.count() == 0
    with pytest.raises(NotFoundError):
        await theirs.update(pick(world), {"updated_by": "eve"}, expected_version=1)
    with pytest.raises(NotFoundError):
        await theirs.deactivate(pick(world))
    assert (await repository(session, OURS).get(pick(world))).updated_by is None


async def test_another_tenant_sees_no_history_and_no_instance(session, world):
    assert await ItemStateHistoryRepository(session, THEIRS).list() == []
    engine = await EngineRepository(session, THEIRS).add(EngineModel(tenant_id=THEIRS, name="shared", type="argo"))
    instance = OrchestrationInstanceModel(engine_id=engine.id, external_id="w", status=ExecutionStatus.PENDING)
    await OrchestrationInstanceRepository(session, THEIRS).add(instance)
    link = RunOrchestrationModel(
        run_id=world.run_id, orchestration_instance_id=instance.id, attached_at=engine.created_at
    )
    await RunOrchestrationRepository(session, OURS).add(link)
    assert await OrchestrationInstanceRepository(session, OURS).list() == [instance]
    assert await OrchestrationInstanceRepository(session, THEIRS).list() == []


async def test_a_row_of_another_tenant_is_not_added(session, world):
    with pytest.raises(NotFoundError):
        await AutomationRepository(session, THEIRS).add(AutomationModel(tenant_id=OURS, name="sly"))
    await session.commit()
    assert await AutomationRepository(session, OURS).get_by_name("sly") is None


async def test_an_update_of_something_stale_is_refused(database, session, world):
    runs = RunRepository(session, OURS)
    with pytest.raises(StaleVersionError, match="at version 1, not 4"):
        await runs.update(world.run_id, {"priority": 1}, expected_version=4)
    with pytest.raises(StaleVersionError):
        await runs.update(world.run_id, {"priority": 1})
    async with database.get_async_session() as other:
        await RunRepository(other, OURS).update(world.run_id, {"priority": 2}, expected_version=1)
        await other.commit()
    with pytest.raises(StaleVersionError):
        await runs.update(world.run_id, {"priority": 3}, expected_version=1)


async def test_a_foreign_field_is_refused_by_name(session, world):
    with pytest.raises(FieldNotUpdatableError, match="does not let status, tenant_id be changed"):
        await RunRepository(session, OURS).update(
            world.run_id, {"tenant_id": THEIRS, "status": "FAILED"}, expected_version=1
        )


async def test_a_foreign_filter_is_refused_by_name(session, world):
    with pytest.raises(InvalidFilterError, match="cannot be filtered by 'tenant_id'"):
        await RunRepository(session, OURS).list({"tenant_id": THEIRS})


@pytest.mark.parametrize("limit", [0, 1001])
async def test_a_page_has_a_limit(session, world, limit):
    with pytest.raises(InvalidFilterError, match="1 to 1000"):
        await RunRepository(session, OURS).list(limit=limit)


async def test_pages_by_key_give_each_row_once(session, world):
    items, seen, after = ItemExecutionRepository(session, OURS), [], None
    while page := await items.list({"run_id": world.run_id}, after=after, limit=2):
        seen += [row.id for row in page]
        after = seen[-1]
    assert seen == sorted(world.execution_ids)


async def test_a_soft_delete_goes_down_the_tree_of_lists(session, world):
    automation = await AutomationRepository(session, OURS).deactivate(world.automation_id)
    assert automation.version == 2
    assert await AutomationRepository(session, OURS).list_active() == []
    assert await BatchRepository(session, OURS).list() == []
    assert await ItemRepository(session, OURS).list() == []
    assert await ItemRepository(session, OURS).count(include_inactive=True) == 3
    assert (await ItemRepository(session, OURS).get(world.item_ids[0])).sequence_number == 0
    assert len(await RunRepository(session, OURS).list_by_automation(world.automation_id)) == 1


async def test_existence_and_absence(session, world):
    runs = RunRepository(session, OURS)
    assert await runs.exists({"name": "import-1"})
    assert await runs.exists({"status": [ExecutionStatus.FAILED, ExecutionStatus.PENDING]})
    assert not await runs.exists({"name": "import-2"})
    with pytest.raises(NotFoundError, match="no run"):
        await runs.get_or_raise(uuid4())
