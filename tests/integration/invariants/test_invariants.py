"""Each invariant, and each of its rules, is broken on purpose and seen to be found; a healthy world breaks none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from small_world import World
from sqlalchemy import text

from baton_operator.invariants import INVARIANTS, Cluster, Evidence, LedgerEntry, Violation, check_invariants

LIVE = "(SELECT id FROM run WHERE name = 'live')"
DONE = "(SELECT id FROM run WHERE name = 'done')"
LIVE_INSTANCE = f"(SELECT orchestration_instance_id FROM dispatch_attempt WHERE run_id = {LIVE})"
ONE_DONE_ITEM = f"(SELECT min(id::text)::uuid FROM item_execution WHERE run_id = {DONE})"
OTHER_AUTOMATION = (
    "INSERT INTO automation (id, tenant_id, uid, name) VALUES (gen_random_uuid(), 'team-b', 'a2', 'foreign')"
)
OTHER_ENGINE = (
    "INSERT INTO engine (id, tenant_id, uid, name, type) VALUES (gen_random_uuid(), 'team-b', 'e2', 'x', 'Argo')"
)
FOREIGN_AUTOMATION = "(SELECT id FROM automation WHERE tenant_id = 'team-b')"
FOREIGN_ENGINE = "(SELECT id FROM engine WHERE tenant_id = 'team-b')"
AGAIN = """
    INSERT INTO dispatch_attempt (run_id, batch_execution_id, item_execution_id, engine_id, tenant_id, attempt_no,
                                  token, state, sends, first_sent_at, due_at)
    SELECT run_id, batch_execution_id, item_execution_id, engine_id, tenant_id, {number},
           regexp_replace(token, '1$', '{number}'), '{state}', 1, now(), now()
    FROM dispatch_attempt WHERE run_id = {run} LIMIT 1
"""

DUPLICATE = f"""
    WITH born AS (
      INSERT INTO orchestration_instance (id, engine_id, external_id, status, status_reason, duplicate_of_id)
      SELECT gen_random_uuid(), {{engine}}, 'argo/second', 'PROCESSING', '{{reason}}', id
      FROM orchestration_instance WHERE id = {LIVE_INSTANCE} RETURNING id)
    INSERT INTO run_orchestration (id, run_id, orchestration_instance_id, attached_at)
    SELECT gen_random_uuid(), {LIVE}, id, now() FROM born
