"""The chart's dashboards as the tests read them: panels, queries, and what Grafana puts in place of its variables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[3] / "charts" / "baton" / "files" / "dashboards"
PROMETHEUS, POSTGRESQL = "prometheus", "grafana-postgresql-datasource"
#: Seconds between two points of a graph that is not too long for its width, and ``$__rate_interval`` there: for a data
#: source that says nothing of its scrapes Grafana takes 15 s, and four of them.
STEP, RATE = 15, "1m"

#: A metric with its matchers, and what follows: a range, or nothing.
_SELECTOR = re.compile(r"(?P<metric>[a-zA-Z_:][\w:]*)\{(?P<matchers>[^}]*)\}(?P<range>\[[^\]]*\])?")
_SAYING = re.compile(r'"(?:[^"\\]|\\.)*"')
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_NAME = re.compile(r"[a-zA-Z_:][\w:]*(?=\s*[^\w(:\s]|\s*$|\s+[^(\s])")
_WORDS = frozenset({"or", "and", "unless", "by", "bool"})


@dataclass(frozen=True, slots=True)
class Selector:
    """
    One choice of series in a query.

    Attributes:
        metric: Its name.
        matchers: As they are written, ``label=~"value"``.
        range: ``[5m]``, or nothing.
        function: What is applied to it directly, or nothing.
    """

    metric: str
    matchers: tuple[str, ...]
    range: str
    function: str


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard."""

    name: str
    document: Mapping[str, Any]

    @property
    def panels(self) -> list[Mapping[str, Any]]:
        """All panels that are no rows."""
        return [each for each in self.document["panels"] if each["type"] != "row"]

    @property
    def variables(self) -> list[Mapping[str, Any]]:
        """Its variables."""
        listed: list[Mapping[str, Any]] = self.document["templating"]["list"]
        return listed

    @property
    def kind(self) -> str:
        """What its data source is."""
        return str(next(each["query"] for each in self.variables if each["type"] == "datasource"))

    @property
    def span(self) -> str:
        """How far back it looks at first, ``6h``."""
        return str(self.document["time"]["from"]).removeprefix("now-")

    def targets(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Give everything that is asked, with the panel's title."""
        for panel in self.panels:
            for target in panel["targets"]:
                yield panel["title"], target

    def queries(self) -> Iterator[tuple[str, str]]:
        """Give every query with the panel's title."""
        for title, target in self.targets():
            yield title, target["expr"] if self.kind == PROMETHEUS else target["rawSql"]


def boards() -> list[Board]:
    """Read all of them."""
    return [Board(each.stem, json.loads(each.read_text())) for each in sorted(FOLDER.glob("*.json"))]


def selectors(expression: str) -> list[Selector]:
    """Find every choice of series with matchers in braces."""
    found = []
    for each in _SELECTOR.finditer(expression):
        before = re.search(r"(\w+)\(\s*$", expression[: each.start()])
        matchers = re.findall(r'\w+\s*(?:=~|!~|!=|=)\s*"(?:[^"\\]|\\.)*"', each["matchers"])
        found.append(Selector(each["metric"], tuple(matchers), each["range"] or "", before[1] if before else ""))
    return found


def bare_metrics(expression: str) -> list[str]:
    """Find metrics without braces: what is left once selectors, groupings, texts and functions are gone."""
    rest = _SELECTOR.sub(" 1 ", expression)
    rest = _GROUPING.sub(" ", _SAYING.sub(" ", rest))
    rest = re.sub(r"\[[^\]]*\]", " ", rest)
    return [name for name in _NAME.findall(rest) if name not in _WORDS]


def as_prometheus_sees_it(expression: str, *, rate: str, span: str) -> str:
    """
    Put in what Grafana does before it sends a query.

    Args:
        rate: In place of ``$__rate_interval``.
        span: In place of ``$__range``.
    """
    values = {"__rate_interval": rate, "__range": span, "__interval": rate}
    filled = re.sub(r"\$\{?(\w+)(?::\w+)?\}?", lambda found: values.get(found[1], ".+"), expression)
    assert "$" not in filled, filled
    return filled


def as_postgresql_sees_it(statement: str, texts: Mapping[str, str]) -> str:
    """
    Put in what Grafana does before it sends a statement.

    Args:
        texts: What stands for ``${variable:sqlstring}``.
    """
    filled = re.sub(r"\$__timeFilter\(([^)]+)\)", r"\1 BETWEEN now() - interval '7 days' AND now()", statement)
    group = r"floor(extract(epoch from \1)/60)*60 AS \"time\""
    filled = re.sub(r"\$__timeGroupAlias\(([^,]+),\s*\$__interval\)", group.replace('\\"', '"'), filled)
    filled = re.sub(r"\$\{(\w+):sqlstring\}", lambda found: texts[found[1]], filled)
    assert "$" not in filled, filled
    return filled
