"""The Argo adapter against the fake, on both HTTP libraries."""

from collections.abc import AsyncIterator

import pytest
from baton_fakes.argo import FakeArgo
from baton_fakes.argo_harness import FakeArgoHarness

from baton_operator.engines.conformance import AdapterConformance, ServerConformance, serving


@pytest.fixture(params=["httpx2", "httpx"])
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[FakeArgoHarness]:
    """The fake behind each of the HTTP libraries."""
    fake = FakeArgo()
    async with serving(fake.app()) as url:
        made = FakeArgoHarness(fake, url, request.param)
        yield made
        await made.adapter.close()


class TestFakeArgo(AdapterConformance):
    """The contract."""


class TestHostileArgo(ServerConformance):
    """The signal table, and hostile answers."""
