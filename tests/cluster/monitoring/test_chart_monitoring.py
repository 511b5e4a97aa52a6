"""What the chart makes for the Prometheus Operator and for Grafana: it finds Baton, and is what the files say."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from baton_chart.rendering import CHART, objects, run_helm

GROUP = "monitoring.coreos.com/v1"
KINDS = ("ServiceMonitor", "PodMonitor", "PrometheusRule")
DATABASE = {"database": {"existingSecret": {"name": "db"}}}
RULES = yaml.safe_load((CHART / "files" / "rules" / "baton.yaml").read_text())
Object = dict[str, Any]


def made(monitoring: Mapping[str, Any] | None = None, *, served: bool = True, **more: Any) -> list[Object]:
    """Render the chart for a cluster that serves the Prometheus Operator's kinds, or does not."""
    values = {**DATABASE, **more, **({"monitoring": monitoring} if monitoring else {})}
    done = _template(values, [f"--api-versions={GROUP}/{kind}" for kind in KINDS] if served else [])
    assert done.returncode == 0, done.stderr
    return objects(done.stdout)


def _template(values: Mapping[str, Any], more: list[str]) -> subprocess.CompletedProcess[str]:
    arguments = ("template", "b", str(CHART), "--kube-version=1.36.0", "--namespace=here", "--values=-")
    return run_helm(*arguments, *more, stdin=yaml.safe_dump(dict(values)))


def of_kind(documents: list[Object], kind: str) -> list[Object]:
    return [each for each in documents if each["kind"] == kind]


def test_without_the_operators_kinds_only_dashboards_are_made() -> None:
    documents = made(served=False)
    assert not [each for each in documents if each["apiVersion"] == GROUP]
    assert len([each for each in of_kind(documents, "ConfigMap") if "dashboard" in each["metadata"]["name"]]) == 3


def notes(folder: Path, *served: str) -> str:
    """Give what NOTES says of the monitoring on a cluster that serves these kinds; Helm shows NOTES to nobody else."""
    chart = shutil.copytree(CHART, folder / "baton")
    (chart / "templates" / "said.yaml").write_text('said: {{ include "baton.monitoringNotes" . | toJson }}\n')
    known = [f"--api-versions={GROUP}/{kind}" for kind in served]
    flags = ("--show-only=templates/said.yaml", "--kube-version=1.36.0", "--values=-", *known)
    done = run_helm("template", "b", str(chart), *flags, stdin=yaml.safe_dump(DATABASE))
    assert done.returncode == 0, done.stderr
    return str(yaml.safe_load(done.stdout)["said"])


def test_notes_say_what_is_left_out_and_how_to_do_without(tmp_path: Path) -> None:
    said = notes(tmp_path)
    assert "monitoring.serviceMonitor and monitoring.prometheusRule are left out" in said
    assert "Service b-baton, path /metrics, with honor_labels: true" in said


def test_notes_say_nothing_where_nothing_is_left_out(tmp_path: Path) -> None:
    assert notes(tmp_path, *KINDS) == ""


def test_the_service_monitor_finds_the_service_and_its_port() -> None:
    documents = made()
    (monitor,) = of_kind(documents, "ServiceMonitor")
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    (found,) = [each for each in of_kind(documents, "Service") if wanted <= each["metadata"]["labels"].items()]
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in {each["name"] for each in found["spec"]["ports"]}
    assert monitor["spec"]["namespaceSelector"]["matchNames"] == [found["metadata"]["namespace"]]
    assert endpoint["honorLabels"] is True, "or `namespace` would be that of the Pods"


def test_the_pod_monitor_finds_the_pods_of_both_deployments_and_no_worker() -> None:
    pods = {"serviceMonitor": {"enabled": False}, "podMonitor": {"enabled": True}}
    documents = made(pods, split={"enabled": True}, worker={"mode": "Deployment"})
    (monitor,) = of_kind(documents, "PodMonitor")
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    templates = {each["metadata"]["name"]: each["spec"]["template"] for each in of_kind(documents, "Deployment")}
    found = {name for name, each in templates.items() if wanted <= each["metadata"]["labels"].items()}
    assert found == {"b-baton", "b-baton-dispatch"}
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    for name in found:
        ports = [port["name"] for each in templates[name]["spec"]["containers"] for port in each.get("ports", ())]
        assert endpoint["port"] in ports


def test_scraping_each_pod_twice_is_refused() -> None:
    both = {**DATABASE, "monitoring": {"podMonitor": {"enabled": True}}}
    done = _template(both, [f"--api-versions={GROUP}/{kind}" for kind in KINDS])
    assert "would scrape each Pod twice: enable one of them" in done.stderr


def test_the_rules_are_those_of_the_file(promtool: Path, tmp_path: Path) -> None:
    (rule,) = of_kind(made(), "PrometheusRule")
    assert rule["spec"]["groups"] == RULES["groups"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rule["spec"]))
    subprocess.run([promtool, "check", "rules", tmp_path / "rules.yaml"], check=True, capture_output=True)


def test_an_alert_can_be_left_out_labelled_and_led_to_another_runbook() -> None:
    wanted = {
        "disabled": {"BatonCircuitOpen": True, "BatonDown": False},
        "ruleLabels": {"team": "platform"},
        "runbookUrl": "https://runbooks.example.com/",
        "labels": {"release": "stack"},
    }
    (rule,) = of_kind(made({"prometheusRule": wanted}), "PrometheusRule")
    alerts = {each["alert"]: each for group in rule["spec"]["groups"] for each in group["rules"] if "alert" in each}
    assert "BatonCircuitOpen" not in alerts
    assert len(alerts) == 11
    assert alerts["BatonDown"]["labels"] == {"severity": "critical", "team": "platform"}
    assert alerts["BatonDown"]["annotations"]["runbook_url"] == "https://runbooks.example.com/BatonDown"
    assert rule["metadata"]["labels"]["release"] == "stack"
    recorded = [each for group in rule["spec"]["groups"] for each in group["rules"] if "record" in each]
    assert all("labels" not in each for each in recorded), "a label there would keep alerts from finding them"


def test_a_misspelt_alert_or_dashboard_is_refused() -> None:
    for wrong in ({"prometheusRule": {"disabled": {"CircuitOpen": True}}}, {"dashboards": {"disabled": {"x": True}}}):
        done = _template({**DATABASE, "monitoring": wrong}, [])
        assert "values don't meet the specifications of the schema" in done.stderr


def test_dashboards_are_the_files_where_grafanas_sidecar_looks() -> None:
    shown = {"disabled": {"history": True}, "namespace": "grafana", "folder": "Automation"}
    found = [
        each for each in of_kind(made({"dashboards": shown}), "ConfigMap") if "dashboard" in each["metadata"]["name"]
    ]
    assert {each["metadata"]["name"] for each in found} == {
        "b-baton-dashboard-automation",
        "b-baton-dashboard-overview",
    }
    for each in found:
        assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert each["metadata"]["annotations"] == {"grafana_folder": "Automation"}
        assert each["metadata"]["namespace"] == "grafana"
        ((name, text),) = each["data"].items()
        source = CHART / "files" / "dashboards" / name.removeprefix("baton-")
        assert json.loads(text) == json.loads(source.read_text())
