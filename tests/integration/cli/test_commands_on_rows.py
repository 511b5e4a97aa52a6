"""What people type, on a real database: trees, histories, lists, exit codes, and errors in one line."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import Result
from small_world import World
from sqlalchemy import text
from typer.testing import CliRunner

from baton_operator.cli.application import application

Baton = Callable[..., Result]


@pytest.fixture
def baton(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Baton:
    """Types a command in a folder without a local Baton, and without a cluster."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BATON_DATABASE_URL", world.database.url.set(drivername="postgresql").render_as_string(False))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "BATON_HOME"):
        monkeypatch.delenv(name, raising=False)
    return lambda *words: CliRunner().invoke(application(), list(words))


def row(world: World, statement: str) -> object:
    with world.database.get_session() as session:
        return session.execute(text(statement)).scalar_one()


def act(world: World, *statements: str) -> None:
    """Change rows as Baton would, with all triggers."""
    with world.database.get_session() as session:
        for statement in statements:
            session.execute(text(statement))
        session.commit()


def test_list_shows_the_newest_first_with_words_for_people(baton: Baton):
    """Phases are those of the custom resource, progress counts items."""
    result = baton("runs", "list", "-n", "team-a")

    assert result.exit_code == 0, result.output
    header, *lines = result.stdout.splitlines()
    assert header.split()[:4] == ["NAME", "AUTOMATION", "ENGINE", "PHASE"]
    assert [line.split()[:4] for line in lines if line.strip()] == [
        ["waiting", "fleet", "team-a/argo", "Queued"],
        ["live", "fleet", "team-a/argo", "Running"],
        ["done", "fleet", "team-a/argo", "Succeeded"],
    ]
    assert "2/2" in lines[2]


def test_what_was_refused_says_why_wherever_it_is_shown(baton: Baton, world: World):
    """The word of its condition `Accepted`, as `kubectl get runs -o wide` has it; that it failed is its phase."""
    act(
        world,
        "UPDATE run SET accepted_reason = 'InvalidParameters', accepted_message = 'spec.parameters: host is missing',"
        " status_reason = 'Failed' WHERE name = 'waiting'",
    )
    rows = json.loads(baton("runs", "list", "-n", "team-a", "-o", "json").stdout)
    assert [row["reason"] for row in rows if row["name"] == "waiting"] == ["InvalidParameters"]
    assert "InvalidParameters" in baton("runs", "list", "-n", "team-a").stdout
    assert "Refused:" in baton("runs", "get", "waiting", "-n", "team-a").stdout


def test_list_shows_what_is_held(baton: Baton, world: World):
    """Only the Runs about which a person has to decide."""
    held = ("runs", "list", "-A", "--held", "-o", "json")
    assert json.loads(baton(*held).stdout) == []
    act(
        world,
        "UPDATE dispatch_attempt SET state = 'HALTED', sends = 1, first_sent_at = now() WHERE state = 'INTENT'",
    )
    assert [row["name"] for row in json.loads(baton(*held).stdout)] == ["waiting"]


def test_list_marks_what_is_only_history_and_knows_its_filters(baton: Baton, world: World):
    """A Run whose custom resource is gone stays, with a mark."""
    act(world, "UPDATE run SET cr_deleted_at = now() WHERE name = 'done'")

    assert "done (deleted)" in baton("runs", "list", "-A").stdout
    active = json.loads(baton("runs", "list", "-A", "--phase", "active", "-o", "json").stdout)
    assert [each["name"] for each in active] == ["waiting", "live"]
    assert json.loads(baton("runs", "list", "-A", "--automation", "other", "-o", "json").stdout) == []
    assert json.loads(baton("runs", "list", "-n", "elsewhere", "-o", "json").stdout) == []


def test_get_draws_run_batch_item_and_attempt_with_the_engines_link(baton: Baton, world: World):
    """The tree leads from what was asked for to where it ran."""
    act(world, "UPDATE orchestration_instance SET url = 'https://argo.example/' || external_id")

    lines = baton("runs", "get", "done", "-n", "team-a").stdout.splitlines()

    tree = [line.lstrip("│├└─ ") for line in lines[lines.index(next(each for each in lines if "run done" in each)) :]]
    assert tree[0].startswith("run done  Succeeded  Succeeded  2/2 done")
    assert tree[1].startswith("batch canary  COMPLETED")
    assert tree[2].startswith('item 0  {"host":"h0"}  COMPLETED  Succeeded')
    assert tree[3].startswith("attempt 1  COMPLETED")
    assert tree[3].endswith(f"https://argo.example/argo/{world.done[0]}")
    assert tree[4].startswith('item 1  {"host":"h1"}  COMPLETED')


