"""
What people and other programs do in Airflow beside what Baton does.

No adapter needs these endpoints, but the recordings have them: mapped tasks, approvals, XCom, bulk requests, the log of
events. `PEOPLE` lists them as method, path and answer.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web
from baton_fakes.airflow_documents import PAGE, answer_json, stamp, task_document, try_document
from baton_fakes.airflow_queries import BODY, USER, number, window
from baton_fakes.airflow_runs import Answer as Said
from baton_fakes.airflow_runs import FakeDagRun, TaskStanding
from baton_fakes.airflow_state import AirflowState, RefusalError

Answer = Callable[[AirflowState, web.Request], Awaitable[web.StreamResponse]]

#: Seconds within which an answer to an approval comes before the triggerer has seen the question: the task fails.
_HASTE = 1.5
_OPTIONS = ["Approve", "Reject"]


def note_down(state: AirflowState, request: web.Request) -> None:
    """Write a change down in the log of events."""
    if request.method == "GET" or USER not in request:
        return
    names = request.match_info
    run = names.get("run") or (request.get(BODY) or {}).get("dag_run_id")
    state.events.append(
        {
            "event_log_id": len(state.events) + 1,
            "when": stamp(time.time()),
            "dag_id": names.get("dag"),
            "task_id": names.get("task"),
            "run_id": run,
            "map_index": None,
            "try_number": None,
            "event": f"{request.method.lower()}_{request.path.rpartition('/')[2]}",
            "logical_date": None,
            "owner": request[USER],
            "extra": orjson.dumps({**(request.get(BODY) or {}), "method": request.method}).decode(),
            "dag_display_name": names.get("dag"),
            "task_display_name": names.get("task"),
        }
    )


def _run(state: AirflowState, request: web.Request) -> FakeDagRun:
    return state.find(request.match_info["dag"], request.match_info["run"])


def _of_task(state: AirflowState, request: web.Request) -> tuple[FakeDagRun, list[TaskStanding]]:
    """Return the run that a request names, and the instances of its task."""
    names = request.match_info
    run = state.runs.get((names["dag"], names["run"]))
    found = [] if run is None else [each for each in run.at(time.time()).tasks if each.task.task_id == names["task"]]
    if run is None or not found:
        raise RefusalError(
            404,
            f"The Task Instance with dag_id: `{names['dag']}`, run_id: `{names['run']}` and task_id: "
            f"`{names['task']}` was not found",
        )
    return run, found


async def _task(state: AirflowState, request: web.Request) -> web.StreamResponse:
    run, found = _of_task(state, request)
    if found[0].task.maps:
        raise RefusalError(404, "Task instance is mapped, add the map_index value to the URL")
    return answer_json(task_document(run, found[0], state.settings.clock_skew))


async def _mapped_task(state: AirflowState, request: web.Request) -> web.StreamResponse:
    names, (run, found) = request.match_info, _of_task(state, request)
    for each in found:
        if str(each.map_index) == names["index"]:
            return answer_json(task_document(run, each, state.settings.clock_skew))
    raise RefusalError(
        404,
        f"The Mapped Task Instance with dag_id: `{names['dag']}`, run_id: `{names['run']}`, task_id: "
        f"`{names['task']}`, and map_index: `{names['index']}` was not found",
    )


async def _mapped_tasks(state: AirflowState, request: web.Request) -> web.StreamResponse:
    run, found = _of_task(state, request)
    if not found[0].task.maps:
        raise RefusalError(404, f"Task id {request.match_info['task']} is not mapped")
    states = request.query.getall("state", [])
    shown = [task_document(run, each) for each in found if not states or each.state in states]
    return answer_json({"task_instances": shown, "total_entries": len(shown), **PAGE})


async def _tries(state: AirflowState, request: web.Request) -> web.StreamResponse:
    run, found = _of_task(state, request)
    earlier = [each for each in run.tries if each.key == found[0].key]
    begun = [each for each in [*earlier, found[0]] if each.try_number]
    latest = {each.try_number: each for each in begun}
    shown = [try_document(run, each, state.settings.clock_skew) for each in latest.values()]
    return answer_json({"task_instances": shown, "total_entries": len(shown)})


async def _tasks_of_many(state: AirflowState, request: web.Request) -> web.StreamResponse:
    body, now = request[BODY], time.time()
    wanted, states = body.get("dag_run_ids"), body.get("state")
    shown = [
        task_document(run, each, state.settings.clock_skew)
        for run in state.seen("~", now)
        if not wanted or run.run_id in wanted
        for each in run.at(now).tasks
        if not states or each.state in states
    ]
    return answer_json({"task_instances": shown[:100], "total_entries": len(shown), **PAGE})


async def _clear_tasks(state: AirflowState, request: web.Request) -> web.StreamResponse:
    body, now = request[BODY], time.time()
    run = state.find(request.match_info["dag"], body["dag_run_id"])
    wanted = [each if isinstance(each, list) else [each] for each in body.get("task_ids") or []]
    named = {
        each.key
        for each in run.at(now).tasks
        if (not wanted or [each.task.task_id] in wanted or list(each.key) in wanted)
        and (not body.get("only_failed", True) or each.state in {"failed", "upstream_failed"})
    }
    if not body.get("dry_run", True):
        run.clear_tasks(now, named)
    shown = [task_document(run, each) for each in run.at(now).tasks if each.key in named]
    return answer_json({"task_instances": shown, "total_entries": len(shown), **PAGE})


async def _change_many(state: AirflowState, request: web.Request) -> web.StreamResponse:
    """Change states of many runs; those that are not there are skipped, and the answer does not say so."""
    done = []
    for action in request[BODY]["actions"]:
        for entity in action["entities"]:
            run = state.runs.get((request.match_info["dag"], entity["dag_run_id"]))
            if run is not None:
                run.set_state(entity["state"], time.time())
                done.append(f"{run.dag.dag_id}.{run.run_id}")
    return answer_json({"create": None, "update": {"success": done, "errors": []}, "delete": None})


async def _wait(state: AirflowState, request: web.Request) -> web.StreamResponse:
    """Tell the run's state, a line each interval, until it has ended."""
    if "interval" not in request.query:
        missing = {"type": "missing", "loc": ["query", "interval"], "msg": "Field required", "input": None}
        raise RefusalError(422, [missing])
    run, interval = _run(state, request), number(request.query, "interval", 1)
    stream = web.StreamResponse()
    await stream.prepare(request)
    while (standing := run.at(time.time())).end is None:
        await stream.write(b'{"state": "%s"}\n' % standing.state.encode())
        await asyncio.sleep(interval)
    await stream.write(b'{"state": "%s"}\n' % standing.state.encode())
    return stream


