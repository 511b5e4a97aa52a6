"""What an engine starts twice by itself is ours to follow and to cancel, and is never ours to repeat (R7)."""

from __future__ import annotations

import asyncio

from loop_site import Site

from baton_models.statements.projection import read_runs
from baton_models.status import ExecutionStatus
from baton_operator.cli.run_rows import read_attempts
from baton_operator.engines.base import Outcome, SubmitRequest, Unknown
from baton_operator.loops.settle import Verdict

INSTANCES = """
SELECT i.external_id LIKE '%#2' AS second, i.status::text, i.status_reason, i.attempt,
       i.duplicate_of_id IS NOT NULL AS duplicate, count(o.id) AS links
FROM orchestration_instance i LEFT JOIN run_orchestration o ON o.orchestration_instance_id = i.id
GROUP BY i.id ORDER BY i.external_id
"""
DONE, FAILED = ExecutionStatus.COMPLETED, ExecutionStatus.FAILED


async def running_twice(site: Site, **automation: object) -> tuple[str, str]:
    """Bring a Run that the engine starts twice, and have both seen; give its uid and token."""
    await site.serve()
    await site.define(**automation)
    (uid,) = await site.start("monday")
    await site.dispatch()
    (token,) = site.engine.executions
    site.engine.duplicate(token)
    await site.track()
    await site.track()
    return uid, token


def end(site: Site, *, first: ExecutionStatus | None = None, second: ExecutionStatus | None = None) -> None:
    for each in site.engine.all():
        wanted = second if each.number > 1 else first
        each.status = wanted or each.status


async def test_r7_what_a_look_finds_twice_is_followed_twice(site: Site) -> None:
    """The answer was lost and two executions carry the token: each has its row, linked to the Run."""
    await site.serve()
    await site.define()
    await site.start("monday")

    def twice(request: SubmitRequest) -> Outcome:
        site.engine.accept(request)
        site.engine.duplicate(request.token)
        return Unknown("connection reset")

    site.engine.script.append(twice)
    await site.dispatch()
    site.later(8)
    await site.resolve()
    assert site.rows(INSTANCES) == [
        (False, "PENDING", "Dispatched", 1, False, 1),
        (True, "PENDING", "EngineDuplicated", 1, True, 1),
    ]
    end(site, first=DONE, second=FAILED)
    await site.track()
    assert site.runs() == {"monday": ("COMPLETED", "Succeeded")}
    assert [row.status for row in site.rows(INSTANCES)] == ["COMPLETED", "FAILED"]
    assert site.attempts() == ["CLOSED"]


async def test_r7_what_an_engine_starts_again_later_is_followed(site: Site) -> None:
    """Seen by track beside the first; stored once, however often it is seen."""
    await running_twice(site)
    await site.track()
    assert site.rows(INSTANCES) == [
        (False, "PROCESSING", "Running", 1, False, 1),
        (True, "PROCESSING", "EngineDuplicated", 1, True, 1),
    ]
    assert len(site.engine.submits) == 1


async def test_r7_people_are_shown_the_one_that_counts_and_the_other_beside_it(site: Site) -> None:
    """The custom resource names the first; `baton runs get` names both."""
    await running_twice(site)
    (run,) = (row.id for row in site.rows("SELECT id FROM run"))
    async with site.first.database.get_async_session() as session:
        (shown,) = await read_runs(session, [run])
        (attempt,) = await read_attempts(session, run)
    first, second = (each.id for each in site.engine.all())
    assert (shown.external_id, shown.executions) == (first, 2)
    assert attempt["duplicates"] == [{"external_id": second, "status": "PROCESSING"}]
    site.engine.end()
    await site.track()


async def test_r7_the_unit_ends_as_the_one_that_counts_does(site: Site) -> None:
    """At once; its duplicate is followed to its own end, which changes nothing."""
    await running_twice(site)
    end(site, first=DONE)
    await site.track()
    assert site.runs() == {"monday": ("COMPLETED", "Succeeded")}
    assert site.rows("SELECT state::text, settled FROM dispatch_attempt") == [("ACKED", True)]
    end(site, second=FAILED)
    await site.track()
    assert site.runs() == {"monday": ("COMPLETED", "Succeeded")}
    assert site.attempts() == ["CLOSED"]
    assert [row.status_reason for row in site.rows(INSTANCES)] == ["Succeeded", "EngineDuplicated"]


