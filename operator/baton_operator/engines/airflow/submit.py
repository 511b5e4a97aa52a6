"""
What is sent to Airflow to start a DAG run, and what must not be sent.

``conf`` holds the arguments, and under ``baton`` whose the run is: the fingerprint tells ours from another's under our
name, and a DAG that traces its work finds the trace context there.
"""

import re
from typing import Any

import msgspec

from baton_operator.engines.airflow.runs import NOTE_LIMIT, OURS
from baton_operator.engines.base import SubmitRequest

_TOKEN = re.compile(r"[a-z0-9]([-a-z0-9]{0,43}[a-z0-9])?")
#: As Airflow's own, and never only dots: it becomes a segment of a path.
_DAG = re.compile(r"[A-Za-z0-9_.-]*[A-Za-z0-9_-][A-Za-z0-9_.-]*")


def refusal(request: SubmitRequest) -> str | None:
    """Say why *request* cannot be sent at all, or None if it can."""
    if not _TOKEN.fullmatch(request.token):
        return f"the token {request.token!r} is no name for a DAG run"
    if not _DAG.fullmatch(str(request.target.get("dag") or "")):
        return "target.airflow.dag is no name of a DAG"
    if OURS in request.arguments:
        return f"arguments.{OURS} is Baton's own: call the argument otherwise"
    try:
        msgspec.json.encode(submission(request))
    except (ValueError, TypeError, RecursionError) as error:
        return f"arguments cannot be written as JSON: {error}"
    return None


def submission(request: SubmitRequest) -> dict[str, Any]:
    """Return the body of the submit; ``logical_date`` must be there and null."""
    run = f"{request.namespace}/{request.run_name}"
    mark = {"runUid": request.run_uid, "run": run, "fingerprint": request.fingerprint}
    if request.traceparent:
        mark["traceparent"] = request.traceparent
    return {
        "dag_run_id": request.token,
        "logical_date": None,
        "conf": {**request.arguments, OURS: mark},
        "note": f"Started by Baton for the Run {run}"[:NOTE_LIMIT],
    }
