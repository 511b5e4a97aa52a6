"""
Baton itself on the local servers: its kinds and rights, its schema, and the operator.

The operator runs as a ServiceAccount with exactly the chart's rights, so that a missing rule is seen here.
"""

from __future__ import annotations

import http
import sys
import time
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from baton_migrations import runner
from baton_migrations.errors import MigrationError
from baton_operator.local import manifests
from baton_operator.local.airflow import Login
from baton_operator.local.api_server import ApiServer, answers
from baton_operator.local.errors import ApiError, ServerFailed
from baton_operator.local.home import Home
from baton_operator.local.process import ServerProcess
from baton_operator.local.progress import Say
from baton_operator.local.server import start_on_free_ports

NAMESPACE = "baton-system"
"""Where the operator's ServiceAccount lives."""

SERVICE_ACCOUNT = "baton"
"""Who the operator is."""

_API_VERSION = "baton.dev/v1alpha1"
_LIMITS = {"maxInFlight": 50, "requestsPerSecond": 50, "burst": 100}
_TRACKING = {"interval": "1s", "idleInterval": "10s"}
#: Seconds until Runs are taken: some, and many on a machine that does other things as well.
_TAKEN_WITHIN = 120.0


def install(api_server: ApiServer) -> None:
    """Apply Baton's kinds, rights and admission policy, and wait until the kinds are served."""
    api_server.apply_objects(manifests.everything(NAMESPACE, SERVICE_ACCOUNT))
    api_server.wait_established(*(each["metadata"]["name"] for each in manifests.definitions()))
    _wait_until_runs_are_taken(api_server)


def _wait_until_runs_are_taken(api_server: ApiServer) -> None:
    """
    Wait until the admission policy stamps Runs.

    Right after it was installed the API server lets them pass without a stamp, then answers 503 to every Run until it
    knows the new kinds.
    """
    run = {"automationRef": {"name": "none"}}
    body = {"apiVersion": _API_VERSION, "kind": "Run", "metadata": {"name": "baton-dry-run"}, "spec": run}
    deadline = time.monotonic() + _TAKEN_WITHIN
    while time.monotonic() < deadline:
        try:
            made = api_server.request("POST", "/apis/baton.dev/v1alpha1/namespaces/default/runs?dryRun=All", body)
        except ApiError as error:
            if error.status not in {
                http.HTTPStatus.SERVICE_UNAVAILABLE,
                http.HTTPStatus.NOT_FOUND,
            }:  # a namespace comes
                raise
        else:
            if "baton.dev/created-by" in made["metadata"].get("annotations", {}):
                return
        time.sleep(0.1)
    raise ServerFailed(
        f"the admission policy of the chart does not stamp Runs, {_TAKEN_WITHIN:.0f} s after it was installed"
    )


def migrate(database_url: str, say: Say) -> None:
    """
    Bring a database to the newest schema.

    Raises:
        ServerFailed: A migration failed; the message is what the runner said.
    """
    try:
        runner.migrate(database_url, progress=say)
    except (MigrationError, SQLAlchemyError) as error:
        raise ServerFailed(f"the database could not be migrated: {error}") from error


def offer_argo(api_server: ApiServer, url: str) -> None:
    """Make the Engine ``argo`` in the namespace ``default``, or give it this address."""
    spec = {"type": "Argo", "url": url, "limits": _LIMITS, "tracking": _TRACKING}
    metadata = {"name": "argo", "namespace": "default"}
    api_server.apply_objects([{"apiVersion": _API_VERSION, "kind": "Engine", "metadata": metadata, "spec": spec}])


def offer_airflow(api_server: ApiServer, url: str, login: Login) -> None:
    """Make the Engine ``airflow`` in the namespace ``default``, and the Secret it logs in with, or change both."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "airflow-login", "namespace": "default"},
        "type": "kubernetes.io/basic-auth",
        "stringData": {"username": login.username, "password": login.password},
    }
    auth = {"basic": {"secretRef": {"name": "airflow-login"}}}
    spec = {"type": "Airflow", "url": url, "auth": auth, "limits": _LIMITS, "tracking": _TRACKING}
    metadata = {"name": "airflow", "namespace": "default"}
    engine = {"apiVersion": _API_VERSION, "kind": "Engine", "metadata": metadata, "spec": spec}
    api_server.apply_objects([secret, engine])


@dataclass(frozen=True, slots=True)
class Operator:
    """
    One replica of the operator.

    Attributes:
        home: Where it lives.
        api_server: What it watches, as administrator.
        database_url: Where its rows are.
        name: Its process's name, one for each replica.
    """

    home: Home
    api_server: ApiServer
    database_url: str
    name: str = "baton-operator"

    @property
    def process(self) -> ServerProcess:
        """Its process."""
        return self.home.process(self.name)

    def up(self, **settings: str) -> None:
        """
        Start it if it does not run, and wait until it says that it is ready.

        Args:
            settings: Further ``BATON_…`` variables, by their names.

        Raises:
            ServerFailed: It did not get ready.
        """
        kubeconfig = self.process.folder / "kubeconfig"
        self.api_server.write_service_account_kubeconfig(NAMESPACE, SERVICE_ACCOUNT, kubeconfig)
        start_on_free_ports(
            self.process,
            lambda _: [sys.executable, "-m", "baton_operator"],
            lambda port: answers(f"127.0.0.1:{port('http')}", "/readyz"),
            environment={
                "KUBECONFIG": str(kubeconfig),
                "BATON_DATABASE_URL": self.database_url,
                "BATON_HTTP_HOST": "127.0.0.1",
                "BATON_HTTP_PORT": str(self.process.port("http")),
                "BATON_ENGINE_NETWORKS": "127.0.0.0/8",
                **settings,
            },
            depends_on=self.api_server.config.server,
        )
