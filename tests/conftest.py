"""
Servers and databases for all tiers.

A server is started when the first test of a session asks for it, shared by all of them, and stopped at the session's
end. Each test gets a database or a namespace of its own. With ``BATON_TEST_HOME`` set to a folder, the servers live
there, are shared by all sessions that name it, and stay when these end (``baton local down --home`` stops them).
With ``-n`` the session's workers share its servers.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from baton_operator.local.airflow import Airflow
from baton_operator.local.api_server import ApiServer
from baton_operator.local.argo import Argo, AuthMode
from baton_operator.local.errors import LocalError
from baton_operator.local.home import Home
from baton_operator.local.kubernetes import ControlPlane
from baton_operator.local.postgres import Postgres, as_role, create_database, create_role, drop_database, drop_role
from baton_operator.local.progress import say_on_stderr
from baton_operator.local.scratch import scratch_home

TIERS = {
    "unit": "needs nothing",
    "contract": "drives every adapter against fakes with ledgers",
    "integration": "needs PostgreSQL",
    "cluster": "needs PostgreSQL and a Kubernetes API server",
    "engines": "needs the engines' own servers",
    "crash": "kills processes",
    "chart": "needs a node that runs Pods",
}
DEFAULT_POSTGRES = 18
HOME = "BATON_TEST_HOME"


def pytest_configure(config: pytest.Config) -> None:
    for tier, meaning in TIERS.items():
        config.addinivalue_line("markers", f"{tier}: {meaning}")
    if getattr(config.option, "numprocesses", None) and not os.environ.get(HOME):
        _share_a_home(config)


def _share_a_home(config: pytest.Config) -> None:
    """Make a home for the servers of all workers, and take it away when they have ended."""
    ends = ExitStack()
    os.environ[HOME] = str(ends.enter_context(scratch_home(say_on_stderr)).path)  # the workers inherit it
    config.add_cleanup(ends.close)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test with the tier whose folder it is in."""
    here = Path(__file__).parent
    for item in items:
        tier = item.path.relative_to(here).parts[0]
        if tier not in TIERS:
            raise pytest.UsageError(f"{item.path} is in no tier: its folder must be one of {', '.join(TIERS)}")
        item.add_marker(tier)


@contextmanager
def failing_in_one_line() -> Iterator[None]:
    """Fail with what is missing and what to do about it, without a traceback."""
    try:
        yield
    except LocalError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def local_home() -> Iterator[Home]:
    """The home of the session's servers."""
    shared = os.environ.get(HOME)
    if shared:
        yield Home.at(shared)
    else:
        with scratch_home(say_on_stderr) as home:
            yield home


@pytest.fixture(scope="session")
def postgres_of(local_home: Home) -> Callable[[int], str]:
    """Gives the administrator's URL of a running PostgreSQL of one major version: 16 or 18."""

    def url(version: int) -> str:
        given = os.environ.get("BATON_DATABASE_URL")
        if given and version == DEFAULT_POSTGRES:
            return given
        with failing_in_one_line(), local_home.locked(say_on_stderr):
            return Postgres(local_home, version, fsync=False).up()

    return url


@pytest.fixture(scope="session")
def postgres_server(postgres_of: Callable[[int], str]) -> str:
    """The administrator's URL of a running PostgreSQL 18, or of the server of ``BATON_DATABASE_URL``."""
    return postgres_of(DEFAULT_POSTGRES)


@pytest.fixture(scope="session")
def plain_role(postgres_of: Callable[[int], str]) -> Iterator[Callable[[int], tuple[str, str]]]:
    """Gives a role of one server, and its password, that is no superuser: row-level security binds it."""
    made: dict[int, tuple[str, str]] = {}

    def role(version: int) -> tuple[str, str]:
        if version not in made:
            made[version] = f"test_{uuid.uuid4().hex}", uuid.uuid4().hex
            create_role(postgres_of(version), *made[version])
        return made[version]

    yield role
    for version, (name, _) in made.items():
        drop_role(postgres_of(version), name)


@pytest.fixture
def new_database(
    postgres_of: Callable[[int], str], plain_role: Callable[[int], tuple[str, str]]
) -> Iterator[Callable[..., str]]:
    """
    Makes databases that are gone after the test: ``new_database(version=16, template="migrated")`` gives a URL.

    Without a template the database is empty. With ``owned=True`` it belongs to a role that is no superuser, and the URL
    is that role's; a template must have been that role's then.
    """
    made: list[tuple[str, str]] = []

    def make(*, version: int = DEFAULT_POSTGRES, template: str | None = None, owned: bool = False) -> str:
        admin_url, name = postgres_of(version), f"test_{uuid.uuid4().hex}"
        made.append((admin_url, name))
        if not owned:
            return create_database(admin_url, name, template=template)
        role, password = plain_role(version)
        return as_role(create_database(admin_url, name, template=template, owner=role), role, password)

    yield make
    for admin_url, name in made:
        drop_database(admin_url, name)


@pytest.fixture
def database_url(new_database: Callable[..., str]) -> str:
    """A database of the test's own, empty: ``postgresql://…``."""
    return new_database()


@pytest.fixture(scope="session")
def api_server(local_home: Home) -> ApiServer:
    """A running Kubernetes API server with its controller manager, as its administrator."""
    with failing_in_one_line(), local_home.locked(say_on_stderr):
        return ControlPlane(local_home, say_on_stderr, fsync=False).up()


@pytest.fixture(scope="session")
def kube(api_server: ApiServer) -> Path:
    """The administrator's kubeconfig of a running Kubernetes API server."""
    return api_server.path


@pytest.fixture
def namespace(api_server: ApiServer) -> Iterator[str]:
    """A namespace of the test's own; deleted after it, without waiting."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    api_server.create_namespace(name)
    yield name
    api_server.delete_namespace(name)


@pytest.fixture(scope="session")
def argo(local_home: Home, api_server: ApiServer) -> Callable[[AuthMode], str]:
    """Gives the URL of a running Argo server in one auth-mode; its controller runs too."""

    def url(auth_mode: AuthMode) -> str:
        with failing_in_one_line(), local_home.locked(say_on_stderr):
            return Argo(local_home, api_server, say_on_stderr).up(auth_mode)

    return url


@pytest.fixture(scope="session")
def argo_server(argo: Callable[[AuthMode], str]) -> str:
    """The URL of a running Argo server in auth-mode server."""
    return argo(AuthMode.SERVER)


@pytest.fixture(scope="session")
def argo_client_server(argo: Callable[[AuthMode], str]) -> str:
    """The URL of a running Argo server in auth-mode client: each request needs a Kubernetes token."""
    return argo(AuthMode.CLIENT)


@pytest.fixture(scope="session")
def airflow(local_home: Home) -> Airflow:
    """A running Airflow, with its scheduler and DAG processor: runs of the examples' DAGs really run."""
    made = Airflow(local_home, say_on_stderr, fsync=False)
    with failing_in_one_line(), local_home.locked(say_on_stderr):
        made.up()
    return made
