"""What a class of an extension must be, said when it is defined."""

import enum
import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import CheckConstraint, Column, Enum, Index, Integer, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from baton_models import Base, WorkflowManagedMixin, extension_model_base
from baton_models.errors import DataModelError, InvalidModelError, InvalidNamespaceError
from baton_models.extension import mapped_models


@pytest.fixture
def namespace() -> Iterator[str]:
    """A namespace of the test's own; its tables are gone after it."""
    name = f"t{uuid.uuid4().hex[:12]}"
    yield name
    for table in [each for key, each in Base.metadata.tables.items() if key.startswith(f"ext_{name}_")]:
        Base.metadata.remove(table)


@pytest.fixture
def base(namespace) -> type[DeclarativeBase]:
    return extension_model_base(namespace)


def key() -> Mapped[int]:
    return mapped_column(primary_key=True)


@pytest.mark.parametrize("bad", ["", "A", "aB", "1a", "a_b", "a-b", "a" * 21, "ä", "a\n", "engine", None])
def test_a_namespace_that_no_extension_can_have(bad):
    with pytest.raises(InvalidNamespaceError, match=r"is no namespace of an extension.*a letter first"):
        extension_model_base(bad)


def test_one_namespace_has_one_base(namespace, base):
    assert extension_model_base(namespace) is base
    assert issubclass(InvalidNamespaceError, DataModelError)


def test_a_table_is_called_after_its_namespace(namespace, base):
    class Order(base):
        _ext_table = "purchase_order"
        id: Mapped[int] = key()

    assert Order.__table__.name == f"ext_{namespace}_purchase_order"
    assert Order.__table__ is Base.metadata.tables[f"ext_{namespace}_purchase_order"]
    assert list(mapped_models(namespace)) == [Order]


def test_extensions_have_class_names_of_their_own(namespace, base):
    other = extension_model_base(f"{namespace}x")
    made = [
        type("Order", (each,), {"_ext_table": "order", "id": Column(Integer, primary_key=True)})
        for each in (base, other)
    ]
    assert made[0].registry is not made[1].registry
    Base.metadata.remove(made[1].__table__)


def test_a_missing_ext_table(namespace, base):
    with pytest.raises(InvalidModelError, match=rf"Order has no _ext_table: add _ext_table = .*ext_{namespace}_order"):

        class Order(base):
            id: Mapped[int] = key()


@pytest.mark.parametrize("bad", ["", "Order", "1", "a-b", "a b", 'a"b', 3])
def test_an_ext_table_that_is_no_name(base, bad):
    with pytest.raises(InvalidModelError, match=r"Order: _ext_table = .*lower case"):
        type("Order", (base,), {"_ext_table": bad, "id": Column(Integer, primary_key=True)})


@pytest.mark.parametrize("own", ["__tablename__", "__table__"])
def test_the_name_of_a_table_is_batons(base, own):
    with pytest.raises(InvalidModelError, match=f"Order sets {own}: set _ext_table instead"):
        type("Order", (base,), {own: "run", "_ext_table": "order", "id": Column(Integer, primary_key=True)})


def test_a_clash_names_both_classes(base):
    class First(base):
        _ext_table = "order"
        id: Mapped[int] = key()

    with pytest.raises(InvalidModelError, match=r"Second: the table ext_\w+_order is that of .*First: choose another"):

        class Second(base):
            _ext_table = "order"
            id: Mapped[int] = key()

    assert First.__table__ is Base.metadata.tables[First.__tablename__]


def test_a_clash_with_a_table_without_a_class(namespace, base):
    Table(f"ext_{namespace}_order", Base.metadata, Column("id", Integer, primary_key=True))
    with pytest.raises(InvalidModelError, match="that of another table"):
        type("Order", (base,), {"_ext_table": "order", "id": Column(Integer, primary_key=True)})


def too_long(kind: str) -> dict[str, object]:
    body = {"_ext_table": "order", "id": Column(Integer, primary_key=True)}
    name = "n" * 64
    extra = {
        "table": {"_ext_table": name},
        "column": {name: Column(Integer)},
        "column of two bytes a letter": {"x": Column("ä" * 32, Integer)},
        "index": {"__table_args__": (Index(name, "id"),)},
        "index by convention": {"a" * 40: Column(Integer, index=True)},
        "constraint": {"__table_args__": (CheckConstraint("id > 0", name=name),)},
        "constraint by convention": {"a" * 40: Column(Integer, unique=True)},
    }
    return body | extra[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "table",
        "column",
        "column of two bytes a letter",
        "index",
        "index by convention",
        "constraint",
        "constraint by convention",
    ],
)
def test_a_name_that_postgresql_would_cut(namespace, base, kind):
    with pytest.raises(
        InvalidModelError, match=rf"Order: the {kind.split()[0]} .* bytes, PostgreSQL keeps 63: (shorten|give)"
    ):
        type("Order", (base,), too_long(kind))
    assert not [name for name in Base.metadata.tables if name.startswith(f"ext_{namespace}_")]


