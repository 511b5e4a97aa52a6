"""What the Airflow adapter keeps beside the contract: tasks as steps, their logs read on, and a retry."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from baton_fakes.airflow import FakeAirflow
from baton_fakes.airflow_dags import Declared, Task, param
from baton_fakes.airflow_harness import FakeAirflowHarness

from baton_models import ExecutionStatus
from baton_operator.engines.base import Created, Reference
from baton_operator.engines.conformance import Fault, eventually, observed, reference, serving, submitted
from baton_operator.engines.errors import PermanentError, RetryableError, TargetNotFoundError, UnknownOutcomeError

WIDE = Declared("wide", [Task("part", maps="n", seconds=0.0), Task("last")], {"n": param(3, "integer")})
LOGS = "GET /api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/{try_number}"


@pytest.fixture
async def harness() -> AsyncIterator[FakeAirflowHarness]:
    """The fake with a DAG of many tasks."""
    fake = FakeAirflow()
    fake.state.declare(WIDE)
    async with serving(fake.app()) as url:
        made = FakeAirflowHarness(fake, url, request_deadline=10.0)
        yield made
        await made.adapter.close()


async def ended(harness: FakeAirflowHarness, dag: str, **arguments: object) -> Reference:
    """Run a DAG to its end."""
    request = harness.request(target={"dag": dag}, arguments=arguments)
    outcome = await harness.adapter.submit(request)
    assert isinstance(outcome, Created), outcome
    wanted = reference(request, outcome.external_id)
    await observed(harness, wanted, lambda seen: seen.status.is_finished)
    return wanted


async def under_way(harness: FakeAirflowHarness, wanted: Reference, task: str) -> None:
    """Wait until a task runs."""

    async def it_runs() -> bool:
        return (task, "running") in [(node.name, node.native) for node in await harness.adapter.nodes(wanted)]

    await eventually(it_runs)


def lines(text: str) -> list[tuple[str, str, str]]:
    """Split a log into task, level and words."""
    split = [line.split(" ", 3) for line in text.splitlines()]
    return [(task.rstrip(":"), level, words) for task, _, level, words in split]


async def test_tasks_are_steps(harness: FakeAirflowHarness) -> None:
    """Each part of a mapped task has its index; all stand as they began."""
    wanted = await ended(harness, "wide", n=3)
    nodes = await harness.adapter.nodes(wanted)
    assert [(node.name, node.status, node.native, node.type) for node in nodes] == [
        *[(f"part[{index}]", ExecutionStatus.COMPLETED, "success", "@task") for index in range(3)],
        ("last", ExecutionStatus.COMPLETED, "success", "@task"),
    ]
    assert len({node.id for node in nodes}) == 4


async def test_more_steps_than_a_page_are_all_shown(harness: FakeAirflowHarness) -> None:
    """Airflow gives a hundred at once, whatever is asked for."""
    wanted = await ended(harness, "wide", n=230)
    nodes = await harness.adapter.nodes(wanted)
    assert len({node.name for node in nodes}) == 231


async def test_a_cancelled_runs_steps_say_so(harness: FakeAirflowHarness) -> None:
    """What ran has failed, what had not begun is skipped."""
    request = harness.request(target={"dag": "baton_demo"}, arguments={"sleep": 300})
    outcome = await harness.adapter.submit(request)
    assert isinstance(outcome, Created)
    wanted = reference(request, outcome.external_id)
    await under_way(harness, wanted, "work")
    await harness.adapter.cancel(wanted, "stop", "enough")
    shown = [(node.name, node.native) for node in await harness.adapter.nodes(wanted)]
    assert shown == [("prepare", "success"), ("work", "failed"), ("finish", "skipped")]


async def test_logs_stand_in_the_tasks_order(harness: FakeAirflowHarness) -> None:
    """One line each with task, time and level; neither Airflow's folds nor its own places are among them."""
    wanted = await ended(harness, "baton_demo")
    page = await harness.adapter.logs(wanted, None)
    assert lines(page.text) == [
        (task, "INFO", words)
        for task in ("prepare", "work", "finish")
        for words in ("DAG bundles loaded: dags-folder", "Done. Returned value was: None")
    ]
    assert not page.more
    again = await harness.adapter.logs(wanted, page.cursor)
    assert (again.text, again.cursor, again.more) == ("", page.cursor, False)


