"""The spans of a Run that has ended, as its rows tell them: run, batch, item, attempt."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from baton_models.status import ExecutionStatus
from baton_operator.decide.traceparent import TraceParent, row_span_id, run_span_id


class SpanStatus(StrEnum):
    """How a span ended, in OpenTelemetry's words; a cancel is neither well nor ill."""

    OK = "OK"
    ERROR = "ERROR"
    UNSET = "UNSET"


@dataclass(frozen=True, slots=True)
class Span:
    """
    One span, with fixed ids: told twice, it is the same span.

    Attributes:
        name: Of few values: ``run``, ``batch``, ``item`` or ``attempt``.
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
        parent_id: Likewise; None for the root of a trace that Baton made.
        is_sampled: Whether whoever began the trace records it.
        is_request: Whether it stands for something that another system does.
        message: Why it failed, for people; empty unless it did.
    """

    name: str
    trace_id: str
    span_id: str
    parent_id: str | None
    is_sampled: bool
    begun: datetime
    ended: datetime
    status: SpanStatus
    message: str = ""
    is_request: bool = False
    attributes: Mapping[str, str | int] = field(default_factory=dict)


def run_spans(run: Any, units: Iterable[Any]) -> Iterator[Span]:
    """
    Tell the spans of one Run, the Run's own first.

    Args:
        run: The row of a run that has ended.
        units: Rows of its batches, items and attempts that have begun, each with ``kind``, ``id`` and ``parent_id``
            (None below the Run itself). One without an end is cut off at the Run's.
    """
    uid = run.uid or str(run.id)
    own = run_span_id(uid)
    given = TraceParent.parse(run.trace_context)
    if given is None:  # a row of a release before traces
        return
    refused = run.accepted_reason != "Accepted"
    yield Span(
        name="run",
        trace_id=given.trace_id,
        span_id=own,
        parent_id=None if given.parent_id == own else given.parent_id,
        is_sampled=given.is_sampled,
        begun=run.created_at,
        ended=max(run.finished_at, run.created_at),
        status=_status(run.status),
        message=(run.accepted_message if refused else run.error_summary) or "",
        attributes=_present(
            {
                "k8s.namespace.name": run.tenant_id,
                "baton.run.name": run.name,
                "baton.run.uid": run.uid,
                "baton.automation.name": run.automation,
                "baton.engine": run.engine,
                "baton.status": run.status,
                "baton.reason": run.accepted_reason if refused else run.status_reason,
            }
        ),
    )
    for unit in units:
        yield _unit_span(run, unit, given, own)


def _unit_span(run: Any, unit: Any, given: TraceParent, run_span: str) -> Span:
    return Span(
        name=unit.kind,
        trace_id=given.trace_id,
        span_id=row_span_id(unit.id),
        parent_id=row_span_id(unit.parent_id) if unit.parent_id else run_span,
        is_sampled=given.is_sampled,
        begun=unit.begun,
        ended=max(unit.ended or run.finished_at, unit.begun),  # an engine's clock may be behind
        status=_status(unit.status),
        message=unit.message or "",
        is_request=unit.kind == "attempt",
        attributes=_present(
            {
                "baton.status": unit.status,
                "baton.reason": unit.reason,
                "baton.batch.name": unit.batch,
                "baton.item.number": unit.number if unit.kind == "item" else None,
                "baton.attempt.number": unit.number if unit.kind == "attempt" else None,
                "baton.attempt.token": unit.token,
                "baton.attempt.sends": unit.sends,
                "baton.engine.status": unit.native,
                "url.full": unit.url,
            }
        ),
    )


def _status(status: str) -> SpanStatus:
    return {ExecutionStatus.COMPLETED.value: SpanStatus.OK, ExecutionStatus.FAILED.value: SpanStatus.ERROR}.get(
        status, SpanStatus.UNSET
    )


def _present(attributes: Mapping[str, str | int | None]) -> Mapping[str, str | int]:
    return {key: value for key, value in attributes.items() if value is not None and value != ""}
