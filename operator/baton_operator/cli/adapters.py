"""Adapters for commands that ask an engine itself: `runs logs`, `engines test`."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from baton_models import EngineModel
from baton_models.address import URL_VARIABLE
from baton_models.database import DatabaseConfig
from baton_models.repositories import EngineRepository
from baton_operator.app import ENGINES
from baton_operator.cli.exits import CommandError, NotFoundExit
from baton_operator.cli.surroundings import connection, home_folder, kubernetes
from baton_operator.engines.base import REQUEST_DEADLINE, EngineSpec
from baton_operator.engines.kube_access import Cluster
from baton_operator.engines.registry import AdapterRegistry, Surroundings, with_installed
from baton_operator.kube.secrets import KubeSecretSource

Row = Mapping[str, Any]


@asynccontextmanager
async def adapters(database: DatabaseConfig) -> AsyncIterator[AdapterRegistry]:
    """
    Lend the adapters that this installation has, with the rights of whoever runs the command.

    Raises:
        NoConnectionError: Nobody said where the API server is, which holds the engines' secrets.
        CommandError: ``BATON_REQUEST_DEADLINE`` is no number of seconds.
    """
    async with kubernetes() as client:
        here = connection()
        surroundings = Surroundings(
            KubeSecretSource(client),
            engine_networks=_networks(),
            database=database,
            cluster=Cluster(here.server, here.authority),
            request_deadline=request_deadline(os.environ),
        )
        registry = AdapterRegistry(with_installed(ENGINES), surroundings)
        try:
            yield registry
        finally:
            await registry.close()


async def engine_spec(database: DatabaseConfig, *, key: Any = None, namespace: str = "", name: str = "") -> EngineSpec:
    """
    Read an Engine by its row's key, or by its name.

    Raises:
        NotFoundExit: There is none.
    """
    async with database.get_async_session() as session:
        engines = EngineRepository(session, namespace)
        row = await (session.get(EngineModel, key) if key else engines.get_by_name(name))
    if row is None:
        raise NotFoundExit(
            f"no Engine {name!r} in namespace {namespace!r}: name its own with -n; see `baton engines list -A`"
        )
    return EngineSpec(row.id, row.tenant_id, row.name, row.type, row.generation, row.spec)


def request_deadline(environ: Mapping[str, str]) -> float:
    """
    Give the seconds that one request to an engine may take: ``BATON_REQUEST_DEADLINE``, as for the operator.

    Raises:
        CommandError: It is no number of seconds.
    """
    given = environ.get("BATON_REQUEST_DEADLINE", REQUEST_DEADLINE)
    try:
        return float(given)
    except ValueError:
        raise CommandError(f"BATON_REQUEST_DEADLINE={given!r}: a number of seconds is needed") from None


def _networks() -> list[IPv4Network | IPv6Network]:
    """Give what ``BATON_ENGINE_NETWORKS`` allows; the engines of a local Baton are on the loopback."""
    given = os.environ.get("BATON_ENGINE_NETWORKS", "")
    if not given and not os.environ.get(URL_VARIABLE) and (home_folder() / "kubeconfig").exists():
        given = "127.0.0.0/8"
    return [ip_network(each.strip()) for each in given.split(",") if each.strip()]
