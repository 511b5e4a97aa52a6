"""What a revision that was written by comparison does, in lines for people, and what deserves a second look."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from alembic.operations import ops
from sqlalchemy import Column, Enum
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from baton_migrations.chains import Chain
from baton_migrations.filters import EXTENSION_PREFIX

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Changes:
    """
    What a revision does.

    Attributes:
        steps: One line for each: ``+`` made, ``-`` dropped, ``~`` changed.
        doubts: What will fail, or lose data, unless somebody meant it.
    """

    steps: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def describe(container: ops.OpContainer, chain: Chain) -> Changes:
    """Say what the operations of *container* do to the tables of *chain*."""
    operations = list(_flat(container))
    steps = tuple(_step(each) for each in operations)
    return Changes(steps, tuple(doubt for each in operations for doubt in _doubts(each, chain)))


def _flat(container: ops.OpContainer) -> Iterator[Any]:
    for each in container.ops:
        if isinstance(each, ops.OpContainer):
            yield from _flat(each)
        else:
            yield each


def _step(operation: Any) -> str:
    match operation:
        case ops.CreateTableOp():
            columns = [each for each in operation.columns if isinstance(each, Column)]
            return f"+ table {operation.table_name} ({', '.join(_column(each) for each in columns)})"
        case ops.DropTableOp():
            return f"- table {operation.table_name}"
        case ops.AddColumnOp():
            return f"+ column {operation.table_name}.{_column(operation.column)}"
        case ops.DropColumnOp():
            return f"- column {operation.table_name}.{operation.column_name}"
        case ops.AlterColumnOp():
            return f"~ column {operation.table_name}.{operation.column_name}: {_altered(operation)}"
        case ops.CreateIndexOp():
            columns_of = ", ".join(map(str, operation.columns))
            unique = "unique index" if operation.unique else "index"
            return f"+ {unique} {operation.index_name} on {operation.table_name} ({columns_of})"
        case ops.DropIndexOp():
            return f"- index {operation.index_name}"
        case ops.DropConstraintOp():
            return f"- constraint {operation.constraint_name} of {operation.table_name}"
        case ops.AddConstraintOp():
            name = getattr(operation, "constraint_name", None)
            table = getattr(operation, "table_name", None) or getattr(operation, "source_table", "")
            return f"+ constraint {name} of {table}"
        case _:
            return f"~ {' '.join(map(str, operation.to_diff_tuple()))}"


def _doubts(operation: Any, chain: Chain) -> Iterator[str]:
    match operation:
        case ops.AddColumnOp():
            column = operation.column
            where = f"{operation.table_name}.{column.name}"
            if not column.nullable and column.server_default is None:
                yield (
                    f"{where} is NOT NULL without a server_default: this fails where the table has rows. Make it "
                    f"Mapped[… | None], or mapped_column(server_default=…), delete the file and run this again"
                )
            yield from _foreign_enum(column, operation.table_name, chain)
        case ops.CreateTableOp():
            for each in operation.columns:
                if isinstance(each, Column):
                    yield from _foreign_enum(each, operation.table_name, chain)
        case ops.DropColumnOp():
            yield (
                f"{operation.table_name}.{operation.column_name} is dropped with what is in it. If it was renamed, "
                "write op.alter_column(…, new_column_name=…) instead; tasks of the last release must not need it"
            )
        case ops.DropTableOp():
            yield (
                f"{operation.table_name} is dropped with all its rows. If it was renamed, write op.rename_table "
                "instead; tasks of the last release must not need it"
            )
        case ops.AlterColumnOp() if operation.modify_nullable is False:
            yield f"{operation.table_name}.{operation.column_name} becomes NOT NULL: this fails where a row has NULL"
        case _:
            return


def _foreign_enum(column: Column[Any], table: str, chain: Chain) -> Iterator[str]:
    """A native enum is a type of the whole schema, so its name must be the extension's, too."""
    kind = column.type
    prefix = f"{EXTENSION_PREFIX}{chain.name}_"
    if chain.is_extension and isinstance(kind, Enum) and kind.native_enum and not (kind.name or "").startswith(prefix):
        yield (
            f"{table}.{column.name} makes a type named {kind.name!r}, which is outside of your namespace and will be "
            f"refused: write Enum(…, name={prefix + (kind.name or 'kind')!r}) or Enum(…, native_enum=False)"
        )


def _column(column: Column[Any]) -> str:
    required = "" if column.nullable else " NOT NULL"
    return f"{column.name} {_type(column.type)}{required}"


def _type(kind: TypeEngine[Any]) -> str:
    return kind.compile(dialect=_DIALECT)


def _altered(operation: ops.AlterColumnOp) -> str:
    changes = []
    if operation.modify_type is not None:
        changes.append(f"type {_type(operation.modify_type)}")
    if operation.modify_nullable is not None:
        changes.append("NULL" if operation.modify_nullable else "NOT NULL")
    if operation.modify_server_default is not False:
        changes.append("another default" if operation.modify_server_default is not None else "no default")
    if operation.modify_comment is not False:
        changes.append("another comment")
    return ", ".join(changes)
