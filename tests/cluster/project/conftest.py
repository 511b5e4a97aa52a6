"""A project loop between a real database and a real API server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from project_rows import Rows, rows

from baton_operator.kube.client import KubeClient
from baton_operator.kube.connection import Connection
from baton_operator.kube.resources import API_VERSION, PLURALS, Kind
from baton_operator.local import baton
from baton_operator.local.api_server import ApiServer
from baton_operator.loops.project import ProjectLoop
from baton_operator.loops.witness import Witness
from baton_operator.metrics import Metrics
from baton_operator.settings import Settings

__all__ = ["rows"]


@dataclass
class Stage:
    """Custom resources with their rows, and the loop between them."""

    server: ApiServer
    namespace: str
    rows: Rows
    loop: ProjectLoop
    metrics: Metrics

    def run(self, name: str, **values: Any) -> Any:
        """Make a Run and its row; return the row's id."""
        return self.rows.run(name, self.create("Run", name, {"automationRef": {"name": "patch"}}), **values)

    def create(self, kind: Kind, name: str, spec: dict[str, Any]) -> str:
        """Make a custom resource; return its uid."""
        body = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
        return self.server.request("POST", self._path(kind), body)["metadata"]["uid"]

    def delete(self, kind: Kind, name: str) -> None:
        self.server.request("DELETE", f"{self._path(kind)}/{name}")

    def status(self, kind: Kind, name: str) -> dict[str, Any]:
        """Read what is shown."""
        return self.server.request("GET", f"{self._path(kind)}/{name}").get("status", {})

    def condition(self, kind: Kind, name: str, type_: str) -> tuple[str, str]:
        """Read one condition's status and reason."""
        found = next(each for each in self.status(kind, name)["conditions"] if each["type"] == type_)
        return found["status"], found["reason"]

    def events(self) -> list[tuple[str, str]]:
        """List what the Events say: name of the object and reason."""
        path = f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events"
        return sorted((each["regarding"]["name"], each["reason"]) for each in self.server.request("GET", path)["items"])

    def writes(self) -> float:
        """Count the requests of the loop that write."""
        found = self.metrics.registry.collect()
        return sum(
            sample.value
            for metric in found
            for sample in metric.samples
            if sample.name == "baton_kube_requests_total" and sample.labels["verb"] in {"patch", "create"}
        )

    def _path(self, kind: Kind) -> str:
        return f"/apis/{API_VERSION}/namespaces/{self.namespace}/{PLURALS[kind]}"


@pytest.fixture(scope="session")
def served(api_server: ApiServer) -> ApiServer:
    baton.install(api_server)  # with the policy: where others install it later, Runs are refused for seconds
    return api_server


@pytest.fixture
async def new_loop(rows: Rows) -> AsyncIterator[Callable[..., ProjectLoop]]:
    """Makes project loops over the test's database, for any API server."""
    clients: list[KubeClient] = []

    def make(connection: Connection, metrics: Metrics, *, interval: float = 0.2) -> ProjectLoop:
        client = KubeClient(connection, metrics)
        clients.append(client)
        settings = Settings(database_url="", status_interval=interval)
        return ProjectLoop(rows.database, client, metrics, settings, Witness())

    yield make
    for client in clients:
        await client.close()


@pytest.fixture
def stage(served: ApiServer, namespace: str, rows: Rows, new_loop: Callable[..., ProjectLoop]) -> Stage:
    """Custom resources with their rows in a namespace of the test's own."""
    rows.tenant = namespace
    rows.change("UPDATE automation SET tenant_id = :namespace", namespace=namespace)
    rows.change("UPDATE engine SET tenant_id = :namespace", namespace=namespace)
    metrics = Metrics()
    return Stage(served, namespace, rows, new_loop(Connection.from_kubeconfig(served.path), metrics), metrics)
