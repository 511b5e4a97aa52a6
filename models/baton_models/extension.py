"""
Tables of an extension, in Baton's database.

A package makes a base with its namespace, and models on it::

    from baton_models import WorkflowManagedMixin, extension_model_base, register_data_model

    AcmeModel = extension_model_base("acme")

    @register_data_model(name="Approval")
    class Approval(AcmeModel, WorkflowManagedMixin):
        _ext_table = "approval"  # the table ext_acme_approval
        status: Mapped[str] = mapped_column(String(50))

Whatever cannot work is an error when the class is defined; it names the class and the fix.
"""

import enum
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self
from uuid import UUID

from sqlalchemy import (
    Constraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    Select,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    func,
    literal,
    null,
    select,
    text,
)
from sqlalchemy import Enum as SqlEnum
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import NoReferenceError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, declared_attr, mapped_column
from sqlalchemy.sql.elements import conv

from baton_models.base import Base
from baton_models.errors import InvalidModelError, InvalidNamespaceError
from baton_models.extension_guards import EXTENSION_PREFIX

#: What a namespace looks like: no underscore, or ``a`` would own the tables of ``a_b``.
NAMESPACE = re.compile(r"[a-z][a-z0-9]{0,19}")

#: Bytes that PostgreSQL keeps of a name.
MAX_IDENTIFIER_BYTES = 63

_TABLE = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = frozenset({"engine"})
_LINK = "parent_workflow_instance_id"
_SHORTER = "shorten _ext_table"

_bases: dict[str, type[DeclarativeBase]] = {}
_models: dict[str, list[type[Any]]] = {}
_given_up_for: dict[str, str] = {}


class ExtensionModel:
    """What every model of an extension has, beside what SQLAlchemy's declarative base gives it."""

    if TYPE_CHECKING:
        __table__: ClassVar[Any]
        __tablename__: str

    #: The namespace of the model's extension.
    baton_namespace: ClassVar[str]

    #: What the table is called, after ``ext_{namespace}_``.
    _ext_table: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """
        Name the table and map the class.

        Raises:
            InvalidModelError: The class cannot be a model; names it and the fix.
        """
        if DeclarativeBase in cls.__bases__ or "__abstract__" in cls.__dict__:
            super().__init_subclass__(**kwargs)
            return
        before = set(Base.metadata.tables)
        _name_table(cls)
        try:
            super().__init_subclass__(**kwargs)
            _check_table(cls, cls.__table__)
        except (SQLAlchemyError, InvalidModelError) as error:
            for name in set(Base.metadata.tables) - before:
                Base.metadata.remove(Base.metadata.tables[name])
            if isinstance(error, InvalidModelError):
                raise
            raise InvalidModelError(f"{_place(cls)}: {error}") from error
        _models.setdefault(cls.baton_namespace, []).append(cls)


def extension_model_base(namespace: str) -> type[DeclarativeBase]:
    """
    Give the base of an extension's models; for one namespace always the same.

    Its models share the metadata of Baton's own, so that their foreign keys may name Baton's tables and those of other
    extensions. Names of classes, as ``relationship("Order")`` uses them, are looked up in the namespace alone.
    Python's enums are kept as text of up to 50 characters.

    Args:
        namespace: 1-20 lower case letters and digits, a letter first; the name of the package's entry points in
            ``baton.models`` and ``baton.migrations``.

    Raises:
        InvalidNamespaceError: It is none.
    """
    if not isinstance(namespace, str) or not NAMESPACE.fullmatch(namespace) or namespace in _RESERVED:
        taken = " (taken by Baton's own migrations)" if namespace in _RESERVED else ""
        raise InvalidNamespaceError(
            f"{namespace!r} is no namespace of an extension{taken}: 1-20 lower case letters and digits, a letter first"
        )
    if namespace not in _bases:
        _bases[namespace] = _make_base(namespace)
    return _bases[namespace]


def _make_base(namespace: str) -> type[DeclarativeBase]:
    class ExtensionBase(ExtensionModel, DeclarativeBase):
        __abstract__ = True
        metadata = Base.metadata
        type_annotation_map: ClassVar[Mapping[Any, Any]] = {
            dict[str, Any]: JSONB,
            list[Any]: JSONB,
            datetime: DateTime(timezone=True),
            enum.Enum: SqlEnum(enum.Enum, native_enum=False, length=50),
        }
        baton_namespace = namespace

    ExtensionBase.__name__ = ExtensionBase.__qualname__ = f"{namespace.capitalize()}Model"
    return ExtensionBase


def mapped_models(namespace: str | None = None) -> Iterator[type[Any]]:
    """Give the model classes of one extension, or of all, that were defined so far."""
    for name, models in list(_models.items()):
        if namespace in {None, name}:
            yield from models


