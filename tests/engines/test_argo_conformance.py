"""The Argo adapter against Argo's own server and controller, in both auth modes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from baton_fakes.argo_harness import ArgoHarness
from baton_fakes.argo_state import NAP

from baton_operator.engines.base import CancelMode, CancelOutcome, NotSent
from baton_operator.engines.conformance import AdapterConformance, OneSecret, eventually, submitted
from baton_operator.engines.errors import AuthExpiredError
from baton_operator.local.api_server import ApiServer
from baton_operator.local.argo import AuthMode

WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/{}/workflows"
GROUP = "rbac.authorization.k8s.io"
#: The least rights with which the adapter works.
RIGHTS = [
    {
        "apiGroups": ["argoproj.io"],
        "resources": ["workflows"],
        "verbs": ["create", "get", "list", "update", "patch"],
    },
    {"apiGroups": ["argoproj.io"], "resources": ["workflowtemplates"], "verbs": ["get"]},
]


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

    async def accepted(self, token: str) -> int:
        """Count what the API server stores."""
        listed = await asyncio.to_thread(self._api_server.request, "GET", WORKFLOWS.format(self.namespace))
        return sum(item["metadata"]["name"] == token for item in listed["items"])


async def is_admitted(harness: RealArgoHarness) -> bool:
    """Tell whether the API server knows the new token and its rights: it learns of both a moment later."""
    try:
        return not (await harness.adapter.probe()).message
    except AuthExpiredError:
        return False


def prepare(api_server: ApiServer, namespace: str) -> str:
    """Put template and ServiceAccount into *namespace*; return a token that may do what Baton needs, no more."""
    named = {"name": "baton", "namespace": namespace}
    template = {"name": "nap", "namespace": namespace}
    role = {"apiGroup": GROUP, "kind": "Role", "name": "baton"}
    bound = {"roleRef": role, "subjects": [{"kind": "ServiceAccount", **named}]}
    api_server.create_service_account(namespace, "baton")
    api_server.apply_objects(
        [
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "WorkflowTemplate",
                "metadata": template,
                "spec": NAP["spec"],
            },
            {"apiVersion": f"{GROUP}/v1", "kind": "Role", "metadata": named, "rules": RIGHTS},
            {"apiVersion": f"{GROUP}/v1", "kind": "RoleBinding", "metadata": named, **bound},
        ]
    )
    return api_server.service_account_token(namespace, "baton")


@pytest.fixture
async def connect(
    argo: Callable[[AuthMode], str], argo_server: str, api_server: ApiServer, namespace: str
) -> AsyncIterator[Callable[[AuthMode], RealArgoHarness]]:
    """Gives a harness for a running Argo in an auth mode."""
    token = await asyncio.to_thread(prepare, api_server, namespace)
    made: list[RealArgoHarness] = []

    def harness(mode: AuthMode) -> RealArgoHarness:
        made.append(RealArgoHarness(argo(mode), api_server, namespace, token))
        return made[-1]

    yield harness
    for each in made:
        await each.adapter.close()


@pytest.fixture(params=[AuthMode.SERVER, AuthMode.CLIENT], ids=["server", "client"])
async def harness(request: pytest.FixtureRequest, connect: Callable[[AuthMode], RealArgoHarness]) -> RealArgoHarness:
    """A running Argo in each auth mode."""
    made = connect(request.param)
    await eventually(lambda: is_admitted(made), within=10.0)
    return made


class TestArgo(AdapterConformance):
    """The contract, on the real thing."""


async def test_a_wrong_token_is_seen_by_a_real_server(connect: Callable[[AuthMode], RealArgoHarness]) -> None:
    """The version is told to anybody with a token; the list behind the probe is not."""
    harness = connect(AuthMode.CLIENT)
    adapter = harness.make(OneSecret("nonsense"))
    with pytest.raises(AuthExpiredError):
        await adapter.probe()
    outcome = await adapter.submit(harness.request())
    assert isinstance(outcome, NotSent)
    assert outcome.auth
    await adapter.close()


async def test_a_second_cancel_does_no_harm(connect: Callable[[AuthMode], RealArgoHarness]) -> None:
    """What is ending already is accepted again, or has ended."""
    harness = connect(AuthMode.CLIENT)
    await eventually(lambda: is_admitted(harness), within=10.0)
    modes: Sequence[CancelMode] = ("stop", "terminate")
    for mode in modes:
        _, wanted = await submitted(harness)
        assert await harness.adapter.cancel(wanted, mode, "enough") is CancelOutcome.ACCEPTED
        again = await harness.adapter.cancel(wanted, mode, "enough")
        assert again in {CancelOutcome.ACCEPTED, CancelOutcome.ALREADY_TERMINAL}
