"""`baton local` as people type it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from typer.testing import CliRunner, Result

from baton_operator.cli.local import app
from baton_operator.local.home import Home
from baton_operator.local.scratch import scratch_home


@pytest.fixture
def home() -> Iterator[Home]:
    with scratch_home(print) as home:
        yield home


def _type(home: Home, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--home", str(home.path)], env={"COLUMNS": "200", "BATON_DATABASE_URL": ""})


def test_the_servers_are_started_looked_at_and_stopped(home: Home) -> None:
    nothing = _type(home, "status")
    assert (nothing.exit_code, "baton local up" in nothing.output) == (0, True)

    up = _type(home, "up", "--no-operator")
    assert (up.exit_code, up.stdout) == (0, f"export KUBECONFIG={home.kubeconfig}\n")
    assert "PostgreSQL answers at 127.0.0.1:" in up.stderr
    assert home.path.joinpath("postgres-18", "password").read_text() not in up.output

    running = _type(home, "status")
    assert running.exit_code == 0
    assert running.output.count("running") == 4

    home.process("etcd").kill()
    broken = _type(home, "status")
    assert (broken.exit_code, broken.output.count("stopped")) == (1, 1)
    assert "PostgreSQL" in _type(home, "logs", "postgres-18").output

    down = _type(home, "down")
    assert (down.exit_code, down.output) == (0, "stopped kube-controller-manager, kube-apiserver, postgres-18\n")
    assert _type(home, "down").output == "nothing ran\n"


def test_the_log_of_an_unknown_server_is_an_error_that_names_the_known_ones(home: Home) -> None:
    home.process("etcd").start(["true"])
    refused = _type(home, "logs", "ectd")
    assert refused.exit_code == 2
    assert refused.output == "error: no server is called ectd; there are: etcd\n"


def test_a_part_that_cannot_be_had_is_an_error_of_one_line(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("baton_operator.local.postgres.os.geteuid", lambda: 0)
    monkeypatch.setenv("PATH", "/nowhere")
    refused = _type(home, "up")
    assert refused.exit_code == 1
    assert refused.output.startswith("error: PostgreSQL does not run as root without `unshare`")
    assert refused.output.count("\n") == 1
