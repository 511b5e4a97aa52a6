"""How long a command waits for an engine."""

from __future__ import annotations

import pytest

from baton_operator.cli.adapters import request_deadline
from baton_operator.cli.exits import CommandError


def test_an_engine_has_as_long_as_the_operator_would_give_it() -> None:
    assert request_deadline({}) == 10.0
    assert request_deadline({"BATON_REQUEST_DEADLINE": "2.5"}) == 2.5


def test_a_deadline_that_is_no_number_is_an_error_of_one_line() -> None:
    with pytest.raises(CommandError, match=r"^BATON_REQUEST_DEADLINE='soon': a number of seconds is needed$"):
        request_deadline({"BATON_REQUEST_DEADLINE": "soon"})
