"""
Airflow's REST API (``/api/v2``) as calls: paths, pages, and which answers are Airflow's own.

Airflow's refusals are JSON with a ``detail``; anything else was said by a proxy, or by Airflow about a path that it
does not have (``{"error": "API route not found"}``), and is no evidence of absence.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from baton_operator.engines.airflow.dag import Dag
from baton_operator.engines.airflow.runs import DagRunPage, MarkedRun, TaskInstance, TaskInstancePage
from baton_operator.engines.airflow.token import AirflowToken, is_token_refused
from baton_operator.engines.answers import Answer, decode, read_error
from baton_operator.engines.errors import (
    AnswerTooLongError,
    AuthExpiredError,
    EngineError,
    ProtocolDriftError,
    TargetNotFoundError,
)
from baton_operator.engines.http import Call, HttpClient, Method, TransportError

#: Entries a page: Airflow gives no more, whatever is asked for, and does not say so.
PAGE = 100

Page = TypeVar("Page", DagRunPage, TaskInstancePage)


class _Refusal(msgspec.Struct, frozen=True):
    """What Airflow itself says when it refuses: a text, a list of wrong fields, or why the database did not take it."""

    detail: Any


class _Version(msgspec.Struct, frozen=True):
    """The answer of ``/api/v2/version``."""

    version: str


class Component(msgspec.Struct, frozen=True):
    """One of Airflow's own processes, or its database."""

    status: str | None = None
    latest_scheduler_heartbeat: str | None = None


class AirflowHealth(msgspec.Struct, frozen=True):
    """The answer of ``/api/v2/monitor/health``; a component that was never started has no status."""

    metadatabase: Component
    scheduler: Component
    triggerer: Component = Component()
    dag_processor: Component | None = None


class _Dags(msgspec.Struct, frozen=True):
    """A list of DAGs, of which nothing matters but that it came."""

    dags: list[Any]


class LogChunk(msgspec.Struct, frozen=True):
    """A piece of a task's log; without a token it was the last."""

    content: list[Any]
    continuation_token: str | None = None


def refusal_of(answer: Answer) -> Any:
    """Return the ``detail`` of Airflow's own refusal, None if it was not Airflow that said it."""
    try:
        return msgspec.json.decode(answer.body, type=_Refusal).detail
    except (ValueError, RecursionError, msgspec.MsgspecError):
        return None


