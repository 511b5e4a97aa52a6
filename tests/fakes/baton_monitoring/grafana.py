"""
What Grafana itself says of a dashboard: its published types (grafana-foundation-sdk), read strictly.

They are made from the schemas of Grafana's panels and data sources. To read and write a dashboard with them loses what
they do not know, and they take any value: so what is lost is reported here, and so is what is of no type they name. Of
PostgreSQL's queries they have no type.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Literal

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.cog.runtime import panelcfg_config
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard

#: Every unit that a value can be shown in.
UNITS = frozenset(value for name, value in vars(units).items() if isinstance(value, str) and not name.startswith("_"))
#: What Grafana writes although this schema lacks it; the next one has it.
_MORE = ".definition"
_MODELS = "grafana_foundation_sdk.models."


def objections(document: Mapping[str, Any]) -> list[str]:
    """Say what Grafana does not know of a dashboard, or would not take: the place, and what is there."""
    register_default_plugins()
    document = {**document, "panels": [*document["panels"], *_overridden(document["panels"])]}
    board = Dashboard.from_json(document)
    found = [each for each in _lost(document, board, "") if not each.partition(": ")[0].endswith(_MORE)]
    found += _misfits(board, Dashboard, "")
    found += [
        f".panels: no panel is called {each['type']}"
        for each in document["panels"]
        if each["type"] != "row" and panelcfg_config(each["type"]) is None
    ]
    return found


def _overridden(panels: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Give panels whose fields are all as an override makes some: to the schema an override is any text."""
    for panel in panels:
        for override in panel.get("fieldConfig", {}).get("overrides", ()):
            fields: dict[str, Any] = {}
            for each in override["properties"]:
                *way, name = each["id"].split(".")
                inner = fields
                for step in way:
                    inner = inner.setdefault(step, {})
                inner[name] = each["value"]
            yield {**panel, "fieldConfig": {"defaults": fields, "overrides": []}}


def _lost(document: Mapping[str, Any], read: Any, place: str) -> Iterator[str]:
    """Find what is not written again of what was read."""
    yield from _missing(document, json.loads(json.dumps(read, cls=JSONEncoder)), place)


def _missing(before: Any, after: Any, place: str) -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name, value in before.items():
            if name in after:
                yield from _missing(value, after[name], f"{place}.{name}")
            else:
                yield f"{place}.{name}: {value!r}"
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _missing(one, other, f"{place}[{number}]")
    elif before != after:
        yield f"{place}: {before!r}"


def _misfits(value: Any, hint: Any, place: str) -> Iterator[str]:
    """Find values that are not of the type that their place has."""
    if isinstance(value, dict) and _is_model(hint):  # the reader leaves some as they are
        read = hint.from_json(value)
        yield from _lost(value, read, place)
        value = read
    choices = typing.get_args(hint) if typing.get_origin(hint) in {typing.Union, types.UnionType} else (hint,)
    chosen = next((each for each in choices if _is_a(value, each)), None)
    if chosen is None:
        yield f"{place}: {value!r}"
    elif typing.get_origin(chosen) is list:
        for number, each in enumerate(value):
            yield from _misfits(each, typing.get_args(chosen)[0], f"{place}[{number}]")
    elif typing.get_origin(chosen) is dict:
        for name, each in value.items():
            yield from _misfits(each, typing.get_args(chosen)[1], f"{place}.{name}")
    elif _is_model(type(value)):
        for name, its in typing.get_type_hints(type(value)).items():
            yield from _misfits(getattr(value, name), its, f"{place}.{name}")


def _is_model(hint: Any) -> bool:
    return isinstance(hint, type) and hint.__module__.startswith(_MODELS) and not issubclass(hint, Enum)


def _is_a(value: Any, hint: Any) -> bool:
    """Say whether a value is of a type, whatever is in it."""
    if hint in {Any, object}:
        return True
    if typing.get_origin(hint) is Literal:
        return value in typing.get_args(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return value in [each.value for each in hint]
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else typing.get_origin(hint) or hint)
