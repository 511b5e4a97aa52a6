"""
Faults that a server under the suite's control shows, switched while it runs.

A fault is chosen by method and path, lasts for a number of requests (or until cleared), and either answers in the
engine's place, delays, or lets the engine work and spoils the answer.
"""

import asyncio
import gzip
import random
import re
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_LOGIN_PAGE = b"<!doctype html><html><title>Sign in</title><form action=/login><input name=password></form></html>"
_MEGABYTE = 1024 * 1024
#: Seconds between two looks at whether a held request may go on.
_LOOK_AGAIN = 0.01
_HOLDING = frozenset({"hold", "work-then-hold"})


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """
    One fault.

    Attributes:
        kind: See `KINDS`.
        method: Only this method; empty for all.
        path: Only paths that this expression is found in.
        times: For so many requests; 0 until cleared.
        probability: How often, of those that fit; the seed makes it repeatable.
        seconds: Of latency, or between two bytes of a drip.
        status: Of the answer in the engine's place.
        headers: Of that answer.
        body: Of that answer.
        location: Of a redirect.
        size: Bytes of a bomb or flood.
        released: Whether a request that is held may go on; set by `Faults.release`.
    """

    kind: str
    method: str = ""
    path: str = ""
    times: int = 0
    probability: float = 1.0
    seconds: float = 0.0
    status: int = 503
    headers: dict[str, str] = {}
    body: str = ""
    location: str = ""
    size: int = 1024 * _MEGABYTE
    released: bool = False

    def fits(self, request: web.Request) -> bool:
        """Whether it concerns *request*."""
        return (not self.method or self.method == request.method) and re.search(self.path, request.path) is not None


class Faults:
    """The faults that are switched on; the first that fits counts."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._faults: list[Fault] = []
        self._holding: list[Fault] = []
        self.shown = 0

    def add(self, fault: Fault) -> None:
        """Switch *fault* on, behind those that are on."""
        if fault.kind not in KINDS:
            raise ValueError(f"no fault is called {fault.kind}: there are {', '.join(KINDS)}")
        self._faults.append(fault)

    def clear(self) -> None:
        """Switch all faults off, and let go what is held."""
        self._faults.clear()
        self.release()

    def release(self) -> int:
        """Let the requests go on that are held; return how many there were."""
        holding, self._holding = self._holding, []
        for fault in holding:
            fault.released = True
        return len(holding)

    def draw(self, request: web.Request) -> Fault | None:
        """Return the fault that *request* meets, and count it."""
        for fault in self._faults:
            if fault.fits(request) and self._random.random() < fault.probability:
                if fault.times:
                    fault.times -= 1
                    if not fault.times:
                        self._faults.remove(fault)
                self.shown += 1
                return self._held(fault) if fault.kind in _HOLDING else fault
        return None

    def _held(self, fault: Fault) -> Fault:
        """Give each request that is held a fault of its own, that can be released."""
        own = msgspec.structs.replace(fault)
        self._holding.append(own)
        return own

    async def answer(self, request: web.Request, work: Handler) -> web.StreamResponse:
        """Answer *request* by *work*, or by the fault that it meets: what a server's middleware calls."""
        fault = self.draw(request)
        return await (work(request) if fault is None else KINDS[fault.kind](fault, request, work))


async def _latency(fault: Fault, request: web.Request, work: Handler) -> web.StreamResponse:
    """Answer late, having worked late."""
    await asyncio.sleep(fault.seconds)
    return await work(request)


async def _late_answer(fault: Fault, request: web.Request, work: Handler) -> web.StreamResponse:
    """Work at once, answer late."""
    answer = await work(request)
    await asyncio.sleep(fault.seconds)
    return answer


async def _answer(fault: Fault, request: web.Request, work: Handler) -> web.StreamResponse:
    """Do nothing, and answer what the fault says: 429 or 503 with a Retry-After, a text of a proxy."""
    headers = {"Content-Type": "application/json", **fault.headers}
    return web.Response(status=fault.status, headers=headers, body=fault.body.encode())


async def _work_then_answer(fault: Fault, request: web.Request, work: Handler) -> web.StreamResponse:
    """Do the work, and say something else."""
    await work(request)
    return await _answer(fault, request, work)


