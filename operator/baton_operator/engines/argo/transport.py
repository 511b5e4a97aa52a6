"""
What the Argo adapter needs of the way to Argo: argo-server's REST API, or the Workflow objects themselves.

A transport knows paths, fields, pages and how its side words a refusal; what follows from an answer is the adapter's
business, and the same for both.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from baton_operator.engines.answers import Answer, decode, read_error
from baton_operator.engines.argo.template import Template
from baton_operator.engines.argo.workflow import WholeWorkflow, Workflow, WorkflowList
from baton_operator.engines.base import CancelMode, Outcome, SubmitRequest
from baton_operator.engines.errors import EngineError, ProtocolDriftError, TargetNotFoundError
from baton_operator.engines.http import BODY_LIMIT, Call, HttpClient

#: How much of a workflow is wanted: how it stands, that and its marks, or that and its nodes.
Part = Literal["marks", "nodes"]


@dataclass(frozen=True, slots=True)
class EngineWord:
    """
    What the engine itself said when it refused; a proxy's answer makes none.

    Attributes:
        message: In its own words.
        is_absence: Whether it says that what was asked for is not there.
        is_taken: Whether it says that the name is taken.
    """

    message: str
    is_absence: bool = False
    is_taken: bool = False


class ArgoTransport(ABC):
    """
    One way to Argo.

    Args:
        http: The engine's client.
        deadline: Seconds each call may take where the caller does not say.
    """

    #: Where a template is read; by its arm of the target, with ``{namespace}`` and ``{name}``.
    template_paths: ClassVar[Mapping[str, str]]

    def __init__(self, http: HttpClient, deadline: float) -> None:
        self.http = http
        self.deadline = deadline

    @abstractmethod
    def word(self, answer: Answer) -> EngineWord | None:
        """Return the engine's own words in a refusal, None if it was not the engine that said it."""

    @abstractmethod
    async def version(self) -> str:
        """Return the version in the engine's own words, at most 100 characters."""

    @abstractmethod
    async def touch(self, namespace: str, operation: str = "probe") -> str:
        """List at most one workflow, so that the credential is looked at; return the list's resource version."""

    @abstractmethod
    def workflow_call(self, namespace: str, name: str, part: Part, *, operation: str, deadline: float) -> Call:
        """Return the request that reads one workflow from the source."""

    @abstractmethod
    def pages(self, namespace: str) -> AsyncIterator[WorkflowList]:
        """List what Baton started in *namespace*, page by page."""

    @abstractmethod
    async def refusal(self, namespace: str, request: SubmitRequest, deadline: float) -> Outcome | None:
        """Say why *request* need not be sent, where the other side would take anything; never creates anything."""

    @abstractmethod
    def submit_call(self, namespace: str, request: SubmitRequest, deadline: float) -> Call:
        """Return the request that starts the workflow, with the request's ``before_send``."""

    @abstractmethod
    async def end(self, namespace: str, workflow: Workflow, mode: CancelMode, reason: str) -> Answer:
        """Ask for the workflow's end; the answer is the caller's to judge."""

    @abstractmethod
    def hints(self, namespace: str) -> AsyncGenerator[None, None]:
        """Yield when the stream stands, and whenever a workflow of ours has moved, until the stream ends."""

    @abstractmethod
    def url(self, namespace: str, workflow: Workflow) -> str | None:
        """Return where people look at a workflow, if there is such a place."""

    async def workflow(
        self, namespace: str, name: str, part: Part, *, operation: str, deadline: float | None = None
    ) -> WholeWorkflow | None:
        """Read one workflow from the source; None if it is not there."""
        call = self.workflow_call(namespace, name, part, operation=operation, deadline=deadline or self.deadline)
        answer = await self.http.call(call)
        if answer.is_ok:
            return decode(answer, WholeWorkflow)
        error = self.error(answer)
        if isinstance(error, TargetNotFoundError):
            return None
        raise error

    async def template(self, target: Mapping[str, Any], deadline: float | None = None) -> Template:
        """
        Read the template that *target* names.

        Raises:
            TargetNotFoundError: Argo has none of this name.
        """
        arm = "clusterWorkflowTemplate" if target.get("clusterWorkflowTemplate") else "workflowTemplate"
        path = self.template_paths[arm].format(
            namespace=segment(str(target["namespace"])), name=segment(str(target[arm]))
        )
        answer = await self.get("validate", path, {}, deadline)
        return decode(answer, Template)

    async def get(
        self,
        operation: str,
        path: str,
        params: Mapping[str, str],
        deadline: float | None = None,
        *,
        limit: int = BODY_LIMIT,
        accept: str = "application/json",
    ) -> Answer:
        """Read something; raises what anything but a success means."""
        answer = await self.http.call(
            Call(
                operation,
                "GET",
                path,
                params=params,
                headers={"Accept": accept},
                deadline=deadline or self.deadline,
                limit=limit,
            )
        )
        if not answer.is_ok:
            raise self.error(answer)
        return answer

    def message(self, answer: Answer) -> str:
        """Return a refusal's words for people, without secrets."""
        word = self.word(answer)
        text = word.message if word is not None else answer.text(500)
        return self.http.clean(text) or f"the engine answered {answer.status}"

    def error(self, answer: Answer) -> EngineError:
        """Say what a refused read means; a 404 counts only if the engine itself said that nothing is there."""
        error = read_error(answer, self.message(answer))
        if isinstance(error, TargetNotFoundError):
            word = self.word(answer)
            if word is None or not word.is_absence:
                return ProtocolDriftError(self.strange_404(), http_status=answer.status)
        return error

    def strange_404(self) -> str:
        """Say what a 404 means that is not the engine's own."""
        return "a 404 that is not Argo's own: check spec.url"


def segment(text: str) -> str:
    """Encode one path segment, once."""
    return quote(text, safe="")
