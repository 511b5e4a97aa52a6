"""What the fake Argo keeps: templates, workflows, and the rules by which they come and go."""

import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from baton_fakes.argo_workflows import FakeWorkflow

from baton_operator.engines.conformance import Ledger

#: What Go writes of a template even when it is empty.
_EMPTY: dict[str, Any] = {"inputs": {}, "outputs": {}, "metadata": {}}

NAP: dict[str, Any] = {
    "metadata": {"name": "nap", "namespace": "argo"},
    "spec": {
        "arguments": {"parameters": [{"name": "secs", "value": "2"}, {"name": "fail", "value": "no"}]},
        "entrypoint": "main",
        "templates": [
            {
                "name": "main",
                **_EMPTY,
                "steps": [
                    [{"name": "wait", "template": "nap", "arguments": {}}],
                    [
                        {
                            "name": "check",
                            "template": "boom",
                            "arguments": {},
                            "when": "'{{workflow.parameters.fail}}' == 'yes'",
                        }
                    ],
                ],
            },
            {"name": "nap", **_EMPTY, "suspend": {"duration": "{{workflow.parameters.secs}}"}},
            {"name": "boom", **_EMPTY, "suspend": {"duration": "bogus"}},
        ],
    },
}

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_INVALID_NAME = (
    'Workflow.argoproj.io "{name}" is invalid: metadata.name: Invalid value: "{name}": a lowercase RFC 1123 subdomain '
    "must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric "
    "character"
)


