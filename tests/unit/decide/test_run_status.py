"""A Run's status document: small, total, and a function of its rows alone."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton_models.status import ExecutionStatus
from baton_operator.decide.run_events import notices
from baton_operator.decide.run_status import (
    LIMIT,
    Attempts,
    Counts,
    External,
    Failure,
    RunView,
    refusal_document,
    status_document,
)
from baton_operator.decide.texts import duration_text, fit, size

NOON = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC)
ID = UUID(int=7)
PHASES = {"Pending", "Queued", "Running", "Suspended", "Cancelling", "Succeeded", "Failed", "Cancelled"}
REASON = re.compile(r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")

texts = st.none() | st.text(max_size=3000)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
words = st.sampled_from(["Queued", "Dispatched", "Running", "EngineRejected", "TimedOut", "Lost", "Succeeded"])
numbers = st.integers(0, 2**31 - 1)

runs = st.builds(
    RunView,
    id=st.uuids(),
    name=st.text(min_size=1, max_size=52),
    generation=st.integers(1, 2**53),
    status=st.sampled_from(ExecutionStatus),
    created_at=moments,
    status_reason=st.none() | words,
    state=st.sampled_from(["Active", "Suspended", "Cancelled"]),
    accepted_reason=st.sampled_from(["Accepted", "InvalidParameters", "EngineNotFound"]),
    accepted_message=texts,
    error_summary=texts,
    cancellation_reason=texts,
    cancel_requested_at=st.none() | moments,
    started_at=st.none() | moments,
    finished_at=st.none() | moments,
    is_waiting_for_place=st.booleans(),
    rests_since=st.none() | moments,
    rests_for=st.text(max_size=30),
    engine=st.none() | st.text(max_size=300),
    counts=st.none() | st.builds(Counts, numbers, numbers, numbers, numbers),
    attempts=st.builds(
        Attempts,
        numbers,
        st.none() | moments,
        st.none() | moments,
        st.none() | moments,
        st.none() | texts,
        st.none() | moments,
    ),
    external=st.none() | st.builds(External, st.text(max_size=300), texts, texts, numbers, st.none() | words),
    failures=st.lists(
        st.builds(Failure, st.none() | st.text(max_size=200), st.none() | numbers, st.text()), max_size=20
    ),
)


def run(**values: Any) -> RunView:
    defaults = {"id": ID, "name": "r", "generation": 3, "status": ExecutionStatus.PENDING, "created_at": NOON}
    return RunView(**{**defaults, **values})


def condition(view: RunView, type_: str) -> tuple[str, str, str]:
    found = next(each for each in status_document(view)["conditions"] if each["type"] == type_)
    return found["status"], found["reason"], found["lastTransitionTime"]


@given(runs)
def test_every_document_is_small_and_within_the_schema(view: RunView) -> None:
    """Whatever the rows hold: 4 KiB at most, known words, times to the second, no condition twice."""
    document = status_document(view)
    assert len(orjson.dumps(document)) <= LIMIT
    assert document["phase"] in PHASES
    assert document["observedGeneration"] == view.generation
    assert len(document.get("failures", [])) <= 10
    types = [each["type"] for each in document["conditions"]]
    assert len(types) == len(set(types))
    assert types[:5] == ["Accepted", "Submitted", "Succeeded", "Completed", "Recorded"]
    for each in document["conditions"]:
        assert REASON.match(each["reason"])
        assert datetime.fromisoformat(each["lastTransitionTime"])
        assert each["status"] in {"True", "False", "Unknown"}


@pytest.mark.parametrize(
    ("reason", "counts", "shown"),
    [
        ("Dispatched", None, "Dispatched"),
        ("Running", None, "Running"),
        ("AwaitingApproval", None, "AwaitingApproval"),
        (None, None, "Dispatched"),
        ("Dispatched", Counts(total=9, completed=0, failed=1, running=2), "Running"),
        ("Dispatched", Counts(total=9, completed=0, failed=0, running=2), "Dispatched"),
    ],
)
def test_a_dispatched_run_shows_how_far_the_engine_is(reason: str | None, counts: Counts | None, shown: str) -> None:
    """The row says Dispatched until the end; what the execution waits for stands in its own row."""
    external = External("x", None, None, reason=reason)
    view = run(status=ExecutionStatus.PROCESSING, status_reason="Dispatched", external=external, counts=counts)
    assert condition(view, "Succeeded")[:2] == ("Unknown", shown)
    assert condition(view, "Reconciling")[1] == shown


@given(runs)
def test_the_same_rows_give_the_same_bytes(view: RunView) -> None:
    """No clock, no order of a set, nothing of the process."""
    assert orjson.dumps(status_document(view)) == orjson.dumps(status_document(view))


@given(runs)
def test_a_run_that_has_not_ended_never_looks_as_if_it_had(view: RunView) -> None:
    """Completed is True exactly at the end, Succeeded is Unknown until then, and kstatus reads the same."""
    by_type = {each["type"]: each["status"] for each in status_document(view)["conditions"]}
    ended = view.status.is_finished
    assert by_type["Completed"] == ("True" if ended else "False")
    assert (by_type["Succeeded"] == "Unknown") is not ended
    assert "finishedAt" in status_document(view) or not ended
    assert not ({"Reconciling", "Stalled"} <= set(by_type))
    if view.status is ExecutionStatus.COMPLETED:
        assert not {"Reconciling", "Stalled"} & set(by_type)
    elif not ended:
        assert {"Reconciling", "Stalled"} & set(by_type)


@pytest.mark.parametrize(
    ("values", "phase"),
    [
        ({"status_reason": "Queued"}, "Queued"),
        ({"status": ExecutionStatus.PROCESSING}, "Running"),
        ({"status": ExecutionStatus.RETRYING}, "Running"),
        ({"state": "Suspended", "status_reason": "Suspended"}, "Suspended"),
        ({"status": ExecutionStatus.PROCESSING, "cancel_requested_at": NOON}, "Cancelling"),
        ({"status": ExecutionStatus.COMPLETED}, "Succeeded"),
        ({"status": ExecutionStatus.FAILED}, "Failed"),
        ({"status": ExecutionStatus.CANCELLED}, "Cancelled"),
        ({"status": ExecutionStatus.SKIPPED}, "Cancelled"),
    ],
)
def test_the_phase_sums_up(values: dict[str, Any], phase: str) -> None:
    """One word for people."""
    assert status_document(run(**values))["phase"] == phase


def test_times_are_facts_of_the_rows() -> None:
    """A condition's time is that of the fact it states, not of the projection."""
    taken, ended = NOON + timedelta(seconds=2), NOON + timedelta(seconds=9)
    view = run(
        status=ExecutionStatus.COMPLETED,
        status_reason="Succeeded",
        started_at=NOON,
        finished_at=ended,
        attempts=Attempts(highest=1, accepted_at=taken),
    )
    assert condition(view, "Accepted")[2] == "2026-11-21T12:00:00Z"
    assert condition(view, "Submitted") == ("True", "Submitted", "2026-11-21T12:00:02Z")
    assert condition(view, "Completed") == ("True", "Succeeded", "2026-11-21T12:00:09Z")
    assert status_document(view)["duration"] == "9s"


