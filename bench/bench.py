"""
Measure a whole Baton: two replicas, 1,000 Runs at once, on Embedded and then on the fake Argo.

Everything is real but the engine of the second part: kube-apiserver and etcd, PostgreSQL (both waiting for the disk),
two operators with the chart's rights. The figures are counts, and ratios within one run; times depend on the machine.

    make bench                                     1,000 Runs on each engine
    .venv/bin/python bench/bench.py --runs 200     fewer
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from baton_models.database import DatabaseConfig
from baton_operator.invariants.checker import check_invariants
from baton_operator.kube.connection import Connection
from baton_operator.local import baton
from baton_operator.local.api_server import ApiServer
from baton_operator.local.ports import pick_free
from baton_operator.local.scratch import scratch_home
from baton_operator.local.stack import Stack

FAKES = Path(__file__).resolve().parent.parent / "tests" / "fakes"
NAMESPACE = "bench"
LIMITS = {"maxInFlight": 1000, "requestsPerSecond": 1000, "burst": 1000}
GOALS = {"API writes": 3.0, "SQL statements": 2.0, "engine requests": 1.1}
WRITES = {"POST", "PUT", "PATCH", "DELETE", "APPLY"}
console = Console(width=None if sys.stdout.isatty() else 120)


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted from outside, or by the drivers of all replicas, up to one moment."""

    writes: float
    statements: float
    commits: float
    requests: float

    def since(self, before: "Counts", runs: int) -> dict[str, float]:
        """Give the differences, divided by the number of Runs."""
        return {
            "API writes": (self.writes - before.writes) / runs,
            "SQL statements": (self.statements - before.statements) / runs,
            "commits": (self.commits - before.commits) / runs,
            "engine requests": (self.requests - before.requests) / runs,
        }


@dataclass(frozen=True, slots=True)
class Bench:
    """The servers under measurement."""

    api_server: ApiServer
    replicas: tuple[baton.Operator, ...]
    database_url: str

    def counts(self, engine_requests: Callable[[], float]) -> Counts:
        """Read all counters."""
        metrics = self.api_server.request("GET", "/metrics")
        mine = [_metrics(f"http://127.0.0.1:{each.process.port('http')}/metrics") for each in self.replicas]
        return Counts(
            writes=_writes(metrics),
            statements=sum(_total(text, "baton_db_statements") for text in mine),
            commits=sum(_total(text, "baton_db_commits") for text in mine),
            requests=engine_requests(),
        )


