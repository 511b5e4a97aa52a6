"""The local Airflow itself: runs that really run, servers that come back, and nothing left behind."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from baton_operator.local.airflow import USER, VIEWER, Airflow
from baton_operator.local.identity import marked
from baton_operator.local.scratch import scratch_home

RUNS = "/api/v2/dags/{}/dagRuns"
DEADLINE = 180.0


@contextmanager
def client(airflow: Airflow, username: str = USER) -> Iterator[httpx.Client]:
    """Log in."""
    login = airflow.login(username)
    with httpx.Client(base_url=airflow.url, timeout=30, trust_env=False) as made:
        answer = made.post("/auth/token", json={"username": login.username, "password": login.password})
        made.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield made


@pytest.fixture
def people(airflow: Airflow) -> Iterator[httpx.Client]:
    """Somebody who may do everything, on the session's server."""
    with client(airflow) as made:
        yield made


def submit(people: httpx.Client, dag: str, attempt: int = 1, **conf: object) -> str:
    run = f"baton-{uuid.uuid4().hex}-a{attempt}"
    answer = people.post(RUNS.format(dag), json={"dag_run_id": run, "logical_date": None, "conf": conf})
    assert answer.status_code == 200, answer.text
    return f"{RUNS.format(dag)}/{run}"


def end_of(people: httpx.Client, run: str) -> str:
    """Wait until a run has ended, and give its state."""
    limit = time.monotonic() + DEADLINE
    while (state := people.get(run).json()["state"]) in {"queued", "running"}:
        assert time.monotonic() < limit, state
        time.sleep(0.2)
    return str(state)


def processes_of(folder: Path) -> list[str]:
    """Name the processes that were started from *folder*, by their environments."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (each / "environ").read_bytes():
                found.append((each / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # ended meanwhile, or somebody else's
            continue
    return found


def test_the_dags_of_the_examples_end_as_they_say(people: httpx.Client) -> None:
    """They sleep, fail and succeed by ``conf``, and one by the attempt that is in the run's name."""
    wanted = {
        submit(people, "nap", secs=0.1): "success",
        submit(people, "nap", secs=0.1, fail="yes"): "failed",
        submit(people, "hello", name="Ada"): "success",
        submit(people, "failing", message="disk is full on db-7"): "failed",
        submit(people, "flaky", fail_attempts=1): "failed",
        submit(people, "flaky", attempt=2, fail_attempts=1): "success",
        submit(people, "patch_host", host="eu-a1", version="6.8"): "success",
    }
    assert {run: end_of(people, run) for run in wanted} == wanted


def test_who_may_only_look_starts_nothing(airflow: Airflow) -> None:
    """The second name of the passwords file is a viewer's."""
    with client(airflow, VIEWER) as viewer:
        assert viewer.get("/api/v2/dags/nap").status_code == 200
        refused = viewer.post(RUNS.format("nap"), json={"dag_run_id": "not-mine", "logical_date": None})
        assert refused.status_code == 403


@pytest.fixture
def own() -> Iterator[Airflow]:
    """An Airflow of the test's own, which is not started yet."""
    with scratch_home(print) as home:
        yield Airflow(home, print, fsync=False)
    assert processes_of(home.path) == []
    assert not home.path.exists()


def test_what_was_killed_is_repaired_and_keeps_its_runs(own: Airflow) -> None:
    """Also the scheduler's workers, which outlive it, are gone before a new one starts; `down` leaves none."""
    url = own.up()
    with client(own) as people:
        run = submit(people, "nap", secs=600)
        names = [each for each in own.home.known() if each.startswith("airflow")]
        assert len(names) == 3
        for name in names:
            own.home.process(name).kill()
        assert any("LocalExecutor" in each for each in processes_of(own.home.path))
        left = [each for name in names for each in marked(own.home.process(name).folder)]
        assert own.up() == url
        assert people.get(run).json()["conf"] == {"secs": 600}
        assert not any(each.runs for each in left)
