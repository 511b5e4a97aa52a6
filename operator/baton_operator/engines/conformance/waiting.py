"""What tests wait for: work that has begun, an observation that fits, a condition. Each wait has a deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from baton_operator.engines.base import (
    Created,
    EngineAdapter,
    Enqueued,
    Found,
    Observation,
    Reference,
    SubmitRequest,
)
from baton_operator.engines.conformance.harness import Fate, Harness
from baton_operator.engines.options import HandleFollower, Whereabouts

#: Seconds between two looks, and that a wait lasts at most: an engine may share the machine on which it starts work.
PAUSE, PATIENCE = 0.05, 120.0


def reference(request: SubmitRequest, external_id: str) -> Reference:
    """Name the execution of *request*."""
    return Reference(external_id, request.token, request.target)


async def eventually(holds: Callable[[], Awaitable[bool]], *, within: float = PATIENCE) -> None:
    """Wait until *holds*."""
    deadline = time.monotonic() + within
    while not await holds():
        assert time.monotonic() < deadline, f"not so within {within} s"
        await asyncio.sleep(PAUSE)


async def submitted(harness: Harness, fate: Fate = "lasts") -> tuple[SubmitRequest, Reference]:
    """Submit something, follow its handle if it gets one, and return it with the reference of its execution."""
    request = harness.request(fate)
    outcome = await harness.adapter.submit(request)
    if isinstance(outcome, Enqueued):
        request = replace(request, handle=outcome.handle)
        begun = await followed(harness.adapter, request, lambda seen: isinstance(seen, Found))
        assert isinstance(begun, Found)
        return request, reference(request, begun.external_id)
    assert isinstance(outcome, Created), outcome
    return request, reference(request, outcome.external_id)


async def followed(
    adapter: EngineAdapter, request: SubmitRequest, holds: Callable[[Whereabouts], bool], *, within: float = PATIENCE
) -> Whereabouts:
    """Follow the handle of *request* until what is said of it fits."""
    assert isinstance(adapter, HandleFollower), "an adapter that answers with handles keeps HandleFollower"
    deadline = time.monotonic() + within
    while True:
        (seen,) = await adapter.follow([request])
        if holds(seen):
            return seen
        assert time.monotonic() < deadline, f"not so within {within} s; last seen: {seen}"
        await asyncio.sleep(PAUSE)


async def observed(
    harness: Harness, wanted: Reference, holds: Callable[[Observation], bool], *, within: float = PATIENCE
) -> Observation:
    """Observe in bulk until what is seen fits."""
    deadline = time.monotonic() + within
    seen = None
    while time.monotonic() < deadline:
        answer = await harness.adapter.observe([wanted])
        for seen in answer.observations:
            if holds(seen):
                return seen
        await asyncio.sleep(PAUSE)
    raise AssertionError(f"not seen within {within} s; last seen: {seen}")
