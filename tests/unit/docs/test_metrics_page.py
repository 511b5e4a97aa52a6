"""The page of metrics: all that exist, with their types and labels, and none besides."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import Counter, Histogram, Info
from prometheus_client.metrics import MetricWrapperBase

from baton_operator.metrics import BoundedWords, Metrics, SnapshotGauge

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
ROW = re.compile(r"\| `(baton_\w+)` \| ([^|]+) \|([^|]*)\| [^|]+ \|")


def documented() -> list[tuple[str, str, list[str]]]:
    return [(name, type_, labels.strip().split(", ")) for name, type_, labels in ROW.findall(PAGE.read_text())]


def existing() -> list[tuple[str, str, list[str]]]:
    """Describe every metric as the page does."""
    found = []
    for each in vars(Metrics()).values():
        metric = each._counter if isinstance(each, BoundedWords) else each
        if isinstance(metric, SnapshotGauge):
            found.append((metric._name, "gauge, *same*", list(metric._labels) or [""]))
        elif isinstance(metric, Info):
            found.append((f"{metric._name}_info", "info", ["version", "revision", "python", "postgres"]))
        elif isinstance(metric, MetricWrapperBase):
            name = f"{metric._name}_total" if isinstance(metric, Counter) else metric._name
            type_ = {Counter: "counter", Histogram: "histogram"}.get(type(metric), "gauge")
            found.append((name, type_, list(metric._labelnames) or [""]))
    return found


def test_every_metric_has_its_row_and_no_other() -> None:
    assert len(existing()) > 30
    assert sorted(documented()) == sorted(existing())
