"""The network and the servers behind it fail while Runs are under way: none of them fails with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from baton_crash.disturbances import behind_a_wire
from baton_spine.process import OperatorProcess
from baton_spine.stage import Stage, shown
from baton_spine.wire import Wire

FINE = ("Succeeded", "Succeeded")
ENGINE = ("127.0.0.1", 1)  # of no use where the engine is not the one behind the wire


@contextmanager
def wired_database(stage: Stage) -> Iterator[tuple[Stage, Wire]]:
    """Put the operators' database behind a wire."""
    with behind_a_wire(stage, "database", ENGINE) as (wired, wire, _):
        yield wired, wire


def under_way(stage: Stage) -> OperatorProcess:
    """Start an operator and some Runs, of which one is to take a while."""
    stage.engine_argo()
    stage.nap()
    operator = stage.operator().wait_ready()
    stage.run("before", secs="8s")  # a busy machine shows late that it runs
    stage.phase("before", "Running")
    return operator


def test_a_watch_that_is_half_open_is_made_good(stage: Stage) -> None:
    """The API server's connections fall silent without an end (A1): what is applied is seen within a minute."""
    with behind_a_wire(stage, "kubernetes", ENGINE) as (wired, wire, _):
        operator = under_way(wired)
        wire.strand()
        wired.run("after")
        assert {shown(each) for each in wired.ended("before", "after", within=60).values()} == {FINE}
        assert operator.process.poll() is None
        wired.check()


def test_a_database_that_is_frozen_fails_no_run(stage: Stage) -> None:
    """PostgreSQL answers nothing for a while (D1): not ready, but alive; then everything goes on."""
    with wired_database(stage) as (wired, wire):
        operator = under_way(wired)
        wire.freeze()
        wired.run("meanwhile")
        wired.until(lambda: not operator.is_ready(), what="that the operator says it is not ready")
        assert operator.is_alive()
        wire.thaw()
        assert {shown(each) for each in wired.ended("before", "meanwhile").values()} == {FINE}
        assert len(wired.accepted()) == 2
        wired.check()


def test_connections_to_the_database_that_are_cut_again_and_again(stage: Stage) -> None:
    """Every connection is reset while Runs travel (D3): each is submitted once."""
    with wired_database(stage) as (wired, wire):
        under_way(wired)
        names = [f"cut-{number}" for number in range(8)]
        for name in names:
            wired.run(name)
            wire.cut()
        assert {shown(each) for each in wired.ended(*names).values()} == {FINE}
        assert len(wired.accepted()) == len(names) + 1
        wired.check()


@pytest.mark.parametrize("setting", ["default_transaction_read_only"])
def test_a_primary_that_became_read_only_is_left(setting: str, stage: Stage) -> None:
    """A fail-over leaves the old primary behind, where writes are refused with 25006 (D2): they go on afterwards."""
    operator = under_way(stage)
    name = stage.database_url.rpartition("/")[2]
    with psycopg.connect(stage.database_url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET {setting} = on')
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        stage.run("meanwhile")
        stage.until(lambda: not operator.is_ready(), what="that the operator says it is not ready")
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f'ALTER DATABASE "{name}" RESET {setting}')
    assert {shown(each) for each in stage.ended("before", "meanwhile", within=45).values()} == {FINE}
    stage.check()


