"""The conformance suite's harnesses over the Argo adapter's Kubernetes transport: fake and real."""

import uuid
from collections.abc import Mapping
from typing import Any

from baton_fakes.argo_harness import ArgoHarness, FakeArgoHarness

from baton_operator.engines.argo.adapter import ArgoAdapter, argo_adapter
from baton_operator.engines.base import EngineSpec
from baton_operator.engines.conformance import Fault, OneSecret, Route, loopback
from baton_operator.engines.kube_access import Cluster

STATUS = '{"kind":"Status","apiVersion":"v1","status":"Failure","message":"%s","reason":"%s","code":%d}'


class KubeHarness(ArgoHarness):
    """
    A namespace whose Workflow objects are reached through the API server of Baton's own cluster.

    Attributes:
        authority: PEM text of the authority that signed the server's certificate, if it has one.
    """

    authority: str | None = None

    def make(self, source: OneSecret, url: str | None = None, **surroundings: Any) -> ArgoAdapter:
        """Make an adapter for this Engine, with another credential, address or surroundings."""
        spec = {"kubernetes": {"inCluster": True}, "auth": {"serviceAccount": {"name": "baton"}}}
        engine = EngineSpec(uuid.uuid4(), self.namespace, "workflows", "Argo", 1, spec)
        cluster = Cluster(url or self.url, self.authority)
        return argo_adapter(engine, loopback(source, **{**self._surroundings, "cluster": cluster, **surroundings}))


class FakeKubeHarness(KubeHarness, FakeArgoHarness):
    """The fake's API server, through one of the HTTP libraries."""

    unavailable = Fault("answer", status=503, body=STATUS % ("not ready", "ServiceUnavailable", 503))
    submit_route = Route("POST", "/workflows$")
    cancel_route = Route("PATCH")
    read_route = Route("GET", "/workflows(/|$)")

    async def prepare(self) -> Mapping[str, Any]:
        """Validate as the operator does before it hands anything out: the template is known from then on."""
        target = self.request().target
        await self.adapter.validate({"namespace": self.namespace, **target}, [])
        return target
