"""
PostgreSQL from the wheel, without its wrapper: a cluster of its own, on a loopback port, with a password.

PostgreSQL refuses to run as root. Where we are root it runs in a user namespace in which the same user has another
number, so that its files belong to us and no user has to be made.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from baton_operator.local.binaries import postgres_programs
from baton_operator.local.errors import PartMissing, ServerFailed
from baton_operator.local.home import Home, write_private
from baton_operator.local.process import ServerProcess
from baton_operator.local.server import PortOf, start_on_free_ports

_NOT_ROOT = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
_ROLE = "baton"
_OWNED_THINGS: LiteralString = """
SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass::text
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                  AND d.deptype IN ('a', 'i') AND d.refclassid = 'pg_class'::regclass)
UNION ALL
SELECT 'ROUTINE', p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
UNION ALL
SELECT 'TYPE', t.oid::regtype::text FROM pg_type t WHERE t.typnamespace = 'public'::regnamespace AND t.typtype = 'e'
"""
_WITHOUT_FSYNC = ("-c", "fsync=off", "-c", "full_page_writes=off")  # a commit still survives a kill of the server


@dataclass(frozen=True, slots=True)
class Postgres:
    """
    One PostgreSQL server of a home.

    Attributes:
        home: Where it lives.
        version: Its major version.
        fsync: Whether it waits for the disk; switched off it is faster, and a crash of the machine may lose data.
        max_connections: How many clients it takes at once.
    """

    home: Home
    version: int = 18
    fsync: bool = True
    max_connections: int = 200

    @property
    def process(self) -> ServerProcess:
        """The process of the server; asked to end, it cuts its connections."""
        return self.home.process(f"postgres-{self.version}")

    def up(self) -> str:
        """
        Start it if it does not run, and wait until it answers.

        Returns:
            The URL of the database ``postgres``, as superuser.

        Raises:
            PartMissing: There is no program of this version, or no way to run it as root.
            ServerFailed: It did not get ready.
        """
        programs = postgres_programs(self.version)
        folder = self.process.folder
        self._make_cluster(programs, folder)
        _forget_dead_postmaster(self.process)

        def command(port: PortOf) -> list[str | Path]:
            return [
                *_not_root(),
                *(programs / "postgres", "-D", folder / "data", "-p", str(port("sql"))),
                *("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="),
                *("-c", f"max_connections={self.max_connections}", "-c", "timezone=UTC", "-c", "log_timezone=UTC"),
                *(() if self.fsync else _WITHOUT_FSYNC),
            ]

        start_on_free_ports(self.process, command, lambda _: self._answers())
        return self.url

    def own_database(self, name: str) -> str:
        """
        Make a database that belongs to a plain role, if it is not there; one of an earlier release is handed over.

        Row-level security, which guards the tables of extensions, does not bind a superuser.

        Returns:
            Its URL, as that role.
        """
        password = self.process.folder / "role-password"
        if not password.exists():
            write_private(password, secrets.token_hex(16))
        create_role(self.url, _ROLE, password.read_text())
        hand_over(create_database(self.url, name, exist_ok=True, owner=_ROLE), _ROLE)
        return as_role(_in(self.url, name), _ROLE, password.read_text())

    def own_url(self, name: str) -> str | None:
        """Give the URL that `own_database` gave, without looking whether it is there; None if it was never called."""
        password = self.process.folder / "role-password"
        if not password.exists():
            return None
        return as_role(_in(self.url, name), _ROLE, password.read_text())

    @property
    def url(self) -> str:
        """The URL of the database ``postgres``, as superuser; of use while it runs."""
        password = (self.process.folder / "password").read_text()
        return f"postgresql://postgres:{password}@127.0.0.1:{self.process.port('sql')}/postgres"

    def _make_cluster(self, programs: Path, folder: Path) -> None:
        """Make the data folder; it appears whole or not at all."""
        data, password = folder / "data", folder / "password"
        if data.exists():
            return
        for left in folder.glob("data.*"):
            shutil.rmtree(left, ignore_errors=True)
        fresh = tempfile.mkdtemp(
            prefix="data.", dir=folder
        )  # a killed up leaves an initdb that still writes to its own
        write_private(password, secrets.token_hex(16))
        made = subprocess.run(  # noqa: S603 - initdb, and arguments of our own
            [
                *_not_root(),
                *(
                    programs / "initdb",
                    "-D",
                    fresh,
                    "--username=postgres",
                    f"--pwfile={password}",
                    "--auth=scram-sha-256",
                ),
                *("--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions", *(() if self.fsync else ("--no-sync",))),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise ServerFailed(f"initdb of PostgreSQL {self.version} failed: {(made.stderr or made.stdout).strip()}")
        Path(fresh).rename(data)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def create_role(admin_url: str, name: str, password: str) -> None:
    """
    Make a role that may log in and nothing more, or give the one of that name this password.

    Row-level security binds it, which it does no superuser.
    """
    with psycopg.connect(admin_url, autocommit=True) as connection:
        found = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,)).fetchone()
        connection.execute(
            sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD {}").format(
                sql.SQL("CREATE" if found is None else "ALTER"), sql.Identifier(name), sql.Literal(password)
            )
        )


def drop_role(admin_url: str, name: str) -> None:
    """Remove a role if it is there; its databases must be gone."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


