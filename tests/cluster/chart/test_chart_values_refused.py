"""Wrong values are refused before anything is installed, with the path of what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from baton_chart.rendering import CHART, run_helm

DATABASE = "database: {existingSecret: {name: db}}"

BY_SCHEMA = [
    ("replica: 3", "'': additional properties 'replica' not allowed"),
    ("replicas: two", "'/replicas': got string, want integer"),
    ("replicas: -1", "'/replicas': minimum: got -1, want 0"),
    ("image: {repo: x}", "'/image': additional properties 'repo' not allowed"),
    ("image: {pullPolicy: Sometimes}", "'/image/pullPolicy': value must be one of"),
    ("image: {digest: latest}", "'/image/digest': 'latest' does not match pattern"),
    ("watch: {namespaces: team-a}", "'/watch/namespaces': got string, want array"),
    ("watch: {namespaces: [team-a, team-a]}", "'/watch/namespaces': items at 0 and 1 are equal"),
    ("crds: {keep: 'yes'}", "'/crds/keep': got string, want boolean"),
    ("database: {existingSecret: db}", "'/database/existingSecret': got string, want object"),
    (
        "database: {existingSecret: {name: db, urlKey: uri}}",
        "'/database/existingSecret': additional properties 'urlKey'",
    ),
    ("database: {sslMode: verify}", "'/database/sslMode': value must be one of"),
    ("database: {port: 70000}", "'/database/port': maximum: got 70,000, want 65,535"),
    ("settings: {logLevel: TRACE}", "'/settings/logLevel': value must be one of"),
    ("settings: {pollInterval: 3}", "'/settings': additional properties 'pollInterval' not allowed"),
    ("settings: {requestDeadline: 10s}", "'/settings/requestDeadline': got string, want null or number"),
    ("worker: {mode: Standalone}", "'/worker/mode': value must be one of"),
    ("split: {loops: [dispatch, poll]}", "'/split/loops/1': value must be one of"),
    ("resources: {limit: {memory: 1Gi}}", "'/resources': additional properties 'limit' not allowed"),
    ("tolerations: [{keys: dedicated}]", "'/tolerations/0': additional properties 'keys' not allowed"),
    ("extraEnv: [{name: A, vaule: b}]", "'/extraEnv/0': additional properties 'vaule' not allowed"),
    ("probes: {liveness: {period: 3}}", "'/probes/liveness': additional properties 'period' not allowed"),
    ("podDisruptionBudget: {maxUnavailable: half}", "'/podDisruptionBudget/maxUnavailable': 'half' does not match"),
    ("networkPolicy: {enginePorts: ['https']}", "'/networkPolicy/enginePorts/0': got string, want integer"),
    ("rbac: {secrets: {team-a: token}}", "'/rbac/secrets/team-a': got string, want array"),
    ("helmTest: {timeout: soon}", "'/helmTest/timeout': 'soon' does not match pattern"),
]

BY_TEMPLATE = [
    ("replicas: 1", "database: set exactly one of"),
    (
        f"{DATABASE}\n# and\nwatch: {{namespaces: [a]}}\nrbac: {{secrets: {{b: [x]}}}}",
        "rbac.secrets.b: this namespace is not",
    ),
    ("database: {existingSecret: {name: db}, host: db.example.com}", "database: set exactly one of"),
    ("database: {existingSecret: {name: db}, bundled: {enabled: true}}", "database: set exactly one of"),
    ("database: {host: db.example.com}", "database.userSecret.name: name the Secret"),
    ("database: {existingSecret: {name: db}, ca: {secretName: a, configMapName: b}}", "database.ca: set secretName or"),
    ("database: {existingSecret: {name: db}, sslMode: verify-full}", "database.ca: database.sslMode verify-full needs"),
]


def refusal(folder: Path, values: str) -> str:
    """Say why Helm does not render the chart with *values*."""
    (folder / "wrong.yaml").write_text(values)
    done = run_helm("template", "baton", CHART, "--values", folder / "wrong.yaml")
    assert done.returncode != 0, "the values were taken"
    return done.stderr


@pytest.mark.parametrize(("values", "said"), BY_SCHEMA, ids=[each[0] for each in BY_SCHEMA])
def test_the_schema_names_the_path_of_what_it_refuses(tmp_path: Path, values: str, said: str) -> None:
    whole = values if values.startswith("database") else f"{values}\n{DATABASE}"
    assert f"- at {said}" in refusal(tmp_path, whole)


@pytest.mark.parametrize(("values", "said"), BY_TEMPLATE, ids=[each[1] for each in BY_TEMPLATE])
def test_values_that_contradict_each_other_are_refused(tmp_path: Path, values: str, said: str) -> None:
    assert said in refusal(tmp_path, values)
