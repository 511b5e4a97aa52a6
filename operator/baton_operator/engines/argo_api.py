"""
argo-server's REST API as calls: paths, fields, pages, and which answers are Argo's own.

Argo's errors are JSON with a gRPC ``code`` and a ``message``; anything else was said by a proxy, and a proxy's 404 is
no evidence of absence.
"""

from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote

import msgspec

from baton_operator.engines.answers import Answer, decode, read_error
from baton_operator.engines.argo_template import Template
from baton_operator.engines.argo_workflow import RUN_UID_LABEL, Workflow, WorkflowList
from baton_operator.engines.errors import EngineError, ProtocolDriftError, TargetNotFoundError
from baton_operator.engines.http import Call, HttpClient, Method

#: Workflows a page: with `LIST_FIELDS` about 290 bytes each.
PAGE = 500
#: gRPC's word for "already exists".
ALREADY_EXISTS = 6

_STATE = ("metadata.name", "metadata.uid", "spec.suspend", "spec.shutdown", "status.phase", "status.message")
_TIMES = ("status.startedAt", "status.finishedAt", "status.outputs")
#: Never ``status.nodes`` in lists: they may be megabytes, or offloaded.
LIST_FIELDS = ",".join(
    [f"items.{name}" for name in (*_STATE, *_TIMES)]
    + ["metadata.continue", "metadata.resourceVersion", "metadata.remainingItemCount"]
)
MARK_FIELDS = ",".join((*_STATE, *_TIMES, "metadata.labels", "metadata.annotations"))
NODE_FIELDS = ",".join((*_STATE, *_TIMES, "status.nodes"))


class EngineWord(msgspec.Struct, frozen=True):
    """What Argo itself says when it refuses."""

    code: int
    message: str = ""


class Version(msgspec.Struct, frozen=True):
    """The answer of ``/api/v1/version``."""

    version: str


def engine_word(answer: Answer) -> EngineWord | None:
    """Return Argo's own words in a refusal, None if it was not Argo that said it."""
    try:
        return msgspec.json.decode(answer.body, type=EngineWord)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        return None


class ArgoApi:
    """
    The calls that the adapter makes.

    Args:
        http: The engine's client.
        deadline: Seconds each call may take.
    """

    def __init__(self, http: HttpClient, deadline: float) -> None:
        self.http = http
        self.deadline = deadline

    def message(self, answer: Answer) -> str:
        """Return a refusal's words for people, without secrets."""
        word = engine_word(answer)
        text = word.message if word is not None else answer.text(500)
        return self.http.clean(text) or f"the engine answered {answer.status}"

    async def version(self) -> str:
        """Return the server's version in its own words."""
        answer = await self._get("probe", "/api/v1/version", {})
        if not answer.is_ok:
            raise self._error(answer)
        return decode(answer, Version).version[:100]

    async def touch(self, namespace: str) -> None:
        """List at most one workflow: Argo looks at the credential only when it needs it."""
        params = {"listOptions.limit": "1", "fields": "metadata.resourceVersion"}
        answer = await self._get("probe", f"/api/v1/workflows/{_segment(namespace)}", params)
        if not answer.is_ok:
            raise self._error(answer)
        decode(answer, WorkflowList)

    async def workflow(
        self, namespace: str, name: str, *, fields: str, operation: str, deadline: float | None = None
    ) -> Workflow | None:
        """Read one workflow from the source (the archive, where there is one, included); None if it is not there."""
        answer = await self._get(operation, _workflow_path(namespace, name), {"fields": fields}, deadline)
        if answer.is_ok:
            return decode(answer, Workflow)
        error = self._error(answer)
        if isinstance(error, TargetNotFoundError):
            return None
        raise error

    async def pages(self, namespace: str) -> AsyncIterator[WorkflowList]:
        """List what Baton started in *namespace*, page by page, from the server's cache."""
        params = {
            "listOptions.labelSelector": RUN_UID_LABEL,
            "listOptions.limit": str(PAGE),
            "listOptions.fieldSelector": "ext.showRemainingItemCount=true",
            "fields": LIST_FIELDS,
        }
        seen = {""}
        while True:
            answer = await self._get("observe", f"/api/v1/workflows/{_segment(namespace)}", params)
            if not answer.is_ok:
                raise self._error(answer)
            page = decode(answer, WorkflowList)
            yield page
            if not page.items or page.metadata.continued in seen:
                return
            seen.add(page.metadata.continued)
            params["listOptions.continue"] = page.metadata.continued

    async def template(self, target: Mapping[str, str]) -> Template:
        """
        Read the template that *target* names.

        Raises:
            TargetNotFoundError: Argo has none of this name.
        """
        if cluster := target.get("clusterWorkflowTemplate"):
            path = f"/api/v1/cluster-workflow-templates/{_segment(cluster)}"
        else:
            path = f"/api/v1/workflow-templates/{_segment(target['namespace'])}/{_segment(target['workflowTemplate'])}"
        answer = await self._get("validate", path, {})
        if not answer.is_ok:
            raise self._error(answer)
        return decode(answer, Template)

    async def end(self, namespace: str, name: str, verb: str, body: Mapping[str, str]) -> Answer:
        """Ask for ``stop`` or ``terminate``; the answer is the caller's to judge."""
        path = f"{_workflow_path(namespace, name)}/{verb}"
        return await self._call("PUT", "cancel", path, body=body)

    async def log(self, namespace: str, name: str, limit: int) -> Answer:
        """Read the main containers' log of every pod so far, at most *limit* bytes; lines of JSON."""
        path = f"{_workflow_path(namespace, name)}/log"
        call = Call(
            "logs",
            "GET",
            path,
            params={"logOptions.container": "main"},
            deadline=self.deadline,
            limit=limit,
            may_cut=True,
        )
        answer = await self.http.call(call)
        if not answer.is_ok:
            raise self._error(answer)
        return answer

    async def _get(self, operation: str, path: str, params: Mapping[str, str], deadline: float | None = None) -> Answer:
        return await self.http.call(Call(operation, "GET", path, params=params, deadline=deadline or self.deadline))

    async def _call(self, method: Method, operation: str, path: str, *, body: object) -> Answer:
        return await self.http.call(Call(operation, method, path, body=body, write=True, deadline=self.deadline))

    def _error(self, answer: Answer) -> EngineError:
        """Say what a refused read means; a 404 counts only if Argo itself said it."""
        error = read_error(answer, self.message(answer))
        if isinstance(error, TargetNotFoundError) and engine_word(answer) is None:
            return ProtocolDriftError("a 404 that is not Argo's own: check spec.url", http_status=answer.status)
        return error


def submit_path(namespace: str) -> str:
    """Return where workflows of *namespace* are submitted."""
    return f"/api/v1/workflows/{_segment(namespace)}/submit"


def _workflow_path(namespace: str, name: str) -> str:
    return f"/api/v1/workflows/{_segment(namespace)}/{_segment(name)}"


def _segment(text: str) -> str:
    """Encode one path segment, once."""
    return quote(text, safe="")
