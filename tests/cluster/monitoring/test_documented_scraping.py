"""What docs/monitoring.md tells a Prometheus without the operator: it is taken, and finds Baton's Pods only."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import yaml
from baton_docs.blocks import read_by

ROOT = Path(__file__).parents[3]
NAME, PORT = "__meta_kubernetes_service_label_app_kubernetes_io_name", "__meta_kubernetes_endpoint_port_name"
#: What Kubernetes would tell: the name of a Service's application, and of a port.
FOUND = {"10.0.0.1:8080": ("baton", "http"), "10.0.0.2:5432": ("baton", "postgresql"), "10.0.0.3:80": ("shop", "http")}


def test_prometheus_takes_the_pages_configuration_and_scrapes_baton_only(promtool: Path, tmp_path: Path) -> None:
    """Debian's Prometheus is built without Kubernetes' discovery, so the test tells what that would find."""
    (block,) = read_by("tests/cluster/monitoring/test_documented_scraping.py")
    config = yaml.safe_load(block.text)
    (job,) = config["scrape_configs"]
    assert job.pop("kubernetes_sd_configs") == [{"role": "endpoints", "namespaces": {"names": ["baton-system"]}}]
    job["static_configs"] = [
        {"targets": [address], "labels": {NAME: name, PORT: port}} for address, (name, port) in FOUND.items()
    ]
    path = tmp_path / "prometheus.yaml"
    path.write_text(yaml.safe_dump(config))
    command = [promtool, "check", "service-discovery", "--timeout=5s", path, job["job_name"]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    kept = [each["labels"]["__address__"] for each in json.loads(done.stdout) if each["labels"]]
    assert kept == ["10.0.0.1:8080"]
    assert job["honor_labels"] is True, "or `namespace` would be that of the Pods"
