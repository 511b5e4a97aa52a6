"""
A fake Airflow, written from what 3.3.2 answered.

Runs of the DAG ``nap`` end by themselves after the seconds of ``conf``'s ``secs``, badly if its ``fail`` is ``yes``.
Beside Airflow's API and the controls that all fakes have (`baton_fakes.controls`) there are ``/_dags`` (POST one),
``/_tokens`` (DELETE: none counts any more) and ``/_tasks/DAG/RUN/TASK/STATE`` (POST).

    python -m baton_fakes.airflow --port 8080 --ledger /tmp/ledger.jsonl
"""

import argparse
import time
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from baton_fakes.airflow_dags import Declared
from baton_fakes.airflow_documents import (
    PAGE,
    answer_json,
    dag_details,
    dag_document,
    run_document,
    stamp,
    task_document,
)
from baton_fakes.airflow_logs import log_answer
from baton_fakes.airflow_people import PEOPLE, Answer, note_down
from baton_fakes.airflow_queries import (
    BODY,
    CLEAR,
    PATCH,
    PATCH_DAG,
    RUN_LIST,
    TRIGGER,
    USER,
    Seen,
    checked,
    filtered,
    named,
    ordered,
    read_json,
    window,
)
from baton_fakes.airflow_runs import FakeDagRun, cleared
from baton_fakes.airflow_state import AirflowState, RefusalError
from baton_fakes.controls import Controls, Handler, route_of

from baton_operator.engines.conformance import Ledger

_VERSION = {"version": "3.3.2", "git_version": ".release:aa19d2dbb9ed187ec01957a92848d9b005e9ba9d"}
_RUNS = "/api/v2/dags/{dag}/dagRuns"
_RUN = _RUNS + "/{run}"
_TASKS = _RUN + "/taskInstances"
#: What Airflow shows to anybody.
_OPEN = {"/api/v2/version", "/api/v2/monitor/health"}
_PAGE = '<!doctype html>\n<html lang="en"><title>Airflow</title><div id="root"></div></html>\n'
_MISSING = """ [type=missing, input_value={}, input_type=dict]
    For further information visit https://errors.pydantic.dev/2.14/v/missing"""
_NOT_ALL_ADMINS = "This method is only allowed if ``[core] simple_auth_manager_all_admins`` is True"


