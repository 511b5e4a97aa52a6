"""
What a task may touch: the data models that its Automation declares, and nothing of Baton's own.

Three fences, one behind the other: `Access.get_model` refuses a name, `guard` a class or table that was imported
directly, row-level security what no Python saw (``extension_guards``).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Table, event, inspect, text
from sqlalchemy.orm import Mapper, Session
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.selectable import TableClause

from baton_models.base import Base
from baton_models.errors import DataModelAccessDeniedError
from baton_models.extension import mapped_models
from baton_models.extension_guards import EXTENSION_PREFIX

#: What the database is told at the begin of a task's transaction: which extensions' tables it may touch
#: (`Access.setting`), for which run (its id as text, ``""`` for none), and who acts. It holds until the transaction's
#: end, whatever becomes of savepoints that are begun after it.
TASK_SETTINGS = text(
    "SELECT set_config('baton.data_models', :tables, true), set_config('baton.run_id', :run, true), "
    "set_config('baton.actor', :actor, true)"
)

#: The attribute that holds the name of a model that `register_data_model` marked.
MARK = "__baton_data_model__"


def registered_name(model: type[Any]) -> str | None:
    """Give the name under which *model* itself, not a class above it, was marked."""
    found = vars(model).get(MARK)
    return found if isinstance(found, str) else None


@dataclass(frozen=True)
class Access:
    """
    The data models that one Automation declares; made by `DataModelRegistry.access`.

    Attributes:
        models: Classes by the names of ``spec.dataModels``.
    """

    models: Mapping[str, type[Any]]

    def get_model(self, name: str) -> type[Any]:
        """
        Give the class of a declared model.

        Raises:
            DataModelAccessDeniedError: It was not declared.
        """
        if name not in self.models:
            listed = ", ".join(sorted(self.models)) or "none"
            raise DataModelAccessDeniedError(
                f"data model {name!r} was not declared: add it to spec.dataModels of the Automation (it lists {listed})"
            )
        return self.models[name]

    @cached_property
    def tables(self) -> list[str]:
        """The tables of the models, and those between two of them (``relationship(secondary=…)``), sorted."""
        found: set[str] = set()
        for model in self.models.values():
            mapper: Mapper[Any] = inspect(model)
            found.update(each.name for each in mapper.tables if isinstance(each, Table))
            between = (each.secondary for each in mapper.relationships)
            found.update(each.name for each in between if isinstance(each, Table))
        return sorted(found)

    @property
    def setting(self) -> str:
        """What `TASK_SETTINGS` takes as ``tables``."""
        return ",".join(self.tables)

    def check(self, table: str) -> None:
        """
        Refuse a table of Baton's own, and one of an extension that was not declared; others are not our business.

        Raises:
            DataModelAccessDeniedError: Names the model and the fix.
        """
        if table in self._allowed:
            return
        if table.startswith(EXTENSION_PREFIX):
            raise DataModelAccessDeniedError(_undeclared(table))
        if table in Base.metadata.tables:
            raise DataModelAccessDeniedError(
                f"table {table} is Baton's own, and no task may use it: context tells what a task may know of its run"
            )

    @cached_property
    def _allowed(self) -> frozenset[str]:
        return frozenset(self.tables)


def _undeclared(table: str) -> str:
    model = next((each for each in mapped_models() if each.__table__.name == table), None)
    name = registered_name(model) if model else None
    if name:
        return (
            f"data model {name!r} (table {table}) was not declared: add {name!r} to spec.dataModels of the Automation"
        )
    return (
        f"table {table} was not declared, and has no name to declare it by: decorate its class with "
        "@register_data_model, and add the name to spec.dataModels of the Automation"
    )


@contextmanager
def guard(session: Session, access: Access) -> Iterator[None]:
    """
    Refuse, while the context lasts, whatever *session* is asked to do with tables that were not declared.

    Reads and writes, of the ORM and of Core, in bulk, lazy and eager loads, statements on the session's connection.
    Raises `DataModelAccessDeniedError` out of the call that asked. Statements that are plain SQL pass: row-level
    security sees to them. What Baton itself does on the session belongs before or after the context.

    Args:
        session: The session; of an ``AsyncSession``, its ``sync_session``. Its transaction may have begun; enter the
            context before ``begin_nested()``, which an ``AsyncSession`` sends late.
        access: What is declared.
    """
    watch = _Watch(session, access)
    watch.begin()
    try:
        yield
    finally:
        watch.end()


class _Watch:
    """
    The listeners of one guard.

    The connection's sees every statement on its way out, those of a flush and of bulk operations too, but a joined
    eager load only as the options of a statement: so every instance is looked at that the session takes or loads.
    """

    def __init__(self, session: Session, access: Access) -> None:
        self._session = session
        self._access = access
        self._connections: list[Connection] = []

    def begin(self) -> None:
        if self._session.in_transaction():
            self._watch(self._session.connection())
        for name, listener in self._listeners():
            event.listen(self._session, name, listener)

    def end(self) -> None:
        for name, listener in self._listeners():
            event.remove(self._session, name, listener)
        for connection in self._connections:
            event.remove(connection, "before_execute", self._statement)

    def _listeners(self) -> Iterator[tuple[str, Callable[..., None]]]:
        yield "after_begin", self._begun
        yield "before_attach", self._instance
        yield "loaded_as_persistent", self._instance

    def _begun(self, _session: Session, _transaction: Any, connection: Connection) -> None:
        self._watch(connection)

    def _watch(self, connection: Connection) -> None:
        if connection not in self._connections:
            self._connections.append(connection)
            event.listen(connection, "before_execute", self._statement)

    def _statement(self, _connection: Connection, statement: Any, *_: Any) -> None:
        if isinstance(statement, ClauseElement):
            for table in _tables(statement):
                self._access.check(table)

    def _instance(self, _session: Session, instance: Any) -> None:
        mapper: Mapper[Any] = inspect(type(instance))
        for table in mapper.tables:
            if isinstance(table, Table):
                self._access.check(table.name)


def _tables(statement: ClauseElement) -> set[str]:
    """Name every table that a statement mentions, at any depth."""
    return {each.name for each in visitors.iterate(statement) if isinstance(each, TableClause)}
