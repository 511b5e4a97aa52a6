"""What is sent to Airflow, and what is never sent; what a DAG declares; what a probe says."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from baton_operator.engines.airflow.api import AirflowHealth, Component
from baton_operator.engines.airflow.dag import Dag
from baton_operator.engines.airflow.probe import remarks, too_old
from baton_operator.engines.airflow.submit import refusal, submission
from baton_operator.engines.base import SubmitRequest

REQUEST = SubmitRequest(
    token="baton-0123-a1",  # noqa: S106 - a name
    fingerprint="f" * 64,
    run_uid="3f2a",
    run_name="nightly",
    namespace="team-a",
    target={"dag": "nap"},
    arguments={"secs": 1, "who": "Ada", "list": [1, "zwei"], "none": None},
)


def test_a_submission_carries_our_marks() -> None:
    """Id, arguments as they are, whose it is, and a word for people; ``logical_date`` is there and null."""
    mark = {"runUid": "3f2a", "run": "team-a/nightly", "fingerprint": "f" * 64, "traceparent": "00-ab-cd-01"}
    assert submission(replace(REQUEST, traceparent="00-ab-cd-01")) == {
        "dag_run_id": "baton-0123-a1",
        "logical_date": None,
        "conf": {"secs": 1, "who": "Ada", "list": [1, "zwei"], "none": None, "baton": mark},
        "note": "Started by Baton for the Run team-a/nightly",
    }


def test_without_a_trace_there_is_none() -> None:
    """No key rather than null."""
    assert "traceparent" not in submission(REQUEST)["conf"]["baton"]


@pytest.mark.parametrize(
    "changes",
    [
        {"token": "Baton-1"},
        {"token": ""},
        {"token": "a" * 46},
        {"token": "a/../b"},
        {"token": "-a"},
        {"target": {}},
        {"target": {"dag": ""}},
        {"target": {"dag": None}},
        {"target": {"dag": "~"}},
        {"target": {"dag": "."}},
        {"target": {"dag": ".."}},
        {"target": {"dag": "a/b"}},
        {"target": {"dag": "a%2Fb"}},
        {"target": {"dag": "nap?x=1"}},
        {"arguments": {"baton": 1}},
        {"arguments": {"a": "\ud800"}},
        {"arguments": {"a": object()}},
    ],
)
def test_what_airflow_would_choke_on_is_not_sent(changes: dict[str, Any]) -> None:
    """Each is refused before a byte leaves, with a reason."""
    assert refusal(replace(REQUEST, **changes))


@pytest.mark.parametrize("dag", ["nap", "sales.daily_load-2", "_x", ".hidden", "A" * 250])
def test_a_good_request_is_not_refused(dag: str) -> None:
    """Nothing against it."""
    assert refusal(replace(REQUEST, target={"dag": dag})) is None


def dag(**changes: Any) -> Dag:
    """Make a DAG as ``/details`` shows it."""
    return msgspec.convert({"dag_id": "nap", "is_paused": False, **changes}, Dag)


PARAMS = {
    "given": {"value": 1, "schema": {"type": "number"}},
    "wanted": {"value": None, "schema": {"type": "string"}},
    "nullable": {"value": None, "schema": {"type": ["null", "string"]}},
    "null": {"value": None, "schema": {"type": "null"}},
    "untyped": {"value": None, "schema": {}},
}


@pytest.mark.parametrize(
    ("changes", "arguments", "problems"),
    [
        ({}, [], []),
        ({}, ["anything"], []),
        ({"params": PARAMS}, ["wanted"], []),
        ({"params": PARAMS}, ["wanted", "given", "nullable", "null", "untyped"], []),
        ({"params": PARAMS}, [], [("InvalidArguments", True, "wanted")]),
        ({"params": PARAMS}, ["wanted", "typo", "more"], [("InvalidArguments", False, "typo, more")]),
        ({}, ["baton"], [("InvalidArguments", True, "arguments.baton")]),
        ({"params": PARAMS}, ["wanted", "baton"], [("InvalidArguments", True, "arguments.baton")]),
        ({"is_paused": True}, [], [("TargetPaused", False, "airflow dags unpause nap")]),
        ({"is_stale": True, "is_paused": True}, [], [("TargetNotFound", True, "not in any file")]),
        ({"has_import_errors": True}, [], [("TargetNotFound", True, "import errors")]),
        ({"allowed_run_types": ["scheduled"]}, [], [("TargetNotFound", True, "manual")]),
        ({"allowed_run_types": ["manual"]}, [], []),
    ],
)
def test_a_target_is_compared_with_its_dag(
    changes: dict[str, Any], arguments: list[str], problems: list[tuple[str, bool, str]]
) -> None:
    """What keeps a DAG from being run, what only weakens it, and each message names it."""
    found = dag(**changes).problems(arguments)
    assert [(each.reason, each.blocking) for each in found] == [(reason, blocking) for reason, blocking, _ in problems]
    assert all(word in each.message for each, (_, _, word) in zip(found, problems, strict=True))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("PT25S", 25.0),
        ("PT1M30.5S", 90.5),
        ("PT2H", 7200.0),
        ("P1DT1S", 86401.0),
        ("P3D", 259200.0),
        (12.5, 12.5),
        ("", None),
        ("P", None),
        ("PT", None),
        ("soon", None),
    ],
)
def test_a_dag_tells_its_own_timeout(text: str | float | None, seconds: float | None) -> None:
    """ISO 8601, as 3.3.2 writes it; what cannot be read is no timeout."""
    assert dag(dag_run_timeout=text).timeout == seconds


@pytest.mark.parametrize(
    ("version", "old"),
    [("3.3.2", False), ("3.3.0", False), ("3.10.1", False), ("4.0.0", False), ("3.2.9", True), ("2.11.0", True),
     ("3.3.0.dev0+build", False), ("", False), ("main", False)],
)  # fmt: skip
def test_an_airflow_that_is_too_old_is_known(version: str, old: bool) -> None:
    """It would leave out what it does not know of a query, in silence; a version nobody can read is not refused."""
    assert too_old(version) is old


WELL = Component("healthy")


@pytest.mark.parametrize(
    ("health", "words"),
    [
        (AirflowHealth(WELL, WELL), []),
        (AirflowHealth(WELL, WELL, WELL, WELL), []),
        (AirflowHealth(WELL, WELL, Component(None), Component(None)), []),
        (AirflowHealth(Component("unhealthy"), WELL), ["database is unhealthy"]),
        (
            AirflowHealth(WELL, Component("unhealthy", "2026-11-21")),
            ["unhealthy (last heartbeat 2026-11-21): runs stay"],
        ),
        (AirflowHealth(WELL, Component(None)), ["scheduler is not running: runs stay"]),
        (AirflowHealth(WELL, WELL, Component("unhealthy")), ["triggerer is unhealthy"]),
        (AirflowHealth(WELL, WELL, WELL, Component("unhealthy")), ["DAG processor is unhealthy"]),
    ],
)
def test_a_probe_says_what_does_not_work(health: AirflowHealth, words: list[str]) -> None:
    """And what follows; a process that is not used has no status, and nobody misses it."""
    said = remarks(health)
    assert len(said) == len(words)
    assert all(word in each for each, word in zip(said, words, strict=True))
