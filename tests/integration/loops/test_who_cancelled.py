"""The history says who cancelled: also where the end comes long after the request, and nobody else is named for it."""

from __future__ import annotations

from typing import Any

from loop_site import Site, manifest

from baton_operator.kube.resources import CREATED_BY, STATE_BY, RunSeen

ITEMS = (
    "SELECT i.sequence_number AS item, h.new_status::text AS status, h.created_by AS who FROM item_state_history h "
    "JOIN item_execution i ON i.id = h.item_execution_id ORDER BY i.sequence_number, h.seq"
)

BORN = (
    "SELECT r.name AS run, h.created_by AS who FROM item_state_history h JOIN item_execution i "
    "ON i.id = h.item_execution_id JOIN run r ON r.id = i.run_id WHERE h.seq = 1 ORDER BY r.name"
)


def of(author: str, name: str = "monday", *, uid: str = "", generation: int = 1, **spec: Any) -> dict[str, Any]:
    """Make a Run that the admission policy has stamped with *author*."""
    whole = {"automationRef": {"name": "patch"}, "state": "Active", **spec}
    raw = manifest("team-a", name, whole, uid=uid, generation=generation)
    raw["metadata"]["annotations"] = {CREATED_BY: author, STATE_BY: author}
    return raw


async def take(site: Site, *raws: dict[str, Any]) -> list[str]:
    seen = [RunSeen.parse(raw) for raw in raws]
    await site.first.runs.take(seen)
    return [each.uid for each in seen]


async def ready(site: Site, **automation: object) -> str:
    await site.serve()
    await site.define(**automation)
    (uid,) = await take(site, of("ada"))
    return uid


async def cancelled_by(site: Site, author: str, uid: str) -> None:
    await take(site, of(author, uid=uid, generation=2, state="Cancelled", reason="wrong night"))


def changes(site: Site, name: str = "monday") -> list[tuple[str, str | None]]:
    """Give what a Run became, and who made it so."""
    statement = (
        "SELECT h.new_status::text AS status, h.created_by AS who FROM run_state_history h "
        "JOIN run r ON r.id = h.run_id WHERE r.name = :name ORDER BY h.seq"
    )
    return [(row.status, row.who) for row in site.rows(statement, name=name)]


async def test_whoever_asked_is_named_when_the_engine_confirms(site: Site) -> None:
    """The end is written in a transaction of `track`, which nobody asked for anything."""
    uid = await ready(site)
    await site.dispatch()
    await cancelled_by(site, "bob", uid)
    await site.cancel()
    await site.track()
    assert changes(site) == [("PENDING", "ada"), ("PROCESSING", None), ("CANCELLED", "bob")]
    assert site.one("SELECT changed_by FROM baton_run_history WHERE new_status = 'CANCELLED'") == "bob"


async def test_and_when_nobody_confirms(site: Site) -> None:
    uid = await ready(site, timeouts={"cancel": "10s"})
    site.engine.obedient = False
    await site.dispatch()
    await cancelled_by(site, "bob", uid)
    await site.cancel()
    site.later(11)
    await site.cancel()
    assert site.runs() == {"monday": ("CANCELLED", "CancelUnconfirmed")}
    assert changes(site)[-1] == ("CANCELLED", "bob")


async def test_and_for_each_item_of_a_fleet(site: Site) -> None:
    """What waited ended with the request, what was under way when the engine said so: the same name stands at both."""
    uid = await ready(site, batches=[{"name": "a", "items": [{}] * 2}], dispatch={"per": "Item", "maxParallel": 1})
    await site.dispatch()
    await cancelled_by(site, "bob", uid)
    await site.cancel()
    await site.track()
    assert changes(site)[-1] == ("CANCELLED", "bob")
    assert [tuple(row) for row in site.rows(ITEMS) if row.status == "CANCELLED"] == [
        (0, "CANCELLED", "bob"),
        (1, "CANCELLED", "bob"),
    ]


async def test_what_ended_by_itself_was_ended_by_nobody(site: Site) -> None:
    """The cancel came too late: whoever asked for it made nothing of this."""
    uid = await ready(site)
    await site.dispatch()
    site.engine.end()
    await cancelled_by(site, "bob", uid)
    await site.track()
    assert changes(site)[-1] == ("COMPLETED", None)


async def test_who_changed_a_run_before_did_not_cancel_it(site: Site) -> None:
    """Bob resumed it. Who deleted it, which cancels it here, nobody stamps."""
    uid = await ready(site, deletionPolicy="Cancel")
    await site.dispatch()
    await take(site, of("bob", uid=uid, generation=2, state="Suspended"))
    await take(site, of("bob", uid=uid, generation=3))
    await site.delete(uid)
    await site.cancel()
    await site.track()
    assert site.one("SELECT updated_by FROM run") == "bob"
    assert changes(site)[-1] == ("CANCELLED", None)


async def test_two_people_in_one_batch_are_told_apart(site: Site) -> None:
    """Runs of two people arrive together, one of them on its way out already."""
    await site.serve()
    await site.define(
        batches=[{"name": "a", "items": [{}]}], dispatch={"per": "Item", "maxParallel": 1}, deletionPolicy="Cancel"
    )
    going = of("bob", "tuesday")
    going["metadata"] |= {"deletionTimestamp": "2026-11-21T12:00:00Z", "finalizers": ["baton.dev/cancel"]}
    await take(site, of("ada"), going)
    assert changes(site) == [("PENDING", "ada")]
    assert changes(site, "tuesday") == [("PENDING", "bob"), ("CANCELLED", None)]
    assert [tuple(row) for row in site.rows(BORN)] == [("monday", "ada"), ("tuesday", "bob")]
