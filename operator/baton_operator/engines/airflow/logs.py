"""
Logs of a DAG run: those of its tasks, in the order in which they began, each line under its task's name.

Airflow keeps one log a try of a task instance, and hands it on by a continuation token that is missing at its end
(measured on 3.3.2: the token holds a number of lines, and stays the same while nothing is written). The cursor
therefore names, for each task instance that was read, the try, and where in it to read on. A log whose task waits
(queued, deferred) has no token either, and goes on all the same: only a task that has ended has an end.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from baton_operator.engines.airflow.api import AirflowApi, LogChunk, run_path
from baton_operator.engines.airflow.runs import DagRun, TaskInstance, in_order, status_of
from baton_operator.engines.answers import decode
from baton_operator.engines.errors import TargetNotFoundError
from baton_operator.engines.options import LogPage

#: Bytes of one answer that are read at most.
LOG_LIMIT = 4 * 1024 * 1024
#: Requests for logs that one page takes at most; what is left comes with the next.
READS = 50

#: A try and the token to read it on with; None when it was read to its end.
_Place = tuple[int, str | None]


async def read_logs(api: AirflowApi, run: DagRun, cursor: str | None) -> LogPage:
    """Return the lines after *cursor*, which only this function reads; anything else means from the beginning."""
    places = _places(cursor)
    tasks = await api.task_instances(run.dag_id, run.dag_run_id, operation="logs")
    lines: list[str] = []
    budget = READS
    for task in sorted(tasks, key=in_order):
        for attempt in _due(task, places.get(task.title)):
            if not budget:
                return LogPage(_text(lines), _cursor(places), more=True)
            budget -= 1
            place = attempt, _token(places.get(task.title), attempt)
            fresh, token = await _read(api, run, task, place)
            if token is None and not (task.has_ended or attempt < task.try_number):
                break  # it has just ended, or waits: what it wrote is read when that is known
            lines += fresh
            places[task.title] = (attempt, token)
    return LogPage(_text(lines), _cursor(places), more=not status_of(run)[0].is_finished)


def _due(task: TaskInstance, place: _Place | None) -> Sequence[int]:
    """Say which tries of *task* are to be read: that which was not read to its end, and those after it."""
    begin = 1
    if place is not None:
        attempt, token = place
        begin = attempt if token is not None else attempt + 1
    return range(begin, task.try_number + (0 if task.waits else 1))


def _token(place: _Place | None, attempt: int) -> str:
    return (place[1] or "") if place is not None and place[0] == attempt else ""


async def _read(
    api: AirflowApi, run: DagRun, task: TaskInstance, place: tuple[int, str]
) -> tuple[Sequence[str], str | None]:
    """Read one try as far as it goes; return its lines and the token to read on with, None at its end."""
    attempt, token = place
    path = run_path(run.dag_id, run.dag_run_id)
    try:
        answer = await api.log(path, task, attempt, token, LOG_LIMIT)
    except TargetNotFoundError:
        return [], None  # a try of which Airflow keeps nothing
    if answer.cut:
        return [f"{task.title}: the log of try {attempt} is too long to be shown here: see it in Airflow"], None
    chunk = decode(answer, LogChunk)
    lines = [f"{task.title}: {line}" for each in chunk.content if (line := api.http.clean(_line(each), 4000))]
    has_ended = task.has_ended or attempt < task.try_number
    return lines, None if has_ended and not lines else chunk.continuation_token


def _line(entry: Any) -> str:
    """Write one entry as people read it; what Airflow says of the log's own place, and its folds, are left out."""
    match entry:
        case str():
            return entry
        case {"event": str(event), "timestamp": str(moment)} if not event.startswith(("::group::", "::endgroup::")):
            level = str(entry.get("level") or "info").upper()
            return f"{moment} {level} {event}{_reason(entry.get('error_detail'))}"
        case _:
            return ""


def _reason(detail: Any) -> str:
    """Write the error that an entry carries, without its frames."""
    match detail:
        case [{"exc_type": str(kind), "exc_value": value}, *_]:
            return f": {kind}: {value}"
        case _:
            return ""


def _places(cursor: str | None) -> dict[str, _Place]:
    try:
        return msgspec.json.decode(cursor or "{}", type=dict[str, _Place])
    except msgspec.MsgspecError:
        return {}


def _cursor(places: dict[str, _Place]) -> str:
    return msgspec.json.encode(places, order="sorted").decode()


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
