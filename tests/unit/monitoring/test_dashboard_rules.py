"""
The chart's dashboards keep the rules that Grafana publishes for them (grafana/dashboard-linter, docs/index.md).

Each test is one of these rules, under its name there; what promtool and Prometheus say of a query is tested elsewhere.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from baton_monitoring.dashboards import POSTGRESQL, PROMETHEUS, Board, bare_metrics, boards, selectors
from baton_monitoring.grafana import UNITS

BOARDS = {each.name: each for each in boards()}
Rule = Callable[[Board], Iterator[str]]


def template_datasource_rule(board: Board) -> Iterator[str]:
    """The data source is a variable."""
    found = [each for each in board.variables if each["type"] == "datasource"]
    if [(each["name"], each["label"]) for each in found] != [("datasource", "Data source")]:
        yield "no variable datasource, labelled Data source"


def template_job_and_instance_rule(board: Board) -> Iterator[str]:
    """Job and instance can be chosen, several at once and all."""
    by_name = {each["name"]: each for each in board.variables}
    for name in ("job", "instance") if board.kind == PROMETHEUS else ():
        each = by_name.get(name, {})
        wanted = {"type": "query", "label": name.title(), "multi": True, "includeAll": True, "allValue": ".+"}
        if {key: each.get(key) for key in wanted} != wanted:
            yield f"variable {name} is not {wanted}"
        if each.get("datasource", {}).get("uid") != "${datasource}":
            yield f"variable {name} does not ask the data source that was chosen"


def template_on_time_change_reload_rule(board: Board) -> Iterator[str]:
    """What can be chosen follows the time range."""
    for each in board.variables:
        if each["type"] == "query" and each["refresh"] != 2:
            yield f"variable {each['name']} is not read anew when the time range changes"


def template_label_promql_rule(board: Board) -> Iterator[str]:
    """What can be chosen is asked of a metric that exists."""
    for each in board.variables:
        if each["type"] == "query" and board.kind == PROMETHEUS:
            query = each["query"]["query"]
            if not re.fullmatch(r"label_values\(baton_\w+(\{[^}]*\})?, \w+\)", query):
                yield f"variable {each['name']}: {query}"


def uneditable_dashboard_rule(board: Board) -> Iterator[str]:
    """What the chart installs is changed in the chart."""
    if board.document["editable"]:
        yield "it can be edited in Grafana, and the next upgrade would undo that"


def panel_datasource_rule(board: Board) -> Iterator[str]:
    """Every panel and every query asks the data source that was chosen."""
    for panel in board.panels:
        for each in (panel, *panel["targets"]):
            if each["datasource"] != {"type": board.kind, "uid": "${datasource}"}:
                yield f"{panel['title']}: {each['datasource']}"


def panel_title_description_rule(board: Board) -> Iterator[str]:
    """Every panel says what it shows."""
    for panel in board.panels:
        if not panel["title"] or len(panel["description"]) < 20:
            yield f"{panel['title']!r}: {panel['description']!r}"


def panel_units_rule(board: Board) -> Iterator[str]:
    """Every panel says in what it counts."""
    for panel in board.panels:
        units = [panel["fieldConfig"]["defaults"].get("unit")]
        units += [
            each["value"]
            for override in panel["fieldConfig"]["overrides"]
            for each in override["properties"]
            if each["id"] == "unit"
        ]
        for unit in units:
            if unit not in UNITS:
                yield f"{panel['title']}: {unit}"


def panel_no_targets_rule(board: Board) -> Iterator[str]:
    """No panel is without a query."""
    for panel in board.panels:
        if not panel["targets"]:
            yield panel["title"]


def target_job_and_instance_rule(board: Board) -> Iterator[str]:
    """Every choice of series is narrowed by the job and the instance that were chosen."""
    for title, query in _promql(board):
        for each in selectors(query):
            for name in ("job", "instance"):
                if f'{name}=~"${name}"' not in each.matchers:
                    yield f"{title}: {each.metric} has no {name} matcher"
        for metric in bare_metrics(query):
            yield f"{title}: {metric} has no matchers"


def target_rate_interval_rule(board: Board) -> Iterator[str]:
    """A rate is taken over what Grafana knows to be long enough."""
    for title, query in _promql(board):
        for each in selectors(query):
            if each.function in {"rate", "irate"} and each.range != "[$__rate_interval]":
                yield f"{title}: {each.function} over {each.range}"
            if each.range and not each.function:
                yield f"{title}: {each.metric}{each.range} outside of a function"


def target_counter_agg_rule(board: Board) -> Iterator[str]:
    """A counter is never shown as it is: it begins anew with each process."""
    for title, query in _promql(board):
        for each in selectors(query):
            counted = each.metric.endswith(("_total", "_bucket", "_count", "_sum"))
            if counted and each.function not in {"rate", "irate", "increase"}:
                yield f"{title}: {each.metric} is not within rate or increase"


def same_gauges_rule(board: Board) -> Iterator[str]:
    """Our own: what every replica reads from the same rows is never added up over replicas."""
    same = (
        "baton_runs",
        "baton_submissions_held",
        "baton_engine_up",
        "baton_engine_circuit_open",
        "baton_engine_inflight",
        "baton_engine_inflight_limit",
        "baton_backlog",
        "baton_backlog_oldest_timestamp_seconds",
        "baton_invariant_violations",
        "baton_invariant_checked_timestamp_seconds",
    )
    for title, query in _promql(board):
        for each in re.finditer(r"(\w+)(?: by \([^)]*\))? \((\w+)\{", query):
            if each[2] in same and each[1] != "max":
                yield f"{title}: {each[1]} of {each[2]}"


def _promql(board: Board) -> Iterator[tuple[str, str]]:
    return board.queries() if board.kind == PROMETHEUS else iter(())


RULES: tuple[Rule, ...] = (
    template_datasource_rule,
    template_job_and_instance_rule,
    template_on_time_change_reload_rule,
    template_label_promql_rule,
    uneditable_dashboard_rule,
    panel_datasource_rule,
    panel_title_description_rule,
    panel_units_rule,
    panel_no_targets_rule,
    target_job_and_instance_rule,
    target_rate_interval_rule,
    target_counter_agg_rule,
    same_gauges_rule,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda each: each.__name__)
@pytest.mark.parametrize("name", sorted(BOARDS))
def test_a_dashboard_keeps_the_rule(name: str, rule: Rule) -> None:
    assert list(rule(BOARDS[name])) == []


def test_there_are_three_each_with_a_uid_that_stays() -> None:
    """Links, bookmarks and a sidecar that finds them again go by the uid."""
    found = {name: (board.document["uid"], board.kind) for name, board in BOARDS.items()}
    assert found == {
        "overview": ("baton-overview", PROMETHEUS),
        "automation": ("baton-automation", PROMETHEUS),
        "history": ("baton-history", POSTGRESQL),
    }


@pytest.mark.parametrize("name", sorted(BOARDS))
def test_panels_have_numbers_of_their_own_and_do_not_lie_on_each_other(name: str) -> None:
    panels = BOARDS[name].document["panels"]
    assert len({each["id"] for each in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for each in panels:
        place = each["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, each["title"]
        taken |= cells


def _first_query(document: dict[str, Any], old: str, new: str) -> None:
    target = next(
        each for panel in document["panels"] for each in panel.get("targets", ()) if old in each.get("expr", "")
    )
    target["expr"] = target["expr"].replace(old, new, 1)


def _panel(document: dict[str, Any]) -> dict[str, Any]:
    return next(each for each in document["panels"] if each["type"] == "timeseries")


#: What breaks each rule.
SPOILED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "template_datasource_rule": lambda it: it["templating"]["list"][0].update(name="prom"),
    "template_job_and_instance_rule": lambda it: it["templating"]["list"][2].update(multi=False),
    "template_on_time_change_reload_rule": lambda it: it["templating"]["list"][1].update(refresh=1),
    "template_label_promql_rule": lambda it: it["templating"]["list"][1].update(query={"query": "job"}),
    "uneditable_dashboard_rule": lambda it: it.update(editable=True),
    "panel_datasource_rule": lambda it: _panel(it)["targets"][0].update(datasource={"uid": "prom-1"}),
    "panel_title_description_rule": lambda it: _panel(it).update(description=""),
    "panel_units_rule": lambda it: _panel(it)["fieldConfig"]["defaults"].update(unit="seconds"),
    "panel_no_targets_rule": lambda it: _panel(it).update(targets=[]),
    "target_job_and_instance_rule": lambda it: _first_query(it, ', instance=~"$instance"', ""),
    "target_rate_interval_rule": lambda it: _first_query(it, "[$__rate_interval]", "[5m]"),
    "target_counter_agg_rule": lambda it: _first_query(it, "rate(", "abs("),
    "same_gauges_rule": lambda it: _first_query(it, "(max by", "(sum by"),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda each: each.__name__)
def test_a_dashboard_that_breaks_the_rule_is_found(rule: Rule) -> None:
    document = copy.deepcopy(dict(BOARDS["overview"].document))
    SPOILED[rule.__name__](document)
    assert list(rule(Board("spoiled", document))) != []


def test_a_metric_without_any_matcher_is_found() -> None:
    found = bare_metrics(
        'sum by (job) (rate(baton_a_total[5m])) / on (job) max(baton_b) + baton_c{job="x"} or vector(0)'
    )
    assert found == ["baton_a_total", "baton_b"]
