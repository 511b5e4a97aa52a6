"""
What the exit code says, and the one place where an exception becomes a line for a person.

* CommandError
  + NotFoundExit        3   no such Run, Engine or attempt
  + NotSucceededExit    4   the Run that was waited for failed or was cancelled
  + TooLateExit         5   what was waited for did not happen in time
  + UnreachableExit     69  the database or the API server does not answer, or nobody said where it is
  + SchemaExit          78  the schema is not one that this release works with
"""

from typing import ClassVar

import typer.core
from rich.console import Console
from rich.markup import escape
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from baton_migrations.errors import MigrationError, SchemaNotReadyError
from baton_models.failures import is_transient, sqlstate
from baton_operator.engines.errors import EngineError
from baton_operator.kube.errors import ForbiddenError, KubeError, NoConnectionError, UnavailableError
from baton_operator.kube.errors import NotFoundError as KubeNotFoundError
from baton_operator.redaction import redact_text

FAILED, USAGE, NOT_FOUND, NOT_SUCCEEDED, TOO_LATE, UNREACHABLE, SCHEMA = 1, 2, 3, 4, 5, 69, 78

EXIT_CODES = """
[bold]Exit codes[/bold]

 [cyan]0[/]  done
 [cyan]1[/]  failed, or `baton check` found violations
 [cyan]2[/]  wrong usage
 [cyan]3[/]  no such Run or Engine
 [cyan]4[/]  `runs wait`: the Run failed or was cancelled
 [cyan]5[/]  `runs wait`: the time is up
 [cyan]69[/] the database or the API server does not answer
 [cyan]78[/] the schema is not one that this release works with
"""

_NO_TABLE, _NO_COLUMN = "42P01", "42703"


class CommandError(Exception):
    """A command failed in a way that a person can do something about; the text is one line."""

    exit_code: ClassVar[int] = FAILED


class NotFoundExit(CommandError):  # noqa: N818 - named after what it does
    """There is no such thing."""

    exit_code: ClassVar[int] = NOT_FOUND


class NotSucceededExit(CommandError):  # noqa: N818 - named after what it does
    """The Run that was waited for failed or was cancelled."""

    exit_code: ClassVar[int] = NOT_SUCCEEDED


class TooLateExit(CommandError):  # noqa: N818 - named after what it does
    """What was waited for did not happen in time."""

    exit_code: ClassVar[int] = TOO_LATE


class UnreachableExit(CommandError):  # noqa: N818 - named after what it does
    """The database or the API server does not answer, or nobody said where it is."""

    exit_code: ClassVar[int] = UNREACHABLE


class ReportingGroup(typer.core.TyperGroup):
    """A group of commands whose known failures are one line on standard error and an exit code."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override] # typer's own click, which it hides
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except (CommandError, SQLAlchemyError, KubeError, EngineError, MigrationError, SchemaNotReadyError) as error:
            code, message = explain(error)
            Console(stderr=True, soft_wrap=True, highlight=False).print(f"[red]error:[/] {escape(message)}")
            raise typer.Exit(code) from None


def explain(error: Exception) -> tuple[int, str]:
    """Say the exit code of *error*, and in one line without secrets what happened and what to do."""
    match error:
        case CommandError() | SchemaNotReadyError() | MigrationError():
            return error.exit_code, _line(error)
        case DBAPIError() | PoolTimeoutError():
            return _explain_database(error)
        case NoConnectionError():
            return UNREACHABLE, f"{_line(error)}, or start a local Baton with `baton local up`"
        case UnavailableError():
            return UNREACHABLE, f"the API server does not answer: {_line(error)}"
        case KubeNotFoundError():
            return NOT_FOUND, _line(error)
        case ForbiddenError():
            return FAILED, f"{_line(error)}; ask for the role baton-edit in that namespace"
        case _:
            return FAILED, _line(error)


def _explain_database(error: Exception) -> tuple[int, str]:
    state = sqlstate(error)
    line = _line(getattr(error, "orig", None) or error)
    if state in {_NO_TABLE, _NO_COLUMN}:
        return SCHEMA, f"the database has not the schema of this release ({line}): run `baton migrate`"
    if is_transient(error) or state is None:
        return UNREACHABLE, f"the database does not answer: {line}; see BATON_DATABASE_URL and `baton local status`"
    return FAILED, f"the database refused: {line}"


def _line(error: BaseException) -> str:
    return redact_text(" ".join(str(error).split()) or type(error).__name__)[:600]
