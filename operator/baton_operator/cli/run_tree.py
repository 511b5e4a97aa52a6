"""A Run as a tree for people: run → batch → item → attempt, with the engine's link."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from rich.console import Group, RenderableType
from rich.text import Text
from rich.tree import Tree

from baton_operator.cli.output import STYLES, ago, span

Row = Mapping[str, Any]

_PAYLOAD = 60
_MESSAGE = 200
_HOOK_WORDS = {
    "queued": "PENDING",
    "running": "PROCESSING",
    "succeeded": "COMPLETED",
    "failed": "FAILED",
    "timedout": "FAILED",
    "cancelled": "CANCELLED",
}


def run_tree(run: Row, *, most: int | None) -> RenderableType:
    """
    Draw *run* as `read_tree` gives it.

    Args:
        run: The run with its batches, items and attempts.
        most: Items of a batch that are drawn; those that failed or are under way come first. None for all.
    """
    root = Tree(_headline(run), guide_style="dim")
    _add_attempts(root, run["attempts"])
    for batch in run["batches"]:
        branch = root.add(_unit(f"batch {batch['name']}", batch))
        _add_attempts(branch, batch["attempts"])
        _add_items(branch, batch["items"], most)
    for hook in run["hooks"]:
        root.add(_hook(hook))
    return Group(*_facts(run), root)


def _facts(run: Row) -> list[RenderableType]:
    """Say in lines what belongs to the run as a whole."""
    version = f" (version {run['automation_version']})" if run["automation_version"] else ""
    facts = {
        "Run": f"{run['namespace']}/{run['name']}" + ("  (the custom resource is gone)" if run["deleted"] else ""),
        "Run id": str(run["id"]),
        "Automation": f"{run['automation']}{version}",
        "Engine": run["engine"],
        "Correlation": run["correlation_id"],
        "Action": run["action"],
        "Follows": run["parent"],
        "Created": _when(run["created_at"]) + (f" by {run['created_by']}" if run["created_by"] else ""),
        "Refused": f"{run['accepted_reason']}: {run['accepted_message']}"
        if run["accepted_reason"] != "Accepted"
        else None,
        "Message": run["message"] if run["message"] != run["accepted_message"] else None,
        "Cancelled": run["cancellation_reason"],
    }
    return [Text(f"{title + ':':<13} {value}") for title, value in facts.items() if value]


def _headline(run: Row) -> Text:
    line = Text.assemble((f"run {run['name']}", "bold"), "  ", _word(run["phase"]))
    _append(line, run["reason"], f"{run['progress']} done" if run["total"] else None, span(run["duration"]))
    return line


def chosen_items(items: Sequence[Row], most: int | None) -> list[Row]:
    """Choose the items of a batch that are drawn, in their order: those that failed or are under way first."""
    order = {"FAILED": 0, "RETRYING": 1, "PROCESSING": 2}
    chosen = sorted(items, key=lambda item: (order.get(item["status"], 3), item["item"]))[: most or len(items)]
    return sorted(chosen, key=lambda each: each["item"])


def _add_items(branch: Tree, items: Sequence[Row], most: int | None) -> None:
    chosen = chosen_items(items, most)
    for item in chosen:
        twig = branch.add(_unit(f"item {item['item']}", item))
        _add_attempts(twig, item["attempts"])
    if len(chosen) < len(items):
        branch.add(Text(f"… {len(items) - len(chosen)} more items; --all shows them", style="dim"))


def _unit(title: str, row: Row) -> Text:
    line = Text.assemble((title, "bold"), "  ")
    if row["payload"] is not None:
        line.append(f"{_short(orjson.dumps(row['payload']).decode(), _PAYLOAD)}  ", style="dim")
    line.append_text(_word(row["status"]))
    lasted = row["finished_at"] - row["started_at"] if row["finished_at"] and row["started_at"] else None
    _append(line, row["reason"], span(lasted), _short(row["message"], _MESSAGE))
    return line


def _add_attempts(branch: Tree, attempts: Sequence[Row]) -> None:
    """Draw attempts, each with its steps where they were asked for."""
    for attempt in attempts:
        twig = branch.add(_attempt(attempt))
        for node in attempt.get("nodes", ()):
            twig.add(_node(node))
        if attempt.get("nodes") == []:
            twig.add(Text("no steps yet", style="dim"))
        if attempt.get("nodes_unavailable"):
            twig.add(Text(f"steps unknown: {attempt['nodes_unavailable']}", style="dim"))


def _node(row: Row) -> Text:
    line = Text.assemble(f"step {row['name']}  ", _word(row["status"]))
    lasted = row["finished_at"] - row["started_at"] if row["finished_at"] and row["started_at"] else None
    _append(line, row["type"], row["native"], span(lasted), _short(row["message"], _MESSAGE))
    return line


def _attempt(row: Row) -> Text:
    line = Text.assemble(f"attempt {row['attempt']}  ", _word(row["status"] or row["state"]))
    asked = None if row["state"] in {"ACKED", "CLOSED"} else f"{row['state'].lower()}, sent {row['sends']} times"
    lasted = row["finished_at"] - row["started_at"] if row["finished_at"] and row["started_at"] else None
    due = f"due {_when(row['due_at'])}" if row["state"] == "INTENT" and row["due_at"] else None
    _append(line, row["reason"], row["native_status"], asked, due, span(lasted), _short(row["message"], _MESSAGE))
    if row["url"]:
        line.append("  ").append(row["url"], style=f"link {row['url']}")
    elif row["external_id"]:
        line.append(f"  {row['external_id']}", style="dim")
    for each in row["duplicates"] or ():
        line.append(f"  EngineDuplicated: {each['external_id']} ").append_text(_word(each["status"]))
    return line


def _hook(row: Row) -> Text:
    line = Text.assemble(
        (f"{row['hook']} ", "bold"), f"{row['task']} at {row['at']}  ", _word(_HOOK_WORDS[row["state"]])
    )
    lasted = row["finished_at"] - row["started_at"] if row["finished_at"] and row["started_at"] else None
    _append(line, span(lasted), _short(row["message"], _MESSAGE))
    return line


def _append(line: Text, *words: str | None) -> None:
    for word in words:
        if word:
            line.append(f"  {word}")


def _word(text: str) -> Text:
    return Text(text, style=STYLES.get(text, ""))


def _when(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S} ({ago(moment)} ago)"


def _short(text: str | None, most: int) -> str:
    line = " ".join((text or "").split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
