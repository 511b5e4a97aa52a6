"""An operator whose database is away when it starts: it waits, says so, and is left alone by the kubelet."""

from __future__ import annotations

from baton_spine.stage import Stage

NOBODY = "postgresql://user@127.0.0.1:1/name?connect_timeout=1"


def test_without_a_database_it_is_alive_but_not_ready(stage: Stage) -> None:
    stage.operator_database_url = NOBODY
    operator = stage.operator()
    stage.until(operator.is_alive, 60, what="an answer of /healthz")
    stage.until(lambda: "database.unreachable" in operator.tail(), 60, what="the look at the database")
    assert operator.is_alive()
    assert not operator.is_ready()
    operator.terminate()
    assert operator.wait_end() == 0


def test_it_begins_when_the_database_comes(stage: Stage) -> None:
    operator = stage.operator().wait_ready()
    assert operator.is_alive()
    operator.terminate()
    assert operator.wait_end() == 0
