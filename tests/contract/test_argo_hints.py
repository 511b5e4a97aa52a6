"""Streams of both transports through the adapter: what they say, and what becomes of bad ones."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from aiohttp import web
from baton_fakes.argo import FakeArgo
from baton_fakes.argo_harness import ArgoHarness, FakeArgoHarness
from baton_fakes.argo_kube_harness import FakeKubeHarness

from baton_operator.engines.argo import events as argo_events
from baton_operator.engines.argo.hints import STREAMS
from baton_operator.engines.base import Created
from baton_operator.engines.conformance import Fault, eventually, serving, submitted
from baton_operator.engines.errors import EngineError, ForbiddenError, ProtocolDriftError, RetryableError

HARNESSES = {"server": FakeArgoHarness, "kubernetes": FakeKubeHarness}
STREAM = {"server": "/workflow-events/", "kubernetes": "/workflows$"}
EVENTS = {
    "server": b'data: {"result":{"type":"MODIFIED","object":{"metadata":{"name":"a"},"status":{"phase":"%s"}}}}\n\n',
    "kubernetes": b'{"type":"MODIFIED","object":{"metadata":{"name":"a","labels":'
    b'{"workflows.argoproj.io/phase":"%s"}}}}\n',
}


def patient(way: str, fake: FakeArgo, url: str) -> FakeArgoHarness:
    """Make a harness whose adapter has time, and whose server speaks soon: streams are tested here, not deadlines."""
    fake.state.settings.keepalive = 0.3
    harness = HARNESSES[way](fake, url)
    harness.adapter = harness.make(harness.source, request_deadline=10.0)
    return harness


@pytest.fixture(params=list(HARNESSES))
def way(request: pytest.FixtureRequest) -> str:
    """Each transport."""
    return str(request.param)


@pytest.fixture
async def harness(way: str) -> AsyncIterator[FakeArgoHarness]:
    """The fake, through each transport."""
    fake = FakeArgo(["argo", "other"])
    async with serving(fake.app()) as url:
        made = patient(way, fake, url)
        yield made
        await made.adapter.close()


async def _now(holds: bool) -> bool:
    return holds


class Listener:
    """Counts hints until the stream ends."""

    def __init__(self, harness: ArgoHarness, *namespaces: str) -> None:
        self._hints = harness.adapter.hints([{"namespace": each} for each in namespaces or ("argo",)])
        self.heard = 0
        self.task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async with aclosing(self._hints) as hints:
            async for _ in hints:
                self.heard += 1

    async def hears(self, count: int) -> None:
        """Wait until it has heard so many hints."""
        await eventually(lambda: _now(self.heard >= count or self.task.done()))
        assert self.heard >= count, self.task

    async def end(self) -> BaseException | None:
        """Return how the stream ended."""
        (end,) = await asyncio.gather(asyncio.wait_for(self.task, 60), return_exceptions=True)
        return end

    async def leave(self) -> None:
        """Listen no longer."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_a_stream_hints_at_each_phase(harness: FakeArgoHarness) -> None:
    """Once when it stands, then when ours begins and when it ends; a stranger's workflow is no news."""
    listener = Listener(harness)
    await listener.hears(1)
    before = listener.heard
    request = harness.request(arguments={"secs": "1500ms", "fail": "no"})  # each of its phases is to be seen
    assert isinstance(await harness.adapter.submit(request), Created)
    await listener.hears(before + 2)
    await listener.leave()


async def test_a_stream_that_is_too_old_ends_well(harness: FakeArgoHarness) -> None:
    """410 and 422 arrive as 400 from argo-server: whoever listens opens another one, from now."""
    harness.fake.state.settings.oldest_version = 2**60
    listener = Listener(harness)
    assert await listener.end() is None
    harness.fake.state.settings.oldest_version = 0
    again = Listener(harness)
    await again.hears(1)
    await again.leave()


async def test_a_stream_ends_as_the_server_ends_it(harness: FakeArgoHarness) -> None:
    """Servers end streams after a while; that is no error."""
    harness.fake.state.settings.watch = 0.2
    listener = Listener(harness)
    assert await listener.end() is None
    assert listener.heard >= 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("answer", status=403, body='{"code":7,"message":"no"}'), ForbiddenError),
        (Fault("answer", status=503, body="no healthy upstream"), RetryableError),
        (Fault("page"), ProtocolDriftError),
        (Fault("bomb", size=1024 * 1024), ProtocolDriftError),
        (Fault("drop"), RetryableError),
    ],
    ids=["forbidden", "unavailable", "page", "bomb", "drop"],
)
async def test_a_stream_that_does_not_open_says_why(
    harness: FakeArgoHarness, way: str, fault: Fault, error: type[EngineError]
) -> None:
    """In the errors of the room; a list goes before it, so the fault waits for the stream itself."""
    fault = Fault(**{name: getattr(fault, name) for name in fault.__struct_fields__} | {"path": STREAM[way]})
    harness.faults.add(fault)
    end = await Listener(harness).end()
    assert isinstance(end, error), end


async def test_one_namespace_that_is_closed_hides_no_other(harness: FakeArgoHarness) -> None:
    """Hints of the others go on; the closed one has no say."""
    harness.faults.add(Fault("answer", status=403, path="/other", body='{"code":7,"message":"no"}'))
    listener = Listener(harness, "argo", "other")
    await listener.hears(1)
    await submitted(harness, "succeeds")
    await listener.hears(2)
    await listener.leave()


