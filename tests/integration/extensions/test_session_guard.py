"""What a task's session refuses, by whatever way it is asked."""

import pytest
from shop_models import Label, Line, Order, Request, Unnamed, order_labels
from sqlalchemy import MetaData, Table, delete, exists, func, insert, select, text, union, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import aliased, joinedload, selectinload, subqueryload

from baton_models import Access, RunModel, guard, new_id
from baton_models.errors import DataModelAccessDeniedError

KNOWN = new_id()
FIX = "add 'Label' to spec.dataModels of the Automation"

WAYS = {
    "select": lambda s: s.scalars(select(Label)),
    "select of a column": lambda s: s.execute(select(Label.text)),
    "select of a count": lambda s: s.scalar(select(func.count()).select_from(Label)),
    "join": lambda s: s.execute(select(Order).join(Label, Label.text == Order.text)),
    "alias": lambda s: s.execute(select(aliased(Label))),
    "subquery": lambda s: s.execute(select(select(Label).subquery())),
    "cte": lambda s: s.execute(select(select(Label.text).cte())),
    "exists": lambda s: s.execute(select(Order).where(exists().where(Label.text == Order.text))),
    "union": lambda s: s.execute(union(select(Order.text), select(Label.text))),
    "query": lambda s: s.query(Label).all(),
    "get": lambda s: s.get(Label, new_id()),
    "core table": lambda s: s.execute(select(Label.__table__)),
    "core insert": lambda s: s.execute(insert(Label.__table__).values(id=new_id(), text="x")),
    "insert of many": lambda s: s.execute(insert(Label), [{"id": new_id(), "text": each} for each in "xy"]),
    "insert from select": lambda s: s.execute(insert(Order).from_select(["text"], select(Label.text))),
    "update": lambda s: s.execute(update(Label).values(text="y")),
    "update by another's": lambda s: s.execute(
        update(Order).values(text=select(Label.text).limit(1).scalar_subquery())
    ),
    "update of many": lambda s: s.execute(update(Label), [{"id": KNOWN, "text": "y"}]),
    "delete": lambda s: s.execute(delete(Label)),
    "add": lambda s: s.add(Label(text="x")),
    "merge": lambda s: s.merge(Label(id=new_id(), text="x")),
    "by a relationship": lambda s: s.add(Order(text="x", labels=[Label(text="x")])),
    "bulk_save_objects": lambda s: s.bulk_save_objects([Label(id=new_id(), text="x")]),
    "bulk_insert_mappings": lambda s: s.bulk_insert_mappings(Label, [{"id": new_id(), "text": "x"}]),
    "bulk_update_mappings": lambda s: s.bulk_update_mappings(Label, [{"id": KNOWN, "text": "x"}]),
    "on the connection": lambda s: s.connection().execute(select(Label)),
    "in a savepoint": lambda s: s.begin_nested().session.execute(select(Label)),
    "reflected": lambda s: s.execute(select(Table("ext_shop_label", MetaData(), autoload_with=s.connection()))),
    "text with columns": lambda s: s.execute(text("SELECT 1 AS n").columns().subquery().select().add_columns(Label.id)),
}


@pytest.fixture
def session(shop):
    """A session that the database itself lets do anything, so that only the guard refuses."""
    with shop.get_session() as opened:
        opened.execute(text("SELECT set_config('baton.data_models', 'ext_shop_*', true)"))
        opened.execute(insert(Label.__table__).values(id=KNOWN, text="known"))
        yield opened


@pytest.fixture
def guarded(session):
    """The session of a task whose Automation declares ``Order`` and ``Line``."""
    with guard(session, Access({"Order": Order, "Line": Line})):
        yield session


@pytest.fixture
def order_id(session):
    """An order with a line and a label."""
    order = Order(text="x", lines=[Line(price=1)], labels=[Label(text="red")])
    session.add(order)
    session.flush()
    session.expunge_all()
    return order.id


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_an_undeclared_model_is_refused(guarded, way):
    with pytest.raises(DataModelAccessDeniedError, match=FIX):
        way(guarded)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_same_is_done_where_it_was_declared(session, way):
    with guard(session, Access({"Order": Order, "Label": Label})):
        way(session)


@pytest.mark.parametrize("load", [joinedload, selectinload, subqueryload])
def test_eager_loads_are_refused(order_id, guarded, load):
    with pytest.raises(DataModelAccessDeniedError):
        guarded.scalars(select(Order).options(load(Order.labels))).unique().all()


def test_a_lazy_load_is_refused(order_id, guarded):
    order = guarded.get_one(Order, order_id)
    assert [line.price for line in order.lines] == [1]
    with pytest.raises(DataModelAccessDeniedError, match=FIX):
        order.labels  # noqa: B018 - reading it loads it


@pytest.mark.parametrize(
    "way",
    [
        lambda s: s.execute(select(RunModel.id)),
        lambda s: s.execute(update(RunModel).values(priority=1)),
        lambda s: s.add(RunModel(name="x")),
        lambda s: s.execute(select(Order, RunModel.status).join(Order.run)),
    ],
)
def test_batons_own_tables_are_refused(guarded, way):
    with pytest.raises(DataModelAccessDeniedError, match="is Baton's own"):
        way(guarded)


def test_a_model_without_a_name_is_refused_with_what_to_do(guarded):
    with pytest.raises(DataModelAccessDeniedError, match="@register_data_model"):
        guarded.add(Unnamed(id=1))


def test_a_table_between_two_models_comes_with_them(session):
    access = Access({"Order": Order, "Label": Label})
    assert access.tables == ["ext_shop_label", "ext_shop_order", "ext_shop_order_label"]
    assert access.setting == "ext_shop_label,ext_shop_order,ext_shop_order_label"
    with guard(session, access):
        session.add(Order(text="x", labels=[Label(text="red")]))
        session.flush()
        assert session.scalar(select(func.count()).select_from(order_labels)) == 1


def test_other_peoples_tables_are_not_our_business(guarded):
    guarded.execute(text("CREATE TEMPORARY TABLE notes (id integer)"))
    assert guarded.execute(select(Table("notes", MetaData(), autoload_with=guarded.connection()))).all() == []


def test_plain_sql_is_left_to_the_database(shop):
    refused = pytest.raises(DBAPIError, match="table ext_shop_label was not declared")
    with shop.get_session() as session, guard(session, Access({"Order": Order})), refused:
        session.execute("SELECT * FROM ext_shop_label")


def test_the_guard_ends_with_its_context(session):
    with guard(session, Access({})), pytest.raises(DataModelAccessDeniedError):
        session.add(Order(text="x"))
    session.add(Order(text="x", labels=[Label(text="red")]))
    session.flush()
    assert len(session.scalars(select(Order)).all()) == 1


def test_a_guard_before_the_first_statement_sees_them_all(shop):
    refused = pytest.raises(DataModelAccessDeniedError, match="'Request'")
    with shop.get_session() as session, guard(session, Access({})), refused:
        session.execute(select(Request))


async def test_an_async_session_is_guarded_by_its_sync_one(shop):
    async with shop.get_async_session() as session:
        await session.execute(text("SELECT set_config('baton.data_models', 'ext_shop_*', true)"))
        with guard(session.sync_session, Access({"Order": Order})):
            async with session.begin_nested():
                order = Order(text="x")
                session.add(order)
                await session.flush()
                with pytest.raises(DataModelAccessDeniedError, match=FIX):
                    await session.execute(select(Label))
                with pytest.raises(DataModelAccessDeniedError, match=FIX):
                    await session.run_sync(lambda sync: order.labels)
        await session.execute(select(Label))
