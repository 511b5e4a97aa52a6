"""The fake, driven by Airflow's own client: what its models refuse, the real server would not have said."""

import time
from collections.abc import Iterator

import pytest
from airflow_client.client import ApiClient, Configuration
from airflow_client.client.api.dag_api import DAGApi
from airflow_client.client.api.dag_run_api import DagRunApi
from airflow_client.client.api.monitor_api import MonitorApi
from airflow_client.client.api.task_instance_api import TaskInstanceApi
from airflow_client.client.api.version_api import VersionApi
from airflow_client.client.exceptions import (
    ApiException,
    ConflictException,
    ForbiddenException,
    NotFoundException,
    UnauthorizedException,
    UnprocessableEntityException,
)
from airflow_client.client.models.dag_patch_body import DAGPatchBody
from airflow_client.client.models.dag_run_clear_body import DAGRunClearBody
from airflow_client.client.models.dag_run_mutable_states import DagRunMutableStates
from airflow_client.client.models.dag_run_patch_body import DAGRunPatchBody
from airflow_client.client.models.dag_run_response import DAGRunResponse
from airflow_client.client.models.trigger_dag_run_post_body import TriggerDAGRunPostBody
from baton_fakes.airflow import FakeAirflow

from baton_operator.engines.conformance import serving_in_thread


@pytest.fixture
def fake() -> FakeAirflow:
    """A fake with state of its own."""
    return FakeAirflow()


@pytest.fixture
def client(fake: FakeAirflow) -> Iterator[ApiClient]:
    """Airflow's client for it, logged in."""
    with serving_in_thread(fake.app()) as url:
        token = fake.state.log_in({"username": "admin", "password": "admin"})
        with ApiClient(Configuration(host=url, access_token=token)) as made:
            yield made
            made.rest_client.pool_manager.clear()


def trigger(client: ApiClient, run: str, dag: str = "nap", **conf: object) -> DAGRunResponse:
    body = TriggerDAGRunPostBody(dag_run_id=run, logical_date=None, conf=conf)
    return DagRunApi(client).trigger_dag_run(dag, body)


def end_of(client: ApiClient, run: str) -> DAGRunResponse:
    deadline = time.monotonic() + 60
    while (seen := DagRunApi(client).get_dag_run("nap", run)).end_date is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return seen


def test_the_client_reads_runs_and_their_ends(client: ApiClient, fake: FakeAirflow) -> None:
    """Trigger, get, list by prefix and state, task instances and their log, through the client's own models."""
    assert trigger(client, "baton-one", secs=0).state == "queued"
    trigger(client, "baton-two", secs=0, fail="yes")
    trigger(client, "mine-three", secs=300)
    assert (end_of(client, "baton-one").state, end_of(client, "baton-two").state) == ("success", "failed")
    runs = DagRunApi(client)
    listed = runs.get_dag_runs("~", run_id_prefix_pattern="baton-", state=["failed"], limit=1000)
    assert ([each.dag_run_id for each in listed.dag_runs], listed.total_entries) == (["baton-two"], 1)
    (task,) = TaskInstanceApi(client).get_task_instances("nap", "baton-two").task_instances
    assert (task.task_id, task.state, task.try_number) == ("wait", "failed", 1)
    log = TaskInstanceApi(client).get_log("nap", "baton-two", "wait", 1)
    assert log.continuation_token is None
    assert [entry["name"] for entry in fake.state.ledger.entries()] == ["baton-one", "baton-two", "mine-three"]


def test_the_client_ends_clears_and_deletes(client: ApiClient) -> None:
    """A state by hand, a clear that only asks, one that acts, and a name that is free again."""
    runs = DagRunApi(client)
    trigger(client, "one", secs=300)
    ended = runs.patch_dag_run("nap", "one", DAGRunPatchBody(state=DagRunMutableStates.FAILED, note="enough"))
    assert (ended.state, ended.note) == ("failed", "enough")
    # The client cannot read this answer, nor a real server's: a task instance fits two of its own models.
    asked = runs.clear_dag_run_without_preload_content("nap", "one", DAGRunClearBody())
    assert (asked.status, asked.json()["total_entries"]) == (200, 1)
    assert runs.get_dag_run("nap", "one").state == "failed"
    cleared = runs.clear_dag_run("nap", "one", DAGRunClearBody(dry_run=False)).actual_instance
    assert isinstance(cleared, DAGRunResponse)
    assert cleared.state == "queued"
    runs.patch_dag_run("nap", "one", DAGRunPatchBody(state=DagRunMutableStates.FAILED))
    runs.delete_dag_run("nap", "one")
    with pytest.raises(NotFoundException):
        runs.get_dag_run("nap", "one")
    assert trigger(client, "one", secs=300).dag_run_id == "one"


def test_the_client_sees_the_fakes_refusals(client: ApiClient, fake: FakeAirflow) -> None:
    """The client's errors, by status."""
    trigger(client, "one", secs=0)
    with pytest.raises(ConflictException):
        trigger(client, "one")
    with pytest.raises(NotFoundException):
        trigger(client, "two", dag="nope")
    with pytest.raises(ApiException, match="does not match regex"):
        trigger(client, "no/name")
    with pytest.raises(UnprocessableEntityException):
        DagRunApi(client).get_dag_runs("nap", state=["cancelled"])
    client.configuration.access_token = fake.state.log_in({"username": "viewer", "password": "viewer"})
    with pytest.raises(ForbiddenException, match="Forbidden"):
        trigger(client, "two")
    fake.state.settings.token_lifetime = -1.0
    client.configuration.access_token = fake.state.log_in({"username": "admin", "password": "admin"})
    with pytest.raises(UnauthorizedException, match="Token Expired"):
        trigger(client, "two")
    fake.state.forget_tokens()
    with pytest.raises(ForbiddenException, match="Invalid JWT token"):
        trigger(client, "two")


def test_the_client_reads_dags_health_and_version(client: ApiClient) -> None:
    """And pauses a DAG: its runs wait until it goes on."""
    dags = DAGApi(client)
    assert VersionApi(client).get_version().version == "3.3.2"
    assert MonitorApi(client).get_health().scheduler.status == "healthy"
    assert "nap" in [each.dag_id for each in dags.get_dags().dags]
    assert sorted(dags.get_dag_details("nap").params) == ["fail", "secs"]
    assert dags.patch_dag("nap", DAGPatchBody(is_paused=True)).is_paused
    trigger(client, "one", secs=0)
    time.sleep(0.3)  # far longer than a run that is not held takes
    assert DagRunApi(client).get_dag_run("nap", "one").state == "queued"
    dags.patch_dag("nap", DAGPatchBody(is_paused=False))
    assert end_of(client, "one").state == "success"