async def _drop(fault: Fault, request: web.Request, work: Handler) -> web.StreamResponse:
    """Cut the connection without having worked."""
    return await _cut_connection(request)


async def _work_then_drop(fault: Fault, request: web.Request, work: Handler) -> web.StreamResponse:
    """Do the work, then cut the connection: the lost answer."""
    await work(request)
    return await _cut_connection(request)


async def _cut_connection(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _sink(fault: Fault, request: web.Request, work: Handler) -> web.StreamResponse:
    """Take the request and never answer."""
    await asyncio.sleep(fault.seconds or 3600)
    return await _cut_connection(request)


async def _work_then_sink(fault: Fault, request: web.Request, work: Handler) -> web.StreamResponse:
    """Do the work and never answer."""
    await work(request)
    return await _sink(fault, request, work)


async def _hold(fault: Fault, request: web.Request, work: Handler) -> web.StreamResponse:
    """Work only when the test says so: a request that overtakes, or is overtaken."""
    await _until_released(fault)
    return await work(request)


async def _work_then_hold(fault: Fault, request: web.Request, work: Handler) -> web.StreamResponse:
    """Work at once, answer when the test says so."""
    answer = await work(request)
    await _until_released(fault)
    return answer


async def _until_released(fault: Fault) -> None:
    while not fault.released:  # noqa: ASYNC110 - released from a test's thread, which no event of this loop is for
        await asyncio.sleep(_LOOK_AGAIN)


async def _drip(fault: Fault, request: web.Request, work: Handler) -> web.StreamResponse:
    """Do the work, and answer byte by byte: no single read takes long, all of them take for ever."""
    answer = await work(request)
    body = answer.body if isinstance(answer, web.Response) and isinstance(answer.body, bytes) else b"{}"
    stream = await _stream(request, answer.status, {"Content-Type": "application/json"})
    for position in range(len(body)):
        await stream.write(body[position : position + 1])
        await asyncio.sleep(fault.seconds or 0.05)
    return stream


async def _cut(fault: Fault, request: web.Request, work: Handler) -> web.StreamResponse:
    """Do the work, and send half of the answer as if it were whole."""
    answer = await work(request)
    body = answer.body if isinstance(answer, web.Response) and isinstance(answer.body, bytes) else b"{}"
    return web.Response(status=answer.status, content_type="application/json", body=body[: len(body) // 2])


async def _page(fault: Fault, request: web.Request, work: Handler) -> web.StreamResponse:
    """Answer with a login page, 200."""
    return web.Response(body=_LOGIN_PAGE, content_type="text/html")


async def _redirect(fault: Fault, request: web.Request, work: Handler) -> web.StreamResponse:
    """Send to another host, as a proxy with single sign-on does."""
    return web.Response(
        status=fault.status if fault.status in {301, 302, 307, 308} else 307, headers={"Location": fault.location}
    )


async def _bomb(fault: Fault, request: web.Request, work: Handler) -> web.StreamResponse:
    """Answer compressed, asked or not: a thousandth of what it becomes (a gzip file may have many members)."""
    body = gzip.compress(b" " * _MEGABYTE) * (fault.size // _MEGABYTE)
    return web.Response(body=body, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})


async def _flood(fault: Fault, request: web.Request, work: Handler) -> web.StreamResponse:
    """Answer with so many bytes."""
    stream = await _stream(request, 200, {"Content-Type": "application/json"})
    block = b" " * _MEGABYTE
    for _ in range(fault.size // _MEGABYTE):
        await stream.write(block)
    return stream


async def _stream(request: web.Request, status: int, headers: dict[str, str]) -> web.StreamResponse:
    stream = web.StreamResponse(status=status, headers=headers)
    await stream.prepare(request)
    return stream


KINDS: dict[str, Callable[[Fault, web.Request, Handler], Awaitable[web.StreamResponse]]] = {
    "latency": _latency,
    "late-answer": _late_answer,
    "answer": _answer,
    "work-then-answer": _work_then_answer,
    "drop": _drop,
    "work-then-drop": _work_then_drop,
    "sink": _sink,
    "work-then-sink": _work_then_sink,
    "hold": _hold,
    "work-then-hold": _work_then_hold,
    "drip": _drip,
    "cut": _cut,
    "page": _page,
    "redirect": _redirect,
    "bomb": _bomb,
    "flood": _flood,
}
