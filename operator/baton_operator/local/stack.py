"""All servers of a home: started in order, looked at, stopped in the opposite order."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from baton_operator.local import baton
from baton_operator.local.airflow import Airflow
from baton_operator.local.api_server import ApiServer
from baton_operator.local.argo import Argo, AuthMode
from baton_operator.local.home import Home
from baton_operator.local.kubernetes import ControlPlane
from baton_operator.local.postgres import Postgres
from baton_operator.local.process import ServerProcess
from baton_operator.local.progress import Say

DATABASE = "baton"
"""The database a local Baton keeps its rows in."""

_STOP_LAST = (
    *("airflow-dag-processor", "airflow-scheduler", "airflow-api-server"),
    *("argo-server", "argo-server-client", "argo-controller"),
    *("kube-controller-manager", "kube-apiserver", "etcd", "postgres-16", "postgres-18"),
)


class LocalEngine(StrEnum):
    """The engines whose own servers can be started here; Embedded needs none."""

    ARGO = "argo"
    AIRFLOW = "airflow"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """
    Where the servers of a home are found.

    Attributes:
        kubeconfig: The administrator's kubeconfig.
        database_url: Baton's database, as its owner, who is no superuser where it is ours: ``postgresql://…``.
        argo_url: The Argo server in auth-mode server, if it was asked for.
        airflow_url: Airflow's api-server, if it was asked for.
    """

    kubeconfig: Path
    database_url: str
    argo_url: str | None = None
    airflow_url: str | None = None


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """
    One server, at one moment.

    Attributes:
        name: What people call it.
        pid: Its process, or None if it does not run.
        ports: Its ports on 127.0.0.1, by what it uses them for.
        log: Where its output is.
    """

    name: str
    pid: int | None
    ports: dict[str, int]
    log: Path


@dataclass(frozen=True, slots=True)
class Stack:
    """
    The servers a Baton needs around it.

    Attributes:
        home: Where they live.
        say: Told what is waited for.
        fsync: Whether the stores wait for the disk; switched off they are faster, for tests only.
        database_url: A database of a server that runs already and is used in place of one of ours.
    """

    home: Home
    say: Say
    fsync: bool = True
    database_url: str | None = None

    def up(self, engines: Collection[str] = (), *, operator: bool = False) -> Endpoints:
        """
        Start what does not run, repair what a killed run left, and wait until all is ready.

        Args:
            engines: Of `LocalEngine`.
            operator: Whether to install Baton, migrate its database and start the operator, too.

        Raises:
            LocalError: A server could not be had or did not get ready; its message is for people.
        """
        with self.home.locked(self.say):
            database_url = self.database_url or self._own_database()
            self.say(f"PostgreSQL answers at {_place(database_url)}")
            api_server = ControlPlane(self.home, self.say, self.fsync).up()
            self.say(f"the Kubernetes API answers at {api_server.config.server}")
            argo_url = None
            if LocalEngine.ARGO in engines:
                argo_url = Argo(self.home, api_server, self.say).up(AuthMode.SERVER)
                self.say(f"Argo answers at {argo_url}")
            airflow = None
            if LocalEngine.AIRFLOW in engines:
                airflow = Airflow(self.home, self.say, fsync=self.fsync)
                self.say(f"Airflow answers at {airflow.up()}")
            if operator:
                self._start_baton(api_server, database_url, argo_url, airflow)
            return Endpoints(api_server.path, database_url, argo_url, airflow.url if airflow else None)

    def status(self) -> list[ServerStatus]:
        """Look at every server that was ever started here."""
        found = []
        for name in self.home.known():
            process = self.home.process(name)
            identity = process.identity()
            found.append(ServerStatus(name, identity.pid if identity else None, process.ports(), process.log_file))
        return found

    def down(self) -> list[str]:
        """Stop every server of this home, those that depend on others first, and name those that ran."""
        with self.home.locked(self.say):
            return [
                each.name for each in sorted(map(self.home.process, self.home.known()), key=_stop_order) if each.stop()
            ]

    def _start_baton(
        self, api_server: ApiServer, database_url: str, argo_url: str | None, airflow: Airflow | None
    ) -> None:
        baton.install(api_server)
        if argo_url is not None:
            baton.offer_argo(api_server, argo_url)
        if airflow is not None:
            baton.offer_airflow(api_server, airflow.url, airflow.login())
        baton.migrate(database_url, self.say)
        self.say("kinds, rights and schema are in place")
        baton.Operator(self.home, api_server, database_url).up()
        self.say("the operator is ready")

    def _own_database(self) -> str:
        postgres = Postgres(self.home, fsync=self.fsync)
        postgres.up()
        return postgres.own_database(DATABASE)


def _stop_order(process: ServerProcess) -> int:
    return _STOP_LAST.index(process.name) if process.name in _STOP_LAST else -1


def _place(database_url: str) -> str:
    """Say where a database is, without its password."""
    address = urlsplit(database_url)
    return f"{address.hostname}:{address.port or 5432}{address.path}"
