"""Tasks that insert one row each; some are slow, some fail."""

import asyncio
import random
import time

from baton_operator.tasks import TaskContext, task


@task("kills.once")
def once(number: int, context: TaskContext) -> int:
    context.session.add(context.get_model("Done")(token=context.token))
    context.session.flush()
    time.sleep(random.uniform(0, 0.02))  # noqa: S311 - chance, not secrecy
    return number


@task("kills.again", on_crash="retry")
async def again(number: int, context: TaskContext) -> int:
    context.session.add(context.get_model("Done")(token=context.token))
    await context.session.flush()
    await asyncio.sleep(random.uniform(0, 0.02))  # noqa: S311 - chance, not secrecy
    return number


@task("kills.fails")
def fails(number: int, context: TaskContext) -> int:
    context.session.add(context.get_model("Done")(token=context.token))
    context.session.flush()
    raise RuntimeError(f"number {number} was asked to fail")


@task("kills.insert")
def insert(number: int, context: TaskContext) -> int:
    context.session.add(context.get_model("Done")(token=context.token))
    return number


@task("kills.nothing")
def nothing(number: int, context: TaskContext) -> int:
    return number
