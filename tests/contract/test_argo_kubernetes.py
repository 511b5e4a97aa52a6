"""The Argo adapter over Workflow objects, against the fake's API server, on both HTTP libraries."""

from collections.abc import AsyncIterator

import pytest
from baton_fakes.argo import FakeArgo
from baton_fakes.argo_kube_harness import FakeKubeHarness

from baton_operator.engines.conformance import AdapterConformance, ServerConformance, serving


@pytest.fixture(params=["httpx2", "httpx"])
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[FakeKubeHarness]:
    """The fake behind each of the HTTP libraries."""
    fake = FakeArgo()
    async with serving(fake.app()) as url:
        made = FakeKubeHarness(fake, url, request.param)
        await made.prepare()
        yield made
        await made.adapter.close()


class TestFakeKubernetes(AdapterConformance):
    """The contract."""


class TestHostileKubernetes(ServerConformance):
    """The signal table, and hostile answers."""
