"""Reading what clients ask of the fake Airflow: bodies and queries, refused in pydantic's words."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from aiohttp import web
from baton_fakes.airflow_runs import FakeDagRun, Standing
from baton_fakes.airflow_state import RefusalError

STATES = ("queued", "running", "success", "failed")
#: What no request gets more of than, whatever its ``limit`` says, and it is not told.
PAGE_LIMIT = 100
_DEFAULT_LIMIT = 50

#: What the middleware found of a request: who sent it, and its body's JSON.
USER = web.RequestKey("USER", str)
BODY: web.RequestKey[Any] = web.RequestKey("BODY", object)

Seen = tuple[FakeDagRun, Standing]
Rule = Callable[[Any], dict[str, Any] | None]

_ORDERS: Mapping[str, Callable[[Seen], Any]] = {
    "id": lambda seen: seen[0].number,
    "state": lambda seen: seen[1].state,
    "dag_id": lambda seen: seen[0].dag.dag_id,
    "run_id": lambda seen: seen[0].run_id,
    "dag_run_id": lambda seen: seen[0].run_id,
    "logical_date": lambda seen: seen[0].logical_date,
    "run_after": lambda seen: seen[0].run_after,
    "start_date": lambda seen: seen[1].start,
    "end_date": lambda seen: seen[1].end,
    "updated_at": lambda seen: _updated(*seen),
    "duration": lambda seen: None if seen[1].end is None or seen[1].start is None else seen[1].end - seen[1].start,
}


def _updated(run: FakeDagRun, standing: Standing) -> float:
    """Return when a run changed last: by a request, or by the scheduler."""
    return max(run.updated, standing.decided or 0.0)


def _is_text(value: Any) -> dict[str, Any] | None:
    if value is None or isinstance(value, str):
        return None
    return {"type": "string_type", "msg": "Input should be a valid string"}


def _is_object(value: Any) -> dict[str, Any] | None:
    if value is None or isinstance(value, dict):
        return None
    return {"type": "dict_type", "msg": "Input should be a valid dictionary"}


def _is_flag(value: Any) -> dict[str, Any] | None:
    if value in {True, False}:
        return None
    return {"type": "bool_type", "msg": "Input should be a valid boolean"}


def _is_moment(value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return {"type": "datetime_from_date_parsing", "msg": "Input should be a valid datetime or date"}
    if moment.tzinfo is None:
        return {"type": "timezone_aware", "msg": "Input should have timezone info"}
    return None


def _is_end(value: Any) -> dict[str, Any] | None:
    if value in {None, "queued", "success", "failed"}:
        return None
    expected = "'queued', 'success' or 'failed'"
    return {"type": "enum", "msg": f"Input should be {expected}", "ctx": {"expected": expected}}


def _anything(value: Any) -> None:
    return None


TRIGGER: Mapping[str, Rule] = {
    "dag_run_id": _is_text,
    "data_interval_start": _is_moment,
    "data_interval_end": _is_moment,
    "logical_date": _is_moment,
    "run_after": _is_moment,
    "conf": _is_object,
    "note": _is_text,
    "partition_key": _is_text,
}
PATCH: Mapping[str, Rule] = {"state": _is_end, "note": _is_text}
PATCH_DAG: Mapping[str, Rule] = {"is_paused": _is_flag}
CLEAR: Mapping[str, Rule] = {
    "dry_run": _is_flag,
    "only_failed": _is_flag,
    "only_new": _is_flag,
    "run_on_latest_version": _is_flag,
    "note": _is_text,
}
RUN_LIST: Mapping[str, Rule] = dict.fromkeys(
    ("order_by", "page_offset", "page_limit", "dag_ids", "states", "run_after_gte", "run_after_lte",
     "logical_date_gte", "logical_date_lte", "start_date_gte", "start_date_lte", "end_date_gte", "end_date_lte"),
    _anything,
)  # fmt: skip


async def read_json(request: web.Request) -> Any:
    """Read a body; what is no JSON is refused before anything else is looked at."""
    raw = await request.read()
    if not raw:
        return None
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        problem = "Expecting property name enclosed in double quotes"
        refusal = {
            "type": "json_invalid",
            "loc": ["body", 1],
            "msg": "JSON decode error",
            "input": {},
            "ctx": {"error": problem},
        }
        raise RefusalError(422, [refusal]) from None


def checked(body: Any, rules: Mapping[str, Rule], required: Sequence[str] = ()) -> dict[str, Any]:
    """Return a body that keeps *rules*: each field by name; no others are taken."""
    if body is None:
        raise RefusalError(422, [{"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}])
    if not isinstance(body, dict):
        message = "Input should be a valid dictionary or object to extract fields from"
        raise RefusalError(422, [{"type": "model_attributes_type", "loc": ["body"], "msg": message, "input": body}])
    found = [
        {"type": "missing", "loc": ["body", name], "msg": "Field required", "input": body}
        for name in required
        if name not in body
    ]
    for name, value in body.items():
        if name in rules and (problem := rules[name](value)):
            found.append(_located(problem, name, value))
    for name in body.keys() - rules.keys():
        problem = {"type": "extra_forbidden", "msg": "Extra inputs are not permitted"}
        found.append(_located(problem, name, body[name]))
    if found:
        raise RefusalError(422, found)
    return body


def _located(problem: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    context = {"ctx": problem["ctx"]} if "ctx" in problem else {}
    return {"type": problem["type"], "loc": ["body", name], "msg": problem["msg"], "input": value, **context}


def number(query: Mapping[str, str], name: str, default: int, *, where: str = "query") -> int:
    """Read a number that is not negative."""
    text = query.get(name)
    if text is None:
        return default
    problem = {"loc": [where, name], "input": text}
    if not re.fullmatch(r"[+-]?\d+", text):
        message = "Input should be a valid integer, unable to parse string as an integer"
        raise RefusalError(422, [{"type": "int_parsing", **problem, "msg": message}])
    if int(text) < 0:
        message = "Input should be greater than or equal to 0"
        raise RefusalError(422, [{"type": "greater_than_equal", **problem, "msg": message, "ctx": {"ge": 0}}])
    return int(text)


def window(query: Mapping[str, str]) -> tuple[int, int]:
    """Return offset and limit of a list; a limit that is too big is lowered in silence."""
    return number(query, "offset", 0), min(number(query, "limit", _DEFAULT_LIMIT), PAGE_LIMIT)


def named(runs: Iterable[FakeDagRun], query: Any) -> Iterable[FakeDagRun]:
    """Keep the runs whose ids a list's query asks for."""
    prefixes = tuple(_alternatives(query.get("run_id_prefix_pattern")))
    parts = [each.replace("%", "") for each in _alternatives(query.get("run_id_pattern"))]
    found = [run for run in runs if not prefixes or run.run_id.startswith(prefixes)]
    return [run for run in found if not parts or any(each in run.run_id for each in parts)]


