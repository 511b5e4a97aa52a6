"""After a start, open Runs that show what another release wrote are made due; the others cost a look at most."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from loop_site import Site, counted_statements

from baton_models.statements.projection import read_runs
from baton_operator.decide.run_status import status_document
from baton_operator.invariants import INVARIANTS, Cluster, Evidence
from baton_operator.kube.conditions import fingerprint
from baton_operator.loops import restate
from baton_operator.loops.restate import MOMENTS, PAGE, Restatement
from baton_operator.loops.views import run_view

DUE = "SELECT name FROM run WHERE project_at IS NOT NULL ORDER BY name"


class Scene:
    """Runs at rest, and what their objects show."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.now = 100.0
        self.objects: dict[str, dict[str, Any]] = {}
        self.restatement = Restatement(site.first.parts.store, lambda: self.now)
        self.now += MOMENTS[0]

    async def show(self, message: str = "") -> None:
        """Have every Run shown, in the words of another release where *message* is given."""
        keys = [row.id for row in self.site.rows("SELECT id FROM run")]
        async with self.site.first.database.get_async_session() as session:
            for row in await read_runs(session, keys):
                status = status_document(run_view(row))
                for condition in status["conditions"]:
                    condition["message"] = message or condition["message"]
                about = {"namespace": "team-a", "name": row.name, "uid": row.uid}
                self.objects[row.name] = {"metadata": about, "status": status}
                self.site.execute(
                    "UPDATE run SET shown = :shown, project_at = NULL, projected_at = now() WHERE id = :id",
                    shown=fingerprint(status),
                    id=row.id,
                )

    async def wrong(self) -> list[str]:
        """Ask `baton check` which of them show what they should not."""
        (invariant,) = (each for each in INVARIANTS if each.number == "I4")
        cluster = Cluster(list(self.objects.values()), datetime.now(UTC) + timedelta(minutes=1))
        async with self.site.first.database.get_async_session() as session:
            found = await invariant.violations(Evidence(self.site.first.database, session, 0.0, cluster))
        return sorted(each.subject.split()[1] for each in found if each.subject.startswith("Run "))

    def due(self) -> list[str]:
        """Name the Runs that are to be shown."""
        return [row.name for row in self.site.rows(DUE)]


async def scene(site: Site, *names: str) -> Scene:
    await site.serve()
    await site.define()
    await site.start(*names)
    return Scene(site)


async def test_open_runs_that_another_release_showed_are_shown_anew(site: Site) -> None:
    """One that waits and one that is under way; one that has ended keeps its words, and `baton check` knows it."""
    made = await scene(site, "ended")
    await site.dispatch()
    site.engine.end()
    await site.track()
    await site.start("under-way")
    await site.dispatch()
    await site.start("waits", state="Suspended")
    await made.show("as an older release had it")
    assert await made.wrong() == ["team-a/under-way", "team-a/waits"]
    assert await made.restatement.turn() == 2
    assert made.due() == ["under-way", "waits"]
    await made.show()
    assert await made.wrong() == []


async def test_an_upgrade_that_changes_no_word_writes_nothing(site: Site) -> None:
    made = await scene(site, "monday", "tuesday")
    await made.show()
    assert await made.restatement.turn() == 0
    assert made.due() == []


async def test_the_sweep_does_it_some_time_after_its_start(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """First comes what a dead operator has left."""
    made = await scene(site, "monday")
    await made.show("as an older release had it")
    await site.first.sweep.turn()
    assert made.due() == []
    monkeypatch.setattr(restate, "MOMENTS", (0.0,))
    await site.first.sweep.turn()
    assert made.due() == ["monday"]


async def test_nobody_is_fought(site: Site) -> None:
    """An older release beside this one may show its words again; it is gone before the last look, or it stays."""
    made = await scene(site, "monday")
    told = []
    for moment in (*MOMENTS, 1_000.0, 10_000.0):
        await made.show("as an older release has it")
        made.now = 100.0 + moment
        told.append((await made.restatement.turn(), await made.restatement.turn()))
    assert told == [(1, 0)] * len(MOMENTS) + [(0, 0)] * 2


async def test_what_is_due_anyway_is_left_as_it_is(site: Site) -> None:
    """A claim's lease is in ``project_at``: nothing is written over it."""
    made = await scene(site, "monday")
    await made.show("as an older release had it")
    site.execute("UPDATE run SET project_at = '2100-01-01'")
    assert await made.restatement.turn() == 0
    assert site.one("SELECT project_at FROM run").year == 2100


async def test_many_are_compared_in_pages(site: Site) -> None:
    """Two statements for each hundred Runs, and one that finds them."""
    made = await scene(site, *(f"run-{number}" for number in range(PAGE + 1)))
    await made.show("as an older release had it")
    with counted_statements(site.first) as sent:
        assert await made.restatement.turn() == PAGE + 1
    assert len(sent) == 5