"""

#: What is broken: name, the statements that break it, the invariant, words of what is found.
BROKEN = [
    (
        "a duplicate that is called something else",
        [DUPLICATE.format(reason="Running", engine="engine_id")],
        "I2",
        "is not called EngineDuplicated",
    ),
    (
        "a duplicate in another engine",
        [OTHER_ENGINE, DUPLICATE.format(reason="EngineDuplicated", engine=FOREIGN_ENGINE)],
        "I2",
        "in another engine",
    ),
    (
        "a retry while a duplicate goes on",
        [
            DUPLICATE.format(reason="EngineDuplicated", engine="engine_id"),
            AGAIN.format(number=2, state="SENT", run=LIVE),
        ],
        "I2",
        "was begun while argo/",
    ),
    (
        "an attempt that nobody will act on",
        ["UPDATE dispatch_attempt SET due_at = NULL WHERE state = 'INTENT'"],
        "I1",
        "no due time",
    ),
    (
        "an accepted attempt without its execution",
        [f"UPDATE dispatch_attempt SET orchestration_instance_id = NULL WHERE run_id = {LIVE}"],
        "I1",
        "no execution is linked",
    ),
    (
        "a queued attempt without a handle",
        [f"UPDATE dispatch_attempt SET state = 'ENQUEUED' WHERE run_id = {LIVE}"],
        "I1",
        "has no handle",
    ),
    (
        "a live execution that nobody looks at",
        ["UPDATE engine_health SET next_poll_at = NULL"],
        "I1",
        "time of the next poll",
    ),
    (
        "an end that nothing followed from",
        [f"UPDATE orchestration_instance SET status = 'COMPLETED' WHERE id = {LIVE_INSTANCE}"],
        "I1",
        "ended COMPLETED, but the attempt is still ACKED",
    ),
    (
        "a run that is not ended",
        [f"UPDATE dispatch_attempt SET state = 'CLOSED' WHERE run_id = {LIVE}"],
        "I1",
        "nothing of it waits",
    ),
    (
        "a run that is not let go",
        ["UPDATE run SET released_at = NULL WHERE name = 'waiting'"],
        "I1",
        "waits although any number of",
    ),
    (
        "a run that was let go for nothing",
        ["DELETE FROM dispatch_attempt WHERE state = 'INTENT'"],
        "I1",
        "nothing of it is due",
    ),
    (
        "an item without an attempt",
        [f"UPDATE item_execution SET status = 'RETRYING' WHERE id = {ONE_DONE_ITEM}"],
        "I1",
        "no attempt of it is open",
    ),
    (
        "a cancel without an end",
        [f"UPDATE run SET cancel_requested_at = now() - interval '1 day' WHERE id = {LIVE}"],
        "I1",
        "was to end by",
    ),
    (
        "one execution for two attempts",
        [f"UPDATE dispatch_attempt SET orchestration_instance_id = {LIVE_INSTANCE}"],
        "I2",
        "belongs to 4 attempts",
    ),
    ("an execution of nobody", [f"DELETE FROM run_orchestration WHERE run_id = {LIVE}"], "I2", "belongs to no run"),
    ("two attempts at once", [AGAIN.format(run=LIVE, number=2, state="SENT")], "I2", "2 attempts are open at once"),
    (
        "more attempts than allowed",
        [AGAIN.format(run=LIVE, number=2, state="CLOSED"), AGAIN.format(run=LIVE, number=3, state="CLOSED")],
        "I2",
        "has 3 attempts, 2 are allowed",
    ),
    (
        "a removed attempt",
        [f"UPDATE dispatch_attempt SET attempt_no = 2, token = regexp_replace(token, '1$', '2') WHERE run_id = {LIVE}"],
        "I2",
        "numbered 2",
    ),
    (
        "a token of another unit",
        [f"UPDATE dispatch_attempt SET token = 'baton-00000000000000000000000000000000-a1' WHERE run_id = {LIVE}"],
        "I2",
        "its token does not follow",
    ),
    (
        "a send without its intent",
        [f"UPDATE dispatch_attempt SET sends = 0 WHERE run_id = {LIVE}"],
        "I2",
        "no send was recorded",
    ),
    (
        "a change that is missing",
        [f"DELETE FROM run_state_history WHERE seq = 2 AND run_id = {DONE}"],
        "I3",
        "is change number 2",
    ),
    (
        "a change that begins elsewhere",
        ["UPDATE item_state_history SET previous_status = 'RETRYING' WHERE seq = 3"],
        "I3",
        "says that it was RETRYING before",
    ),
    (
        "a change that was dated back",
        ["UPDATE instance_state_history SET changed_at = now() - interval '1 day' WHERE seq = 2"],
        "I3",
        "is dated before",
    ),
    (
        "a change that is not legal",
        [
            f"UPDATE run_state_history SET new_status = 'RETRYING' WHERE seq = 2 AND run_id = {DONE}",
            f"UPDATE run_state_history SET previous_status = 'RETRYING' WHERE seq = 3 AND run_id = {DONE}",
        ],
        "I3",
        "from PENDING to RETRYING, which is not legal",
    ),
    (
        "a status without its change",
        [f"UPDATE run SET status = 'RETRYING' WHERE id = {LIVE}"],
        "I3",
        "its history ends with PROCESSING",
    ),
    (
        "a status that is not shown",
        [f"UPDATE run SET project_at = now() - interval '1 hour' WHERE id = {LIVE}"],
        "I4",
        "was to be written at",
    ),
    (
        "an Engine that is not shown",
        ["UPDATE engine SET project_at = now() - interval '1 hour'"],
        "I4",
        "was to be written at",
    ),
    (
        "an end that is never shown",
        [f"UPDATE run SET projected_version = 1 WHERE id = {DONE}"],
        "I4",
        "was never shown",
    ),
    (
        "work for a run that is over",
        [f"UPDATE dispatch_attempt SET run_id = {DONE} WHERE state = 'INTENT'"],
        "I5",
        "waits to be sent, but its run ended COMPLETED",
    ),
    (
        "a counter that is wrong",
        ["UPDATE run_progress SET completed = 1, failed = 1"],
        "I6",
        "its units say (2,0,0,2,0,0,0)",
    ),
    ("counters that do not add up", ["UPDATE run_progress SET total = 3"], "I6", "does not add up"),
    (
        "an item without its execution",
        [f"DELETE FROM item_execution WHERE id = {ONE_DONE_ITEM}"],
        "I6",
        "2 items were to be done, 1 have an execution",
    ),
    (
        "a run that ended before its items",
        [f"UPDATE item_execution SET status = 'PROCESSING' WHERE id = {ONE_DONE_ITEM}"],
        "I6",
        "ended COMPLETED, but 1 of its batches or items have not",
    ),
    (
        "a batch that ended before its items",
        [f"UPDATE item_execution SET status = 'PENDING' WHERE id = {ONE_DONE_ITEM}"],
        "I6",
        "ended COMPLETED, but 1 of its items have not",
    ),
    ("an end without a time", [f"UPDATE run SET finished_at = NULL WHERE id = {DONE}"], "I6", "finished at no time"),
    (
        "an attempt of another namespace",
        [f"UPDATE dispatch_attempt SET tenant_id = 'team-b' WHERE run_id = {LIVE}"],
        "I7",
        "is of namespace team-b",
    ),
    (
        "an automation of another namespace",
        [OTHER_AUTOMATION, f"UPDATE run SET automation_id = {FOREIGN_AUTOMATION} WHERE id = {LIVE}"],
        "I7",
        "uses the automation team-b/foreign",
    ),
    (
        "a parent of another namespace",
        [
            f"UPDATE run SET parent_run_id = {DONE} WHERE id = {LIVE}",
            f"UPDATE run SET tenant_id = 'team-b' WHERE id = {DONE}",
        ],
        "I7",
        "has the parent team-b/done",
    ),
    (
        "an engine that allows nobody",
        ["UPDATE engine SET tenant_id = 'team-b', updated_at = now() - interval '1 hour'"],
        "I7",
        "which allows no other namespace",
    ),
    (
        "a link to another's execution",
        [f"UPDATE run_orchestration SET run_id = {LIVE} WHERE run_id = {DONE}"],
        "I7",
        "is linked to the execution",
    ),
    (
        "an execution of another engine",
        [OTHER_ENGINE, f"UPDATE orchestration_instance SET engine_id = {FOREIGN_ENGINE} WHERE id = {LIVE_INSTANCE}"],
        "I7",
        "is for another engine",
    ),
    (
        "a batch of another automation",
        [OTHER_AUTOMATION, f"UPDATE batch SET automation_id = {FOREIGN_AUTOMATION}"],
        "I7",
        "executes the batch canary",
    ),
    (
        "an item of another run",
        [f"UPDATE item_execution SET run_id = {LIVE} WHERE id = {ONE_DONE_ITEM}"],
        "I7",
        "belongs to another run or batch",
    ),
    (
        "a version of another automation",
        [OTHER_AUTOMATION, f"UPDATE workflow_definitions SET automation_id = {FOREIGN_AUTOMATION}"],
        "I7",
        "pins a version",
    ),
]


def of(violations: list[Violation], number: str) -> list[str]:
    return [str(each) for each in violations if each.invariant == number]


async def ask(world: World, number: str, **evidence: Any) -> list[Violation]:
    """Ask one invariant, with more evidence than rows."""
    (invariant,) = (each for each in INVARIANTS if each.number == number)
    async with world.database.get_async_session() as session:
        return await invariant.violations(Evidence(world.database, session, **{"bound": 0.0} | evidence))


async def test_a_healthy_world_breaks_nothing(world: World):
    """Runs that wait, are under way and are over, with an honest ledger: nothing to say."""
    assert await check_invariants(world.database, ledger=world.ledger, bound=0.0) == []


@pytest.mark.parametrize(
    ("statements", "number", "words"), [each[1:] for each in BROKEN], ids=[each[0] for each in BROKEN]
)
async def test_what_is_broken_is_found(world: World, statements: list[str], number: str, words: str):
    """The violation stands under its invariant, names the row and says what is wrong."""
    world.break_(*statements)

    found = await check_invariants(world.database, bound=0.0)

    assert any(words in each for each in of(found, number)), "\n".join(map(str, found))


async def test_a_disabled_trigger_is_found_before_anything_is_lost(world: World):
    """History that is not written any more shows at once, not with the first change that is missing."""
    with world.database.get_session() as session:
        session.execute(text("ALTER TABLE run DISABLE TRIGGER USER"))
        session.commit()

    found = of(await check_invariants(world.database, bound=0.0), "I3")

    assert found
    assert all("is disabled" in each for each in found)


async def test_what_needs_a_moment_is_no_violation(world: World):
    """A status that is due now is late only when the bound has passed."""
    world.break_(f"UPDATE run SET project_at = now() - interval '5 seconds' WHERE id = {LIVE}")

    assert await check_invariants(world.database, bound=30.0) == []
    assert of(await check_invariants(world.database, bound=2.0), "I4")


async def test_only_the_chosen_invariants_are_asked(world: World):
    """A broken count does not hide that histories are whole."""
    world.break_("UPDATE run_progress SET total = 3")

    assert await check_invariants(world.database, bound=0.0, only=["I3"]) == []


async def test_a_second_execution_in_the_engines_books_is_found(world: World):
    """What the database cannot see: the engine ran one attempt twice."""
    twice = [*world.ledger, LedgerEntry(world.live, "argo/other", finished=True)]

    found = await ask(world, "I2", ledger=twice)

    assert any("the engine accepted it 2 times" in str(each) for each in found)
    assert any("argo/other" in each.subject and "no instance is linked" in each.found for each in found)


async def test_what_the_engine_did_twice_by_itself_is_not_ours_twice(world: World):
    """One submit, two executions: known, linked, and called what it is."""
    world.break_(DUPLICATE.format(reason="EngineDuplicated", engine="engine_id"))
    second = LedgerEntry(world.live, "argo/second", finished=True, duplicated=True)

    assert await ask(world, "I2", ledger=[*world.ledger, second]) == []
    stranger = LedgerEntry(world.live, "argo/third", finished=True, duplicated=True)
    (found,) = await ask(world, "I2", ledger=[*world.ledger, second, stranger])
    assert "argo/third" in found.subject


async def test_an_execution_that_nobody_knows_is_found(world: World):
    """It goes on in the engine under a token that was never stored."""
    stray = LedgerEntry("baton-ffffffffffffffffffffffffffffffff-a1", "argo/stray")

    (found,) = await ask(world, "I5", ledger=[*world.ledger, stray])

    assert "argo/stray" in found.subject


def seen(world: World, **missing: Any) -> Cluster:
    """Give the API server's Runs as they belong to the healthy world."""
    created = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    runs = [
        {"metadata": {"namespace": "team-a", "name": name, "uid": f"uid-{name}", "creationTimestamp": created}}
        for name in ("done", "live", "waiting")
        if name not in missing.get("without", ())
    ]
    return Cluster(runs, datetime.now(UTC) + timedelta(minutes=1))


