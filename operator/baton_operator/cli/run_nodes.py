"""The steps inside a Run's executions, read through the engines' adapters and put into its tree."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from baton_models.database import DatabaseConfig
from baton_operator.cli.adapters import adapters, engine_spec
from baton_operator.cli.run_tree import chosen_items
from baton_operator.engines.base import Reference
from baton_operator.engines.errors import EngineError, RetryableError, TargetNotFoundError
from baton_operator.engines.options import Node, NodeLister
from baton_operator.engines.registry import AdapterRegistry

Row = Mapping[str, Any]

#: Executions of which an engine is asked at once.
_AT_ONCE = 8
_UNABLE = "the adapter of this engine shows no steps; see the link"


async def with_nodes(database: DatabaseConfig, tree: Row, *, most: int | None) -> dict[str, Any]:
    """
    Give *tree* with ``nodes`` in each attempt that an engine has: its steps, or ``nodes_unavailable`` saying why not.

    Args:
        database: Where the engines are described.
        tree: As `read_tree` gives it.
        most: Items of a batch that are asked about, the same ones that are drawn; None for all.

    Raises:
        NoConnectionError: Nobody said where the API server is, which holds the engines' secrets.
    """
    attempts = list(tree["attempts"])
    for batch in tree["batches"]:
        attempts += batch["attempts"]
        attempts += [each for item in chosen_items(batch["items"], most) for each in item["attempts"]]
    started = [each for each in attempts if each["external_id"]]
    if not started:
        return {**tree}
    async with adapters(database) as registry:
        found = await _ask(database, registry, started)
    return _put(tree, found)


async def _ask(database: DatabaseConfig, registry: AdapterRegistry, attempts: Sequence[Row]) -> dict[Any, Row]:
    """Ask each engine about its executions; one that does not answer is not asked about every single one."""
    gate = asyncio.Semaphore(_AT_ONCE)
    known: dict[Any, NodeLister] = {}
    away: dict[Any, str] = {}
    found: dict[Any, Row] = {}

    async def one(attempt: Row) -> None:
        engine = attempt["engine_id"]
        async with gate:
            if engine in away:
                found[attempt["id"]] = {"nodes_unavailable": away[engine]}
                return
            try:
                found[attempt["id"]] = {"nodes": await _nodes(known[engine], attempt)}
            except TargetNotFoundError:
                found[attempt["id"]] = {"nodes_unavailable": "the engine does not have it any more"}
            except RetryableError as error:
                away[engine] = str(error)
                found[attempt["id"]] = {"nodes_unavailable": str(error)}
            except EngineError as error:
                found[attempt["id"]] = {"nodes_unavailable": str(error)}

    for engine in {each["engine_id"] for each in attempts}:
        try:
            adapter = await registry.adapter(await engine_spec(database, key=engine))
        except EngineError as error:
            away[engine] = str(error)
            continue
        if isinstance(adapter, NodeLister):
            known[engine] = adapter
        else:
            away[engine] = _UNABLE
    await asyncio.gather(*(one(each) for each in attempts))
    return found


async def _nodes(adapter: NodeLister, attempt: Row) -> list[Row]:
    nodes = await adapter.nodes(Reference(attempt["external_id"], attempt["token"]))
    return [_plain(node) for node in nodes]


def _plain(node: Node) -> Row:
    return {
        "id": node.id,
        "name": node.name,
        "type": node.type,
        "status": node.status.value,
        "native": node.native,
        "message": node.message,
        "started_at": node.started_at,
        "finished_at": node.finished_at,
    }


def _put(tree: Row, found: Mapping[Any, Row]) -> dict[str, Any]:
    """Put what was found where its attempt is."""

    def attempts(unit: Row) -> list[Row]:
        return [{**each, **found.get(each["id"], {})} for each in unit["attempts"]]

    batches = [
        {
            **batch,
            "attempts": attempts(batch),
            "items": [{**item, "attempts": attempts(item)} for item in batch["items"]],
        }
        for batch in tree["batches"]
    ]
    return {**tree, "attempts": attempts(tree), "batches": batches}
