"""
Hooks: tasks that an Automation has called beside its runs, queued by the history itself.

Whoever changes a run's status, a statement trigger on ``run_state_history`` puts the tasks into ``embedded_task`` in
the same transaction: no code path can forget one, and none can call one twice. It only reads and inserts what cannot be
refused: a hook must not be able to keep a run from moving.
"""

from collections.abc import Iterator

#: Where workers listen, and what is said there (``engines/embedded``).
_QUEUED = """
CREATE OR REPLACE FUNCTION baton_hooks_queued() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  INSERT INTO embedded_task (run_id, hook, hook_no, token, fingerprint, task, arguments, on_crash)
  SELECT n.run_id, e.event, n.seq * 3 + e.place,
         left('hook-' || replace(n.run_id::text, '-', '') || '-' || e.letter || n.seq, 45), '',
         left(d.hooks #>> ARRAY[e.event, 'task'], 200),
         jsonb_build_object('event', e.event, 'status', n.new_status, 'previous', n.previous_status,
                            'reason', n.reason, 'seq', n.seq),
         'retry'
  FROM new_rows n
  JOIN run r ON r.id = n.run_id
  JOIN workflow_definitions d ON d.id = r.definition_id
  CROSS JOIN (VALUES ('onStart', 0, 's'), ('onTransition', 1, 't'), ('onFinish', 2, 'f')) AS e(event, place, letter)
  WHERE d.hooks #>> ARRAY[e.event, 'task'] IS NOT NULL AND r.accepted_reason = 'Accepted'
    AND CASE e.event
          WHEN 'onStart' THEN n.new_status = 'PROCESSING' AND NOT EXISTS (
            SELECT 1 FROM run_state_history h
            WHERE h.run_id = n.run_id AND h.seq < n.seq AND h.new_status = 'PROCESSING')
          WHEN 'onFinish' THEN n.new_status IN ('COMPLETED', 'FAILED', 'CANCELLED', 'SKIPPED')
          ELSE true END
  ON CONFLICT (token) DO NOTHING;
  IF FOUND THEN
    PERFORM pg_notify('baton_embedded', 'hook');
  END IF;
  RETURN NULL;
END
$$
"""

_TRIGGER = """
CREATE OR REPLACE TRIGGER baton_hooks_queued
AFTER INSERT ON run_state_history
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION baton_hooks_queued()
"""


def statements() -> Iterator[str]:
    """Give the statements that make function and trigger over existing tables, in their order; repeatable."""
    yield _QUEUED.strip()
    yield _TRIGGER.strip()
