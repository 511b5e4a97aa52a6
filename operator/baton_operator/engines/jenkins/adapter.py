"""
Jenkins through its remote API.

Jenkins keeps no name and no key: equal parameters are merged while they wait in the queue and never after that
(COALESCING). So each build carries the attempt's token as a parameter that the job must declare, and what nobody knows
is looked for in the queue and among the builds. Measured on 2.568.2, and read from its source:

* A submit is answered with a queue item (201), or with the item that equal parameters wait under already (303): that
  one is ours only if it has our token. Its number is all that is taken from ``Location``.
* An item is forgotten 300 s after it has left the queue, also while its build runs: the build is found by its token.
* A killed Jenkins loses its queue since the last save and its running builds, gives queue numbers out again, and may
  run an item twice by itself. A build is known by number, queue item and beginning together; further builds of our
  token are `Duplicate`.
* ``stop`` is 302 for what runs and for what has ended: look first. 404 may mean "not allowed to see".

Ids are ``folder/job#number/queueId/timestamp`` (`jenkins_builds.external_id`), handles are queue items' numbers.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from baton_operator.engines.answers import Answer
from baton_operator.engines.base import (
    CancelMode,
    CancelOutcome,
    Capability,
    EngineHealth,
    EngineSpec,
    Enqueued,
    Found,
    Idempotency,
    NotSent,
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
    ProtocolDriftError,
    TargetNotFoundError,
)
from baton_operator.engines.http import Call, TransportError, unanswered
from baton_operator.engines.jenkins.answers import is_of_jenkins, submit_outcome
from baton_operator.engines.jenkins.api import JenkinsApi
from baton_operator.engines.jenkins.builds import Build, external_id, identity_of, native_of, observation
from baton_operator.engines.jenkins.find import Finder
from baton_operator.engines.jenkins.jobs import TOKEN, Place, form, place_of, refusal
from baton_operator.engines.jenkins.logs import read_log
from baton_operator.engines.jenkins.queue import number_in
from baton_operator.engines.jenkins.track import is_build_of, observe, place_in
from baton_operator.engines.options import LogPage, Whereabouts
from baton_operator.engines.registry import Surroundings

#: Seconds after which an item of somebody else, under which equal parameters wait, may have left the queue.
COALESCED_PAUSE = 10.0


def jenkins_adapter(spec: EngineSpec, surroundings: Surroundings) -> "JenkinsAdapter":
    """
    Make the adapter for *spec*; the factory that ``app.py`` lists as ``Jenkins``.

    Raises:
        PermanentError: The spec has no usable ``url``.
    """
    return JenkinsAdapter(spec, surroundings)


class JenkinsAdapter:
    """One Engine of type Jenkins; keeps `EngineAdapter`, `HandleFollower` and `LogReader`."""

    idempotency = Idempotency.COALESCING
    capabilities = frozenset({Capability.CANCEL, Capability.BULK_STATUS, Capability.FIND_BY_TOKEN, Capability.LOGS})

    def __init__(self, spec: EngineSpec, surroundings: Surroundings) -> None:
        self._http = surroundings.client(spec, what="Jenkins, with its path if it has one")
        self._api = JenkinsApi(self._http, surroundings.request_deadline)
        self._finder = Finder(self._api, self._found, time.time)

    async def probe(self) -> EngineHealth:
        """Ask for the version and the restart epoch, which come as headers."""
        system, version, epoch = await self._api.system()
        note = "Jenkins prepares to shut down: it takes builds and starts none" if system.quieting_down else ""
        return EngineHealth(version=version, restart_epoch=epoch, message=note)

    async def validate(self, target: Mapping[str, Any], arguments: Sequence[str]) -> Sequence[Problem]:
        """Compare *target* and *arguments* with what the job declares, above all the token."""
        place = place_of(target)
        if place is None:
            return [Problem("TargetNotFound", "target.jenkins.job needs the names from the root to the job")]
        try:
            job = await self._api.job(place.path)
        except TargetNotFoundError as error:
            message = f"{place.full_name} is not there, or Jenkins' user may not see it (Job/Read): {error}"
            return [Problem("TargetNotFound", self._http.clean(message))]
        return job.problems(place.full_name, arguments)

    async def submit(self, request: SubmitRequest) -> Outcome:
        """Send the form; what Jenkins gives is a queue item, new or (303) that under which equal parameters wait."""
        why, place = refusal(request), place_of(request.target)
        if why is not None or place is None:
            return Rejected("EngineRejected", self._http.clean(why or "the target names no job"))
        clock = asyncio.get_running_loop().time
        ends = clock() + request.deadline
        call = Call(
            "submit",
            "POST",
            f"{place.path}/buildWithParameters",
            form=form(request),
            deadline=request.deadline,
            write=True,
            before_send=request.before_send,
        )
        try:
            answer = await self._api.write(call)
        except EngineError as error:
            return unanswered(error)
        number = number_in(answer.headers.get("location", ""))
        if answer.status == HTTPStatus.CREATED and number is not None:
            return Enqueued(number)
        if answer.status == HTTPStatus.SEE_OTHER and number is not None:
            return await self._compare(request, number, max(ends - clock(), 0.1))
        return submit_outcome(answer, self._api.message(answer))

    async def find(self, request: SubmitRequest) -> Sighting:
        """Look in the queue and among the builds; an absence says how far back it counts, and in which epoch."""
        return await self._finder.find(request)

    async def follow(self, requests: Sequence[SubmitRequest]) -> Sequence[Whereabouts]:
        """Look for handles in bulk; a job that cannot be read now leaves its handles as they were."""
        return await self._finder.follow(requests)

    async def withdraw(self, request: SubmitRequest, reason: str) -> CancelOutcome:  # noqa: ARG002 - Jenkins takes none
        """Cancel the queue item, if it is ours and waits; what has left the queue is ``AlreadyTerminal``."""
        item = await self._api.item(request.handle, "cancel") if request.handle else None
        if item is None or not item.is_of(request):
            return CancelOutcome.NOT_FOUND
        if item.has_left:
            return CancelOutcome.ALREADY_TERMINAL
        answer = await self._end("/queue/cancelItem", {"id": str(item.id)})
        if answer is None:
            return CancelOutcome.UNKNOWN
        if answer.status == HTTPStatus.UNPROCESSABLE_ENTITY and is_of_jenkins(answer):
            raise ForbiddenError("Jenkins' user lacks the permission Job/Cancel", http_status=answer.status)
        if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR and is_of_jenkins(answer):
            return CancelOutcome.ALREADY_TERMINAL
        return self._ended(answer, accepted=answer.is_ok)

    async def observe(self, references: Sequence[Reference]) -> Observed:
        """Read each job's list of builds once, as far as it is needed; a job that fails hides no other."""
        return await observe(self._api, references, self._observation)

    async def look(self, reference: Reference) -> Observation | None:
        """Read one build; another one under the same number is not it."""
        found = await self._build(reference, "look")
        return None if found is None else self._observation(*found, reference)

    async def cancel(self, reference: Reference, mode: CancelMode, reason: str) -> CancelOutcome:  # noqa: ARG002 - Jenkins takes none
        """Look, then ``stop``; Jenkins takes no reason, and has one way for builds of every kind."""
        found = await self._build(reference, "cancel")
        if found is None:
            return CancelOutcome.NOT_FOUND
        place, build = found
        if not build.building:
            return CancelOutcome.ALREADY_TERMINAL
        answer = await self._end(f"{place.path}/{build.number}/stop", {})
        if answer is None:
            return CancelOutcome.UNKNOWN
        location = urlsplit(answer.headers.get("location", "")).path
        led_back = answer.status == HTTPStatus.FOUND and location.endswith(f"/{build.number}/")
        return self._ended(answer, accepted=led_back)

    async def logs(self, reference: Reference, cursor: str | None) -> LogPage:
        """Read the build's log from where *cursor* says."""
        found = await self._build(reference, "logs")
        if found is None:
            raise TargetNotFoundError("the build is not there any more")
        place, build = found
        return await read_log(self._api, place.path, build.number, cursor)

    async def close(self) -> None:
        """End all connections."""
        await self._http.close()

    async def _compare(self, request: SubmitRequest, number: str, deadline: float) -> Outcome:
        """Equal parameters wait already: under an earlier send of ours, if the item has our token."""
        see_other = HTTPStatus.SEE_OTHER.value
        try:
            item = await self._api.item(number, "compare", deadline)
        except EngineError as error:
            return Unknown(f"merged with queue item {number}, whose is not known: {error}", http_status=see_other)
        if item is None:
            return Unknown(f"merged with queue item {number}, which is not there", http_status=see_other)
        if item.has_token(request.token) and item.is_of(request):
            return Enqueued(number)
        if TOKEN in item.parameters:
            return Unknown(f"merged with queue item {number}, which has another token", http_status=see_other)
        message = f"queue item {number} waits with equal parameters; declare {TOKEN} to have both built"
        return NotSent(message, retry_after=COALESCED_PAUSE, http_status=see_other, counts=False)

    async def _end(self, path: str, params: Mapping[str, str]) -> Answer | None:
        """Ask to end something; None if nobody knows whether that was heard."""
        call = Call("cancel", "POST", path, params=params, deadline=self._api.deadline, write=True)
        try:
            return await self._api.write(call)
        except TransportError as error:
            if error.sent:
                return None
            raise
        except ProtocolDriftError:
            return None

    def _ended(self, answer: Answer, *, accepted: bool) -> CancelOutcome:
        """Say what the answer to a stop means."""
        if accepted:
            return CancelOutcome.ACCEPTED
        if answer.status == HTTPStatus.NOT_FOUND and is_of_jenkins(answer):
            return CancelOutcome.NOT_FOUND
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status < HTTPStatus.BAD_REQUEST:
            return CancelOutcome.UNKNOWN
        raise self._api.failure(answer)

    async def _build(self, reference: Reference, operation: str) -> tuple[Place, Build] | None:
        """Read the build of *reference*, and where its job is; None if it is not there, or another one is."""
        place, identity = place_in(reference), identity_of(reference.external_id)
        if place is None or identity is None:
            return None
        build = await self._api.build(place.path, identity.number, operation)
        return (place, build) if build is not None and is_build_of(reference, build) else None

    def _found(self, place: Place, build: Build) -> Found:
        return Found(external_id(place.full_name, build), self._url(place, build), native_of(build))

    def _observation(self, place: Place, build: Build, reference: Reference) -> Observation:
        said = "; ".join(cause.short_description or "" for cause in build.interruptions)
        return observation(
            build,
            identifier=reference.external_id,
            url=self._url(place, build),
            message=self._http.clean(said),
            unstable_succeeds=reference.target.get("unstable") == "Succeeded",
        )

    def _url(self, place: Place, build: Build) -> str:
        return f"{self._http.base}{place.path}/{build.number}/"