_FULL = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON dispatch_attempt EXECUTE FUNCTION full_disk();
"""


def test_a_full_disk_sends_nothing_and_loses_nothing(stage: Stage) -> None:
    """PostgreSQL refuses every write of an attempt with 53100 (D5): nothing leaves; later everything does, once."""
    under_way(stage)
    with psycopg.connect(stage.database_url, autocommit=True) as connection:
        connection.execute(_FULL)
        stage.run("meanwhile")
        refused = "SELECT 1 FROM pg_stat_database WHERE datname = current_database() AND xact_rollback > 3"
        stage.until(lambda: stage.rows(refused), what="writes that are refused")
        assert len(stage.accepted()) == 1
        connection.execute("DROP TRIGGER full_disk ON dispatch_attempt")
    assert {shown(each) for each in stage.ended("before", "meanwhile").values()} == {FINE}
    assert len(stage.accepted()) == 2
    stage.check()


def test_an_engine_whose_connections_are_stranded_is_asked_anew(stage: Stage) -> None:
    """Connections to the engine fall silent in the middle: deadlines end them, and nothing is there twice."""
    host, _, port = stage.argo_url.removeprefix("http://").partition(":")
    with behind_a_wire(stage, "engine", (host, int(port))) as (wired, wire, url):
        wired.engine_argo(url=url)
        wired.nap()
        wired.operator().wait_ready()
        names = [f"stranded-{number}" for number in range(6)]
        for name in names:
            wired.run(name)
            wire.strand()
        assert {shown(each) for each in wired.ended(*names).values()} == {FINE}
        assert len(wired.accepted()) == len(names)
        wired.check()


def test_a_namespace_that_is_deleted_takes_nothing_but_its_objects(
    stage: Stage, new_stage: Callable[[], Stage]
) -> None:
    """Objects go with their namespace, live Runs too (A4): nothing holds it, rows stay and come to their end."""
    doomed = new_stage()
    for each in (stage, doomed):
        each.engine_argo()
        each.nap()
        each.operator().wait_ready()
    doomed.run("left-behind", secs="2s")
    doomed.phase("left-behind", "Running")
    doomed.server.request("DELETE", f"/api/v1/namespaces/{doomed.namespace}")
    doomed.until(lambda: not doomed.exists("Run", "left-behind"), within=60, what="the namespace's objects gone")
    ended = "SELECT 1 FROM run WHERE name = 'left-behind' AND status IN ('COMPLETED', 'FAILED', 'CANCELLED')"
    doomed.until(lambda: doomed.rows(ended), within=60, what="the end of a Run whose object is gone")
    stage.run("elsewhere")
    assert shown(stage.ended("elsewhere")["elsewhere"]) == FINE


def test_somebody_who_writes_statuses_is_outlived(stage: Stage) -> None:
    """Another writer replaces a Run's status again and again (A2): ours is back in the end, and joins no race."""
    operator = under_way(stage)
    stage.run("disputed", secs="300s")
    stage.phase("disputed", "Running")
    overwrite(stage, "disputed", times=150)
    stage.phase("disputed", "Running")
    stage.until(lambda: stage.get("Run", "disputed")["status"]["progress"] == "0/1", what="the Run's own progress")
    stage.patch("Run", "disputed", {"state": "Cancelled", "reason": "enough"})
    status = stage.ended("disputed")["disputed"]
    assert shown(status) == ("Cancelled", "Cancelled")
    stage.check()
    assert operator.process.poll() is None


def test_a_status_that_is_written_over_after_the_end_is_restored(stage: Stage) -> None:
    """Nothing moves the row any more (A2, I4): what was shown is back within half a minute, removed or not."""
    under_way(stage)
    stage.run("over")
    ended = stage.ended("before", "over")
    overwrite(stage, "over")
    stage.server.request("PATCH", status_path(stage, "before"), {"status": None})
    stage.until(lambda: stage.runs() == ended, within=30, what="both statuses as they were")
    patched = revision(stage, "over")
    overwrite(stage, "over", times=20)
    stage.until(lambda: stage.runs() == ended, within=30, what="the status as it was, once more")
    assert revision(stage, "over") > patched
    stage.check()


def test_what_was_written_over_while_nobody_listened_is_restored(stage: Stage) -> None:
    """The operator was away: the first list shows it."""
    operator = under_way(stage)
    ended = stage.ended("before")
    operator.kill()
    overwrite(stage, "before")
    stage.operator()
    stage.until(lambda: stage.runs() == ended, within=30, what="the status as it was")
    stage.check()


def overwrite(stage: Stage, run: str, times: int = 1) -> None:
    """Write over a Run's status as somebody who may."""
    for number in range(times):
        foreign = {"phase": "Pending", "progress": f"{number}/999", "conditions": []}
        stage.server.request("PATCH", status_path(stage, run), {"status": foreign})


def status_path(stage: Stage, run: str) -> str:
    """Give where a Run's status is written."""
    return stage.path("Run", run) + "/status"


def revision(stage: Stage, run: str) -> int:
    """Give the API server's count of what was written."""
    return int(stage.get("Run", run)["metadata"]["resourceVersion"])