async def test_a_run_without_a_row_is_found(world: World):
    """The watch missed it, and sweep did not repair it."""
    cluster = seen(world)
    lost = {"namespace": "team-a", "name": "lost", "uid": "uid-lost", "creationTimestamp": "2026-01-01T00:00:00Z"}
    refused = {"type": "Accepted", "status": "False", "reason": "AutomationNotFound"}
    unknown = {**lost, "name": "typo", "uid": "uid-typo"}
    runs = [*cluster.runs, {"metadata": lost}, {"metadata": unknown, "status": {"conditions": [refused]}}]

    (found,) = await ask(world, "I1", cluster=Cluster(runs, cluster.listed_at))

    assert found.subject == "Run team-a/lost (uid uid-lost)"
    assert "has no row" in found.found


async def test_a_row_without_its_run_is_found(world: World):
    """The deletion was missed, and sweep did not repair it."""
    (found,) = await ask(world, "I1", cluster=seen(world, without=["live"]))

    assert found.subject.startswith("Run team-a/live (")
    assert "the API server has no such Run" in found.found


async def test_a_finalizer_that_holds_a_deleted_run_is_found(world: World):
    """Only ours, and only when it is late."""
    deleted = {
        "metadata": {
            "namespace": "team-a",
            "name": "x",
            "uid": "u",
            "deletionTimestamp": "2026-01-01T00:00:00Z",
            "finalizers": ["other.dev/a", "baton.dev/cancel"],
        }
    }
    others = {"metadata": {**deleted["metadata"], "name": "y", "finalizers": ["other.dev/a"]}}

    (found,) = await ask(world, "I5", cluster=Cluster([deleted, others], datetime.now(UTC)))

    assert "baton.dev/cancel holds it" in found.found