async def test_r7_a_duplicate_that_ends_first_ends_nothing(site: Site) -> None:
    await running_twice(site)
    end(site, second=FAILED)
    await site.track()
    assert site.runs() == {"monday": ("PROCESSING", "Dispatched")}
    assert site.attempts() == ["ACKED"]
    end(site, first=DONE)
    await site.track()
    assert site.runs() == {"monday": ("COMPLETED", "Succeeded")}
    assert site.attempts() == ["CLOSED"]


async def test_r7_a_retry_waits_until_everything_under_the_old_token_has_ended(site: Site) -> None:
    """The first failed and is to be tried again; nothing is sent while its duplicate runs."""
    await running_twice(site, retry={"maxAttempts": 2, "backoff": {"initial": "1s"}})
    for each in site.engine.all():
        each.message = "out of disk"
    end(site, first=FAILED)
    await site.track()
    site.later(60)
    await site.dispatch()
    assert site.attempts() == ["ACKED"]
    assert len(site.engine.submits) == 1
    end(site, second=DONE)
    await site.track()
    assert site.attempts() == ["CLOSED", "INTENT"]
    assert site.runs() == {"monday": ("RETRYING", "Retrying")}
    assert site.one("SELECT error_summary FROM run") == "out of disk"
    site.later(60)
    await site.dispatch()
    assert len(site.engine.submits) == 2


async def test_r7_all_are_cancelled(site: Site) -> None:
    """Every execution under the token is told, and the Run ends when none goes on."""
    uid, token = await running_twice(site)
    await site.change(uid, state="Cancelled")
    await site.cancel()
    assert site.engine.cancels == [token, token]
    assert {each.status.value for each in site.engine.all()} == {"CANCELLED"}
    await site.track()
    assert site.runs() == {"monday": ("CANCELLED", "Cancelled")}
    assert site.attempts() == ["CLOSED"]


async def test_r7_what_is_started_again_after_a_cancel_is_cancelled_then(site: Site) -> None:
    """The cancel was sent before the engine began it once more."""
    await site.serve()
    await site.define()
    (uid,) = await site.start("monday")
    await site.dispatch()
    (token,) = site.engine.executions
    site.engine.obedient = False
    await site.change(uid, state="Cancelled")
    await site.cancel()
    site.engine.duplicate(token)
    await site.track()
    site.engine.obedient = True
    await site.cancel()
    assert {each.status.value for each in site.engine.all()} == {"CANCELLED"}
    await site.track()
    await site.track()
    assert site.runs() == {"monday": ("CANCELLED", "Cancelled")}


async def test_a_duplicate_that_vanishes_is_lost_and_ends_nothing(site: Site) -> None:
    await running_twice(site)
    site.engine.duplicates.clear()
    for _ in range(2):
        await site.track()
        site.later(31)
    await site.track()
    assert [row.status for row in site.rows(INSTANCES)] == ["PROCESSING", "FAILED"]
    assert site.runs()["monday"][0] == "PROCESSING"
    end(site, first=DONE)
    await site.track()


async def test_the_later_of_two_that_end_at_once_closes_the_attempt(site: Site) -> None:
    """Two processes see one end each: whoever comes second sees both."""
    await running_twice(site)
    end(site, first=DONE, second=DONE)
    first, second = site.rows("SELECT id, version, duplicate_of_id FROM orchestration_instance ORDER BY external_id")
    settler, other = site.first.parts, site.another().parts

    def verdict(row: object) -> Verdict:
        return Verdict(row.id, row.version, DONE, "Succeeded", "Succeeded", duplicate_of_id=row.duplicate_of_id)

    async with settler.store.database.get_async_session() as session, session.begin():
        await settler.settler.settle(session, [verdict(first)])
        late = asyncio.create_task(other.store.run(lambda late: other.settler.settle(late, [verdict(second)])))
        await site.somebody_waits()
    await late
    assert site.attempts() == ["CLOSED"]
    assert site.runs() == {"monday": ("COMPLETED", "Succeeded")}
