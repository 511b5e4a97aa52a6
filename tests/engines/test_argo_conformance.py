"""The Argo adapter against Argo itself: its server in both auth modes, and its objects in a real API server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing

import pytest
from baton_fakes.argo_harness import ArgoHarness
from baton_fakes.argo_kube_harness import KubeHarness
from baton_fakes.argo_state import NAP

from baton_models import ExecutionStatus
from baton_operator.engines.argo.workflow import RUN_UID_LABEL
from baton_operator.engines.base import Adopted, CancelMode, CancelOutcome, NotSent
from baton_operator.engines.conformance import AdapterConformance, OneSecret, eventually, observed, submitted
from baton_operator.engines.errors import AuthExpiredError, ForbiddenError, PermanentError
from baton_operator.engines.options import Retrier
from baton_operator.local.api_server import ApiServer
from baton_operator.local.argo import AuthMode

WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/{}/workflows"
#: Labels that the controller writes, and argo-server's about who asked.
LATER = ("/phase", "/completed", "/creator", "/creator-email", "/creator-preferred-username")
GROUP = "rbac.authorization.k8s.io"
TEMPLATES = {"apiGroups": ["argoproj.io"], "resources": ["workflowtemplates"], "verbs": ["get"]}
#: The least rights with which the adapter works, as docs/engines/argo.md shows them: an end is a ``patch``. A retry by
#: argo-server, which only other programs ask for, is an ``update``.
RIGHTS = {
    "server": ["create", "get", "list", "watch", "patch", "update"],
    "kubernetes": ["create", "get", "list", "watch", "patch"],
}


class RealArgoHarness(ArgoHarness):
    """A namespace on a running Argo."""

    def __init__(self, url: str, api_server: ApiServer, namespace: str, token: str) -> None:
        self._api_server = api_server
        super().__init__(
            url,
            namespace,
            auth={"serviceAccount": {"name": "baton"}},
            fates={
                "lasts": {"secs": 300, "fail": "no"},
                "succeeds": {"secs": 1, "fail": "no"},
                "fails": {"secs": 1, "fail": "yes"},
            },
            secret=token,
        )

    def stored(self, name: str) -> dict[str, object]:
        """Return what Baton wrote of a workflow, without what is its own."""
        stored = self._api_server.request("GET", f"{WORKFLOWS.format(self.namespace)}/{name}")
        spec, metadata = stored["spec"], stored["metadata"]
        labels = {key: value for key, value in metadata["labels"].items() if not key.endswith(LATER)}
        marks = {key: value for key, value in metadata["annotations"].items() if key.startswith("baton.dev/")}
        return {"spec": spec, "labels": labels | {RUN_UID_LABEL: ""}, "annotations": marks}

    async def accepted(self, token: str) -> int:
        """Count what the API server stores."""
        listed = await asyncio.to_thread(self._api_server.request, "GET", WORKFLOWS.format(self.namespace))
        return sum(item["metadata"]["name"] == token for item in listed["items"])


class RealKubeHarness(KubeHarness, RealArgoHarness):
    """The same namespace, without argo-server between."""

    def __init__(self, api_server: ApiServer, namespace: str, token: str) -> None:
        self.authority = api_server.config.authority
        super().__init__(api_server.config.server, api_server, namespace, token)


async def is_admitted(harness: RealArgoHarness) -> bool:
    """Tell whether the API server knows the new token and its rights: it learns of both a moment later."""
    try:
        return not (await harness.adapter.probe()).message
    except AuthExpiredError:
        return False


#: Gives a harness: through the server in an auth mode, or through the API server.
Connect = Callable[[AuthMode | None], Awaitable[RealArgoHarness]]


def prepare(api_server: ApiServer, namespace: str, way: str) -> str:
    """Put template and ServiceAccount into *namespace*; return a token that may do what Baton needs, no more."""
    named = {"name": way, "namespace": namespace}
    template = {"name": "nap", "namespace": namespace}
    role = {"apiGroup": GROUP, "kind": "Role", "name": way}
    bound = {"roleRef": role, "subjects": [{"kind": "ServiceAccount", **named}]}
    rules = [{"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": RIGHTS[way]}, TEMPLATES]
    api_server.create_service_account(namespace, way)
    api_server.apply_objects(
        [
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "WorkflowTemplate",
                "metadata": template,
                "spec": NAP["spec"],
            },
            {"apiVersion": f"{GROUP}/v1", "kind": "Role", "metadata": named, "rules": rules},
            {"apiVersion": f"{GROUP}/v1", "kind": "RoleBinding", "metadata": named, **bound},
        ]
    )
    return api_server.service_account_token(namespace, way)


@pytest.fixture
async def connect(
    argo: Callable[[AuthMode], str], argo_server: str, api_server: ApiServer, namespace: str
) -> AsyncIterator[Connect]:
    """Gives a harness for a running Argo, in an auth mode of its server or without one."""
    made: list[RealArgoHarness] = []

    async def harness(way: AuthMode | None) -> RealArgoHarness:
        token = await asyncio.to_thread(prepare, api_server, namespace, "server" if way else "kubernetes")
        if way is None:
            made.append(RealKubeHarness(api_server, namespace, token))
        else:
            made.append(RealArgoHarness(argo(way), api_server, namespace, token))
        await eventually(lambda: is_admitted(made[-1]), within=60.0)
        return made[-1]

    yield harness
    for each in made:
        await each.adapter.close()


@pytest.fixture(params=[AuthMode.SERVER, AuthMode.CLIENT, None], ids=["server", "client", "kubernetes"])
async def harness(request: pytest.FixtureRequest, connect: Connect) -> RealArgoHarness:
    """A running Argo, each way."""
    return await connect(request.param)


class TestArgo(AdapterConformance):
    """The contract, on the real thing."""


async def test_a_wrong_token_is_seen_by_a_real_server(connect: Connect) -> None:
    """The version is told to anybody with a token; the list behind the probe is not."""
    for way in (AuthMode.CLIENT, None):
        harness = await connect(way)
        adapter = harness.make(OneSecret("nonsense"))
        with pytest.raises(AuthExpiredError):
            await adapter.probe()
        outcome = await adapter.submit(harness.request())
        assert isinstance(outcome, NotSent)
        assert outcome.auth
        await adapter.close()


@pytest.mark.parametrize("way", [AuthMode.CLIENT, None], ids=["client", "kubernetes"])
async def test_a_second_cancel_does_no_harm(connect: Connect, way: AuthMode | None) -> None:
    """What is ending already is accepted again, or has ended."""
    harness = await connect(way)
    modes: Sequence[CancelMode] = ("stop", "terminate")
    for mode in modes:
        _, wanted = await submitted(harness)
        assert await harness.adapter.cancel(wanted, mode, "enough") is CancelOutcome.ACCEPTED
        again = await harness.adapter.cancel(wanted, mode, "enough")
        assert again in {CancelOutcome.ACCEPTED, CancelOutcome.ALREADY_TERMINAL}


async def test_both_ways_make_the_same_workflow(connect: Connect) -> None:
    """What one way submits, the other adopts and sees alike: labels, template, parameters, marks."""
    server, kubernetes = await connect(AuthMode.CLIENT), await connect(None)
    shown = []
    for first, second in ((server, kubernetes), (kubernetes, server)):
        request, wanted = await submitted(first)
        outcome = await second.adapter.submit(request)
        assert isinstance(outcome, Adopted)
        assert outcome.external_id == wanted.external_id
        shown.append(await asyncio.to_thread(server.stored, request.token))
    assert shown[0] == shown[1]


async def test_a_retry_of_what_succeeded_is_refused(connect: Connect) -> None:
    """In Argo's words; nothing has changed."""
    harness = await connect(AuthMode.CLIENT)
    adapter = harness.adapter
    assert isinstance(adapter, Retrier)
    _, wanted = await submitted(harness, "succeeds")
    before = await observed(harness, wanted, lambda seen: seen.status.is_finished)
    with pytest.raises(PermanentError, match="retry a succeeded workflow"):
        await adapter.retry(wanted)
    assert await adapter.look(wanted) == before


