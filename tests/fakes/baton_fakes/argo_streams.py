"""What moves in the fake Argo, as argo-server's events and as the API server's watches show it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple

import orjson
from aiohttp import web
from baton_fakes.argo_fields import clean, selector
from baton_fakes.argo_state import ArgoState
from baton_fakes.argo_workflows import FakeWorkflow

#: Seconds between two looks at what has moved.
_PACE = 0.02

Labels = Callable[[Mapping[str, str]], bool]


class Movement(NamedTuple):
    """What became of a workflow at a moment."""

    type: str
    workflow: FakeWorkflow
    moment: float


async def movements(
    state: ArgoState, namespace: str, wanted: Labels, *, since: float, seconds: float
) -> AsyncIterator[Movement | None]:
    """Yield what moves in a namespace after *since*, for some *seconds*; None where nothing has."""
    known = _standing(state, namespace, wanted, since)
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        moment = time.time()
        seen = _standing(state, namespace, wanted, moment)
        for name, (workflow, mark) in seen.items():
            if name not in known or known[name][0].uid != workflow.uid:
                yield Movement("ADDED", workflow, moment)
            elif known[name][1] != mark:
                yield Movement("MODIFIED", workflow, moment)
        for name, (workflow, _) in known.items():
            if name not in seen:
                yield Movement("DELETED", workflow, moment)
        known = seen
        yield None
        await asyncio.sleep(_PACE)


def _standing(state: ArgoState, namespace: str, wanted: Labels, moment: float) -> dict[str, tuple[FakeWorkflow, Any]]:
    every = state.seen(namespace, moment)
    fitting = [workflow for workflow in every if wanted(workflow.labels_at(workflow.at(moment)))]
    return {workflow.name: (workflow, (workflow.at(moment), workflow.resource_version)) for workflow in fitting}


class ServerEvents:
    """``/api/v1/workflow-events/NAMESPACE``: server-sent events without ids."""

    def __init__(self, state: ArgoState) -> None:
        self._state = state

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Write events until the client goes."""
        query = request.query
        version = query.get("listOptions.resourceVersion", "")
        if version and int(version) < self._state.settings.oldest_version:
            words = f"too old resource version: {version} ({self._state.settings.oldest_version})"
            return _sse_error(400, 3, words)
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        wanted = selector(query.get("listOptions.labelSelector", ""))
        fields, spoken = query.get("fields", ""), time.monotonic()
        moves = movements(
            self._state, request.match_info["namespace"], wanted, since=time.time(), seconds=self._state.settings.watch
        )
        async for move in moves:
            if move is not None:
                document = move.workflow.document(
                    move.moment, template=self._state.template_of(move.workflow), whole=True
                )
                event = clean({"result": {"type": move.type, "object": document}}, fields)
                await stream.prepare(request)  # the real one's headers come with its first word, too
                await stream.write(b"data: " + orjson.dumps(event) + b" \n\n\n")
            elif time.monotonic() - spoken > self._state.settings.keepalive:
                await stream.prepare(request)
                await stream.write(b":\n\n")
            else:
                continue
            spoken = time.monotonic()
        await stream.prepare(request)
        return stream


def _sse_error(status: int, code: int, message: str) -> web.Response:
    error = {"grpc_code": code, "http_code": status, "message": message, "http_status": "Bad Request"}
    body = b"data: " + orjson.dumps({"error": error}) + b" \n\n"
    return web.Response(status=status, body=body, headers={"Content-Type": "text/event-stream"})