ENGINE_WAIT = (
    "Waits for Engine platform/argo: for a slot, for its rate, or for its return; "
    "see `kubectl describe engine argo -n platform`"
)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "Waits for the engine: for a slot, for its rate, or for its return"),
        (
            {"engine": "platform/argo"},
            ENGINE_WAIT,
        ),
        ({"state": "Suspended", "rests_since": NOON}, "spec.state is Suspended: nothing is sent"),
        (
            {"is_waiting_for_place": True, "rests_since": NOON},
            "Waits for its turn: the Automation's concurrency.max is reached",
        ),
        (
            {"rests_since": NOON, "rests_for": "90s", "engine": "platform/argo"},
            "Engine platform/argo rests since 2026-11-21T12:00:00Z, as too many requests failed; tried again every 90s",
        ),
        (
            {"attempts": Attempts(highest=1, error="the engine answered 503", again_at=NOON)},
            "Sent again at 2026-11-21T12:00:00Z: the engine answered 503",
        ),
    ],
)
def test_a_run_that_waits_says_for_what_and_until_when(values: dict[str, Any], message: str) -> None:
    view = RunView(ID, "run", 1, ExecutionStatus.PENDING, NOON, status_reason="Queued", **values)
    (submitted,) = [each for each in status_document(view)["conditions"] if each["type"] == "Submitted"]
    assert (submitted["status"], submitted["reason"]) == ("False", "Waiting")
    assert submitted["message"] == message


def test_a_request_without_an_answer_is_no_waiting_for_a_slot() -> None:
    """Whether the engine took it is being found out; what an answer refused waits for its time, as before."""
    asked = run(status=ExecutionStatus.PROCESSING, engine="platform/argo", attempts=Attempts(highest=1))
    (submitted,) = [each for each in status_document(asked)["conditions"] if each["type"] == "Submitted"]
    assert (submitted["status"], submitted["reason"]) == ("False", "Waiting")
    words = "A request was made of Engine platform/argo: what became of it is found out before another one"
    assert submitted["message"] == words


def test_what_the_engine_refused_was_taken_by_none() -> None:
    """Something was sent, perhaps more than once."""
    refused = run(status=ExecutionStatus.FAILED, status_reason="EngineRejected", attempts=Attempts(highest=1))
    (submitted,) = [each for each in status_document(refused)["conditions"] if each["type"] == "Submitted"]
    assert (submitted["status"], submitted["message"]) == ("False", "No engine has taken it")