def test_get_gives_the_same_to_programs(baton: Baton, world: World):
    """JSON and YAML hold the whole tree, with the same values."""
    from_json = json.loads(baton("runs", "get", "done", "-n", "team-a", "-o", "json").stdout)
    from_yaml = yaml.safe_load(baton("runs", "get", "done", "-n", "team-a", "-o", "yaml").stdout)

    (batch,) = from_json["batches"]
    assert [item["attempts"][0]["token"] for item in batch["items"]] == world.done
    assert from_json["batches"] == from_yaml["batches"]
    assert from_json["phase"] == "Succeeded"


def test_a_name_means_the_newest_and_a_uid_the_older_one(baton: Baton, world: World):
    """Deleted and created again under one name, both are found."""
    again = """
        INSERT INTO run (automation_id, tenant_id, uid, name, status, status_reason)
        SELECT automation_id, tenant_id, '0c7e2e5c-31b9-4b0c-9df0-3a8d2f1f7d55', 'done', 'PENDING', 'Queued'
        FROM run WHERE name = 'done'
    """
    older = row(world, "SELECT id FROM run WHERE name = 'done'")
    act(world, "UPDATE run SET is_active = false, cr_deleted_at = now() WHERE name = 'done'", again)

    def phase(name: str) -> str:
        return json.loads(baton("runs", "get", name, "-n", "team-a", "-o", "json").stdout)["phase"]

    assert phase("done") == "Queued"
    assert phase(str(older)) == "Succeeded"
    assert phase("0c7e2e5c-31b9-4b0c-9df0-3a8d2f1f7d55") == "Queued"


def test_history_says_when_why_by_whom_and_how_long(baton: Baton, world: World):
    """As PostgreSQL wrote it, from the first row to the last."""
    act(
        world,
        "SELECT set_config('baton.actor', 'ada', true)",
        "UPDATE run SET status = 'CANCELLED', status_reason = 'Cancelled', finished_at = now() WHERE name = 'live'",
    )

    changes = json.loads(baton("runs", "history", "live", "-n", "team-a", "-o", "json").stdout)

    assert [(each["previous_status"], each["status"], each["reason"], each["actor"]) for each in changes] == [
        (None, "PENDING", "Queued", None),
        ("PENDING", "PROCESSING", "Running", None),
        ("PROCESSING", "CANCELLED", "Cancelled", "ada"),
    ]
    assert [each["lasted"] is None for each in changes] == [False, False, True]
    assert "CANCELLED" in baton("runs", "history", "live", "-n", "team-a").stdout
    items = json.loads(baton("runs", "history", "done", "-n", "team-a", "--items", "-o", "json").stdout)
    assert [(each["batch"], each["item"], each["status"]) for each in items][:3] == [
        ("canary", 0, "PENDING"),
        ("canary", 0, "PROCESSING"),
        ("canary", 0, "COMPLETED"),
    ]


def test_history_ends_with_the_message_of_the_end(baton: Baton, world: World):
    """Of whatever ended badly, refused or cancelled; a change before the last has none."""
    act(
        world,
        "UPDATE run SET status = 'FAILED', status_reason = 'TaskError', error_summary = 'no disk' WHERE name = 'live'",
        "UPDATE run SET status = 'CANCELLED', status_reason = 'Cancelled', cancellation_reason = 'wrong region'"
        " WHERE name = 'waiting'",
        "UPDATE item_execution SET status = 'FAILED', error_message = 'h1 is away' WHERE status = 'COMPLETED'",
        "INSERT INTO run (automation_id, tenant_id, uid, name, status, status_reason, error_summary) SELECT"
        " automation_id, tenant_id, 'uid-9', 'bad', 'FAILED', 'InvalidParameters', 'host is missing' FROM run LIMIT 1",
    )

    def told(*words: str) -> list[tuple[str, str | None]]:
        changes = json.loads(baton("runs", "history", *words, "-n", "team-a", "-o", "json").stdout)
        return [(each["reason"], each["message"]) for each in changes]

    assert told("bad") == [("InvalidParameters", "host is missing")]
    assert told("live") == [("Queued", None), ("Running", None), ("TaskError", "no disk")]
    assert told("waiting")[-1] == ("Cancelled", "wrong region")
    assert told("done", "--items")[-2:] == [("Succeeded", None), ("Succeeded", "h1 is away")]
    assert {message for _, message in told("done")} == {None}
    assert "host is missing" in baton("runs", "history", "bad", "-n", "team-a").stdout


