"""Tasks for the quickstart, the demo and the tests: each shows one thing that a task can do."""

import time

from baton_operator.tasks import TaskContext, task


@task("demo.noop")
def noop() -> None:
    """Do nothing: what a task costs by itself."""


@task("demo.hello")
def hello(name: str, context: TaskContext) -> dict[str, str]:
    """Greet *name*."""
    context.log(f"saying hello to {name}")
    return {"greeting": f"Hello, {name}!"}


@task("demo.flaky")
def flaky(context: TaskContext, fail_attempts: int = 1) -> dict[str, int]:
    """Fail during the first *fail_attempts* attempts of a unit, then succeed."""
    if context.attempt <= int(fail_attempts):
        raise ConnectionError(f"attempt {context.attempt}: the host did not answer")
    return {"attempts": context.attempt}


@task("demo.fail")
def fail(message: str = "it was asked to fail") -> None:
    """Fail with *message*."""
    raise RuntimeError(message)


@task("demo.sleep")
def sleep(seconds: float) -> dict[str, float]:
    """Block for *seconds*, as code does that nobody can interrupt politely."""
    print(f"sleeping {seconds} s", flush=True)  # noqa: T201 - what a task prints is kept
    time.sleep(float(seconds))
    return {"slept": float(seconds)}


@task("demo.patch-host", on_crash="retry")
def patch_host(host: str, version: str, context: TaskContext) -> dict[str, str]:
    """Pretend to bring *host* to *version*: drain, patch, check."""
    for step in ("drained", f"patched to {version}", "answers again"):
        context.log(f"{host}: {step}")
        time.sleep(0.05)
    return {"host": host, "version": version}
