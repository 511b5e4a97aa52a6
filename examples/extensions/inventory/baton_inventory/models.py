"""What is stored: hosts, and which run has scanned them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Integer, String, func, text
from sqlalchemy.orm import Mapped, mapped_column

from baton_models import extension_model_base, register_data_model

InventoryModel = extension_model_base("inventory")


@register_data_model(name="inventory.Host")
class Host(InventoryModel):
    """
    A host, as the last scan of its region saw it.

    Attributes:
        name: Unique, without the domain.
        kernel: Its release; NULL where a scan did not ask.
        run_id: The run whose scan wrote it last.
    """

    _ext_table = "host"

    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    region: Mapped[str] = mapped_column(String(20))
    kernel: Mapped[str | None] = mapped_column(String(50))
    run_id: Mapped[UUID]
    scanned_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("ix_ext_inventory_host_region", "region"),)


@register_data_model(name="inventory.ScanLog")
class ScanLog(InventoryModel):
    """
    How each scan ended, written by a hook, so failed ones are there too.

    Attributes:
        run_id: The run.
        hosts: How many hosts it has left in the inventory.
    """

    _ext_table = "scan_log"

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    run_name: Mapped[str] = mapped_column(String(63))
    status: Mapped[str] = mapped_column(String(20))
    hosts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    ended_at: Mapped[datetime] = mapped_column(server_default=func.now())
