"""`baton runs get --nodes`: the engine's steps in the tree, and a clear line where there are none to see."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from baton_fakes.argo import FakeArgo
from baton_fakes.argo_harness import FakeArgoHarness
from click.testing import Result
from small_world import World
from sqlalchemy import text
from typer.testing import CliRunner

from baton_operator.cli.application import application
from baton_operator.engines.base import Created
from baton_operator.engines.conformance import Fault, new_request, serving_in_thread

Baton = Callable[..., Result]
KUBECONFIG = {
    "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
    "users": [{"name": "u", "user": {}}],
    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "team-a"}}],
    "current-context": "x",
}


@pytest.fixture
def baton(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Baton:
    """Types a command with a database, and with a cluster that holds no secret which is needed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").write_text(yaml.safe_dump(KUBECONFIG))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("BATON_ENGINE_NETWORKS", "127.0.0.0/8")
    monkeypatch.setenv("BATON_DATABASE_URL", world.database.url.set(drivername="postgresql").render_as_string(False))
    return lambda *words: CliRunner().invoke(application(), list(words))


@pytest.fixture
def argo(world: World) -> Iterator[FakeArgo]:
    """An Argo that has the workflow of the run ``live``."""
    fake = FakeArgo(["team-a"])
    with serving_in_thread(fake.app()) as url:
        outcome = asyncio.run(submitted(fake, url, world.live))
        act(
            world,
            f"UPDATE engine SET spec = '{json.dumps({'type': 'Argo', 'url': url})}', generation = generation + 1",
            f"UPDATE orchestration_instance SET external_id = '{outcome.external_id}' "
            f"WHERE external_id LIKE '%{world.live}%'",
        )
        yield fake


async def submitted(fake: FakeArgo, url: str, token: str) -> Created:
    """Start the workflow as Baton did."""
    harness = FakeArgoHarness(fake, url)
    adapter = harness.make(harness.source, request_deadline=10.0)
    request = new_request({"workflowTemplate": "nap"}, {"secs": 300, "fail": "no"}, namespace="team-a", token=token)
    outcome = await adapter.submit(request)
    await adapter.close()
    assert isinstance(outcome, Created)
    return outcome


def act(world: World, *statements: str) -> None:
    with world.database.get_session() as session:
        for statement in statements:
            session.execute(text(statement.replace(":", "\\:")))
        session.commit()


def tree_of(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [line.lstrip("│├└─ ") for line in result.stdout.splitlines()]


def test_steps_are_drawn_below_their_attempt(baton: Baton, argo: FakeArgo) -> None:
    """With the engine's own words; nobody is asked without the option."""
    lines = tree_of(baton("runs", "get", "live", "-n", "team-a", "--nodes"))
    steps = [line for line in lines if line.startswith("step ")]
    assert sorted(line.split("  ")[1:4] for line in steps) == [
        ["PROCESSING", kind, "Running"] for kind in ("StepGroup", "Steps", "Suspend")
    ]
    assert lines.index(steps[0]) > next(n for n, line in enumerate(lines) if line.startswith("attempt 1"))
    assert not any(line.startswith("step ") for line in tree_of(baton("runs", "get", "live", "-n", "team-a")))


def test_programs_get_the_steps_too(baton: Baton, argo: FakeArgo) -> None:
    """JSON and YAML have them in the attempt; without the option the key is not there."""
    words = ("runs", "get", "live", "-n", "team-a")
    from_json = json.loads(baton(*words, "--nodes", "-o", "json").stdout)
    from_yaml = yaml.safe_load(baton(*words, "--nodes", "-o", "yaml").stdout)
    (attempt,) = attempts_of(from_json)
    assert {node["status"] for node in attempt["nodes"]} == {"PROCESSING"}
    assert {"id", "name", "type", "native", "message", "started_at", "finished_at"} <= attempt["nodes"][0].keys()
    assert [node["id"] for node in attempts_of(from_yaml)[0]["nodes"]] == [node["id"] for node in attempt["nodes"]]
    assert "nodes" not in attempts_of(json.loads(baton(*words, "-o", "json").stdout))[0]


def attempts_of(tree: dict[str, object]) -> list[dict[str, list[dict[str, object]]]]:
    """Collect the attempts of a tree."""
    found = list(tree["attempts"])
    for batch in tree["batches"]:
        found += batch["attempts"]
        found += [attempt for item in batch["items"] for attempt in item["attempts"]]
    return found


def test_what_the_engine_has_forgotten_is_said_so(baton: Baton, argo: FakeArgo) -> None:
    """One line instead of steps; the rest of the tree is as ever."""
    argo.state.forget_all()
    lines = tree_of(baton("runs", "get", "live", "-n", "team-a", "--nodes"))
    assert "steps unknown: the engine does not have it any more" in lines


def test_an_engine_that_is_away_is_asked_once(baton: Baton, argo: FakeArgo) -> None:
    """A run of many items does not wait for it that often; the command succeeds."""
    argo.faults.add(Fault("answer", status=503, body='{"code":14,"message":"not now"}'))
    argo.requests.clear()
    lines = tree_of(baton("runs", "get", "live", "-n", "team-a", "--nodes"))
    assert "steps unknown: not now" in lines
    assert sum(argo.requests.values()) == 1


def test_an_engine_without_steps_says_so(baton: Baton, world: World) -> None:
    """Baton's own tasks have none."""
    act(world, "UPDATE engine SET type = 'Embedded', spec = '{}'")
    lines = tree_of(baton("runs", "get", "live", "-n", "team-a", "--nodes"))
    assert "steps unknown: the adapter of this engine shows no steps; see the link" in lines
