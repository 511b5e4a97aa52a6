"""What a Run does between `kubectl apply` and its end, with a real operator on real parts."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable, Iterator

import pytest
from baton_spine.stage import Stage, condition, shown

from baton_operator.local.binaries import kubectl

HOSTS = [{"name": "canary", "items": [{"secs": "100ms"}]}, {"name": "rest", "items": [{"secs": "100ms"}] * 3}]
EACH = {"arguments": {"secs": "${item.secs}", "fail": "no"}, "batches": HOSTS}


@pytest.fixture(scope="module")
def live(new_stage: Callable[[], Stage]) -> Iterator[Stage]:
    """One operator for all tests here; each makes Runs of its own."""
    stage = new_stage()
    stage.engine_argo()
    stage.engine_embedded()
    stage.nap()
    stage.operator(BATON_WORKER="true").wait_ready()
    return stage


def test_runs_come_to_their_ends_and_nothing_is_sent_twice(live: Stage) -> None:
    live.nap("nap-again", retry={"maxAttempts": 2, "backoff": {"initial": "1s"}})
    before = len(live.accepted())
    live.run("fine")
    live.run("bad", fail="yes")
    live.run("again", "nap-again", fail="yes")
    ends = {name: shown(status) for name, status in live.ended("fine", "bad", "again").items()}
    assert ends == {"fine": ("Succeeded", "Succeeded"), "bad": ("Failed", "Failed"), "again": ("Failed", "Failed")}
    assert len(live.accepted()) - before == 4
    assert live.get("Run", "again")["status"]["attempt"] == 2
    live.check()


def test_embedded_tasks_are_retried_and_their_words_are_shown(live: Stage) -> None:
    live.task("flaky", "demo.flaky", retry={"maxAttempts": 2, "backoff": {"initial": "100ms"}})
    live.task("fail", "demo.fail", "message")
    live.run("flaky", "flaky")
    live.run("failing", "fail", message="the disk is full")
    ends = live.ended("flaky", "failing")
    assert shown(ends["flaky"]) == ("Succeeded", "Succeeded")
    assert ends["flaky"]["attempt"] == 2
    assert "the disk is full" in condition(ends["failing"], "Succeeded")[2]
    live.check()


@pytest.mark.parametrize("order", list(itertools.permutations(["Engine", "Automation", "Run"])), ids="-".join)
def test_references_are_applied_in_any_order(order: tuple[str, ...], live: Stage) -> None:
    name = "order-" + "".join(kind[0].lower() for kind in order)
    make = {
        "Engine": lambda: live.engine_argo(name),
        "Automation": lambda: live.nap(f"nap-{name}", name),
        "Run": lambda: live.run(name, f"nap-{name}"),
    }
    for kind in order:
        make[kind]()
    assert shown(live.ended(name)[name]) == ("Succeeded", "Succeeded")


def test_a_run_fans_out_over_batches_and_items(live: Stage) -> None:
    live.nap("fleet", **EACH, dispatch={"per": "Item", "maxParallel": 2, "order": "Sequential"})
    live.run("fleet", "fleet", secs=None)
    status = live.ended("fleet")["fleet"]
    assert (status["progress"], status["counts"]["completed"]) == ("4/4", 4)
    firsts = live.rows(
        "SELECT b.position, min(i.started_at), max(i.finished_at) FROM item_execution i"
        " JOIN batch_execution b ON b.id = i.batch_execution_id JOIN run r ON r.id = i.run_id"
        " WHERE r.name = 'fleet' GROUP BY b.position ORDER BY b.position"
    )
    assert firsts[0][2] <= firsts[1][1], "the second batch began before the first had ended"
    live.check()


def test_a_run_with_too_many_failures_stops(live: Stage) -> None:
    items = [{"secs": "100ms", "fail": "yes"}] + [{"secs": "1s", "fail": "no"}] * 5
    live.nap(
        "strict",
        arguments={"secs": "${item.secs}", "fail": "${item.fail}"},
        batches=[{"name": "all", "items": items}],
        dispatch={"per": "Item", "maxParallel": 1, "maxFailures": 0},
    )
    live.run("strict", "strict")
    status = live.ended("strict")["strict"]
    assert status["phase"] == "Failed"
    assert (status["counts"]["failed"], status["counts"]["completed"]) == (1, 0)
    assert "1 of 6 failed" in condition(status, "Succeeded")[2]
    live.check()


def test_a_cancelled_run_ends_in_the_engine_too(live: Stage) -> None:
    live.run("to-cancel", secs="300s")
    live.until(lambda: live.rows("SELECT 1 FROM run JOIN dispatch_attempt d ON d.run_id = run.id"
                                 " WHERE name = 'to-cancel' AND d.state = 'ACKED'"))  # fmt: skip
    live.patch("Run", "to-cancel", {"state": "Cancelled", "reason": "not wanted"})
    status = live.ended("to-cancel")["to-cancel"]
    assert shown(status) == ("Cancelled", "Cancelled")
    assert "not wanted" in condition(status, "Succeeded")[2]
    assert all(entry.finished for entry in live.ledger())
    live.check()


def test_a_run_out_of_time_fails_and_ends_in_the_engine_too(live: Stage) -> None:
    live.nap("nap-hasty", timeouts={"run": "1s", "cancel": "10s"})
    live.run("hasty", "nap-hasty", secs="300s")
    assert shown(live.ended("hasty")["hasty"]) == ("Failed", "TimedOut")
    live.until(lambda: all(entry.finished for entry in live.ledger()))
    live.check()


def test_a_run_that_waits_too_long_for_its_place_fails(live: Stage) -> None:
    live.nap("nap-one-place", concurrency={"max": 1}, timeouts={"queued": "2s"})
    live.run("holder", "nap-one-place", secs="8s")
    live.until(lambda: live.get("Run", "holder").get("status", {}).get("phase") in {"Running", "Pending"})
    live.until(lambda: live.rows("SELECT 1 FROM run WHERE name = 'holder' AND status = 'PROCESSING'"))
    live.run("waiter", "nap-one-place")
    ends = live.ended("holder", "waiter")
    assert shown(ends["waiter"]) == ("Failed", "TimedOut")
    assert shown(ends["holder"]) == ("Succeeded", "Succeeded")
    assert live.rows("SELECT count(*) FROM dispatch_attempt d JOIN run ON run.id = run_id"
                     " WHERE name = 'waiter' AND sends > 0") == [(0,)]  # fmt: skip
    live.check()


def test_a_suspended_run_sends_nothing_until_it_is_resumed(live: Stage) -> None:
    live.run("held", spec={"state": "Suspended"})
    live.phase("held", "Suspended")
    live.run("meanwhile")
    live.ended("meanwhile")
    assert live.rows("SELECT count(*) FROM dispatch_attempt d JOIN run ON run.id = run_id WHERE name = 'held'") == [
        (0,)
    ]
    live.patch("Run", "held", {"state": "Active"})
    assert shown(live.ended("held")["held"]) == ("Succeeded", "Succeeded")
    live.check()


def test_kubectl_waits_and_selects(live: Stage) -> None:
    live.run("waited")
    live.run("waited-bad", fail="yes")
    waiting = [kubectl(), "--kubeconfig", live.server.path, "-n", live.namespace, "wait", "--timeout=60s"]
    names = ["run/waited", "run/waited-bad"]
    done = subprocess.run([*waiting, "--for=condition=Completed", *names], capture_output=True, text=True, check=True)
    assert done.stdout.count("condition met") == 2
    selecting = ["-n", live.namespace, "get", "runs", "--field-selector", "status.phase=Failed", "-o", "name"]
    failed = live.server.kubectl(*selecting).split()
    assert "run.baton.dev/waited-bad" in failed
    assert "run.baton.dev/waited" not in failed
