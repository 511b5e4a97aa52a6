"""What the work of a Run wrote, read through the engines' adapters."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from baton_operator.cli.adapters import adapters, engine_spec
from baton_operator.cli.exits import CommandError, NotFoundExit
from baton_operator.cli.output import complain
from baton_operator.cli.run_rows import find_run, read_tree
from baton_operator.cli.surroundings import database
from baton_operator.engines.base import EngineAdapter, Reference
from baton_operator.engines.options import LogReader

Row = Mapping[str, Any]

_POLL = 0.5


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose lines: of all units and their last attempts, unless one is named."""

    batch: str | None = None
    item: int | None = None
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """One attempt that an engine has, and how people call it."""

    title: str
    engine: Any
    reference: Reference


async def print_logs(namespace: str, name: str, wanted: Wanted, *, follow: bool) -> int:
    """
    Print the lines of a Run's executions, one execution after the other.

    Returns:
        How many executions there were.

    Raises:
        NotFoundExit: There is no such Run, or nothing of it is what is wanted.
        CommandError: Its engine shows no logs.
        EngineError: Its engine does not answer, or has forgotten it.
    """
    async with database() as found:
        async with found.get_async_session() as session:
            tree = await read_tree(session, await find_run(session, namespace, name))
        executions = _executions(tree, wanted)
        if not executions:
            return 0
        async with adapters(found) as registry:
            for execution in executions:
                adapter = await registry.adapter(await engine_spec(found, key=execution.engine))
                if len(executions) > 1:
                    complain(f"==> {execution.title} <==")
                await _print(adapter, execution.reference, follow=follow)
    return len(executions)


def _executions(tree: Row, wanted: Wanted) -> list[Execution]:
    units = [("run", None, None, tree["attempts"])]
    for batch in tree["batches"]:
        units.append((f"batch {batch['name']}", batch["name"], None, batch["attempts"]))
        units += [
            (f"batch {batch['name']}, item {i['item']}", batch["name"], i["item"], i["attempts"])
            for i in batch["items"]
        ]
    chosen = [
        unit
        for unit in units
        if (wanted.batch is None or unit[1] == wanted.batch) and (wanted.item is None or unit[2] == wanted.item)
    ]
    if not chosen:
        raise NotFoundExit(f"run {tree['name']} has no such batch or item: see `baton runs get {tree['name']}`")
    return [each for title, _, _, attempts in chosen for each in _attempts(title, attempts, wanted.attempt)]


def _attempts(title: str, attempts: Sequence[Row], number: int | None) -> list[Execution]:
    started = [row for row in attempts if row["external_id"] and (number is None or row["attempt"] == number)]
    return [
        Execution(f"{title}, attempt {row['attempt']}", row["engine_id"], Reference(row["external_id"], row["token"]))
        for row in started[-1:]
    ]


async def _print(adapter: EngineAdapter, reference: Reference, *, follow: bool) -> None:
    if not isinstance(adapter, LogReader):
        raise CommandError("the adapter of this engine shows no logs; see the link in `baton runs get`")
    cursor: str | None = None
    while True:
        page = await adapter.logs(reference, cursor)
        sys.stdout.write(page.text)
        sys.stdout.flush()
        moved, cursor = page.cursor != cursor, page.cursor
        if not page.more and not moved:
            return
        if not follow and not moved:
            return
        if not moved:
            await asyncio.sleep(_POLL)
