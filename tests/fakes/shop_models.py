"""The models of a small extension, ``shop``: one managed, and plain ones that know each other."""

from decimal import Decimal
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Numeric, String, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from baton_models import Base, RunModel, WorkflowManagedMixin, extension_model_base, new_id, register_data_model

ShopModel = extension_model_base("shop")

order_labels = Table(
    "ext_shop_order_label",
    Base.metadata,
    Column("order_id", ForeignKey("ext_shop_order.id"), primary_key=True),
    Column("label_id", ForeignKey("ext_shop_label.id"), primary_key=True, index=True),
)


@register_data_model(name="Order")
class Order(ShopModel):
    """A plain model."""

    _ext_table = "order"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    text: Mapped[str] = mapped_column(String(50))
    run_id: Mapped[UUID | None] = mapped_column(ForeignKey("run.id", ondelete="SET NULL"), index=True)

    lines: Mapped[list["Line"]] = relationship(back_populates="order")
    labels: Mapped[list["Label"]] = relationship(secondary=order_labels)
    run: Mapped[RunModel | None] = relationship(RunModel)


@register_data_model(name="Line")
class Line(ShopModel):
    """A plain model that refers to another."""

    _ext_table = "line"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("ext_shop_order.id"), index=True)
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2))

    order: Mapped[Order] = relationship(back_populates="lines")


@register_data_model(name="Label")
class Label(ShopModel):
    """A plain model that is tied to another by a table between them."""

    _ext_table = "label"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    text: Mapped[str] = mapped_column(String(50))


class Unnamed(ShopModel):
    """A model that no Automation can declare."""

    _ext_table = "unnamed"

    id: Mapped[int] = mapped_column(primary_key=True)


@register_data_model(name="Request")
class Request(ShopModel, WorkflowManagedMixin):
    """A managed model."""

    _ext_table = "request"

    amount: Mapped[int]


TABLES = [table for table in Base.metadata.sorted_tables if table.name.startswith("ext_shop_")]
