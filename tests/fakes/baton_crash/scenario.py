"""The work that is disturbed: seven Runs that between them meet every side effect, and how they end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from baton_crash.in_play import InPlay
from baton_spine.stage import Stage, shown

#: Runs and how they end, whatever happens on the way.
ENDS = {
    "plain": ("Succeeded", "Succeeded"),
    "slow": ("Succeeded", "Succeeded"),
    "fleet": ("Succeeded", "Succeeded"),
    "tried-twice": ("Failed", "Failed"),
    "stopped": ("Cancelled", "Cancelled"),
    "refused": ("Failed", "InvalidParameters"),
    "rejected": ("Failed", "EngineRejected"),
}
#: Submits that an engine accepts for them: one for each attempt of each unit.
ATTEMPTS = {"plain": 1, "slow": 1, "fleet": 3, "tried-twice": 2, "stopped": 1, "refused": 0, "rejected": 0}

_WANTED = {"type": "object", "properties": {"ms": {"type": "integer"}}}
_ITEMS = [
    {"name": "one", "items": [{"ms": 100}, {"ms": 1000}]},
    {"name": "two", "items": [{"ms": 1000}]},
]
_PER_ITEM = {"per": "Item", "maxParallel": 2, "order": "Sequential"}


def open_scenario(stage: Stage, engine: InPlay, url: str) -> None:
    """Make Engine, Automations and Runs; the answer to the first submit is lost, so somebody has to look for it."""
    engine.engine(stage, url)
    engine.lose_answer(stage)
    whole = engine.work(stage, ms="parameters.ms", fail="parameters.fail")
    each = engine.work(stage, ms="item.ms", fail="'no'")
    _automation(stage, "whole", whole, parametersSchema=_WANTED)
    _automation(stage, "twice", whole, retry={"maxAttempts": 2, "backoff": {"initial": "1s"}})
    _automation(stage, "rejecting", engine.rejecting(stage))
    _automation(stage, "each", each, batches=_ITEMS, dispatch=_PER_ITEM)
    stage.run("plain", "whole", ms=100, fail="no")
    stage.run("slow", "whole", ms=2000, fail="no")
    stage.run("fleet", "each")
    stage.run("tried-twice", "twice", ms=100, fail="yes")
    stage.run("stopped", "whole", ms=300_000, fail="no")
    stage.run("refused", "whole", ms="for ever", fail="no")
    stage.run("rejected", "rejecting")


def _automation(stage: Stage, name: str, work: Mapping[str, Any], **spec: Any) -> None:
    stage.create("Automation", name, {"engineRef": {"name": "engine"}, **work, **spec})


_STOPPABLE = """
SELECT 1 FROM run r JOIN dispatch_attempt d ON d.run_id = r.id
WHERE r.name = 'stopped' AND d.state IN ('ENQUEUED', 'ACKED')
"""


def cancel_one(stage: Stage, within: float = 120) -> None:
    """Cancel the Run that would go on for minutes, once the engine has it."""
    stage.until(lambda: stage.rows(_STOPPABLE), within, what="the hand-over of the Run that is cancelled")
    stage.patch("Run", "stopped", {"state": "Cancelled", "reason": "not wanted any more"})


@dataclass(frozen=True)
class End:
    """
    What is left when all is over: it must not depend on what happened on the way.

    Attributes:
        ends: Phase and reason of each Run, as Kubernetes shows them.
        histories: The statuses that each Run and each of its items went through.
        accepted: How many submits the engine accepted for each Run.
        attempts: How many attempts each Run has.
    """

    ends: dict[str, tuple[str, str]]
    histories: dict[str, list[str]]
    accepted: dict[str, int]
    attempts: dict[str, int]


_HISTORIES = """
SELECT r.name, array_agg(h.new_status::text ORDER BY h.seq) FROM run r JOIN run_state_history h ON h.run_id = r.id
GROUP BY r.name
UNION ALL
SELECT r.name || '/' || b.position || '/' || i.sequence_number, array_agg(h.new_status::text ORDER BY h.seq)
FROM item_execution i JOIN run r ON r.id = i.run_id JOIN batch_execution b ON b.id = i.batch_execution_id
JOIN item_state_history h ON h.item_execution_id = i.id
GROUP BY r.name, b.position, i.sequence_number
"""
_ATTEMPTS = """
SELECT r.name, count(d.id) FROM run r LEFT JOIN dispatch_attempt d ON d.run_id = r.id GROUP BY r.name
"""
_OWNERS = "SELECT d.token, r.name FROM dispatch_attempt d JOIN run r ON r.id = d.run_id"


def end_of(stage: Stage, engine: InPlay) -> End:
    """Sum up what is left."""
    owners = {str(token): str(name) for token, name in stage.rows(_OWNERS)}
    accepted = Counter(owners.get(entry.token, entry.token) for entry in engine.books(stage))
    return End(
        ends={name: shown(status) for name, status in stage.runs().items()},
        histories={name: list(history) for name, history in stage.rows(_HISTORIES)},
        accepted={**dict.fromkeys(ENDS, 0), **accepted},
        attempts=dict(stage.rows(_ATTEMPTS)),
    )
