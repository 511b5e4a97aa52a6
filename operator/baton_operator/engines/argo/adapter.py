"""
Argo Workflows, with one behaviour over two ways to it: argo-server's REST API, or the Workflow objects themselves.

The attempt's token is the workflow's name, so a second send of it is answered with 409 and nothing starts twice
(UNIQUE_NAME). What holds for both (measured on 4.0.2, and read from its source; the rest is with each transport):

* A duplicate is 409 "already exists"; other conflicts are 409 too, so the workflow is read and its marks compared.
* ``resubmit`` by a person copies our label to another name: a workflow is known by name **and** uid.
* An end is asked for after a look; a conflict means that the workflow has moved meanwhile, so it is looked at again.
* What the server could not send to the API server, or got no answer to, it reports as 400 with Go's own words
  (``Post "https://…": EOF``): that is no refusal but an unknown outcome (`argo_submit.is_unsure`).
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from http import HTTPStatus
from typing import Any

from baton_operator.engines.answers import Answer, decode, write_outcome
from baton_operator.engines.argo.access import transport_of
from baton_operator.engines.argo.hints import together
from baton_operator.engines.argo.logs import read_logs
from baton_operator.engines.argo.server import ArgoServer
from baton_operator.engines.argo.submit import is_unsure, refusal
from baton_operator.engines.argo.transport import ArgoTransport, Part
from baton_operator.engines.argo.workflow import (
    WholeWorkflow,
    Workflow,
    external_id,
    node_of,
    observation,
    status_of,
)
from baton_operator.engines.base import (
    Absent,
    Adopted,
    CancelMode,
    CancelOutcome,
    Capability,
    Created,
    EngineHealth,
    EngineSpec,
    Foreign,
    Found,
    Idempotency,
    NameGone,
    Observation,
    Observed,
    Outcome,
    Problem,
    Reference,
    Rejected,
    Sighting,
    SubmitRequest,
    Unknown,
)
from baton_operator.engines.errors import (
    EngineError,
    ForbiddenError,
    PermanentError,
    ProtocolDriftError,
    RetryableError,
    TargetNotFoundError,
    UnknownOutcomeError,
)
from baton_operator.engines.http import TransportError, unanswered
from baton_operator.engines.options import LogPage, Node
from baton_operator.engines.registry import Surroundings

_ENDED = "cannot shutdown a completed workflow"
_BAD_PARAMETER = "expected parameter of the form"
#: Looks of one cancel at a workflow that keeps moving.
_LOOKS = 5


def argo_adapter(spec: EngineSpec, surroundings: Surroundings) -> "ArgoAdapter":
    """
    Make the adapter for *spec*; the factory that ``app.py`` lists as ``Argo``.

    Raises:
        PermanentError: The spec names no way to Argo, or none that can be used.
    """
    transport = transport_of(spec, surroundings)
    if isinstance(transport, ArgoServer):
        return ArgoServerAdapter(spec, transport)
    return ArgoAdapter(spec, transport)


class ArgoAdapter:
    """One Engine of type Argo, through either transport; keeps `EngineAdapter`, `NodeLister` and `HintSource`."""

    idempotency = Idempotency.UNIQUE_NAME
    capabilities = frozenset(
        {
            Capability.CANCEL,
            Capability.BULK_STATUS,
            Capability.FIND_BY_TOKEN,
            Capability.NODES,
            Capability.HINTS,
        }
    )

    def __init__(self, spec: EngineSpec, transport: ArgoTransport) -> None:
        self._namespace = spec.namespace
        self._http = transport.http
        self._transport = transport
        self._memories: dict[tuple[str, ...], float | None] = {}

    async def probe(self) -> EngineHealth:
        """Ask for the version, then for a list: a server in auth mode ``client`` looks at the token only then."""
        version = await self._transport.version()
        try:
            await self._transport.touch(self._namespace)
        except ForbiddenError as error:
            note = f"the credential is known, but may not list workflows in {self._namespace}: {error}"
        else:
            note = ""
        memory = min((memory for memory in self._memories.values() if memory is not None), default=None)
        return EngineHealth(version=version, memory=memory, message=self._http.clean(note))

    async def validate(self, target: Mapping[str, Any], arguments: Sequence[str]) -> Sequence[Problem]:
        """Compare *target* and *arguments* with what the template declares, and learn how long Argo remembers."""
        target = {"namespace": self._namespace, **target}
        key = tuple(str(target.get(arm, "")) for arm in ("namespace", "workflowTemplate", "clusterWorkflowTemplate"))
        try:
            template = await self._transport.template(target)
        except TargetNotFoundError as error:
            self._memories.pop(key, None)
            return [Problem("TargetNotFound", str(error))]
        self._memories[key] = template.memory
        return template.problems(target, arguments)

    async def submit(self, request: SubmitRequest) -> Outcome:
        """Submit the template under the token's name; a 409 is compared with what is there."""
        why = refusal(request)
        if why is not None:
            return Rejected("EngineRejected", self._http.clean(why))
        clock = asyncio.get_running_loop().time
        ends = clock() + request.deadline
        namespace = self._target_namespace(request)
        refused = await self._transport.refusal(namespace, request, request.deadline)
        if refused is not None:
            return refused
        try:
            answer = await self._http.call(self._transport.submit_call(namespace, request, max(ends - clock(), 0.1)))
        except EngineError as error:
            return unanswered(error)
        if answer.status == HTTPStatus.CONFLICT and not is_unsure(self._transport.message(answer)):
            return await self._compare(request, answer, max(ends - clock(), 0.1))
        return self._judge(request, answer)

    async def find(self, request: SubmitRequest) -> Sighting:
        """Read the workflow of the token's name and compare its marks."""
        namespace = self._target_namespace(request)
        workflow = await self._transport.workflow(namespace, request.token, "marks", operation="find")
        if workflow is None:
            return Absent()
        identity = external_id(namespace, workflow)
        if not workflow.is_ours(request.run_uid, request.fingerprint):
            return Foreign(identity)
        return Found(identity, url=self._transport.url(namespace, workflow), native=workflow.status.phase)

    async def observe(self, references: Sequence[Reference]) -> Observed:
        """List each namespace once, in pages; a namespace that fails says so in ``errors`` and hides no other."""
        wanted: dict[str, dict[str, Reference]] = defaultdict(dict)
        unreadable = [reference for reference in references if _parts(reference) is None]
        for reference in references:
            if (parts := _parts(reference)) is not None:
                wanted[parts[0]][reference.external_id] = reference
        seen: list[Observation] = []
        missing, errors, pages = unreadable, [], 0
        for namespace, ours in wanted.items():
            try:
                async for page in self._transport.pages(namespace):
                    pages += 1
                    seen.extend(
                        self._observation(namespace, workflow)
                        for workflow in page.items or ()
                        if ours.pop(external_id(namespace, workflow), None) is not None
                    )
            except EngineError as error:
                errors.append(error)
            else:
                missing.extend(ours.values())
        if errors and len(errors) == len(wanted):
            raise errors[0]
        return Observed(seen, missing, pages, errors)

    async def look(self, reference: Reference) -> Observation | None:
        """Read one workflow; another one under the same name is not it."""
        workflow = await self._workflow(reference, "nodes", "look")
        return None if workflow is None else self._observation(_namespace(reference), workflow)

    async def cancel(self, reference: Reference, mode: CancelMode, reason: str) -> CancelOutcome:
        """Look, then have it stopped (exit handlers run) or terminated (they do not)."""
        for _ in range(_LOOKS):
            workflow = await self._workflow(reference, "marks", "cancel")
            if workflow is None:
                return CancelOutcome.NOT_FOUND
            if status_of(workflow)[0].is_finished:
                return CancelOutcome.ALREADY_TERMINAL
            if workflow.spec.shutdown == "Terminate" or (workflow.spec.shutdown == "Stop" and mode == "stop"):
                return CancelOutcome.ACCEPTED
            try:
                answer = await self._transport.end(_namespace(reference), workflow, mode, reason)
            except TransportError as error:
                if error.sent:
                    return CancelOutcome.UNKNOWN
                raise
            except ProtocolDriftError:
                return CancelOutcome.UNKNOWN
            if answer.status != HTTPStatus.CONFLICT or self._transport.word(answer) is None:
                return self._ended(answer)
        raise RetryableError("the workflow moves faster than it can be ended; it will be tried again")

    async def nodes(self, reference: Reference) -> Sequence[Node]:
        """List the nodes, in the order in which they began."""
        workflow = await self._workflow(reference, "nodes", "nodes")
        if workflow is None:
            raise TargetNotFoundError("the workflow is not there any more")
        if workflow.hides_nodes:
            raise PermanentError("the workflow's nodes are compressed or offloaded: only argo-server reads them")
        nodes = [node_of(node, self._http.clean(node.message)) for node in workflow.nodes]
        return sorted(nodes, key=lambda node: (node.started_at is None, node.started_at, node.id))

    async def hints(self, targets: Sequence[Mapping[str, Any]]) -> AsyncGenerator[None, None]:
        """Follow the namespaces of *targets*, some of them where there are many."""
        namespaces = sorted({str(target.get("namespace") or self._namespace) for target in targets})
        async with aclosing(together([self._transport.hints(each) for each in namespaces])) as moves:
            async for move in moves:
                yield move

    async def close(self) -> None:
        """End all connections."""
        await self._http.close()

    def _judge(self, request: SubmitRequest, answer: Answer) -> Outcome:
        """Say what the answer to a submit means, a conflict excepted."""
        if answer.is_ok:
            return self._created(request, answer)
        word, message = self._transport.word(answer), self._transport.message(answer)
        if is_unsure(message):
            return Unknown(message, http_status=answer.status)
        if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR and _BAD_PARAMETER in message:
            return Rejected("EngineRejected", message, http_status=answer.status)
        if answer.status == HTTPStatus.NOT_FOUND and not (word and word.is_absence):
            return Unknown(f"a 404 that is not Argo's own: {message}", http_status=answer.status)
        return write_outcome(answer, message, marked=word is not None)

    def _created(self, request: SubmitRequest, answer: Answer) -> Outcome:
        """An answer proves something only if it is the workflow that was asked for."""
        try:
            workflow = decode(answer, Workflow)
        except ProtocolDriftError as error:
            return Unknown(self._http.clean(str(error)), http_status=answer.status)
        if workflow.metadata.name != request.token or not workflow.metadata.uid:
            return Unknown("the answer to the submit shows no workflow of our name", http_status=answer.status)
        namespace = self._target_namespace(request)
        return Created(
            external_id(namespace, workflow), self._transport.url(namespace, workflow), workflow.status.phase
        )

    async def _compare(self, request: SubmitRequest, answer: Answer, deadline: float) -> Outcome:
        """A conflict is never proof that the work is ours: look at what has the name."""
        namespace = self._target_namespace(request)
        try:
            workflow = await self._transport.workflow(
                namespace, request.token, "marks", operation="compare", deadline=deadline
            )
        except EngineError as error:
            return Unknown(f"the name is taken, by whom is not known: {error}", http_status=answer.status)
        if workflow is None:
            word = self._transport.word(answer)
            if word is not None and word.is_taken:
                return NameGone("the name was taken, and then nothing was there")
            return Unknown(self._transport.message(answer), http_status=answer.status)
        identity = external_id(namespace, workflow)
        if workflow.is_ours(request.run_uid, request.fingerprint):
            return Adopted(identity, self._transport.url(namespace, workflow), workflow.status.phase)
        return Rejected("NameTaken", f"{identity} has our name but not our marks", http_status=answer.status)

    def _ended(self, answer: Answer) -> CancelOutcome:
        """Say what the answer to a stop means."""
        message = self._transport.message(answer)
        if answer.is_ok:
            return CancelOutcome.ACCEPTED
        if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR and _ENDED in message:
            return CancelOutcome.ALREADY_TERMINAL
        word = self._transport.word(answer)
        if answer.status == HTTPStatus.NOT_FOUND and word is not None and word.is_absence:
            return CancelOutcome.NOT_FOUND
        if _is_unsure(answer, message):
            return CancelOutcome.UNKNOWN
        raise self._transport.error(answer)

    async def _workflow(self, reference: Reference, part: Part, operation: str) -> WholeWorkflow | None:
        """Read *reference*'s workflow; one of the same name with another uid is somebody else's."""
        parts = _parts(reference)
        if parts is None:
            return None
        namespace, name, uid = parts
        workflow = await self._transport.workflow(namespace, name, part, operation=operation)
        return workflow if workflow is not None and workflow.metadata.uid == uid else None

    def _observation(self, namespace: str, workflow: Workflow) -> Observation:
        message = self._http.clean(workflow.status.message)
        return observation(workflow, namespace=namespace, url=self._transport.url(namespace, workflow), message=message)

    def _target_namespace(self, request: SubmitRequest) -> str:
        return str(request.target.get("namespace") or request.namespace)


