"""
The way through the Kubernetes API: Workflow objects, with Argo's controller behind them and no argo-server.

Measured on Argo 4.0.2 and Kubernetes 1.36. The API server takes any Workflow: what argo-server would refuse (a template
that is not there, a required parameter) ends as ``Error`` in the controller's hands, so the template is read before a
submit. GET and LIST are answered from the source, not from a cache: a list without a resource version is as true as a
GET. ``continue`` is a token that expires (410): the list begins anew then. Lists hold whole objects, nodes included;
when a page is longer than what is read, the next one asks for half as many. The custom resource has no status
subresource: an end is a merge patch of ``spec.shutdown``, with the resource version that was looked at, so that what
ended meanwhile stays as it is (409). Nothing here shows logs, and a retry is argo-server's own doing.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, ClassVar

import msgspec

from baton_operator.engines.answers import Answer, decode
from baton_operator.engines.argo.events import changes, read_watch_event
from baton_operator.engines.argo.submit import manifest
from baton_operator.engines.argo.template import Template
from baton_operator.engines.argo.transport import ArgoTransport, EngineWord, Part, segment
from baton_operator.engines.argo.workflow import RUN_UID_LABEL, Workflow, WorkflowList
from baton_operator.engines.base import CancelMode, NotSent, Outcome, Rejected, SubmitRequest
from baton_operator.engines.errors import (
    AnswerTooLongError,
    AuthExpiredError,
    EngineError,
    ForbiddenError,
    PermanentError,
    RetryableError,
    TargetNotFoundError,
)
from baton_operator.engines.http import BODY_LIMIT, Call, HttpClient

#: Workflows a page at first: whole objects, of five to fifty kilobytes each.
PAGE = 250
#: Bytes of a page that are read.
PAGE_BYTES = BODY_LIMIT
#: Seconds that a template which was read counts for the submits after it.
TEMPLATE_KEPT = 30.0
#: Seconds after which the API server ends a watch by itself.
WATCH = 300

CANCEL_REASON = "baton.dev/cancel-reason"

_GROUP = "/apis/argoproj.io/v1alpha1"
_METADATA = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"
_SHUTDOWN: Mapping[CancelMode, str] = {"stop": "Stop", "terminate": "Terminate"}


class _Details(msgspec.Struct, frozen=True):
    name: str = ""


class _Status(msgspec.Struct, frozen=True, tag_field="kind", tag="Status"):
    """What the API server says when it refuses."""

    message: str = ""
    reason: str = ""
    details: _Details = _Details()


class _Version(msgspec.Struct, frozen=True, rename="camel"):
    """The answer of ``/version``."""

    git_version: str


class ArgoKubernetes(ArgoTransport):
    """
    Calls of the API server about Workflow objects.

    Args:
        http: The engine's client.
        deadline: Seconds each call may take where the caller does not say.
    """

    template_paths: ClassVar[Mapping[str, str]] = {
        "workflowTemplate": _GROUP + "/namespaces/{namespace}/workflowtemplates/{name}",
        "clusterWorkflowTemplate": _GROUP + "/clusterworkflowtemplates/{name}",
    }

    def __init__(self, http: HttpClient, deadline: float) -> None:
        super().__init__(http, deadline)
        self._page = PAGE
        self._templates: dict[tuple[str, ...], tuple[float, Template]] = {}

    def word(self, answer: Answer) -> EngineWord | None:
        """Read the API server's own words; a 404 without a name is about the path, not about an object."""
        try:
            said = msgspec.json.decode(answer.body, type=_Status)
        except (ValueError, RecursionError, msgspec.MsgspecError):
            return None
        absent = said.reason == "NotFound" and bool(said.details.name)
        return EngineWord(said.message, is_absence=absent, is_taken=said.reason == "AlreadyExists")

    def strange_404(self) -> str:
        """Say what a 404 means that is about no object."""
        return "the API server does not serve workflows.argoproj.io: install Argo Workflows in that cluster"

    async def version(self) -> str:
        """Return the API server's version: Argo's controller tells none."""
        version = decode(await self.get("probe", "/version", {}), _Version).git_version
        return f"Kubernetes {version}"[:100]

    async def touch(self, namespace: str, operation: str = "probe") -> str:
        """List at most one workflow's metadata: it shows whether the identity may."""
        answer = await self.get(operation, _list_path(namespace), {"limit": "1"}, accept=_METADATA.format("List"))
        return decode(answer, WorkflowList).metadata.version

    def workflow_call(self, namespace: str, name: str, part: Part, *, operation: str, deadline: float) -> Call:  # noqa: ARG002 - objects come whole
        """Read one object."""
        return Call(operation, "GET", _workflow_path(namespace, name), deadline=deadline)

    async def pages(self, namespace: str) -> AsyncIterator[WorkflowList]:
        """List from the source; begin anew, once, where the list's moment has expired."""
        params = {"labelSelector": RUN_UID_LABEL, "limit": str(self._page)}
        began_anew = False
        while True:
            try:
                answer = await self.get("observe", _list_path(namespace), params, limit=PAGE_BYTES)
            except AnswerTooLongError:
                self._page = max(1, self._page // 2)
                raise
            except PermanentError as error:
                if error.http_status != 410 or began_anew:  # noqa: PLR2004 - Gone
                    raise _expired(error) from error
                began_anew = True
                params.pop("continue", None)
                continue
            page = decode(answer, WorkflowList)
            yield page
            if not page.metadata.continued:
                return
            params["continue"] = page.metadata.continued

    async def template(self, target: Mapping[str, Any], deadline: float | None = None) -> Template:
        """Read the template, and keep it for a moment."""
        key = _key(target)
        self._templates.pop(key, None)
        template = await super().template(target, deadline)
        self._templates[key] = (time.monotonic() + TEMPLATE_KEPT, template)
        return template

    async def refusal(self, namespace: str, request: SubmitRequest, deadline: float) -> Outcome | None:
        """Compare with the template, as argo-server does; nothing has been sent of the submit yet."""
        target = {**request.target, "namespace": namespace}
        kept = self._templates.get(_key(target))
        try:
            template = kept[1] if kept and time.monotonic() < kept[0] else await self.template(target, deadline)
        except TargetNotFoundError as error:
            return Rejected("TargetNotFound", str(error), http_status=error.http_status)
        except ForbiddenError as error:
            return Rejected("EngineRejected", str(error), http_status=error.http_status, slow=True)
        except EngineError as error:
            after = getattr(error, "retry_after", None)
            auth = isinstance(error, AuthExpiredError)
            return NotSent(str(error), retry_after=after, http_status=error.http_status, auth=auth)
        refused = template.refusals(target, request.arguments)
        return Rejected("EngineRejected", "; ".join(each.message for each in refused)) if refused else None

    def submit_call(self, namespace: str, request: SubmitRequest, deadline: float) -> Call:
        """Create the object that argo-server would make."""
        body = manifest(request, namespace)
        return Call(
            "submit",
            "POST",
            _list_path(namespace),
            body=body,
            deadline=deadline,
            write=True,
            before_send=request.before_send,
        )

    async def end(self, namespace: str, workflow: Workflow, mode: CancelMode, reason: str) -> Answer:
        """Have the controller end it, if it still is what was looked at."""
        metadata: dict[str, Any] = {"resourceVersion": workflow.metadata.version}
        if reason:
            metadata["annotations"] = {CANCEL_REASON: reason[:500]}
        call = Call(
            "cancel",
            "PATCH",
            _workflow_path(namespace, workflow.metadata.name),
            body={"metadata": metadata, "spec": {"shutdown": _SHUTDOWN[mode]}},
            media="application/merge-patch+json",
            deadline=self.deadline,
            write=True,
        )
        return await self.http.call(call)

    async def hints(self, namespace: str) -> AsyncGenerator[None, None]:
        """Watch the metadata of our workflows from now on: the controller keeps the phase in a label."""
        params = {
            "watch": "1",
            "labelSelector": RUN_UID_LABEL,
            "resourceVersion": await self.touch(namespace, "hints"),
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH),
        }
        headers = {"Accept": _METADATA.format("")}
        call = Call("hints", "GET", _list_path(namespace), params=params, headers=headers, deadline=self.deadline)
        async with aclosing(changes(self.http, call, "application/json", read_watch_event)) as moves:
            async for move in moves:
                yield move

    def url(self, namespace: str, workflow: Workflow) -> str | None:  # noqa: ARG002 - the contract's
        """Return nothing: the API server has no page for people."""
        return None


def _expired(error: PermanentError) -> EngineError:
    """Make a list that expired twice worth another try later; what else is permanent stays so."""
    if error.http_status != 410:  # noqa: PLR2004 - Gone
        return error
    return RetryableError(f"the list expired while it was read: {error}", http_status=error.http_status)


def _key(target: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(target.get(arm, "")) for arm in ("namespace", "workflowTemplate", "clusterWorkflowTemplate"))


def _list_path(namespace: str) -> str:
    return f"{_GROUP}/namespaces/{segment(namespace)}/workflows"


def _workflow_path(namespace: str, name: str) -> str:
    return f"{_list_path(namespace)}/{segment(name)}"
