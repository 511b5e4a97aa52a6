"""
The adapter of a job server: ``POST /jobs`` starts a job of a kind, ``GET /jobs`` lists them in pages.

The attempt's token is the job's id. The server refuses a second job of an id with 409 (UNIQUE_NAME) and keeps jobs
that ended. Its own refusals are JSON, ``{"error": "…"}``; anything else was said by something in front of it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from baton_models import ExecutionStatus
from baton_operator.engines import base
from baton_operator.engines.addresses import AddressGuard
from baton_operator.engines.answers import Answer, decode, read_error, write_outcome
from baton_operator.engines.errors import EngineError, ProtocolDriftError, TargetNotFoundError
from baton_operator.engines.http import Call, HttpClient, TransportError, unanswered
from baton_operator.engines.registry import Surroundings

T = TypeVar("T")
NONE: Mapping[str, str] = {}

#: The server's words: Baton's status, and the reason beside it.
STATES = {
    "queued": (ExecutionStatus.PENDING, "Dispatched"),
    "running": (ExecutionStatus.PROCESSING, "Running"),
    "done": (ExecutionStatus.COMPLETED, "Succeeded"),
    "failed": (ExecutionStatus.FAILED, "Failed"),
    "stopped": (ExecutionStatus.CANCELLED, "Cancelled"),
}


class Job(msgspec.Struct, frozen=True, rename="camel"):
    """A job as the server shows it; ``serial`` is never given out again, an id is after its job was deleted."""

    id: str
    serial: int
    state: str
    labels: dict[str, str] = {}
    message: str = ""
    output: Any = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def external_id(self) -> str:
        """Which execution it is, for ever."""
        return f"{self.id}/{self.serial}"


class Version(msgspec.Struct, frozen=True):
    """The answer of ``/version``."""

    version: str


class Kind(msgspec.Struct, frozen=True):
    """What can be started; its parameters' names."""

    parameters: list[str]


class Refusal(msgspec.Struct, frozen=True):
    """How the server itself refuses."""

    error: str


class Page(msgspec.Struct, frozen=True):
    """One page of the list."""

    jobs: list[Job]
    next: str | None = None


