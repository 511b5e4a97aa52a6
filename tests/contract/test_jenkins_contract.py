"""The Jenkins adapter against the fake, on both HTTP libraries."""

from collections.abc import AsyncIterator

import pytest
from baton_fakes.jenkins import FakeJenkins
from baton_fakes.jenkins_harness import FakeJenkinsHarness

from baton_operator.engines.conformance import HandleConformance, ServerConformance, serving


@pytest.fixture(params=["httpx2", "httpx"])
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[FakeJenkinsHarness]:
    """The fake behind each of the HTTP libraries."""
    fake = FakeJenkins()
    async with serving(fake.app()) as url:
        made = FakeJenkinsHarness(fake, url, request.param)
        yield made
        await made.adapter.close()


class TestFakeJenkins(HandleConformance):
    """The contract, and that of handles."""


class TestHostileJenkins(ServerConformance):
    """The signal table, and hostile answers."""
