"""Grafana's own types know everything that stands in the chart's dashboards, and would take every value."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from baton_monitoring.dashboards import Board, boards
from baton_monitoring.grafana import objections

BOARDS = {each.name: each for each in boards()}
Document = dict[str, Any]


@pytest.mark.parametrize("board", BOARDS.values(), ids=lambda each: each.name)
def test_grafana_has_no_objection_to_a_dashboard(board: Board) -> None:
    assert objections(board.document) == []


def _panel(document: Document, kind: str = "timeseries") -> Document:
    return next(each for each in document["panels"] if each["type"] == kind)


def _defaults(document: Document) -> Document:
    return _panel(document)["fieldConfig"]["defaults"]


def _override(document: Document, name: str, value: object) -> None:
    made = {"matcher": {"id": "byName", "options": "A"}, "properties": [{"id": name, "value": value}]}
    _panel(document)["fieldConfig"]["overrides"] = [made]


#: What somebody may misspell, and the end of what is said about it.
MISSPELT: tuple[tuple[Callable[[Document], Any], str], ...] = (
    (lambda it: it.update(refesh="1m"), ".refesh: '1m'"),
    (lambda it: it["templating"]["list"][1].update(multii=True), ".multii: True"),
    (lambda it: it["templating"]["list"][1].update(type="qury"), "type_val: 'qury'"),
    (lambda it: _panel(it).update(descripton="What it shows"), ".descripton: 'What it shows'"),
    (lambda it: _panel(it).update(type="timeserie"), "no panel is called timeserie"),
    (lambda it: _panel(it)["gridPos"].update(w="6"), ".w: '6'"),
    (lambda it: _panel(it)["options"].update(legnd={}), ".options.legnd: {}"),
    (lambda it: _panel(it)["options"]["tooltip"].update(mode="sngle"), ".tooltip.mode: 'sngle'"),
    (lambda it: _panel(it, "stat")["options"].update(graphMode="aria"), ".graph_mode: 'aria'"),
    (lambda it: _panel(it, "table").update(transformations=[{"id": "organize", "optons": {}}]), ".optons: {}"),
    (lambda it: _defaults(it).update(unti="s"), ".defaults.unti: 's'"),
    (lambda it: _defaults(it)["custom"].update(lineWdth=1), ".custom.lineWdth: 1"),
    (lambda it: _defaults(it)["custom"].update(drawStyle="lines"), ".custom.draw_style: 'lines'"),
    (lambda it: _override(it, "custom.lineWdth", 1), ".custom.lineWdth: 1"),
    (lambda it: _override(it, "custom.drawStyle", "lines"), ".custom.draw_style: 'lines'"),
    (lambda it: _panel(it)["targets"][0].update(legendFromat="{{job}}"), ".legendFromat: '{{job}}'"),
    (lambda it: _panel(it)["targets"][0].update(format="tabel"), ".format_val: 'tabel'"),
)


@pytest.mark.parametrize(("misspell", "said"), MISSPELT, ids=lambda each: each if isinstance(each, str) else "")
def test_what_is_misspelt_is_named(misspell: Callable[[Document], Any], said: str) -> None:
    document = copy.deepcopy(dict(BOARDS["overview"].document))
    misspell(document)
    (found,) = objections(document)
    assert found.endswith(said)
