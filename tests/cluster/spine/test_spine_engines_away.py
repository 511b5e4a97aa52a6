"""An engine that is down, shows a login page, refuses the credential or is busy: it is said, and Runs wait for it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from baton_spine.own_argo import OwnArgo
from baton_spine.stage import Stage, condition, shown

from baton_operator.engines.conformance import Fault
from baton_operator.local.api_server import ApiServer

_CHANGES = itertools.count()


@pytest.fixture(scope="module")
def argo() -> Iterator[OwnArgo]:
    """An Argo that only these tests use."""
    own = OwnArgo()
    own.up()
    yield own
    own.down()


@pytest.fixture(scope="module")
def live(new_stage: Callable[[], Stage], argo: OwnArgo, api_server: ApiServer) -> Stage:
    """One operator; the Engine's credential is in a Secret."""
    stage = argo.on(new_stage())
    secret = {"metadata": {"name": "argo-bot"}, "stringData": {"token": "right"}}
    api_server.request("POST", f"/api/v1/namespaces/{stage.namespace}/secrets", secret)
    stage.engine_argo(auth={"bearer": {"secretRef": {"name": "argo-bot"}}})
    stage.nap()
    stage.operator(BATON_REQUEST_DEADLINE="1").wait_ready()
    _wait_for(stage, "Ready", "True")
    return stage


def _wait_for(stage: Stage, type_: str, status: str, *, within: float = 60) -> tuple[str, str, str]:
    """Have the Engine asked at once, as after any change of it, and wait for a condition."""
    stage.patch("Engine", "argo", {"limits": {"burst": 100 + next(_CHANGES)}})
    return stage.until(
        lambda: (found := condition(stage.get("Engine", "argo").get("status", {}), type_))[0] == status and found,
        within,
        what=f"{type_}={status} of the Engine",
    )


def _waits(stage: Stage, name: str) -> None:
    """Make a Run, and see that it is neither sent nor failed."""
    before = len(stage.accepted())
    stage.run(name)
    stage.phase(name, "Queued", "Pending")
    stage.until(lambda: condition(stage.get("Run", name)["status"], "Submitted")[:2] == ("False", "Waiting"))
    assert len(stage.accepted()) == before


def _goes_on(stage: Stage, name: str) -> None:
    _wait_for(stage, "Ready", "True")
    assert shown(stage.ended(name)[name]) == ("Succeeded", "Succeeded")
    stage.check()


def test_runs_wait_for_an_engine_that_is_down(live: Stage, argo: OwnArgo) -> None:
    argo.down()
    _, reason, message = _wait_for(live, "Ready", "False")
    assert (reason, bool(message)) == ("ProbeFailed", True)
    _waits(live, "patient")
    argo.up()
    _goes_on(live, "patient")


def test_runs_wait_for_an_engine_that_shows_a_login_page(live: Stage, argo: OwnArgo) -> None:
    argo.fake.faults.add(Fault("page"))
    _, reason, _ = _wait_for(live, "Ready", "False")
    assert reason == "ProbeFailed"
    _waits(live, "logged-out")
    argo.fake.faults.clear()
    _goes_on(live, "logged-out")


def test_runs_wait_for_a_credential_that_is_taken(live: Stage, argo: OwnArgo, api_server: ApiServer) -> None:
    argo.fake.state.settings.token = "another"  # noqa: S105 - the fake's
    _, reason, message = _wait_for(live, "Authenticated", "False")
    assert reason == "CredentialsRejected"
    assert "right" not in message
    _waits(live, "locked-out")
    renewed = {"stringData": {"token": "another"}}
    api_server.request("PATCH", f"/api/v1/namespaces/{live.namespace}/secrets/argo-bot", renewed)
    _goes_on(live, "locked-out")


@pytest.mark.parametrize(("status", "headers"), [(429, {"Retry-After": "1"}), (503, {}), (500, {})])
def test_a_busy_engine_fails_no_run(status: int, headers: dict[str, str], live: Stage, argo: OwnArgo) -> None:
    body = '{"code":14,"message":"busy"}'
    argo.fake.faults.add(
        Fault("answer", method="POST", path="/submit", times=3, status=status, headers=headers, body=body)
    )
    names = [f"busy-{status}-{number}" for number in range(4)]
    before = len(live.accepted())
    for name in names:
        live.run(name)
    assert {shown(each) for each in live.ended(*names, within=120).values()} == {("Succeeded", "Succeeded")}
    assert len(live.accepted()) - before == len(names)
    live.check()


def test_an_engine_that_does_the_work_and_says_nothing_does_it_once(live: Stage, argo: OwnArgo) -> None:
    for kind in ("work-then-drop", "work-then-sink", "cut"):
        argo.fake.faults.add(Fault(kind, method="POST", path="/submit", times=1, seconds=3))
    names = [f"mute-{number}" for number in range(4)]
    before = len(live.accepted())
    for name in names:
        live.run(name)
    assert {shown(each) for each in live.ended(*names, within=120).values()} == {("Succeeded", "Succeeded")}
    assert len(live.accepted()) - before == len(names)
    live.check()
