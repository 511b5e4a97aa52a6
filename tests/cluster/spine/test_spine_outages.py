"""PostgreSQL and the API server are stopped under two operators: no Run fails, none is sent twice, and it is cheap."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator

import pytest
from baton_fakes.argo import FakeArgo
from baton_spine.process import end_all
from baton_spine.stage import Stage, shown

from baton_migrations.runner import migrate
from baton_operator.local import baton
from baton_operator.local.home import Home
from baton_operator.local.kubernetes import ControlPlane
from baton_operator.local.postgres import Postgres, create_database
from baton_operator.local.progress import say_on_stderr
from baton_operator.local.scratch import scratch_home

RUNS = 50
#: Seconds that PostgreSQL is away, and the API server at least.
AWAY = 10.0
_WRITES = re.compile(
    r'^apiserver_request_total\{.*resource="(?:runs|events)".*verb="(?:POST|PUT|PATCH|APPLY)"[^}]*\} (\S+)$',
    re.MULTILINE,
)
#: Runs that have more to show, by design: one that waited for its submit for about the second within which Accepted and
#: Submitted are one patch, and one that ran for about the five seconds after which the engine's own word is shown.
_SLOW = """
SELECT coalesce(sum((i.created_at > r.created_at + interval '0.9 s')::int
                    + (r.finished_at > i.created_at + interval '4.9 s')::int), 0)
FROM run r JOIN dispatch_attempt d ON d.run_id = r.id
JOIN orchestration_instance i ON i.id = d.orchestration_instance_id WHERE r.name LIKE 'cheap-%'
"""


@pytest.fixture(scope="module")
def own_home() -> Iterator[Home]:
    """Servers that may be stopped: nobody else uses them."""
    with scratch_home(say_on_stderr) as home:
        yield home


@pytest.fixture(scope="module")
def live(
    own_home: Home, shared_argo: tuple[FakeArgo, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Two operators on servers of their own."""
    admin = Postgres(own_home, fsync=False).up()
    server = ControlPlane(own_home, say_on_stderr, fsync=False).up()
    baton.install(server)
    folder = tmp_path_factory.mktemp("outages")
    database_url = create_database(admin, f"spine_{uuid.uuid4().hex}")
    migrate(database_url, progress=lambda _: None)
    namespace = f"spine-{uuid.uuid4().hex[:12]}"
    server.create_namespace(namespace)
    kubeconfig = folder / "kubeconfig"
    server.write_service_account_kubeconfig(baton.NAMESPACE, baton.SERVICE_ACCOUNT, kubeconfig)
    stage = Stage(server, kubeconfig, namespace, database_url, *shared_argo, folder)
    stage.engine_argo()
    stage.nap()
    for each in (stage.operator(), stage.operator()):
        each.wait_ready()
    for kind, name in (("Engine", "argo"), ("Automation", "nap")):  # or the first Runs would wait for the first probe
        stage.until(
            lambda kind=kind, name=name: stage.condition(kind, name, "Ready")[0] == "True", what=f"{name} ready"
        )
    yield stage
    end_all(stage.operators)


def _writes(stage: Stage) -> float:
    """Count what the API server itself counts: writes of Runs, of their status, and of Events."""
    return sum(float(found) for found in _WRITES.findall(stage.server.request("GET", "/metrics")))


def test_fifty_runs_on_two_replicas_cost_three_writes_each_at_most(live: Stage) -> None:
    """A busy machine makes some Runs slow; each of these may cost a write more for each thing it was slow at."""
    before, sent = _writes(live), len(live.accepted())
    names = [f"cheap-{number}" for number in range(RUNS)]
    for name in names:
        live.run(name, secs="3s")
    assert {shown(each) for each in live.ended(*names, within=120).values()} == {("Succeeded", "Succeeded")}
    live.check()
    assert len(live.accepted()) - sent == RUNS
    ((slow,),) = live.rows(_SLOW)
    cost = (_writes(live) - before - slow) / RUNS
    assert 2.0 <= cost <= 3.0, f"writes a Run, the create included; {slow} for slow Runs are not counted"


def test_no_run_fails_while_postgres_is_stopped(live: Stage, own_home: Home) -> None:
    names = [f"stored-{number}" for number in range(10)]
    sent = len(live.accepted())
    for name in names[:5]:
        live.run(name, secs="2s")
    live.until(lambda: len(live.accepted()) > sent)
    Postgres(own_home, fsync=False).process.stop()
    for name in names[5:]:
        live.run(name)
    live.until(lambda: not any(each.is_ready() for each in live.operators), what="not ready")
    time.sleep(AWAY)  # the outage itself: nothing can be waited for
    assert all(each.is_alive() for each in live.operators)
    Postgres(own_home, fsync=False).up()
    assert {shown(each) for each in live.ended(*names, within=90).values()} == {("Succeeded", "Succeeded")}
    assert len(live.accepted()) - sent == len(names)
    assert all(each.process.poll() is None for each in live.operators)
    live.check()


def test_stored_runs_go_on_while_the_api_server_is_away(live: Stage, own_home: Home) -> None:
    plane = ControlPlane(own_home, say_on_stderr, fsync=False)
    names = [f"shown-{number}" for number in range(5)]
    for name in names:
        live.run(name, secs="3s")
    live.until(lambda: live.rows("SELECT count(*) FROM run WHERE name LIKE 'shown-%'") == [(5,)])
    plane.api_server.stop()
    ended = "SELECT count(*) FROM run WHERE name LIKE 'shown-%' AND status = 'COMPLETED'"
    live.until(lambda: live.rows(ended) == [(5,)], what="the end of stored Runs")
    assert all(each.is_alive() for each in live.operators)
    plane.up()
    live.run("afterwards")
    ends = live.ended(*names, "afterwards", within=90)
    assert {shown(each) for each in ends.values()} == {("Succeeded", "Succeeded")}
    live.check()