class FakeAirflow:
    """
    The server's state and endpoints; `app` makes an aiohttp application of it.

    Args:
        ledger: Where accepted runs are written down.
    """

    def __init__(self, ledger: Ledger | None = None) -> None:
        self.state = AirflowState(ledger)
        self._controls = Controls(self.state, self._work, route_of)
        self.faults, self.requests = self._controls.faults, self._controls.requests

    def app(self) -> web.Application:
        """Return the application; each call makes a new one over the same state."""
        app = self._controls.app()
        app.add_routes(
            [
                web.post("/auth/token", self._token),
                web.post("/auth/token/cli", self._token),
                web.get("/auth/token", _all_admins),
                web.get("/api/v2/version", _version),
                web.get("/api/v2/monitor/health", self._health),
                web.get("/api/v2/dags", self._dags),
                web.get("/api/v2/dags/{dag}", self._dag),
                web.patch("/api/v2/dags/{dag}", self._patch_dag),
                web.get("/api/v2/dags/{dag}/details", self._details),
                web.post(_RUNS, self._trigger),
                web.get(_RUNS, self._list),
                web.post(_RUNS + "/list", self._list_by_body),
                web.get(_RUN, self._get),
                web.patch(_RUN, self._patch),
                web.delete(_RUN, self._delete),
                web.post(_RUN + "/clear", self._clear),
                web.get(_TASKS, self._tasks),
                web.get(_TASKS + "/{task}/logs/{try_number}", self._logs),
                *[web.route(method, path, self._of_people(answer)) for method, path, answer in PEOPLE],
                web.post("/_dags", self._declare),
                web.delete("/_tokens", self._forget_tokens),
                web.post("/_tasks/{dag}/{run}/{task}/{state}", self._set_task),
                web.route("*", "/api/{tail:.*}", _no_route),
                web.get("/{tail:.*}", _user_interface),
            ]
        )
        return app

    async def _work(self, handler: Handler, request: web.Request) -> web.StreamResponse:
        try:
            await self._authorize(request)
            answer = await handler(request)
        except RefusalError as refusal:
            return answer_json(refusal.body, refusal.status)
        note_down(self.state, request)
        return answer

    async def _authorize(self, request: web.Request) -> None:
        """Do as FastAPI does: read the body's JSON, then look at the token, then at its role."""
        if not request.path.startswith("/api/v2/") or request.path in _OPEN or "tail" in request.match_info:
            return
        if request.can_read_body:
            request[BODY] = await read_json(request)
        request[USER], role = self.state.user(request.headers.get("Authorization", ""))
        reads = request.method == "GET" or request.path.endswith("/list")
        if role != "admin" and not reads:
            raise RefusalError(403, "Forbidden")

    async def _token(self, request: web.Request) -> web.StreamResponse:
        try:
            body = msgspec.json.decode(await request.read())
        except msgspec.DecodeError:
            return web.Response(status=500, text="Internal Server Error")
        for name in ("username", "password"):
            if name not in body:
                raise RefusalError(
                    422, f"1 validation error for LoginBody\n{name}\n  Field required{_MISSING.format(body)}"
                )
        return answer_json({"access_token": self.state.log_in(body)}, 201)

    async def _health(self, request: web.Request) -> web.StreamResponse:
        beat = stamp(time.time() - (0 if self.state.settings.healthy else 3600), self.state.settings.clock_skew)
        status = "healthy" if self.state.settings.healthy else "unhealthy"
        part = {"status": status}
        return answer_json(
            {
                "metadatabase": {"status": "healthy"},
                "scheduler": {**part, "latest_scheduler_heartbeat": beat},
                "triggerer": {"status": None, "latest_triggerer_heartbeat": None},
                "dag_processor": {**part, "latest_dag_processor_heartbeat": beat},
            }
        )

    async def _dags(self, request: web.Request) -> web.StreamResponse:
        offset, limit = window(request.query)
        dags = sorted(self.state.dags.values(), key=lambda dag: dag.dag_id)
        shown = [dag_document(dag) for dag in dags[offset : offset + limit]]
        return answer_json({"dags": shown, "total_entries": len(dags)})

    async def _dag(self, request: web.Request) -> web.StreamResponse:
        return answer_json(dag_document(self.state.dag(request.match_info["dag"])))

    async def _patch_dag(self, request: web.Request) -> web.StreamResponse:
        dag_id = request.match_info["dag"]
        if dag_id not in self.state.dags:
            raise RefusalError(404, f"Dag with id: {dag_id} was not found")
        body = checked(request.get(BODY), PATCH_DAG, ["is_paused"])
        self.state.dags[dag_id].pause(body["is_paused"], time.time())
        return answer_json(dag_document(self.state.dags[dag_id]))

    async def _details(self, request: web.Request) -> web.StreamResponse:
        dag, now = self.state.dag(request.match_info["dag"]), time.time()
        active = sum(run.at(now).state == "running" for run in self.state.seen(dag.dag_id, now))
        return answer_json(dag_details(dag, active))

    async def _trigger(self, request: web.Request) -> web.StreamResponse:
        body = checked(request.get(BODY), TRIGGER, ["logical_date"])
        run = self.state.trigger(request.match_info["dag"], body, request[USER])
        return self._show(run)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        moment = time.time() - self.state.settings.list_lag
        runs = named(self.state.seen(request.match_info["dag"], moment), request.query)
        offset, limit = window(request.query)
        wanted = filtered(((run, run.at(moment)) for run in runs), request.query)
        found = ordered(wanted, request.query.getall("order_by", []))
        if "cursor" in request.query:
            return self._page(found, request.query["cursor"], limit)
        return answer_json(
            {"dag_runs": self._shown(found[offset : offset + limit]), "total_entries": len(found), **PAGE}
        )

    def _page(self, found: list[Seen], cursor: str, limit: int) -> web.StreamResponse:
        """Answer one page of a list by cursor: behind the run whose number the cursor is."""
        behind = [each for each in found if not cursor or each[0].number > int(cursor)]
        shown = behind[:limit]
        more = str(shown[-1][0].number) if len(behind) > limit else None
        before = str(shown[0][0].number) if cursor and shown else None
        return answer_json(
            {
                "dag_runs": self._shown(shown),
                "total_entries": len(found),
                "total_entries_limit": 50000,
                "next_cursor": more,
                "previous_cursor": before,
            }
        )

    async def _list_by_body(self, request: web.Request) -> web.StreamResponse:
        """Answer a list whose query is in the body; it knows DAGs and states, and no run ids."""
        body, now = checked(request[BODY], RUN_LIST), time.time()
        states, dags = body.get("states"), body.get("dag_ids")
        found = [
            (run, run.at(now))
            for run in self.state.seen("~", now)
            if (not dags or run.dag.dag_id in dags) and (not states or run.at(now).state in states)
        ]
        offset, limit = body.get("page_offset", 0), min(body.get("page_limit", 100), 100)
        return answer_json(
            {"dag_runs": self._shown(found[offset : offset + limit]), "total_entries": len(found), **PAGE}
        )

    def _shown(self, seen: list[Seen]) -> list[dict[str, Any]]:
        return [run_document(run, standing, self.state.settings.clock_skew) for run, standing in seen]

    def _show(self, run: FakeDagRun) -> web.StreamResponse:
        return answer_json(run_document(run, run.at(time.time()), self.state.settings.clock_skew))

    def run(self, request: web.Request, *, words: str = "The DagRun") -> FakeDagRun:
        """Return the run that a request names."""
        return self.state.find(request.match_info["dag"], request.match_info["run"], words=words)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        return self._show(self.run(request))

    async def _patch(self, request: web.Request) -> web.StreamResponse:
        """Set state and note, whatever the state is: this is how a run is cancelled, and how one is falsified."""
        body, run = checked(request.get(BODY), PATCH), self.run(request)
        mask = request.query.getall("update_mask", []) or list(body)
        if "note" in body and "note" in mask:
            run.note = body["note"]
        if body.get("state") and "state" in mask:
            run.set_state(body["state"], time.time())
        return self._show(run)

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        self.state.delete(self.run(request))
        return web.Response(status=204, content_type="application/json")

    async def _clear(self, request: web.Request) -> web.StreamResponse:
        """Run again what failed, or all; a body that does not say otherwise only asks what that would be."""
        body, run, now = checked(request.get(BODY), CLEAR), self.run(request), time.time()
        only_failed = body.get("only_failed", False)
        if body.get("dry_run", True):
            named = cleared(run.at(now), only_failed=only_failed)
            shown = [task_document(run, task, self.state.settings.clock_skew) for task in named]
            return answer_json({"task_instances": shown, "total_entries": len(shown)})
        run.clear(now, only_failed=only_failed)
        if body.get("note") is not None:
            run.note = body["note"] or None
        return self._show(run)

    async def _tasks(self, request: web.Request) -> web.StreamResponse:
        run = self.run(request, words="DagRun")
        offset, limit = window(request.query)
        tasks, cursor = run.at(time.time()).tasks, request.query.get("cursor")
        begin = offset if cursor is None else int(cursor or 0)
        page, end = PAGE, begin + limit
        if cursor is not None:
            page = {**PAGE, "total_entries_limit": 50000, "next_cursor": str(end) if end < len(tasks) else None}
        shown = [task_document(run, each, self.state.settings.clock_skew) for each in tasks[begin:end]]
        return answer_json({"task_instances": shown, "total_entries": len(tasks), **page})

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        return log_answer(self.state, request)

    def _of_people(self, answer: Answer) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await answer(self.state, request)

        return handle

    async def _declare(self, request: web.Request) -> web.StreamResponse:
        self.state.declare(msgspec.convert(await request.json(), Declared))
        return answer_json({})

    async def _forget_tokens(self, request: web.Request) -> web.StreamResponse:
        self.state.forget_tokens()
        return answer_json({})

    async def _set_task(self, request: web.Request) -> web.StreamResponse:
        self.run(request).set_task(request.match_info["task"], request.match_info["state"], time.time())
        return answer_json({})