class RefusalError(Exception):
    """Argo's own words for no."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    """
    What can be switched while it runs.

    Attributes:
        list_lag: Seconds by which lists are behind.
        ttl: Seconds after its end at which a workflow is deleted; None for never.
        token: The bearer token that is wanted; empty for auth mode ``server``.
        quota: How many workflows a namespace may hold; more are 403.
        oldest_version: A stream from an older version than this is refused.
        watch: Seconds after which a stream ends by itself.
        keepalive: Seconds of silence after which an event stream says ``:``.
    """

    list_lag: float = 0.0
    ttl: float | None = None
    token: str = ""
    quota: int | None = None
    oldest_version: int = 0
    watch: float = 1800.0
    keepalive: float = 15.0


class ArgoState:
    """
    Everything an Argo cluster remembers.

    Args:
        namespaces: In which the template ``nap`` exists.
        ledger: Where accepted submits are written down.
    """

    def __init__(self, namespaces: Iterable[str] = ("argo",), ledger: Ledger | None = None) -> None:
        self.ledger = ledger or Ledger()
        self.settings = Settings()
        self.templates: dict[tuple[str, str], dict[str, Any]] = {}
        self.cluster_templates: dict[str, dict[str, Any]] = {}
        self.version = 100
        self._workflows: dict[tuple[str, str], FakeWorkflow] = {}
        self._deleted: list[FakeWorkflow] = []
        for namespace in namespaces:
            self.add_template(namespace, NAP)

    def add_template(self, namespace: str, template: dict[str, Any]) -> None:
        """Put a WorkflowTemplate into *namespace*."""
        metadata = {"uid": str(uuid.uuid4()), **template["metadata"], "namespace": namespace}
        self.templates[namespace, metadata["name"]] = {**template, "metadata": metadata}

    def end(self, namespace: str, name: str, phase: str, message: str = "") -> None:
        """Let a workflow end now."""
        self.find(namespace, name).forced = (time.time(), phase, message)

    def forget_all(self) -> None:
        """Lose every workflow, as a cluster that was made anew."""
        self._workflows.clear()
        self._deleted.clear()

    def live(self) -> list[FakeWorkflow]:
        """Return the workflows that exist, oldest first."""
        return [workflow for workflow in self._workflows.values() if self._exists(workflow, time.time())]

    def resource(self, namespace: str, body: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """Return the template that a submit names, and whether it is a cluster's."""
        kind, name = body.get("resourceKind", ""), body.get("resourceName", "")
        if kind in {"WorkflowTemplate", "workflowtemplate", "workflowtemplates", "wftmpl"}:
            if (namespace, name) not in self.templates:
                raise RefusalError(5, f'workflowtemplates.argoproj.io "{name}" not found')
            return self.templates[namespace, name], False
        if kind in {"ClusterWorkflowTemplate", "clusterworkflowtemplate", "clusterworkflowtemplates", "cwft"}:
            if name not in self.cluster_templates:
                raise RefusalError(5, f'clusterworkflowtemplates.argoproj.io "{name}" not found')
            return self.cluster_templates[name], True
        raise RefusalError(3, f"Resource kind '{kind}' is not supported for submitting")

    def make(
        self,
        namespace: str,
        template: dict[str, Any],
        cluster: bool,
        parameters: dict[str, str],
        options: dict[str, Any],
    ) -> FakeWorkflow:
        """Make a workflow that is not kept yet; refuse what Argo's own validation refuses."""
        name = options.get("name") or f"{template['metadata']['name']}-{uuid.uuid4().hex[:5]}"
        declared = template["spec"].get("arguments", {}).get("parameters") or []
        for parameter in declared:
            if not parameter.keys() & {"value", "default", "valueFrom"} and parameter["name"] not in parameters:
                argument = f"spec.arguments.{parameter['name']}"
                raise RefusalError(3, f"{argument}.value or {argument}.valueFrom is required")
        if not _NAME.fullmatch(name):
            raise RefusalError(3, _INVALID_NAME.format(name=name))
        self.version += 1
        kind = "cluster-workflow-template" if cluster else "workflow-template"
        return FakeWorkflow(
            name=name,
            namespace=namespace,
            uid=str(uuid.uuid4()),
            template=template["metadata"]["name"],
            cluster=cluster,
            parameters=parameters,
            defaults={p["name"]: str(p.get("value", p.get("default", ""))) for p in declared},
            labels={**_marks(options.get("labels")), f"workflows.argoproj.io/{kind}": template["metadata"]["name"]},
            annotations=_marks(options.get("annotations")),
            created=time.time(),
            resource_version=self.version,
            has_pods=any("container" in entry for entry in template["spec"].get("templates", [])),
        )

    def insert(self, workflow: FakeWorkflow) -> None:
        """Take a workflow in: a name that exists is refused, what is accepted is in the ledger first."""
        key = (workflow.namespace, workflow.name)
        known = self._workflows.get(key)
        if known is not None and self._exists(known, workflow.created):
            taken = f'workflows.argoproj.io "{workflow.name}" already exists'
            raise RefusalError(6, f"{taken}, the server was not able to generate a unique name for the object")
        quota = self.settings.quota
        if quota is not None and sum(w.namespace == workflow.namespace for w in self.live()) >= quota:
            raise RefusalError(7, f'workflows.argoproj.io "{workflow.name}" is forbidden: exceeded quota: workflows')
        if known is not None:
            self._deleted.append(self._workflows.pop(key))
        self.ledger.append(
            namespace=workflow.namespace,
            name=workflow.name,
            uid=workflow.uid,
            template=workflow.template,
            labels=workflow.labels,
            annotations=workflow.annotations,
            parameters=workflow.parameters,
        )
        self._workflows[key] = workflow

    def seen(self, namespace: str, moment: float) -> list[FakeWorkflow]:
        """Return the workflows of a namespace as they were at *moment*, newest first."""
        gone = [workflow for workflow in self._deleted if workflow.deleted is not None and workflow.deleted > moment]
        every = sorted((*self._workflows.values(), *gone), key=lambda w: (w.created, w.resource_version), reverse=True)
        return [w for w in every if w.namespace == namespace and w.created <= moment and self._exists(w, moment)]

    def _exists(self, workflow: FakeWorkflow, moment: float) -> bool:
        if workflow.deleted is not None and workflow.deleted <= moment:
            return False
        finished = workflow.at(moment).finished
        return self.settings.ttl is None or finished is None or finished + self.settings.ttl > moment

    def find(self, namespace: str, name: str) -> FakeWorkflow:
        """Return a workflow that exists."""
        workflow = self._workflows.get((namespace, name))
        if workflow is None or not self._exists(workflow, time.time()):
            raise RefusalError(5, f'workflows.argoproj.io "{name}" not found')
        return workflow

    def template_of(self, workflow: FakeWorkflow) -> dict[str, Any]:
        """Return the template a workflow was made from, as it is now."""
        if workflow.cluster:
            return self.cluster_templates.get(workflow.template, NAP)
        return self.templates.get((workflow.namespace, workflow.template), NAP)

    def stop(self, workflow: FakeWorkflow, now: float) -> None:
        """End a workflow; its exit handlers run."""
        self._shut_down(workflow, now, "Stop")

    def terminate(self, workflow: FakeWorkflow, now: float) -> None:
        """End a workflow; no exit handler runs."""
        self._shut_down(workflow, now, "Terminate")

    def _shut_down(self, workflow: FakeWorkflow, now: float, strategy: str) -> None:
        if workflow.at(now).finished is not None:
            where = f'workflow: "{workflow.name}", namespace: "{workflow.namespace}"'
            raise RefusalError(13, f"cannot shutdown a completed workflow: {where}")
        workflow.shutdowns.append((now, strategy))

    def suspend(self, workflow: FakeWorkflow, now: float) -> None:
        """Hold a workflow back: the phase stays Running."""
        if workflow.at(now).finished is not None:
            raise RefusalError(3, "cannot suspend completed workflows")
        workflow.pauses.append((now, float("inf")))

    def resume(self, workflow: FakeWorkflow, now: float) -> None:
        """Let a suspended workflow go on."""
        workflow.pauses = [(begin, min(end, now)) for begin, end in workflow.pauses]

    def retry(self, workflow: FakeWorkflow, now: float) -> None:
        """Begin a failed workflow again, under its name and uid."""
        phase = workflow.at(now).phase
        if phase == "Succeeded":
            raise RefusalError(
                3, "To retry a succeeded workflow, set the options restartSuccessful and nodeFieldSelector"
            )
        if phase not in {"Failed", "Error"}:
            raise RefusalError(3, f"Cannot retry a workflow in phase {phase}")
        workflow.retry(now)

    def resubmit(self, workflow: FakeWorkflow, now: float) -> FakeWorkflow:
        """Make another one with the same labels and annotations: our marks are copied."""
        options = {"labels": workflow.labels, "annotations": workflow.annotations}
        template = self.template_of(workflow)
        again = self.make(workflow.namespace, template, workflow.cluster, dict(workflow.parameters), options)
        again.labels["workflows.argoproj.io/resubmitted-from-workflow"] = workflow.name
        self.insert(again)
        return again

    def delete(self, workflow: FakeWorkflow) -> None:
        """Delete a workflow: its name is free at once."""
        workflow.deleted = time.time()
        self._deleted.append(self._workflows.pop((workflow.namespace, workflow.name)))

    def touch(self, workflow: FakeWorkflow) -> None:
        """Count a change of a workflow."""
        self.version += 1
        workflow.resource_version, workflow.generation = self.version, workflow.generation + 1


VERBS: Mapping[str, Callable[[ArgoState, FakeWorkflow, float], FakeWorkflow | None]] = {
    "stop": ArgoState.stop,
    "terminate": ArgoState.terminate,
    "suspend": ArgoState.suspend,
    "resume": ArgoState.resume,
    "retry": ArgoState.retry,
    "resubmit": ArgoState.resubmit,
}


def _marks(text: str | Mapping[str, str] | None) -> dict[str, str]:
    """Read labels or annotations: one text with commas, as the CLI's options are."""
    if not isinstance(text, str):
        return dict(text or {})
    return dict(part.split("=", 1) for part in text.split(",") if "=" in part)
