"""The fake, driven by a client that others wrote: what hera's models refuse, the real server would not have said."""

from collections.abc import Iterator

import pytest
from baton_fakes.argo import FakeArgo
from hera.exceptions import AlreadyExists, HeraException, NotFound
from hera.workflows import WorkflowsService
from hera.workflows.models import (
    SubmitOpts,
    WorkflowResubmitRequest,
    WorkflowStopRequest,
    WorkflowSubmitRequest,
    WorkflowTerminateRequest,
)

from baton_operator.engines.conformance import serving_in_thread

#: Hera still calls what pydantic deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:The `json` method is deprecated:DeprecationWarning")


@pytest.fixture
def fake() -> FakeArgo:
    """A fake with state of its own."""
    return FakeArgo()


@pytest.fixture
def service(fake: FakeArgo) -> Iterator[WorkflowsService]:
    """Hera's client for it."""
    with serving_in_thread(fake.app()) as url, WorkflowsService(host=url, namespace="argo") as service:
        yield service


def submit(service: WorkflowsService, name: str, *, template: str = "nap", secs: str = "300") -> object:
    options = SubmitOpts(name=name, labels="baton.dev/run-uid=u1", parameters=[f"secs={secs}", "fail=no"])
    request = WorkflowSubmitRequest(resource_kind="WorkflowTemplate", resource_name=template, submit_options=options)
    return service.submit_workflow(request, namespace="argo")


def test_hera_reads_what_the_fake_says(service: WorkflowsService, fake: FakeArgo) -> None:
    """Submit, get, list, stop, terminate, resubmit and delete, through hera's own models."""
    submit(service, "one")
    submit(service, "two")
    one = service.get_workflow("one", namespace="argo")
    assert (one.metadata.name, one.metadata.labels["baton.dev/run-uid"]) == ("one", "u1")
    listed = service.list_workflows(namespace="argo", label_selector="baton.dev/run-uid=u1")
    assert [item.metadata.name for item in listed.items] == ["two", "one"]
    service.stop_workflow("one", WorkflowStopRequest(), namespace="argo")
    service.terminate_workflow("two", WorkflowTerminateRequest(), namespace="argo")
    copy = service.resubmit_workflow("one", WorkflowResubmitRequest(), namespace="argo")
    assert copy.metadata.name != "one"
    service.delete_workflow("one", namespace="argo")
    with pytest.raises(NotFound):
        service.get_workflow("one", namespace="argo")
    assert [entry["name"] for entry in fake.state.ledger.entries()] == ["one", "two", copy.metadata.name]


def test_hera_sees_the_fakes_refusals(service: WorkflowsService) -> None:
    """Hera's errors, by status."""
    submit(service, "one", secs="0")
    with pytest.raises(AlreadyExists):
        submit(service, "one")
    with pytest.raises(NotFound):
        submit(service, "other", template="nope")
    with pytest.raises(HeraException):
        submit(service, "Bad_Name")


def test_hera_reads_templates_and_version(service: WorkflowsService) -> None:
    """And the empty list of cluster templates."""
    assert service.get_version().platform == "linux/amd64"
    assert service.get_workflow_template("nap", namespace="argo").spec.entrypoint == "main"
    assert service.list_cluster_workflow_templates().items is None
