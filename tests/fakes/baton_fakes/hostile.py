"""
What an adapter of an engine behind HTTP must keep when the engine, or something before it, misbehaves.

The second half of the conformance suite: over a harness whose server shows the faults of `baton_fakes.faults`.
"""

import asyncio
import resource
import time
from dataclasses import replace
from typing import Protocol

import pytest
from aiohttp import web
from baton_fakes.conformance import Harness, observed, submitted
from baton_fakes.faults import Fault, Faults
from baton_fakes.serving import serving

from baton_operator.engines.base import (
    Absent,
    Adopted,
    CancelOutcome,
    Created,
    EngineAdapter,
    Found,
    NotSent,
    Unknown,
)
from baton_operator.engines.errors import AuthExpiredError, EngineError, RetryableError

_GIGABYTE = 1024 * 1024 * 1024
#: What a refused gigabyte may cost in memory: a body limit, and what the allocator keeps.
_MEMORY_ALLOWED = 96 * 1024 * 1024

#: Answers after which nobody knows whether the work was done: it was, or it may have been.
UNKNOWN = [
    Fault("work-then-drop"),
    Fault("drop"),
    Fault("work-then-sink"),
    Fault("work-then-answer", status=500),
    Fault("work-then-answer", status=502, headers={"Content-Type": "text/html"}, body="<h1>Bad Gateway</h1>"),
    Fault("work-then-answer", status=504),
    Fault("work-then-answer", status=503, headers={"Content-Type": "text/plain"}, body="no healthy upstream"),
    Fault("work-then-answer", status=200, body="{}"),
    Fault("work-then-answer", status=200, body="[" * 100_000),
    Fault("work-then-answer", status=200, body='{"metadata":{"uid":NaN}}'),
    Fault("work-then-answer", status=302, headers={"Location": "/login"}),
    Fault("page"),
    Fault("cut"),
    Fault("drip", seconds=0.2),
    Fault("bomb", size=_GIGABYTE),
    Fault("flood", size=_GIGABYTE),
]


class FaultyHarness(Harness, Protocol):
    """An engine that can be made to misbehave."""

    faults: Faults
    #: A 503 as the engine itself says it.
    unavailable: Fault

    def adapter_with(self, secret: str) -> EngineAdapter:
        """Make another adapter, whose credential is *secret*."""

    def rotate(self, secret: str) -> None:
        """Change the credential on the server and in the secret's source."""

    def require(self, secret: str) -> None:
        """Let the server want a credential from now on."""

    def unreachable(self) -> EngineAdapter:
        """Make an adapter for an address where nobody listens."""


def _label(fault: Fault) -> str:
    return f"{fault.kind}-{fault.status}-{fault.body[:12]}" if "answer" in fault.kind else fault.kind


