"""The fake Airflow and the real one, asked the same: statuses, headers and bodies are the same, request by request."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from baton_fakes.airflow import FakeAirflow

from baton_operator.engines.conformance import serving_in_thread
from baton_operator.local.airflow import USER, VIEWER, Airflow, Login

RUNS = "/api/v2/dags/nap/dagRuns"
ENDED = ("success", "failed")
DEADLINE = 120.0
#: Of an answer, these are compared by their values, all else by its type: times and ids have their own.
WORDS = {
    *("state", "conf", "note", "dag_id", "dag_run_id", "task_id", "run_id", "logical_date", "run_type", "triggered_by"),
    *("try_number", "max_tries", "map_index", "total_entries", "is_paused", "schema", "version", "next_cursor"),
    *("total_entries_limit", "error", "data_interval_start", "timetable_description", "pool", "operator"),
}
#: Of a log, whose lines are the program's own, only what stands before them.
LOG_LINES = 3


@dataclass
class Site:
    """
    One of the two servers.

    Attributes:
        url: Where it is.
        people: Who may do everything, and who may only look.
        mark: Begins the ids of this site's runs, so that lists show no others; the same length on both.
        answers: What it answered so far, ready to be compared.
    """

    url: str
    people: Mapping[str, Login]
    mark: str = field(default_factory=lambda: f"baton-{uuid.uuid4().hex}-")
    answers: list[tuple[str, int, str, bool, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        # A connection for each request: after an error of its own the server closes it on us.
        close = {"Connection": "close", "Content-Type": "application/json"}
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=30, headers=close)
        self.tokens = {who: self.log_in(login) for who, login in self.people.items()}

    def log_in(self, login: Login) -> str:
        """Give a token."""
        body = {"username": login.username, "password": login.password}
        return str(self.client.post("/auth/token", json=body).json()["access_token"])

    def ask(self, method: str, path: str, body: Any = None, *, who: str = USER, **headers: str) -> httpx.Response:
        """Ask, and keep the answer for the comparison."""
        path = path.replace("MARK-", self.mark)
        if who in self.tokens:
            headers["Authorization"] = f"Bearer {self.tokens[who]}"
        sent = {"content": body} if isinstance(body, bytes) else {} if body is None else {"json": self._marked(body)}
        answer = self.client.request(method, path, headers=headers, **sent)
        told = answer.headers.get("Content-Type", ""), "Allow" in answer.headers
        label = f"{len(self.answers)} {method} {path.replace(self.mark, 'MARK-')}"
        self.answers.append((label, answer.status_code, *told, self.shape(answer)))
        return answer

    def _marked(self, body: Any) -> Any:
        if isinstance(body, dict) and str(body.get("dag_run_id", "")).startswith("MARK-"):
            return {**body, "dag_run_id": body["dag_run_id"].replace("MARK-", self.mark)}
        return body

    def until(self, run: str, *states: str) -> None:
        """Wait until a run, and all its tasks, are in one of *states*."""
        limit = time.monotonic() + DEADLINE
        path = f"{RUNS}/{self.mark}{run}"
        headers = {"Authorization": f"Bearer {self.tokens[USER]}"}
        while True:
            seen = [self.client.get(path, headers=headers).json()["state"]]
            tasks = self.client.get(f"{path}/taskInstances", headers=headers).json()["task_instances"]
            seen += [each["state"] for each in tasks]
            if all(each in states for each in seen):
                return
            assert time.monotonic() < limit, seen
            time.sleep(0.1)

    def shape(self, answer: httpx.Response) -> Any:
        """Reduce a body to what must be the same on both sites."""
        if "json" not in answer.headers.get("Content-Type", "") or not answer.content:
            return len(answer.content) > 0
        text = re.sub(r"look for ID \w{8}", "", answer.text.replace(self.mark, "MARK-"))
        text = re.sub(r"in schema:.*?On instance", "", text)  # its keys come in the database's order
        text = re.sub(r"manual__[\d:.T+-]+", "manual", text)
        if "ndjson" in answer.headers["Content-Type"]:
            return len(text.splitlines()) >= LOG_LINES
        return _shape(httpx.Response(200, text=text).json(), whole=answer.is_error)


def _shape(document: Any, *, whole: bool, name: str = "") -> Any:
    if whole or name in WORDS:
        return document
    if isinstance(document, dict):
        return {key: _shape(value, whole=whole, name=key) for key, value in document.items()}
    if name == "content":
        return [_shape(each, whole=whole) for each in document[:LOG_LINES]]
    if isinstance(document, list):
        return [_shape(each, whole=whole) for each in document]
    if isinstance(document, float | int) and not isinstance(document, bool):
        return "number"
    return type(document).__name__


@pytest.fixture
def sites(airflow: Airflow) -> Iterator[tuple[Site, Site]]:
    """A fake, and the real one."""
    fake = FakeAirflow()
    people = {USER: Login("admin", "admin"), VIEWER: Login("viewer", "viewer")}
    with serving_in_thread(fake.app()) as url:
        both = (Site(url, people), Site(airflow.url, {who: airflow.login(who) for who in (USER, VIEWER)}))
        yield both
        for each in both:
            each.client.close()


def compare(sites: tuple[Site, Site]) -> list[str]:
    """Say in which answers the two differ."""
    fake, real = (each.answers for each in sites)
    assert [each[0] for each in fake] == [each[0] for each in real]
    pairs = zip(fake, real, strict=True)
    return [f"{a[0]}{each}" for a, b in pairs if a != b for each in differences(list(a[1:]), list(b[1:]))]


def differences(fake: Any, real: Any, path: str = "") -> Iterator[str]:
    """Name the places at which two answers differ."""
    if isinstance(fake, dict) and isinstance(real, dict):
        for name in sorted(fake.keys() | real.keys()):
            yield from differences(fake.get(name, "nothing"), real.get(name, "nothing"), f"{path}.{name}")
    elif isinstance(fake, list) and isinstance(real, list) and len(fake) == len(real):
        for number, (one, other) in enumerate(zip(fake, real, strict=True)):
            yield from differences(one, other, f"{path}[{number}]")
    elif fake != real:
        yield f"{path}: the fake says {fake!r}, Airflow {real!r}"


def test_credentials_are_judged_alike(sites: tuple[Site, Site]) -> None:
    """Who asks, before what is asked; only a body that is no JSON comes first."""
    for site in sites:
        site.ask("GET", "/api/v2/version", who="nobody")
        site.ask("POST", "/auth/token", {"username": "nobody", "password": "x"}, who="nobody")
        site.ask("POST", "/auth/token", {"username": "nobody"}, who="nobody")
        site.ask("POST", "/auth/token", b"{", who="nobody")
        site.ask("GET", "/auth/token", who="nobody")
        for path in ("/api/v2/dags", f"{RUNS}/MARK-1"):
            site.ask("GET", path, who="nobody")
            site.ask("GET", path, who="forger", Authorization="Bearer no.such.token")
            site.ask("GET", path, who="forger", Authorization="Basic YTpi")
        site.ask("POST", RUNS, {"dag_run_id": "MARK-1", "logical_date": None}, who=VIEWER)
        site.ask("PATCH", f"{RUNS}/MARK-1", {"state": "failed"}, who=VIEWER)
        site.ask("POST", RUNS, {}, who=VIEWER)
        site.ask("POST", RUNS, b"{", who="nobody")
        site.ask("GET", "/api/v2/dags/nap", who=VIEWER)
    assert compare(sites) == []


def test_what_is_wrong_is_refused_in_the_same_words(sites: tuple[Site, Site]) -> None:
    """Bodies, queries, names, methods and places."""
    for site in sites:
        for body in (
            *({}, [1], {"x": 1}, {"dag_run_id": 5, "logical_date": None}, {"logical_date": "2026-01-01T00:00:00"}),
            {"dag_run_id": "a/b", "logical_date": None},
            {"dag_run_id": "MARK-0", "logical_date": None, "conf": [1]},
            {"dag_run_id": "MARK-0", "logical_date": None, "note": 5},
            {"dag_run_id": "MARK-0", "logical_date": None, "conf": {"secs": "x"}},
            {"dag_run_id": "MARK-0", "logical_date": None, "conf": {"fail": "maybe"}},
        ):
            site.ask("POST", RUNS, body)
        site.ask("POST", RUNS.replace("nap", "nope"), {"dag_run_id": "MARK-0", "logical_date": None})
        for query in ("limit=-1", "limit=x", "offset=-1", "order_by=x", "state=x"):
            site.ask("GET", f"{RUNS}?{query}")
        for path in ("nope", "nope/details", "nope/dagRuns", "nope/dagRuns/x", "nap/dagRuns/MARK-0"):
            site.ask("GET", f"/api/v2/dags/{path}")
        for path in ("taskInstances", "taskInstances/wait", "taskInstances/wait/logs/1", "wait?interval=1"):
            site.ask("GET", f"{RUNS}/MARK-0/{path}")
        site.ask("PATCH", "/api/v2/dags/nope", {"is_paused": True})
        site.ask("PATCH", "/api/v2/dags/nap", {})
        site.ask("PATCH", f"{RUNS}/MARK-0", {"state": "failed"})
        site.ask("POST", f"{RUNS}/MARK-0/clear", {"dry_run": False})
        site.ask("DELETE", f"{RUNS}/MARK-0")
        site.ask("PUT", RUNS, {})
        site.ask("GET", "/api/v2/nope", who="nobody")
        site.ask("GET", "/api/v1/dags", who="nobody")
        site.ask("GET", "/anything", who="nobody")
    assert compare(sites) == []


def test_a_run_that_is_ended_by_hand_looks_the_same(sites: tuple[Site, Site]) -> None:
    """In the queue and while it runs, then again, cleared, succeeded by hand and falsified, and deleted."""
    for site in sites:
        for number in (1, 2):  # the second waits in the queue
            body = {"dag_run_id": f"MARK-{number}", "logical_date": None, "conf": {"secs": 600}, "note": "hm"}
            body |= {"run_after": "2099-01-01T00:00:00Z"} if number == 2 else {}
            site.ask("POST", RUNS, body)
            site.ask("POST", RUNS, body)
        run, queued = f"{RUNS}/MARK-1", f"{RUNS}/MARK-2"
        site.ask("PATCH", queued, {"state": "failed", "note": "enough"})
        site.ask("GET", f"{queued}/taskInstances")
        site.ask("POST", f"{queued}/clear", {"dry_run": False, "only_failed": True})
        site.until("1", "running")
        time.sleep(1.0)  # the real scheduler decides once more
        site.ask("GET", run)
        site.ask("DELETE", run)
        for body in ({"state": "running"}, {"state": "x"}, {"x": 1}, {"state": "failed"}, {"state": "failed"}, {}):
            site.ask("PATCH", run, body)
        site.ask("PATCH", f"{run}?update_mask=note", {"state": "success", "note": "only this"})
        site.ask("GET", f"{run}/taskInstances")
        site.ask("POST", f"{run}/clear", {})
        site.ask("POST", f"{run}/clear", {"only_failed": True})
        site.ask("POST", f"{run}/clear", {"dry_run": False, "only_failed": True})
        for state in ("failed", "success", "failed"):
            site.ask("PATCH", run, {"state": state})
            site.ask("GET", f"{run}/taskInstances")
        site.ask("DELETE", run)
        site.ask("GET", run)
    assert compare(sites) == []


def test_a_run_that_ends_by_itself_looks_the_same(sites: tuple[Site, Site]) -> None:
    """Well and badly; its tasks, tries and logs, and again after it was cleared."""
    for site in sites:
        for number, fail in ((1, "no"), (2, "yes")):
            conf = {"secs": 0.1, "fail": fail, "beside": {"deep": [1, None]}}
            site.ask("POST", RUNS, {"dag_run_id": f"MARK-{number}", "logical_date": None, "conf": conf})
        for number in (1, 2):
            site.until(str(number), *ENDED)
            run = f"{RUNS}/MARK-{number}"
            for path in ("", "/taskInstances", "/taskInstances/wait", "/taskInstances/wait/tries"):
                site.ask("GET", run + path)
            log = f"{run}/taskInstances/wait/logs/"
            for path in ("1", "2", "x", "1?map_index=3", "1?token=abc"):
                site.ask("GET", log + path)
            site.ask("GET", log + "1", Accept="text/plain")
            site.ask("GET", log + "1", Accept="application/x-ndjson")
        site.ask("POST", f"{RUNS}/MARK-1/clear", {"dry_run": False, "only_failed": True})
        site.ask("POST", f"{RUNS}/MARK-2/clear", {"dry_run": False, "only_failed": True})
        site.until("2", *ENDED)
        for path in ("", "/taskInstances", "/taskInstances/wait/tries", "/taskInstances/wait/logs/2"):
            site.ask("GET", f"{RUNS}/MARK-2{path}")
    assert compare(sites) == []


def test_lists_are_the_same(sites: tuple[Site, Site]) -> None:
    """By prefix and several of them, by state, in order, by pages, and below one DAG and all; capped in silence."""
    for site in sites:
        for number in range(105):
            body = {"dag_run_id": f"MARK-{number:03}", "logical_date": None, "run_after": "2099-01-01T00:00:00Z"}
            site.ask("POST", RUNS, body)
        site.ask("PATCH", f"{RUNS}/MARK-003", {"state": "failed"})
        for query in (
            *("limit=3", "limit=0", "limit=3&offset=103", "limit=1000", "limit=2&order_by=-dag_run_id"),
            *("state=failed", "state=failed&state=success", "state=running", "order_by=-run_after&limit=1"),
        ):
            site.ask("GET", f"/api/v2/dags/~/dagRuns?run_id_prefix_pattern=MARK-&{query}")
        both = "run_id_prefix_pattern=MARK-001|MARK-103|MARK-x"
        for query in (
            both,
            "run_id_prefix_pattern=MARK-01",
            "run_id_pattern=MARK-104",
            "run_id_prefix_pattern=nobody-",
        ):
            site.ask("GET", f"{RUNS}?{query}")
        for number in range(105):
            site.ask("DELETE", f"{RUNS}/MARK-{number:03}")
    assert compare(sites) == []


def test_dags_and_health_look_the_same(sites: tuple[Site, Site]) -> None:
    """With their parameters; paused and going on."""
    for site in sites:
        site.ask("GET", "/api/v2/monitor/health", who="nobody")
        for body in ({"is_paused": True}, {"is_paused": False}):
            site.ask("PATCH", "/api/v2/dags/nap", body)
        site.ask("GET", "/api/v2/dags/nap")
        site.ask("GET", "/api/v2/dags/nap/details")
        site.ask("GET", "/api/v2/importErrors")
    assert compare(sites) == []
