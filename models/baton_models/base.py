"""What every table shares: metadata with named constraints, time-ordered keys, column types."""

from typing import Any
from uuid import UUID

from sqlalchemy import Enum as SqlEnum
from sqlalchemy import MetaData, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from uuid_utils.compat import uuid7

from baton_models.status import ExecutionStatus

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

#: The one native enum, stored by value.
STATUS_TYPE = SqlEnum(
    ExecutionStatus, name="execution_status", values_callable=lambda enum: [member.value for member in enum]
)

#: A JSON document of any shape.
Json = Any


def new_id() -> UUID:
    """Make a key that sorts by its time of birth (UUIDv7), so that inserts stay at the right edge of the index."""
    return uuid7()


class Base(DeclarativeBase):
    """The declarative base of Baton's own tables."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map = {ExecutionStatus: STATUS_TYPE, dict[str, Any]: JSONB, list[Any]: JSONB}  # noqa: RUF012


class KeyedBase(Base):
    """A table with a UUIDv7 primary key, made in Python by the ORM and by ``baton_uuid7()`` in set-based inserts."""

    __abstract__ = True

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id, server_default=text("baton_uuid7()"))
