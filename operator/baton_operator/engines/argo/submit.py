"""
What is sent to Argo to start a workflow, and what must not be sent.

Argo takes labels and annotations as one text with commas and parameters as ``NAME=VALUE``. A parameter without ``=``
is a 500 that nobody can tell from a real one, so everything is checked here, before a byte leaves.
"""

import re
from typing import Any

import msgspec

from baton_operator.engines.argo.workflow import FINGERPRINT, RUN_UID_LABEL
from baton_operator.engines.base import SubmitRequest

RUN_NAME = "baton.dev/run-name"
RUN_NAMESPACE = "baton.dev/run-namespace"
TRACE_PARENT = "baton.dev/traceparent"

#: Labels by which argo-server and Argo's own tools know whose workflows these are.
_TEMPLATE = "workflows.argoproj.io/workflow-template"
_CLUSTER_TEMPLATE = "workflows.argoproj.io/cluster-workflow-template"

_TOKEN = re.compile(r"[a-z0-9]([-a-z0-9]{0,43}[a-z0-9])?")
_LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")

#: How argo-server and grpc-gateway word it when the API server, or argo-server behind its own gateway, was asked and
#: no answer came back: Go's ``url.Error``, a body that could not be read, a context that ended, a broken stream.
_UNSURE = re.compile(
    r"\b(Post|Put|Patch) \"https?://"
    r"|error when reading response body"
    r"|context (deadline exceeded|canceled)"
    r"|error reading from server"
    r"|transport is closing"
    r"|etcdserver: "
)


def is_unsure(message: str) -> bool:
    """Whether Argo's *message* says that it does not know itself what became of a write, whatever its status says."""
    return _UNSURE.search(message) is not None


def refusal(request: SubmitRequest) -> str | None:
    """Say why *request* cannot be sent at all, or None if it can."""
    if not _TOKEN.fullmatch(request.token):
        return f"the token {request.token!r} is no name for a workflow"
    if not _LABEL.fullmatch(request.run_uid):
        return f"the Run's uid {request.run_uid!r} is no label value"
    arms = [arm for arm in ("workflowTemplate", "clusterWorkflowTemplate") if request.target.get(arm)]
    if len(arms) != 1:
        return "target.argo needs exactly one of workflowTemplate and clusterWorkflowTemplate"
    for name in request.arguments:
        if not name or "=" in name:
            return f"arguments: {name!r} is no parameter's name: it must not be empty or hold '='"
    try:
        msgspec.json.encode(submission(request))
    except (ValueError, TypeError, RecursionError) as error:
        return f"arguments cannot be written as JSON: {error}"
    return None


def submission(request: SubmitRequest) -> dict[str, Any]:
    """Return the body of the submit."""
    cluster = request.target.get("clusterWorkflowTemplate")
    options: dict[str, Any] = {
        "name": request.token,
        "labels": f"{RUN_UID_LABEL}={request.run_uid}",
        "annotations": ",".join(f"{key}={value}" for key, value in _annotations(request).items()),
        "parameters": [f"{name}={text_of(value)}" for name, value in request.arguments.items()],
    }
    if request.target.get("entrypoint"):
        options["entryPoint"] = request.target["entrypoint"]
    return {
        "resourceKind": "ClusterWorkflowTemplate" if cluster else "WorkflowTemplate",
        "resourceName": cluster or request.target["workflowTemplate"],
        "submitOptions": options,
    }


def manifest(request: SubmitRequest, namespace: str) -> dict[str, Any]:
    """Return the Workflow that argo-server would make of `submission`."""
    cluster = request.target.get("clusterWorkflowTemplate")
    name = str(cluster or request.target["workflowTemplate"])
    labels = {RUN_UID_LABEL: request.run_uid}
    if _LABEL.fullmatch(name):
        labels[_CLUSTER_TEMPLATE if cluster else _TEMPLATE] = name
    spec: dict[str, Any] = {
        "workflowTemplateRef": {"name": name, **({"clusterScope": True} if cluster else {})},
        "arguments": {
            "parameters": [{"name": key, "value": text_of(value)} for key, value in request.arguments.items()]
        },
    }
    if request.target.get("entrypoint"):
        spec["entrypoint"] = request.target["entrypoint"]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {
            "name": request.token,
            "namespace": namespace,
            "labels": labels,
            "annotations": _annotations(request),
        },
        "spec": spec,
    }


def text_of(value: Any) -> str:
    """Write an argument as Argo's parameters are: a string as it is, anything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _annotations(request: SubmitRequest) -> dict[str, str]:
    """Return the marks by which people and `find` know the workflow; none of them may hold a comma."""
    marks = {FINGERPRINT: request.fingerprint, RUN_NAME: request.run_name, RUN_NAMESPACE: request.namespace}
    if request.traceparent:
        marks[TRACE_PARENT] = request.traceparent
    return {key: value.replace(",", " ") for key, value in marks.items() if value}
