"""What a Run leaves in the log on its way: a line for each step, once it is committed, by the one who did it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from loop_site import Site
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.status import ExecutionStatus
from baton_operator import logs
from baton_operator.loops.count import CountLoop
from baton_operator.loops.transactions import Store

Lines = Callable[..., list[str]]
RUN = "baton_operator.loops.run_lines"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the operator's own format makes of the lines about Runs, at DEBUG."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter(people=False))
    told = logging.getLogger(RUN)
    before = told.level
    told.addHandler(handler)
    told.setLevel(logging.DEBUG)
    yield stream
    told.removeHandler(handler)
    told.setLevel(before)


@pytest.fixture
def said(written: io.StringIO) -> Lines:
    """Gives chosen keys of each line so far, as words."""

    def words(*keys: str) -> list[str]:
        found = [json.loads(line) for line in written.getvalue().splitlines()]
        return [" ".join(str(line.get(key, "-")) for key in keys) for line in found]

    return words


async def count(site: Site) -> None:
    """Turn the counter of ends, of two replicas."""
    for each in (site.first, site.another()):
        await CountLoop(each.parts).turn()


async def test_a_run_is_told_from_its_admission_to_its_end(site: Site, said: Lines) -> None:
    """Its retry, too; and each of its lines once, however many replicas look."""
    await site.serve()
    await site.define(retry={"maxAttempts": 2, "backoff": {"initial": "1s"}})
    await site.start("monday")
    await site.dispatch()
    site.engine.end(ExecutionStatus.FAILED, message="out of disk")
    await site.track()
    site.later(2)
    await site.dispatch()
    site.engine.end()
    await site.track()
    await count(site)
    assert said("level", "event", "attempt", "outcome", "reason") == [
        "info run.accepted - - -",
        "info run.started 1 - -",
        "debug attempt.sent 1 created -",
        "debug attempt.ended 1 - Failed",
        "info run.retrying 1 - Failed",
        "info run.started 2 - -",
        "debug attempt.sent 2 created -",
        "debug attempt.ended 2 - Succeeded",
        "info run.finished - Succeeded Succeeded",
    ]
    assert set(said("namespace", "name", "kind")) == {"team-a monday Run"}
    assert len(set(said("uid", "run_id", "trace_id"))) == 1
    assert {line for line in said("engine") if line != "-"} == {"team-a/argo"}


async def test_the_run_of_many_items_is_told_once_and_each_item_at_debug(site: Site, said: Lines) -> None:
    await site.serve()
    hosts = [{"name": "all", "items": [{"host": "a"}, {"host": "b"}]}]
    await site.define(batches=hosts, dispatch={"per": "Item"})
    await site.start("monday")
    await site.dispatch()
    assert said("level", "event", "batch", "item") == [
        "info run.accepted - -",
        "info run.started - -",
        "debug attempt.sent all 0",
        "debug attempt.sent all 1",
    ]


async def test_a_refused_run_is_told_with_its_reason_and_never_its_parameters(
    site: Site, said: Lines, written: io.StringIO
) -> None:
    await site.serve()
    await site.define(parametersSchema={"type": "object", "required": ["ticket"]})
    await site.start("monday", parameters={"password": "canary-51c7"})
    await count(site)
    assert said("event", "reason") == ["run.refused InvalidParameters", "run.finished InvalidParameters"]
    assert "canary" not in written.getvalue()


class Stumbling:
    """A store whose transactions do all of their work, and are rolled back and begun again, each once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.tries = 0

    async def run(self, work: Callable[[AsyncSession], Awaitable[Any]]) -> Any:
        """Do *work*, the first time in vain."""
        before = self.tries

        async def stumble(session: AsyncSession) -> Any:
            result = await work(session)
            self.tries += 1
            if self.tries == before + 1:
                await session.execute(text("DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40001'; END $$"))
            return result

        return await self._store.run(stumble)


async def test_what_is_not_committed_is_not_told(site: Site, said: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction that is begun again tells of its steps once."""
    await site.serve()
    await site.define(retry={"maxAttempts": 2})
    stumbling = Stumbling(site.first.parts.store)
    monkeypatch.setattr(site.first.runs, "_store", stumbling)
    await site.start("monday")
    await site.dispatch()
    site.engine.end(ExecutionStatus.FAILED)
    assert stumbling.tries == 2
    stumbling.tries = 0
    monkeypatch.setattr(site.first.track, "_store", stumbling)
    await site.track()
    assert stumbling.tries > 1
    steps = [each for each in said("event") if each.startswith("run.")]
    assert steps == ["run.accepted", "run.started", "run.retrying"]
