"""A real Prometheus on a free port, which scrapes what a test names by the chart's rules."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from baton_operator.local.api_server import answers
from baton_operator.local.ports import pick_free

RULES = Path(__file__).parents[3] / "charts" / "baton" / "files" / "rules" / "baton.yaml"
#: As the chart's ServiceMonitor has it scraped: the operator's own labels count.
JOB = "baton"
Sample = tuple[dict[str, str], float]


@dataclass(frozen=True, slots=True)
class PrometheusServer:
    """
    A running Prometheus.

    Attributes:
        url: Where it answers.
    """

    url: str

    def query(self, expression: str, at: float | None = None) -> list[Sample]:
        """
        Ask for what is so now, or was at a moment (seconds since 1970).

        Raises:
            AssertionError: The expression is wrong; its text and Prometheus' word for it.
        """
        moment = {} if at is None else {"time": f"{at:.3f}"}
        data = self._get("/api/v1/query", query=expression, **moment)["data"]
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(each["metric"], float(each["value"][1])) for each in data["result"]]

    def graph(self, expression: str, *, begin: float, end: float, step: float) -> list[Sample]:
        """
        Ask for what was so at each step of a time range; a sample for each point of each line.

        Raises:
            AssertionError: The expression is wrong; its text and Prometheus' word for it.
        """
        times = {"start": f"{begin:.3f}", "end": f"{end:.3f}", "step": f"{step:g}"}
        lines = self._get("/api/v1/query_range", query=expression, **times)["data"]["result"]
        return [(each["metric"], float(value)) for each in lines for _, value in each["values"]]

    def targets_up(self, at: float | None = None) -> int:
        """Say how many targets were scraped well."""
        return sum(value == 1 for _, value in self.query(f'up{{job="{JOB}"}}', at))

    def alerts(self) -> dict[str, str]:
        """Give the alerts that are pending or firing, and which of both."""
        return {each["labels"]["alertname"]: each["state"] for each in self._get("/api/v1/alerts")["data"]["alerts"]}

    def rules(self) -> list[dict[str, Any]]:
        """Give all rules with how their last evaluation went."""
        return [rule for group in self._get("/api/v1/rules")["data"]["groups"] for rule in group["rules"]]

    def _get(self, path: str, **query: str) -> Any:
        address = f"{self.url}{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310 - our own server
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{query.get('query', path)}: {error.read().decode()}") from None


@contextmanager
def prometheus(program: Path, folder: Path, ports: Sequence[int]) -> Iterator[PrometheusServer]:
    """Scrape these ports each second, and evaluate the chart's rules as often."""
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [
            {
                "job_name": JOB,
                "honor_labels": True,
                "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}],
            }
        ],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{pick_free()}"
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={folder / 'prometheus.yaml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
                "--log.level=warn",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        _wait_ready(process, address, folder / "prometheus.log")
        yield PrometheusServer(f"http://{address}")
    finally:
        process.terminate()
        process.wait(60)


def _wait_ready(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + 120
    while not answers(address, "/-/ready"):
        assert process.poll() is None, f"Prometheus ended\n{log.read_text()}"
        assert time.monotonic() < deadline, f"Prometheus is not ready\n{log.read_text()}"
        time.sleep(0.1)
