"""
What all fakes have in common: how a request comes in, and what steers a fake while it runs.

Each request is counted, and answered by the engine or by the fault that it meets. Below ``/_`` there are ``/_faults``
(POST one, DELETE all), ``/_release`` (POST: let held requests go on), ``/_settings`` (PATCH), ``/_ledger`` and
``/_requests``; what is there meets no fault and is not counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol

import msgspec
import orjson
from aiohttp import web

from baton_operator.engines.conformance import Fault, Faults, Ledger

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Steered(Protocol):
    """The state of a fake, as far as all have it; ``settings`` is a struct of each fake's own."""

    settings: Any
    ledger: Ledger


class Controls:
    """
    The counts, faults and control endpoints of one fake.

    Args:
        state: Whose settings and ledger are shown.
        work: Answers a request as the engine does; the handler is that of the route.
        shape: Names the kind of a request, under which it is counted.
        settle: Brings the ledger up to the moment before it is shown.
    """

    def __init__(
        self,
        state: Steered,
        work: Callable[[Handler, web.Request], Awaitable[web.StreamResponse]],
        shape: Callable[[web.Request], str],
        settle: Callable[[], object] = lambda: None,
    ) -> None:
        self.faults = Faults()
        self.requests: Counter[str] = Counter()
        self._state, self._work, self._shape, self._settle = state, work, shape, settle

    def app(self) -> web.Application:
        """Make an application that counts, spoils and steers; the engine's own routes are still to be added."""
        app = web.Application(middlewares=[self._middleware], client_max_size=64 * 1024 * 1024)
        app.add_routes(
            [
                web.post("/_faults", self._add_fault),
                web.delete("/_faults", self._clear_faults),
                web.post("/_release", self._release),
                web.patch("/_settings", self._change_settings),
                web.get("/_ledger", self._show_ledger),
                web.get("/_requests", self._show_requests),
            ]
        )
        return app

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/_"):
            return await handler(request)
        self.requests[f"{request.method} {self._shape(request)}"] += 1
        return await self.faults.answer(request, partial(self._work, handler))

    async def _add_fault(self, request: web.Request) -> web.StreamResponse:
        self.faults.add(msgspec.convert(await request.json(), Fault))
        return _done()

    async def _clear_faults(self, request: web.Request) -> web.StreamResponse:
        self.faults.clear()
        return _done()

    async def _release(self, request: web.Request) -> web.StreamResponse:
        return _done({"released": self.faults.release()})

    async def _change_settings(self, request: web.Request) -> web.StreamResponse:
        changed = {**msgspec.structs.asdict(self._state.settings), **await request.json()}
        self._state.settings = msgspec.convert(changed, type(self._state.settings))
        return _done(changed)

    async def _show_ledger(self, request: web.Request) -> web.StreamResponse:
        self._settle()
        return _done(list(self._state.ledger.entries()))

    async def _show_requests(self, request: web.Request) -> web.StreamResponse:
        return _done(self.requests)


def route_of(request: web.Request) -> str:
    """Give the route of a request without the names in it."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "?"


def _done(document: object = None) -> web.Response:
    return web.Response(body=orjson.dumps({} if document is None else document), content_type="application/json")
