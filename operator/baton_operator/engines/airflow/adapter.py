"""
Airflow 3 through its REST API.

The attempt's token is the DAG run's id, so a second send of it is answered with 409 and nothing starts twice
(UNIQUE_NAME). Measured on 3.3.2, and read from its source:

* ``logical_date`` must be there and null. A duplicate is 409 "Unique constraint violation", which does not say of
  what: the run is read and its ``conf`` compared.
* A list gives at most 100 runs, whatever limit is asked for. ``run_id_prefix_pattern`` takes many ids, separated by
  ``|``, and below one DAG the index over DAG and run id answers it. So 100 runs cost one request, **in whatever
  state**: what has ended since the last look needs no request of its own, and what is not in the answer is not
  there. (A list over all DAGs by state would need a second one by time for what has ended, and no index helps it.)
* A run is ended by ``PATCH {"state": "failed"}``, unconditionally: a *successful* one becomes a failed one. So it is
  read before. A run that succeeds between the two, a few milliseconds, is shown as cancelled; nothing helps there.
* Airflow has one word for failed, cancelled and timed out: `airflow_runs` tells them apart.
* A paused DAG takes runs and lets them wait for ever; a DAG with import errors is 400; one whose file is gone 404.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from baton_operator.engines.airflow.api import AirflowApi, is_taken, refusal_of, runs_path
from baton_operator.engines.airflow.logs import read_logs
from baton_operator.engines.airflow.probe import remarks, too_old
from baton_operator.engines.airflow.runs import DagRun, in_order, node_of, observation, status_of
from baton_operator.engines.airflow.submit import refusal, submission
from baton_operator.engines.airflow.token import AirflowToken, is_token_refused
from baton_operator.engines.answers import Answer, decode, write_outcome
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
    AuthExpiredError,
    EngineError,
    ForbiddenError,
    PermanentError,
    ProtocolDriftError,
    TargetNotFoundError,
    UnknownOutcomeError,
)
from baton_operator.engines.http import Call, TransportError, unanswered
from baton_operator.engines.options import LogPage, Node
from baton_operator.engines.registry import Surroundings

#: Submits, looks and cancels under way at once: each is a request of its own, and they come by the hundred. An
#: api-server has 15 connections to its database, and a request may need two (SQLAlchemy's pool of 5 + 10, Airflow
#: 3.3.2). Measured: 100 requests at once wait for each other until the pool gives up after 30 s, and answer 500.
AT_ONCE = 6


def airflow_adapter(spec: EngineSpec, surroundings: Surroundings) -> "AirflowAdapter":
    """
    Make the adapter for *spec*; the factory that ``app.py`` lists as ``Airflow``.

    Raises:
        PermanentError: The spec has no usable ``url``.
    """
    return AirflowAdapter(spec, surroundings)


class AirflowAdapter:
    """One Engine of type Airflow; keeps `EngineAdapter`, `LogReader`, `NodeLister` and `Retrier`."""

    idempotency = Idempotency.UNIQUE_NAME
    capabilities = frozenset(Capability) - {Capability.HINTS}

    def __init__(self, spec: EngineSpec, surroundings: Surroundings) -> None:
        basic = (spec.spec.get("auth") or {}).get("basic")
        self._http = surroundings.client(spec, what="Airflow's API server", with_auth=not basic)
        token = AirflowToken(self._http, surroundings.secrets, spec.namespace, basic) if basic else None
        self._api = AirflowApi(self._http, surroundings.request_deadline, token)
        self._timeouts: dict[str, float | None] = {}
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def probe(self) -> EngineHealth:
        """Ask for the version and the health, which are told to everybody, then for a DAG, which is not."""
        version = await self._api.version()
        if too_old(version):
            raise PermanentError(f"Airflow {self._http.clean(version)} cannot list runs by their ids: 3.3 or newer can")
        health = await self._api.health()
        notes = remarks(health)
        try:
            await self._api.touch()
        except ForbiddenError as error:
            notes.append(f"the credential is known, but may not list DAGs: {error}")
        return EngineHealth(version=version, message=self._http.clean("; ".join(notes)))

    async def validate(self, target: Mapping[str, Any], arguments: Sequence[str]) -> Sequence[Problem]:
        """Compare *target* and *arguments* with what the DAG is and declares, and learn its own timeout."""
        try:
            dag = await self._api.dag(str(target["dag"]))
        except TargetNotFoundError as error:
            return [Problem("TargetNotFound", str(error))]
        self._timeouts[dag.dag_id] = dag.timeout
        return dag.problems(arguments)

    async def submit(self, request: SubmitRequest) -> Outcome:
        """Start the DAG under the token as the run's id; a 409 is compared with what is there."""
        why = refusal(request)
        if why is not None:
            return Rejected("EngineRejected", self._http.clean(why))
        async with self._gate:
            return await self._start(request)

    async def _start(self, request: SubmitRequest) -> Outcome:
        clock = asyncio.get_running_loop().time
        ends = clock() + request.deadline
        call = Call(
            "submit",
            "POST",
            runs_path(request.target["dag"]),
            body=submission(request),
            deadline=request.deadline,
            write=True,
            before_send=request.before_send,
        )
        try:
            answer = await self._api.send(call)
        except AuthExpiredError as error:
            return NotSent(str(error), http_status=error.http_status, auth=True)
        except EngineError as error:
            return unanswered(error)
        if answer.status == HTTPStatus.CONFLICT:
            return await self._compare(request, answer, max(ends - clock(), 0.1))
        return self._judge(request, answer)

    async def find(self, request: SubmitRequest) -> Sighting:
        """Read the run of the token's name, from Airflow's database, and compare its marks."""
        async with self._gate:
            run = await self._api.run(request.target["dag"], request.token, operation="find")
        if run is None:
            return Absent()
        if not run.is_ours(request.run_uid, request.fingerprint):
            return Foreign(run.external_id)
        return Found(run.external_id, url=self._url(run), native=run.state)

    async def observe(self, references: Sequence[Reference]) -> Observed:
        """Read the runs of each DAG, a hundred a request; a DAG that fails says so and hides no other."""
        wanted: dict[str, dict[str, Reference]] = defaultdict(dict)
        missing = [reference for reference in references if _parts(reference) is None]
        for reference in references:
            if (parts := _parts(reference)) is not None:
                wanted[parts[0]][parts[1]] = reference
        seen: list[Observation] = []
        errors, pages = [], 0
        for dag, ours in wanted.items():
            try:
                async for page in self._api.runs(dag, list(ours)):
                    pages += 1
                    known = [run for run in page.dag_runs if ours.pop(run.dag_run_id, None) is not None]
                    seen += [await self._observation(run) for run in known]
            except TargetNotFoundError:
                missing.extend(ours.values())  # the DAG was deleted, and its runs with it
            except EngineError as error:
                errors.append(error)
            else:
                missing.extend(ours.values())
        if errors and len(errors) == len(wanted):
            raise errors[0]
        return Observed(seen, missing, pages, errors)

    async def look(self, reference: Reference) -> Observation | None:
        """Read one run."""
        async with self._gate:
            run = await self._run(reference, "look")
        return None if run is None else await self._observation(run)

    async def cancel(self, reference: Reference, mode: CancelMode, reason: str) -> CancelOutcome:  # noqa: ARG002 - alike
        """Look, then let the run have failed, which ends its tasks; *mode* makes no difference to Airflow."""
        async with self._gate:
            return await self._cancel(reference, reason)

    async def _cancel(self, reference: Reference, reason: str) -> CancelOutcome:
        run = await self._run(reference, "cancel")
        if run is None:
            return CancelOutcome.NOT_FOUND
        status, _, is_known = status_of(run)
        if status.is_finished:
            return CancelOutcome.ALREADY_TERMINAL
        if not is_known:
            return CancelOutcome.UNKNOWN  # it may have ended, and would become a failed one
        try:
            answer = await self._api.end(run.dag_id, run.dag_run_id, run.cancel_note(reason))
        except TransportError as error:
            if error.sent:
                return CancelOutcome.UNKNOWN
            raise
        except ProtocolDriftError:
            return CancelOutcome.UNKNOWN
        return self._ended(answer)

    async def nodes(self, reference: Reference) -> Sequence[Node]:
        """List the task instances, in the order in which they began."""
        run = await self._there(reference, "nodes")
        tasks = await self._api.task_instances(run.dag_id, run.dag_run_id, operation="nodes")
        return [node_of(task, self._http.clean(task.note or "")) for task in sorted(tasks, key=in_order)]

    async def logs(self, reference: Reference, cursor: str | None) -> LogPage:
        """Read the tasks' lines on from *cursor*."""
        return await read_logs(self._api, await self._there(reference, "logs"), cursor)

    async def retry(self, reference: Reference) -> None:
        """
        Clear the tasks that failed, so that the run goes on under its id; the mark of a cancel goes.

        Raises:
            PermanentError: It has not ended, or nothing of it failed.
            UnknownOutcomeError: The answer was lost.
        """
        run = await self._there(reference, "retry")
        if run.state != "failed":
            raise PermanentError(f"only a failed DAG run can be retried: {reference.external_id} is {run.state}")
        try:
            answer = await self._api.clear(run.dag_id, run.dag_run_id, run.plain_note if run.was_cancelled else None)
        except (TransportError, ProtocolDriftError) as error:
            if isinstance(error, TransportError) and not error.sent:
                raise
            raise UnknownOutcomeError(str(error)) from error
        if not answer.is_ok:
            if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise UnknownOutcomeError(self._api.message(answer), http_status=answer.status)
            raise self._api.error(answer)
        try:
            state = decode(answer, DagRun).state
        except ProtocolDriftError as error:
            raise UnknownOutcomeError(str(error)) from error
        if state == "failed":
            raise PermanentError("Airflow found no failed task to clear: create another Run")

    async def close(self) -> None:
        """End all connections."""
        await self._http.close()

    def _judge(self, request: SubmitRequest, answer: Answer) -> Outcome:
        """Say what the answer to a submit means, a conflict excepted."""
        if answer.is_ok:
            return self._created(request, answer)
        message = self._api.message(answer)
        if is_token_refused(answer):
            return NotSent(message, http_status=answer.status, auth=True)
        is_its_own = refusal_of(answer) is not None
        if answer.status == HTTPStatus.NOT_FOUND and not is_its_own:
            return Unknown(f"a 404 that is not Airflow's own: {message}", http_status=answer.status)
        return write_outcome(answer, message, marked=is_its_own)

    def _created(self, request: SubmitRequest, answer: Answer) -> Outcome:
        """An answer proves something only if it is the run that was asked for."""
        try:
            run = decode(answer, DagRun)
        except ProtocolDriftError as error:
            return Unknown(self._http.clean(str(error)), http_status=answer.status)
        if (run.dag_id, run.dag_run_id) != (request.target["dag"], request.token):
            return Unknown("the answer to the submit shows no DAG run of our name", http_status=answer.status)
        return Created(run.external_id, self._url(run), run.state)

    async def _compare(self, request: SubmitRequest, answer: Answer, deadline: float) -> Outcome:
        """A conflict is never proof that the work is ours: look at what has the name."""
        try:
            run = await self._api.run(request.target["dag"], request.token, operation="compare", deadline=deadline)
        except EngineError as error:
            return Unknown(f"the name is taken, by whom is not known: {error}", http_status=answer.status)
        if run is None:
            if is_taken(answer):
                return NameGone("the name was taken, and then nothing was there")
            return Unknown(self._api.message(answer), http_status=answer.status)
        if run.is_ours(request.run_uid, request.fingerprint):
            return Adopted(run.external_id, self._url(run), run.state)
        message = f"{run.external_id} has our name but not our marks"
        return Rejected("NameTaken", message, http_status=answer.status)

    def _ended(self, answer: Answer) -> CancelOutcome:
        """Say what the answer to the end of a run means."""
        if answer.is_ok:
            return CancelOutcome.ACCEPTED
        if answer.status == HTTPStatus.NOT_FOUND and refusal_of(answer) is not None:
            return CancelOutcome.NOT_FOUND
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status < HTTPStatus.BAD_REQUEST:
            return CancelOutcome.UNKNOWN
        raise self._api.error(answer)

    async def _run(self, reference: Reference, operation: str) -> DagRun | None:
        parts = _parts(reference)
        return None if parts is None else await self._api.run(*parts, operation=operation)

    async def _there(self, reference: Reference, operation: str) -> DagRun:
        """Read a run that must be there."""
        run = await self._run(reference, operation)
        if run is None:
            raise TargetNotFoundError("the DAG run is not there any more")
        return run

    async def _observation(self, run: DagRun) -> Observation:
        has_failed = status_of(run)[1] == "Failed"
        timeout = await self._timeout(run.dag_id) if has_failed else None
        return observation(run, url=self._url(run), timeout=timeout)

    async def _timeout(self, dag: str) -> float | None:
        """Return the DAG's own timeout: asked for once, if `validate` has not learned it here."""
        if dag not in self._timeouts:
            try:
                self._timeouts[dag] = (await self._api.dag(dag)).timeout
            except EngineError:
                return None  # that the run failed is worth more than why
        return self._timeouts[dag]

    def _url(self, run: DagRun) -> str:
        return f"{self._http.base}/dags/{quote(run.dag_id, safe='')}/runs/{quote(run.dag_run_id, safe='')}"


def _parts(reference: Reference) -> tuple[str, str] | None:
    """Return the DAG's id and the run's."""
    dag, _, run = reference.external_id.partition("/")
    return (dag, run) if dag and run and "/" not in run else None
