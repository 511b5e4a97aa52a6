"""What is sent to Argo, and what is never sent; what a template declares."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from baton_operator.engines.argo.submit import is_unsure, refusal, submission, text_of
from baton_operator.engines.argo.template import Template
from baton_operator.engines.base import SubmitRequest

REQUEST = SubmitRequest(
    token="baton-0123-a1",  # noqa: S106 - a name
    fingerprint="f" * 64,
    run_uid="3f2a",
    run_name="nightly",
    namespace="team-a",
    target={"workflowTemplate": "nap"},
    arguments={"secs": 1, "who": "Ada", "list": [1, "zwei"], "flag": True, "none": None},
)


def test_a_submission_carries_our_marks() -> None:
    """Name, label, annotations and parameters, as Argo wants them."""
    body = submission(replace(REQUEST, traceparent="00-ab-cd-01"))
    assert body == {
        "resourceKind": "WorkflowTemplate",
        "resourceName": "nap",
        "submitOptions": {
            "name": "baton-0123-a1",
            "labels": "baton.dev/run-uid=3f2a",
            "annotations": f"baton.dev/fingerprint={'f' * 64},baton.dev/run-name=nightly,"
            "baton.dev/run-namespace=team-a,baton.dev/traceparent=00-ab-cd-01",
            "parameters": ["secs=1", "who=Ada", 'list=[1,"zwei"]', "flag=true", "none=null"],
        },
    }


def test_a_cluster_template_and_an_entrypoint_are_named() -> None:
    """The other arm of a target."""
    body = submission(replace(REQUEST, target={"clusterWorkflowTemplate": "nap", "entrypoint": "main"}))
    assert (body["resourceKind"], body["submitOptions"]["entryPoint"]) == ("ClusterWorkflowTemplate", "main")


@pytest.mark.parametrize("text", ["a=b", "", "x\ny", "ünï", '"quoted"', "=1"])
def test_a_text_stays_as_it_is(text: str) -> None:
    """Only other types are written as JSON."""
    assert text_of(text) == text


@pytest.mark.parametrize(
    "changes",
    [
        {"token": "Baton-1"},
        {"token": ""},
        {"token": "a" * 46},
        {"token": "a/../b"},
        {"token": "-a"},
        {"run_uid": "a,b=c"},
        {"run_uid": ""},
        {"target": {}},
        {"target": {"workflowTemplate": "a", "clusterWorkflowTemplate": "b"}},
        {"arguments": {"": 1}},
        {"arguments": {"a=b": 1}},
        {"arguments": {"a": "\ud800"}},
        {"arguments": {"a": object()}},
    ],
)
def test_what_argo_would_choke_on_is_not_sent(changes: dict[str, Any]) -> None:
    """Each is refused before a byte leaves, with a reason."""
    assert refusal(replace(REQUEST, **changes))


def test_a_good_request_is_not_refused() -> None:
    """Nothing against it."""
    assert refusal(REQUEST) is None


@pytest.mark.parametrize(
    ("message", "unsure"),
    [
        ('Post "https://10.96.0.1:443/apis/argoproj.io/v1alpha1/namespaces/argo/workflows": EOF', True),
        ('Post "https://10.96.0.1:443/apis": http2: client connection lost', True),
        ('Put "https://10.96.0.1:443/apis": read: connection reset by peer', True),
        ("unexpected error when reading response body. Please retry. Original error: EOF", True),
        ("context deadline exceeded", True),
        ("rpc error: code = Unavailable desc = error reading from server: EOF", True),
        ("transport is closing", True),
        ("etcdserver: request timed out", True),
        ('Get "https://10.96.0.1:443/apis": EOF', False),
        ("spec.arguments.secs.value or spec.arguments.secs.valueFrom is required", False),
        ('Workflow.argoproj.io "Bad_Name" is invalid', False),
        ("admission webhook denied the request: no posts on Friday", False),
    ],
)
def test_argo_may_not_know_itself(message: str, unsure: bool) -> None:
    """A create whose answer argo-server lost is told apart from a refusal, though both are 400."""
    assert is_unsure(message) is unsure


def template(**spec: Any) -> Template:
    return msgspec.convert({"spec": spec}, Template)


NAP = template(
    arguments={
        "parameters": [
            {"name": "given", "value": "1"},
            {"name": "fallback", "default": ""},
            {"name": "read", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}},
            {"name": "wanted"},
        ]
    },
    templates=[{"name": "main"}, {"name": "other"}],
)


@pytest.mark.parametrize(
    ("target", "arguments", "problems"),
    [
        ({}, ["wanted"], []),
        ({}, ["wanted", "given", "fallback", "read"], []),
        ({"entrypoint": "other"}, ["wanted"], []),
        ({}, [], [("InvalidArguments", "wanted")]),
        ({}, ["wanted", "typo"], [("InvalidArguments", "typo")]),
        ({"entrypoint": "gone"}, ["wanted"], [("TargetNotFound", "gone")]),
    ],
)
def test_arguments_are_compared_with_the_template(
    target: dict[str, str], arguments: list[str], problems: list[tuple[str, str]]
) -> None:
    """Undeclared, missing, and an entrypoint that is not there; each message names it."""
    found = NAP.problems(target, arguments)
    assert [problem.reason for problem in found] == [reason for reason, _ in problems]
    assert all(word in problem.message for problem, (_, word) in zip(found, problems, strict=True))
    assert all(problem.blocking for problem in found)


@pytest.mark.parametrize(
    ("strategy", "memory"),
    [
        (None, None),
        ({}, None),
        ({"secondsAfterCompletion": 3600}, 3600.0),
        ({"secondsAfterSuccess": 60, "secondsAfterFailure": 7200}, 60.0),
        ({"secondsAfterCompletion": 0}, 0.0),
    ],
)
def test_a_template_tells_how_long_argo_remembers(strategy: dict[str, int] | None, memory: float | None) -> None:
    """The shortest of its ends; below ten minutes it is said, and blocks nothing."""
    given = template(ttlStrategy=strategy)
    assert given.memory == memory
    warned = [problem for problem in given.problems({}, []) if problem.reason == "ShortMemory"]
    assert bool(warned) == (memory is not None and memory < 600)
    assert not any(problem.blocking for problem in warned)