async def test_an_error_says_what_it_was(harness: FakeAirflowHarness) -> None:
    """Airflow keeps it beside the event."""
    wanted = await ended(harness, "baton_demo", fail=True)
    page = await harness.adapter.logs(wanted, None)
    assert ("work", "ERROR", "Task failed with exception: RuntimeError: as conf wants it") in lines(page.text)


async def test_a_running_log_is_read_on(harness: FakeAirflowHarness) -> None:
    """From the token that Airflow gave; no line comes twice, and none is left out."""
    request = harness.request(arguments={"secs": 1.0, "fail": "no"})
    outcome = await harness.adapter.submit(request)
    assert isinstance(outcome, Created)
    wanted = reference(request, outcome.external_id)
    text, cursor, more, cursors = "", None, True, set()
    while more:
        page = await harness.adapter.logs(wanted, cursor)
        text, cursor, more = text + page.text, page.cursor, page.more
        cursors.add(cursor)
    assert [words for _, _, words in lines(text)] == [
        "DAG bundles loaded: dags-folder",
        "Done. Returned value was: None",
    ]
    assert len(cursors) <= 3  # nothing, what runs, its end: it moves only when something was written


async def test_a_log_that_has_no_token_yet_goes_on(harness: FakeAirflowHarness) -> None:
    """A task that has ended just after it was listed: its log is read when the list says so, once and whole."""
    _, wanted = await submitted(harness)
    await under_way(harness, wanted, "wait")
    harness.faults.add(
        Fault("answer", status=200, body='{"content":["early"],"continuation_token":null}', path="/logs/")
    )
    page = await harness.adapter.logs(wanted, None)
    assert (page.text, page.more) == ("", True)
    harness.faults.clear()
    assert len(lines((await harness.adapter.logs(wanted, page.cursor)).text)) == 1


async def test_each_try_is_read_once(harness: FakeAirflowHarness) -> None:
    """After a retry only the second try is new; from the beginning, both are there."""
    _, wanted = await submitted(harness, "fails")
    before = await observed(harness, wanted, lambda seen: seen.status.is_finished)
    first = await harness.adapter.logs(wanted, None)
    await harness.adapter.retry(wanted)
    await observed(harness, wanted, lambda seen: seen.status.is_finished and seen.finished_at != before.finished_at)
    second = await harness.adapter.logs(wanted, first.cursor)
    whole = await harness.adapter.logs(wanted, None)
    assert len(lines(first.text)) == len(lines(second.text)) == 2
    assert whole.text == first.text + second.text
    assert (await harness.adapter.logs(wanted, whole.cursor)).text == ""


async def test_many_logs_come_in_parts(harness: FakeAirflowHarness) -> None:
    """A page takes at most fifty requests for logs; the cursor leads through all of them, once."""
    wanted = await ended(harness, "wide", n=120)
    text, cursor, pages, more = "", None, 0, True
    while more:
        harness.fake.requests.clear()
        page = await harness.adapter.logs(wanted, cursor)
        assert harness.fake.requests[LOGS] <= 50
        text, cursor, more, pages = text + page.text, page.cursor, page.more, pages + 1
    assert pages == 3
    told = [task for task, _, words in lines(text) if words.startswith("Done.")]
    assert len(told) == len(set(told)) == 121


async def test_a_log_that_is_too_long_is_named(harness: FakeAirflowHarness) -> None:
    """It is not read into memory, and the logs of other tasks are still shown."""
    wanted = await ended(harness, "baton_demo")
    harness.faults.add(Fault("flood", size=8 * 1024 * 1024, path="/work/logs/"))
    page = await harness.adapter.logs(wanted, None)
    assert "work: the log of try 1 is too long to be shown here" in page.text
    assert {line.partition(":")[0] for line in page.text.splitlines()} == {"prepare", "work", "finish"}
    assert (await harness.adapter.logs(wanted, page.cursor)).text == ""


