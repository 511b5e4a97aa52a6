"""The pages' SQL: each block runs on a migrated database."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from baton_docs.blocks import Block, read_by

from baton_migrations.runner import migrate

#: What a page takes for granted, by the first words of a block.
BEFORE = {
    "ALTER DEFAULT": "CREATE ROLE baton_owner; CREATE ROLE baton_app",
    "SET baton.data_models": "CREATE TABLE ext_acme_order (id text)",
}


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    migrate(database_url, progress=lambda _: None)
    with psycopg.connect(database_url) as opened:
        yield opened
        opened.rollback()  # roles are the whole server's


@pytest.mark.parametrize("block", read_by("tests/integration/docs/test_documented_sql.py"), ids=lambda each: each.where)
def test_a_block_runs(connection: psycopg.Connection, block: Block) -> None:
    """Everything in one transaction, which is not committed."""
    for words, statements in BEFORE.items():
        if block.text.startswith(words):
            connection.execute(statements)
    connection.execute(block.text)


def test_blocks_are_found() -> None:
    assert len(read_by("tests/integration/docs/test_documented_sql.py")) >= 4
