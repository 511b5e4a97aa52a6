"""A small job server: state as the real one keeps it, faults, and books of its own."""

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from aiohttp import web

from baton_operator.engines.conformance import Faults, Ledger

PARAMETERS = ["seconds", "fail"]
_ENDED = {"done", "failed", "stopped"}


@dataclass
class StoredJob:
    """One job of the kind ``nap``: it sleeps ``seconds`` and then fails or not."""

    id: str
    serial: int
    labels: dict[str, str]
    seconds: float
    fail: bool
    started: datetime
    stopped: datetime | None = None

    def document(self, now: datetime) -> dict[str, Any]:
        """Show the job as it is at *now*."""
        due = self.started + timedelta(seconds=self.seconds)
        ended = self.stopped or (due if due <= now else None)
        state = "stopped" if self.stopped else ("failed" if self.fail else "done") if ended else "running"
        shown = {"id": self.id, "serial": self.serial, "state": state, "labels": self.labels}
        times = {"startedAt": self.started.isoformat(), "finishedAt": ended.isoformat() if ended else None}
        return {**shown, **times, "output": {"slept": self.seconds} if state == "done" else None}


class JobServer:
    """
    The server.

    Args:
        ledger: Where each accepted job is written down.

    Attributes:
        token: The credential that is wanted; empty for none.
        faults: What is shown instead of its answers.
    """

    def __init__(self, ledger: Ledger | None = None) -> None:
        self.token = ""
        self.faults = Faults()
        self.ledger = ledger or Ledger()
        self._jobs: dict[str, StoredJob] = {}
        self._serials = itertools.count(1)

    def app(self) -> web.Application:
        """Make the application."""
        app = web.Application(middlewares=[self._middleware])
        app.add_routes(
            [
                web.get("/version", self._version),
                web.get("/kinds/{kind}", self._kind),
                web.get("/jobs", self._list),
                web.post("/jobs", self._submit),
                web.get("/jobs/{id}", self._get),
                web.post("/jobs/{id}/stop", self._stop),
            ]
        )
        return app

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Any) -> web.StreamResponse:
        async def work(request: web.Request) -> web.StreamResponse:
            if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
                return refusal(HTTPStatus.UNAUTHORIZED, "no valid token")
            answer: web.StreamResponse = await handler(request)
            return answer

        return await self.faults.answer(request, work)

    async def _version(self, request: web.Request) -> web.Response:
        return web.json_response({"version": "1.4.0"})

    async def _kind(self, request: web.Request) -> web.Response:
        if request.match_info["kind"] != "nap":
            return refusal(HTTPStatus.NOT_FOUND, f"there is no kind {request.match_info['kind']}")
        return web.json_response({"parameters": PARAMETERS})

    async def _submit(self, request: web.Request) -> web.Response:
        body = await request.json()
        if body.get("kind") != "nap":
            return refusal(HTTPStatus.NOT_FOUND, f"there is no kind {body.get('kind')}")
        if body["id"] in self._jobs:
            return refusal(HTTPStatus.CONFLICT, f"there is a job {body['id']}")
        seconds, fail = float(body["arguments"].get("seconds", 0)), body["arguments"].get("fail") == "yes"
        job = StoredJob(body["id"], next(self._serials), body["labels"], seconds, fail, datetime.now(UTC))
        self._jobs[job.id] = job
        self.ledger.append(id=job.id, serial=job.serial)
        return web.json_response(job.document(job.started), status=HTTPStatus.CREATED)

    async def _list(self, request: web.Request) -> web.Response:
        prefix, after, limit = request.query["prefix"], request.query.get("after", ""), int(request.query["limit"])
        names = sorted(name for name in self._jobs if name.startswith(prefix) and name > after)
        page = [self._jobs[name].document(datetime.now(UTC)) for name in names[:limit]]
        return web.json_response({"jobs": page, "next": names[limit - 1] if len(names) > limit else None})

    async def _get(self, request: web.Request) -> web.Response:
        job = self._jobs.get(request.match_info["id"])
        if job is None:
            return refusal(HTTPStatus.NOT_FOUND, "there is no such job")
        return web.json_response(job.document(datetime.now(UTC)))

    async def _stop(self, request: web.Request) -> web.Response:
        job, now = self._jobs.get(request.match_info["id"]), datetime.now(UTC)
        if job is None:
            return refusal(HTTPStatus.NOT_FOUND, "there is no such job")
        if job.document(now)["state"] in _ENDED:
            return refusal(HTTPStatus.CONFLICT, "the job has ended")
        job.stopped = now
        return web.json_response({}, status=HTTPStatus.ACCEPTED)


def refusal(status: HTTPStatus, words: str) -> web.Response:
    """Refuse in the server's own way."""
    return web.json_response({"error": words}, status=status)
