"""
Measure one poll of many live instances: processor time, requests, memory.

The rows are in a real PostgreSQL, the engine is the fake Argo in a process of its own. Printed are figures of this
process alone: what an operator spends on a poll, and which share of one core that is at the interval.

    .venv/bin/python bench/polling.py                           10,000 instances, a poll each 5 s
    .venv/bin/python bench/polling.py --instances 2000 --interval 10
"""

import argparse
import asyncio
import gc
import math
import multiprocessing
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

from rich.console import Console
from rich.table import Table

from baton_migrations.runner import migrate
from baton_operator.engines.argo.adapter import argo_adapter
from baton_operator.engines.registry import Surroundings
from baton_operator.local.postgres import Postgres, create_database
from baton_operator.local.scratch import scratch_home

FAKES = Path(__file__).resolve().parent.parent / "tests" / "fakes"
ON_A_PAGE = 500
#: A poll must cost at most this share of one core.
GOAL = 0.01
console = Console(width=None if sys.stdout.isatty() else 120)


def main() -> None:
    """Measure, print the table, and fail where a poll asks for more than its pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=10_000, help="live instances (default 10000)")
    parser.add_argument("--interval", type=float, default=5.0, help="seconds between two polls (default 5)")
    parser.add_argument("--cycles", type=int, default=5, help="polls that are measured (default 5)")
    options = parser.parse_args()
    sys.path.insert(0, str(FAKES))
    with scratch_home(console.print) as home:
        server = Postgres(home)
        admin_url = server.up()
        try:
            with _fake_argo(options.instances) as (url, made):
                figures = asyncio.run(_measure(create_database(admin_url, "polling"), url, made, options.cycles))
        finally:
            server.process.stop()
    sys.exit(_report(figures, options.instances, options.interval))


@contextmanager
def _fake_argo(instances: int) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Serve a fake Argo with *instances* workflows in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, instances), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("end")
        process.join(10)


def _serve(pipe: Pipe, instances: int) -> None:
    sys.path.insert(0, str(FAKES))
    from baton_fakes.argo import FakeArgo  # noqa: PLC0415 - the tests' folder is on the path only now
    from live_rows import start_workflows  # noqa: PLC0415

    from baton_operator.engines.conformance import serving  # noqa: PLC0415

    async def run() -> None:
        fake = FakeArgo(["argo"])
        made = start_workflows(fake, instances)
        async with serving(fake.app()) as url:
            pipe.send((url, made))
            await asyncio.to_thread(pipe.recv)

    asyncio.run(run())


async def _measure(database_url: str, url: str, made: list[dict[str, str]], cycles: int) -> dict[str, float]:
    from baton_fakes.argo_harness import OneSecret  # noqa: PLC0415 - the tests' folder is on the path only now
    from baton_fakes.in_memory import InMemoryEngine  # noqa: PLC0415
    from live_rows import insert_live  # noqa: PLC0415
    from loop_site import Replica, Site  # noqa: PLC0415

    migrate(database_url, progress=lambda _: None)
    engine = InMemoryEngine()
    site = Site(database_url, engine, Replica(database_url, engine, request_deadline=30.0))
    await site.serve()
    await site.define()
    (uid,) = await site.start("pattern")
    await site.dispatch()
    engine.end()
    await site.track()
    insert_live(site.admin, made, like=uid)
    requests: list[str] = []
    surroundings = Surroundings(
        OneSecret(""),
        engine_networks=[ip_network("127.0.0.0/8")],
        request_deadline=30.0,
        observer=lambda operation, _code, _seconds: requests.append(operation),
    )
    site.first.factories["Argo"] = lambda spec, _: argo_adapter(spec, surroundings)
    site.execute("UPDATE engine SET generation = 2, spec = spec || jsonb_build_object('url', CAST(:u AS text))", u=url)
    await site.track()  # the first one makes connections
    spent, took, memory = [], [], []
    requests.clear()
    for _ in range(cycles):
        begun, clock = time.process_time(), time.monotonic()
        await site.track()
        spent.append(time.process_time() - begun)
        took.append(time.monotonic() - clock)
        memory.append(_resident())
    await site.first.parts.registry.close()
    await site.first.close()
    site.admin.dispose_engine()
    return {
        "cpu": statistics.median(spent),
        "took": statistics.median(took),
        "grown": memory[-1] - memory[0],
        "resident": memory[-1],
        "requests": len(requests) / cycles,
    }


def _resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def _report(figures: dict[str, float], instances: int, interval: float) -> int:
    pages = math.ceil(instances / ON_A_PAGE)
    table = Table("figure", "measured", "goal", title=f"One poll of {instances:,} live instances (fake Argo)")
    table.add_row("requests", f"{figures['requests']:.0f}", f"at most {pages + 1}: pages + 1")
    table.add_row("processor time of the operator", f"{figures['cpu'] * 1000:.0f} ms", "")
    share = figures["cpu"] / interval
    table.add_row(
        f"share of a core at a poll each {interval:g} s", f"{share:.1%}", f"at most {GOAL:.0%} at 10,000 and 5 s"
    )
    table.add_row("time of a poll, the engine's included", f"{figures['took'] * 1000:.0f} ms", "")
    table.add_row(
        "memory: at the end, grown by", f"{figures['resident'] / 1e6:.0f} MB, {figures['grown'] / 1e6:.1f} MB", "flat"
    )
    console.print(table)
    return int(figures["requests"] > pages + 1)


if __name__ == "__main__":
    main()
