"""A cluster into which Helm installs the chart, whose API server writes down who asked for what."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baton_chart.rendering import CHART, installed

from baton_operator.local.api_server import ApiServer

KINDS = ("engines.baton.dev", "automations.baton.dev", "runs.baton.dev")
#: What is asked of resources: (API group, resource with its subresource, verb).
Right = tuple[str, str, str]


@dataclass(frozen=True)
class Installation:
    """
    Helm and a cluster of its own: no node, so no Pod ever runs.

    Attributes:
        server: The API server, as its administrator.
        audit: Its audit log, a JSON line a request.
    """

    server: ApiServer
    audit: Path

    def helm(self, *arguments: str | Path, values: Mapping[str, Any] | None = None, fails: bool = False) -> str:
        """
        Run Helm against this cluster.

        Args:
            arguments: The command.
            values: Values of the chart.
            fails: Whether it has to fail; then its errors are the result.
        """
        given = ["--values", "-"] if values is not None else []
        command = [installed(), "--kubeconfig", self.server.path, *arguments, *given]
        done = subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=False)
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout

    def install(self, namespace: str, values: Mapping[str, Any], chart: Path = CHART, release: str = "baton") -> str:
        """Install or upgrade a release, and give Helm's notes."""
        flags = ("--namespace", namespace, "--create-namespace", "--install")
        said = self.helm("upgrade", release, chart, *flags, values=values)
        if (values.get("crds") or {}).get("enabled", True):
            self.server.wait_established(*KINDS)
        return said.partition("NOTES:\n")[2]

    def remove(self, namespace: str, release: str = "baton") -> None:
        """Uninstall a release, if it is there; the kinds may stay."""
        self.helm("uninstall", release, "--namespace", namespace, "--wait", "--ignore-not-found")

    def requests_of(self, namespace: str, account: str) -> list[dict[str, Any]]:
        """Read what a ServiceAccount has asked for so far."""
        user = f"system:serviceaccount:{namespace}:{account}"
        entries = (json.loads(line) for line in self.audit.read_text().splitlines())
        return [each for each in entries if each["user"]["username"] == user and "objectRef" in each]

    def used_by(self, namespace: str, account: str) -> set[Right]:
        """Tell which rights a ServiceAccount has used; none was refused."""
        asked = self.requests_of(namespace, account)
        refused = [each["requestURI"] for each in asked if each["responseStatus"]["code"] in {401, 403}]
        assert not refused, refused
        return {right_of(each) for each in asked}


def right_of(entry: Mapping[str, Any]) -> Right:
    """Tell which right a line of the audit log needed."""
    what = entry["objectRef"]
    resource = "/".join(filter(None, [what["resource"], what.get("subresource")]))
    return what.get("apiGroup", ""), resource, entry["verb"]


def rights_in(rules: list[dict[str, Any]]) -> set[Right]:
    """Spell out the rights of RBAC rules."""
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
