"""From a claimed row to the request that an adapter sends: the same row always makes the same request."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from baton_operator.decide.definition import Definition
from baton_operator.decide.expressions import evaluate
from baton_operator.engines.base import EngineSpec, Reference, SendCheck, SubmitRequest


def engine_spec(key: Any, row: Any) -> EngineSpec:
    """Make the adapter's view of an engine from a row with namespace, name, type, generation and spec."""
    return EngineSpec(key, row.namespace, row.name, row.type, row.generation, row.spec)


def arguments(row: Any, definition: Definition) -> dict[str, Any]:
    """
    Compute the arguments of one unit of work.

    Raises:
        InvalidExpressionError: One cannot be computed.
    """
    return evaluate(definition.arguments, _variables(row))


def fingerprint(target: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """Make the mark by which our own request is told from a foreigner's under the same name."""
    return hashlib.sha256(orjson.dumps([target, values], option=orjson.OPT_SORT_KEYS)).hexdigest()


def request(
    row: Any,
    definition: Definition,
    values: Mapping[str, Any],
    *,
    deadline: float,
    before_send: SendCheck | None = None,
) -> SubmitRequest:
    """Make the request; ``before_send`` only where it is to be sent, not where it is looked for."""
    return SubmitRequest(
        token=row.token,
        fingerprint=row.fingerprint or fingerprint(definition.target, values),
        run_uid=row.uid or "",
        run_name=row.run_name,
        namespace=row.tenant_id,
        target=definition.target,
        arguments=values,
        timeout=row.run_timeout_seconds,
        traceparent=row.trace_context,
        handle=row.handle,
        deadline=deadline,
        before_send=before_send,
    )


def reference(row: Any, definition: Definition) -> Reference:
    """Name the execution that a row with ``external_id`` and ``token`` stands for."""
    return Reference(row.external_id, row.token, definition.target)


def _variables(row: Any) -> dict[str, Any]:
    return {
        "parameters": row.parameters,
        "run": {
            "name": row.run_name,
            "namespace": row.tenant_id,
            "uid": row.uid or "",
            "correlationId": row.correlation_id or "",
        },
        "batch": {"name": row.batch_name or "", "payload": row.batch_payload or {}, **_mapping(row.batch_payload)},
        "item": row.item_payload if row.item_payload is not None else {},
        "attempt": row.attempt_no,
    }


def _mapping(payload: Any) -> dict[str, Any]:
    return {key: value for key, value in payload.items() if key not in {"name", "payload"}} if payload else {}