def test_wait_tells_by_its_exit_code_how_the_run_ended(baton: Baton, world: World):
    """0 for success, 4 for failure with the reason, 5 when the time is up."""
    assert baton("runs", "wait", "done", "-n", "team-a").exit_code == 0

    late = baton("runs", "wait", "live", "-n", "team-a", "--timeout", "500ms")
    assert late.exit_code == 5
    assert "run team-a/live is Running (Running, 0/1) after" in late.stderr

    act(
        world,
        "UPDATE run SET status = 'FAILED', finished_at = now(), error_summary = 'disk is full' WHERE name = 'live'",
    )
    failed = baton("runs", "wait", "live", "-n", "team-a")
    assert (failed.exit_code, "disk is full" in failed.stderr) == (4, True)


def test_wait_returns_when_the_run_ends(baton: Baton, world: World):
    """It waits, and no longer than needed."""
    ends = threading.Timer(
        0.5, act, (world, "UPDATE run SET status = 'COMPLETED', finished_at = now() WHERE name = 'live'")
    )
    ends.start()
    begun = time.monotonic()

    result = baton("runs", "wait", "live", "-n", "team-a", "--timeout", "120s")

    ends.join()
    assert result.exit_code == 0
    assert 0.4 < time.monotonic() - begun < 10


def test_engines_list_counts_what_is_in_flight_and_what_waits(baton: Baton):
    """How an engine stands, in one line."""
    (engine,) = json.loads(baton("engines", "list", "-A", "-o", "json").stdout)

    assert (engine["name"], engine["in_flight"], engine["waiting"], engine["held"]) == ("argo", 1, 1, 0)
    assert "ProbeSucceeded" not in baton("engines", "list", "-A").stdout
    assert "True" in baton("engines", "list", "-A").stdout


def test_check_is_quiet_on_a_healthy_system_and_loud_on_a_broken_one(baton: Baton, world: World):
    """Exit code 1, the row's name and what to do."""
    words = ("check", "--only", "I2", "--only", "I7")
    assert baton(*words).exit_code == 0

    world.break_("UPDATE dispatch_attempt SET tenant_id = 'team-b' WHERE state = 'ACKED'")

    broken = baton(*words)
    assert broken.exit_code == 1
    assert "is of namespace team-b, its run of team-a" in broken.stdout
    (violation,) = json.loads(baton(*words, "-o", "json").stdout)
    assert violation["invariant"] == "I7"
    assert world.live in violation["subject"]


def test_a_run_that_never_was_is_exit_code_3_in_one_line(baton: Baton):
    """No traceback, and where to look."""
    result = baton("runs", "get", "nothing", "-n", "team-a")

    assert result.exit_code == 3
    assert result.stderr == (
        "error: no Run 'nothing' in namespace 'team-a', now or in the history: name its own with -n NAMESPACE; "
        "see `baton runs list -A`\n"
    )


def test_a_database_that_does_not_answer_is_exit_code_69_without_its_password(
    baton: Baton, monkeypatch: pytest.MonkeyPatch
):
    """What is wrong and which variable to look at."""
    monkeypatch.setenv("BATON_DATABASE_URL", "postgresql://baton:canary@127.0.0.1:1/baton")

    result = baton("runs", "list", "-A")

    assert result.exit_code == 69
    assert result.stderr.startswith("error: the database does not answer")
    assert "BATON_DATABASE_URL" in result.stderr
    assert "canary" not in result.stderr
    assert result.stderr.count("\n") == 1


def test_nobody_said_where_the_database_is(baton: Baton, monkeypatch: pytest.MonkeyPatch):
    """The line names both ways to go on."""
    monkeypatch.delenv("BATON_DATABASE_URL")

    result = baton("runs", "list", "-A")

    assert result.exit_code == 69
    assert "set BATON_DATABASE_URL" in result.stderr
    assert "baton local up" in result.stderr


def test_an_empty_database_asks_for_its_migration(database_url: str, baton: Baton, monkeypatch: pytest.MonkeyPatch):
    """Exit code 78, as the operator itself would."""
    monkeypatch.setenv("BATON_DATABASE_URL", database_url)

    result = baton("runs", "list", "-A")

    assert result.exit_code == 78
    assert "run `baton migrate`" in result.stderr


def test_cancel_without_an_api_server_says_what_to_set(baton: Baton):
    """Only the API server takes wishes; the database is never written."""
    result = baton("runs", "cancel", "live", "-n", "team-a")

    assert result.exit_code == 69
    assert "KUBECONFIG" in result.stderr
