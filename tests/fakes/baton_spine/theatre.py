"""The servers that stages stand on, and how a stage is made and taken away."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from baton_fakes.argo import FakeArgo
from baton_spine.process import end_all
from baton_spine.stage import Stage, unique

from baton_migrations.runner import migrate
from baton_operator.engines.conformance import serving_in_thread
from baton_operator.local import baton
from baton_operator.local.api_server import ApiServer
from baton_operator.local.postgres import create_database, drop_database


@dataclass
class Theatre:
    """
    Where stages are made.

    Attributes:
        kubeconfig: Of the ServiceAccount that the chart makes, with exactly its rights.
        postgres: The administrator's URL.
        template: The name of a database with Baton's schema, from which those of the stages are copied.
        argo: A fake Argo for all stages, each in a namespace of its own; and its address.
        folder: Where logs go.
    """

    server: ApiServer
    kubeconfig: Path
    postgres: str
    template: str
    argo: FakeArgo
    argo_url: str
    folder: Path
    stages: list[Stage] = field(default_factory=list)

    def stage(self) -> Stage:
        """Make a stage: a namespace, a database, a folder."""
        namespace = unique("spine")
        self.server.create_namespace(namespace)
        folder = self.folder / namespace
        folder.mkdir()
        made = Stage(
            server=self.server,
            kubeconfig=self.kubeconfig,
            namespace=namespace,
            database_url=create_database(self.postgres, _database(namespace), template=self.template),
            argo=self.argo,
            argo_url=self.argo_url,
            folder=folder,
        )
        self.stages.append(made)
        return made

    def strike(self, stage: Stage) -> None:
        """Take a stage away: its operators, its namespace, its database. Taking it away twice does no harm."""
        end_all(stage.operators)
        stage.server.delete_namespace(stage.namespace)
        drop_database(self.postgres, _database(stage.namespace))
        shutil.rmtree(stage.folder, ignore_errors=True)

    def strike_all(self) -> None:
        """Take away what is left."""
        for stage in self.stages:
            self.strike(stage)


def _database(namespace: str) -> str:
    return namespace.replace("-", "_")


def operator_kubeconfig(server: ApiServer, folder: Path) -> Path:
    """Install Baton's kinds and rights, and write the kubeconfig of the ServiceAccount that the chart makes."""
    baton.install(server)
    return server.write_service_account_kubeconfig(baton.NAMESPACE, baton.SERVICE_ACCOUNT, folder / "kubeconfig")


@contextmanager
def migrated_template(postgres: str) -> Iterator[str]:
    """Give the name of a database with Baton's schema, to be copied."""
    name = f"spine_{uuid.uuid4().hex}"
    migrate(create_database(postgres, name), progress=lambda _: None)
    yield name
    drop_database(postgres, name)


@contextmanager
def theatre(server: ApiServer, postgres: str) -> Iterator[Theatre]:
    """Open a theatre over running servers, and leave nothing of it."""
    argo = FakeArgo()
    with (
        tempfile.TemporaryDirectory(prefix="baton-theatre-") as folder,
        migrated_template(postgres) as template,
        serving_in_thread(argo.app()) as argo_url,
    ):
        path = Path(folder)
        opened = Theatre(server, operator_kubeconfig(server, path), postgres, template, argo, argo_url, path)
        try:
            yield opened
        finally:
            opened.strike_all()
