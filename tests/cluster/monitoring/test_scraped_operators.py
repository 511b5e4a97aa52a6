"""
A real Prometheus scrapes two operators while fifty Runs, some of them failing, travel through them.

Before that each of both works alone while the other is frozen, so that each has counted something of everything: a rate
needs a value before the one that it counts. What the counters of both say together is what the database says; no panel
of a dashboard is empty; every rule is evaluated, and what should be pending is.
"""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from baton_monitoring.dashboards import (
    POSTGRESQL,
    PROMETHEUS,
    RATE,
    STEP,
    Board,
    as_postgresql_sees_it,
    as_prometheus_sees_it,
    boards,
)
from baton_monitoring.server import JOB, PrometheusServer, prometheus
from baton_spine.process import OperatorProcess
from baton_spine.stage import Stage

from baton_operator.local.binaries import kubectl
from baton_operator.loops import bounds
from baton_operator.settings import Settings

pytestmark = pytest.mark.timeout(900)  # the fifty Runs are waited for by whichever test comes first
ITEMS = {
    "arguments": {"secs": "${item.secs}", "fail": "${item.fail}"},
    "dispatch": {"per": "Item"},
    "retry": {"maxAttempts": 2, "backoff": {"initial": "1s"}},
}
HOSTS = [{"name": "all", "items": [{"secs": "100ms", "fail": "no"}, {"secs": "200ms", "fail": "yes"}]}]
#: Of fifty Runs, by Automation: 24 go well, 12 fail, 2 are cancelled, 2 are refused, 10 have two items each.
GOOD, BAD, STOPPED, REFUSED, WIDE = 24, 12, 2, 2, 10
FIFTY = GOOD + BAD + STOPPED + REFUSED + WIDE
#: What each of both does alone before, and how many answers of the engine are lost after that.
ALONE, LOST = 4, 2
#: Seconds that anything may take on a machine that does other things as well.
PATIENCE = 240
#: Seconds after which a scrape is known: it is dated by its beginning.
A_SCRAPE = 3
#: A site's deadline: what is to be counted once does not run out of time on a busy machine.
UNHURRIED = {"BATON_REQUEST_DEADLINE": "10"}
LEASE = bounds.lease(Settings("", request_deadline=10))
PANELS = [(board, *each) for board in boards() if board.kind == PROMETHEUS for each in board.targets()]
STATEMENTS = [(board.name, *each) for board in boards() if board.kind == POSTGRESQL for each in board.queries()]
CHOICES = [
    (board.name, each["name"], each["query"])
    for board in boards()
    for each in board.variables
    if each["type"] == "query"
]
SECONDS = {"m": 60, "h": 3600, "d": 86400}
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
#: How many attempts the engine has, how often they were sent, how many of them were known only after their lease, and
#: how often a send never left.
SUBMITS = """
SELECT count(*), sum(d.sends), count(*) FILTER (WHERE i.created_at > d.last_sent_at + %s), sum(d.tries - d.sends)
FROM dispatch_attempt d JOIN orchestration_instance i ON i.id = d.orchestration_instance_id
"""


@dataclass(frozen=True)
class Scene:
    """
    What is looked at.

    Attributes:
        stage: Where fifty Runs have ended.
        seen: The Prometheus that watched them.
        shares: How many ends each replica had counted, when the first had been frozen, and when both had.
        end: A moment, in seconds since 1970, when all that was over and scraped from both.
    """

    stage: Stage
    seen: PrometheusServer
    shares: tuple[Mapping[str, float], ...]
    end: float

    def total(self, metric: str, *labels: str) -> dict[tuple[str, ...], float]:
        """Give the sum over both operators, by labels, of what was scraped last: a scrape may fail."""
        found = self.seen.query(f"sum by ({', '.join(labels)}) (last_over_time({metric}{{job='{JOB}'}}[2m]))", self.end)
        return {tuple(sample.get(label, "") for label in labels): value for sample, value in found}

    def shown(self, board: Board, target: Mapping[str, Any]) -> list[float]:
        """Give the values that a panel shows, asked as Grafana asks where nobody has chosen another time range."""
        query = as_prometheus_sees_it(target["expr"], rate=RATE, span=board.span)
        if target["instant"]:
            found = self.seen.query(query, self.end)
        else:
            begin = self.end - SECONDS[board.span[-1]] * int(board.span[:-1])
            found = self.seen.graph(query, begin=begin, end=self.end, step=STEP)
        return [value for _, value in found if not math.isnan(value)]