async def test_a_retry_alone_needs_more_rights_through_the_server(connect: Connect) -> None:
    """With those that do for the objects, work is submitted, seen and stopped; what nobody asks for is refused."""
    server, kubernetes = await connect(AuthMode.CLIENT), await connect(None)
    await server.adapter.close()
    server.adapter = server.make(kubernetes.source)
    assert not (await server.adapter.probe()).message
    assert await server.adapter.validate({"workflowTemplate": "nap"}, ["secs", "fail"]) == []
    _, wanted = await submitted(server)
    assert await server.adapter.cancel(wanted, "stop", "enough") is CancelOutcome.ACCEPTED
    seen = await observed(server, wanted, lambda seen: seen.status.is_finished)
    assert seen.status is ExecutionStatus.CANCELLED
    assert await server.adapter.nodes(wanted)
    assert isinstance(server.adapter, Retrier)
    with pytest.raises(ForbiddenError, match="cannot update resource"):
        await server.adapter.retry(wanted)


@pytest.mark.parametrize("way", [AuthMode.CLIENT, None], ids=["client", "kubernetes"])
async def test_a_poll_after_a_hint_sees_what_it_was_about(connect: Connect, way: AuthMode | None) -> None:
    """The list is no older than the stream: polled at its hints alone, a workflow is seen to its end."""
    harness = await connect(way)
    moved = asyncio.Event()

    async def listen() -> None:
        async with aclosing(harness.adapter.hints([{"namespace": harness.namespace}])) as hints:
            async for _ in hints:
                moved.set()

    listening = asyncio.create_task(listen())
    async with asyncio.timeout(120):  # argo-server's stream stands with its first event
        while not moved.is_set():
            await submitted(harness, "succeeds")
            await asyncio.wait([listening], timeout=0.5)
    _, wanted = await submitted(harness, "succeeds")
    seen = ExecutionStatus.PENDING
    async with asyncio.timeout(120):
        while not seen.is_finished:
            await moved.wait()
            moved.clear()
            seen = next((each.status for each in (await harness.adapter.observe([wanted])).observations), seen)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert seen is ExecutionStatus.COMPLETED
