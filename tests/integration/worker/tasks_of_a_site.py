"""Tasks as a site would bring them, in a package of its own; each does one thing that a worker must cope with."""

# ruff: noqa: T201, ASYNC240 - tasks print, and careless ones block

import asyncio
import ctypes
import os
import pathlib
import subprocess
import sys
import time

from baton_operator.tasks import TaskContext, TaskStopped, task


@task("site.add")
def add(left: int, right: int = 1) -> dict[str, int]:
    return {"sum": left + right}


@task("site.trace")
def trace(context: TaskContext) -> str | None:
    return context.traceparent


@task("site.add-later")
async def add_later(left: int, right: int = 1) -> dict[str, int]:
    await asyncio.sleep(0.01)
    return {"sum": left + right}


@task("site.loop-of-its-own")
def loop_of_its_own() -> int:
    return asyncio.run(asyncio.sleep(0, 7))


@task("site.leave-behind")
async def leave_behind(file: str) -> None:
    async def linger() -> None:
        await asyncio.sleep(0.3)
        pathlib.Path(file).write_text("still here")

    asyncio.create_task(linger())  # noqa: RUF006 - what careless code does
    await asyncio.sleep(0)


@task("site.wait")
async def wait(seconds: float) -> None:
    print("waiting", flush=True)
    await asyncio.sleep(seconds)


@task("site.stubborn")
def stubborn(seconds: float) -> str:
    """Ignore every polite request to end."""
    print("stubborn", flush=True)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            time.sleep(0.05)
        except TaskStopped:
            print("no", flush=True)
    return "done"


@task("site.careful")
def careful(file: str) -> None:
    print("begun", flush=True)
    try:
        time.sleep(60)
    finally:
        pathlib.Path(file).write_text("cleaned up")


@task("site.limited", timeout=0.5)
def limited() -> None:
    time.sleep(60)


@task("site.once")
def once(file: str, seconds: float = 60) -> str:
    with pathlib.Path(file).open("a") as ledger:
        ledger.write("x\n")
    print("begun", flush=True)
    time.sleep(seconds)
    return "done"


@task("site.again", on_crash="retry")
def again(file: str, seconds: float = 60) -> str:
    """Take *seconds* the first time, end at once the second time."""
    ledger = pathlib.Path(file)
    begun = ledger.exists()
    with ledger.open("a") as lines:
        lines.write("x\n")
    print("begun", flush=True)
    if not begun:
        time.sleep(seconds)
    return "done"


@task("site.segfault")
def segfault() -> None:
    print("about to crash", flush=True)
    time.sleep(1.2)
    ctypes.string_at(0)


@task("site.leave")
def leave() -> None:
    sys.exit(3)


@task("site.set")
def a_set() -> set[int]:
    return {1}


@task("site.nul")
def nul() -> str:
    return "a\0b"


@task("site.nan")
def nan() -> float:
    return float("nan")


@task("site.big")
def big(size: int) -> str:
    return "x" * size


@task("site.chatty")
def chatty(lines: int) -> None:
    for number in range(lines):
        print(f"line {number:06d} " + "." * 40)


@task("site.loud")
def loud() -> None:
    print("from python")
    print("to stderr", file=sys.stderr)
    os.write(1, b"from a descriptor \xff\x00\n")
    subprocess.run(["echo", "from a program"], check=True)


@task("site.environment")
def environment() -> dict[str, object]:
    return {"names": sorted(os.environ), "proc": sorted(_proc_environment()), "child": _of_a_program()}


def _proc_environment() -> list[str]:
    raw = pathlib.Path("/proc/self/environ").read_bytes()
    return [each.split(b"=")[0].decode() for each in raw.split(b"\0") if each]


def _of_a_program() -> list[str]:
    out = subprocess.run(["env"], check=True, capture_output=True, text=True).stdout
    return sorted(line.split("=")[0] for line in out.splitlines())
