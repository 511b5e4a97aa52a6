"""A real API server with Baton's kinds, its client, and a short way to make objects."""

from __future__ import annotations

import gc
import warnings
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from baton_operator.kube.client import KubeClient
from baton_operator.kube.connection import Connection
from baton_operator.kube.resources import API_VERSION, PLURALS, Kind
from baton_operator.local import baton
from baton_operator.local.api_server import ApiServer
from baton_operator.metrics import Metrics


@pytest.fixture(autouse=True)
def cut_watches() -> Iterator[None]:
    """
    Collect what watches leave behind that a test cut off in the middle.

    kopf abandons the connection of a watch that ends by an ERROR event; its socket is closed when it is collected,
    with a ResourceWarning, which would otherwise reach whichever test comes next.
    """
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@dataclass(frozen=True)
class Cluster:
    """Makes, reads and removes objects of one namespace as an administrator."""

    server: ApiServer
    namespace: str

    def create(self, kind: Kind, name: str, spec: Mapping[str, Any], **metadata: Any) -> dict[str, Any]:
        """Make an object and return it as stored."""
        body = {
            "apiVersion": API_VERSION,
            "kind": kind,
            "metadata": {"name": name, "namespace": self.namespace, **metadata},
            "spec": spec,
        }
        return self.server.request("POST", self._path(kind), body)

    def run(self, name: str, automation: str = "patch") -> dict[str, Any]:
        """Make a Run and return it as stored."""
        return self.create("Run", name, {"automationRef": {"name": automation}})

    def get(self, kind: Kind, name: str) -> dict[str, Any]:
        """Read an object."""
        return self.server.request("GET", f"{self._path(kind)}/{name}")

    def delete(self, kind: Kind, name: str) -> None:
        """Remove an object."""
        self.server.request("DELETE", f"{self._path(kind)}/{name}")

    def events(self) -> list[dict[str, Any]]:
        """List the namespace's Events."""
        path = f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events"
        return self.server.request("GET", path)["items"]

    def _path(self, kind: Kind) -> str:
        return f"/apis/{API_VERSION}/namespaces/{self.namespace}/{PLURALS[kind]}"


@pytest.fixture(scope="session")
def served(api_server: ApiServer) -> ApiServer:
    baton.install(api_server)  # with the policy: where others install it later, Runs are refused for seconds
    return api_server


@pytest.fixture
def cluster(served: ApiServer, namespace: str) -> Cluster:
    return Cluster(served, namespace)


@pytest.fixture
def connection(served: ApiServer) -> Connection:
    return Connection.from_kubeconfig(served.path)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def client(connection: Connection, metrics: Metrics) -> AsyncIterator[KubeClient]:
    async with KubeClient(connection, metrics) as client:
        yield client
