"""A cluster that runs Pods, reached as who installs Baton reaches it: by kubectl and helm."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from string import Template
from typing import Any, TypeVar

from baton_operator.local.binaries import helm, kubectl
from baton_operator.local.progress import say_on_stderr

Found = TypeVar("Found")
Document = Mapping[str, Any]


class Cluster:
    """
    One cluster, as its administrator.

    Attributes:
        environ: What kubectl and helm get, with the kubeconfig.
    """

    def __init__(self, kubeconfig: str) -> None:
        self.environ = {**os.environ, "KUBECONFIG": kubeconfig}
        self._kubectl = str(kubectl())
        self._helm = str(helm(say_on_stderr))

    def kubectl(self, *words: str, given: str | None = None, within: float = 180) -> str:
        """Run kubectl and give what it printed; a failure is the test's, with kubectl's words."""
        done = self.try_kubectl(*words, given=given, within=within)
        assert done.returncode == 0, f"kubectl {' '.join(words)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def try_kubectl(
        self, *words: str, given: str | None = None, within: float = 180
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl, whatever comes of it."""
        return self._run(self._kubectl, *words, given=given, within=within)

    def helm(self, *words: str | Path, within: float = 400) -> str:
        """Run helm and give what it printed; a failure is the test's, with helm's words."""
        done = self.try_helm(*words, within=within)
        assert done.returncode == 0, f"helm {' '.join(map(str, words))}\n{done.stdout}{done.stderr}"
        return done.stdout

    def try_helm(self, *words: str | Path, within: float = 400) -> subprocess.CompletedProcess[str]:
        """Run helm, whatever comes of it."""
        return self._run(self._helm, *map(str, words), within=within)

    def _run(self, *command: str, given: str | None = None, within: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, input=given, env=self.environ, capture_output=True, text=True, check=False, timeout=within
        )

    def apply(self, *documents: Document) -> None:
        """Apply objects."""
        whole = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=json.dumps(whole))

    def apply_file(self, path: Path, namespace: str, **values: str) -> None:
        """Apply a file to a namespace, with *values* for its ``$NAMES``."""
        text = Template(path.read_text()).substitute(values)
        self.kubectl("apply", "--server-side", "--force-conflicts", "-n", namespace, "-f", "-", given=text)

    def items(self, kind: str, *words: str) -> list[dict[str, Any]]:
        """List objects; *words* say where and which, as for ``kubectl get``."""
        found: list[dict[str, Any]] = json.loads(self.kubectl("get", kind, "-o", "json", *words))["items"]
        return found

    def make_namespace(self, name: str) -> None:
        """Make a namespace that admits only Pods of the standard `restricted`."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})


def wait_for(what: str, look: Callable[[], Found], within: float = 60) -> Found:
    """Look until there is something, and give it."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"not in {within:.0f} s: {what}"
        time.sleep(0.2)
    return found


def is_ready(pod: Document) -> bool:
    """Whether a Pod counts as available and is not about to go."""
    conditions: Iterable[Document] = pod["status"].get("conditions", [])
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]
