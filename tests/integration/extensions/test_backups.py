"""A backup of a database with extensions' tables: who may make it, and how."""

import os
import subprocess

import pytest

from baton_operator.local.binaries import postgres_programs


@pytest.fixture
def dump(psql):
    """Runs pg_dump as it is told, over a table with a row."""
    psql.execute("SET baton.data_models = 'ext_shop_label'")
    psql.execute("INSERT INTO ext_shop_label VALUES (gen_random_uuid(), 'a row that is kept')")

    def run(url: str, *options: str, settings: str = "") -> subprocess.CompletedProcess[str]:
        program = str(postgres_programs(18) / "pg_dump")
        environment = {**os.environ, "PGOPTIONS": settings}
        return subprocess.run([program, *options, url], capture_output=True, text=True, env=environment, check=False)

    return run


def test_the_owner_dumps_what_it_declares(dump, shop_url):
    made = dump(shop_url, "--enable-row-security", settings="-c baton.data_models=ext_shop_*")
    assert made.returncode == 0, made.stderr
    assert "a row that is kept" in made.stdout
    assert "CREATE POLICY baton_declared ON public.ext_shop_label" in made.stdout


def test_a_backup_that_would_leave_rows_out_fails(dump, shop_url):
    for options in ([], ["--enable-row-security"]):
        assert dump(shop_url, *options).returncode != 0


def test_a_superuser_dumps_everything(dump, shop_url, postgres_server):
    made = dump(postgres_server.rpartition("/")[0] + "/" + shop_url.rpartition("/")[2])
    assert made.returncode == 0, made.stderr
    assert "a row that is kept" in made.stdout
