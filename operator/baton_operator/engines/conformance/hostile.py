"""What an adapter of an engine behind HTTP must keep when the engine, or something before it, misbehaves."""

import asyncio
import resource
import time
from dataclasses import replace

import msgspec
import pytest
from aiohttp import web

from baton_operator.engines.base import (
    Absent,
    Adopted,
    CancelOutcome,
    Capability,
    Created,
    Enqueued,
    Idempotency,
    NotSent,
    Outcome,
    Reference,
    Unknown,
)
from baton_operator.engines.conformance.faults import Fault
from baton_operator.engines.conformance.harness import FaultyHarness, QueueHarness, Route
from baton_operator.engines.conformance.serving import serving
from baton_operator.engines.conformance.suite import keeps_one
from baton_operator.engines.conformance.waiting import eventually, observed, submitted
from baton_operator.engines.errors import AuthExpiredError, EngineError, ProtocolDriftError, RetryableError
from baton_operator.engines.options import HandleFollower

_GIGABYTE = 1024 * 1024 * 1024
#: What a refused gigabyte may cost in memory: a body limit, and what the allocator keeps.
_MEMORY_ALLOWED = 96 * 1024 * 1024
_SERVICE_UNAVAILABLE = 503
#: Seconds between two looks at work that was just begun.
_PAUSE = 0.25

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


def label(fault: Fault) -> str:
    """Name *fault* in a test's id."""
    return f"{fault.kind}-{fault.status}-{fault.body[:12]}" if "answer" in fault.kind else fault.kind


def on(route: Route, fault: Fault, *, times: int = 0) -> Fault:
    """Return a copy of *fault* for *route* only, so that counting it down leaves the table as it is."""
    return msgspec.structs.replace(fault, method=route.method, path=route.path, times=times)


