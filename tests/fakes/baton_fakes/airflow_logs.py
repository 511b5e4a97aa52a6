"""The logs of the fake Airflow: one file for each try, read as JSON or as NDJSON, and on from a signed token."""

import time
from typing import Any

import msgspec
import orjson
from aiohttp import web
from baton_fakes.airflow_documents import stamp
from baton_fakes.airflow_queries import number
from baton_fakes.airflow_runs import ENDED, FakeDagRun, TaskStanding
from baton_fakes.airflow_state import AirflowState, RefusalError

_JSON, _NDJSON = "application/json", "application/x-ndjson"
_MISSING = "TaskInstance not found"


def log_answer(state: AirflowState, request: web.Request) -> web.Response:
    """Answer a request for the log of one try of a task instance."""
    wanted = request.headers.get("Accept", "*/*")
    if not any(each in wanted for each in (_JSON, _NDJSON, "*/*")):
        raise RefusalError(406, f"Only {_JSON} or {_NDJSON} is supported")
    tried = number(request.match_info, "try_number", 0, where="path")  # type: ignore[arg-type]
    read = _position(state, request.query.get("token"))
    run = state.runs.get((request.match_info["dag"], request.match_info["run"]))
    key = request.match_info["task"], int(request.query.get("map_index", -1))
    task = None if run is None else _try(run, key, tried)
    if run is None or task is None:
        raise RefusalError(404, _MISSING)
    lines = [] if task.start is None else _lines(run, task, state.settings.clock_skew)
    over = task.state in ENDED or task.state in {None, "queued"}  # what has not begun has said all it will, too
    if _NDJSON in wanted:
        body = b"".join(orjson.dumps({"timestamp": None, **line}) + b"\n" for line in [*_head(run, task), *lines])
        token = state.sealed({"download_logs": False})
        return web.Response(body=body, headers={"Content-Type": _NDJSON, "Airflow-Continuation-Token": token})
    shown = [*([] if read else _head(run, task)), *lines[read:]]
    token = None if over else state.sealed({"end_of_log": False, "log_pos": len(lines)})
    return web.Response(body=orjson.dumps({"content": shown, "continuation_token": token}), content_type=_JSON)


def _position(state: AirflowState, token: str | None) -> int:
    """Return how many lines a token says were read."""
    if not token:
        return 0
    opened = state.opened(token)
    if opened is None:
        raise RefusalError(400, "Bad Signature. Please use only the tokens provided by the API.")
    return int(msgspec.json.decode(opened).get("log_pos", 0))


def _try(run: FakeDagRun, key: tuple[str, int], tried: int) -> TaskStanding | None:
    """Return one try of a task instance: the present one, or one that was cleared."""
    tries = [*run.at(time.time()).tasks, *run.tries]
    found = (each for each in tries if each.key == key and each.try_number == tried and tried)
    return next(found, None)


def _head(run: FakeDagRun, task: TaskStanding) -> list[dict[str, Any]]:
    """Return the lines before the file's own: where it is."""
    place = f"dag_id={run.dag.dag_id}/run_id={run.run_id}/task_id={task.task.task_id}"
    path = f"/opt/airflow/logs/{place}/attempt={task.try_number}.log"
    return [{"event": "::group::Log message source details"}, {"event": path}, {"event": "::endgroup::"}]


def _lines(run: FakeDagRun, task: TaskStanding, skew: float) -> list[dict[str, Any]]:
    """Return what the task has said so far."""
    common = {
        "task_id": task.task.task_id,
        "dag_id": run.dag.dag_id,
        "map_index": task.map_index,
        "try_number": task.try_number,
        "ti_id": task.id,
        "run_id": run.run_id,
    }
    began = {"level": "info", "logger": "task", "filename": "task_runner.py"}
    start, end = stamp(task.start, skew), stamp(task.end, skew)
    lines = [
        {"timestamp": start, "event": "::group::Pre Execute", **began, "lineno": 2412},
        {
            "timestamp": start,
            "event": "DAG bundles loaded: dags-folder",
            "level": "info",
            **common,
            "logger": "airflow.dag_processing.bundles.manager.DagBundlesManager",
            "filename": "manager.py",
            "lineno": 304,
        },
        {"timestamp": start, "event": "::endgroup::", **began, **common, "lineno": 2232},
    ]
    if task.state == "failed":
        trace = {"exc_type": "RuntimeError", "exc_value": "as conf wants it", "exc_notes": [], "syntax_error": None,
                 "is_cause": False, "frames": [], "is_group": False, "exceptions": []}  # fmt: skip
        failed = {"event": "Task failed with exception", "level": "error", "error_detail": [trace]}
        lines.append(
            {"timestamp": end, **failed, **common, "logger": "task", "filename": "task_runner.py", "lineno": 1}
        )
    elif task.state == "success":
        lines.append({"timestamp": end, "event": "Done. Returned value was: None", **began, **common, "lineno": 233})
    if task.state in ENDED:
        lines.append({"timestamp": end, "event": "::group::Post Execute", **began, **common, "lineno": 1677})
        lines.append({"timestamp": end, "event": "::endgroup::", **began, **common, "lineno": 2379})
    return lines