def test_an_attempt_for_a_person_to_decide_is_unknown_even_beside_others() -> None:
    """What nobody knows is not hidden behind what is known; once the run has ended it is history."""
    attempts = Attempts(highest=2, accepted_at=NOON, held_at=NOON)
    held = run(status=ExecutionStatus.PROCESSING, attempts=attempts)
    assert condition(held, "Submitted")[:2] == ("Unknown", "SubmissionAmbiguous")
    assert condition(held, "Stalled")[:2] == ("True", "SubmissionAmbiguous")
    ended = run(status=ExecutionStatus.CANCELLED, attempts=attempts)
    assert condition(ended, "Submitted")[:2] == ("True", "Submitted")


def test_a_refused_run_says_the_field_and_was_never_submitted() -> None:
    """Nothing was sent; the message is the whole one."""
    view = run(
        status=ExecutionStatus.FAILED,
        status_reason="InvalidArguments",
        accepted_reason="InvalidParameters",
        accepted_message="spec.parameters.version is missing",
        finished_at=NOON,
    )
    document = status_document(view)
    assert document["conditions"][0]["message"] == "spec.parameters.version is missing"
    assert condition(view, "Submitted")[:2] == ("False", "Waiting")
    assert condition(view, "Accepted")[:2] == ("False", "InvalidParameters")
    assert condition(view, "Succeeded")[:2] == ("False", "InvalidParameters")
    assert "counts" not in document


def test_many_long_failures_share_the_room() -> None:
    """Ten of them are shown, the last ones, each cut alike."""
    failures = [Failure("batch", number, f"{number}: " + "x" * 5000) for number in range(30)]
    shown = status_document(run(status=ExecutionStatus.FAILED, failures=failures))["failures"]
    assert [each["item"] for each in shown] == list(range(20, 30))
    assert all(each["message"].endswith("…") for each in shown)


def test_half_an_address_is_not_shown() -> None:
    """A URL that does not fit is left out; one that fits is whole."""
    long = run(external=External("x", "https://e/" + "a" * 5000, "Running"))
    assert "url" not in status_document(long)["external"]
    assert status_document(run(external=External("x", "https://e/a", "")))["external"]["url"] == "https://e/a"


def test_a_refusal_without_a_row_is_within_the_schema() -> None:
    """It has no runId, and ends at once."""
    document = refusal_document(generation=1, reason="AutomationNotFound", message="x" * 9000, at=NOON)
    assert len(orjson.dumps(document)) <= LIMIT
    assert {each["type"]: each["status"] for each in document["conditions"]}["Completed"] == "True"
    assert document["phase"] == "Failed"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"status": ExecutionStatus.COMPLETED}, []),
        ({"status": ExecutionStatus.PROCESSING}, []),
        ({"status": ExecutionStatus.FAILED, "status_reason": "EngineError"}, [("Failed", "Warning", "")]),
        ({"status": ExecutionStatus.CANCELLED}, [("Cancelled", "Normal", "")]),
        ({"status": ExecutionStatus.FAILED, "accepted_reason": "TooManyItems"}, [("Refused", "Warning", "")]),
        ({"status": ExecutionStatus.RETRYING, "attempts": Attempts(highest=2)}, [("RetryScheduled", "Normal", "2")]),
        (
            {"status": ExecutionStatus.PROCESSING, "attempts": Attempts(highest=1, held_at=NOON)},
            [("SubmissionHeld", "Warning", "1")],
        ),
    ],
)
def test_events_tell_only_what_a_person_may_act_on(
    values: dict[str, Any], told: Sequence[tuple[str, str, str]]
) -> None:
    """One notice at most, none for success, and the same state gives the same key."""
    assert [(each.reason, each.severity, each.key) for each in notices(run(**values))] == list(told)


@given(runs)
def test_notes_fit_into_events(view: RunView) -> None:
    """The API takes 1,024 bytes."""
    assert all(len(each.note.encode()) <= 1024 for each in notices(view))


@given(st.text(), st.integers(0, 300))
def test_cut_text_fits_and_keeps_its_beginning(text: str, limit: int) -> None:
    """Bytes as JSON, whatever the characters cost."""
    cut = fit(text, limit)
    assert size(cut) <= limit
    assert cut == text or text.startswith(cut.removesuffix("…")) or "?" in cut


def test_text_that_utf8_cannot_hold_is_replaced() -> None:
    """A lone surrogate would make the whole document unwritable."""
    assert fit("a\ud800b", 10) == "a?b"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0421, "42ms"), (1.9, "1s"), (134, "2m14s"), (3605, "1h0m5s"), (90061, "25h1m1s"), (-5, "0ms")],
)
def test_durations_read_as_people_write_them(seconds: float, text: str) -> None:
    """Whole seconds from one second on."""
    assert duration_text(timedelta(seconds=seconds)) == text
