"""What each kind of failure says to a person and to a script."""

import psycopg
import pytest
from sqlalchemy.exc import OperationalError, ProgrammingError

from baton_migrations.errors import SchemaBehindError
from baton_operator.cli.exits import NotFoundExit, NotSucceededExit, TooLateExit, explain
from baton_operator.engines.errors import RetryableError
from baton_operator.kube.errors import ForbiddenError, InvalidError, NoConnectionError, NotFoundError, UnavailableError


class NoTableError(psycopg.errors.UndefinedTable):
    """Knows its SQLSTATE as one that the server sent."""

    sqlstate = "42P01"


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (NotFoundExit("no Run 'x'"), 3, "no Run 'x'"),
        (NotSucceededExit("run a/b: disk is full"), 4, "disk is full"),
        (TooLateExit("is Running after 5 s"), 5, "is Running"),
        (UnavailableError("GET /runs: refused"), 69, "the API server does not answer"),
        (NoConnectionError("no API server: set KUBECONFIG"), 69, "baton local up"),
        (NotFoundError("runs x not found", status=404), 3, "not found"),
        (ForbiddenError("no", status=403), 1, "ask for the role"),
        (InvalidError("spec.state: there is no way back", status=422), 1, "no way back"),
        (RetryableError("argo: 503"), 1, "argo: 503"),
        (SchemaBehindError("run baton migrate"), 78, "run baton migrate"),
        (
            OperationalError("SELECT 1", {}, psycopg.OperationalError("refused")),
            69,
            "the database does not answer: refused",
        ),
        (ProgrammingError("SELECT 1", {}, NoTableError("no relation run")), 78, "run `baton migrate`"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_failure_has_its_code_and_one_line(error: Exception, code: int, words: str):
    """The statement and its values are not shown, the advice is."""
    found, line = explain(error)

    assert found == code
    assert words in line
    assert "\n" not in line
    assert "SELECT" not in line


def test_a_line_holds_no_password():
    """Drivers quote addresses."""
    _, line = explain(OperationalError("x", {}, psycopg.OperationalError("postgresql://baton:canary@db/x is away")))

    assert "canary" not in line
