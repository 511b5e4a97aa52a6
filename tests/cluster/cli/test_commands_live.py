"""What people type while Runs travel: commands as processes, with a real operator and a real worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from baton_spine.stage import Stage

Done = subprocess.CompletedProcess[str]
Baton = Callable[..., Done]


@pytest.fixture
def baton(stage: Stage, tmp_path: Path) -> Baton:
    """Types a command in the stage's namespace, in a folder without a local Baton."""
    environ = {
        **{key: value for key, value in os.environ.items() if not key.startswith("BATON_")},
        "KUBECONFIG": str(stage.server.path),
        "BATON_DATABASE_URL": stage.database_url,
        "BATON_ENGINE_NETWORKS": "127.0.0.0/8",
        "COLUMNS": "200",
    }

    def run(*words: str) -> Done:
        command = [Path(sys.executable).with_name("baton"), *words, "-n", stage.namespace]
        return subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=240, check=False
        )

    return run


@pytest.fixture
def busy(stage: Stage) -> Stage:
    """An operator with a worker, and Automations of the built-in tasks."""
    stage.operator(BATON_WORKER="true").wait_ready()
    stage.engine_embedded()
    stage.task("hello", "demo.hello", "name")
    stage.task("fail", "demo.fail", "message")
    stage.task("nap", "demo.sleep", "seconds")
    return stage


def test_cancel_ends_a_running_run_and_waits_for_it(busy: Stage, baton: Baton) -> None:
    """The task is ended, the reason is kept, a second cancel says that it is too late."""
    busy.run("long", "nap", seconds=300)
    busy.phase("long", "Running")
    begun = time.monotonic()
    done = baton("runs", "cancel", "long", "--reason", "wrong region", "--wait")
    assert (done.returncode, done.stderr) == (0, "")
    assert time.monotonic() - begun < 30
    where = f"{busy.namespace}/long"
    assert done.stdout.splitlines() == [
        f"run {where} is to be cancelled",
        f"run {where} ended: Cancelled (Cancelled)",
    ]
    assert busy.rows("SELECT state FROM embedded_task") == [("cancelled",)]
    assert busy.rows("SELECT cancellation_reason FROM run") == [("wrong region",)]
    busy.ended("long")
    again = baton("runs", "cancel", "long")
    assert (again.returncode, again.stderr) == (1, f"error: run {where} has ended already: Cancelled\n")


def test_logs_are_what_the_task_printed(busy: Stage, baton: Baton) -> None:
    """Only the lines are on standard output, so that they can be piped."""
    busy.run("ada", "hello", name="Ada")
    busy.ended("ada")
    done = baton("runs", "logs", "ada")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line for line in done.stdout.splitlines() if line.endswith("saying hello to Ada")] != []
    busy.run("broken", "fail", message="disk is full on db-7")
    busy.ended("broken")
    assert "RuntimeError: disk is full on db-7" in baton("runs", "logs", "broken").stdout
    assert baton("runs", "logs", "nobody").returncode == 3


def test_wait_tells_by_its_exit_code_how_it_ended(busy: Stage, baton: Baton) -> None:
    """0 succeeded, 4 failed or cancelled, 5 too late; the words are those of the task."""
    busy.run("ada", "hello", name="Ada")
    assert baton("runs", "wait", "ada", "--timeout", "120s").returncode == 0
    busy.run("broken", "fail", message="disk is full on db-7")
    failed = baton("runs", "wait", "broken", "-o", "json")
    assert failed.returncode == 4
    assert json.loads(failed.stdout)["phase"] == "Failed"
    assert "disk is full on db-7" in failed.stderr
    busy.run("long", "nap", seconds=300)
    busy.phase("long", "Running")
    late = baton("runs", "wait", "long", "--timeout", "1s")
    assert late.returncode == 5
    assert late.stderr.startswith(f"error: run {busy.namespace}/long is Running")
    unknown = baton("runs", "wait", "nobody", "--timeout", "1s")
    assert unknown.returncode == 5
    assert unknown.stderr == f"error: run {busy.namespace}/nobody is not there yet after 1 s\n"
    busy.patch("Run", "long", {"state": "Cancelled"})
    assert baton("runs", "wait", "long").returncode == 4


def test_wait_takes_no_older_run_of_that_name_for_the_one_that_was_applied(busy: Stage, baton: Baton) -> None:
    """As in scripts that apply the same name again and again: what is over is no answer, also while nobody works."""
    busy.run("again", "hello", name="Ada")
    assert baton("runs", "wait", "again", "--timeout", "120s").returncode == 0
    busy.delete("Run", "again")
    busy.operators[0].freeze()
    busy.run("again", "fail", message="this time it fails")
    assert baton("runs", "wait", "again", "--timeout", "1s").returncode == 5
    busy.operators[0].thaw()
    assert baton("runs", "wait", "again", "--timeout", "120s").returncode == 4


def test_an_engine_is_asked_from_here(busy: Stage, baton: Baton) -> None:
    """One that answers says what it can; one that is away, or unknown, is an error of one line."""
    done = baton("engines", "test", "tasks", "-o", "json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["type"], answer["engine"]) == ("Embedded", f"{busy.namespace}/tasks")
    assert "logs" in answer["capabilities"].lower()
    busy.engine_argo()
    busy.engine_argo("away", url="http://127.0.0.1:1")
    busy.until(lambda: len(busy.rows("SELECT 1 FROM engine")) == 3)
    done = baton("engines", "test", "argo")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("Type:")] == ["Argo"]
    away = baton("engines", "test", "away")
    assert (away.returncode, away.stdout) == (1, "")
    assert away.stderr.startswith(f"error: engine {busy.namespace}/away: Transport: ")
    assert away.stderr.count("\n") == 1
    assert baton("engines", "test", "nobody").returncode == 3