@pytest.fixture(scope="module")
def scene(
    new_stage: Callable[[], Stage], prometheus_program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """Fifty Runs that have ended, while a Prometheus looked on."""
    stage = new_stage()
    operators = [stage.operator(**UNHURRIED).wait_ready(PATIENCE) for _ in range(2)]
    with prometheus(
        prometheus_program, tmp_path_factory.mktemp("prometheus"), [each.port for each in operators]
    ) as seen:
        stage.until(lambda: seen.targets_up() == 2, PATIENCE, what="both operators scraped")
        _define(stage)
        shares = []
        for number, each in enumerate(operators):
            with _frozen(each):
                _one_of_each(stage, number)
            shares.append(_counted(stage, seen, ALONE * (number + 1)))
        stage.spoil("work-then-drop", method="POST", times=LOST)
        _fifty_runs(stage)
        stage.ended(within=PATIENCE)
        _counted(stage, seen, ALONE * 2 + FIFTY)
        stage.run("waits", spec={"state": "Suspended"})
        yield Scene(stage, seen, tuple(shares), _moment(stage, seen))


@contextmanager
def _frozen(operator: OperatorProcess) -> Iterator[None]:
    operator.freeze()
    operator.wait_stopped(PATIENCE)
    yield
    operator.thaw()


def _counted(stage: Stage, seen: PrometheusServer, ends: int) -> dict[str, float]:
    """Wait until so many ends are counted and scraped; give each replica's share."""

    def shares() -> dict[str, float] | None:
        found = seen.query("sum by (instance) (baton_runs_finished_total)")
        by_replica = {labels["instance"]: value for labels, value in found}
        return by_replica if sum(by_replica.values()) == ends else None

    found: dict[str, float] = stage.until(shares, PATIENCE, what=f"{ends} ends counted and scraped")
    return found


def _moment(stage: Stage, seen: PrometheusServer) -> float:
    """Wait for a moment from now on at which both replicas show the Run that waits, and no other."""
    since = time.time()  # before it, the one that they show may be the last that had not ended

    def moment() -> float | None:
        then = time.time() - A_SCRAPE
        if then < since:
            return None
        shown = [value for _, value in seen.query("baton_runs", then)]
        return then if shown == [1, 1] and seen.targets_up(then) == 2 else None

    found: float = stage.until(moment, PATIENCE, what="the Run that waits, and no other, scraped from both")
    return found


def _define(stage: Stage) -> None:
    stage.engine_argo()
    stage.create("Engine", "away", {"type": "Argo", "url": "http://127.0.0.1:9", "tracking": {"interval": "1s"}})
    stage.nap()
    stage.nap("nap-slow")
    stage.nap("wide", batches=HOSTS, **ITEMS)
    stage.nap("strict", parametersSchema={"type": "object", "required": ["ticket"]})


def _one_of_each(stage: Stage, number: int) -> None:
    """Have one Run come to each end, and wait until somebody has marked them as counted."""
    stage.run(f"first-good-{number}")
    stage.run(f"first-bad-{number}", fail="yes")
    stage.run(f"first-wide-{number}", "wide")
    stage.run(f"first-slow-{number}", "nap-slow", secs="60s")
    stage.phase(f"first-slow-{number}", "Running", within=PATIENCE)
    stage.patch("Run", f"first-slow-{number}", {"state": "Cancelled"})
    stage.ended(within=PATIENCE)
    stage.until(lambda: not stage.rows("SELECT FROM run WHERE NOT counted"), PATIENCE, what="all ends marked")


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


def test_each_replica_counts_what_ends_while_the_other_is_frozen(scene: Scene) -> None:
    first, second = (f"127.0.0.1:{each.port}" for each in scene.stage.operators)
    assert scene.shares == ({second: ALONE}, {first: ALONE, second: ALONE})


def test_items_and_attempts_are_those_of_the_database(scene: Scene) -> None:
    items = scene.total("baton_items_finished_total", "outcome")
    (done, failed, attempts), *_ = scene.stage.rows(
        """
        SELECT count(*) FILTER (WHERE x.status = 'COMPLETED'), count(*) FILTER (WHERE x.status = 'FAILED'),
               (SELECT count(*) FROM dispatch_attempt WHERE item_execution_id IS NOT NULL AND sends > 0)
        FROM item_execution x
        """
    )
    assert (items["Succeeded",], items["Failed",]) == (done, failed) == (WIDE + 2, WIDE + 2)
    assert sum(scene.total("baton_item_attempts_total").values()) == attempts


def test_submits_and_times_are_counted_once_for_each_run(scene: Scene) -> None:
    """
    A submit whose answer was lost is counted as unknown, and as adopted when it was looked for and found.

    It is looked for when its lease has ended, and so is what no process had the time to record: that counts twice. What
    never left, since a busy machine takes no connection, counts each time.
    """
    submits = {word: number for (word,), number in scene.total("baton_submissions_total", "outcome").items()}
    ((linked, sent, found_late, never_left),) = scene.stage.rows(SUBMITS, LEASE)
    accepted = len(scene.stage.accepted())
    assert linked == sent == accepted
    wanted = {"created": accepted - LOST, "unknown": LOST, "adopted": found_late, "not_sent": never_left}
    assert {"not_sent": 0, **submits} == wanted
    assert found_late >= LOST
    started = scene.stage.rows("SELECT count(*) FROM run WHERE started_at IS NOT NULL AND finished_at IS NOT NULL")
    assert scene.total("baton_run_duration_seconds_count") == {(): started[0][0]}
    assert scene.total("baton_run_queue_duration_seconds_count") == {(): started[0][0]}


def test_what_is_read_from_rows_is_the_same_in_both_replicas(scene: Scene) -> None:
    replicas = {f"127.0.0.1:{each.port}" for each in scene.stage.operators}
    for metric in ("baton_engine_up", "baton_engine_inflight_limit"):
        by_replica: dict[str, dict[str, float]] = {}
        for (replica, engine), value in scene.total(metric, "instance", "engine").items():
            by_replica.setdefault(replica, {})[engine] = value
        assert by_replica == dict.fromkeys(replicas, by_replica[min(replicas)])
    up = scene.total("baton_engine_up", "instance", "engine")
    assert Counter(up.values()) == {1: 2, 0: 2}


def test_the_operator_has_checked_its_invariants_and_found_them_kept(scene: Scene) -> None:
    found = scene.stage.until(
        lambda: len(found := scene.seen.query("baton_invariant_violations")) == 7 * 2 and found,
        PATIENCE,
        what="all checked, and shown by both",
    )
    assert [value for _, value in found] == [0.0] * 14


@pytest.mark.parametrize(
    ("board", "title", "target"), PANELS, ids=[f"{board.name}: {title} {it['refId']}" for board, title, it in PANELS]
)
def test_a_panel_is_not_empty(scene: Scene, board: Board, title: str, target: Mapping[str, Any]) -> None:
    assert scene.shown(board, target), f"{board.name}, {title}: {target['expr']}"


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
    """The engine that is away, and an Automation of whose Runs all fail; it takes minutes until anything fires."""
    rules = scene.seen.rules()
    assert {each["health"] for each in rules} == {"ok"}, [each for each in rules if each["health"] != "ok"]
    pending = {"BatonEngineDown", "BatonRunFailureRatioHigh"}
    scene.stage.until(lambda: set(scene.seen.alerts()) == pending, PATIENCE, what=f"nothing but {pending} pending")
    assert scene.seen.query("job_namespace_automation:baton_runs_finished:failed_ratio30m")


def test_promtool_finds_nothing_wrong_with_the_metrics(scene: Scene, promtool: Path) -> None:
    port = scene.stage.operators[0].port
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
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
        done = _type(scene.stage, here)
        assert done.returncode in ENDS_WELL.get(line.split(" -n ")[0], {0}), f"{line}\n{done.stdout}{done.stderr}"


def _type(stage: Stage, line: str) -> subprocess.CompletedProcess[str]:
    programs = {"baton": str(Path(sys.executable).with_name("baton")), "kubectl": str(kubectl())}
    name, _, rest = line.partition(" ")
    environ = {
        **os.environ,
        "KUBECONFIG": str(stage.server.path),
        "BATON_DATABASE_URL": stage.database_url,
        "BATON_ENGINE_NETWORKS": "127.0.0.0/8",
        "BATON_REQUEST_DEADLINE": str(PATIENCE),
    }
    return subprocess.run(
        ["/bin/sh", "-c", f"{programs[name]} {rest}"], capture_output=True, text=True, env=environ, check=False
    )
