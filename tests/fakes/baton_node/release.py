"""A Baton installed by Helm, and what people do with it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from baton_node.cluster import Cluster, is_ready, wait_for
from baton_node.images import ROOT, Image

CHART = ROOT / "charts" / "baton"
API = "baton.dev/v1alpha1"


@dataclass
class Release:
    """
    One release of the chart.

    Attributes:
        cluster: Where it is.
        namespace: Its namespace.
        name: Its name.
        values: What it was installed with.
    """

    cluster: Cluster
    namespace: str
    name: str = "baton"
    values: dict[str, Any] = field(default_factory=dict)

    def words(self, image: Image, **values: Any) -> list[str]:
        """Give helm's words for the chart with *image* and these values beside the release's own."""
        whole = {**self.values, **values, "image": {"repository": image.repository, "tag": image.tag}}
        sets = [f"--set-json={key}={json.dumps(value)}" for key, value in whole.items()]
        return [self.name, str(CHART), "--namespace", self.namespace, "--timeout", "5m", *sets]

    def install(self, image: Image) -> str:
        """Install it and wait until it is ready; give what helm said."""
        return self._helm("install", *self.words(image), "--wait")

    def upgrade(self, image: Image, **values: Any) -> str:
        """Upgrade it and wait until it is ready."""
        return self._helm("upgrade", *self.words(image, **values), "--wait")

    def rollback(self, revision: int) -> None:
        """Go back to a revision and wait until it is ready."""
        self._helm("rollback", self.name, str(revision), "--namespace", self.namespace, "--wait", "--timeout", "5m")

    def _helm(self, *words: str) -> str:
        done = self.cluster.try_helm(*words)
        assert done.returncode == 0, f"helm {' '.join(words)}\n{done.stdout}{done.stderr}{self.story()}"
        return done.stdout

    def story(self) -> str:
        """Tell what its Pods say, for a person who wonders why a test has failed."""
        selector = f"app.kubernetes.io/instance={self.name}"
        where = ("-n", self.namespace)
        said = [self.cluster.try_kubectl("get", "pods", "-o", "wide", *where).stdout]
        words = ("logs", "-l", selector, "--all-containers", "--prefix", "--tail=20", *where)
        said += [self.cluster.try_kubectl(*words, *which).stdout for which in ((), ("--previous",))]
        return "\n".join(said)

    def pods(self, component: str = "operator") -> list[dict[str, Any]]:
        """List the Pods of one component."""
        selector = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component={component}"
        return self.cluster.items("pods", "-n", self.namespace, "-l", selector)

    def ready_pods(self, component: str = "operator") -> list[str]:
        """Name the Pods of one component that serve."""
        return sorted(pod["metadata"]["name"] for pod in self.pods(component) if is_ready(pod))

    def exec(self, pod: str, *command: str, within: float = 120) -> str:
        """Run a command in the main container of a Pod and give what it printed."""
        return self.cluster.kubectl("exec", "-n", self.namespace, pod, "--", *command, within=within)

    def check(self) -> subprocess.CompletedProcess[str]:
        """Ask `baton check` in a Pod whether all is as it must be."""
        pod = self.ready_pods()[0]
        return self.cluster.try_kubectl("exec", "-n", self.namespace, pod, "--", "baton", "check")


@dataclass
class Tenant:
    """
    A namespace with Automations, and the Runs that somebody applies there.

    Attributes:
        cluster: Where it is.
        namespace: Its name.
    """

    cluster: Cluster
    namespace: str

    def start(self, group: str, automation: str, count: int) -> None:
        """Apply *count* Runs, known by the label ``group``."""
        spec = {"automationRef": {"name": automation}}
        metadata = {"namespace": self.namespace, "labels": {"group": group}}
        runs = [
            {"apiVersion": API, "kind": "Run", "metadata": {"name": f"{group}-{at}", **metadata}, "spec": spec}
            for at in range(count)
        ]
        self.cluster.apply(*runs)

    def phases(self, group: str) -> Sequence[str]:
        """Say where the Runs of a group stand."""
        runs = self.cluster.items("runs", "-n", self.namespace, "-l", f"group={group}")
        return [run.get("status", {}).get("phase", "") for run in runs]

    def wait_underway(self, group: str, within: float = 60) -> None:
        """Wait until some Runs of a group are done and some are not."""
        wait_for(
            f"Runs of {group} in flight",
            lambda: {"Running", "Succeeded"} & set(phases := self.phases(group)) and set(phases) != {"Succeeded"},
            within,
        )

    def wait_succeeded(self, group: str, within: float = 120) -> None:
        """Wait until all Runs of a group have succeeded, by `kubectl wait`."""
        words = ("--for=condition=Succeeded", "runs", "-l", f"group={group}", "-n", self.namespace)
        done = self.cluster.try_kubectl("wait", *words, f"--timeout={within:.0f}s", within=within + 60)
        assert done.returncode == 0, f"{done.stderr}\n{self.phases(group)}"


def clear_away(release: Release, *namespaces: str) -> None:
    """Leave the cluster as it was found, whatever a test has left."""
    cluster = release.cluster
    for namespace in namespaces:  # while there is an operator, which may hold Runs back by a finalizer
        cluster.try_kubectl("delete", "runs", "--all", "-n", namespace, "--timeout=60s")
    cluster.try_helm("uninstall", release.name, "-n", release.namespace, "--wait", "--timeout", "3m")
    kinds = (f"{kind}.baton.dev" for kind in ("engines", "automations", "runs"))
    cluster.try_kubectl("delete", "crd", *kinds, "--timeout=120s")
    for namespace in (release.namespace, *namespaces):
        cluster.try_kubectl("delete", "namespace", namespace, "--ignore-not-found", "--timeout=120s")
