"""A Run that follows another: `parentRunRef` and `action`, one child for each parent, whoever takes them in."""

from __future__ import annotations

import asyncio
from typing import Any

from loop_site import Site, manifest

from baton_operator.kube.resources import RunSeen

ACCEPTED = "SELECT name, accepted_reason FROM run WHERE name <> 'first'"
LINKED = """
SELECT c.name, p.name AS parent, c.action FROM run c LEFT JOIN run p ON p.id = c.parent_run_id WHERE c.name <> 'first'
ORDER BY c.id
"""


def child(name: str, parent: str = "first", *, namespace: str = "team-a", **spec: Any) -> RunSeen:
    whole = {
        "automationRef": {"name": "patch"},
        "state": "Active",
        "parentRunRef": {"name": parent},
        "action": "correct",
        **spec,
    }
    return RunSeen.parse(manifest(namespace, name, whole))


async def ended(site: Site, *names: str) -> None:
    """Bring Runs and let them come to their ends."""
    await site.start(*names)
    await site.dispatch()
    site.engine.end()
    await site.track()


async def ready(site: Site) -> None:
    await site.serve()
    await site.define(parametersSchema={"properties": {"host": {"type": "string"}}})


async def test_a_run_follows_one_that_has_ended(site: Site) -> None:
    """Its row names the parent and the action; a Run with an action alone begins a chain."""
    await ready(site)
    await site.start("first", action="create")
    await site.dispatch()
    site.engine.end()
    await site.track()
    await site.first.runs.take([child("second")])
    assert site.rows(LINKED) == [("second", "first", "correct")]
    assert site.one("SELECT action FROM run WHERE name = 'first'") == "create"
    assert site.runs()["second"] == ("PENDING", "Queued")


async def test_a_run_that_is_under_way_cannot_be_followed(site: Site) -> None:
    await ready(site)
    await site.start("first")
    await site.first.runs.take([child("second")])
    assert site.rows(ACCEPTED) == [("second", "ParentNotFinished")]
    assert site.runs() == {"first": ("PENDING", "Queued"), "second": ("FAILED", "ParentNotFinished")}


async def test_of_two_children_in_one_batch_the_second_is_refused(site: Site) -> None:
    """It says who follows the parent, and is not part of the chain."""
    await ready(site)
    await ended(site, "first")
    await site.first.runs.take([child("second"), child("third")])
    assert site.rows(LINKED) == [("second", "first", "correct"), ("third", None, "correct")]
    ((reason, message),) = site.rows("SELECT accepted_reason, accepted_message FROM run WHERE name = 'third'")
    assert (reason, "'second' follows 'first' already" in message) == ("ParentHasChild", True)


async def test_of_parallel_children_one_follows_and_the_others_are_refused(site: Site) -> None:
    """Five replicas take in one child each at the same moment."""
    await ready(site)
    await ended(site, "first")
    replicas = [site.another() for _ in range(5)]
    await asyncio.gather(*(each.runs.take([child(f"child-{n}")]) for n, each in enumerate(replicas)))
    reasons = [reason for _, reason in site.rows(ACCEPTED)]
    assert sorted(reasons) == ["Accepted"] + ["ParentHasChild"] * 4
    assert site.one("SELECT count(*) FROM run WHERE parent_run_id IS NOT NULL") == 1


async def test_a_child_that_two_replicas_take_in_is_accepted_once(site: Site) -> None:
    """What another replica has just stored of the same Run does not refuse it."""
    await ready(site)
    await ended(site, "first")
    seen, other = child("second"), site.another()
    await asyncio.gather(site.first.runs.take([seen]), other.runs.take([seen]))
    await site.another().runs.take([seen])
    assert site.rows(ACCEPTED) == [("second", "Accepted")]


async def test_a_refused_child_takes_nobodys_place(site: Site) -> None:
    await ready(site)
    await ended(site, "first")
    await site.first.runs.take([child("bad", parameters={"host": 7}), child("good")])
    assert dict(site.rows(ACCEPTED)) == {"bad": "InvalidParameters", "good": "Accepted"}
    assert site.rows(LINKED) == [("bad", None, "correct"), ("good", "first", "correct")]


async def test_the_newest_run_of_a_name_is_meant(site: Site) -> None:
    """Also where the child has the parent's own name, and where the parent's custom resource is gone."""
    await ready(site)
    for _ in range(2):
        await ended(site, "first")
        await site.delete(site.one("SELECT uid FROM run ORDER BY id DESC LIMIT 1"))
    newest = site.one("SELECT id FROM run ORDER BY id DESC LIMIT 1")
    await site.first.runs.take([child("first")])
    assert site.one("SELECT parent_run_id FROM run ORDER BY id DESC LIMIT 1") == newest


async def test_a_parent_that_nobody_knows_is_waited_for_then_refused(site: Site) -> None:
    """Another namespace's Run of that name is nobody's parent here."""
    await ready(site)
    await site.serve(namespace="team-b")
    await site.define(namespace="team-b")
    await ended(site, "first")
    foreign, orphan = child("foreign", namespace="team-b"), child("orphan", "nobody")
    unready = await site.first.runs.take([orphan])
    assert {(each.kind, each.name, each.reason) for each in unready.values()} == {("Run", "nobody", "ParentNotFound")}
    assert site.rows(ACCEPTED) == []
    for seen in (foreign, orphan):
        site.first.runs.decide_now(seen, "Run")
    await site.first.runs.take([orphan, foreign])
    assert dict(site.rows(ACCEPTED)) == {"orphan": "ParentNotFound", "foreign": "ParentNotFound"}
    assert site.one("SELECT count(*) FROM run WHERE parent_run_id IS NOT NULL") == 0


async def test_a_parent_that_comes_late_is_found(site: Site) -> None:
    """The watch brought the child first."""
    await ready(site)
    seen = child("second")
    assert await site.first.runs.take([seen])
    await ended(site, "first")
    assert not await site.first.runs.take([seen])
    assert site.rows(LINKED) == [("second", "first", "correct")]
