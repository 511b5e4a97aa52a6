"""Hooks of Runs on any engine: queued once, counted once, and nobody's business but their own."""

from __future__ import annotations

from typing import Any

from loop_site import Site, counted_statements

from baton_models import ExecutionStatus
from baton_operator.loops.hooks import HookLoop
from baton_operator.worker import claims

ALL = {each: {"task": "acme.seen"} for each in ("onStart", "onTransition", "onFinish")}
QUEUED = """
SELECT t.hook, t.arguments ->> 'status', (t.arguments ->> 'seq')::int, t.task FROM embedded_task t
JOIN run r ON r.id = t.run_id WHERE r.name = :name ORDER BY t.hook_no
"""
END = (
    "UPDATE embedded_task SET state = :state, error = 'no', started_at = now(), finished_at = now() WHERE hook = :hook"
)


def counted(loop: HookLoop) -> dict[tuple[str, str], float]:
    (metric,) = loop._metrics.hooks_finished.collect()
    samples = [each for each in metric.samples if each.name.endswith("_total")]
    return {(each.labels["hook"], each.labels["outcome"]): each.value for each in samples}


async def travelled(site: Site, name: str, automation: str = "patch", **spec: Any) -> None:
    await site.start(name, automation=automation, **spec)
    await site.dispatch()
    site.engine.end()
    await site.track()


async def test_a_run_on_any_engine_queues_its_hooks(site: Site) -> None:
    """Each change once, in the order of the history; what the engine executes is not concerned."""
    await site.serve()
    await site.define(hooks=ALL)
    await travelled(site, "monday")
    assert site.rows(QUEUED, name="monday") == [
        ("onTransition", "PENDING", 1, "acme.seen"),
        ("onStart", "PROCESSING", 2, "acme.seen"),
        ("onTransition", "PROCESSING", 2, "acme.seen"),
        ("onTransition", "COMPLETED", 3, "acme.seen"),
        ("onFinish", "COMPLETED", 3, "acme.seen"),
    ]
    assert site.runs()["monday"] == ("COMPLETED", "Succeeded")


async def test_a_run_starts_once_however_often_it_is_tried(site: Site) -> None:
    await site.serve()
    await site.define(hooks={"onStart": {"task": "acme.seen"}}, retry={"maxAttempts": 2, "backoff": {"initial": "0s"}})
    await site.start("monday")
    for _ in range(2):
        await site.dispatch()
        site.engine.end(ExecutionStatus.FAILED)
        await site.track()
    assert [status for status, _ in site.history("monday")][-2:] == ["PROCESSING", "FAILED"]
    assert [row[0] for row in site.rows(QUEUED, name="monday")] == ["onStart"]


async def test_a_refused_run_calls_no_hook(site: Site) -> None:
    """It is none of the Automation's work."""
    await site.serve()
    await site.define(hooks=ALL, parametersSchema={"properties": {"host": {"type": "string"}}})
    await site.start("bad", parameters={"host": 7})
    assert site.runs()["bad"] == ("FAILED", "InvalidParameters")
    assert site.rows(QUEUED, name="bad") == []


async def test_a_hook_that_cannot_be_read_keeps_no_run_from_moving(site: Site) -> None:
    """Whatever has got into the stored definition."""
    await site.serve()
    for number, hooks in enumerate([7, [], {"onStart": 7}, {"onStart": {"task": None}}, {"onStart": {"task": {}}}]):
        await site.define(f"odd-{number}", hooks=hooks)
        await travelled(site, f"odd-{number}", automation=f"odd-{number}")
    assert set(site.runs().values()) == {("COMPLETED", "Succeeded")}


async def test_an_end_is_counted_once_by_whoever_marks_it(site: Site) -> None:
    await site.serve()
    await site.define(hooks=ALL)
    await travelled(site, "monday")
    first, second = HookLoop(site.first.parts), HookLoop(site.another().parts)
    await first.turn()
    assert counted(first) == {}
    site.execute(END, hook="onStart", state="succeeded")
    site.execute(END, hook="onFinish", state="timedout")
    for each in (first, second, first):
        await each.turn()
    assert counted(first) == {("onStart", "Succeeded"): 1, ("onFinish", "Failed"): 1}
    assert counted(second) == {}


async def test_a_run_without_hooks_costs_no_statement_more(site: Site) -> None:
    """The history's trigger reads; nothing is sent."""
    await site.serve()
    await site.define()
    await site.define("hooked", hooks=ALL)
    await travelled(site, "warm")
    sent = []
    for automation in ("patch", "hooked"):
        with counted_statements(site.first) as statements:
            await travelled(site, automation, automation=automation)
        sent.append(len(statements))
    assert sent[0] == sent[1]


async def test_hooks_of_a_run_are_given_out_in_order(site: Site) -> None:
    """However many workers ask at once, one hook of a Run is under way, the one whose turn it is."""
    await site.serve()
    await site.define(hooks=ALL)
    await travelled(site, "monday")
    await travelled(site, "tuesday")
    given: list[str] = []
    database = site.first.database
    for _ in range(5):
        turns = []
        for number in range(3):
            async with database.get_async_session() as session:
                turns.append(await claims.claim_hook(session, f"worker-{number}", lease=60))
                await session.commit()
        first, second, third = turns
        assert first
        assert second
        assert (third, {first.run_name, second.run_name}) == (None, {"monday", "tuesday"})
        given += [f"{each.hook.event} {each.hook.seq}" for each in (first, second) if each.hook]
        site.execute("UPDATE embedded_task SET state = 'succeeded', finished_at = now() WHERE state = 'running'")
    wanted = ["onTransition 1", "onStart 2", "onTransition 2", "onTransition 3", "onFinish 3"]
    assert given == [each for each in wanted for _ in range(2)]
