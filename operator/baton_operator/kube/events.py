"""Kubernetes Events (``events.k8s.io/v1``), written so that the same fact is posted once, whoever posts it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from baton_operator.kube.resources import API_VERSION, Kind

CONTROLLER = "baton.dev/operator"


@dataclass(frozen=True, slots=True)
class Regarding:
    """The custom resource that an Event is about."""

    kind: Kind
    namespace: str
    name: str
    uid: str


def event_name(about: Regarding, reason: str, key: str) -> str:
    """Name an Event by what it says: the same fact has the same name, so a repeat is a conflict and nothing more."""
    fact = hashlib.sha256(f"{about.uid}\0{reason}\0{key}".encode()).hexdigest()[:16]
    return f"{about.name}.{fact}"


def event(
    about: Regarding,
    *,
    reason: str,
    key: str,
    severity: Literal["Normal", "Warning"],
    note: str,
    at: datetime,
    instance: str,
) -> Mapping[str, Any]:
    """
    Write one Event.

    Args:
        key: Tells facts of one object and reason apart.
        note: What happened and what to do; 1,024 characters at most.
        at: When it was seen.
        instance: The replica that says it, at most 128 characters.
    """
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": event_name(about, reason, key), "namespace": about.namespace},
        "eventTime": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "type": severity,
        "reason": reason,
        "action": reason,
        "note": note,
        "reportingController": CONTROLLER,
        "reportingInstance": instance[:128],
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": about.kind,
            "namespace": about.namespace,
            "name": about.name,
            "uid": about.uid,
        },
    }
