"""What people describe: automations, their versions, their batches and items."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Boolean, Computed, DateTime, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from baton_models.base import Json, KeyedBase
from baton_models.mixins import AuditMixin, SoftDeleteMixin, TimestampMixin, VersionMixin

if TYPE_CHECKING:
    from baton_models.execution import BatchExecutionModel, ItemExecutionModel, RunModel


class AutomationModel(TimestampMixin, AuditMixin, VersionMixin, SoftDeleteMixin, KeyedBase):
    """
    An automation as its custom resource describes it now.

    Attributes:
        tenant_id: The namespace; no question about an automation leaves it out.
        uid: The custom resource's uid; a new one under the same name is a new row.
        generation: The last ``metadata.generation`` that was taken in.
        spec: The custom resource's spec, whole.
        spec_hash: SHA-256 of the canonical spec, hexadecimal.
        engine_id: The engine that ``engineRef`` names, once it is known.
        suspend: No new Run is admitted while this is set.
        max_active: ``concurrency.max``: Runs that may be under way at once; NULL for no limit.
        ready_reason: Why the automation can or cannot be used, from the closed list.
        ready_message: The same for people: the field and the fix.
        target_reason: What the engine last said of the target; NULL until it was asked.
        target_message: The engine's words.
        next_check_at: When the target is to be validated again.
        project_at: When the custom resource's status is to be written; NULL while it shows the truth.
        project_lease: Until when one process writes it, and no other; NULL while nobody does.
        projected_at: When it was written last: replicas together keep its pace.
        shown: SHA-256 of the status document shown last.
    """

    __tablename__ = "automation"

    tenant_id: Mapped[str] = mapped_column(String(63), default="", server_default=text("''"))
    uid: Mapped[str | None] = mapped_column(String(63), unique=True)
    generation: Mapped[int] = mapped_column(Integer, default=1, server_default=text("1"))
    name: Mapped[str] = mapped_column(String(200), index=True)
    description: Mapped[str | None] = mapped_column(Text)
    batch_schema: Mapped[Json | None] = mapped_column(JSONB)
    item_schema: Mapped[Json | None] = mapped_column(JSONB)
    spec: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default=text("'{}'::jsonb"))
    spec_hash: Mapped[str | None] = mapped_column(String(64))
    engine_id: Mapped[UUID | None] = mapped_column(ForeignKey("engine.id", ondelete="SET NULL"), index=True)
    suspend: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    max_active: Mapped[int | None] = mapped_column(Integer)
    ready_reason: Mapped[str | None] = mapped_column(String(50))
    ready_message: Mapped[str | None] = mapped_column(Text)
    target_reason: Mapped[str | None] = mapped_column(String(50))
    target_message: Mapped[str | None] = mapped_column(Text)
    next_check_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    project_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    project_lease: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    projected_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    shown: Mapped[str | None] = mapped_column(String(64))

    batches: Mapped[list["BatchModel"]] = relationship(
        back_populates="automation", cascade="all, delete-orphan", passive_deletes=True
    )
    runs: Mapped[list["RunModel"]] = relationship(
        back_populates="automation", cascade="all, delete-orphan", passive_deletes=True
    )
    definitions: Mapped[list["WorkflowDefinitionModel"]] = relationship(
        back_populates="automation", cascade="all, delete-orphan", passive_deletes=True
    )

    __table_args__ = (
        Index("ix_automation_name_active", "tenant_id", "name", unique=True, postgresql_where=text("is_active")),
        Index("ix_automation_project_at", "project_at", postgresql_where=text("project_at IS NOT NULL")),
        Index("ix_automation_next_check_at", "next_check_at", postgresql_where=text("is_active")),
    )


class WorkflowDefinitionModel(TimestampMixin, AuditMixin, SoftDeleteMixin, KeyedBase):
    """
    One generation of an automation's spec; a Run pins the one it was admitted under, so history stays readable.

    Attributes:
        data_models: ``dataModels`` of the spec, apart: the whole may be large, and is not to be read for each task.
        hooks: ``hooks`` of the spec, likewise.
    """

    __tablename__ = "workflow_definitions"

    automation_id: Mapped[UUID] = mapped_column(ForeignKey("automation.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))
    version: Mapped[int] = mapped_column(Integer)
    definition_json: Mapped[dict[str, Any]] = mapped_column(JSONB)
    data_models: Mapped[list[Any] | None] = mapped_column(
        JSONB, Computed("definition_json -> 'dataModels'", persisted=True)
    )
    hooks: Mapped[dict[str, Any] | None] = mapped_column(JSONB, Computed("definition_json -> 'hooks'", persisted=True))

    automation: Mapped[AutomationModel] = relationship(back_populates="definitions")

    __table_args__ = (UniqueConstraint("automation_id", "version"),)


class BatchModel(TimestampMixin, AuditMixin, VersionMixin, SoftDeleteMixin, KeyedBase):
    """
    A named group of items.

    Never edited: a changed batch is put out of use and inserted anew, so that old executions keep what they ran.

    Attributes:
        position: Its place in the automation's list, from 0: the order in which batches run.
        content_hash: SHA-256 of payload and items, hexadecimal: tells a changed batch from an unchanged one.
    """

    __tablename__ = "batch"

    automation_id: Mapped[UUID] = mapped_column(ForeignKey("automation.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    payload: Mapped[Json | None] = mapped_column(JSONB)
    position: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    content_hash: Mapped[str | None] = mapped_column(String(64))

    automation: Mapped[AutomationModel] = relationship(back_populates="batches")
    items: Mapped[list["ItemModel"]] = relationship(
        back_populates="batch",
        cascade="all, delete-orphan",
        passive_deletes=True,
        order_by="ItemModel.sequence_number",
    )
    executions: Mapped[list["BatchExecutionModel"]] = relationship(
        back_populates="batch", cascade="all, delete-orphan", passive_deletes=True
    )

    __table_args__ = (
        Index("uq_batch_automation_id_name", "automation_id", "name", unique=True, postgresql_where=text("is_active")),
    )


class ItemModel(TimestampMixin, AuditMixin, VersionMixin, SoftDeleteMixin, KeyedBase):
    """One unit of work in a batch; its ``sequence_number`` counts from 0."""

    __tablename__ = "item"

    batch_id: Mapped[UUID] = mapped_column(ForeignKey("batch.id", ondelete="CASCADE"), index=True)
    sequence_number: Mapped[int] = mapped_column(Integer)
    payload: Mapped[Json | None] = mapped_column(JSONB)

    batch: Mapped[BatchModel] = relationship(back_populates="items")
    executions: Mapped[list["ItemExecutionModel"]] = relationship(back_populates="item", passive_deletes=True)

    __table_args__ = (
        Index(
            "uq_item_batch_id_sequence_number",
            "batch_id",
            "sequence_number",
            unique=True,
            postgresql_where=text("is_active"),
        ),
    )
