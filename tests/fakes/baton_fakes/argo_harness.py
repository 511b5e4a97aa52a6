"""The conformance suite's harnesses over the Argo adapter: what fake and real server share, and the fake's own."""

import uuid
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from baton_fakes.argo import FakeArgo

from baton_operator.engines.argo.adapter import ArgoAdapter, argo_adapter
from baton_operator.engines.base import EngineSpec, Reference, SubmitRequest
from baton_operator.engines.conformance import Fate, Fault, OneSecret, Route, loopback, new_request
from baton_operator.engines.http import http_library


class ArgoHarness:
    """
    A namespace of an Argo, and adapters for it.

    Args:
        url: The server's.
        namespace: Where the template ``nap`` is.
        auth: The Engine's ``auth``.
        fates: The parameters by which ``nap`` comes to each end.
        secret: The credential.
        surroundings: Further surroundings of the adapters.
    """

    def __init__(
        self,
        url: str,
        namespace: str,
        *,
        auth: Mapping[str, Any],
        fates: Mapping[Fate, Mapping[str, Any]],
        secret: str = "",
        **surroundings: Any,
    ) -> None:
        self.url, self.namespace, self._auth, self._fates = url, namespace, auth, fates
        self._surroundings = surroundings
        self.source = OneSecret(secret)
        self.adapter = self.make(self.source)

    def make(self, source: OneSecret, url: str | None = None, **surroundings: Any) -> ArgoAdapter:
        """Make an adapter for this Engine, with another credential, address or surroundings."""
        spec = {"url": url or self.url, "auth": self._auth}
        engine = EngineSpec(uuid.uuid4(), self.namespace, "workflows", "Argo", 1, spec)
        return argo_adapter(engine, loopback(source, **{**self._surroundings, **surroundings}))

    def request(self, fate: Fate = "lasts", **changes: Any) -> SubmitRequest:
        """Make a request for ``nap`` with a token of its own."""
        return new_request({"workflowTemplate": "nap"}, self._fates[fate], **{"namespace": self.namespace, **changes})

    def unknown_target(self) -> Mapping[str, Any]:
        """Name a template that is not there."""
        return {"workflowTemplate": "nope"}

    def nowhere(self, like: Reference) -> Reference:
        """Name a workflow of this namespace that never was."""
        never = self.request()
        return Reference(like.external_id.replace(like.token, never.token), never.token, never.target)

    async def settle(self, request: SubmitRequest, fate: Fate) -> None:
        """Do nothing: workflows end by themselves."""


class FakeArgoHarness(ArgoHarness):
    """The fake, through one of the HTTP libraries."""

    unavailable = Fault("answer", status=503, body='{"code":14,"message":"the server is currently unable to handle"}')
    submit_route = Route("POST", "/submit$")
    cancel_route = Route("PUT")
    read_route = Route("GET")

    def __init__(self, fake: FakeArgo, url: str, library: ModuleType | str | None = None) -> None:
        self.fake, self.faults = fake, fake.faults
        super().__init__(
            url,
            "argo",
            auth={"bearer": {"secretRef": {"name": "argo-bot"}}},
            fates={
                "lasts": {"secs": 300, "fail": "no"},
                "succeeds": {"secs": "100ms", "fail": "no"},
                "fails": {"secs": "100ms", "fail": "yes"},
            },
            secret="a-credential",  # noqa: S106 - the fake's
            request_deadline=3.0,
            library=http_library(library) if isinstance(library, str) else library,
        )

    async def accepted(self, token: str) -> int:
        """Count in the ledger."""
        return sum(entry["name"] == token for entry in self.fake.state.ledger.entries())

    def adapter_with(self, secret: str) -> ArgoAdapter:
        """Make an adapter with another credential."""
        return self.make(OneSecret(secret))

    def rotate(self, secret: str) -> None:
        """Change the credential on both sides."""
        self.source.secret = secret
        self.require(secret)

    def require(self, secret: str) -> None:
        """Want this credential from now on."""
        self.fake.state.settings.token = secret

    def unreachable(self) -> ArgoAdapter:
        """Make an adapter for a port where nobody listens."""
        return self.make(self.source, url="http://127.0.0.1:1")