def configure(namespace: str) -> None:
    """
    Settle the relationships of an extension's models.

    Where that fails the extension is given up: SQLAlchemy would refuse to go on with anybody's mapped classes.

    Raises:
        InvalidModelError: A relationship or a property of one of them cannot work.
    """
    try:
        _bases[namespace].registry.configure()
    except SQLAlchemyError as error:
        raise _given_up(namespace, str(error)) from error


def resolve(namespace: str) -> None:
    """
    Find what the foreign keys of an extension's tables refer to, once all models are there.

    Where that fails the extension is given up: SQLAlchemy could not sort anybody's tables any more.

    Raises:
        InvalidModelError: There is nothing of the name.
    """
    for table in _tables_of(namespace):
        for key in table.foreign_keys:
            try:
                _ = key.column
            except NoReferenceError as error:
                fix = "install the package that has it, or leave the foreign key out"
                raise _given_up(namespace, f"{error}: {fix}") from error


def check_kept(namespace: str) -> None:
    """
    Refuse an extension that was given up: its classes are not mapped any more.

    Raises:
        InvalidModelError: The reason of that time.
    """
    if namespace in _given_up_for:
        raise InvalidModelError(_given_up_for[namespace])


def _given_up(namespace: str, reason: str) -> InvalidModelError:
    """Take an extension's classes and tables out of what all extensions share, for good; give the error to raise."""
    _given_up_for[namespace] = reason
    if namespace in _bases:
        _bases[namespace].registry.dispose()
    _models.pop(namespace, None)
    for table in _tables_of(namespace):
        Base.metadata.remove(table)
    return InvalidModelError(reason)


def _tables_of(namespace: str) -> list[Table]:
    prefix = f"{EXTENSION_PREFIX}{namespace}_"
    return [table for name, table in Base.metadata.tables.items() if name.startswith(prefix)]