async def test_streams_are_few(harness: FakeArgoHarness) -> None:
    """However many namespaces an engine serves, it is listened to in some of them."""
    listener = Listener(harness, *(f"team-{n}" for n in range(3 * STREAMS)))
    await listener.hears(1)
    opened = [count for name, count in harness.fake.requests.items() if "events" in name or "workflows" in name]
    assert sum(opened) <= 2 * STREAMS
    await listener.leave()


class Speaker:
    """A server whose streams say what a test writes, and nothing else."""

    def __init__(self, way: str, *texts: bytes, hang: bool = False, pause: float = 0.0) -> None:
        self._way, self._texts, self._hang, self._pause = way, texts, hang, pause
        self.open = 0

    def app(self) -> web.Application:
        """Return what is to be served."""
        app = web.Application()
        app.router.add_get("/{tail:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        is_stream = "workflow-events" in request.path or request.query.get("watch") == "1"
        if not is_stream:
            return web.json_response({"metadata": {"resourceVersion": "1"}, "items": []})
        kind = "text/event-stream" if self._way == "server" else "application/json"
        stream = web.StreamResponse(headers={"Content-Type": kind})
        await stream.prepare(request)
        self.open += 1
        try:
            for text in self._texts:
                await stream.write(text)
                await asyncio.sleep(self._pause)
            if self._hang:
                await eventually(lambda: _now(request.transport is None or request.transport.is_closing()))
        finally:
            self.open -= 1
        return stream


async def ended(way: str, *texts: bytes, pause: float = 0.0) -> tuple[BaseException | None, int]:
    """Listen to a server that says *texts*; return how the stream ended, and how many hints came."""
    async with serving(Speaker(way, *texts, pause=pause).app()) as url:
        harness = patient(way, FakeArgo(), url)
        listener = Listener(harness)
        end = await listener.end()
        await harness.adapter.close()
        return end, listener.heard


@pytest.mark.parametrize(
    "text",
    [b"nonsense\n", b'data: {"result":\n{"type":', b'{"type":7}\n', b"data: [1]\n", b"[" * 1000 + b"\n", b"\xff\xfe\n"],
)
async def test_nonsense_ends_a_stream(way: str, text: bytes) -> None:
    """As drift: nothing of it is believed."""
    end, _ = await ended(way, text)
    assert isinstance(end, ProtocolDriftError), end


async def test_a_line_without_an_end_is_not_collected(way: str) -> None:
    """A flood costs no memory."""
    end, _ = await ended(way, *[b"x" * 65536] * 64)
    assert isinstance(end, ProtocolDriftError), end
    assert "more than" in str(end)


async def test_the_same_phase_again_is_no_news(way: str) -> None:
    """Nodes come and go without a word of ours; only a phase wakes."""
    pieces = [EVENTS[way] % phase for phase in (b"Running", b"Running", b"Running", b"Running")]
    end, heard = await ended(way, *pieces, pause=0.1)
    assert end is None
    assert heard <= 2


@pytest.mark.parametrize("code", [400, 410, 422])
async def test_a_server_that_asks_for_a_new_list_gets_one(way: str, code: int) -> None:
    """In the middle of the stream, too."""
    last = {
        "server": b'data: {"error":{"grpc_code":3,"http_code":%d,"message":"too old"}} \n\n',
        "kubernetes": b'{"type":"ERROR","object":{"kind":"Status","code":%d,"message":"too old"}}\n',
    }
    end, _ = await ended(way, last[way] % code)
    assert end is None


async def test_a_server_that_fails_says_so(way: str) -> None:
    """Its words are the error's."""
    last = {
        "server": b'data: {"error":{"grpc_code":13,"http_code":500,"message":"watch broke"}} \n\n',
        "kubernetes": b'{"type":"ERROR","object":{"kind":"Status","code":500,"message":"watch broke"}}\n',
    }
    end, _ = await ended(way, last[way])
    assert isinstance(end, RetryableError)
    assert "watch broke" in str(end)


async def test_a_stream_that_hangs_is_left(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence beyond the keep-alive is death; its connection is given back."""
    monkeypatch.setattr(argo_events, "IDLE", 0.3)
    speaker = Speaker(way, EVENTS[way] % b"Running", hang=True)
    async with serving(speaker.app()) as url:
        harness = patient(way, FakeArgo(), url)
        begun = time.monotonic()
        end = await Listener(harness).end()
        assert isinstance(end, RetryableError), end
        assert time.monotonic() - begun < 5.0
        await eventually(lambda: _now(speaker.open == 0))
        await harness.adapter.close()


async def test_nobody_who_leaves_leaves_a_connection(way: str) -> None:
    """A listener that is cancelled closes its stream."""
    speaker = Speaker(way, hang=True)
    async with serving(speaker.app()) as url:
        harness = patient(way, FakeArgo(), url)
        listener = Listener(harness)
        await listener.hears(1)
        assert speaker.open == 1
        await listener.leave()
        await eventually(lambda: _now(speaker.open == 0))
        await harness.adapter.close()


async def test_no_secret_is_in_a_streams_error(harness: FakeArgoHarness, way: str) -> None:
    """A server that echoes the credential finds it in no message of ours."""
    canary = "canary-hint-4711"
    harness.rotate(canary)
    body = f'{{"code":13,"message":"you sent {canary}"}}'
    harness.faults.add(Fault("answer", status=500, path=STREAM[way], body=body))
    end = await Listener(harness).end()
    assert end is not None
    assert canary not in f"{end!r}"
