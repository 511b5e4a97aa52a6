"""Many live instances at once, in the rows and in a fake Argo: what ten thousand submits would leave behind."""

from __future__ import annotations

from typing import Any

import orjson
from baton_fakes.argo import FakeArgo
from sqlalchemy import text

from baton_models.database import DatabaseConfig
from baton_operator.engines.argo.workflow import RUN_UID_LABEL

NAMESPACE = "argo"

_INSERT = text("""
WITH made AS (
  SELECT baton_uuid7() AS run, baton_uuid7() AS instance, v.name, v.external_id
  FROM jsonb_to_recordset(CAST(:made AS jsonb)) AS v(name text, external_id text)
), runs AS (
  INSERT INTO run (id, tenant_id, name, automation_id, definition_id, engine_id, status, status_reason, token_hex, uid,
                   released_at, started_at)
  SELECT m.run, r.tenant_id, m.name, r.automation_id, r.definition_id, r.engine_id, 'PROCESSING', 'Dispatched',
         substr(m.name, 7, 32), m.name, now(), now()
  FROM made m, run r WHERE r.uid = :pattern
  RETURNING id
), instances AS (
  INSERT INTO orchestration_instance (id, engine_id, external_id, status, status_reason, native_status)
  SELECT m.instance, r.engine_id, m.external_id, 'PROCESSING', 'Running', 'Running'
  FROM made m, run r WHERE r.uid = :pattern
  RETURNING id
), links AS (
  INSERT INTO run_orchestration (run_id, orchestration_instance_id, attached_at)
  SELECT m.run, m.instance, now() FROM made m
)
INSERT INTO dispatch_attempt (run_id, engine_id, tenant_id, attempt_no, token, state, orchestration_instance_id, sends)
SELECT m.run, r.engine_id, r.tenant_id, 1, m.name, 'ACKED', m.instance, 1 FROM made m, run r WHERE r.uid = :pattern
""")


def start_workflows(fake: FakeArgo, count: int) -> list[dict[str, str]]:
    """Let *fake* have *count* workflows that last; give their names and ids."""
    template, _ = fake.state.resource(NAMESPACE, {"resourceKind": "WorkflowTemplate", "resourceName": "nap"})
    made = []
    for number in range(count):
        options = {"name": f"baton-{number:032x}-a1", "labels": f"{RUN_UID_LABEL}={number}"}
        workflow = fake.state.make(NAMESPACE, template, False, {"secs": "36000", "fail": "no"}, options)
        fake.state.insert(workflow)
        made.append({"name": workflow.name, "external_id": f"{NAMESPACE}/{workflow.name}/{workflow.uid}"})
    return made


def insert_live(database: DatabaseConfig, made: list[dict[str, str]], *, like: str) -> None:
    """Store a run, an attempt and a live instance for each of *made*, like the run whose uid is *like*."""
    values: dict[str, Any] = {"made": orjson.dumps(made).decode(), "pattern": like}
    with database.get_session() as session:
        session.execute(_INSERT, values)
        session.commit()
    with database.sa_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
