"""Who changed what in tables that only runs may change."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from baton_models.base import KeyedBase


class ManagedAuditModel(KeyedBase):
    """
    One write to a managed table, noted by a trigger in the same transaction; never updated, never deleted.

    No foreign keys: it outlives the run, as the data does.

    Attributes:
        table_name: The managed table, ``ext_…``.
        workflow_instance_id: The row that was written: the id of the run that made it.
        operation: ``insert`` or ``update``.
        run_id: The run that wrote.
        run_name: Its name.
        tenant_id: Its namespace.
        action: What it is to its parent.
        actor: Who created the run.
    """

    __tablename__ = "managed_audit"

    table_name: Mapped[str] = mapped_column(String(63))
    workflow_instance_id: Mapped[UUID]
    operation: Mapped[str] = mapped_column(String(10))
    run_id: Mapped[UUID] = mapped_column(index=True)
    run_name: Mapped[str] = mapped_column(String(200))
    tenant_id: Mapped[str] = mapped_column(String(63))
    action: Mapped[str | None] = mapped_column(String(50))
    actor: Mapped[str | None] = mapped_column(String(100))
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=text("clock_timestamp()"))

    __table_args__ = (Index("ix_managed_audit_row", "table_name", "workflow_instance_id", "changed_at"),)