async def _all_admins(request: web.Request) -> web.StreamResponse:
    raise RefusalError(403, _NOT_ALL_ADMINS)


async def _version(request: web.Request) -> web.StreamResponse:
    return answer_json(_VERSION)


async def _no_route(request: web.Request) -> web.StreamResponse:
    if request.path.startswith("/api/v1/"):
        message = "/api/v1 has been removed in Airflow 3, please use its upgraded version /api/v2 instead."
        raise RefusalError(404, message, key="error")
    for resource in request.app.router.resources():
        _, methods = await resource.resolve(request)
        if methods and "*" not in methods and resource.canonical.startswith("/api/"):
            refusal = answer_json({"detail": "Method Not Allowed"}, 405)
            refusal.headers["Allow"] = max(methods - {"HEAD"})
            return refusal
    raise RefusalError(404, "API route not found", key="error")


async def _user_interface(request: web.Request) -> web.StreamResponse:
    """Answer any other path with the web page, as the server does: 200."""
    return web.Response(text=_PAGE, content_type="text/html")


def main() -> None:
    """Serve until terminated."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--ledger", type=Path, help="also written there, one JSON object a line")
    arguments = parser.parse_args()
    fake = FakeAirflow(Ledger(arguments.ledger))
    web.run_app(fake.app(), host=arguments.host, port=arguments.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
