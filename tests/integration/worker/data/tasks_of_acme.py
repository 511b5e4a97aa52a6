"""Tasks that write to the database; each is there sync and async, as far as it matters."""

import asyncio
import os
import time
from pathlib import Path

from models_of_acme import Secret
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from baton_models.execution import RunModel
from baton_operator.tasks import TaskContext, task


def note(context, line, **more):
    return context.get_model("Note")(token=context.token, line=line, **more)


@task("acme.note")
def write(line: str, context: TaskContext, place: str | None = None) -> dict[str, str]:
    context.session.add(note(context, line, place=place))
    return {"line": line}


@task("acme.note-later")
async def write_later(line: str, context: TaskContext, place: str | None = None) -> dict[str, str]:
    context.session.add(note(context, line, place=place))
    await context.session.flush()
    return {"line": line}


@task("acme.fail")
def fail(line: str, context: TaskContext) -> None:
    context.session.add(note(context, line))
    context.session.flush()
    raise RuntimeError("the approver said no")


@task("acme.fail-later")
async def fail_later(line: str, context: TaskContext) -> None:
    context.session.add(note(context, line))
    await context.session.flush()
    raise RuntimeError("the approver said no")


@task("acme.no-json")
def no_json(line: str, context: TaskContext) -> set[int]:
    context.session.add(note(context, line))
    context.session.flush()
    return {1}


@task("acme.go-on-after-an-error")
def go_on(line: str, context: TaskContext) -> None:
    context.session.add(note(context, line))
    context.session.flush()
    try:
        context.session.execute(text("SELECT 1/0"))
    except DBAPIError:
        context.log("never mind")


@task("acme.go-on-after-a-flush")
def go_on_after_a_flush(line: str, context: TaskContext) -> None:
    context.session.add_all([note(context, line), note(context, line)])
    try:
        context.session.flush()
    except IntegrityError:
        context.log("never mind")


@task("acme.begin-anew")
def begin_anew(line: str, context: TaskContext) -> None:
    context.session.add_all([note(context, line), note(context, line)])
    try:
        context.session.flush()
    except IntegrityError:
        context.session.rollback()
    context.session.add(note(context, f"{line}, anew"))


@task("acme.part")
async def part(line: str, context: TaskContext) -> None:
    context.session.add(note(context, line))
    await context.session.flush()
    try:
        async with context.session.begin_nested():
            context.session.add(note(context, line))
    except IntegrityError:
        context.log("there already")


@task("acme.end-the-transaction")
def end_the_transaction(line: str, method: str, context: TaskContext) -> None:
    context.session.add(note(context, line))
    context.session.flush()
    getattr(context.session, method)()


@task("acme.end-the-transaction-later")
async def end_the_transaction_later(line: str, method: str, context: TaskContext) -> None:
    context.session.add(note(context, line))
    await context.session.flush()
    await getattr(context.session, method)()


@task("acme.end-on-the-connection")
def end_on_the_connection(line: str, method: str, context: TaskContext) -> None:
    context.session.add(note(context, line))
    context.session.flush()
    getattr(context.session.connection(), method)()


@task("acme.end-on-the-connection-later")
async def end_on_the_connection_later(line: str, method: str, context: TaskContext) -> None:
    context.session.add(note(context, line))
    await context.session.flush()
    await getattr(await context.session.connection(), method)()


@task("acme.commit-as-text")
def commit_as_text(line: str, context: TaskContext) -> None:
    context.session.add(note(context, line))
    context.session.flush()
    context.session.execute(text("COMMIT"))


@task("acme.leave-a-query")
async def leave_a_query(line: str, context: TaskContext) -> None:
    context.session.add(note(context, line))
    await context.session.flush()
    left = asyncio.create_task(context.session.execute(text("SELECT pg_sleep(60)")), name="left")
    await asyncio.sleep(0.5)
    context.log(f"returns before {left.get_name()}")


