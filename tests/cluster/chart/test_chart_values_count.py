"""Every value of the chart counts: set to something else, it changes what is rendered."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
import yaml
from baton_chart.rendering import CHART, KUBERNETES, SERVED, SERVED_FOR, run_helm

Values = dict[str, Any]

#: Where no other value keeps one from counting: by the beginning of its path, the longest that fits.
AROUND: Mapping[str, Values] = {
    "": {
        "database": {"existingSecret": {"name": "db"}},
        "worker": {"mode": "Deployment"},
        "split": {"enabled": True},
        "networkPolicy": {"enabled": True},
    },
    "admissionPolicy": {"database": {"existingSecret": {"name": "db"}}},
    "autoscaling": {"database": {"existingSecret": {"name": "db"}}, "autoscaling": {"enabled": True}},
    "database": {"database": {"host": "db", "userSecret": {"name": "user"}, "ca": {"secretName": "ca"}}},
    "database.bundled": {"database": {"bundled": {"enabled": True, "password": "made-up"}}},
    "database.ca.configMapName": {"database": {"host": "db", "userSecret": {"name": "user"}}},
    "database.existingSecret": {"database": {"existingSecret": {"name": "db"}}},
    "database.migrator": {
        "database": {"host": "db", "userSecret": {"name": "user"}, "migrator": {"userSecret": {"name": "owner"}}}
    },
    "database.migrator.existingSecret": {
        "database": {"existingSecret": {"name": "db"}, "migrator": {"existingSecret": {"name": "owner"}}}
    },
    "monitoring.podMonitor": {
        "database": {"existingSecret": {"name": "db"}},
        "monitoring": {"serviceMonitor": {"enabled": False}, "podMonitor": {"enabled": True}},
    },
    "worker.autoscaling": {
        "database": {"existingSecret": {"name": "db"}},
        "worker": {"mode": "Deployment", "autoscaling": {"enabled": True}},
    },
}
#: What a value is set to, where its type does not say.
LIMITS = {"limits": {"memory": "7Gi"}}
RELABELLED = [{"action": "labeldrop", "regex": "a"}]
OTHER: Mapping[str, Any] = {
    "affinity": {"nodeAffinity": {}},
    "database.bundled.resources": LIMITS,
    "migrations.resources": LIMITS,
    "monitoring.podMonitor.metricRelabelings": RELABELLED,
    "monitoring.podMonitor.relabelings": RELABELLED,
    "monitoring.serviceMonitor.metricRelabelings": RELABELLED,
    "monitoring.serviceMonitor.relabelings": RELABELLED,
    "probes.liveness": {"periodSeconds": 7},
    "probes.readiness": {"periodSeconds": 7},
    "probes.startup": {"periodSeconds": 7},
    "resources": LIMITS,
    "split.resources": LIMITS,
    "worker.resources": LIMITS,
    "database.bundled.persistence.size": "9Gi",
    "database.existingSecret.name": "other",
    "extraEnv": [{"name": "A", "value": "b"}],
    "extraEnvFrom": [{"secretRef": {"name": "a"}}],
    "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}],
    "extraVolumeMounts": [{"name": "a", "mountPath": "/a"}],
    "extraVolumes": [{"name": "a", "emptyDir": {}}],
    "helmTest.timeout": "7m",
    "image.digest": f"sha256:{'a' * 64}",
    "imagePullSecrets": [{"name": "a"}],
    "monitoring.dashboards.disabled": {"history": True},
    "monitoring.podMonitor.interval": "7s",
    "monitoring.podMonitor.scrapeTimeout": "7s",
    "monitoring.prometheusRule.disabled": {"BatonDown": True},
    "monitoring.serviceMonitor.interval": "7s",
    "monitoring.serviceMonitor.scrapeTimeout": "7s",
    "networkPolicy.extraEgress": [{"to": []}],
    "networkPolicy.metricsFrom": [{"podSelector": {}}],
    "networkPolicy.workerEgress": [],
    "rbac.configMaps": {"a": ["b"]},
    "rbac.secrets": {"a": ["b"]},
    "settings.httpHost": "::",
    "split.loops": ["track"],
    "tolerations": [{"operator": "Exists"}],
    "topologySpreadConstraints": [],
    "worker.extraEnv": [{"name": "A", "value": "b"}],
    "worker.tolerations": [{"operator": "Exists"}],
}


def leaves(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give every value with what may stand there; a group has members, and no default."""
    for name, each in schema["properties"].items():
        whole = f"{path}.{name}".lstrip(".")
        if "default" in each:
            yield whole, each
        elif whole != "global":
            yield from leaves(each, whole)


ALL = dict(leaves(json.loads((CHART / "values.schema.json").read_text())))


def other_than(path: str, schema: Mapping[str, Any], present: Any) -> Any:
    """Give a value of the right kind that is not the present one."""
    if path in OTHER:
        return OTHER[path]
    if isinstance(present, bool):
        return not present
    if "enum" in schema:
        return next(each for each in schema["enum"] if each not in {present, "", "None"})
    kinds = {kind for each in (schema, *schema.get("allOf", ())) for kind in _kinds(each)}
    if kinds & {"integer", "number"} or "port" in str(schema):
        return (present or 0) + 7 if not isinstance(present, list) else [7]
    return {"object": {"a": "b"}, "array": ["a"], "string": "other"}[kinds.pop()]


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    if "$ref" in schema:
        return {"integer"} if schema["$ref"].endswith("/port") else {"object"}
    said = schema.get("type", [])
    return {said} if isinstance(said, str) else set(said) - {"null"}


def around(path: str) -> Values:
    """Give the values among which one counts."""
    return AROUND[max((each for each in AROUND if path.startswith(each)), key=len)]


def with_other(path: str) -> Values:
    """Give these with the one value changed."""
    whole: Values = json.loads(json.dumps(around(path)))
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    *groups, name = path.split(".")
    at = whole
    for each in groups:
        at, defaults = at.setdefault(each, {}), defaults[each]
    at[name] = other_than(path, ALL[path], at.get(name, defaults[name]))
    return whole


@cache
def rendered(values: str) -> str:
    """Render everything, on a cluster that knows every kind."""
    served = (*SERVED, *SERVED_FOR["monitoring"])
    flags = ["--values=-", f"--kube-version={KUBERNETES}", *(f"--api-versions={each}" for each in served)]
    done = run_helm("template", "release", CHART, "--namespace=here", *flags, stdin=values)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", sorted(set(ALL) - {"database.bundled.enabled"}))  # without, there is no database
def test_a_value_changes_what_is_rendered(path: str) -> None:
    assert rendered(json.dumps(with_other(path))) != rendered(json.dumps(around(path)))


def test_all_values_are_found() -> None:
    """As many as the table for people has."""
    table = (CHART / "README.md").read_text().partition("<!-- values:")[2].partition("<!-- end of values -->")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert len(ALL) == len(rows) > 150
