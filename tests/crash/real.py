"""
The proof on engines as people run them: 200 Runs on Argo's or Airflow's own servers, and nothing is left in peace.

Meanwhile the operator is killed with -9 after each 0.2 to 3 seconds of readiness, and the engine's server is killed and
started again twice. At the end the engine's own list must be the database's, name by name, and `baton check` clean.

    make crash-real                                       both engines
    .venv/bin/python tests/crash/real.py --engines Argo --runs 50 --seed 7
"""

# ruff: noqa: T201 - its output is what it is for

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "fakes"))

import aiohttp  # noqa: E402 - the fakes are no installed package
from baton_crash.in_play import reached, write_secret  # noqa: E402
from baton_crash.play import SETTLED  # noqa: E402
from baton_spine.stage import Stage, shown  # noqa: E402
from baton_spine.theatre import theatre  # noqa: E402

from baton_operator.local.airflow import Airflow  # noqa: E402
from baton_operator.local.api_server import ApiServer  # noqa: E402
from baton_operator.local.argo import Argo  # noqa: E402
from baton_operator.local.home import Home  # noqa: E402
from baton_operator.local.kubernetes import ControlPlane  # noqa: E402
from baton_operator.local.postgres import Postgres  # noqa: E402
from baton_operator.local.progress import say_on_stderr  # noqa: E402
from baton_operator.local.scratch import scratch_home  # noqa: E402

PATIENCE = 900.0


class Real(Protocol):
    """An engine's own servers."""

    def open(self, stage: Stage) -> dict[str, Any]:
        """Make the Engine ``engine``; give target and arguments of work."""

    def names(self, stage: Stage) -> list[str]:
        """Ask the engine itself for the names of all it has ever executed here."""

    def restart(self) -> None:
        """Kill the server that Baton speaks to, and start it again."""


class RealArgo:
    """Argo's server and controller, with workflows that wait for a second."""

    def __init__(self, home: Home, server: ApiServer) -> None:
        self._argo = Argo(home, server, say_on_stderr)
        self._home = home
        self.url = self._argo.up()

    def open(self, stage: Stage) -> dict[str, Any]:
        """Make the template and the Engine."""
        template = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "WorkflowTemplate",
            "metadata": {"name": "wait"},
            "spec": {"entrypoint": "wait", "templates": [{"name": "wait", "suspend": {"duration": "1s"}}]},
        }
        stage.server.request(
            "POST", f"/apis/argoproj.io/v1alpha1/namespaces/{stage.namespace}/workflowtemplates", template
        )
        stage.engine_argo("engine", url=self.url)
        return {"target": {"argo": {"workflowTemplate": "wait"}}}

    def names(self, stage: Stage) -> list[str]:
        """List the Workflow objects."""
        path = f"/apis/argoproj.io/v1alpha1/namespaces/{stage.namespace}/workflows"
        return [each["metadata"]["name"] for each in stage.server.request("GET", path)["items"]]

    def restart(self) -> None:
        """Kill the server; its controller and the workflows go on."""
        self._home.process("argo-server").kill()
        self._argo.up()


class RealAirflow:
    """Airflow's api-server, scheduler and DAG processor, with a DAG that needs no process."""

    def __init__(self, home: Home) -> None:
        self._airflow = Airflow(home, say_on_stderr, ROOT / "tests" / "crash" / "dags")
        self._home = home
        self.url = self._airflow.up()

    def open(self, stage: Stage) -> dict[str, Any]:
        """Make the Secret and the Engine; have the DAG run what it is given."""
        login = self._airflow.login()
        write_secret(stage, {"username": login.username, "password": login.password})
        self._ask("PATCH", "/api/v2/dags/instant", {"is_paused": False})
        stage.create("Engine", "engine", reached("Airflow", self.url))
        return {"target": {"airflow": {"dag": "instant"}}}

    def names(self, stage: Stage) -> list[str]:
        """List all runs of the DAG, page by page."""
        found: list[str] = []
        while True:
            query = f"limit=100&offset={len(found)}&order_by=id"
            page = self._ask("GET", f"/api/v2/dags/instant/dagRuns?{query}")["dag_runs"]
            found += [each["dag_run_id"] for each in page]
            if not page:
                return found

    def restart(self) -> None:
        """Kill the api-server; the scheduler goes on."""
        self._home.process("airflow-api-server").kill()
        self._airflow.up()

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        login = self._airflow.login()
        token = ask("POST", f"{self.url}/auth/token", {"username": login.username, "password": login.password})
        return ask(method, self.url + path, body, {"Authorization": f"Bearer {token['access_token']}"})


