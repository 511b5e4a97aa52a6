"""Fixtures of the tests in which operators run as processes; a ``conftest.py`` imports those it wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from baton_fakes.argo import FakeArgo
from baton_spine import theatre
from baton_spine.own_argo import OwnArgo
from baton_spine.stage import Stage
from baton_spine.theatre import Theatre

from baton_operator.engines.conformance import serving_in_thread
from baton_operator.local.api_server import ApiServer


@pytest.fixture(scope="session")
def operator_kubeconfig(api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig of the ServiceAccount that the chart makes, with exactly its rights."""
    return theatre.operator_kubeconfig(api_server, tmp_path_factory.mktemp("operator"))


@pytest.fixture(scope="session")
def migrated(postgres_server: str) -> Iterator[str]:
    """The name of a database with Baton's schema, from which those of the tests are copied."""
    with theatre.migrated_template(postgres_server) as name:
        yield name


@pytest.fixture(scope="session")
def shared_argo() -> Iterator[tuple[FakeArgo, str]]:
    """A fake Argo for all stages, each in a namespace of its own, and its address."""
    fake = FakeArgo()
    with serving_in_thread(fake.app()) as url:
        yield fake, url


@pytest.fixture(scope="session")
def stages(  # noqa: PLR0917 - pytest passes fixtures by name
    api_server: ApiServer,
    operator_kubeconfig: Path,
    postgres_server: str,
    migrated: str,
    shared_argo: tuple[FakeArgo, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Theatre]:
    """Where stages are made; what is left of them is taken away at the end."""
    opened = Theatre(
        api_server, operator_kubeconfig, postgres_server, migrated, *shared_argo, tmp_path_factory.mktemp("stages")
    )
    yield opened
    opened.strike_all()


@pytest.fixture(scope="module")
def new_stage(stages: Theatre) -> Iterator[Callable[[], Stage]]:
    """Makes stages that end with the module: an operator that idles costs a tenth of a core."""
    made: list[Stage] = []

    def make() -> Stage:
        made.append(stages.stage())
        return made[-1]

    yield make
    for each in made:
        stages.strike(each)


@pytest.fixture
def own_argo() -> Iterator[OwnArgo]:
    """A fake Argo that only one test uses."""
    own = OwnArgo()
    own.up()
    yield own
    own.down()


@pytest.fixture
def stage(stages: Theatre) -> Iterator[Stage]:
    """A stage of the test's own."""
    made = stages.stage()
    yield made
    stages.strike(made)