class ServerConformance:
    """The signal table, and what hostile answers must not do."""

    @pytest.mark.parametrize("fault", UNKNOWN, ids=_label)
    async def test_a_lost_answer_does_not_start_a_second_execution(self, harness: FaultyHarness, fault: Fault) -> None:
        """After any answer that proves nothing, a look and a second send end with one execution."""
        request = harness.request(deadline=1.0)
        harness.faults.add(replace_fault(fault, method="POST", times=1))
        outcome = await harness.adapter.submit(request)
        assert isinstance(outcome, Unknown), outcome
        accepted = await harness.accepted(request.token)
        sighting = await harness.adapter.find(request)
        assert isinstance(sighting, Found if accepted else Absent)
        again = await harness.adapter.submit(replace(request, deadline=10.0))
        assert isinstance(again, Adopted if accepted else Created)
        assert await harness.accepted(request.token) == 1

    @pytest.mark.parametrize("fault", UNKNOWN, ids=_label)
    async def test_a_spoiled_read_is_tried_again(self, harness: FaultyHarness, fault: Fault) -> None:
        """No bad answer to a read is taken for absence, or for anything final."""
        request, wanted = await submitted(harness)
        harness.faults.add(replace_fault(fault, method="GET", times=3))
        adapter = harness.adapter
        reads = (lambda: adapter.observe([wanted]), lambda: adapter.look(wanted), lambda: adapter.find(request))
        for read in reads:
            with pytest.raises(RetryableError):
                await read()
        seen = await adapter.look(wanted)
        assert seen is not None
        assert seen.external_id == wanted.external_id

    async def test_a_404_of_a_proxy_is_no_absence(self, harness: FaultyHarness) -> None:
        """An ingress without a backend says 404 too."""
        request, wanted = await submitted(harness)
        fault = Fault("answer", status=404, headers={"Content-Type": "text/plain"}, body="default backend - 404")
        harness.faults.add(fault)
        adapter = harness.adapter
        reads = (lambda: adapter.find(request), lambda: adapter.look(wanted), lambda: adapter.observe([wanted]))
        for read in reads:
            with pytest.raises(RetryableError):
                await read()
        assert isinstance(await adapter.submit(harness.request()), Unknown)

    async def test_an_engine_that_says_later_was_not_sent_to(self, harness: FaultyHarness) -> None:
        """Its own 503, and 429, prove that nothing was done; Retry-After is honoured in both forms."""
        harness.faults.add(replace_fault(harness.unavailable, headers={"Retry-After": "7"}, times=1))
        outcome = await harness.adapter.submit(harness.request())
        assert isinstance(outcome, NotSent)
        assert (outcome.retry_after, outcome.http_status) == (7.0, 503)
        moment = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 60))
        headers = {"Content-Type": "text/plain", "Retry-After": moment}
        harness.faults.add(Fault("answer", status=429, headers=headers, body="Too Many Requests", times=1))
        outcome = await harness.adapter.submit(harness.request())
        assert isinstance(outcome, NotSent)
        assert outcome.retry_after is not None
        assert 50.0 < outcome.retry_after <= 60.0

    async def test_an_engine_that_is_down_was_not_sent_to(self, harness: FaultyHarness) -> None:
        """A refused connection proves that no byte left."""
        adapter = harness.unreachable()
        outcome = await adapter.submit(harness.request())
        assert isinstance(outcome, NotSent)
        assert outcome.counts
        with pytest.raises(RetryableError):
            await adapter.probe()
        await adapter.close()

    async def test_a_deadline_is_total(self, harness: FaultyHarness) -> None:
        """A server that drips, with no single read too long, is left at the deadline."""
        harness.faults.add(Fault("drip", seconds=0.1, method="POST", times=1))
        begun = time.monotonic()
        outcome = await harness.adapter.submit(harness.request(deadline=0.5))
        assert isinstance(outcome, Unknown)
        assert time.monotonic() - begun < 2.0

    @pytest.mark.parametrize("kind", ["bomb", "flood"])
    async def test_memory_is_bounded(self, harness: FaultyHarness, kind: str) -> None:
        """A gigabyte, sent or unpacked, is not read."""
        _, wanted = await submitted(harness)
        harness.faults.add(Fault(kind, size=_GIGABYTE, method="GET", times=4))
        with pytest.raises(RetryableError, match=r"more than \d+ bytes|compressed"):
            await harness.adapter.look(wanted)  # the fake's own memory is counted from here on
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        for _ in range(3):
            with pytest.raises(RetryableError):
                await harness.adapter.look(wanted)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before < _MEMORY_ALLOWED

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    async def test_no_credential_follows_a_redirect(self, harness: FaultyHarness, status: int) -> None:
        """A redirect to another host is an error; the other host hears nothing."""
        harness.rotate("canary-4711")
        heard: list[web.BaseRequest] = []

        async def listen(request: web.BaseRequest) -> web.StreamResponse:
            heard.append(request)
            return web.json_response({})

        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", listen)
        async with serving(app) as elsewhere:
            harness.faults.add(Fault("redirect", status=status, location=f"{elsewhere}/here"))
            with pytest.raises(RetryableError):
                await harness.adapter.probe()
            outcome = await harness.adapter.submit(harness.request())
            assert isinstance(outcome, Unknown)
        assert heard == []

    async def test_a_wrong_credential_is_seen(self, harness: FaultyHarness) -> None:
        """A probe sees it, and a submit is NotSent: a 401 was not executed."""
        harness.require("the-right-one")
        adapter = harness.adapter_with("the-wrong-one")
        with pytest.raises(AuthExpiredError) as refusal:
            await adapter.probe()
        request = harness.request()
        outcome = await adapter.submit(request)
        assert isinstance(outcome, NotSent)
        assert outcome.auth
        assert "the-wrong-one" not in f"{refusal.value} {outcome}"
        assert await harness.accepted(request.token) == 0
        await adapter.close()

    async def test_a_rotated_credential_counts_at_once(self, harness: FaultyHarness) -> None:
        """Secrets are read at the moment of sending; no adapter has to be made anew."""
        harness.rotate("first-credential")
        assert (await harness.adapter.probe()).version
        harness.rotate("second-credential")
        assert isinstance(await harness.adapter.submit(harness.request()), Created)

    async def test_an_engine_cannot_make_us_repeat_a_secret(self, harness: FaultyHarness) -> None:
        """A server that echoes the credential finds it in no message of ours."""
        canary = "canary-0815-tok"
        harness.rotate(canary)
        for status in (200, 400, 403, 404, 409, 500, 503):
            body = f'{{"code":3,"message":"you sent Authorization: Bearer {canary}, {canary}"}}'
            harness.faults.clear()
            harness.faults.add(Fault("answer", status=status, body=body))
            texts = [repr(await harness.adapter.submit(harness.request()))]
            try:
                await harness.adapter.probe()
            except EngineError as error:
                texts.append(f"{error} {error!r} {error.__cause__}")
            assert canary not in " ".join(texts)

    async def test_a_lost_answer_to_a_cancel_is_unknown(self, harness: FaultyHarness) -> None:
        """The next look tells."""
        _, wanted = await submitted(harness)
        harness.faults.add(Fault("work-then-drop", method="PUT", times=1))
        assert await harness.adapter.cancel(wanted, "stop", "enough") is CancelOutcome.UNKNOWN
        await observed(harness, wanted, lambda seen: seen.status.is_finished)
        assert await harness.adapter.cancel(wanted, "stop", "enough") is CancelOutcome.ALREADY_TERMINAL

    async def test_a_slow_engine_does_not_block_others(self, harness: FaultyHarness) -> None:
        """Requests to a sink-hole do not hold up those that are answered."""
        harness.faults.add(Fault("sink", seconds=5.0, method="POST", times=20))
        stuck = [asyncio.create_task(harness.adapter.submit(harness.request(deadline=1.0))) for _ in range(20)]
        await asyncio.sleep(0)
        begun = time.monotonic()
        assert (await harness.adapter.probe()).version
        assert time.monotonic() - begun < 1.0
        assert {type(outcome) for outcome in await asyncio.gather(*stuck)} == {Unknown}


def replace_fault(fault: Fault, **changes: object) -> Fault:
    """Return a copy, so that counting down a fault leaves the table as it is."""
    return Fault(**{name: getattr(fault, name) for name in fault.__struct_fields__} | changes)
