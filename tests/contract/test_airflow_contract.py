"""The Airflow adapter against the fake, on both HTTP libraries."""

from collections.abc import AsyncIterator

import pytest
from baton_fakes.airflow import FakeAirflow
from baton_fakes.airflow_harness import FakeAirflowHarness

from baton_operator.engines.conformance import AdapterConformance, ServerConformance, serving


@pytest.fixture(params=["httpx2", "httpx"])
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[FakeAirflowHarness]:
    """The fake behind each of the HTTP libraries."""
    fake = FakeAirflow()
    async with serving(fake.app()) as url:
        made = FakeAirflowHarness(fake, url, request.param)
        yield made
        await made.adapter.close()


class TestFakeAirflow(AdapterConformance):
    """The contract."""


class TestHostileAirflow(ServerConformance):
    """The signal table, and hostile answers."""
