"""The conformance suite over the adapter and its server."""

import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from baton_jobserver.adapter import JobServerAdapter
from job_server import JobServer

from baton_operator.engines.base import EngineSpec, Reference, SubmitRequest
from baton_operator.engines.conformance import (
    AdapterConformance,
    Fate,
    Fault,
    OneSecret,
    Route,
    ServerConformance,
    loopback,
    new_request,
    serving,
)

FATES: Mapping[Fate, Mapping[str, Any]] = {
    "lasts": {"seconds": 300},
    "succeeds": {"seconds": 0.1},
    "fails": {"seconds": 0.1, "fail": "yes"},
}


class JobServerHarness:
    """A job server and adapters for it."""

    submit_route = Route("POST", "/jobs$")
    cancel_route = Route("POST", "/stop$")
    read_route = Route("GET")
    unavailable = Fault("answer", status=503, body='{"error":"restarting"}')

    def __init__(self, server: JobServer, url: str) -> None:
        self.server, self.url, self.faults = server, url, server.faults
        self.source = OneSecret("a-credential")
        self.adapter = self.make(self.source)

    def make(self, source: OneSecret, url: str = "") -> JobServerAdapter:
        """Make an adapter with another credential or address."""
        spec = {"url": url or self.url, "auth": {"bearer": {"secretRef": {"name": "job-server"}}}}
        engine = EngineSpec(uuid.uuid4(), "team", "jobs", "JobServer", 1, spec)
        return JobServerAdapter(engine, loopback(source, request_deadline=2.0))

    def request(self, fate: Fate = "lasts", **changes: Any) -> SubmitRequest:
        """Make a request for a nap."""
        return new_request({"kind": "nap"}, FATES[fate], **changes)

    def unknown_target(self) -> Mapping[str, Any]:
        """Name a kind that is not there."""
        return {"kind": "nope"}

    def nowhere(self, like: Reference) -> Reference:
        """Name a job that never was."""
        never = self.request()
        return Reference(f"{never.token}/1", never.token, never.target)

    async def settle(self, request: SubmitRequest, fate: Fate) -> None:
        """Do nothing: jobs end by themselves."""

    async def accepted(self, token: str) -> int:
        """Count in the server's books."""
        return sum(entry["id"] == token for entry in self.server.ledger.entries())

    def adapter_with(self, secret: str) -> JobServerAdapter:
        """Make an adapter with another credential."""
        return self.make(OneSecret(secret))

    def rotate(self, secret: str) -> None:
        """Change the credential on both sides."""
        self.source.secret = secret
        self.require(secret)

    def require(self, secret: str) -> None:
        """Want this credential from now on."""
        self.server.token = secret

    def unreachable(self) -> JobServerAdapter:
        """Make an adapter for a port where nobody listens."""
        return self.make(self.source, "http://127.0.0.1:1")


@pytest.fixture
async def harness() -> AsyncIterator[JobServerHarness]:
    """A server of the test's own."""
    server = JobServer()
    async with serving(server.app()) as url:
        made = JobServerHarness(server, url)
        yield made
        await made.adapter.close()


class TestContract(AdapterConformance):
    """The contract."""


class TestHostileAnswers(ServerConformance):
    """The signal table, and hostile answers."""
