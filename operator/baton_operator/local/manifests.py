"""
What a cluster must hold before the operator can run there: kinds, rights and the admission policy.

The texts are those of the repository: ``crds/`` for the kinds, ``charts/baton/files/`` for the lists of rules and the
policy's spec, which Helm includes too. Here they get names, so that a local Baton and every test run with exactly the
rights that the chart gives. Nothing is applied here: the caller sends the manifests, in the order given, with
server-side apply or create-or-replace.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]
"""One Kubernetes object, as JSON has it."""

_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io/v1"


def everything(namespace: str, name: str = "baton") -> list[Manifest]:
    """
    Return all that a Baton in one namespace needs, in an order in which it can be applied.

    Args:
        namespace: Where the operator's ServiceAccount lives; made too, if need be.
        name: The ServiceAccount's name, and what the names of the cluster-wide objects start with.
    """
    return [*definitions(), *access(namespace, name), *admission(name)]


def definitions() -> list[Manifest]:
    """
    Return the custom resource definitions.

    Whoever applies them waits for the condition ``Established`` before using the kinds.
    """
    return [_read(path) for path in sorted((_root() / "crds").glob("*.yaml"))]


def access(namespace: str, name: str = "baton") -> list[Manifest]:
    """
    Return the operator's namespace, ServiceAccount and rights, and what people's ClusterRoles learn.

    Args:
        namespace: Where the ServiceAccount lives.
        name: Its name, and what the names of the ClusterRoles and of the binding start with.
    """
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}},
        _cluster_role(f"{name}-operator", "operator", "engine-credentials"),
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"{name}-operator"},
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": f"{name}-operator"},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        },
        _cluster_role(f"{name}-engine-token", "engine-token"),
        *_people(name),
    ]


def admission(name: str = "baton") -> list[Manifest]:
    """
    Return the policy that stamps who created a Run and who changed its state, and its binding.

    It takes effect some seconds after it was applied. API servers before 1.36 do not know the kind in version v1.

    Args:
        name: What the names of both objects start with.
    """
    policy = f"{name}-authorship"
    return [
        {
            "apiVersion": _ADMISSION,
            "kind": "MutatingAdmissionPolicy",
            "metadata": {"name": policy},
            "spec": _read(_files() / "admission" / "policy.yaml"),
        },
        {
            "apiVersion": _ADMISSION,
            "kind": "MutatingAdmissionPolicyBinding",
            "metadata": {"name": policy},
            "spec": {"policyName": policy},
        },
    ]


def token_issuing(namespace: str, operator_namespace: str, name: str = "baton") -> Manifest:
    """
    Return the binding with which a namespace's owner lets Engines there use ``auth.serviceAccount``.

    Args:
        namespace: The Engines' namespace.
        operator_namespace: Where the operator's ServiceAccount lives.
        name: The ServiceAccount's name.
    """
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"{name}-engine-token", "namespace": namespace},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": f"{name}-engine-token"},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": operator_namespace}],
    }


def examples_folder() -> Path:
    """Return the folder of the Automations and Runs that people begin with; those of Argo are in ``argo`` below it."""
    return _root() / "examples"


def own_objects(files: Iterable[Path]) -> list[Manifest]:
    """Give the Engines, Automations and Runs in *files*, and nothing of what they need from others (a namespace)."""
    found = [each for file in files for each in yaml.safe_load_all(file.read_text())]
    return [each for each in found if str(each["apiVersion"]).startswith("baton.dev/")]


def _people(name: str) -> Iterator[Manifest]:
    for role in ("view", "edit", "admin"):
        labels = {f"rbac.authorization.k8s.io/aggregate-to-{role}": "true"}
        yield _cluster_role(f"{name}-{role}", role, labels=labels)


def _cluster_role(name: str, *lists: str, labels: dict[str, str] | None = None) -> Manifest:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name, "labels": labels or {}},
        "rules": [rule for each in lists for rule in _read(_files() / "rbac" / f"{each}.yaml")],
    }


def _files() -> Path:
    return _root() / "charts" / "baton" / "files"


def _root() -> Path:
    """Return the folder of ``crds``, ``charts`` and ``examples``: package data of a wheel, or the repository itself."""
    packaged = Path(__file__).parent / "data"
    return packaged if packaged.is_dir() else Path(__file__).parents[3]


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))
