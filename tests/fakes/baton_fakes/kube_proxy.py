"""A proxy before a real API server that answers wrongly when told to, as load balancers and upgrades do."""

import asyncio
import json
from collections import Counter

import aiohttp
from aiohttp import web

from baton_operator.kube.connection import Connection

_HOP = frozenset({"transfer-encoding", "connection", "content-length", "content-encoding"})


class KubeProxy:
    """
    Passes everything on to one API server, but for what it was told.

    Attributes:
        answer: A status with which lists and watches are answered instead, or None.
        answer_discovery: Whether our kinds are shown as served.
        calls: How often each path was asked, wrong answers included.
    """

    def __init__(self, connection: Connection) -> None:
        self.answer: int | None = None
        self.answer_discovery = True
        self.calls: Counter[str] = Counter()
        self._server = connection.server
        self._session = connection.session()
        self._watches: set[tuple[web.StreamResponse, asyncio.Task[None] | None]] = set()

    def app(self) -> web.Application:
        """Give what is to be served."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        app.on_cleanup.append(self._close)
        return app

    async def say_in_watches(self, event: dict[str, object]) -> int:
        """Write *event* into every open watch; return how many there are."""
        for response, _ in self._watches:
            await response.write(json.dumps(event).encode() + b"\n")
        return len(self._watches)

    def cut_watches(self) -> None:
        """End every open watch, as a restart of the API server does."""
        for _, task in self._watches:
            if task is not None:
                task.cancel()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        self.calls[request.path] += 1
        if not self.answer_discovery and request.path == "/apis/baton.dev/v1alpha1":
            return web.json_response({"kind": "Status", "code": 404}, status=404)
        if self.answer is not None and request.path.startswith("/apis/baton.dev/v1alpha1/"):
            status = {"kind": "Status", "status": "Failure", "code": self.answer, "message": "as told"}
            return web.json_response(status, status=self.answer)
        headers = {name: value for name, value in request.headers.items() if name not in {"Host", "Authorization"}}
        async with self._session.request(
            request.method,
            self._server + request.path_qs,
            headers=headers,
            data=await request.read() or None,
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
        ) as found:
            kept = {name: value for name, value in found.headers.items() if name.lower() not in _HOP}
            response = web.StreamResponse(status=found.status, headers=kept)
            await response.prepare(request)
            entry = (response, asyncio.current_task())
            if request.query.get("watch") == "true":
                self._watches.add(entry)
            try:
                async for chunk in found.content.iter_any():
                    await response.write(chunk)
            finally:
                self._watches.discard(entry)
            return response

    async def _close(self, _: web.Application) -> None:
        await self._session.close()
