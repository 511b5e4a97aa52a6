"""A package's data models, tasks and hooks, from `kubectl apply` to their rows, on real servers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from baton_spine.stage import Stage, condition, shown
from laid_out import lay_out
from owned_databases import make_tables

ACME = Path(__file__).parents[2] / "integration" / "worker" / "data"
ACME_POINTS = ("baton.tasks: acme = tasks_of_acme", "baton.models: acme = models_of_acme")
CHAIN = """
SELECT r.name, p.action, p.amount, above.name FROM ext_acme_purchase p JOIN run r ON r.id = p.workflow_instance_id
LEFT JOIN run above ON above.id = p.parent_workflow_instance_id ORDER BY p.created_at
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, as pip would leave it."""
    return lay_out(tmp_path_factory.mktemp("acme"), "acme", ACME.glob("*_of_acme.py"), *ACME_POINTS)


@pytest.fixture(scope="module")
def live(new_stage: Callable[[], Stage], site: Path) -> Iterator[Stage]:
    """An operator and its worker, with the package beside them and its tables there."""
    stage = new_stage()
    make_tables(stage.database_url, site, "models_of_acme")
    stage.engine_embedded()
    stage.task("buy", "acme.purchase", "amount", dataModels=["Purchase"])
    stage.operator(BATON_WORKER="true", PYTHONPATH=str(site)).wait_ready()
    return stage


def shown_by_the_command(live: Stage, name: str) -> str:
    """Give what `baton runs get` prints."""
    command = [str(Path(sys.executable).with_name("baton")), "runs", "get", name, "-n", live.namespace]
    environ = {**os.environ, "BATON_DATABASE_URL": live.database_url, "COLUMNS": "200"}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout


def follow(name: str, action: str) -> dict[str, Any]:
    return {"parentRunRef": {"name": name}, "action": action}


def test_a_purchase_is_requested_corrected_and_approved(live: Stage) -> None:
    """Each Run's row continues the chain; who names a parent that is taken, or that nobody knows, is refused."""
    live.run("request", "buy", spec={"action": "create"}, amount=7)
    live.ended("request")
    live.run("correct", "buy", spec=follow("request", "correct"), amount=8)
    live.run("orphan", "buy", spec=follow("nobody", "correct"), amount=9)
    live.ended("correct", "orphan")
    live.run("branch", "buy", spec=follow("request", "correct"), amount=10)
    live.run("approve", "buy", spec=follow("correct", "approve"), amount=8)
    ends = live.ended()
    assert {name: shown(ends[name]) for name in ("request", "correct", "approve")} == dict.fromkeys(
        ("request", "correct", "approve"), ("Succeeded", "Succeeded")
    )
    assert condition(ends["branch"], "Accepted")[:2] == ("False", "ParentHasChild")
    assert condition(ends["orphan"], "Accepted")[:2] == ("False", "ParentNotFound")
    assert live.rows(CHAIN) == [
        ("request", "create", 7, None),
        ("correct", "correct", 8, "request"),
        ("approve", "approve", 8, "correct"),
    ]
    audit = "SELECT run, automation, action, run_status::text FROM baton_managed_audit WHERE operation = 'insert'"
    assert sorted(live.rows(audit)) == [
        ("approve", "buy", "approve", "COMPLETED"),
        ("correct", "buy", "correct", "COMPLETED"),
        ("request", "buy", "create", "COMPLETED"),
    ]
    assert "Action:       approve\nFollows:      correct\n" in shown_by_the_command(live, "approve")
    live.check()


def test_rows_of_a_failed_task_are_gone_and_its_words_stay(live: Stage) -> None:
    live.task("fail", "acme.fail", "line", dataModels=["Note"])
    live.run("failing", "fail", line="never to be read")
    status = live.ended("failing")["failing"]
    assert shown(status) == ("Failed", "TaskError")
    assert "the approver said no" in condition(status, "Succeeded")[2]
    assert live.rows("SELECT count(*) FROM ext_acme_note WHERE line = 'never to be read'") == [(0,)]
    live.check()


def test_hooks_run_beside_a_run_and_their_failure_is_an_event(live: Stage) -> None:
    """The Run is as it would be without them; `baton runs get` shows them."""
    hooks = {"onStart": {"task": "acme.hook-fails"}, "onFinish": {"task": "acme.seen", "timeout": "1m"}}
    live.task("hooked", "acme.note", "line", dataModels=["Note"], hooks=hooks)
    uid = live.run("with-hooks", "hooked", line="hooked")
    assert shown(live.ended("with-hooks")["with-hooks"]) == ("Succeeded", "Succeeded")
    seen = "SELECT count(*) FROM ext_acme_note WHERE line LIKE %s"
    live.until(lambda: live.rows(seen, f"{uid}: onFinish %") == [(1,)], what="the call of onFinish")
    events = f"/apis/events.k8s.io/v1/namespaces/{live.namespace}/events"

    def told() -> list[str]:
        items = live.server.request("GET", events)["items"]
        return [each["note"] for each in items if each["reason"] == "HookFailed"]

    notes = live.until(told, what="the Event")
    assert notes == ["onStart (acme.hook-fails): RuntimeError: nobody was there"]
    page = shown_by_the_command(live, "with-hooks")
    assert "onStart acme.hook-fails at PROCESSING  FAILED" in page
    assert "onFinish acme.seen at COMPLETED  COMPLETED" in page
    live.check()


def test_an_automation_of_another_engine_is_told_of_a_hook_that_is_not_installed(live: Stage) -> None:
    """Its Runs go without, so it stays ready."""
    live.engine_argo()
    live.nap(hooks={"onStart": {"task": "acme.seen"}, "onFinish": {"task": "acme.sen"}})

    def told() -> tuple[str, str, str] | None:  # a busy machine takes its time to find out what is installed
        now = live.condition("Automation", "nap", "TargetResolved")
        return now if "spec.hooks" in now[2] else None

    status, _, message = live.until(told, 60, what="the check of the target")
    assert status == "True"
    assert message.startswith("spec.hooks.onFinish: no task is registered as 'acme.sen': did you mean acme.seen")
    assert "onStart" not in message
    assert live.condition("Automation", "nap", "Ready")[0] == "True"