class ServerConformance:
    """The signal table, and what hostile answers must not do."""

    @pytest.mark.parametrize("fault", UNKNOWN, ids=label)
    async def test_a_lost_answer_does_not_start_a_second_execution(self, harness: FaultyHarness, fault: Fault) -> None:
        """
        After any answer that proves nothing, a look and a second send end with one execution.

        A queue is held meanwhile: equal work coalesces only there. Without any help of the engine what was found is
        not sent again.
        """
        await before_faults(harness, hold=True)
        request = harness.request(deadline=1.0)
        harness.faults.add(on(harness.submit_route, fault, times=1))
        outcome = await harness.adapter.submit(request)
        assert isinstance(outcome, Unknown), outcome
        accepted = await harness.accepted(request.token)
        sighting = await harness.adapter.find(request)
        assert isinstance(sighting, Absent) == (accepted == 0), sighting
        if not accepted or harness.adapter.idempotency is not Idempotency.SEARCH_ONLY:
            again = await harness.adapter.submit(replace(request, deadline=10.0))
            assert isinstance(again, (Adopted if accepted else Created) if keeps_one(harness) else Created | Enqueued)
        assert await harness.accepted(request.token) == 1

    @pytest.mark.parametrize("fault", UNKNOWN, ids=label)
    async def test_a_spoiled_read_is_tried_again(self, harness: FaultyHarness, fault: Fault) -> None:
        """No bad answer to a read is taken for absence, or for anything final."""
        request, wanted = await submitted(harness)
        harness.faults.add(on(harness.read_route, fault))
        adapter = harness.adapter
        reads = (lambda: adapter.observe([wanted]), lambda: adapter.look(wanted), lambda: adapter.find(request))
        ended = await asyncio.gather(*(read() for read in reads), return_exceptions=True)
        assert all(isinstance(each, RetryableError) for each in ended), ended
        if isinstance(adapter, HandleFollower):
            with pytest.raises(RetryableError):
                await adapter.follow([request])
        harness.faults.clear()
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
        await before_faults(harness)
        route = harness.submit_route
        headers = {**harness.unavailable.headers, "Retry-After": "7"}
        harness.faults.add(on(route, msgspec.structs.replace(harness.unavailable, headers=headers), times=1))
        outcome = await harness.adapter.submit(harness.request())
        assert isinstance(outcome, NotSent), outcome
        assert (outcome.retry_after, outcome.http_status) == (7.0, _SERVICE_UNAVAILABLE)
        moment = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 60))
        headers = {"Content-Type": "text/plain", "Retry-After": moment}
        harness.faults.add(on(route, Fault("answer", status=429, headers=headers, body="Too Many Requests"), times=1))
        outcome = await harness.adapter.submit(harness.request())
        assert isinstance(outcome, NotSent), outcome
        assert outcome.retry_after is not None
        assert 50.0 < outcome.retry_after <= 60.0  # noqa: PLR2004 - as said above

    async def test_an_engine_that_is_down_was_not_sent_to(self, harness: FaultyHarness) -> None:
        """A refused connection proves that no byte left."""
        adapter = harness.unreachable()
        outcome = await adapter.submit(harness.request())
        assert isinstance(outcome, NotSent), outcome
        assert outcome.counts
        with pytest.raises(RetryableError):
            await adapter.probe()
        await adapter.close()

    async def test_a_deadline_is_total(self, harness: FaultyHarness) -> None:
        """A server that drips, with no single read too long, is left at the deadline."""
        await before_faults(harness)
        harness.faults.add(on(harness.submit_route, Fault("drip", seconds=0.1), times=1))
        begun = time.monotonic()
        outcome = await harness.adapter.submit(harness.request(deadline=0.5))
        assert isinstance(outcome, Unknown), outcome
        assert time.monotonic() - begun < 2.0  # noqa: PLR2004 - the deadline, and a slow machine

    async def test_a_second_send_keeps_its_deadline(self, harness: FaultyHarness) -> None:
        """However many requests a submit takes, they share one deadline."""
        request, _ = await submitted(harness)
        harness.faults.add(on(harness.read_route, Fault("sink", seconds=30.0)))
        begun = time.monotonic()
        outcome = await harness.adapter.submit(replace(request, handle=None, deadline=0.5))
        assert isinstance(outcome, Adopted | Unknown if keeps_one(harness) else Outcome), outcome
        assert time.monotonic() - begun < 1.0

    @pytest.mark.parametrize("kind", ["bomb", "flood"])
    async def test_memory_is_bounded(self, harness: FaultyHarness, kind: str) -> None:
        """A gigabyte, sent or unpacked, is not read."""
        _, wanted = await submitted(harness)
        harness.faults.add(on(harness.read_route, Fault(kind, size=_GIGABYTE)))
        with pytest.raises(ProtocolDriftError):
            await harness.adapter.look(wanted)  # the server's own memory is counted from here on
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        for _ in range(3):
            with pytest.raises(ProtocolDriftError):
                await harness.adapter.look(wanted)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before < _MEMORY_ALLOWED

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    async def test_no_credential_follows_a_redirect(self, harness: FaultyHarness, status: int) -> None:
        """A redirect to another host is an error; the other host hears nothing."""
        harness.rotate("canary-4711")
        await before_faults(harness)
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
            assert isinstance(outcome, Unknown), outcome
        assert heard == []

    async def test_a_wrong_credential_is_seen(self, harness: FaultyHarness) -> None:
        """A probe sees it, and a submit is NotSent: a 401 was not executed."""
        harness.require("the-right-one")
        adapter = harness.adapter_with("the-wrong-one")
        with pytest.raises(AuthExpiredError) as refusal:
            await adapter.probe()
        request = harness.request()
        outcome = await adapter.submit(request)
        assert isinstance(outcome, NotSent), outcome
        assert outcome.auth
        assert "the-wrong-one" not in f"{refusal.value} {outcome}"
        assert await harness.accepted(request.token) == 0
        await adapter.close()

    async def test_a_rotated_credential_counts_at_once(self, harness: FaultyHarness) -> None:
        """Secrets are read at the moment of sending; no adapter has to be made anew."""
        harness.rotate("first-credential")
        assert (await harness.adapter.probe()).version
        harness.rotate("second-credential")
        outcome = await harness.adapter.submit(harness.request())
        assert isinstance(outcome, Created | Enqueued), outcome

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
        if Capability.CANCEL not in harness.adapter.capabilities:
            assert await harness.adapter.cancel(wanted, "stop", "enough") is CancelOutcome.UNSUPPORTED
            return
        await eventually(lambda: _is_steady(harness, wanted))  # what moves meanwhile may refuse the cancel, unheard
        harness.faults.add(on(harness.cancel_route, Fault("work-then-drop"), times=1))
        assert await harness.adapter.cancel(wanted, "stop", "enough") is CancelOutcome.UNKNOWN
        await observed(harness, wanted, lambda seen: seen.status.is_finished)
        assert await harness.adapter.cancel(wanted, "stop", "enough") is CancelOutcome.ALREADY_TERMINAL

    async def test_a_slow_engine_does_not_block_others(self, harness: FaultyHarness) -> None:
        """Requests to a sink-hole do not hold up those that are answered."""
        await before_faults(harness)
        harness.faults.add(on(harness.submit_route, Fault("sink", seconds=30.0), times=20))
        stuck = [asyncio.create_task(harness.adapter.submit(harness.request(deadline=3.0))) for _ in range(20)]
        await asyncio.sleep(0)
        begun = time.monotonic()
        assert (await harness.adapter.probe()).version
        assert time.monotonic() - begun < 1.0
        assert {type(outcome) for outcome in await asyncio.gather(*stuck)} == {Unknown}


async def before_faults(harness: FaultyHarness, *, hold: bool = False) -> None:
    """Let the adapter get what it gets once (a session, a token), so that faults meet what they are meant for."""
    await harness.adapter.probe()
    if hold and isinstance(harness.adapter, HandleFollower):
        await _queue(harness).hold()


async def _is_steady(harness: FaultyHarness, wanted: Reference) -> bool:
    """Whether nothing moves that was just begun: two looks with a pause between them see the same."""
    first = await harness.adapter.look(wanted)
    await asyncio.sleep(_PAUSE)
    second = await harness.adapter.look(wanted)
    return first is not None and second is not None and (first.status, first.native) == (second.status, second.native)


def _queue(harness: FaultyHarness) -> QueueHarness:
    assert hasattr(harness, "hold"), "an engine that answers with handles needs a QueueHarness"
    return harness  # type: ignore[return-value]
