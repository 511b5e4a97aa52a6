"""
A fake Jenkins, written from what 2.568.2 answered.

Builds end by themselves as their parameters say (`baton_fakes.jenkins_builds.begin`). Beside Jenkins' own paths and the
controls that all fakes have (`baton_fakes.controls`) there are ``/_jobs``, ``/_end``, ``/_clock`` (let time pass),
``/_queue/save``, ``/_queue/forget`` and ``/_restart`` (all POST).

    python -m baton_fakes.jenkins --port 8080 --ledger /tmp/ledger.jsonl
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec
from aiohttp import web
from baton_fakes import jenkins_pages as pages
from baton_fakes.controls import Controls, Handler
from baton_fakes.jenkins_documents import Documents
from baton_fakes.jenkins_door import Door
from baton_fakes.jenkins_endpoints import Refused, answer_item, create_item
from baton_fakes.jenkins_exchange import CRUMB, Ask, json_of
from baton_fakes.jenkins_export import Bean, bean
from baton_fakes.jenkins_queue import FakeItem
from baton_fakes.jenkins_security import (
    ADMINISTER,
    ITEM_CANCEL,
    ITEM_DISCOVER,
    ITEM_READ,
    READ,
    Proof,
    Security,
    WrongCredentialError,
)
from baton_fakes.jenkins_state import NAP, JenkinsState, Startup

from baton_operator.engines.conformance import Ledger

_NO_CRUMB = "No valid crumb was included in the request"
_CHALLENGE = {
    "Set-Cookie": "remember-me=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; SameSite=Lax",
    "WWW-Authenticate": 'Basic realm="Jenkins", charset="UTF-8"',
}
#: Documents without further pages.
_PLAIN: Mapping[str, Callable[[Documents], Bean]] = {
    "": Documents.root,
    "me": Documents.user,
    "computer": Documents.computers,
    "queue": Documents.queue,
}


class FakeJenkins:
    """
    The server's state and endpoints; `app` makes an aiohttp application of it.

    Args:
        jobs: Names of jobs like ``nap`` that exist from the start.
        ledger: Where accepted submits and begun builds are written down.
        executors: How many builds run at once.
        prefix: Of all paths, as ``/jenkins``.

    Attributes:
        door: Where it is served, if a restart shall really refuse connections; else they are cut.
    """

    def __init__(
        self, jobs: Iterable[str] = ("nap",), ledger: Ledger | None = None, *, executors: int = 4, prefix: str = ""
    ) -> None:
        self.state = JenkinsState(jobs, ledger, executors)
        self.security = Security()
        self._controls = Controls(self.state, _routed, _shape, settle=self.state.settle)
        self.faults, self.requests = self._controls.faults, self._controls.requests
        self.door: Door | None = None
        self._prefix = prefix
        self._refusing: asyncio.Task[None] | None = None

    def app(self) -> web.Application:
        """Return the application; each call makes a new one over the same state."""
        app = self._controls.app()
        app.add_routes(
            [
                web.post("/_jobs", self._add_job),
                web.post("/_end", self._end_build),
                web.post("/_clock", self._advance),
                web.post("/_queue/{what}", self._touch_queue),
                web.post("/_restart", self._restart),
                web.route("*", "/{tail:.*}", self._work),
            ]
        )
        app.on_response_prepare.append(_without_default_type)
        return app

    async def _work(self, request: web.Request) -> web.StreamResponse:
        ask = await Ask.read(request, self._prefix, self.state.session, self.security.new_session)
        with self.state.lock:
            self.state.settle()
            if self.state.phase() == "refused":
                if request.transport is not None:
                    request.transport.abort()
                return web.Response()
            try:
                return self._answer(ask)
            except Refused as refused:
                return refused.answer
            except ValueError:  # what cannot be read is a bug to Jenkins, too
                return ask.oops()

    def _answer(self, ask: Ask) -> web.Response:
        """Go through the gates in Jenkins' order: boot, credential, crumb, permission to see anything, path."""
        phase = self.state.phase()
        if phase == "booting":
            return ask.reply(503, pages.booting(ask.session).encode(), pages.UTF8, compress=False)
        try:
            ask.caller = self.security.authenticate(ask.request.headers.get("Authorization", ""))
        except WrongCredentialError:
            return ask.jetty(401, "Unauthorized", _CHALLENGE)
        if phase == "unauthorized" and ask.caller.proof is not Proof.NONE:
            return ask.jetty(401, "Unauthorized", _CHALLENGE)
        if ask.request.method == "POST" and ask.caller.proof is not Proof.TOKEN and not self._has_crumb(ask):
            return ask.jetty(403, _NO_CRUMB)
        documents = Documents(self.state, ask.base, ask.caller, secure=self.security.enabled)
        if ask.segments[:1] == ["login"]:
            return self._login(ask)
        if ask.segments[:1] == ["whoAmI"]:
            return ask.document(documents.who())
        return self._answer_path(ask, documents) if ask.may(READ) else ask.denied(READ)

    def _has_crumb(self, ask: Ask) -> bool:
        """Whether a crumb of this session came along, as a header or in the form."""
        crumb = ask.request.headers.get(CRUMB) or ask.get(CRUMB)
        if crumb and not ask.cookie:
            ask.begin_session()
        return self.security.is_crumb(crumb or "", ask.caller, ask.cookie)

    def _answer_path(self, ask: Ask, documents: Documents) -> web.Response:
        match ask.segments:
            case []:
                return ask.page(200, "Dashboard", size=pages.OBJECT)
            case [*above, "api", _] if "/".join(above) in _PLAIN:
                return ask.document(_PLAIN["/".join(above)](documents))
            case ["computer", _, "api", _]:
                return ask.document(documents.node())
            case ["crumbIssuer", "api", _]:
                return self._issue_crumb(ask)
            case ["queue", *rest]:
                return self._answer_queue(ask, documents, rest)
            case ["job", *_]:
                return answer_item(self.state, ask, documents)
            case ["createItem"]:
                return create_item(self.state, self.state.root, ask)
            case ["quietDown" | "cancelQuietDown" | "scriptText" as what]:
                return self._administer(ask, what)
        return ask.not_found()

    def _login(self, ask: Ask) -> web.Response:
        ask.begin_session()
        headers = {"X-Hudson": "1.395", **ask.marks()}
        return ask.reply(200, pages.login(ask.session).encode(), pages.UTF8, headers)

    def _issue_crumb(self, ask: Ask) -> web.Response:
        crumb = self.security.crumb(ask.caller, ask.begin_session())
        issuer = "hudson.security.csrf.DefaultCrumbIssuer"
        return ask.document(bean(issuer, crumb=crumb, crumbRequestField=CRUMB))

    def _administer(self, ask: Ask, what: str) -> web.Response:
        if ask.is_read:
            return ask.not_by_get()
        if not ask.may(ADMINISTER):
            return ask.denied(ADMINISTER)
        if what == "scriptText":
            return ask.text(self.security.run_script(ask.get("script") or "").encode())
        self.state.set_quieting(what == "quietDown")
        return ask.redirect("/")

    def _answer_queue(self, ask: Ask, documents: Documents, rest: list[str]) -> web.Response:
        match rest:
            case ["cancelItem"]:
                return ask.not_by_get() if ask.is_read else self._cancel(ask, ask.get("id") or "")
            case ["item", number, "cancelQueue"]:
                return ask.not_by_get() if ask.is_read else self._cancel(ask, number)
            case ["item", number, *further]:
                item = self._item(number)
                if item is None or not ask.may(ITEM_DISCOVER):
                    return ask.not_found()
                if not ask.may(ITEM_READ):
                    return ask.page(403, "Please log in to access this item")
                if further[:1] == ["api"]:
                    return ask.document(documents.queue_item(item))
                path = f"/queue/item/{item.id}/api/json?tree=cancelled,executable[url]"
                return ask.text(f"Queue item exists. For details check, for example, {path}".encode())
        return ask.not_found()

    def _item(self, number: str) -> FakeItem | None:
        queue = self.state.queue
        return (queue.items.get(int(number)) or queue.gone.get(int(number))) if number.isdigit() else None

    def _cancel(self, ask: Ask, number: str) -> web.Response:
        """Take an item out of the queue; one that has left it is a bug to Jenkins, one it forgot is not there."""
        item = self._item(number)
        if item is None or not ask.may(ITEM_READ):
            return ask.page(404, "Not Found")
        if not ask.may(ITEM_CANCEL):
            return ask.page(422, "Item could not be cancelled")
        if item.left is not None:
            return ask.page(500, "Item could not be cancelled")
        self.state.cancel(item)
        return ask.reply(204)

    async def _add_job(self, request: web.Request) -> web.StreamResponse:
        """Make a job of ``name``, ``parameters`` and properties, or with ``branches`` a multibranch project."""
        body = json_of(await request.read())
        name, parameters = body.pop("name"), body.pop("parameters", NAP)
        if "branches" in body:
            self.state.add_multibranch(name, body["branches"], parameters)
        else:
            self.state.add_job(name, parameters, **body)
        return web.json_response({})

    async def _end_build(self, request: web.Request) -> web.StreamResponse:
        body = json_of(await request.read())
        self.state.end(body["job"], body["number"], body["result"])
        return web.json_response({})

    async def _advance(self, request: web.Request) -> web.StreamResponse:
        """Let ``seconds`` pass; with ``frozen`` only so from now on."""
        body = json_of(await request.read())
        if body.get("frozen"):
            self.state.freeze()
        self.state.advance(body.get("seconds", 0.0))
        return web.json_response({})

    async def _touch_queue(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["what"] == "save":
            self.state.save_queue()
        else:
            self.state.forget_left()
        return web.json_response({})

    async def _restart(self, request: web.Request) -> web.StreamResponse:
        """Go down as ``how`` says (``kill`` or ``stop``) and come back in the phases of ``startup``."""
        body = json_of(await request.read())
        startup = msgspec.convert(body.get("startup", {}), Startup)
        self.restart(body.get("how", "kill"), startup)
        if self.door is not None and startup.refused:
            self._refusing = asyncio.create_task(self.door.shut_for(startup.refused))
        return web.json_response({})

    def restart(self, how: str = "kill", startup: Startup | None = None) -> None:
        """Restart the server: `JenkinsState.restart`; nobody is logged in any more."""
        self.state.restart(how, startup)
        self.security.end_sessions()


async def _routed(handler: Handler, request: web.Request) -> web.StreamResponse:
    return await handler(request)


async def _without_default_type(request: web.Request, response: web.StreamResponse) -> None:
    """Leave the type out that aiohttp gives to answers without a body."""
    if response.headers.get("Content-Type") == "application/octet-stream":
        del response.headers["Content-Type"]


def _shape(request: web.Request) -> str:
    """Return the path without names and numbers: requests are counted by kind."""
    parts = request.raw_path.partition("?")[0].split("/")
    named = [
        "*" if before in {"job", "item"} or part.isdigit() else part
        for before, part in zip(["", *parts], parts, strict=False)
    ]
    return "/".join(named)


def main() -> None:
    """Serve until terminated."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--prefix", default="")
    parser.add_argument("--executors", type=int, default=4)
    parser.add_argument("--ledger", type=Path, help="also written there, one JSON object a line")
    parser.add_argument("--job", action="append", help="a job like nap; may be repeated (default: nap)")
    given = parser.parse_args()
    fake = FakeJenkins(given.job or ["nap"], Ledger(given.ledger), executors=given.executors, prefix=given.prefix)
    asyncio.run(_serve(fake, given.host, given.port))


async def _serve(fake: FakeJenkins, host: str, port: int) -> None:
    """Serve *fake* until SIGTERM or SIGINT, and say where."""
    fake.door = Door(fake.app, host, port)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await fake.door.open()
    sys.stdout.write(f"{fake.door.url}\n")
    sys.stdout.flush()
    await stopped.wait()
    await fake.door.shut()


if __name__ == "__main__":
    main()
