"""
A real Prometheus scrapes two operators while fifty Runs, some of them failing, travel through them.

What the counters of both say together is what the database says; no panel of a dashboard is empty; every rule is
evaluated, and what should be pending is.
"""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from baton_monitoring.dashboards import (
    POSTGRESQL,
    PROMETHEUS,
    as_postgresql_sees_it,
    as_prometheus_sees_it,
    boards,
)
from baton_monitoring.server import JOB, PrometheusServer, prometheus
from baton_spine.stage import Stage

from baton_operator.local.binaries import kubectl

ITEMS = {
    "arguments": {"secs": "${item.secs}", "fail": "${item.fail}"},
    "dispatch": {"per": "Item"},
    "retry": {"maxAttempts": 2, "backoff": {"initial": "1s"}},
}
HOSTS = [{"name": "all", "items": [{"secs": "100ms", "fail": "no"}, {"secs": "200ms", "fail": "yes"}]}]
#: Of fifty Runs, by Automation: 24 go well, 12 fail, 2 are cancelled, 2 are refused, 10 have two items each.
GOOD, BAD, STOPPED, REFUSED, WIDE = 24, 12, 2, 2, 10
#: Some more with items when all that was scraped: a replica may count its first items, of which no rate can tell.
AGAIN = 4
#: Seconds that anything may take on a machine that does other things as well, and a scrape.
PATIENCE, A_SCRAPE = 240, 30
QUERIES = [(board.name, *each) for board in boards() if board.kind == PROMETHEUS for each in board.queries()]
STATEMENTS = [(board.name, *each) for board in boards() if board.kind == POSTGRESQL for each in board.queries()]
CHOICES = [
    (board.name, each["name"], each["query"])
    for board in boards()
    for each in board.variables
    if each["type"] == "query"
]
RUNBOOKS = sorted((Path(__file__).parents[3] / "docs" / "runbooks").glob("*.md"))
#: What stands in a runbook, and what there is here.
HERE = {"argo-prod": "argo", "nightly-patch": "bad-0", "-a patch": "-a nap", "baton check": "baton check --no-kube"}
#: Nothing is held here: the command says so by its exit code.
ENDS_WELL = {"baton runs resolve nightly-patch": {0, 3}}
#: What the counter of ends should say, as the rows do.
ENDS = """
SELECT r.tenant_id, a.name, coalesce(e.tenant_id || '/' || e.name, ''),
       CASE r.status WHEN 'COMPLETED' THEN 'Succeeded' WHEN 'FAILED' THEN 'Failed' ELSE 'Cancelled' END,
       coalesce(CASE WHEN r.accepted_reason = 'Accepted' THEN r.status_reason ELSE r.accepted_reason END, ''), count(*)
FROM run r JOIN automation a ON a.id = r.automation_id LEFT JOIN engine e ON e.id = r.engine_id
WHERE r.finished_at IS NOT NULL GROUP BY 1, 2, 3, 4, 5
"""


@dataclass(frozen=True)
class Scene:
    """
    What is looked at.

    Attributes:
        stage: Where fifty Runs have ended.
        seen: The Prometheus that watched them.
    """

    stage: Stage
    seen: PrometheusServer

    def total(self, metric: str, *labels: str) -> dict[tuple[str, ...], float]:
        """Give the sum over both operators, by labels."""
        found = self.seen.query(f"sum by ({', '.join(labels)}) ({metric}{{job='{JOB}'}})")
        return {tuple(sample.get(label, "") for label in labels): value for sample, value in found}


