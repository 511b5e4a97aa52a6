"""
Argo Workflows without a node: its own server and controller, for workflows made of `suspend` templates.

The controller serves every namespace. Its metrics are off, since their port is fixed; for the port of its health
endpoint (6060, fixed too) it competes with others, goes on without it, and is therefore not asked there.
"""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from baton_operator.local.api_server import ApiServer
from baton_operator.local.binaries import ARGO
from baton_operator.local.home import Home
from baton_operator.local.progress import Say
from baton_operator.local.server import PortOf, start_on_free_ports

NAMESPACE = "argo"
"""Where Argo's own objects are."""

_CONTROLLER = "argo-controller"
_CONFIGURATION = "workflow-controller-configmap"
_STARTED = "Performing periodic GC"  # said once, when the controller's informers have synced


class AuthMode(StrEnum):
    """Whose rights a request to the Argo server has."""

    SERVER = "server"
    """The server's own; requests carry no credential."""
    CLIENT = "client"
    """Those of the Kubernetes token in the request."""


@dataclass(frozen=True, slots=True)
class Argo:
    """
    Argo's controller and servers, in one home.

    Attributes:
        home: Where they live.
        api_server: Where the workflows are, as administrator.
        say: Told what is waited for.
    """

    home: Home
    api_server: ApiServer
    say: Say

    def up(self, auth_mode: AuthMode = AuthMode.SERVER) -> str:
        """
        Start the controller and one server if they do not run, and wait until they are ready.

        Args:
            auth_mode: The server's; each mode has a server of its own.

        Returns:
            The server's URL.

        Raises:
            PartMissing: They would have to be built, and there is no Go.
            BuildFailed: They were built, in vain.
            ServerFailed: They did not get ready.
        """
        programs = ARGO.build(self.say)
        if not self.home.process(_CONTROLLER).runs:
            self._prepare(sorted((programs / "crds").glob("argoproj.io_*.yaml")))
        self._start_controller(programs / "workflow-controller")
        return self._start_server(programs / "argo", auth_mode)

    def _prepare(self, definitions: list[Path]) -> None:
        """Have what the two expect to find: definitions, a namespace, a configuration."""
        self.api_server.apply(*definitions)
        plurals = [each.stem.removeprefix("argoproj.io_") for each in definitions]
        self.api_server.wait_established(*(f"{each}.argoproj.io" for each in plurals))
        self.api_server.create_namespace(NAMESPACE)
        self.api_server.create(
            f"/api/v1/namespaces/{NAMESPACE}/configmaps",
            {
                "metadata": {"name": _CONFIGURATION},
                "data": {"metricsConfig": "enabled: false\n", "telemetryConfig": "enabled: false\n"},
            },
        )

    def _start_controller(self, program: Path) -> None:
        process = self.home.process(_CONTROLLER)

        def command(_: PortOf) -> list[str | Path]:
            return [program, "--kubeconfig", self.api_server.path, "--namespace", NAMESPACE, "--executor-image", "none"]

        start_on_free_ports(
            process,
            command,
            lambda _: _STARTED in process.log_of_this_start(),
            environment={"LEADER_ELECTION_DISABLE": "true", "DEFAULT_REQUEUE_TIME": "1s"},
            depends_on=self.api_server.config.server,
        )

    def _start_server(self, program: Path, auth_mode: AuthMode) -> str:
        name = "argo-server" if auth_mode is AuthMode.SERVER else f"argo-server-{auth_mode}"
        process = self.home.process(name)

        def command(port: PortOf) -> list[str | Path]:
            return [
                *(program, "server", "--kubeconfig", self.api_server.path, "--namespace", NAMESPACE),
                *("--secure=false", f"--auth-mode={auth_mode}", "--port", str(port("http"))),
            ]

        start_on_free_ports(
            process,
            command,
            lambda port: _is_up(port("http"), auth_mode),
            environment={"KUBECONFIG": str(self.api_server.path)},  # where client mode finds the API server
            depends_on=self.api_server.config.server,
        )
        return f"http://127.0.0.1:{process.port('http')}"


#: What is asked of a server that starts: one path of each of its services that are used.
_SERVICES = ("version", f"workflows/{NAMESPACE}", f"workflow-templates/{NAMESPACE}")


def _is_up(port: int, auth_mode: AuthMode) -> bool:
    """
    Say whether an Argo server works.

    Each of its services has a gateway of its own, which dials the server's gRPC port: that is up a moment
    later, and a gateway that came too early answers 503 for a second. The version wants any token in client mode, the
    others refuse it, which is an answer.
    """
    headers = {"Authorization": "Bearer any"} if auth_mode is AuthMode.CLIENT else {}
    statuses = [_status(port, f"/api/v1/{path}", headers) for path in _SERVICES]
    return statuses[0] == http.HTTPStatus.OK and not {None, http.HTTPStatus.SERVICE_UNAVAILABLE} & set(statuses)


def _status(port: int, path: str, headers: dict[str, str]) -> int | None:
    """Ask, and give the answer's status; None if none came."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
