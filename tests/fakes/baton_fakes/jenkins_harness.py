"""The conformance suite's harness over the Jenkins adapter and the fake."""

import uuid
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from baton_fakes.jenkins import FakeJenkins
from baton_fakes.jenkins_security import ADMIN_TOKEN
from baton_fakes.jenkins_state import NAP

from baton_operator.engines.base import EngineSpec, Reference, SubmitRequest
from baton_operator.engines.conformance import Fate, Fault, OneSecret, Route, loopback, new_request
from baton_operator.engines.http import http_library
from baton_operator.engines.jenkins.adapter import JenkinsAdapter, jenkins_adapter

#: The job that requests are for: it declares all that Baton knows.
NIGHTLY = ["team", "nightly"]
_FATES: Mapping[Fate, Mapping[str, Any]] = {
    "lasts": {"SECS": 300},
    "succeeds": {"SECS": "100ms"},
    "fails": {"SECS": "100ms", "CODE": 3},
}


class OneUser(OneSecret):
    """A user and its API token or password."""

    async def read(self, namespace: str, kind: str, name: str, key: str) -> str:
        """Return the user's name, or the credential of this moment."""
        secret = await super().read(namespace, kind, name, key)
        return "admin" if key == "username" else secret


class FakeJenkinsHarness:
    """
    The fake with the job ``team/nightly``, through one of the HTTP libraries.

    Args:
        fake: The server.
        url: Where it is served.
        library: The HTTP library.
        request_deadline: Seconds that a request may take.
    """

    unavailable = Fault("answer", status=503, headers={"X-Jenkins": "2.568.2"}, body="busy")
    submit_route = Route("POST", "/buildWithParameters$")
    cancel_route = Route("POST", "/stop$")
    read_route = Route("GET")

    def __init__(
        self,
        fake: FakeJenkins,
        url: str,
        library: ModuleType | str | None = None,
        *,
        request_deadline: float = 3.0,
    ) -> None:
        self.request_deadline = request_deadline
        self.fake, self.faults, self.url = fake, fake.faults, url
        self._library = http_library(library) if isinstance(library, str) else library
        fake.state.settings.executors = 100
        fake.state.add_job("/".join(NIGHTLY), {**NAP, "BATON_FINGERPRINT": "", "BATON_TRACEPARENT": ""})
        self.source = OneUser(ADMIN_TOKEN)
        self.adapter = self.make(self.source)

    def make(self, source: OneSecret, url: str | None = None, **surroundings: Any) -> JenkinsAdapter:
        """Make an adapter, with another credential, address or surroundings."""
        spec = {"url": url or self.url, "auth": {"basic": {"secretRef": {"name": "jenkins-bot"}}}}
        engine = EngineSpec(uuid.uuid4(), "team", "builds", "Jenkins", 1, spec)
        given = {"request_deadline": self.request_deadline, "library": self._library, **surroundings}
        return jenkins_adapter(engine, loopback(source, **given))

    def request(self, fate: Fate = "lasts", **changes: Any) -> SubmitRequest:
        """Make a request for ``team/nightly`` with a token of its own."""
        return new_request({"job": NIGHTLY}, _FATES[fate], **changes)

    def unknown_target(self) -> Mapping[str, Any]:
        """Name a job that is not there."""
        return {"job": ["team", "nope"]}

    def nowhere(self, like: Reference) -> Reference:
        """Name a build of the same job that never was."""
        never = self.request()
        return Reference("team/nightly#99999/99999/1700000000000", never.token, like.target)

    def unknown_handle(self) -> str:
        """Return the number of an item that never was."""
        return "99999"

    async def hold(self) -> None:
        """Let no build begin."""
        self.fake.state.set_quieting(True)

    async def release(self) -> None:
        """Let builds begin again."""
        self.fake.state.set_quieting(False)

    async def settle(self, request: SubmitRequest, fate: Fate) -> None:
        """Do nothing: builds end by themselves."""

    async def accepted(self, token: str) -> int:
        """Count the queue items that the ledger has."""
        entries = self.fake.state.ledger.entries()
        return sum(entry["kind"] == "accepted" and entry["token"] == token for entry in entries)

    async def begun(self, token: str) -> int:
        """Count the builds that the ledger has."""
        entries = self.fake.state.ledger.entries()
        return sum(entry["kind"] == "begun" and entry["token"] == token for entry in entries)

    def adapter_with(self, secret: str) -> JenkinsAdapter:
        """Make an adapter with another credential."""
        return self.make(OneUser(secret))

    def rotate(self, secret: str) -> None:
        """Change the credential on both sides."""
        self.source.secret = secret
        self.require(secret)

    def require(self, secret: str) -> None:
        """Want this API token from now on."""
        self.fake.security.require(secret)

    def unreachable(self) -> JenkinsAdapter:
        """Make an adapter for a port where nobody listens."""
        return self.make(self.source, url="http://127.0.0.1:1")
