"""
A Kubernetes control plane without a node: etcd, kube-apiserver, kube-controller-manager.

The controller manager runs what an API needs to behave as people know it (garbage collection, deletion of namespaces,
aggregated ClusterRoles, quotas); there is no scheduler and no kubelet, so no Pod ever runs.
"""

from __future__ import annotations

import secrets
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from baton_operator.local.api_server import ApiServer, answers
from baton_operator.local.binaries import kubernetes_program
from baton_operator.local.errors import PartMissing
from baton_operator.local.home import Home, write_private
from baton_operator.local.kubeconfig import Kubeconfig
from baton_operator.local.process import ServerProcess
from baton_operator.local.progress import Say
from baton_operator.local.server import PortOf, start_on_free_ports

if TYPE_CHECKING:
    from baton_operator.local.certificates import ControlPlaneKeys

_CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "resourcequota-controller",
    "serviceaccount-controller",
    "validatingadmissionpolicy-status-controller",
)
_ISSUER = "https://kubernetes.default.svc"
_AUDIT_POLICY = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n"


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """
    The three servers of a Kubernetes API, in one home.

    Attributes:
        home: Where they live.
        say: Told what is waited for.
        fsync: Whether etcd waits for the disk; switched off it is faster, and a crash of the machine may lose data.
        audit_log: Where kube-apiserver writes a JSON line a request (user, verb, answer); None for nowhere.
    """

    home: Home
    say: Say
    fsync: bool = True
    audit_log: Path | None = None

    @property
    def etcd(self) -> ServerProcess:
        """The process of etcd."""
        return self.home.process("etcd")

    @property
    def api_server(self) -> ServerProcess:
        """The process of kube-apiserver."""
        return self.home.process("kube-apiserver")

    @property
    def controller_manager(self) -> ServerProcess:
        """The process of kube-controller-manager."""
        return self.home.process("kube-controller-manager")

    def up(self) -> ApiServer:
        """
        Start what does not run, and wait until it is ready.

        Returns:
            The API server, as its administrator.

        Raises:
            PartMissing: A program cannot be had.
            ServerFailed: A server did not get ready.
        """
        self._start_etcd()
        self._start_api_server()
        self._start_controller_manager()
        return ApiServer(self.home.kubeconfig)

    def _start_etcd(self) -> None:
        program = kubernetes_program("etcd", self.say)

        def command(port: PortOf) -> list[str | Path]:
            client, peer = (f"http://127.0.0.1:{port(name)}" for name in ("client", "peer"))
            return [
                program,
                *("--name=baton", "--data-dir=data", "--log-level=warn", f"--initial-cluster=baton={peer}"),
                *(f"--listen-client-urls={client}", f"--advertise-client-urls={client}"),
                *(f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}"),
                *(() if self.fsync else ("--unsafe-no-fsync",)),
            ]

        start_on_free_ports(self.etcd, command, lambda port: answers(f"127.0.0.1:{port('client')}", "/health"))

    def _start_api_server(self) -> None:
        program = kubernetes_program("kube-apiserver", self.say)
        folder = self.home.folder("kube-apiserver")
        keys = self._keys()
        token = _administrator_token(folder / "tokens.csv")
        etcd_port = self.etcd.port("client")

        def command(port: PortOf) -> list[str | Path]:
            return [
                program,
                *("--bind-address=127.0.0.1", f"--secure-port={port('https')}", f"--cert-dir={folder / 'keys'}"),
                *(f"--tls-cert-file={keys.certificate}", f"--tls-private-key-file={keys.key}"),
                *(f"--etcd-servers=http://127.0.0.1:{etcd_port}", "--service-cluster-ip-range=10.0.0.0/24"),
                *(f"--service-account-key-file={keys.service_accounts_public}", f"--service-account-issuer={_ISSUER}"),
                f"--service-account-signing-key-file={keys.service_accounts}",
                *(f"--token-auth-file={folder / 'tokens.csv'}", "--authorization-mode=RBAC"),
                *("--disable-admission-plugins=ServiceAccount", "--endpoint-reconciler-type=none"),
                *self._audit_flags(folder),
            ]

        def is_ready(port: PortOf) -> bool:
            server = f"https://127.0.0.1:{port('https')}"
            Kubeconfig(server, keys.authority.read_text(), token).write(self.home.kubeconfig)
            return ApiServer(self.home.kubeconfig).is_ready()

        start_on_free_ports(self.api_server, command, is_ready)

    def _keys(self) -> ControlPlaneKeys:
        try:
            from baton_operator.local.certificates import ControlPlaneKeys  # noqa: PLC0415 - only the extra has it
        except ModuleNotFoundError:
            raise PartMissing("cryptography is missing: `pip install 'baton[local]'`") from None
        return ControlPlaneKeys.kept_in(self.home.folder("kube-apiserver") / "keys")

    def _audit_flags(self, folder: Path) -> list[str]:
        if self.audit_log is None:
            return []
        policy = folder / "audit-policy.yaml"
        policy.write_text(_AUDIT_POLICY)
        return [f"--audit-policy-file={policy}", f"--audit-log-path={self.audit_log}", "--audit-log-maxsize=0"]

    def _start_controller_manager(self) -> None:
        program = kubernetes_program("kube-controller-manager", self.say)
        keys = self._keys()

        def command(port: PortOf) -> list[str | Path]:
            return [
                program,
                *(f"--kubeconfig={self.home.kubeconfig}", "--leader-elect=false"),
                *("--bind-address=127.0.0.1", f"--secure-port={port('https')}"),
                *(f"--tls-cert-file={keys.certificate}", f"--tls-private-key-file={keys.key}"),
                f"--controllers={','.join(_CONTROLLERS)}",
            ]

        def is_ready(port: PortOf) -> bool:
            tls = ssl.create_default_context(cafile=str(keys.authority))
            return answers(f"127.0.0.1:{port('https')}", "/healthz", tls=tls)

        address = f"https://127.0.0.1:{self.api_server.port('https')}"
        start_on_free_ports(self.controller_manager, command, is_ready, depends_on=address)


def _administrator_token(path: Path) -> str:
    """Give the token of a user to whom everything is allowed, made at the first call."""
    if not path.exists():
        write_private(path, f'{secrets.token_urlsafe(24)},admin,admin,"system:masters"\n')
    return path.read_text().split(",", 1)[0]
