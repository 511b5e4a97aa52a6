"""The chart as Helm renders it, for each file of values under ``ci/``."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from baton_operator.local.binaries import HELM, helm
from baton_operator.local.progress import say_on_stderr

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts" / "baton"
GOLDEN = ROOT / "tests" / "cluster" / "chart" / "golden"
RELEASE = "baton"
NAMESPACE = "baton-system"
#: The cluster that golden output is rendered for.
KUBERNETES = "1.36.3"
#: What it serves beside what Helm assumes of every cluster.
SERVED = ("admissionregistration.k8s.io/v1/MutatingAdmissionPolicy",)
#: And what a feature needs of it besides.
SERVED_FOR = {
    "monitoring": tuple(
        f"monitoring.coreos.com/v1/{kind}" for kind in ("ServiceMonitor", "PodMonitor", "PrometheusRule")
    )
}

_VALUES = "-values.yaml"
#: Definitions and dashboards are compared with their sources elsewhere; golden output would repeat them in each file.
_NOT_SHOWN = re.compile(
    r"---\n# Source: baton/templates/(crds/|monitoring/dashboards).*?(?=^---\n|\Z)", re.MULTILINE | re.DOTALL
)


@cache
def installed() -> Path:
    """Find Helm, building it if need be."""
    return helm(say_on_stderr)


def run_helm(*arguments: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run Helm, of whatever version is there; the caller judges how it ended."""
    return subprocess.run([installed(), *arguments], input=stdin, capture_output=True, text=True, check=False)


def values_files() -> Mapping[str, Path]:
    """Give the files of values, by the feature that each one shows."""
    return {path.name.removesuffix(_VALUES): path for path in sorted((CHART / "ci").glob(f"*{_VALUES}"))}


def rendered(values: Path, *more: str, program: Path | None = None) -> str:
    """
    Render the chart, definitions and dashboards left out.

    Args:
        values: The file of values.
        more: Further arguments of ``helm template``.
        program: A Helm other than the one that is found first.
    """
    arguments = ["template", RELEASE, CHART, "--namespace", NAMESPACE, "--values", values, "--kube-version", KUBERNETES]
    served = (*SERVED, *SERVED_FOR.get(values.name.removesuffix(_VALUES), ()))
    command = [program or installed(), *arguments, *(f"--api-versions={each}" for each in served), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(done.stderr)
    return _NOT_SHOWN.sub("", done.stdout)


def golden(values: Path) -> str:
    """Render the chart with the Helm that this repository pins, so that the output is the same everywhere."""
    return rendered(values, program=HELM.build(say_on_stderr) / "helm")


def objects(text: str) -> list[dict[str, Any]]:
    """Read rendered manifests."""
    return [each for each in yaml.safe_load_all(text) if each]
