"""What the watches say becomes rows: Runs taken in or refused, changed, deleted; Automations and Engines changed."""

from __future__ import annotations

import time
from typing import Any

import pytest
from loop_site import Site, gone, manifest, turn

from baton_operator.kube.resources import AutomationSeen, EngineSeen, RunSeen, Seen

ACCEPTED = "SELECT accepted_reason, accepted_message FROM run WHERE name = :name"


def run(name: str, automation: str = "patch", *, uid: str = "", **spec: Any) -> RunSeen:
    whole = {"automationRef": {"name": automation}, "state": "Active", **spec}
    return RunSeen.parse(manifest("team-a", name, whole, uid=uid))


async def until_quiet(site: Site, *, within: float = 60) -> None:
    """Turn intake and probe until nothing is offered and nothing waits."""
    intake, deadline = site.first.intake, time.monotonic() + within
    while True:
        await intake.turn()
        await turn(site.first.probe)
        if not intake._offered and not intake._waiting and not intake._aside:
            return
        assert time.monotonic() < deadline, (intake._offered, intake._waiting)


async def test_one_that_does_not_fit_keeps_nobody_waiting(site: Site) -> None:
    """Of fifty, one is refused; it is born FAILED with reason and message, and nothing is sent for it."""
    await site.serve()
    await site.define(parametersSchema={"properties": {"host": {"type": "string"}}})
    batch = [run(f"run-{number}", parameters={"host": "a" if number else 7}) for number in range(50)]
    await site.first.runs.take(batch)
    assert site.runs()["run-0"] == ("FAILED", "InvalidParameters")
    ((reason, message),) = site.rows(ACCEPTED, name="run-0")
    assert (reason, message.startswith("spec.parameters.host: 7 is not of type")) == ("InvalidParameters", True)
    assert site.history("run-0") == [("FAILED", "InvalidParameters")]
    await site.dispatch()
    assert len(site.engine.submits) == 49


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"parameters": {"a": "x\0"}}, "InvalidParameters"),
        ({"parameters": {"a": "\ud800"}}, "InvalidParameters"),
        ({"correlationId": "a\0b"}, "InvalidParameters"),
        ({"batches": {"names": ["nobody"]}}, "InvalidBatches"),
        ({"batches": {"inline": [{"name": "a", "items": [{"x": "\0"}]}]}}, "InvalidBatches"),
        ({"batches": {"inline": [{"name": "a", "items": [{}] * 10_001}]}}, "TooManyItems"),
    ],
)
async def test_what_cannot_be_kept_is_refused(site: Site, spec: dict[str, Any], reason: str) -> None:
    """It has a row that says so, whatever was in it; the others of its batch go on."""
    await site.serve()
    await site.define(dispatch={"per": "Item"}, batches=[{"name": "b", "items": [{}]}])
    await site.first.runs.take([run("bad", **spec), run("good")])
    assert site.one("SELECT accepted_reason FROM run WHERE name = 'bad'") == reason
    assert site.runs()["good"] == ("PENDING", "Queued")
    assert site.runs()["bad"] == ("FAILED", reason)


async def test_what_people_write_beside_the_spec_breaks_nothing(site: Site) -> None:
    """Names and trace contexts come from annotations that anybody may write."""
    await site.serve()
    await site.define()
    raw = manifest("team-a", "monday", {"automationRef": {"name": "patch"}, "state": "Active"})
    raw["metadata"]["annotations"] = {
        "baton.dev/created-by": "ann\0" + "x" * 300,
        "baton.dev/traceparent": "00-\0" + "y" * 300,
        "baton.dev/state-by": "\0",
    }
    await site.first.runs.take([RunSeen.parse(raw)])
    assert site.runs() == {"monday": ("PENDING", "Queued")}
    await site.change(raw["metadata"]["uid"], state="Cancelled", reason="because\0")
    assert site.runs() == {"monday": ("CANCELLED", "Cancelled")}


async def test_an_automation_that_cannot_be_kept_blocks_nobody(site: Site) -> None:
    """It says InvalidSchema; its Runs are refused; others are taken in."""
    await site.serve()
    await site.define()
    bad = {"engineRef": {"name": "argo"}, "target": {"argo": {"workflowTemplate": "n"}}, "description": "a\0b"}
    intake = site.first.intake
    intake.offer(AutomationSeen.parse(manifest("team-a", "bad", bad)))
    intake.offer(run("of-bad", "bad"))
    intake.offer(run("monday"))
    await until_quiet(site)
    assert site.one("SELECT ready_reason FROM automation WHERE name = 'bad'") == "InvalidSchema"
    assert site.runs() == {"of-bad": ("FAILED", "InvalidParameters"), "monday": ("PENDING", "Queued")}


