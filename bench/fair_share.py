"""
Measures what a tenant who sends little notices of one who sends much: `make bench`, third part.

One namespace has 1,000 Runs waiting for an engine that takes 100 at a time. As soon as they travel, another namespace
sends single Runs to the same engine, each when the one before has ended. Shown is how long each took from its ``POST``
until it was sent on.

    .venv/bin/python bench/fair_share.py [--runs 1000] [--singles 5]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench import console, fake_argo, one_row, until
from rich.table import Table

from baton_operator.local import baton
from baton_operator.local.api_server import ApiServer
from baton_operator.local.progress import say_on_stderr
from baton_operator.local.scratch import scratch_home
from baton_operator.local.stack import Stack

CROWD, SINGLE = "crowd", "single"
#: Seconds from the user's request to the engine's, at most.
GOAL = 1.0
_PATH = "/apis/baton.dev/v1alpha1/namespaces/{namespace}/{kinds}"


def main() -> None:
    """Measure, print, and fail where a single Run had to wait longer than the goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000, help="Runs of the crowd (default 1000)")
    parser.add_argument("--singles", type=int, default=5, help="single Runs, one after the other (default 5)")
    options = parser.parse_args()
    with scratch_home(say_on_stderr) as home:
        endpoints = Stack(home, say_on_stderr).up()
        api_server = ApiServer(endpoints.kubeconfig)
        baton.install(api_server)
        baton.migrate(endpoints.database_url, say_on_stderr)
        replicas = [baton.Operator(home, api_server, endpoints.database_url, name=f"operator-{each}") for each in "ab"]
        for each in replicas:
            each.up()
        with fake_argo(home.folder("fake-argo")) as url:
            _define(api_server, url)
            took = asyncio.run(_measure(api_server, endpoints.database_url, options.runs, options.singles))
        for each in reversed(replicas):
            each.process.stop()
        Stack(home, say_on_stderr).down()
    table = Table(title=f"A single Run beside {options.runs} of another tenant, on one engine")
    table.add_column("waiting of the crowd", justify="right")
    table.add_column(f"POST until sent, s (≤ {GOAL})", justify="right")
    for waiting, seconds in took:
        table.add_row(str(waiting), f"{seconds:.2f}")
    console.print(table)
    sys.exit(int(max(seconds for _, seconds in took) > GOAL))


def _define(api_server: ApiServer, url: str) -> None:
    """Make both namespaces, the crowd's Engine that the single one may use, and an Automation in each."""
    for namespace in (CROWD, SINGLE):
        api_server.create_namespace(namespace)
    engine = {
        "type": "Argo",
        "url": url,
        "suspend": True,
        "limits": {"maxInFlight": 100, "requestsPerSecond": 1000, "burst": 1000},
        "tracking": {"interval": "1s"},
        "allowedNamespaces": {"selector": {"matchLabels": {"kubernetes.io/metadata.name": SINGLE}}},
    }
    automation = {
        "engineRef": {"name": "argo", "namespace": CROWD},
        "target": {"argo": {"workflowTemplate": "nap", "namespace": "argo"}},
        "arguments": {"secs": "1", "fail": "no"},
    }
    made: list[tuple[str, str, str, dict[str, Any]]] = [
        ("Engine", CROWD, "argo", engine),
        *(("Automation", namespace, "nap", automation) for namespace in (CROWD, SINGLE)),
    ]
    api_server.apply_objects(
        [
            {
                "apiVersion": "baton.dev/v1alpha1",
                "kind": kind,
                "metadata": {"namespace": namespace, "name": name},
                "spec": spec,
            }
            for kind, namespace, name, spec in made
        ]
    )


async def _measure(api_server: ApiServer, database_url: str, runs: int, singles: int) -> list[tuple[int, float]]:
    """Give, for each single Run, how many of the crowd were waiting and how long it took until it was sent."""
    for namespace in (CROWD, SINGLE):
        path = _PATH.format(namespace=namespace, kinds="automations") + "/nap"
        await until(lambda path=path: asyncio.to_thread(_is_ready, api_server, path), seconds=60)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: _create(api_server, CROWD, f"crowd-{number}"), range(runs)))
    await until(lambda: _are_waiting(database_url, runs), seconds=120)
    engine = _PATH.format(namespace=CROWD, kinds="engines") + "/argo"
    await asyncio.to_thread(api_server.request, "PATCH", engine, {"spec": {"suspend": False}})
    await until(lambda: _are_travelling(database_url, runs), seconds=60)
    took = []
    for number in range(singles):
        (waiting,) = await one_row(database_url, _WAITING, CROWD)
        begun = time.time()
        await asyncio.to_thread(_create, api_server, SINGLE, f"single-{number}")
        await until(lambda number=number: _is_sent(database_url, f"single-{number}"), seconds=60)
        (sent,) = await one_row(database_url, _SENT, f"single-{number}")
        took.append((int(waiting), float(sent) - begun))
        await until(lambda number=number: _has_ended(database_url, f"single-{number}"), seconds=60)
    return took


_WAITING = "SELECT count(*) FROM dispatch_attempt WHERE state = 'INTENT' AND tenant_id LIKE :name"
_SENT = """
SELECT extract(epoch FROM max(d.first_sent_at)) FROM run r LEFT JOIN dispatch_attempt d ON d.run_id = r.id
WHERE r.name LIKE :name
"""


async def _are_waiting(database_url: str, runs: int) -> bool:
    (waiting,) = await one_row(database_url, _WAITING, CROWD)
    return int(waiting) == runs


async def _are_travelling(database_url: str, runs: int) -> bool:
    return not await _are_waiting(database_url, runs)


async def _is_sent(database_url: str, name: str) -> bool:
    (sent,) = await one_row(database_url, _SENT, name)
    return sent is not None


async def _has_ended(database_url: str, name: str) -> bool:
    (finished,) = await one_row(database_url, "SELECT max(finished_at) FROM run WHERE name LIKE :name", name)
    return finished is not None


def _is_ready(api_server: ApiServer, path: str) -> bool:
    conditions = api_server.request("GET", path).get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _create(api_server: ApiServer, namespace: str, name: str) -> None:
    body = {
        "apiVersion": "baton.dev/v1alpha1",
        "kind": "Run",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"automationRef": {"name": "nap"}},
    }
    api_server.request("POST", _PATH.format(namespace=namespace, kinds="runs"), body)


if __name__ == "__main__":
    main()
