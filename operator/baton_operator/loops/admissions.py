"""From a Run that gets a row to the rows that it gets."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from baton_models.payload import cleaned, clip_identifier
from baton_operator.decide.admission import Plan, Refused, token_stem
from baton_operator.decide.definition import Definition
from baton_operator.decide.traceparent import trace_context
from baton_operator.kube.resources import RunSeen
from baton_operator.loops import run_lines
from baton_operator.loops.intake_definitions import storable


@dataclass(frozen=True, slots=True)
class Admission:
    """
    A Run that gets a row, with what it refers to.

    Attributes:
        parent: The Run that it follows; None where it follows none, and where it is refused.
    """

    run: RunSeen
    automation: Any
    definition: Definition | None
    decision: Plan | Refused
    id: UUID
    parent: UUID | None = None


def goes_whole(each: Admission) -> bool:
    """Whether the run is handed over in one piece and nothing holds it back."""
    definition, state = each.definition, each.run.spec.get("state", "Active")
    return definition is not None and definition.per == "Run" and definition.max_active is None and state == "Active"


def ends_with_object(each: Admission) -> bool:
    """Whether its work is cancelled when its object is deleted."""
    return each.definition is not None and each.definition.cancel_on_delete


def run_row(each: Admission) -> dict[str, Any]:
    """Make the row of a Run, admitted or refused."""
    run, definition, decision = each.run, each.definition, each.decision
    row: dict[str, Any] = {
        "id": each.id,
        "automation_id": each.automation.id,
        "definition_id": each.automation.definition_id,
        "engine_id": each.automation.engine_id,
        "tenant_id": run.namespace,
        "uid": run.uid,
        "generation": run.generation,
        "name": run.name,
        "correlation_id": cleaned(run.spec.get("correlationId"))[0],
        "parent_run_id": each.parent,
        "action": run.spec.get("action"),
        "state": run.spec.get("state", "Active"),
        "parameters": storable(run.spec.get("parameters", {})),
        "trace_context": trace_context(run.traceparent, run.uid),
        "created_by": actor_of(run.created_by),
        "submitted_before": run.is_submitted,
        "born_at": run.created_at,
        "token_hex": token_stem(run.uid),
        "per": definition.per if definition else "Run",
        "max_parallel": definition.max_parallel if definition else 1,
        "sequential": definition.sequential if definition else False,
        "max_attempts": definition.retry.max_attempts if definition else 1,
        "queued_seconds": definition.queued if definition else None,
        "run_timeout_seconds": round(definition.run) if definition and definition.run else None,
        "cancel_timeout_seconds": round(definition.cancel) if definition else 300,
        "cancel_on_delete": ends_with_object(each),
        "guard": "held" if run.is_guarded else None,
        "priority": run.spec.get("priority", definition.priority if definition else 100),
    }
    if isinstance(decision, Refused):
        refused = {"accepted_reason": decision.reason, "accepted_message": decision.message, "max_failures": 0}
        return row | refused | {"status": "FAILED", "status_reason": decision.reason}
    return row | {
        "accepted_reason": "Accepted",
        "status": "PENDING",
        "status_reason": "Suspended" if row["state"] == "Suspended" else "Queued",
        "released": goes_whole(each),
        "max_failures": decision.max_failures,
        "priority": decision.priority,
    }


def tell(admissions: Iterable[Admission]) -> None:
    """Say in the log which Runs got a row, once it is committed."""
    for each in admissions:
        run = each.run
        about = run_lines.named(run.namespace, run.name, run.uid, trace_context(run.traceparent, run.uid))
        if isinstance(each.decision, Refused):
            run_lines.refused(about, reason=each.decision.reason)
        else:
            run_lines.accepted(about, run_id=each.id, automation=each.automation.name)


def batch_row(key: UUID, each: Admission, batch: Any) -> dict[str, Any]:
    """Make the row of a batch that a Run brings itself."""
    return {
        "id": key,
        "automation_id": each.automation.id,
        "name": batch.name,
        "payload": batch.payload,
        "position": batch.position,
    }


def item_rows(key: UUID, batch: Any) -> list[dict[str, Any]]:
    """Make the rows of the items of such a batch."""
    return [{"batch_id": key, "sequence_number": number, "payload": item} for number, item in enumerate(batch.items)]


def execution_row(key: UUID, each: Admission, batch: UUID, planned: Any) -> dict[str, Any]:
    """Make the row of one batch's execution."""
    return {
        "id": key,
        "run_id": each.id,
        "batch_id": batch,
        "position": planned.position,
        "token_hex": planned.token_hex,
    }


def actor_of(name: str | None) -> str | None:
    """Make a user's name fit its column."""
    return clip_identifier(cleaned(name)[0], 100) if name else None