def ask(method: str, url: str, body: object = None, headers: dict[str, str] | None = None) -> Any:
    """Send one request as its user would."""

    async def once() -> Any:
        async with aiohttp.ClientSession(headers=headers) as session, session.request(method, url, json=body) as answer:
            answer.raise_for_status()
            return await answer.json()

    return asyncio.run(once())


@contextmanager
def real(name: str, home: Home, server: ApiServer) -> Iterator[Real]:
    """Start an engine's own servers."""
    yield RealArgo(home, server) if name == "Argo" else RealAirflow(home)


def torment(stage: Stage, engine: Real, runs: int, seed: int) -> int:
    """Apply all Runs, and kill until all have ended; give the number of kills."""
    moments = random.Random(seed)  # noqa: S311 - repeatable, not secret
    work = engine.open(stage)
    stage.create("Automation", "work", {"engineRef": {"name": "engine"}, **work})
    kills, restarts, applied, begun = 0, 0, 0, time.monotonic()
    while True:
        victim = stage.operator().wait_ready()
        for number in range(applied, min(applied + max(1, runs // 8), runs)):
            stage.run(f"work-{number}", "work")
            applied += 1
        if restarts < 2 and applied >= runs * (restarts + 1) // 3:
            engine.restart()
            restarts += 1
        time.sleep(moments.uniform(0.2, 3.0))
        ended = sum(status.get("phase") in {"Succeeded", "Failed"} for status in stage.runs().values())
        print(f"  {applied} Runs applied, {ended} ended, {kills} kills, {time.monotonic() - begun:.0f} s", flush=True)
        if ended == runs and restarts == 2:
            return kills
        if time.monotonic() - begun > PATIENCE:
            raise AssertionError(f"not all Runs ended within {PATIENCE:.0f} s\n{stage.account()}")
        victim.kill()
        kills += 1


def judge(stage: Stage, engine: Real, runs: int) -> list[str]:
    """Compare the engine's own list with the database and with what was wanted."""
    wrong = [f"{name}: {shown(status)}" for name, status in stage.runs().items() if shown(status)[0] != "Succeeded"]
    listed = engine.names(stage)
    stored = [str(token) for (token,) in stage.rows("SELECT token FROM dispatch_attempt ORDER BY token")]
    if sorted(listed) != stored:
        only = sorted(set(listed) ^ set(stored))
        wrong.append(
            f"the engine lists {len(listed)} executions, the database {len(stored)}; they differ in {only[:5]}"
        )
    if len(stored) != runs:
        wrong.append(f"{len(stored)} attempts for {runs} Runs")
    stage.check(SETTLED, books=list)
    return wrong


def main() -> int:
    """Torment each engine, print what was seen, and say by the exit status whether all was right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default="Argo,Airflow", help="which engines, by their types")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20261121, help="of the moments of death")
    options = parser.parse_args()
    wrong = 0
    with ExitStack() as ends:
        home = ends.enter_context(scratch_home(say_on_stderr))
        server = ControlPlane(home, say_on_stderr, fsync=False).up()
        stages = ends.enter_context(theatre(server, Postgres(home, 18, fsync=False).up()))
        for name in options.engines.split(","):
            stage = stages.stage()
            with real(name, home, server) as engine:
                kills = torment(stage, engine, options.runs, options.seed)
                found = judge(stage, engine, options.runs)
            for each in found:
                print(f"  {each}")
            wrong += len(found)
            verdict = "its list is not the database's" if found else "its own list is the database's, name by name"
            print(f"{name}: {options.runs} Runs, {kills} kills of the operator, 2 of the server: {verdict}", flush=True)
            stages.strike(stage)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