async def test_a_run_of_an_automation_that_cannot_be_used(site: Site) -> None:
    """The reason is of the Run's own list; the message is the Automation's."""
    await site.serve()
    await site.define("schema", parametersSchema={"type": "objekt"})
    await site.define("expression", arguments={"a": "${items.map(i, i)}"})
    await site.define("foreign", engineRef={"name": "argo", "namespace": "elsewhere"})
    await site.define("asleep", suspend=True)
    runs = [run(name, name) for name in ("schema", "expression", "foreign", "asleep")]
    unready = await site.first.runs.take(runs)
    assert {each.name: each.reason for each in unready.values()} == {"argo": "RefNotPermitted"}  # it may still come
    site.first.runs.decide_now(runs[2], "Engine")
    await site.first.runs.take(runs)
    reasons = dict(site.rows("SELECT name, accepted_reason FROM run"))
    assert reasons == {
        "schema": "InvalidParameters",
        "expression": "InvalidArguments",
        "foreign": "RefNotPermitted",
        "asleep": "AutomationSuspended",
    }
    ((_, message),) = site.rows(ACCEPTED, name="schema")
    assert message.startswith("Automation schema: spec.parametersSchema.type: ")


ORDERS = [("engine", "automation", "run"), ("run", "automation", "engine"), ("automation", "run", "engine")]


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
async def test_references_have_no_order(site: Site, order: tuple[str, ...]) -> None:
    """`kubectl apply -f dir/` with Run, Automation and Engine in any order; a turn of intake between each."""
    spec = {"type": "Argo", "submission": {"visibilityLag": "1s", "memory": "1h"}}
    things: dict[str, Seen] = {
        "engine": EngineSeen.parse(manifest("team-a", "argo", spec)),
        "automation": AutomationSeen.parse(
            manifest("team-a", "patch", {"engineRef": {"name": "argo"}, "target": {"argo": {"workflowTemplate": "n"}}})
        ),
        "run": run("monday"),
    }
    for name in order:
        site.first.intake.offer(things[name])
        await site.first.intake.turn()
    await until_quiet(site)
    assert site.runs() == {"monday": ("PENDING", "Queued")}
    await site.dispatch()
    assert site.runs() == {"monday": ("PROCESSING", "Dispatched")}


async def test_the_same_sight_again_changes_nothing(site: Site) -> None:
    """A watch that starts again shows everything once more, in any order, also what is older."""
    await site.serve()
    await site.define()
    (uid,) = await site.start("monday")
    await site.change(uid, state="Suspended", generation=3)
    before = site.rows("SELECT xmin::text, r.* FROM run r")
    await site.first.runs.take([run("monday", uid=uid), run("monday", uid=uid)])
    await site.change(uid, state="Active", generation=2)
    assert site.rows("SELECT xmin::text, r.* FROM run r") == before


async def test_a_name_is_free_again_in_every_phase(site: Site) -> None:
    """The old one ends, or goes on as an orphan; the new one is separate."""
    await site.serve()
    await site.define()
    queued, under_way = await site.start("queued", "under-way", state="Suspended")
    await site.change(under_way, state="Active")
    await site.dispatch()
    await site.delete(queued, under_way)
    again = await site.start("queued", "under-way")
    statuses = dict(site.rows("SELECT uid, status::text FROM run"))
    assert statuses == {queued: "CANCELLED", under_way: "PROCESSING", again[0]: "PENDING", again[1]: "PENDING"}
    await site.dispatch()
    assert len(set(site.engine.submits)) == 3
    site.engine.end()
    await site.track()
    statuses = dict(site.rows("SELECT uid, status::text FROM run"))
    assert statuses == {queued: "CANCELLED", under_way: "COMPLETED", again[0]: "COMPLETED", again[1]: "COMPLETED"}
    assert site.engine.cancels == []


async def test_what_is_deleted_is_not_tried_again(site: Site) -> None:
    await site.serve()
    await site.define(retry={"maxAttempts": 3, "backoff": {"initial": "1s"}})
    (uid,) = await site.start("monday")
    await site.dispatch()
    await site.delete(uid)
    site.engine.end(next(iter(site.engine.executions.values())).status.FAILED)
    await site.track()
    assert site.runs() == {"monday": ("FAILED", "Failed")}
    assert site.attempts() == ["CLOSED"]