class JobServerAdapter:
    """One Engine of type JobServer; keeps `EngineAdapter`."""

    idempotency = base.Idempotency.UNIQUE_NAME
    capabilities = frozenset({base.Capability.CANCEL, base.Capability.BULK_STATUS, base.Capability.FIND_BY_TOKEN})

    def __init__(self, spec: base.EngineSpec, given: Surroundings) -> None:
        self._http = HttpClient(
            str(spec.spec.get("url")),
            namespace=spec.namespace,
            spec=spec.spec,
            secrets=given.secrets,
            guard=AddressGuard(given.engine_networks, given.api_server),
            observer=given.observer,
            library=given.library,
        )
        self._deadline = given.request_deadline

    async def probe(self) -> base.EngineHealth:
        """Ask for the version; the server wants the credential for that, too."""
        return base.EngineHealth(version=(await self._get("probe", "/version", Version)).version)

    async def validate(self, target: Mapping[str, Any], arguments: Sequence[str]) -> Sequence[base.Problem]:
        """Compare *target* and *arguments* with the kind of job; nobody else has checked ``spec.target.custom``."""
        if set(target) != {"kind"} or not isinstance(target["kind"], str):
            return [base.Problem("TargetNotFound", "spec.target.custom: needs `kind`, a text, and nothing else")]
        try:
            kind = await self._get("validate", f"/kinds/{_segment(target['kind'])}", Kind)
        except TargetNotFoundError as error:
            return [base.Problem("TargetNotFound", str(error))]
        unknown = sorted(set(arguments) - set(kind.parameters))
        return [base.Problem("InvalidArguments", f"arguments: the kind has no {each}") for each in unknown]

    async def submit(self, request: base.SubmitRequest) -> base.Outcome:
        """Start a job under the token; a 409 is compared with what is there."""
        labels = {"run": request.run_uid, "fingerprint": request.fingerprint}
        body = {"id": request.token, **request.target, "arguments": request.arguments, "labels": labels}
        ends = asyncio.get_running_loop().time() + request.deadline
        call = Call("submit", "POST", "/jobs", body=body, deadline=request.deadline, write=True)
        try:
            answer = await self._http.call(replace(call, before_send=request.before_send))
        except EngineError as error:
            return unanswered(error)
        if answer.status == HTTPStatus.CONFLICT:
            return await self._compare(request, max(ends - asyncio.get_running_loop().time(), 0.1))
        if answer.is_ok:
            try:
                job = decode(answer, Job)
            except ProtocolDriftError as error:
                return base.Unknown(self._http.clean(str(error)), http_status=answer.status)
            if job.id == request.token:
                return base.Created(job.external_id, native=job.state)
        message, ours = self._words(answer)
        if answer.status == HTTPStatus.NOT_FOUND and not ours:
            return base.Unknown(f"a 404 that is not the server's own: {message}", http_status=answer.status)
        return write_outcome(answer, message, marked=ours)

    async def find(self, request: base.SubmitRequest) -> base.Sighting:
        """Read the job that has the token and compare its marks."""
        return await self._find(request, self._deadline)

    async def observe(self, references: Sequence[base.Reference]) -> base.Observed:
        """Read the list once, in pages, whatever the number of references."""
        wanted = {each.external_id: each for each in references}
        seen: list[base.Observation] = []
        pages, cursor = 0, "" if wanted else None
        while cursor is not None:
            params = {"prefix": "baton-", "limit": "500", **({"after": cursor} if cursor else {})}
            page = await self._get("observe", "/jobs", Page, params)
            pages, cursor = pages + 1, page.next
            seen += [self._seen(job) for job in page.jobs if wanted.pop(job.external_id, None)]
        return base.Observed(seen, list(wanted.values()), pages)

    async def look(self, reference: base.Reference) -> base.Observation | None:
        """Read one job; another one under the same id is not it."""
        job = await self._job("look", _id_of(reference))
        return self._seen(job) if job is not None and job.external_id == reference.external_id else None

    async def cancel(self, reference: base.Reference, mode: base.CancelMode, reason: str) -> base.CancelOutcome:
        """Look, then stop; what the server says to that is no proof, the next observation is."""
        seen = await self.look(reference)
        if seen is None or seen.status.is_finished:
            return base.CancelOutcome.ALREADY_TERMINAL if seen else base.CancelOutcome.NOT_FOUND
        path = f"/jobs/{_segment(_id_of(reference))}/stop"
        body = {"reason": reason, "force": mode == "terminate"}
        try:
            answer = await self._http.call(Call("cancel", "POST", path, body=body, deadline=self._deadline, write=True))
        except ProtocolDriftError:
            return base.CancelOutcome.UNKNOWN
        except TransportError as error:
            if not error.sent:
                raise
            return base.CancelOutcome.UNKNOWN
        if answer.is_ok:
            return base.CancelOutcome.ACCEPTED
        if answer.status == HTTPStatus.CONFLICT:
            return base.CancelOutcome.ALREADY_TERMINAL
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status < HTTPStatus.BAD_REQUEST:
            return base.CancelOutcome.UNKNOWN
        raise read_error(answer, self._words(answer)[0])

    async def close(self) -> None:
        """End all connections."""
        await self._http.close()

    async def _find(self, request: base.SubmitRequest, deadline: float) -> base.Sighting:
        job = await self._job("find", request.token, deadline)
        if job is None:
            return base.Absent()
        if job.labels.get("fingerprint") != request.fingerprint:
            return base.Foreign(job.external_id)
        return base.Found(job.external_id, native=job.state)

    async def _compare(self, request: base.SubmitRequest, deadline: float) -> base.Outcome:
        """A conflict is never proof that the job is ours: look at what has the id, in the time that is left."""
        try:
            match await self._find(request, deadline):
                case base.Found(external_id, native=native):
                    return base.Adopted(external_id, native=native)
                case base.Foreign(external_id):
                    return base.Rejected("NameTaken", f"{external_id} has our id but not our fingerprint")
                case _:
                    return base.NameGone("the id was taken, and then nothing was there")
        except EngineError as error:
            return base.Unknown(f"the id is taken, by whom is not known: {error}")

    async def _job(self, operation: str, name: str, deadline: float | None = None) -> Job | None:
        try:
            return await self._get(operation, f"/jobs/{_segment(name)}", Job, deadline=deadline)
        except TargetNotFoundError:
            return None

    async def _get(
        self, operation: str, path: str, shape: type[T], params: Mapping[str, str] = NONE, deadline: float | None = None
    ) -> T:
        """Read something; a 404 is absence only if the server itself says so."""
        call = Call(operation, "GET", path, params=params, deadline=deadline or self._deadline)
        answer = await self._http.call(call)
        if answer.is_ok:
            return decode(answer, shape)
        message, ours = self._words(answer)
        if answer.status == HTTPStatus.NOT_FOUND and not ours:
            raise ProtocolDriftError("a 404 that is not the server's own: check spec.url", http_status=answer.status)
        raise read_error(answer, message)

    def _words(self, answer: Answer) -> tuple[str, bool]:
        """Return a refusal's words for people, without secrets, and whether the server itself said them."""
        try:
            return self._http.clean(decode(answer, Refusal).error), True
        except ProtocolDriftError:
            return self._http.clean(answer.text(500)) or f"the server answered {answer.status}", False

    def _seen(self, job: Job) -> base.Observation:
        status, reason = STATES.get(job.state, (ExecutionStatus.PROCESSING, "Running"))
        begun, ended = job.started_at, job.finished_at
        return base.Observation(
            external_id=job.external_id,
            status=status,
            reason=reason,
            native=job.state[:100],
            message=self._http.clean(job.message),
            started_at=begun,
            finished_at=ended,
            duration=(ended - begun).total_seconds() if begun and ended else None,
            result=job.output,
            known=job.state in STATES,
        )


def _segment(text: str) -> str:
    """Encode one path segment, once."""
    return quote(text, safe="")


def _id_of(reference: base.Reference) -> str:
    return reference.external_id.partition("/")[0]