class ArgoServerAdapter(ArgoAdapter):
    """What only argo-server offers beside: keeps `LogReader` and `Retrier` too."""

    capabilities = ArgoAdapter.capabilities | {Capability.LOGS, Capability.RETRY}

    def __init__(self, spec: EngineSpec, transport: ArgoServer) -> None:
        super().__init__(spec, transport)
        self._server = transport

    async def logs(self, reference: Reference, cursor: str | None) -> LogPage:
        """Read the pods' lines; a workflow without pods has none, so its nodes' messages stand for them."""
        workflow = await self._workflow(reference, "nodes", "logs")
        if workflow is None:
            raise TargetNotFoundError("the workflow is not there any more")
        return await read_logs(self._server, _namespace(reference), workflow, cursor)

    async def retry(self, reference: Reference) -> None:
        """
        Have what failed run again, under the same name and uid.

        Raises:
            TargetNotFoundError: The workflow is not there any more.
            PermanentError: Argo refuses: it succeeded, or goes on.
            UnknownOutcomeError: Nobody knows whether it began; a look tells.
        """
        workflow = await self._workflow(reference, "marks", "retry")
        if workflow is None:
            raise TargetNotFoundError("the workflow is not there any more")
        try:
            answer = await self._server.retry(_namespace(reference), workflow.metadata.name)
        except TransportError as error:
            if error.sent:
                raise UnknownOutcomeError(str(error)) from error
            raise
        except ProtocolDriftError as error:
            raise UnknownOutcomeError(str(error), http_status=error.http_status) from error
        if answer.is_ok:
            return
        message = self._server.message(answer)
        if _is_unsure(answer, message):
            raise UnknownOutcomeError(message, http_status=answer.status)
        raise self._server.error(answer)


def _is_unsure(answer: Answer, message: str) -> bool:
    """Whether nobody knows what became of a write other than a submit."""
    is_refusal = HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
    return not is_refusal or is_unsure(message)


def _parts(reference: Reference) -> tuple[str, str, str] | None:
    """Return namespace, name and uid."""
    parts = reference.external_id.split("/")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 and all(parts) else None  # noqa: PLR2004


def _namespace(reference: Reference) -> str:
    return reference.external_id.partition("/")[0]
