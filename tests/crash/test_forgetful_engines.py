"""Engines that restart without their memory, forget a run, reopen one, or never come back (E2, E3)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from baton_crash.in_play import JenkinsInPlay, in_play
from baton_spine.own_argo import OwnArgo
from baton_spine.stage import Stage, condition, shown
from baton_spine.theatre import Theatre

FINE, LOST = ("Succeeded", "Succeeded"), ("Failed", "Lost")
_STATE = "SELECT d.state::text, d.handle FROM dispatch_attempt d JOIN run r ON r.id = d.run_id WHERE r.name = %s"


@pytest.fixture
def jenkins(stages: Theatre) -> Iterator[JenkinsInPlay]:
    """A Jenkins of the test's own."""
    with in_play("Jenkins", stages) as engine:
        assert isinstance(engine, JenkinsInPlay)
        yield engine


def work_on(stage: Stage, engine: JenkinsInPlay) -> None:
    """Make an Engine that may send again, an Automation that tries twice, and an operator."""
    engine.engine(stage, f"http://{engine.address[0]}:{engine.address[1]}")
    work = engine.work(stage, ms="parameters.ms", fail="'no'")
    stage.create("Automation", "work", {"engineRef": {"name": "engine"}, "retry": {"maxAttempts": 2}, **work})
    stage.operator().wait_ready()


def handle_of(stage: Stage, name: str, state: str | None = None) -> str:
    """Wait until the engine has given a handle for a Run, and its only attempt is in *state*."""

    def given() -> str | None:
        ((now, handle),) = stage.rows(_STATE, name) or [(None, None)]
        return handle if state in {None, now} else None

    return str(stage.until(given, what=f"the handle of {name}"))


def test_a_jenkins_that_is_killed_has_nothing_started_again(stage: Stage, jenkins: JenkinsInPlay) -> None:
    """
    Its queue and its builds are gone, and it gives out the same queue ids once more (E2).

    The build is Lost after two confirmations. What was queued may have begun or not: a person decides, although the
    Engine says ``onAmbiguous: Resend``, as the absence is another server's (R8). What comes later is its own.
    """
    state = jenkins.fake.state
    state.settings.save_every = 3600.0
    work_on(stage, jenkins)
    stage.run("building", "work", ms=300_000)
    handle_of(stage, "building", "ACKED")
    state.settings.executors = 0
    stage.run("queued", "work", ms=300_000)
    handle = handle_of(stage, "queued", "ENQUEUED")

    jenkins.fake.restart("kill")
    state.settings.executors = 1000
    handles = set()
    for number in range(3):
        stage.run(f"later-{number}", "work", ms=100)
        handles.add(handle_of(stage, f"later-{number}"))
    assert handle in handles, "no id was given out again"

    assert {shown(each) for each in stage.ended("later-0", "later-1", "later-2").values()} == {FINE}
    assert shown(stage.ended("building")["building"]) == LOST
    held = stage.until(
        lambda: condition(now := stage.get("Run", "queued")["status"], "Submitted")[0] == "Unknown" and now,
        what="that the queued Run is held",
    )
    assert condition(held, "Submitted")[1] == "SubmissionAmbiguous"
    began = [entry.token for entry in jenkins.books(stage)]
    assert (len(began), len(set(began))) == (4, 4), "one build for each but the queued one"
    assert stage.rows("SELECT max(attempt_no), max(sends) FROM dispatch_attempt") == [(1, 1)]
    stage.check(books=lambda: jenkins.books(stage))


def test_a_run_that_the_engine_forgot_is_lost_and_not_started_again(stage: Stage) -> None:
    """Somebody deletes it there (404): Lost after two confirmations, tried again only where ``retryOn`` says so."""
    stage.engine_argo()
    twice = {"maxAttempts": 2, "backoff": {"initial": "100ms"}}
    stage.nap(retry=twice)
    stage.nap("nap-again", retry={**twice, "retryOn": ["Lost"]})
    stage.operator().wait_ready()
    stage.run("forgotten", secs="300s")
    stage.run("repeated", "nap-again", secs="300s")
    stage.phase("forgotten", "Running")
    stage.phase("repeated", "Running")
    deleted = time.monotonic()
    first = stage.accepted()
    for token in first:
        stage.argo.state.delete(stage.argo.state.find(stage.namespace, token))
    stage.until(lambda: len(stage.accepted()) > len(first), what="the second attempt of repeated")
    (second,) = set(stage.accepted()) - set(first)
    stage.argo.state.end(stage.namespace, second, "Succeeded")
    ends = stage.ended()
    assert time.monotonic() - deleted > 2, "it was not confirmed"
    assert (shown(ends["forgotten"]), ends["forgotten"]["attempt"]) == (LOST, 1)
    assert (shown(ends["repeated"]), ends["repeated"]["attempt"]) == (FINE, 2)
    assert len(set(stage.accepted())) == len(stage.accepted()) == 3
    for automation, promise in (("nap", "EffectivelyOnce"), ("nap-again", "AtLeastOnce")):
        stage.until(lambda name=automation: promised(stage, name), what=f"the promise of {automation}")
        assert promised(stage, automation) == promise
    stage.check()


