"""What is broken on purpose so that an invariant finds it: the statements, and the words of what is found."""

from __future__ import annotations

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