@task("acme.block")
def block(line: str, context: TaskContext) -> None:
    with context.session as session:
        session.add(note(context, line))
        session.flush()


@task("acme.ask-for")
def ask_for(name: str, context: TaskContext) -> str:
    return context.get_model(name).__name__


@task("acme.read-imported")
def read_imported(context: TaskContext) -> int:
    return len(context.session.scalars(select(Secret)).all())


@task("acme.write-imported")
def write_imported(context: TaskContext) -> None:
    context.session.add(Secret(word="swordfish"))


@task("acme.write-imported-later")
async def write_imported_later(context: TaskContext) -> None:
    await context.session.execute(insert(Secret).values(word="swordfish"))


@task("acme.read-raw")
def read_raw(context: TaskContext) -> int:
    return int(context.session.scalar(text("SELECT count(*) FROM ext_acme_secret")))


@task("acme.write-raw")
async def write_raw(context: TaskContext) -> None:
    await context.session.execute(text("INSERT INTO ext_acme_secret (word) VALUES ('swordfish')"))


@task("acme.read-runs")
def read_runs(context: TaskContext) -> int:
    return len(context.session.scalars(select(RunModel)).all())


@task("acme.note-and-wait", on_crash="fail")
def note_and_wait(line: str, context: TaskContext, seconds: float = 60) -> None:
    context.session.add(note(context, line))
    context.session.flush()
    context.log("begun")
    time.sleep(seconds)


@task("acme.note-and-wait-later", on_crash="fail")
async def note_and_wait_later(line: str, context: TaskContext, seconds: float = 60) -> None:
    context.session.add(note(context, line))
    await context.session.flush()
    context.log("begun")
    await asyncio.sleep(seconds)


@task("acme.again", on_crash="retry")
def again(line: str, file: str, context: TaskContext, seconds: float = 0) -> None:
    """Waits at its first start only."""
    with Path(file).open("a") as ledger:
        ledger.write("start\n")
    context.session.add(note(context, line))
    context.session.flush()
    context.log("begun")
    if Path(file).read_text() == "start\n":
        time.sleep(seconds)


@task("acme.purchase")
def purchase(amount: int, context: TaskContext) -> str:
    row = context.get_model("Purchase")(amount=amount)
    context.session.add(row)
    context.session.flush()
    return str(row.workflow_instance_id)


@task("acme.longest-pause")
def longest_pause(context: TaskContext) -> str:
    return str(context.session.scalar(text("SHOW idle_in_transaction_session_timeout")))


@task("acme.tell")
async def tell(context: TaskContext) -> dict[str, str | None]:
    return {
        "run": str(context.run_id),
        "parent": str(context.parent_run_id) if context.parent_run_id else None,
        "action": context.action,
    }


@task("acme.seen")
def seen(event: str, status: str, previous: str | None, seq: int, context: TaskContext) -> None:
    """A hook that writes down what it is called for."""
    change = f"{event} {previous}-{status} {seq}"
    context.session.add(note(context, f"{context.run_uid}: {change}", place=f"{context.run_uid} {event} {seq}"))


@task("acme.hook-fails")
def hook_fails(context: TaskContext) -> None:
    context.session.add(note(context, f"{context.run_uid} {context.hook.event} never"))
    context.session.flush()
    raise RuntimeError("nobody was there")


@task("acme.hook-buys")
async def hook_buys(context: TaskContext) -> None:
    context.session.add(context.get_model("Purchase")(amount=context.hook.seq))


@task("acme.hang")
def hang(context: TaskContext) -> None:
    context.log("begun")
    time.sleep(60)


@task("acme.slow-once")
def slow_once(context: TaskContext) -> None:
    """Waits at its first start only."""
    marker = Path(__file__).with_name(context.token)
    if not marker.exists():
        marker.touch()
        context.log(f"begun in {os.getpid()}")
        time.sleep(60)