def promised(stage: Stage, automation: str) -> str | None:
    """Give what an Automation says of how often its submits take effect."""
    found: str | None = stage.get("Automation", automation).get("status", {}).get("submissionGuarantee")
    return found


def test_a_run_that_somebody_reopens_stays_as_it_ended(stage: Stage) -> None:
    """A status that goes backwards is none of ours: terminal is final."""
    stage.engine_argo()
    stage.nap()
    stage.operator().wait_ready()
    stage.run("reopened", fail="yes")
    ended = stage.ended("reopened")
    (token,) = stage.accepted()
    stage.argo.state.retry(stage.argo.state.find(stage.namespace, token), time.time())
    stage.run("afterwards")
    assert shown(stage.ended("afterwards")["afterwards"]) == FINE
    assert stage.runs()["reopened"] == ended["reopened"]
    history = "SELECT count(*) FROM run_state_history h JOIN run r ON r.id = h.run_id WHERE r.name = 'reopened'"
    assert stage.rows(history) == [(3,)]


def test_a_cancel_that_races_the_end_says_what_the_engine_says(stage: Stage) -> None:
    """Some are cancelled, some have ended before: each Run ends as its execution did (E3)."""
    stage.engine_argo()
    stage.nap()
    stage.operator().wait_ready()
    for seconds in (2, 6, 18):  # a busy machine may be late for the first ones
        if race(stage, seconds) == {"Succeeded", "Cancelled"}:
            break
    else:
        pytest.fail("there was no race")
    stage.check()


def race(stage: Stage, seconds: int) -> set[str]:
    """Cancel some Runs around the moment of their ends; give the phases in which they end."""
    names = [f"raced-{seconds}-{number}" for number in range(8)]
    before = len(stage.accepted())
    for name in names:
        stage.run(name, secs=f"{seconds}s")
    stage.until(lambda: len(stage.accepted()) - before == len(names), what="all submits")
    for name in names:
        stage.patch("Run", name, {"state": "Cancelled", "reason": "too late?"})
        time.sleep(seconds * 0.15)  # the moments lie around the ends: nothing is waited for
    ends = stage.ended(*names)
    names_of = dict(stage.rows("SELECT r.name, d.token FROM dispatch_attempt d JOIN run r ON r.id = d.run_id"))
    for name in names:
        workflow = stage.argo.state.find(stage.namespace, names_of[name]).at(time.time())
        wanted = FINE if workflow.phase == "Succeeded" else ("Cancelled", "Cancelled")
        assert shown(ends[name]) == wanted, name
    return {shown(each)[0] for each in ends.values()}


def test_an_engine_that_is_gone_for_ever_holds_no_object(stage: Stage, own_argo: OwnArgo) -> None:
    """Deleted while nobody answers (E3): released at the cancel's deadline, with an Event, and not forgotten."""
    stage = own_argo.on(stage)
    stage.engine_argo()
    stage.nap(deletionPolicy="Cancel", timeouts={"cancel": "4s"})
    stage.operator().wait_ready()
    uid = stage.run("orphan", secs="300s")
    stage.phase("orphan", "Running")
    stage.until(lambda: stage.get("Run", "orphan")["metadata"].get("finalizers"), what="the finalizer")
    own_argo.down()
    stage.delete("Run", "orphan")
    begun = time.monotonic()
    stage.until(lambda: not stage.exists("Run", "orphan"), within=40, what="the end of the object")
    assert time.monotonic() - begun > 3
    assert stage.rows("SELECT status::text, status_reason FROM run") == [("CANCELLED", "CancelUnconfirmed")]
    assert stage.rows("SELECT state::text, cancel_due_at IS NOT NULL FROM dispatch_attempt") == [("ACKED", True)]
    path = f"/apis/events.k8s.io/v1/namespaces/{stage.namespace}/events"
    notes = [each["note"] for each in stage.server.request("GET", path)["items"] if each["regarding"]["uid"] == uid]
    assert any("CancelUnconfirmed" in each for each in notes)
    stage.check()
