"""Who types, and where the database and the API server are: from the environment, else from a local Baton here."""

import asyncio
import getpass
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from baton_models import address
from baton_models.database import DatabaseConfig, psycopg_url
from baton_operator.cli.exits import CommandError, UnreachableExit
from baton_operator.kube.client import KubeClient
from baton_operator.kube.connection import Connection
from baton_operator.kube.errors import NoConnectionError
from baton_operator.metrics import Metrics

T = TypeVar("T")


def person() -> str:
    """
    Name who types, for the history: by ``LOGNAME`` or ``USER``, else by the login.

    The image's user has no login: there it is the number and the Pod, unless the environment has a name.
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # the latter from Python 3.13 on
        return f"user {os.getuid()} of {socket.gethostname()}"


def home_folder() -> Path:
    """Give the folder of a local Baton, which need not exist: ``BATON_HOME``, else ``.baton``."""
    return Path(os.environ.get("BATON_HOME", ".baton"))


def database_url() -> str:
    """
    Find the database: ``BATON_DATABASE_URL``, else that of a local Baton.

    Raises:
        UnreachableExit: There is neither.
        CommandError: The URL cannot be read.
    """
    given = address.database_url(os.environ)
    if given:
        try:
            psycopg_url(given)
        except ValueError as error:
            raise CommandError(f"{address.URL_VARIABLE}: {error}") from None
        return given
    local = _local_database_url()
    if local is None:
        raise UnreachableExit(
            f"nobody said where the database is: set {address.URL_VARIABLE} to a URL such as postgresql://host/name, "
            "or start a local Baton with `baton local up`"
        )
    return local


def _local_database_url() -> str | None:
    folder = home_folder()
    if not (folder / "postgres-18" / "role-password").exists():
        return None
    from baton_operator.local.home import Home  # noqa: PLC0415 - the image has not all that the local room imports
    from baton_operator.local.postgres import Postgres  # noqa: PLC0415
    from baton_operator.local.stack import DATABASE  # noqa: PLC0415

    return Postgres(Home(folder.absolute())).own_url(DATABASE)


def connection() -> Connection:
    """
    Find the API server: ``KUBECONFIG``, else that of a local Baton, else the Pod's or the user's own.

    Raises:
        NoConnectionError: There is none of them.
    """
    local = home_folder() / "kubeconfig"
    if not os.environ.get("KUBECONFIG") and local.exists():
        return Connection.from_kubeconfig(local)
    return Connection.discover(os.environ)


def default_namespace() -> str:
    """Give the namespace of the current context; ``default`` where there is none."""
    try:
        return connection().namespace
    except NoConnectionError:
        return "default"


@asynccontextmanager
async def database() -> AsyncIterator[DatabaseConfig]:
    """
    Lend the database for the length of a command.

    Raises:
        UnreachableExit: Nobody said where it is.
        CommandError: Its URL cannot be read.
    """
    found = DatabaseConfig(database_url(), pool_size=2, max_overflow=0, application_name="baton")
    try:
        yield found
    finally:
        await found.dispose_async_engine()
        found.dispose_engine()


@asynccontextmanager
async def kubernetes() -> AsyncIterator[KubeClient]:
    """
    Lend a client of the API server for the length of a command.

    Raises:
        NoConnectionError: Nobody said where it is.
    """
    async with KubeClient(connection(), Metrics()) as client:
        yield client


def run(command: Callable[[], Awaitable[T]]) -> T:
    """Run the asynchronous body of a command."""

    async def body() -> T:
        return await command()

    return asyncio.run(body())
