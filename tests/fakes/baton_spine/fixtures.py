"""Fixtures of the tests in which operators run as processes; a ``conftest.py`` imports those it wants."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from baton_fakes.argo import FakeArgo
from baton_fakes.serving import serving_in_thread
from baton_spine.process import end_all
from baton_spine.stage import Stage, unique

from baton_migrations.runner import migrate
from baton_operator.local import baton
from baton_operator.local.api_server import ApiServer
from baton_operator.local.postgres import create_database, drop_database


@pytest.fixture(scope="session")
def operator_kubeconfig(api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig of the ServiceAccount that the chart makes, with exactly its rights."""
    baton.install(api_server)
    path = tmp_path_factory.mktemp("operator") / "kubeconfig"
    return api_server.write_service_account_kubeconfig(baton.NAMESPACE, baton.SERVICE_ACCOUNT, path)


@pytest.fixture(scope="session")
def migrated(postgres_server: str) -> Iterator[str]:
    """The name of a database with Baton's schema, from which those of the tests are copied."""
    name = f"spine_{uuid.uuid4().hex}"
    migrate(create_database(postgres_server, name), progress=lambda _: None)
    yield name
    drop_database(postgres_server, name)


@pytest.fixture(scope="session")
def shared_argo() -> Iterator[tuple[FakeArgo, str]]:
    """A fake Argo for all stages, each in a namespace of its own, and its address."""
    fake = FakeArgo()
    with serving_in_thread(fake.app()) as url:
        yield fake, url


@pytest.fixture(scope="session")
def new_stage(  # noqa: PLR0917 - pytest passes fixtures by name
    api_server: ApiServer,
    operator_kubeconfig: Path,
    postgres_server: str,
    migrated: str,
    shared_argo: tuple[FakeArgo, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[], Stage]]:
    """Makes stages; `strike` takes one away, and what is left is taken away at the end."""
    made: list[Stage] = []

    def make() -> Stage:
        namespace = unique("spine")
        api_server.create_namespace(namespace)
        stage = Stage(
            server=api_server,
            kubeconfig=operator_kubeconfig,
            namespace=namespace,
            database_url=create_database(postgres_server, namespace.replace("-", "_"), template=migrated),
            argo=shared_argo[0],
            argo_url=shared_argo[1],
            folder=tmp_path_factory.mktemp(namespace),
        )
        made.append(stage)
        return stage

    yield make
    for stage in made:
        strike(stage, postgres_server)


@pytest.fixture
def stage(new_stage: Callable[[], Stage], postgres_server: str) -> Iterator[Stage]:
    """A stage of the test's own."""
    made = new_stage()
    yield made
    strike(made, postgres_server)


def strike(stage: Stage, postgres_server: str) -> None:
    """Take a stage away: its operators, its namespace, its database. Taking it away twice does no harm."""
    end_all(stage.operators)
    stage.server.delete_namespace(stage.namespace)
    drop_database(postgres_server, stage.namespace.replace("-", "_"))
    shutil.rmtree(stage.folder, ignore_errors=True)
