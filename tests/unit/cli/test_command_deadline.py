"""How long a command waits for an engine."""

from __future__ import annotations

import pytest

from baton_operator.cli.adapters import request_deadline
from baton_operator.cli.exits import CommandError
from baton_operator.engines.base import REQUEST_DEADLINE, SubmitRequest
from baton_operator.engines.http import Call
from baton_operator.engines.registry import Surroundings
from baton_operator.settings import Settings


class NoSecrets:
    """Nothing is read."""

    async def read(self, namespace: str, kind: str, name: str, key: str) -> str:
        """Fail."""
        raise AssertionError


def test_an_engine_has_as_long_as_the_operator_would_give_it() -> None:
    assert request_deadline({}) == 10.0
    assert request_deadline({"BATON_REQUEST_DEADLINE": "2.5"}) == 2.5


def test_where_nobody_says_how_long_everybody_waits_as_long() -> None:
    """The operator, its commands, and adapters that are used without either."""
    submit = SubmitRequest("baton-a1", "f", "uid", "run", "team", {}, {})
    given = (
        Settings("postgresql://db/baton").request_deadline,
        request_deadline({}),
        Surroundings(NoSecrets()).request_deadline,
        Call("test", "GET", "/").deadline,
        submit.deadline,
    )
    assert given == (REQUEST_DEADLINE,) * 5


def test_a_deadline_that_is_no_number_is_an_error_of_one_line() -> None:
    with pytest.raises(CommandError, match=r"^BATON_REQUEST_DEADLINE='soon': a number of seconds is needed$"):
        request_deadline({"BATON_REQUEST_DEADLINE": "soon"})
