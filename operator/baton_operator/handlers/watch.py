"""What is done with what the watch says: it is offered to intake, and everything else follows from the rows."""

import time
from typing import Any

import kopf

from baton_operator.kube.resources import GROUP, PLURALS, VERSION, AutomationSeen, EngineSeen, Kind, RunSeen, Seen


def registry() -> kopf.OperatorRegistry:
    """Make a registry that holds our three handlers and nothing else."""
    handlers = kopf.OperatorRegistry()
    kopf.on.event(GROUP, VERSION, PLURALS["Engine"], registry=handlers)(engine_seen)
    kopf.on.event(GROUP, VERSION, PLURALS["Automation"], registry=handlers)(automation_seen)
    kopf.on.event(GROUP, VERSION, PLURALS["Run"], registry=handlers)(run_seen)
    return handlers


async def engine_seen(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """Hand an Engine to intake."""
    _offer(memo, EngineSeen.parse(event))


async def automation_seen(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """Hand an Automation to intake."""
    _offer(memo, AutomationSeen.parse(event))


async def run_seen(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """Hand a Run to intake."""
    _offer(memo, RunSeen.parse(event))


def _offer(memo: kopf.Memo, seen: Seen) -> None:
    kind: Kind = seen.kind
    memo.metrics.watch_last_event.labels(kind=kind).set(time.time())
    memo.intake.offer(seen)