@pytest.fixture(scope="module")
def scene(
    new_stage: Callable[[], Stage], prometheus_program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """Fifty Runs that have ended, while a Prometheus looked on."""
    stage = new_stage()
    operators = [stage.operator().wait_ready(PATIENCE) for _ in range(2)]
    with prometheus(
        prometheus_program, tmp_path_factory.mktemp("prometheus"), [each.port for each in operators]
    ) as seen:
        stage.until(lambda: seen.targets_up() == 2, PATIENCE, what="both operators scraped")
        _define(stage)
        _first_ends(stage, seen)
        _fifty_runs(stage)
        stage.ended(within=PATIENCE)
        _until_counted(stage, seen, GOOD + BAD + STOPPED + REFUSED + WIDE + 4)
        for number in range(AGAIN):
            stage.run(f"again-{number}", "wide")
        stage.ended(within=PATIENCE)
        _until_counted(stage, seen, GOOD + BAD + STOPPED + REFUSED + WIDE + 4 + AGAIN)
        stage.run("waits", spec={"state": "Suspended"})
        stage.until(lambda: seen.query("baton_runs"), PATIENCE, what="the Run that waits scraped")
        yield Scene(stage, seen)


def _until_counted(stage: Stage, seen: PrometheusServer, ends: int) -> None:
    stage.until(
        lambda: sum(v for _, v in seen.query("sum(baton_runs_finished_total)")) == ends,
        PATIENCE,
        what=f"{ends} ends counted and scraped",
    )


def _define(stage: Stage) -> None:
    stage.engine_argo()
    stage.create("Engine", "away", {"type": "Argo", "url": "http://127.0.0.1:9", "tracking": {"interval": "1s"}})
    stage.nap()
    stage.nap("nap-slow")
    stage.nap("wide", batches=HOSTS, **ITEMS)
    stage.nap("strict", parametersSchema={"type": "object", "required": ["ticket"]})
    stage.spoil("late-answer", method="POST", seconds=2.5, times=2)


def _first_ends(stage: Stage, seen: PrometheusServer) -> None:
    """Have each series begin: a rate needs a value before the one that it counts."""
    stage.run("first-good")
    stage.run("first-bad", fail="yes")
    stage.run("first-wide", "wide")
    stage.run("first-slow", "nap-slow", secs="60s")
    stage.phase("first-slow", "Running", within=PATIENCE)
    stage.patch("Run", "first-slow", {"state": "Cancelled"})
    stage.ended("first-good", "first-bad", "first-wide", "first-slow", within=PATIENCE)
    _until_counted(stage, seen, 4)


def _fifty_runs(stage: Stage) -> None:
    for number in range(REFUSED):
        stage.run(f"refused-{number}", "strict")
    for number in range(STOPPED):
        stage.run(f"stopped-{number}", "nap-slow", secs="60s")
    for number in range(GOOD):
        stage.run(f"good-{number}")
        if number < BAD:
            stage.run(f"bad-{number}", fail="yes")
        if number < WIDE:
            stage.run(f"wide-{number}", "wide")
    for number in range(STOPPED):
        stage.phase(f"stopped-{number}", "Running", within=PATIENCE)
        stage.patch("Run", f"stopped-{number}", {"state": "Cancelled"})


def test_the_ends_that_two_replicas_counted_are_the_ends_in_the_database(scene: Scene) -> None:
    labels = ("namespace", "automation", "engine", "outcome", "reason")
    counted = scene.total("baton_runs_finished_total", *labels)
    assert counted == {tuple(row[:5]): row[5] for row in scene.stage.rows(ENDS)}


def test_items_and_attempts_are_those_of_the_database(scene: Scene) -> None:
    items = scene.total("baton_items_finished_total", "outcome")
    (done, failed, attempts), *_ = scene.stage.rows(
        """
        SELECT count(*) FILTER (WHERE x.status = 'COMPLETED'), count(*) FILTER (WHERE x.status = 'FAILED'),
               (SELECT count(*) FROM dispatch_attempt WHERE item_execution_id IS NOT NULL AND sends > 0)
        FROM item_execution x
        """
    )
    assert (items["Succeeded",], items["Failed",]) == (done, failed) == (WIDE + 1 + AGAIN, WIDE + 1 + AGAIN)
    assert sum(scene.total("baton_item_attempts_total").values()) == attempts


def test_submits_and_times_are_counted_once_for_each_run(scene: Scene) -> None:
    """
    A submit whose answer was lost is counted as unknown, and again by what was found out about it.

    So is one whose lease ran out before it was recorded, as happens on a busy machine: it is created, and then adopted.
    """
    submits = {word: number for (word,), number in scene.total("baton_submissions_total", "outcome").items()}
    (linked,) = scene.stage.rows("SELECT count(*) FROM dispatch_attempt WHERE orchestration_instance_id IS NOT NULL")
    accepted = len(scene.stage.accepted())
    assert linked == (accepted,)
    assert submits["created"] <= accepted <= submits["created"] + min(submits["adopted"], submits["unknown"])
    assert submits["unknown"] >= 2
    started = scene.stage.rows("SELECT count(*) FROM run WHERE started_at IS NOT NULL AND finished_at IS NOT NULL")
    assert scene.total("baton_run_duration_seconds_count") == {(): started[0][0]}
    assert scene.total("baton_run_queue_duration_seconds_count") == {(): started[0][0]}


def test_what_is_read_from_rows_is_the_same_in_both_replicas(scene: Scene) -> None:
    for metric in ("baton_engine_up", "baton_engine_inflight_limit", "baton_invariant_violations"):
        by_replica: dict[str, dict[tuple[str, ...], float]] = {}
        for labels, value in scene.seen.query(metric):
            key = tuple(value for name, value in sorted(labels.items()) if name != "instance")
            by_replica.setdefault(labels["instance"], {})[key] = value
        first, second = by_replica.values()
        assert first == second
    assert dict(Counter(value for _, value in scene.seen.query("max by (engine) (baton_engine_up)"))) == {1: 1, 0: 1}


def test_the_operator_has_checked_its_invariants_and_found_them_kept(scene: Scene) -> None:
    scene.stage.until(
        lambda: len(scene.seen.query("max by (invariant) (baton_invariant_violations)")) == 7,
        PATIENCE,
        what="all checked",
    )
    assert {value for _, value in scene.seen.query("baton_invariant_violations")} == {0.0}


@pytest.mark.parametrize(("board", "title", "query"), QUERIES, ids=lambda each: each[:40])
def test_a_panel_is_not_empty(scene: Scene, board: str, title: str, query: str) -> None:
    wanted = as_prometheus_sees_it(query, rate="30m", span="30m")
    scene.stage.until(
        lambda: [value for _, value in scene.seen.query(wanted) if not math.isnan(value)],  # a scrape may be late
        A_SCRAPE,
        what=f"a value in {board}, {title}",
    )


@pytest.mark.parametrize(("board", "title", "statement"), STATEMENTS, ids=lambda each: each[:40])
def test_a_panel_of_the_history_is_not_empty(scene: Scene, board: str, title: str, statement: str) -> None:
    texts = {
        "namespace": f"'{scene.stage.namespace}'",
        "automation": "'nap', 'nap-slow', 'wide', 'strict'",
        "run": "''",
    }
    rows = scene.stage.rows(as_postgresql_sees_it(statement, texts).replace("%", "%%"))
    assert rows, f"{board}, {title}"


@pytest.mark.parametrize(("board", "name", "query"), CHOICES, ids=lambda each: str(each)[:40])
def test_a_variable_offers_something(scene: Scene, board: str, name: str, query: object) -> None:
    if isinstance(query, dict):
        selector = query["query"].removeprefix("label_values(").removesuffix(")").rpartition(", ")
        found = scene.seen.query(f"count by ({selector[2]}) ({as_prometheus_sees_it(selector[0], rate='', span='')})")
        assert [labels[selector[2]] for labels, _ in found if labels.get(selector[2])]
        return
    rows = scene.stage.rows(as_postgresql_sees_it(str(query), {"namespace": f"'{scene.stage.namespace}'"}))
    assert rows, f"{board}, {name}"


def test_every_rule_is_evaluated_and_what_should_be_pending_is(scene: Scene) -> None:
    """Nothing fires within a minute; but the engine that is away is on its way to be told."""
    rules = scene.seen.rules()
    assert {each["health"] for each in rules} == {"ok"}, [each for each in rules if each["health"] != "ok"]
    scene.stage.until(
        lambda: "BatonEngineDown" in scene.seen.alerts(), PATIENCE, what="the alert of the engine that is away"
    )
    assert set(scene.seen.alerts()) <= {"BatonEngineDown", "BatonCircuitOpen", "BatonRunFailureRatioHigh"}
    assert scene.seen.query("job_namespace_automation:baton_runs_finished:failed_ratio30m")


def test_promtool_finds_nothing_wrong_with_the_metrics(scene: Scene, promtool: Path) -> None:
    port = scene.stage.operators[0].port
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        page = answer.read()
    done = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


def typed(page: Path) -> list[str]:
    """Give the lines of a runbook that are to be typed."""
    return re.findall(r"^    (\S.*)$", page.read_text(), re.MULTILINE)


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda each: each.stem)
def test_what_a_runbook_has_people_type_works(scene: Scene, page: Path) -> None:
    """Commands end well, queries are understood; on a system that is well they may have nothing to show."""
    for line in typed(page):
        if not line.startswith(("baton ", "kubectl ")):
            scene.seen.query(line)
            continue
        here = line.replace("team-a", scene.stage.namespace)
        for there, ours in HERE.items():
            here = here.replace(there, ours)
        ends = ENDS_WELL.get(line.split(" -n ")[0], {0})
        done = _type(scene.stage, here)
        if done.returncode not in ends:  # what is asked of an engine may take too long on a busy machine
            done = _type(scene.stage, here)
        assert done.returncode in ends, f"{line}\n{done.stdout}{done.stderr}"


def _type(stage: Stage, line: str) -> subprocess.CompletedProcess[str]:
    programs = {"baton": str(Path(sys.executable).with_name("baton")), "kubectl": str(kubectl())}
    name, _, rest = line.partition(" ")
    environ = {
        **os.environ,
        "KUBECONFIG": str(stage.server.path),
        "BATON_DATABASE_URL": stage.database_url,
        "BATON_ENGINE_NETWORKS": "127.0.0.0/8",
    }
    return subprocess.run(
        ["/bin/sh", "-c", f"{programs[name]} {rest}"], capture_output=True, text=True, env=environ, check=False
    )
