"""Databases as an older release has left them, with Runs in flight."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from baton_upgrades.older import FIRST_LANDING
from owned_databases import template


@pytest.fixture(scope="session")
def older_template(postgres_of: Callable[[int], str]) -> Iterator[Callable[[int], str]]:
    """Gives the name of a database of the older release, on one major version of PostgreSQL, to make copies of."""
    made = {}
    opened = []

    def name(version: int) -> str:
        if version not in made:
            lent = template(postgres_of(version), FIRST_LANDING.restore)
            opened.append(lent)
            made[version], _ = lent.__enter__()
        return made[version]

    yield name
    for lent in opened:
        lent.__exit__(None, None, None)


@pytest.fixture
def older_url(new_database: Callable[..., str], older_template: Callable[[int], str]) -> Callable[..., str]:
    """Makes databases of the older release: ``older_url(version=16)`` gives a URL."""

    def make(version: int = 18) -> str:
        return new_database(version=version, template=older_template(version))

    return make
