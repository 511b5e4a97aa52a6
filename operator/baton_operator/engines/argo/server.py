"""
The way through argo-server's REST API.

Argo's errors are JSON with a gRPC ``code`` and a ``message``; anything else was said by a proxy, and a proxy's 404 is
no evidence of absence. Measured on 4.0.2:

* A parameter without ``=`` is 500, an undeclared one is accepted in silence: both are checked before sending.
* Ending what has ended is 500 "cannot shutdown a completed workflow"; retrying what succeeded, or goes on, is 400.
* Lists come from a cache and say nothing about absence; GET is the truth. A list's ``limit`` cuts in silence unless
  ``ext.showRemainingItemCount=true`` is among the field selectors; ``continue`` is an offset; empty is ``null``.
* The event stream is SSE without ids, ``:`` every 15 s; its headers come with the first of either. A resource version
  that is too old is 400 there, not 410.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import ClassVar

import msgspec

from baton_operator.engines.answers import Answer, decode
from baton_operator.engines.argo.events import changes, read_server_event
from baton_operator.engines.argo.submit import submission
from baton_operator.engines.argo.transport import ArgoTransport, EngineWord, Part, segment
from baton_operator.engines.argo.workflow import RUN_UID_LABEL, Workflow, WorkflowList
from baton_operator.engines.base import CancelMode, Outcome, SubmitRequest
from baton_operator.engines.http import Call

#: Workflows a page: with `LIST_FIELDS` about 290 bytes each.
PAGE = 500

#: Seconds until an event stream must have said something: its headers come with the first event or keepalive.
FIRST_WORD = 40.0

_ALREADY_EXISTS = 6
_STATE = ("metadata.name", "metadata.uid", "spec.suspend", "spec.shutdown", "status.phase", "status.message")
_TIMES = ("status.startedAt", "status.finishedAt", "status.outputs")
#: Never ``status.nodes`` in lists: they may be megabytes, or offloaded.
_LIST_FIELDS = ",".join(
    [f"items.{name}" for name in (*_STATE, *_TIMES)]
    + ["metadata.continue", "metadata.resourceVersion", "metadata.remainingItemCount"]
)
_FIELDS: Mapping[Part, str] = {
    "marks": ",".join((*_STATE, *_TIMES, "metadata.labels", "metadata.annotations")),
    "nodes": ",".join((*_STATE, *_TIMES, "status.nodes")),
}
_EVENT_FIELDS = "result.type,result.object.metadata.name,result.object.status.phase,error"


class _Refusal(msgspec.Struct, frozen=True):
    """What Argo itself says when it refuses."""

    code: int
    message: str = ""


class _Version(msgspec.Struct, frozen=True):
    """The answer of ``/api/v1/version``."""

    version: str


class ArgoServer(ArgoTransport):
    """Calls of argo-server."""

    template_paths: ClassVar[Mapping[str, str]] = {
        "workflowTemplate": "/api/v1/workflow-templates/{namespace}/{name}",
        "clusterWorkflowTemplate": "/api/v1/cluster-workflow-templates/{name}",
    }

    def word(self, answer: Answer) -> EngineWord | None:
        """Read Argo's own words."""
        try:
            said = msgspec.json.decode(answer.body, type=_Refusal)
        except (ValueError, RecursionError, msgspec.MsgspecError):
            return None
        return EngineWord(said.message, is_absence=True, is_taken=said.code == _ALREADY_EXISTS)

    async def version(self) -> str:
        """Return the server's version."""
        return decode(await self.get("probe", "/api/v1/version", {}), _Version).version[:100]

    async def touch(self, namespace: str, operation: str = "probe") -> str:
        """List at most one workflow: Argo looks at the credential only when it needs it."""
        params = {"listOptions.limit": "1", "fields": "metadata.resourceVersion"}
        return decode(await self.get(operation, _list_path(namespace), params), WorkflowList).metadata.version

    def workflow_call(self, namespace: str, name: str, part: Part, *, operation: str, deadline: float) -> Call:
        """Read one workflow (the archive, where there is one, included)."""
        params = {"fields": _FIELDS[part]}
        return Call(operation, "GET", _workflow_path(namespace, name), params=params, deadline=deadline)

    async def pages(self, namespace: str) -> AsyncIterator[WorkflowList]:
        """List from the server's cache."""
        params = {
            "listOptions.labelSelector": RUN_UID_LABEL,
            "listOptions.limit": str(PAGE),
            "listOptions.fieldSelector": "ext.showRemainingItemCount=true",
            "fields": _LIST_FIELDS,
        }
        seen = {""}
        while True:
            page = decode(await self.get("observe", _list_path(namespace), params), WorkflowList)
            yield page
            if not page.items or page.metadata.continued in seen:
                return
            seen.add(page.metadata.continued)
            params["listOptions.continue"] = page.metadata.continued

    async def refusal(
        self,
        namespace: str,  # noqa: ARG002 - the contract's
        request: SubmitRequest,  # noqa: ARG002
        deadline: float,  # noqa: ARG002
    ) -> Outcome | None:
        """Say nothing: argo-server validates what it is sent."""
        return None

    def submit_call(self, namespace: str, request: SubmitRequest, deadline: float) -> Call:
        """Submit from the template."""
        path = f"{_list_path(namespace)}/submit"
        body = submission(request)
        return Call("submit", "POST", path, body=body, deadline=deadline, write=True, before_send=request.before_send)

    async def end(self, namespace: str, workflow: Workflow, mode: CancelMode, reason: str) -> Answer:
        """Ask for ``stop`` (exit handlers run) or ``terminate`` (they do not)."""
        body = {"message": reason[:500]} if mode == "stop" else {}
        return await self._put("cancel", namespace, workflow.metadata.name, mode, body)

    async def retry(self, namespace: str, name: str) -> Answer:
        """Ask for what failed to run again, under the same name and uid; the answer is the caller's to judge."""
        return await self._put("retry", namespace, name, "retry", {})

    async def log(self, namespace: str, name: str, limit: int) -> Answer:
        """Read the main containers' log of every pod so far, at most *limit* bytes; lines of JSON."""
        path = f"{_workflow_path(namespace, name)}/log"
        params = {"logOptions.container": "main"}
        call = Call("logs", "GET", path, params=params, deadline=self.deadline, limit=limit, may_cut=True)
        answer = await self.http.call(call)
        if not answer.is_ok:
            raise self.error(answer)
        return answer

    async def hints(self, namespace: str) -> AsyncGenerator[None, None]:
        """Follow the server's events from now on."""
        params = {
            "listOptions.labelSelector": RUN_UID_LABEL,
            "listOptions.resourceVersion": await self.touch(namespace, "hints"),
            "fields": _EVENT_FIELDS,
        }
        path = f"/api/v1/workflow-events/{segment(namespace)}"
        headers = {"Accept": "text/event-stream"}
        call = Call("hints", "GET", path, params=params, headers=headers, deadline=FIRST_WORD)
        async with aclosing(changes(self.http, call, "text/event-stream", read_server_event)) as moves:
            async for move in moves:
                yield move

    def url(self, namespace: str, workflow: Workflow) -> str:
        """Return the workflow's page."""
        return f"{self.http.base}/workflows/{namespace}/{workflow.metadata.name}?uid={workflow.metadata.uid}"

    async def _put(self, operation: str, namespace: str, name: str, verb: str, body: Mapping[str, str]) -> Answer:
        path = f"{_workflow_path(namespace, name)}/{verb}"
        return await self.http.call(Call(operation, "PUT", path, body=body, write=True, deadline=self.deadline))


def _list_path(namespace: str) -> str:
    return f"/api/v1/workflows/{segment(namespace)}"


def _workflow_path(namespace: str, name: str) -> str:
    return f"{_list_path(namespace)}/{segment(name)}"