def _xcom(run: FakeDagRun, task: TaskStanding) -> dict[str, Any]:
    return {
        "key": "return_value",
        "timestamp": stamp(task.end),
        "logical_date": run.logical_date,
        "map_index": task.map_index,
        "task_id": task.task.task_id,
        "dag_id": run.dag.dag_id,
        "run_id": run.run_id,
        "dag_display_name": run.dag.dag_id,
        "task_display_name": task.task.task_id,
        "run_after": stamp(run.run_after),
    }


def _left(run: FakeDagRun) -> list[TaskStanding]:
    """Return the tasks that have left something in XCom."""
    return [each for each in run.at(time.time()).tasks if each.task.returns is not None and each.state == "success"]


async def _xcoms(state: AirflowState, request: web.Request) -> web.StreamResponse:
    run, wanted = _run(state, request), request.match_info["task"]
    found = [_xcom(run, each) for each in _left(run) if wanted in {"~", each.task.task_id}]
    return answer_json({"xcom_entries": found, "total_entries": len(found)})


async def _xcom_value(state: AirflowState, request: web.Request) -> web.StreamResponse:
    run, key = _run(state, request), request.match_info["key"]
    for each in _left(run):
        if each.task.task_id == request.match_info["task"] and key == "return_value":
            return answer_json({**_xcom(run, each), "value": each.task.returns})
    raise RefusalError(404, f"XCom entry with key: `{key}` not found")


