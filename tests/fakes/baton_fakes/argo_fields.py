"""The two query languages of argo-server's lists, read as its source does: ``fields`` and label selectors."""

import re
from collections.abc import Callable, Mapping
from typing import Any

_IN = re.compile(r"(\S+)\s+(in|notin)\s+\(([^)]*)\)")
_EQUALS = re.compile(r"([^=!\s]+)\s*(==|=|!=)\s*(\S*)")


def clean(document: Any, fields: str) -> Any:
    """Keep of *document* what *fields* name (a path, or the beginning of one); all of it if they name nothing."""
    if not fields:
        return document
    return _clean(document, frozenset(fields.split(",")), "")


def _clean(item: Any, fields: frozenset[str], path: str) -> Any:
    if isinstance(item, list):
        return [_clean(entry, fields, path) for entry in item]
    if not isinstance(item, dict):
        return item
    kept = {}
    for key, value in item.items():
        below = f"{path}.{key}" if path else key
        if below in fields:
            kept[key] = value
        elif any(name.startswith(below) for name in fields):
            kept[key] = _clean(value, fields, below)
    return kept


def clean_workflow(document: Mapping[str, Any], fields: str) -> dict[str, Any]:
    """Clean one workflow; what Go writes even when it is empty comes back empty."""
    if not fields:
        return dict(document)
    kept = clean(document, fields)
    metadata = {"creationTimestamp": None, **kept.get("metadata", {})}
    spec = {"arguments": {}, **kept.get("spec", {})}
    status = {"startedAt": None, "finishedAt": None, **kept.get("status", {})}
    return {"metadata": metadata, "spec": spec, "status": status}


def selector(text: str) -> Callable[[Mapping[str, str]], bool]:
    """Read a label selector. Raises ValueError for what it is not."""
    tests = [_requirement(part.strip()) for part in re.split(r",(?![^(]*\))", text) if part.strip()]
    return lambda labels: all(test(labels) for test in tests)


def _requirement(part: str) -> Callable[[Mapping[str, str]], bool]:
    if match := _IN.fullmatch(part):
        key, operator, values = match[1], match[2], {value.strip() for value in match[3].split(",")}
        return lambda labels: (labels.get(key) in values) == (operator == "in")
    if match := _EQUALS.fullmatch(part):
        key, operator, value = match[1], match[2], match[3]
        return lambda labels: (labels.get(key) == value) == (operator != "!=")
    if part.startswith("!"):
        return lambda labels: part[1:] not in labels
    if re.fullmatch(r"[A-Za-z0-9./_-]+", part):
        return lambda labels: part in labels
    raise ValueError(f"unable to parse requirement: {part}")
