"""Databases for tests that make their own: templates to be copied, and ones that row-level security binds."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from baton_operator.local.postgres import as_role, create_database, create_role, drop_database, drop_role

#: Makes Baton's tables and those of a module of models; in a process of its own, since the metadata is one for each.
_MAKE = """
import importlib, sys
importlib.import_module(sys.argv[2])
from baton_models import Base
from baton_models.database import DatabaseConfig
Base.metadata.create_all(DatabaseConfig(sys.argv[1]).sa_engine)
"""


@contextmanager
def template(
    admin_url: str, fill: Callable[[str], object], *, owner: tuple[str, str] | None = None
) -> Iterator[tuple[str, str]]:
    """
    Lend a database to be copied: its name and its URL.

    Args:
        fill: Called with the URL, once.
        owner: The role that it belongs to, and the role's password; the URL is that role's then.
    """
    name = f"template_{uuid.uuid4().hex}"
    if owner is None:
        url = create_database(admin_url, name)
    else:
        url = as_role(create_database(admin_url, name, owner=owner[0]), *owner)
    try:
        fill(url)
        yield name, url
    finally:
        drop_database(admin_url, name)


@contextmanager
def owned(admin_url: str, site: Path, models: str) -> Iterator[tuple[str, str]]:
    """
    Lend a database of a plain role with Baton's tables and those of *models*, a module in *site*.

    Yields:
        Its URL as that role, which is no superuser: row-level security binds it; and as the administrator.
    """
    name = f"test_{uuid.uuid4().hex}"
    create_role(admin_url, name, name)
    try:
        whole = create_database(admin_url, name, owner=name)
        url = as_role(whole, name, name)
        make_tables(url, site, models)
        yield url, whole
    finally:
        drop_database(admin_url, name)
        drop_role(admin_url, name)


def make_tables(url: str, site: Path, models: str) -> None:
    """Make those of Baton's tables and of *models*, a module in *site*, that are not there yet."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *sys.path])}
    subprocess.run([sys.executable, "-c", _MAKE, url, models], env=environ, check=True)