def _question(run: FakeDagRun, task: TaskStanding) -> dict[str, Any]:
    said = run.answers.get(task.task.task_id)
    return {
        "options": _OPTIONS,
        **task.task.template,
        "defaults": None,
        "multiple": False,
        "params": {},
        "assigned_users": [],
        "created_at": stamp(task.start),
        "responded_by_user": {"id": run.user, "name": run.user} if said else None,
        "responded_at": stamp(said.at) if said else None,
        "chosen_options": list(said.chosen) if said else None,
        "params_input": {},
        "response_received": said is not None,
        "task_instance": task_document(run, task),
    }


async def _questions(state: AirflowState, request: web.Request) -> web.StreamResponse:
    now = time.time()
    runs = state.seen("~", now) if request.match_info["dag"] == "~" else [_run(state, request)]
    shown = [
        _question(run, task) for run in runs for task in run.at(now).tasks if task.task.asks and task.start is not None
    ]
    received = request.query.get("response_received")
    shown = [each for each in shown if received is None or each["response_received"] == (received == "true")]
    return answer_json({"hitl_details": shown, "total_entries": len(shown)})


async def _respond(state: AirflowState, request: web.Request) -> web.StreamResponse:
    run, found = _of_task(state, request)
    task, now, chosen = found[0], time.time(), request[BODY]["chosen_options"]
    if task.task.task_id in run.answers:
        raise RefusalError(
            409,
            f"Human-in-the-loop detail has already been updated for Task Instance with id {task.id} "
            "and is not allowed to write again.",
        )
    if any(each not in _OPTIONS for each in chosen):
        raise RefusalError(400, f"Invalid options {chosen!r}; allowed options are {_OPTIONS!r}.")
    run.answers[task.task.task_id] = Said(now, tuple(chosen), now - (task.start or now) < _HASTE)
    by = {"id": request[USER], "name": request[USER]}
    return answer_json({"responded_by": by, "responded_at": stamp(now), "chosen_options": chosen, "params_input": {}})


async def _import_errors(state: AirflowState, request: web.Request) -> web.StreamResponse:
    return answer_json({"import_errors": [], "total_entries": 0})


async def _events(state: AirflowState, request: web.Request) -> web.StreamResponse:
    offset, limit = window(request.query)
    wanted = request.query.get("dag_id")
    found = [each for each in reversed(state.events) if wanted in {None, each["dag_id"]}]
    return answer_json({"event_logs": found[offset : offset + limit], "total_entries": len(found)})


_RUN = "/api/v2/dags/{dag}/dagRuns/{run}"
_TASK = _RUN + "/taskInstances/{task}"
PEOPLE: list[tuple[str, str, Answer]] = [
    ("PATCH", "/api/v2/dags/{dag}/dagRuns", _change_many),
    ("POST", "/api/v2/dags/{dag}/clearTaskInstances", _clear_tasks),
    ("POST", _RUN + "/taskInstances/list", _tasks_of_many),
    ("GET", _RUN + "/wait", _wait),
    ("GET", _RUN + "/hitlDetails", _questions),
    ("GET", _TASK, _task),
    ("GET", _TASK + "/tries", _tries),
    ("GET", _TASK + "/listMapped", _mapped_tasks),
    ("GET", _TASK + "/xcomEntries", _xcoms),
    ("GET", _TASK + "/xcomEntries/{key}", _xcom_value),
    ("GET", _TASK + "/{index:-?[0-9]+}", _mapped_task),
    ("PATCH", _TASK + "/{index:-?[0-9]+}/hitlDetails", _respond),
    ("GET", "/api/v2/importErrors", _import_errors),
    ("GET", "/api/v2/eventLogs", _events),
]