def test_63_bytes_are_kept(base):
    made = type("Order", (base,), {"_ext_table": "order", "n" * 63: Column(Integer, primary_key=True)})
    assert "n" * 63 in made.__table__.columns


def test_what_sqlalchemy_refuses_names_the_class_and_leaves_no_table(namespace, base):
    with pytest.raises(InvalidModelError, match=r"Order: .*could not assemble any primary key"):
        type("Order", (base,), {"_ext_table": "order", "amount": Column(Integer)})
    assert f"ext_{namespace}_order" not in Base.metadata.tables


def test_a_schema_is_refused(base):
    with pytest.raises(InvalidModelError, match="schema='other': leave it out"):
        type(
            "Order",
            (base,),
            {"_ext_table": "order", "id": Column(Integer, primary_key=True), "__table_args__": {"schema": "other"}},
        )


class Colour(enum.Enum):
    """An enum of users."""

    RED = "red"


def test_an_enum_is_kept_as_text_and_a_native_one_needs_the_namespace(namespace, base):
    class Order(base):
        _ext_table = "order"
        id: Mapped[int] = key()
        colour: Mapped[Colour]

    assert Order.__table__.c.colour.type.compile(postgresql.dialect()) == "VARCHAR(50)"

    def body(colour: Enum) -> dict[str, object]:
        return {"_ext_table": "line", "id": Column(Integer, primary_key=True), "colour": Column(colour)}

    with pytest.raises(InvalidModelError, match=rf'colour: .*native_enum=False, or name="ext_{namespace}_colour"'):
        type("Line", (base,), body(Enum(Colour)))
    type("Other", (base,), body(Enum(Colour, name=f"ext_{namespace}_colour")))


def test_an_abstract_class_and_a_class_that_shares_a_table(base):
    class Named(base):
        __abstract__ = True
        label: Mapped[str]

    class Order(Named):
        _ext_table = "order"
        id: Mapped[int] = key()
        kind: Mapped[str]
        __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "order"}  # noqa: RUF012 - SQLAlchemy's form

    class Express(Order):
        __mapper_args__ = {"polymorphic_identity": "express"}  # noqa: RUF012 - SQLAlchemy's form

    assert Express.__table__ is Order.__table__
    assert "label" in Order.__table__.columns


@pytest.mark.parametrize("table", ["purchase_request_line", "p" * 35])
def test_a_managed_table_of_a_long_name_has_shorter_constraints(namespace, base, table):
    """They are the mixin's, and nobody else could name them."""
    made = type("Request", (base, WorkflowManagedMixin), {"_ext_table": table})
    rests = {"pk": "", "fk": "_parent", "uq": "_parent"}
    names = {f"{kind}_ext_{namespace}_{table}{rest}" for kind, rest in rests.items()}
    assert {each.name for each in made.__table__.constraints} == names


def test_a_managed_table_of_too_long_a_name_is_told_to_shorten_it(base):
    with pytest.raises(InvalidModelError, match=r"Request: the constraint .*_parent has 64 bytes.*shorten _ext_t"):
        type("Request", (base, WorkflowManagedMixin), {"_ext_table": "p" * 36})


def test_a_table_whose_key_has_too_long_a_name_is_told_to_shorten_it(base):
    with pytest.raises(InvalidModelError, match=r"Order: the constraint pk_.* has 64 bytes.*: shorten _ext_table"):
        type("Order", (base,), {"_ext_table": "p" * 43, "id": Column(Integer, primary_key=True)})


def test_the_columns_of_the_mixin(namespace, base):
    class Request(base, WorkflowManagedMixin):
        _ext_table = "request"
        amount: Mapped[int]

    table = Request.__table__
    told = [(each.name, each.type.compile(postgresql.dialect()), each.nullable) for each in table.columns]
    assert told == [
        ("workflow_instance_id", "UUID", False),
        ("parent_workflow_instance_id", "UUID", True),
        ("child_workflow_instance_id", "UUID", True),
        ("action", "VARCHAR(50)", True),
        ("created_at", "TIMESTAMP WITH TIME ZONE", False),
        ("amount", "INTEGER", False),
    ]
    assert [column.name for column in table.primary_key] == ["workflow_instance_id"]
    assert [key.target_fullname for key in table.foreign_keys] == [f"ext_{namespace}_request.workflow_instance_id"]
    assert table.c.parent_workflow_instance_id.unique
