"""The session that a task gets: it lives inside a transaction which Baton began and Baton ends."""

from collections.abc import Callable
from typing import Any, NoReturn

from sqlalchemy import Connection
from sqlalchemy.orm import Session, SessionTransaction


class TaskSessionError(RuntimeError):
    """A task tried to end the transaction that its own end belongs to; the text says what to do instead."""


class TaskConnection(Connection):
    """
    The connection below a task's session: whatever the task ends on it would take its rows out of Baton's transaction.

    SQLAlchemy gives it to whoever asks for ``session.connection()``.
    """

    def commit(self) -> None:
        """Refuse: what was written would stay although the task may fail yet."""
        _refuse("connection().commit", "leave it out")

    def rollback(self) -> None:
        """Refuse: the task's settings would be gone, too."""
        _refuse("connection().rollback", "context.session.rollback() undoes what was written")

    def close(self) -> None:
        """Refuse: what was written would be gone without a word."""
        _refuse("connection().close", "leave it out, and do not use the connection as a context manager")

    def keep_all(self) -> None:
        """Commit Baton's transaction."""
        super().commit()

    def undo_all(self) -> None:
        """Roll it back."""
        super().rollback()

    def give_back(self) -> None:
        """Give the connection back to its pool; what was not committed is gone."""
        super().close()


class TaskSession(Session):
    """
    Writes into a SAVEPOINT, one after each ``rollback``; commits nothing.

    Args:
        connect: Gives the connection, with Baton's transaction begun; asked at the first statement.
    """

    def __init__(self, *, connect: Callable[[], Connection], **options: Any) -> None:
        super().__init__(join_transaction_mode="create_savepoint", expire_on_commit=False, **options)
        self._connect = connect

    def get_bind(self, *_: Any, **__: Any) -> Connection:
        """Give the one connection, whatever is asked for."""
        return self._connect()

    def begin(self, nested: bool = False) -> SessionTransaction:
        """Begin a part that can fail alone; there is nothing else to begin."""
        if not nested:
            _refuse("begin", "leave it out, or use begin_nested() for a part that can fail alone")
        return super().begin(nested=True)

    def commit(self) -> None:
        """Refuse."""
        _refuse("commit", "leave it out; flush() sends what is pending")

    def close(self) -> None:
        """Refuse: what was written would be gone without a word."""
        _refuse("close", "leave it out, and do not use the session as a context manager")

    def reset(self) -> None:
        """Refuse: what was written would be gone without a word."""
        _refuse("reset", "use expunge_all() to forget objects, rollback() to undo what was written")

    def invalidate(self) -> None:
        """Refuse: what was written would be gone without a word."""
        _refuse("invalidate", "leave it out")

    def keep(self) -> None:
        """Send what is pending, check what would be checked at COMMIT only, and leave it to Baton's transaction."""
        self.flush()
        if self.in_transaction():
            self.connection().exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
        super().commit()

    def undo(self) -> None:
        """Undo all that was not kept."""
        super().close()


def _refuse(method: str, instead: str) -> NoReturn:
    raise TaskSessionError(f"context.session.{method}(): Baton commits when the task ends: {instead}")