def filtered(seen: Iterable[Seen], query: Any) -> list[Seen]:
    """Keep what the rest of a list's query asks for. Filters that Airflow does not know are not looked at, as there."""
    states = query.getall("state", [])
    if any(each not in STATES for each in states):
        raise RefusalError(422, f"Invalid value for state. Valid values are {', '.join(STATES)}")
    conf, since = query.get("conf_contains", ""), query.get("updated_at_gte")
    oldest = datetime.fromisoformat(since).timestamp() if since else 0.0
    return [
        (run, standing)
        for run, standing in seen
        if (not states or standing.state in states)
        and (not conf or conf in msgspec.json.encode(run.conf).decode())
        and _updated(run, standing) >= oldest
    ]


def _alternatives(pattern: str | None) -> list[str]:
    return [] if pattern is None else [each.strip() for each in pattern.split("|")]


def ordered(seen: list[Seen], orders: Sequence[str]) -> list[Seen]:
    """Sort by *orders*, each with a minus for downwards; equals by number, in the direction of the last of them."""
    found = sorted(seen, key=_ORDERS["id"], reverse=bool(orders) and orders[-1].startswith("-"))
    for order in reversed(orders):
        name = order.removeprefix("-")
        if name not in _ORDERS:
            raise RefusalError(
                400, f"Ordering with '{name}' is disallowed or the attribute does not exist on the model"
            )
        key = _ORDERS[name]
        known = sorted((each for each in found if key(each) is not None), key=key, reverse=order.startswith("-"))
        found = known + [each for each in found if key(each) is None]
    return found
