"""
A workflow of the fake Argo: what happened to it, and from that how it stands at any moment.

Its state is a function of time, so nothing has to run in the background, and a lagging list is the same function
asked about an earlier moment.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

#: Seconds until the controller has seen something.
CONTROLLER_DELAY = 0.05

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
_BOOM = 'unable to parse bogus as a duration: time: invalid duration "bogus"'


class Standing(NamedTuple):
    """How a workflow stands at a moment."""

    phase: str
    message: str
    started: float | None
    finished: float | None
    shutdown: str
    suspended: bool


@dataclass
class FakeWorkflow:
    """A workflow and its events; times are seconds since the epoch."""

    name: str
    namespace: str
    uid: str
    template: str
    cluster: bool
    parameters: Mapping[str, str]
    defaults: Mapping[str, str]
    labels: dict[str, str]
    annotations: dict[str, str]
    created: float
    resource_version: int
    has_pods: bool = False
    generation: int = 1
    shutdowns: list[tuple[float, str]] = field(default_factory=list)
    pauses: list[tuple[float, float]] = field(default_factory=list)
    retried: float | None = None
    forced: tuple[float, str, str] | None = None
    deleted: float | None = None

    def at(self, moment: float) -> Standing:
        """Return how it stands at *moment*."""
        begun = (self.retried or self.created) + CONTROLLER_DELAY
        shutdown = next((word for when, word in reversed(self.shutdowns) if when <= moment), "")
        suspended = any(begin <= moment < end for begin, end in self.pauses)
        if moment < begun:
            return Standing("", "", None, None, shutdown, suspended)
        ended, phase, message = self._end(begun, moment)
        if moment < ended:
            return Standing("Running", "", begun, None, shutdown, suspended)
        return Standing(phase, message, begun, ended, shutdown, suspended)

    def _end(self, begun: float, moment: float) -> tuple[float, str, str]:
        """Return when and how it ends, as far as is known at *moment*."""
        ended = begun + self._seconds()
        for begin, end in self.pauses:
            if begin <= ended < end:
                ended = end
        outcome = (ended, "Succeeded", "")
        if (self.parameters.get("fail") or self.defaults.get("fail")) == "yes":
            child = f"{self.name}[1].check"
            outcome = (ended, "Failed", f"step group deemed errored due to child {child} error: {_BOOM}")
        stops = [(when + CONTROLLER_DELAY, word) for when, word in self.shutdowns if when <= moment]
        if stops and stops[0][0] < outcome[0]:
            outcome = (stops[0][0], "Failed", f"Stopped with strategy '{stops[-1][1]}'")
        if self.forced is not None and self.forced[0] <= moment and self.forced[0] < outcome[0]:
            outcome = self.forced
        return outcome

    def _seconds(self) -> float:
        match = _DURATION.fullmatch(self.parameters.get("secs") or self.defaults.get("secs") or "2")
        return float(match[1]) * _UNITS[match[2]] if match else 0.0

    def retry(self, now: float) -> None:
        """Begin again what failed, under the same name and uid; what was stopped fails again at once."""
        self.forced = None
        if self.shutdowns:
            self.forced = (now + 2 * CONTROLLER_DELAY, "Failed", f"child '{self.name}-3327276589' failed")
        self.retried, self.shutdowns = now, []

    def labels_at(self, standing: Standing) -> dict[str, str]:
        """Return its labels: the controller adds two once it has seen it."""
        if not standing.phase:
            return self.labels
        completed = "true" if standing.finished is not None else "false"
        return {
            **self.labels,
            "workflows.argoproj.io/completed": completed,
            "workflows.argoproj.io/phase": standing.phase,
        }

    def document(self, moment: float, *, template: Mapping[str, Any], whole: bool) -> dict[str, Any]:
        """Return the JSON that the server shows; *whole* with nodes and stored templates, as a GET has them."""
        standing = self.at(moment)
        metadata = {
            "name": self.name,
            "generateName": f"{self.template}-",
            "namespace": self.namespace,
            "uid": self.uid,
            "resourceVersion": str(self.resource_version),
            "generation": self.generation,
            "creationTimestamp": stamp(self.created),
            "labels": self.labels_at(standing),
            "annotations": self.annotations,
        }
        reference = {"name": self.template, **({"clusterScope": True} if self.cluster else {})}
        spec: dict[str, Any] = {
            "arguments": {"parameters": [{"name": k, "value": v} for k, v in self.parameters.items()]},
            "workflowTemplateRef": reference,
        }
        if standing.suspended:
            spec["suspend"] = True
        if standing.shutdown:
            spec["shutdown"] = standing.shutdown
        status: dict[str, Any] = {"startedAt": stamp(standing.started), "finishedAt": stamp(standing.finished)}
        if standing.phase:
            status = {"phase": standing.phase, **status, "progress": "1/1" if standing.finished else "0/1"}
        if standing.message:
            status["message"] = standing.message
        if whole:
            if standing.phase:
                status["nodes"] = self._nodes(standing)
            status["storedTemplates"] = {
                f"namespaced/{self.template}/{entry['name']}": entry for entry in template["spec"].get("templates", [])
            }
        return {"metadata": metadata, "spec": spec, "status": status}

    def _nodes(self, standing: Standing) -> dict[str, Any]:
        """Return the nodes of a workflow with one step."""
        step = f"{self.name}-3007646515"
        group = f"{self.name}-3299986884"
        kind = "Pod" if self.has_pods else "Suspend"
        common = {"startedAt": stamp(standing.started), "finishedAt": stamp(standing.finished), "phase": standing.phase}
        if standing.message:
            common["message"] = standing.message
        return {
            self.name: {"id": self.name, "name": self.name, "displayName": self.name, "type": "Steps", **common,
                        "templateName": "main", "children": [group]},
            step: {"id": step, "name": f"{self.name}[0].wait", "displayName": "wait", "type": kind, **common,
                   "templateName": "nap", "boundaryID": self.name},
            group: {"id": group, "name": f"{self.name}[0]", "displayName": "[0]", "type": "StepGroup", **common,
                    "boundaryID": self.name, "children": [step]},
        }  # fmt: skip


def stamp(moment: float | None) -> str | None:
    """Write a moment as Kubernetes does: whole seconds, UTC."""
    return None if moment is None else datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