def main() -> None:
    """Run both parts, print their table, and fail where a count misses its goal or an invariant is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000, help="Runs on each engine (default 1000)")
    options = parser.parse_args()
    with scratch_home(console.print) as home:
        endpoints = Stack(home, console.print).up()
        api_server = ApiServer(endpoints.kubeconfig)
        baton.install(api_server)
        baton.migrate(endpoints.database_url, console.print)
        api_server.create_namespace(NAMESPACE)
        replicas = tuple(
            baton.Operator(home, api_server, endpoints.database_url, name=f"operator-{letter}") for letter in "ab"
        )
        for each in replicas:
            each.up()
        bench = Bench(api_server, replicas, endpoints.database_url)
        rows = [asyncio.run(_measure(bench, "Embedded", options.runs, None))]
        with fake_argo(home.folder("fake-argo")) as url:
            rows.append(asyncio.run(_measure(bench, "Argo (fake)", options.runs, url)))
        for each in reversed(replicas):
            each.process.stop()
        Stack(home, console.print).down()
    sys.exit(_report(rows, options.runs))


async def _measure(bench: Bench, name: str, runs: int, argo: str | None) -> dict[str, Any]:
    prefix = "argo" if argo else "embedded"
    engine_requests = (lambda: _argo_requests(argo)) if argo else (lambda: 0.0)
    bench.api_server.apply_objects(_definitions(prefix, argo))
    await _until_ready(bench.api_server, prefix)
    before = bench.counts(engine_requests)
    begun = time.monotonic()
    await _create(bench, prefix, runs)
    created = time.monotonic() - begun
    await _until_finished(bench.database_url, prefix, runs)
    finished = time.monotonic() - begun
    await _until_shown(bench.database_url)
    figures = bench.counts(engine_requests).since(before, runs)
    database = DatabaseConfig(bench.database_url)
    violations = await check_invariants(database)
    for violation in violations:
        console.print(f"[red]{violation}[/red]")
    dispatched = await _dispatch_seconds(bench.database_url, prefix)
    await database.dispose_async_engine()
    return {
        "engine": name,
        "created/s": runs / created,
        "dispatched/s": runs / dispatched,
        "whole life Runs/s": runs / finished,
        "violations": len(violations),
        "checked": bool(argo),
        **figures,
    }


def _definitions(prefix: str, argo: str | None) -> list[dict[str, Any]]:
    meta = {"namespace": NAMESPACE}
    spec: dict[str, Any] = {"limits": LIMITS, "tracking": {"interval": "2s"}}
    spec |= {"type": "Argo", "url": argo} if argo else {"type": "Embedded"}
    target = {"argo": {"workflowTemplate": "nap", "namespace": "argo"}} if argo else {"embedded": {"task": "demo.noop"}}
    automation: dict[str, Any] = {"engineRef": {"name": prefix}, "target": target}
    if argo:
        automation["arguments"] = {"secs": "1", "fail": "no"}
    kinds = (("Engine", spec), ("Automation", automation))
    return [
        {"apiVersion": "baton.dev/v1alpha1", "kind": kind, "metadata": {**meta, "name": prefix}, "spec": body}
        for kind, body in kinds
    ]


async def _create(bench: Bench, prefix: str, runs: int) -> None:
    """Create all Runs as fast as the API server takes them, 32 at a time."""
    connection = Connection.from_kubeconfig(bench.api_server.path)
    path = f"{connection.server}/apis/baton.dev/v1alpha1/namespaces/{NAMESPACE}/runs"
    gate = asyncio.Semaphore(32)

    async def one(session: aiohttp.ClientSession, number: int) -> None:
        body = {
            "apiVersion": "baton.dev/v1alpha1",
            "kind": "Run",
            "metadata": {"name": f"{prefix}-{number}", "namespace": NAMESPACE},
            "spec": {"automationRef": {"name": prefix}},
        }
        async with gate, session.post(path, json=body) as answer:
            answer.raise_for_status()

    async with connection.session() as session:
        await asyncio.gather(*(one(session, number) for number in range(runs)))


async def _until_ready(api_server: ApiServer, prefix: str) -> None:
    def is_ready() -> bool:
        path = f"/apis/baton.dev/v1alpha1/namespaces/{NAMESPACE}/automations/{prefix}"
        conditions = api_server.request("GET", path).get("status", {}).get("conditions", [])
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    await until(lambda: asyncio.to_thread(is_ready), seconds=60)


async def _until_finished(database_url: str, prefix: str, runs: int) -> None:
    async def all_finished() -> bool:
        (done,) = await one_row(
            database_url, "SELECT count(*) FROM run WHERE finished_at IS NOT NULL AND name LIKE :name", prefix
        )
        return int(done) == runs

    await until(all_finished, seconds=600)


async def _until_shown(database_url: str) -> None:
    async def nothing_due() -> bool:
        (due,) = await one_row(
            database_url, "SELECT count(*) FROM run WHERE project_at IS NOT NULL AND name LIKE :name", ""
        )
        return int(due) == 0

    await until(nothing_due, seconds=120)


async def _dispatch_seconds(database_url: str, prefix: str) -> float:
    (seconds,) = await one_row(
        database_url,
        "SELECT extract(epoch FROM max(o.attached_at) - min(r.created_at)) FROM run r "
        "JOIN run_orchestration o ON o.run_id = r.id WHERE r.name LIKE :name",
        prefix,
    )
    return max(float(seconds), 0.001)


async def one_row(database_url: str, statement: str, prefix: str) -> Any:
    """Read one row of what belongs to names with *prefix* (``:name``)."""
    database = DatabaseConfig(database_url)
    async with database.get_async_session() as session:
        row = (await session.execute(text(statement), {"name": f"{prefix}%"})).one()
    await database.dispose_async_engine()
    return row


async def until(condition: Callable[[], Any], *, seconds: float) -> None:
    """Wait until *condition* holds, or exit."""
    deadline = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"still waiting after {seconds:.0f} s")
        await asyncio.sleep(0.25)


@contextmanager
def fake_argo(folder: Path) -> Iterator[str]:
    """Run the fake Argo as a process of its own; give its address."""
    folder.mkdir(parents=True, exist_ok=True)
    port = pick_free()
    process = subprocess.Popen(
        [sys.executable, "-m", "baton_fakes.argo", "--port", str(port), "--ledger", str(folder / "ledger.jsonl")],
        cwd=FAKES,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(100):
            try:
                _metrics(f"{url}/_requests")
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        process.kill()  # it streams, and would wait for whoever listens
        process.wait(10)


def _argo_requests(url: str) -> float:
    return float(sum(json.loads(_metrics(f"{url}/_requests")).values()))


def _metrics(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def _total(metrics: str, name: str) -> float:
    return sum(
        sample.value
        for family in text_string_to_metric_families(metrics)
        if family.name == name
        for sample in family.samples
        if sample.name == f"{name}_total"
    )


def _writes(metrics: str) -> float:
    """Add up the API server's own count of writes to our kinds and to Events, the users' creates included."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(metrics)
        if family.name == "apiserver_request"
        for sample in family.samples
        if sample.name == "apiserver_request_total" and _is_ours(sample.labels)
    )


def _is_ours(labels: Mapping[str, str]) -> bool:
    return labels.get("verb") in WRITES and labels.get("resource") in {"runs", "events"}


def _report(rows: list[dict[str, Any]], runs: int) -> int:
    table = Table(title=f"{runs} Runs at once, two replicas; counts are for each Run")
    columns = ["engine", "created/s", "dispatched/s", "whole life Runs/s", *GOALS, "commits", "violations"]
    for column in columns:
        table.add_column(f"{column} (≤ {GOALS[column]})" if column in GOALS else column, justify="right")
    for row in rows:
        table.add_row(*(f"{row[each]:.2f}" if isinstance(row[each], float) else str(row[each]) for each in columns))
    console.print(table)
    missed = [f"{row['engine']}: {row['violations']} invariants are broken" for row in rows if row["violations"]]
    missed += [f"{row['engine']}: API writes" for row in rows if row["API writes"] > GOALS["API writes"]]
    missed += [
        f"{row['engine']}: {goal}" for row in rows if row["checked"] for goal, most in GOALS.items() if row[goal] > most
    ]
    for each in missed:
        console.print(f"[red]missed[/red] {each}")
    return 1 if missed else 0


if __name__ == "__main__":
    main()
