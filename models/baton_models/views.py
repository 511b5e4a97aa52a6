"""Views for people and dashboards: answers in SQL that no metric can give."""

#: Who ran what when, on which engine, with how many attempts, and how long each state lasted, in all tenants.
RUN_HISTORY = """
CREATE OR REPLACE VIEW baton_run_history AS
SELECT r.tenant_id, r.id AS run_id, r.name AS run, a.name AS automation, d.version AS automation_generation,
       e.name AS engine, e.type AS engine_type, r.correlation_id, r.created_by, r.created_at, r.started_at,
       r.finished_at, r.status AS run_status, r.status_reason AS run_reason,
       (SELECT count(*) FROM dispatch_attempt t WHERE t.run_id = r.id) AS attempts,
       h.seq, h.previous_status, h.new_status, h.reason, h.created_by AS changed_by, h.changed_at,
       lead(h.changed_at) OVER w AS left_at,
       lead(h.changed_at) OVER w - h.changed_at AS lasted
FROM run r
JOIN automation a ON a.id = r.automation_id
JOIN run_state_history h ON h.run_id = r.id
LEFT JOIN workflow_definitions d ON d.id = r.definition_id
LEFT JOIN engine e ON e.id = r.engine_id
WINDOW w AS (PARTITION BY h.run_id ORDER BY h.seq)
"""
