"""
Jenkins' remote API as calls: paths, trees, ranges, crumbs, and the 401 that is none.

Measured on 2.568.2: a valid token is answered 401 during the first 0.1–0.4 s after a start, so a 401 is final only
after a pause. ``builds[…]`` stops at 100 in silence, ``allBuilds[…]{from,to}`` does not. A crumb counts together with
the session that it was given in; API tokens need none.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus

import msgspec

from baton_operator.engines.answers import Answer, decode
from baton_operator.engines.errors import AuthExpiredError, EngineError, ProtocolDriftError, TargetNotFoundError
from baton_operator.engines.http import Call, HttpClient
from baton_operator.engines.jenkins.answers import epoch_of, is_of_jenkins, lacks_crumb, read_failure, words
from baton_operator.engines.jenkins.builds import BUILD_FIELDS, Build
from baton_operator.engines.jenkins.jobs import DECLARED_FIELDS, JOB_FIELDS, Job, Property, declares_token
from baton_operator.engines.jenkins.queue import ITEM_FIELDS, QUEUE_FIELDS, Item, Queue

#: Builds a page: about 100 KB, 10 ms.
PAGE = 200
#: Seconds after which a 401 is asked about once more: longer than it takes Jenkins to know its users after a start.
AUTH_PAUSE = 0.6
#: Bytes of the queue that are read at most: tens of thousands of items.
QUEUE_LIMIT = 32 * 1024 * 1024
_SHORTEST = 0.1
_SESSION = re.compile(r"JSESSIONID[!-+\--:<>-~]*=[!-+\--:<-~]+")
_VISIBLE = re.compile(r"[!-~]+")


class System(msgspec.Struct, frozen=True, rename="camel"):
    """Jenkins itself; an answer without ``mode`` is none of its."""

    mode: str
    quieting_down: bool = False


class Crumb(msgspec.Struct, frozen=True, rename="camel"):
    """What a password needs beside it."""

    crumb: str
    crumb_request_field: str


class _Builds(msgspec.Struct, frozen=True, rename="camel"):
    all_builds: list[Build]
    next_build_number: int
    property: list[Property | None] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """
    A range of a job's builds, newest first.

    Attributes:
        builds: At most `PAGE`.
        is_last: Whether the list ends with it.
        next_number: What the next build will be called.
        declares_token: Whether builds show our token.
        epoch: Jenkins' restart epoch, by this answer.
    """

    builds: list[Build]
    is_last: bool
    next_number: int
    declares_token: bool
    epoch: str | None


class JenkinsApi:
    """
    The calls that the adapter makes.

    Args:
        http: The engine's client.
        deadline: Seconds each call may take.
    """

    def __init__(self, http: HttpClient, deadline: float) -> None:
        self.http = http
        self.deadline = deadline
        self._crumb: Mapping[str, str] = {}

    def message(self, answer: Answer) -> str:
        """Return an answer's words for people, without secrets."""
        return self.http.clean(words(answer))

    async def system(self) -> tuple[System, str, str | None]:
        """Return what Jenkins says of itself, its version and its restart epoch."""
        answer = await self._read("probe", "/api/json", "mode,quietingDown")
        if not is_of_jenkins(answer):
            raise ProtocolDriftError("the answer is not Jenkins' own: check spec.url", http_status=answer.status)
        return decode(answer, System), answer.headers["x-jenkins"][:100], epoch_of(answer)

    async def job(self, path: str) -> Job:
        """
        Read what a job declares.

        Raises:
            TargetNotFoundError: There is none, or it may not be seen by us.
        """
        return decode(await self._read("validate", f"{path}/api/json", JOB_FIELDS), Job)

    async def queue(self, operation: str) -> tuple[Queue, str | None]:
        """Read all items that wait, of every job, and the restart epoch."""
        answer = await self._read(operation, "/queue/api/json", QUEUE_FIELDS, limit=QUEUE_LIMIT)
        return decode(answer, Queue), epoch_of(answer)

    async def item(self, number: str, operation: str, deadline: float | None = None) -> Item | None:
        """Read one item by its number, also some time after it has left; None if it is not known (any more)."""
        try:
            answer = await self._read(operation, f"/queue/item/{number}/api/json", ITEM_FIELDS, deadline=deadline)
        except TargetNotFoundError:
            return None
        return decode(answer, Item)

    async def build(self, path: str, number: int, operation: str) -> Build | None:
        """Read one build; None if it is not there."""
        try:
            answer = await self._read(operation, f"{path}/{number}/api/json", BUILD_FIELDS)
        except TargetNotFoundError:
            return None
        return decode(answer, Build)

    async def page(self, path: str, first: int, operation: str) -> Page:
        """
        Read `PAGE` of a job's builds from index *first* on, newest first; what begins meanwhile moves the indices.

        Raises:
            TargetNotFoundError: The job is not there, or may not be seen by us.
        """
        tree = f"nextBuildNumber,{DECLARED_FIELDS},allBuilds[{BUILD_FIELDS}]{{{first},{first + PAGE}}}"
        answer = await self._read(operation, f"{path}/api/json", tree)
        read = decode(answer, _Builds)
        return Page(
            builds=read.all_builds,
            is_last=len(read.all_builds) < PAGE,
            next_number=read.next_build_number,
            declares_token=declares_token(read.property),
            epoch=epoch_of(answer),
        )

    async def log(self, path: str, number: int, start: int, limit: int) -> Answer:
        """Read a build's log from *start*, at most *limit* bytes."""
        call = Call(
            "logs",
            "GET",
            f"{path}/{number}/logText/progressiveText",
            params={"start": str(start)},
            deadline=self.deadline,
            limit=limit,
            may_cut=True,
        )
        answer = await self._call(call)
        if not answer.is_ok:
            raise self.failure(answer)
        return answer

    async def write(self, call: Call) -> Answer:
        """
        Send *call*, within its deadline; where a crumb is wanted, fetch one with its session and send once more.

        Raises:
            TransportError: As `HttpClient.call`.
            AuthExpiredError: A crumb is wanted and could not be had: nothing was executed.
        """
        clock = asyncio.get_running_loop().time
        ends = clock() + call.deadline
        answer = await self._call(replace(call, headers=self._crumb))
        if answer.status == HTTPStatus.UNAUTHORIZED:
            self._crumb = {}
        if not lacks_crumb(answer):
            return answer
        self._crumb = await self._fetch_crumb(max(ends - clock(), _SHORTEST))
        return await self._call(replace(call, headers=self._crumb, deadline=max(ends - clock(), _SHORTEST)))

    def failure(self, answer: Answer) -> EngineError:
        """Say what a refused read means."""
        return read_failure(answer, self.message(answer))

    async def _fetch_crumb(self, deadline: float) -> Mapping[str, str]:
        """Return the headers that a crumb and its session make."""
        try:
            answer = await self._call(Call("crumb", "GET", "/crumbIssuer/api/json", deadline=deadline))
            if not answer.is_ok:
                raise self.failure(answer)
            crumb = decode(answer, Crumb)
        except EngineError as error:
            raise AuthExpiredError(f"Jenkins wants a crumb, and gave none: {error}") from error
        if not (_VISIBLE.fullmatch(crumb.crumb) and _VISIBLE.fullmatch(crumb.crumb_request_field)):
            raise AuthExpiredError("Jenkins wants a crumb, and gave one that fits into no header")
        self.http.redactor.remember(crumb.crumb)
        session = _SESSION.search(answer.headers.get("set-cookie", ""))
        if session is None:
            return {crumb.crumb_request_field: crumb.crumb}
        self.http.redactor.remember(session[0].partition("=")[2])
        return {crumb.crumb_request_field: crumb.crumb, "Cookie": session[0]}

    async def _read(
        self, operation: str, path: str, tree: str, *, deadline: float | None = None, limit: int | None = None
    ) -> Answer:
        """Ask for the fields of *tree*; anything but an answer with them raises."""
        call = Call(operation, "GET", path, params={"tree": tree}, deadline=deadline or self.deadline)
        answer = await self._call(call if limit is None else replace(call, limit=limit))
        if not answer.is_ok:
            raise self.failure(answer)
        return answer

    async def _call(self, call: Call) -> Answer:
        """Send *call*; a 401, which was not executed, is sent once more after a pause, if the deadline allows it."""
        clock = asyncio.get_running_loop().time
        ends = clock() + call.deadline
        answer = await self.http.call(call)
        if answer.status != HTTPStatus.UNAUTHORIZED or ends - clock() <= AUTH_PAUSE + _SHORTEST:
            return answer
        await asyncio.sleep(AUTH_PAUSE)
        return await self.http.call(replace(call, deadline=ends - clock()))