def create_database(
    admin_url: str, name: str, *, template: str | None = None, exist_ok: bool = False, owner: str | None = None
) -> str:
    """
    Make a database.

    Args:
        admin_url: Any database of the server, as a user who may make databases.
        name: What it is called.
        template: The database it is a copy of, to which nobody may be connected; by default an empty one.
        exist_ok: Whether one that is there already is left as it is.
        owner: The role that owns it; by default the user of *admin_url*.

    Raises:
        psycopg.errors.DuplicateDatabase: It is there already.

    Returns:
        Its URL, as the user of *admin_url*.
    """
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}{}").format(
        sql.Identifier(name),
        # as files: half the work of the default, which writes each page of a template to the log
        sql.SQL("{} STRATEGY FILE_COPY").format(sql.Identifier(template)) if template else sql.SQL("template0"),
        sql.SQL(" OWNER {}").format(sql.Identifier(owner)) if owner else sql.SQL(""),
    )
    with psycopg.connect(admin_url, autocommit=True) as connection:
        try:
            connection.execute(statement)
        except psycopg.errors.DuplicateDatabase:
            if not exist_ok:
                raise
    return _in(admin_url, name)


def hand_over(database_url: str, owner: str) -> None:
    """
    Give a database and all that is in its schema ``public`` to *owner*; repeatable.

    For databases that an earlier release made for the superuser.

    Args:
        database_url: The database, as superuser.
        owner: The role.
    """
    with psycopg.connect(database_url) as connection:
        kept = connection.execute(
            "SELECT pg_get_userbyid(datdba) = %s FROM pg_database WHERE datname = current_database()", (owner,)
        ).fetchone()
        if kept == (True,):
            return
        found = connection.execute(_OWNED_THINGS).fetchall()
        for kind, name in found:
            connection.execute(
                sql.SQL("ALTER {} {} OWNER TO {}").format(sql.SQL(kind), sql.SQL(name), sql.Identifier(owner))
            )
        database = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, sql.Identifier(owner)))


def as_role(database_url: str, name: str, password: str) -> str:
    """Give the URL of the same database for another user."""
    parts = urlsplit(database_url)
    return urlunsplit(parts._replace(netloc=f"{name}:{password}@{parts.netloc.rpartition('@')[2]}"))


def drop_database(admin_url: str, name: str) -> None:
    """Remove a database if it is there, cutting its connections."""
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(statement)


def _in(server_url: str, database: str) -> str:
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{database}"))


def _not_root() -> tuple[str, ...]:
    if os.geteuid() != 0:
        return ()
    if shutil.which(_NOT_ROOT[0]) is None:
        raise PartMissing(
            "PostgreSQL does not run as root without `unshare` (util-linux): install it, or use another user"
        )
    return _NOT_ROOT


def _forget_dead_postmaster(process: ServerProcess) -> None:
    """
    Remove the lock that a killed server left, if its number is another process's now.

    PostgreSQL only looks whether some process has that number. A lock whose process is ours, or gone, is left to it.
    """
    lock = process.folder / "data" / "postmaster.pid"
    if process.runs or not lock.exists():
        return
    with suppress(FileNotFoundError, ProcessLookupError, ValueError):
        pid = int(lock.read_text().split("\n", 1)[0])
        if b"postgres" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            lock.unlink()