class AirflowApi:
    """
    The calls that the adapter makes.

    Args:
        http: The engine's client.
        deadline: Seconds each call may take.
        token: What proves who we are, where the Engine names user and password; else the client knows.
    """

    def __init__(self, http: HttpClient, deadline: float, token: AirflowToken | None = None) -> None:
        self.http = http
        self.deadline = deadline
        self._token = token

    async def send(self, call: Call) -> Answer:
        """
        Send one request; when Airflow does not take the token, once more with a new one, within the same deadline.

        Raises:
            AuthExpiredError: The login was refused; the request was not sent, or not executed.
            EngineError: As `HttpClient.call` and `AirflowToken.get` do.
        """
        if self._token is None:
            return await self.http.call(call)
        ends = asyncio.get_running_loop().time() + call.deadline
        used = await self._fresh(self._token, ends, None)
        answer = await self.http.call(_signed(call, used, ends))
        if not is_token_refused(answer):
            return answer
        return await self.http.call(_signed(call, await self._fresh(self._token, ends, used), ends))

    async def _fresh(self, token: AirflowToken, ends: float, refused: str | None) -> str:
        """Get a token in what is left of a request's time."""
        left = max(ends - asyncio.get_running_loop().time(), 0.0)
        try:
            async with asyncio.timeout(left):
                return await token.get(deadline=left, refused=refused)
        except TimeoutError as error:
            raise TransportError("no token could be had in time", sent=False) from error

    def message(self, answer: Answer) -> str:
        """Return a refusal's words for people, without secrets."""
        detail = refusal_of(answer)
        return self.http.clean(answer.text(500) if detail is None else _words(detail)) or (
            f"the engine answered {answer.status}"
        )

    def error(self, answer: Answer) -> EngineError:
        """Say what a refused read means; a 404 counts only if Airflow itself said it."""
        message = self.message(answer)
        if is_token_refused(answer):
            return AuthExpiredError(message, http_status=answer.status)
        error = read_error(answer, message)
        if isinstance(error, TargetNotFoundError) and refusal_of(answer) is None:
            return ProtocolDriftError("a 404 that is not Airflow's own: check spec.url", http_status=answer.status)
        return error

    async def version(self) -> str:
        """Return Airflow's version in its own words."""
        return decode(await self._get("probe", "/api/v2/version"), _Version).version[:100]

    async def health(self) -> AirflowHealth:
        """Return how Airflow's own processes are."""
        return decode(await self._get("probe", "/api/v2/monitor/health"), AirflowHealth)

    async def touch(self) -> None:
        """List at most one DAG: the version and the health are told to everybody."""
        decode(await self._get("probe", "/api/v2/dags", {"limit": "1"}), _Dags)

    async def dag(self, dag: str) -> Dag:
        """
        Read what a DAG is and declares.

        Raises:
            TargetNotFoundError: Airflow has none of this name, or shows it not to us.
        """
        return decode(await self._get("validate", f"{_dag_path(dag)}/details"), Dag)

    async def run(self, dag: str, run: str, *, operation: str, deadline: float | None = None) -> MarkedRun | None:
        """Read one DAG run; None if it is not there."""
        try:
            answer = await self._get(operation, run_path(dag, run), deadline=deadline)
        except TargetNotFoundError:
            return None
        return decode(answer, MarkedRun)

    async def runs(self, dag: str, runs: Sequence[str]) -> AsyncIterator[DagRunPage]:
        """
        Read *runs* of one DAG, in whatever state, page by page.

        Each of *runs* counts as a prefix, so there may be others among them, and a run twice. Airflow answers from the
        index over DAG and run id.

        Raises:
            TargetNotFoundError: There is no such DAG.
            AnswerTooLongError: One run alone is too long.
        """
        waiting = deque(runs[begin : begin + PAGE] for begin in range(0, len(runs), PAGE))
        while waiting:
            some = waiting.popleft()
            params = {"run_id_prefix_pattern": "|".join(some)}
            try:
                async for page in self._pages("observe", runs_path(dag), params, DagRunPage):
                    yield page
            except AnswerTooLongError:
                if len(some) == 1:
                    raise
                waiting.extendleft((some[len(some) // 2 :], some[: len(some) // 2]))

    async def task_instances(self, dag: str, run: str, *, operation: str) -> Sequence[TaskInstance]:
        """Read all task instances of a DAG run."""
        found: list[TaskInstance] = []
        async for page in self._pages(operation, f"{run_path(dag, run)}/taskInstances", {}, TaskInstancePage):
            found.extend(page.task_instances)
        return found

    async def end(self, dag: str, run: str, note: str) -> Answer:
        """Let a DAG run have failed, whatever it is; the answer is the caller's to judge."""
        body = {"state": "failed", "note": note}
        return await self._write("PATCH", "cancel", run_path(dag, run), body)

    async def clear(self, dag: str, run: str, note: str | None) -> Answer:
        """Have what failed run again; the answer is the caller's to judge."""
        body: dict[str, Any] = {"dry_run": False, "only_failed": True}
        if note is not None:
            body["note"] = note
        return await self._write("POST", "retry", f"{run_path(dag, run)}/clear", body)

    async def log(self, path: str, task: TaskInstance, attempt: int, token: str, limit: int) -> Answer:
        """Read the log of one try on from *token*, at most *limit* bytes; *path* is the run's."""
        params = {"map_index": str(task.map_index)}
        if token:
            params["token"] = token
        where = f"{path}/taskInstances/{_segment(task.task_id)}/logs/{attempt}"
        call = Call("logs", "GET", where, params=params, deadline=self.deadline, limit=limit, may_cut=True)
        answer = await self.send(call)
        if not answer.is_ok:
            raise self.error(answer)
        return answer

    async def _pages(
        self, operation: str, path: str, params: Mapping[str, str], shape: type[Page]
    ) -> AsyncIterator[Page]:
        """Read a list by cursor, which does not skip what an offset would when entries leave the list meanwhile."""
        cursor: str | None = ""
        seen = set()
        while cursor is not None and cursor not in seen:
            seen.add(cursor)
            asked = {**params, "limit": str(PAGE), "cursor": cursor}
            page = decode(await self._get(operation, path, asked), shape)
            yield page
            cursor = page.next_cursor

    async def _get(
        self, operation: str, path: str, params: Mapping[str, str] | None = None, *, deadline: float | None = None
    ) -> Answer:
        call = Call(operation, "GET", path, params=params or {}, deadline=deadline or self.deadline)
        answer = await self.send(call)
        if not answer.is_ok:
            raise self.error(answer)
        return answer

    async def _write(self, method: Method, operation: str, path: str, body: object) -> Answer:
        return await self.send(Call(operation, method, path, body=body, write=True, deadline=self.deadline))


def runs_path(dag: str) -> str:
    """Return where runs of *dag* are submitted."""
    return f"{_dag_path(dag)}/dagRuns"


def run_path(dag: str, run: str) -> str:
    """Return where a DAG run is."""
    return f"{_dag_path(dag)}/dagRuns/{_segment(run)}"


def is_taken(answer: Answer) -> bool:
    """Whether Airflow's database refused a second run of one name; the answer does not say of which."""
    detail = refusal_of(answer)
    return (
        answer.status == HTTPStatus.CONFLICT
        and isinstance(detail, dict)
        and detail.get("reason") == "Unique constraint violation"
    )


def _signed(call: Call, token: str, ends: float) -> Call:
    """Return *call* with the token, and with what is left of its time."""
    left = max(ends - asyncio.get_running_loop().time(), 0.0)
    return replace(call, headers={**call.headers, "Authorization": f"Bearer {token}"}, deadline=left)


def _words(detail: Any) -> str:
    """Write a ``detail`` as text."""
    match detail:
        case str():
            return detail
        case {"reason": str(reason), "message": str(message)}:
            return f"{reason}: {message}"
        case list():
            return "; ".join(_field(each) for each in detail[:10])
        case _:
            return msgspec.json.encode(detail).decode()


def _field(wrong: Any) -> str:
    """Write one wrong field of a request: where, and why; never the value, which may be a secret."""
    match wrong:
        case {"loc": list(place), "msg": str(message)}:
            return f"{'.'.join(str(part) for part in place)}: {message}"
        case _:
            return "a field is not as Airflow wants it"


def _dag_path(dag: str) -> str:
    return f"/api/v2/dags/{_segment(dag)}"


def _segment(text: str) -> str:
    """Encode one path segment, once."""
    return quote(text, safe="")