async def test_a_deleted_fleet_finishes_what_is_out(site: Site) -> None:
    await site.serve()
    await site.define(batches=[{"name": "a", "items": [{}] * 4}], dispatch={"per": "Item", "maxParallel": 2})
    (uid,) = await site.start("fleet")
    await site.dispatch()
    await site.delete(uid)
    site.engine.end()
    await site.track()
    assert site.runs() == {"fleet": ("CANCELLED", "Cancelled")}
    statuses = sorted(row.status for row in site.rows("SELECT status::text FROM item_execution"))
    assert statuses == ["CANCELLED", "CANCELLED", "COMPLETED", "COMPLETED"]


async def test_an_automation_made_anew_under_its_name(site: Site) -> None:
    """Its deletion was missed; the old one's Runs go on with the version they were admitted under."""
    await site.serve()
    old = await site.define(arguments={"v": "1"})
    await site.start("before", state="Suspended")
    await site.define(arguments={"v": "2"})
    await site.start("after")
    await site.first.definitions.take(gone(old))
    site.execute("UPDATE run SET state = 'Active', released_at = NULL WHERE name = 'before'")
    await site.first.parts.store.run(site.first.sweep._release)
    await site.dispatch()
    assert sorted(each.arguments["v"] for each in site.engine.executions.values()) == ["1", "2"]
    assert site.one("SELECT count(*) FROM automation WHERE is_active") == 1


async def test_a_changed_batch_is_a_new_row(site: Site) -> None:
    """What ran keeps what it ran."""
    await site.serve()
    first = await site.define(batches=[{"name": "a", "items": [{"n": 1}]}], dispatch={"per": "Item"})
    await site.start("before")
    spec = {**first.spec, "batches": [{"name": "a", "items": [{"n": 1}, {"n": 2}]}]}
    changed = AutomationSeen.parse(manifest("team-a", "patch", spec, uid=first.uid, generation=2))
    await site.first.definitions.take(changed)
    await site.start("after")
    await site.dispatch()
    assert len(site.engine.executions) == 3
    assert site.one("SELECT count(*) FROM batch WHERE is_active") == 1
    assert site.one("SELECT count(*) FROM batch") == 2


async def test_a_definition_that_fails_loses_none_of_the_others(site: Site) -> None:
    """The first of three cannot be taken in: the others are, and it is tried again."""
    await site.serve()
    site.execute("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$")
    site.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON automation FOR EACH ROW WHEN (new.name = 'a') EXECUTE FUNCTION refuse()"
    )
    spec = {"engineRef": {"name": "argo"}, "target": {"argo": {"workflowTemplate": "n"}}}
    intake = site.first.intake
    for name in "abc":
        intake.offer(AutomationSeen.parse(manifest("team-a", name, spec)))
    site.may_fail = True
    await intake.turn()
    assert sorted(row.name for row in site.rows("SELECT name FROM automation")) == ["b", "c"]
    site.execute("DROP TRIGGER refuse ON automation")
    await until_quiet(site)
    assert sorted(row.name for row in site.rows("SELECT name FROM automation")) == ["a", "b", "c"]


async def test_a_run_that_cannot_be_stored_starves_nobody(site: Site) -> None:
    """The first of a batch fails whatever is done: the others are admitted all the same, and it is tried again."""
    await site.serve()
    await site.define()
    site.execute("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$")
    site.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON run FOR EACH ROW WHEN (new.name = 'a') EXECUTE FUNCTION refuse()"
    )
    intake = site.first.intake
    for name in "abc":
        intake.offer(run(name))
    site.may_fail = True
    await intake.turn()
    assert sorted(site.runs()) == ["b", "c"]
    site.execute("DROP TRIGGER refuse ON run")
    await until_quiet(site)
    assert sorted(site.runs()) == ["a", "b", "c"]


async def test_an_api_server_that_does_not_answer_holds_up_nobody(site: Site) -> None:
    """A Run whose Automation is missing waits; the others are admitted meanwhile."""
    await site.serve()
    await site.define()
    intake = site.first.intake
    intake.offer(run("lonely", "nowhere"))
    await intake.turn()
    ((begun, waiting, unready),) = intake._waiting.values()
    intake._waiting[waiting.uid] = (begun - 60, waiting, unready)
    intake.offer(run("monday"))
    await intake.turn()
    assert site.runs() == {"monday": ("PENDING", "Queued")}
    assert list(intake._waiting) == [waiting.uid]
