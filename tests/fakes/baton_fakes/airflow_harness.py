"""The conformance suite's harnesses over the Airflow adapter: what fake and real server share, and the fake's own."""

import uuid
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from baton_fakes.airflow import FakeAirflow

from baton_operator.engines.airflow.adapter import AirflowAdapter, airflow_adapter
from baton_operator.engines.base import EngineSpec, Reference, SubmitRequest
from baton_operator.engines.conformance import Fate, Fault, OneSecret, Route, loopback, new_request
from baton_operator.engines.http import http_library

#: ``conf`` by which the DAG ``nap`` comes to each end.
FATES: Mapping[Fate, Mapping[str, Any]] = {
    "lasts": {"secs": 300, "fail": "no"},
    "succeeds": {"secs": 0.1, "fail": "no"},
    "fails": {"secs": 0.1, "fail": "yes"},
}
#: User and password of an Engine.
BASIC: Mapping[str, Any] = {"basic": {"secretRef": {"name": "airflow-bot"}}}


class UserAndPassword(OneSecret):
    """A source that has a user beside the password."""

    def __init__(self, user: str, password: str) -> None:
        super().__init__(password)
        self._user = user

    async def read(self, namespace: str, kind: str, name: str, key: str) -> str:
        """Return the user for the key that names one, else the password."""
        secret = await super().read(namespace, kind, name, key)
        return self._user if key == "username" else secret


class AirflowHarness:
    """
    An Airflow with the DAG ``nap``, and adapters for it.

    Args:
        url: The server's.
        source: Where user and password are.
        auth: The Engine's ``auth``.
        surroundings: Further surroundings of the adapters.
    """

    def __init__(
        self, url: str, source: OneSecret, *, auth: Mapping[str, Any] | None = BASIC, **surroundings: Any
    ) -> None:
        self.url, self.source, self._auth, self._surroundings = url, source, auth, surroundings
        self.adapter = self.make(self.source)

    def make(self, source: OneSecret, url: str | None = None, **surroundings: Any) -> AirflowAdapter:
        """Make an adapter for this Engine, with another credential, address or surroundings."""
        spec = {"url": url or self.url, "auth": self._auth}
        engine = EngineSpec(uuid.uuid4(), "team", "flows", "Airflow", 1, spec)
        return airflow_adapter(engine, loopback(source, **{**self._surroundings, **surroundings}))

    def request(self, fate: Fate = "lasts", **changes: Any) -> SubmitRequest:
        """Make a request for ``nap`` with a token of its own."""
        return new_request({"dag": "nap"}, FATES[fate], **changes)

    def unknown_target(self) -> Mapping[str, Any]:
        """Name a DAG that is not there."""
        return {"dag": "nope"}

    def nowhere(self, like: Reference) -> Reference:
        """Name a run of ``nap`` that never was."""
        never = self.request()
        return Reference(f"nap/{never.token}", never.token, like.target)

    async def settle(self, request: SubmitRequest, fate: Fate) -> None:
        """Do nothing: runs end by themselves."""


class FakeAirflowHarness(AirflowHarness):
    """The fake, through one of the HTTP libraries."""

    unavailable = Fault("answer", status=503, body='{"detail":"The database is not available"}')
    submit_route = Route("POST", "/dagRuns$")
    cancel_route = Route("PATCH")
    read_route = Route("GET")

    def __init__(
        self,
        fake: FakeAirflow,
        url: str,
        library: ModuleType | str | None = None,
        secret: str = "admin",  # noqa: S107 - user and password of the fake
        **changes: Any,
    ) -> None:
        self.fake, self.faults = fake, fake.faults
        named = http_library(library) if isinstance(library, str) else library
        super().__init__(url, OneSecret(secret), **{"request_deadline": 3.0, "library": named, **changes})

    async def accepted(self, token: str) -> int:
        """Count in the ledger."""
        return sum(entry["name"] == token for entry in self.fake.state.ledger.entries())

    def adapter_with(self, secret: str) -> AirflowAdapter:
        """Make an adapter with another credential."""
        return self.make(OneSecret(secret))

    def rotate(self, secret: str) -> None:
        """Change user and password on both sides; tokens that were given do not count any more."""
        self.source.secret = secret
        self.require(secret)

    def require(self, secret: str) -> None:
        """Want this user and password from now on."""
        settings = self.fake.state.settings
        settings.passwords, settings.roles = {secret: secret}, {secret: "admin"}
        self.fake.state.forget_tokens()

    def unreachable(self) -> AirflowAdapter:
        """Make an adapter for a port where nobody listens."""
        return self.make(self.source, url="http://127.0.0.1:1")
