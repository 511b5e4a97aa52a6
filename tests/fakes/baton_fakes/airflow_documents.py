"""The documents that the fake Airflow shows, key by key as 3.3.2 does."""

from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web
from baton_fakes.airflow_dags import FakeDag
from baton_fakes.airflow_runs import FakeDagRun, Standing, TaskStanding

PAGE = {"total_entries_limit": None, "next_cursor": None, "previous_cursor": None}


def answer_json(document: Any, status: int = 200) -> web.Response:
    """Answer with JSON."""
    return web.Response(status=status, body=orjson.dumps(document), content_type="application/json")


def stamp(moment: float | None, skew: float = 0.0) -> str | None:
    """Write a moment as Airflow does: UTC, microseconds unless there are none."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment + skew, UTC).isoformat().replace("+00:00", "Z")


def version_document(dag: FakeDag) -> dict[str, Any]:
    """Return the version of a DAG's code."""
    return {
        "id": dag.version_id,
        "version_number": 1,
        "dag_id": dag.dag_id,
        "bundle_name": "dags-folder",
        "bundle_version": None,
        "created_at": stamp(dag.created),
        "dag_display_name": dag.dag_id,
        "bundle_url": None,
    }


def dag_document(dag: FakeDag) -> dict[str, Any]:
    """Return a DAG as ``GET …/dags/{dag}`` shows it."""
    return {
        "dag_id": dag.dag_id,
        "dag_display_name": dag.dag_id,
        "is_paused": dag.is_paused,
        "is_stale": False,
        "last_parsed_time": stamp(dag.created),
        "last_parse_duration": 0.08571804400003202,
        "last_expired": None,
        "bundle_name": "dags-folder",
        "bundle_version": None,
        "relative_fileloc": f"{dag.dag_id}.py",
        "fileloc": f"/opt/airflow/dags/{dag.dag_id}.py",
        "description": None,
        "timetable_summary": None,
        "timetable_description": "Never, external triggers only",
        "timetable_partitioned": False,
        "timetable_periodic": False,
        "tags": [{"name": tag, "dag_id": dag.dag_id, "dag_display_name": dag.dag_id} for tag in dag.declared.tags],
        "max_active_tasks": 16,
        "max_active_runs": 16,
        "max_consecutive_failed_dag_runs": 0,
        "has_task_concurrency_limits": False,
        "has_import_errors": False,
        "next_dagrun_logical_date": None,
        "next_dagrun_data_interval_start": None,
        "next_dagrun_data_interval_end": None,
        "next_dagrun_run_after": None,
        "allowed_run_types": None,
        "owners": ["airflow"],
        "is_backfillable": False,
        "file_token": f"eyJ9.{dag.dag_id}",
    }


def dag_details(dag: FakeDag, active: int) -> dict[str, Any]:
    """Return a DAG as ``GET …/dags/{dag}/details`` shows it: with its parameters, and how many runs are live."""
    return {
        **dag_document(dag),
        "catchup": False,
        "dag_run_timeout": f"PT{dag.declared.timeout:g}S" if dag.declared.timeout else None,
        "asset_expression": None,
        "doc_md": dag.declared.doc,
        "start_date": dag.declared.start_date,
        "end_date": None,
        "is_paused_upon_creation": False,
        "params": dag.declared.params,
        "render_template_as_native_obj": False,
        "template_search_path": None,
        "timezone": "UTC",
        "last_parsed": stamp(dag.created),
        "default_args": {},
        "rerun_with_latest_version": None,
        "owner_links": {},
        "is_favorite": False,
        "active_runs_count": active,
        "concurrency": 16,
        "latest_dag_version": version_document(dag),
    }


def run_document(run: FakeDagRun, standing: Standing, skew: float = 0.0) -> dict[str, Any]:
    """Return a DAG run, with all that it shows moved by the clock's *skew*."""
    lasted = standing.start is not None and standing.end is not None
    return {
        "dag_run_id": run.run_id,
        "dag_id": run.dag.dag_id,
        "logical_date": run.logical_date,
        "queued_at": stamp(standing.queued, skew),
        "start_date": stamp(standing.start, skew),
        "end_date": stamp(standing.end, skew),
        "duration": round((standing.end or 0) - (standing.start or 0), 6) if lasted else None,
        "data_interval_start": run.logical_date,
        "data_interval_end": run.logical_date,
        "run_after": stamp(run.run_after, skew),
        "last_scheduling_decision": stamp(standing.decided, skew),
        "run_type": "manual",
        "state": standing.state,
        "triggered_by": "rest_api",
        "triggering_user_name": run.user,
        "conf": run.conf,
        "note": run.note,
        "dag_versions": [version_document(run.dag)],
        "bundle_version": None,
        "dag_display_name": run.dag.dag_id,
        "partition_key": None,
        "partition_date": None,
    }


def task_document(run: FakeDagRun, task: TaskStanding, skew: float = 0.0) -> dict[str, Any]:
    """Return a task instance."""
    begun, mapped = bool(task.try_number), task.map_index >= 0
    operator = "ApprovalOperator" if task.task.asks else "_PythonDecoratedOperator"
    lasted = task.start is not None and task.end is not None
    return {
        "id": task.id,
        "task_id": task.task.task_id,
        "dag_id": run.dag.dag_id,
        "dag_run_id": run.run_id,
        "map_index": task.map_index,
        "logical_date": run.logical_date,
        "run_after": stamp(run.run_after, skew),
        "start_date": stamp(task.start, skew),
        "end_date": stamp(task.end, skew),
        "duration": round((task.end or 0) - (task.start or 0), 6 if task.by_hand else 3) if lasted else None,
        "state": task.state,
        "try_number": task.try_number,
        "max_tries": task.max_tries,
        "task_display_name": task.task.task_id,
        "dag_display_name": run.dag.dag_id,
        "hostname": "vm" if begun else "",
        "unixname": "root",
        "pool": "default_pool",
        "pool_slots": 1,
        "queue": "default",
        "priority_weight": _weight(run, task),
        "operator": operator,
        "operator_name": "ApprovalOperator" if task.task.asks else "@task",
        "queued_when": stamp(task.queued, skew),
        "scheduled_when": stamp(task.scheduled, skew),
        "pid": 4711 if begun else None,
        "executor": None,
        "executor_config": "{}",
        "note": None,
        "rendered_map_index": str(task.map_index) if mapped and begun else None,
        "rendered_fields": task.task.template if begun else {},
        "trigger": None,
        "triggerer_job": None,
        "dag_version": version_document(run.dag),
    }


def try_document(run: FakeDagRun, task: TaskStanding, skew: float = 0.0) -> dict[str, Any]:
    """Return one try of a task instance: Airflow keeps less of it."""
    unkept = {
        "id", "logical_date", "run_after", "note", "rendered_map_index", "rendered_fields", "trigger", "triggerer_job"
    }  # fmt: skip
    return {key: value for key, value in task_document(run, task, skew).items() if key not in unkept}


def _weight(run: FakeDagRun, task: TaskStanding) -> int:
    """Return its priority: one, and one for each task behind it."""
    return len(run.dag.declared.tasks) - [each.task_id for each in run.dag.declared.tasks].index(task.task.task_id)