def _place(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _name_table(cls: type[ExtensionModel]) -> None:
    """Set ``__tablename__``; a class below another model without a table of its own shares that one's table."""
    for forbidden in ("__tablename__", "__table__"):
        if forbidden in cls.__dict__:
            raise InvalidModelError(
                f"{_place(cls)} sets {forbidden}: set _ext_table instead, and the table is called "
                f"{EXTENSION_PREFIX}{cls.baton_namespace}_<_ext_table>"
            )
    mapped = [each for each in cls.__mro__[1:] if "__mapper__" in each.__dict__]
    inherited = {id(each.__dict__["_ext_table"]) for each in mapped if "_ext_table" in each.__dict__}
    table = getattr(cls, "_ext_table", None)
    if mapped and ("_ext_table" not in cls.__dict__ and id(table) in inherited):
        return
    if table is None:
        raise InvalidModelError(
            f'{_place(cls)} has no _ext_table: add _ext_table = "order", and its table is called '
            f"{EXTENSION_PREFIX}{cls.baton_namespace}_order"
        )
    if not isinstance(table, str) or not _TABLE.fullmatch(table):
        raise InvalidModelError(
            f"{_place(cls)}: _ext_table = {table!r}: lower case letters, digits and underscores, a letter first"
        )
    name = f"{EXTENSION_PREFIX}{cls.baton_namespace}_{table}"
    _check_length(cls, "table", name, _SHORTER)
    owner = next((each for each in mapped_models() if each.__table__.name == name), None)
    if name in Base.metadata.tables:
        whose = _place(owner) if owner else "another table of the metadata"
        raise InvalidModelError(f"{_place(cls)}: the table {name} is that of {whose}: choose another _ext_table")
    cls.__tablename__ = name


def _check_table(cls: type[ExtensionModel], table: Table) -> None:
    if table.schema is not None:
        raise InvalidModelError(f"{_place(cls)}: schema={table.schema!r}: leave it out, Baton has one schema")
    for column in table.columns:
        _check_length(cls, "column", column.name, "shorten it")
        _check_enum(cls, column.name, column.type)
    for constraint in table.constraints:
        _shorten(constraint, table)
        if isinstance(constraint.name, str):
            of_table = isinstance(constraint, PrimaryKeyConstraint) or _is_link(constraint)
            _check_length(cls, "constraint", constraint.name, _SHORTER if of_table else "give it a short name=")
    for index in table.indexes:
        _check_length(cls, "index", str(index.name), "give it a short name=")


def _is_link(constraint: Constraint) -> bool:
    """Whether it is one of `WorkflowManagedMixin`, on the column that links a row to the one before."""
    return isinstance(constraint, ForeignKeyConstraint | UniqueConstraint) and constraint.columns.keys() == [_LINK]


def _shorten(constraint: Constraint, table: Table) -> None:
    """Give a link another name where that of the convention is too long: whoever uses the mixin cannot."""
    if _is_link(constraint) and len(str(constraint.name)) > MAX_IDENTIFIER_BYTES:
        kind = "fk" if isinstance(constraint, ForeignKeyConstraint) else "uq"
        constraint.name = conv(f"{kind}_{table.name}_parent")


def _check_length(cls: type, kind: str, name: str, fix: str) -> None:
    size = len(name.encode())
    if size > MAX_IDENTIFIER_BYTES:
        raise InvalidModelError(
            f"{_place(cls)}: the {kind} {name} has {size} bytes, PostgreSQL keeps {MAX_IDENTIFIER_BYTES}: {fix}"
        )


def _check_enum(cls: type[ExtensionModel], column: str, kind: Any) -> None:
    """Refuse a native enum outside the namespace: two extensions may well have a ``status``."""
    prefix = f"{EXTENSION_PREFIX}{cls.baton_namespace}_"
    if isinstance(kind, SqlEnum) and kind.native_enum and not str(kind.name).startswith(prefix):
        raise InvalidModelError(
            f"{_place(cls)}.{column}: the enum type {kind.name!r} is not of the namespace: "
            f'native_enum=False, or name="{prefix}{kind.name}"'
        )


class WorkflowManagedMixin:
    """
    Columns of a table whose rows are made by runs only, each row a step of a chain.

    Baton fills all of them: a task inserts a row without them. One run has at most one row in a table. A run with a
    ``parentRunRef`` continues the chain of its nearest ancestor that has a row there. Rows are kept for ever: DELETE
    and TRUNCATE are refused, and a run may change its own row only, while it is PROCESSING. There is no foreign key to
    the run: the data outlives it.

    Attributes:
        workflow_instance_id: The run that made the row (``run.id``).
        parent_workflow_instance_id: The row that this one continues; NULL for the first of a chain.
        child_workflow_instance_id: The row that continues this one; NULL for the last.
        action: What the run is to its parent: ``Run.spec.action``.
        created_at: When its transaction began.
    """

    workflow_instance_id: Mapped[UUID] = mapped_column(
        Uuid, primary_key=True, server_default=text("baton_current_run()"), sort_order=-10
    )

    @declared_attr
    def parent_workflow_instance_id(cls) -> Mapped[UUID | None]:  # noqa: N805 - a declared_attr receives the class
        """The row that this one continues."""
        key = ForeignKey(f"{cls.__tablename__}.workflow_instance_id")  # type: ignore[attr-defined]  # the model has it
        return mapped_column(Uuid, key, unique=True, insert_default=null(), sort_order=-9)

    child_workflow_instance_id: Mapped[UUID | None] = mapped_column(Uuid, sort_order=-8)
    action: Mapped[str | None] = mapped_column(String(50), insert_default=null(), sort_order=-7)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now(), sort_order=-6)

    @classmethod
    def previous_version(cls, run: UUID) -> Select[tuple[Self]]:
        """
        Ask for the row that a row of *run* continues, whether or not it is there yet; none for the first of a chain.

        It is that of the run's parent, or of the nearest ancestor that has left one: runs between may have failed.

        Args:
            run: The run's key: a task's ``context.run_id``.
        """
        row: Any = cls
        return select(row).where(row.workflow_instance_id == func.baton_ancestor(row.__tablename__, run))

    @classmethod
    def version_chain(cls, of: UUID) -> Select[tuple[Self]]:
        """
        Ask for all rows of a chain, the first one first, in one statement.

        The rows are linked by the runs' ``parentRunRef``, which stays in a namespace; so does the chain.

        Args:
            of: Any row of the chain: its ``workflow_instance_id``.
        """
        row: Any = cls
        seed = select(row.workflow_instance_id.label("id"), literal(0).label("step"))
        seed = seed.where(row.workflow_instance_id == of)
        older, newer = seed.cte("older", recursive=True), seed.cte("newer", recursive=True)
        above, below = aliased(row), aliased(row)
        older = older.union_all(
            select(above.parent_workflow_instance_id, older.c.step - 1)
            .join(older, older.c.id == above.workflow_instance_id)
            .where(above.parent_workflow_instance_id.is_not(None))
        )
        newer = newer.union_all(
            select(below.workflow_instance_id, newer.c.step + 1).join(
                newer, newer.c.id == below.parent_workflow_instance_id
            )
        )
        line = select(older).union(select(newer)).subquery("line")
        return select(row).join(line, line.c.id == row.workflow_instance_id).order_by(line.c.step)
