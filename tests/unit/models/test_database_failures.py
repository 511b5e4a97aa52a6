"""Failures are told apart by SQLSTATE, and only the passing ones are tried again."""

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import errors
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from baton_models import failures
from baton_models.failures import backoff, is_read_only, is_transient, retried, sqlstate

TRANSIENT = ["40001", "40P01", "55P03", "57P01", "57P02", "57P03", "57014", "25006", "25P03"]
TRANSIENT += ["08000", "08006", "53000", "53100", "53200", "53300"]
FINAL = ["23505", "23503", "42703", "42P01", "22P02", "23514", "28P01", "42501", "0A000", "22003"]


def wrapped(error: psycopg.Error) -> DBAPIError:
    return OperationalError("SELECT 1", None, error)


def of_state(state: str) -> psycopg.Error:
    return errors.lookup(state)("from the server")


@pytest.mark.parametrize(("state", "transient"), [(s, True) for s in TRANSIENT] + [(s, False) for s in FINAL])
def test_a_state_is_transient_or_final_bare_and_wrapped(state, transient):
    for error in (of_state(state), wrapped(of_state(state))):
        assert sqlstate(error) == state
        assert is_transient(error) is transient


def test_a_connection_that_breaks_without_a_word_is_transient():
    assert is_transient(psycopg.OperationalError("server closed the connection unexpectedly"))
    assert is_transient(wrapped(psycopg.OperationalError("connection refused")))
    assert not is_transient(psycopg.InterfaceError("the cursor is closed"))


def test_only_a_standby_is_read_only():
    assert is_read_only(wrapped(of_state("25006")))
    assert not is_read_only(wrapped(of_state("40001")))


@pytest.mark.parametrize("error", [ValueError("x"), TimeoutError(), KeyError("y")])
def test_what_is_not_of_the_database_is_not_transient(error):
    assert not is_transient(error)
    assert sqlstate(error) is None


@given(st.integers(min_value=1, max_value=200))
def test_waits_are_bounded(attempt):
    assert 0 <= backoff(attempt, base=0.05, cap=2.0) <= min(2.0, 0.05 * 2 ** (attempt - 1))


@pytest.fixture
def no_wait(monkeypatch):
    monkeypatch.setattr(failures, "backoff", lambda _: 0.0)


async def outcome(script: list[BaseException | str], tries: int = 5) -> tuple[object, int]:
    """Play a script of failures and a result; say what came of it, and after how many calls."""
    calls = iter(script)
    made = 0

    async def transaction() -> str:
        nonlocal made
        made += 1
        step = next(calls)
        if isinstance(step, BaseException):
            raise step
        return step

    try:
        return await retried(transaction, tries=tries), made
    except (DBAPIError, PoolTimeoutError) as error:
        return error, made


@pytest.mark.usefixtures("no_wait")
async def test_passing_failures_are_tried_again_until_it_works():
    script = [wrapped(of_state("40P01")), PoolTimeoutError("QueuePool limit"), "done"]
    assert await outcome(script) == ("done", 3)


@pytest.mark.usefixtures("no_wait")
async def test_a_final_failure_is_raised_at_once():
    final = wrapped(of_state("23505"))
    assert await outcome([final, "done"]) == (final, 1)


@pytest.mark.usefixtures("no_wait")
async def test_tries_are_bounded():
    script = [wrapped(of_state("40001")) for _ in range(9)]
    assert await outcome(script, tries=3) == (script[2], 3)
