"""Rows as the status documents see them."""

from typing import Any

from baton_models.status import ExecutionStatus
from baton_operator.decide.automation_status import AutomationView, LastRun
from baton_operator.decide.engine_status import EngineView
from baton_operator.decide.run_status import Attempts, Counts, External, Failure, RunView


def run_view(row: Any) -> RunView:
    """Read a row of `baton_models.statements.projection.claim_runs`."""
    status = ExecutionStatus(row.status)
    return RunView(
        id=row.id,
        name=row.name,
        generation=row.generation,
        status=status,
        created_at=row.created_at,
        status_reason=row.status_reason,
        state=row.state,
        accepted_reason=row.accepted_reason,
        accepted_message=row.accepted_message,
        error_summary=row.error_summary,
        cancellation_reason=row.cancellation_reason,
        cancel_requested_at=row.cancel_requested_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        is_waiting_for_place=status is ExecutionStatus.PENDING and row.released_at is None,
        engine=f"{row.engine_namespace}/{row.engine_name}" if row.engine_name else None,
        rests_since=row.rests_since,
        rests_for=row.rests_for,
        counts=_counts(row),
        attempts=Attempts(
            highest=row.highest or 0,
            accepted_at=row.accepted_at,
            held_at=row.held_at,
            name_taken_at=row.name_taken_at,
            error=row.error,
            again_at=row.again_at,
        ),
        external=_external(row),
        failures=tuple(Failure(batch, item, message or "") for batch, item, message in row.failures or ()),
    )


def engine_view(row: Any) -> EngineView:
    """Read a row of `claim_definitions` for an engine."""
    return EngineView(
        generation=row.generation,
        in_flight=row.in_flight,
        ready_reason=row.ready_reason,
        authenticated_reason=row.authenticated_reason,
        stalled_reason=row.stalled_reason,
        message=row.message,
        version=row.native_version,
        capabilities=tuple(row.capabilities or ()),
        guarantee=row.submission_guarantee,
        is_circuit_open=row.is_circuit_open,
        circuit_rest=row.circuit_rest,
    )


def automation_view(row: Any) -> AutomationView:
    """Read a row of `claim_definitions` for an automation."""
    ended = row.last_finished_at is not None
    return AutomationView(
        generation=row.generation,
        version=row.version,
        active=row.active,
        is_suspended=row.suspend,
        ready_reason=row.ready_reason,
        ready_message=row.ready_message,
        target_reason=row.target_reason,
        target_message=row.target_message,
        engine_guarantee=row.submission_guarantee,
        repeats_lost=row.repeats_lost,
        last_run=LastRun(row.last_name, ExecutionStatus(row.last_status), row.last_finished_at) if ended else None,
    )


def _counts(row: Any) -> Counts | None:
    if row.total is None:
        return None
    return Counts(total=row.total, completed=row.completed, failed=row.failed, running=row.running)


def _external(row: Any) -> External | None:
    if row.external_id is None:
        return None
    return External(row.external_id, row.url, row.native_status, row.executions - 1, row.external_reason)