@pytest.mark.parametrize("cursor", ["", "7", "{", '{"wait":1}', "null", "[]"])
async def test_a_cursor_of_nobodys_begins_anew(harness: FakeAirflowHarness, cursor: str) -> None:
    """Whatever it is, it is no error."""
    _, wanted = await submitted(harness, "succeeds")
    await observed(harness, wanted, lambda seen: seen.status.is_finished)
    assert len(lines((await harness.adapter.logs(wanted, cursor)).text)) == 2


async def test_a_secret_in_a_log_is_not_repeated(harness: FakeAirflowHarness) -> None:
    """What Airflow echoes of our credential is taken out of lines, too."""
    harness.rotate("canary-0815-password")
    _, wanted = await submitted(harness, "succeeds")
    await observed(harness, wanted, lambda seen: seen.status.is_finished)
    entry = {"timestamp": "2026-11-21T09:00:00Z", "event": "logged in with canary-0815-password", "level": "info"}
    body = msgspec.json.encode({"content": [entry, "a bare line"], "continuation_token": None}).decode()
    harness.faults.add(Fault("answer", status=200, body=body, path="/logs/"))
    page = await harness.adapter.logs(wanted, None)
    assert page.text == "wait: 2026-11-21T09:00:00Z INFO logged in with [redacted]\nwait: a bare line\n"


async def test_a_retry_runs_what_failed_and_forgets_a_cancel(harness: FakeAirflowHarness) -> None:
    """The run goes on under its id, what had succeeded is not run again, and the mark of the cancel is gone."""
    request = harness.request(target={"dag": "baton_demo"}, arguments={"sleep": 300})
    outcome = await harness.adapter.submit(request)
    assert isinstance(outcome, Created)
    wanted = reference(request, outcome.external_id)
    await under_way(harness, wanted, "work")
    await harness.adapter.cancel(wanted, "stop", "enough")
    await harness.adapter.retry(wanted)
    run = harness.fake.state.find("baton_demo", request.token)
    assert run.note == f"Started by Baton for the Run team/{request.run_name}"
    await observed(harness, wanted, lambda seen: seen.status is ExecutionStatus.PROCESSING)
    tries = {node.name: node.native for node in await harness.adapter.nodes(wanted)}
    assert tries["prepare"] == "success"
    assert await harness.accepted(request.token) == 1


async def test_only_what_failed_is_retried(harness: FakeAirflowHarness) -> None:
    """What runs, what succeeded, what was cancelled before it began, and what is not there: each is said."""
    _, live = await submitted(harness)
    _, good = await submitted(harness, "succeeds")
    await observed(harness, good, lambda seen: seen.status.is_finished)
    for wanted in (live, good):
        with pytest.raises(PermanentError, match="only a failed DAG run can be retried"):
            await harness.adapter.retry(wanted)
    harness.fake.state.settings.scheduler = False
    _, waiting = await submitted(harness)
    await harness.adapter.cancel(waiting, "stop", "enough")
    with pytest.raises(PermanentError, match="no failed task to clear"):
        await harness.adapter.retry(waiting)
    with pytest.raises(TargetNotFoundError):
        await harness.adapter.retry(harness.nowhere(live))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("work-then-drop"), UnknownOutcomeError),
        (Fault("answer", status=500, body="Internal Server Error"), UnknownOutcomeError),
        (Fault("cut"), UnknownOutcomeError),
        (Fault("answer", status=403, body='{"detail":"Forbidden"}'), PermanentError),
        (Fault("answer", status=429), RetryableError),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
async def test_a_retry_whose_answer_is_lost_is_unknown(
    harness: FakeAirflowHarness, fault: Fault, error: type[Exception]
) -> None:
    """It may have been done, or not."""
    _, wanted = await submitted(harness, "fails")
    await observed(harness, wanted, lambda seen: seen.status.is_finished)
    harness.faults.add(msgspec.structs.replace(fault, path="/clear$", times=1))
    with pytest.raises(error):
        await harness.adapter.retry(wanted)
