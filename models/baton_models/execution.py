"""What happens: runs, their batches and items, and the history of every change."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import (
    DateTime,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from baton_models.base import Json, KeyedBase
from baton_models.definition import AutomationModel, BatchModel, ItemModel
from baton_models.mixins import (
    AuditMixin,
    RetryableMixin,
    SoftDeleteMixin,
    StatusTrackingMixin,
    TimestampMixin,
    VersionMixin,
)
from baton_models.status import ExecutionStatus

if TYPE_CHECKING:
    from baton_models.orchestration import RunOrchestrationModel


class RunModel(StatusTrackingMixin, TimestampMixin, AuditMixin, VersionMixin, SoftDeleteMixin, KeyedBase):
    """
    One execution of an automation.

    Attributes:
        tenant_id: The namespace.
        uid: The custom resource's uid: intake admits each uid once.
        generation: The last ``metadata.generation`` that was taken in.
        name: The custom resource's name.
        definition_id: The version of the automation that this run executes.
        engine_id: The engine it goes to; NULL where it was refused before one was known.
        per: What is handed over in one piece: ``Run``, ``Batch`` or ``Item``.
        state: What the user wants: ``Active``, ``Suspended`` or ``Cancelled``.
        max_parallel: Attempts of this run that may be out at once.
        sequential: Whether batches run one after the other.
        max_failures: Failed units that are put up with; one more stops the run. NULL: any number.
        native_status: The engine's own word, for runs handed over whole.
        accepted_reason: Why the run was admitted or refused, from the closed list.
        accepted_message: The same for people: the field and the fix.
        parameters: What the user passed, with the schema's word for it.
        priority: Higher is dispatched first.
        token_hex: 32 hexadecimal digits, the stem of its attempts' tokens (UUIDv5 of the uid).
        released_at: Since when it takes one of its automation's places (``concurrency.max``).
        submitted_before: Its custom resource says Submitted although no attempt was stored (a restored database):
            its units are looked for first, never sent first.
        restored_at: When the database was restored to a moment from which on it does not know what became of this run.
        restored_from: That moment: nothing of the run that the database does not know was sent before it.
        doubts: How many of its units must be sent for the first time before the others are sent without a look: units
            go in their order, and no more of them were let go at once. 0 where nothing is uncertain.
        counted: Whether its end was counted in the metrics, by one process.
        queue_deadline_at: When waiting for the first dispatch has lasted too long.
        run_timeout_seconds: How long it may take from its start; NULL for no limit.
        cancel_timeout_seconds: How long a cancel may take to be confirmed.
        deadline_at: When the run is out of time, known from its start.
        cancel_requested_at: Since when everything of it is to end.
        cancel_cause: Why: ``Cancelled``, ``TimedOut``, ``Failed`` (too many failures) or ``Deleted``.
        cancel_requested_by: Who asked for it; NULL where nobody is known to. The history names them for the end.
        cr_deleted_at: When the custom resource was seen to be gone.
        cancel_on_delete: Whether what is under way is cancelled when the custom resource is deleted
            (``deletionPolicy: Cancel``).
        guard: Whether the custom resource has Baton's finalizer: ``wanted`` perhaps, ``held`` yes; NULL no.
        guard_at: When the finalizer is to be seen to, or until when one process does; NULL once there is no hurry.
        parent_run_id: The run that this one retries, corrects or approves.
        action: What it is to its parent.
        trace_context: The W3C ``traceparent`` it was started with.
        project_at: When the custom resource's status is to be written; NULL while it shows the truth.
        project_lease: Until when one process writes it, and no other; NULL while nobody does.
        projected_version: The run's version that was shown last.
        projected_at: When it was shown last.
        shown: SHA-256 of the status document shown last.
    """

    __tablename__ = "run"

    automation_id: Mapped[UUID] = mapped_column(ForeignKey("automation.id", ondelete="CASCADE"), index=True)
    definition_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("workflow_definitions.id", ondelete="SET NULL"), index=True
    )
    engine_id: Mapped[UUID | None] = mapped_column(ForeignKey("engine.id", ondelete="SET NULL"), index=True)
    tenant_id: Mapped[str] = mapped_column(String(63), default="", server_default=text("''"))
    uid: Mapped[str | None] = mapped_column(String(63), unique=True)
    generation: Mapped[int] = mapped_column(Integer, default=1, server_default=text("1"))
    name: Mapped[str] = mapped_column(String(200), default="", server_default=text("''"))
    correlation_id: Mapped[str | None] = mapped_column(String(100), index=True)
    cancellation_reason: Mapped[str | None] = mapped_column(Text)
    error_summary: Mapped[str | None] = mapped_column(Text)
    native_status: Mapped[str | None] = mapped_column(String(100))
    per: Mapped[str] = mapped_column(String(10), default="Run", server_default=text("'Run'"))
    state: Mapped[str] = mapped_column(String(10), default="Active", server_default=text("'Active'"))
    max_parallel: Mapped[int] = mapped_column(Integer, default=1, server_default=text("1"))
    sequential: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    max_failures: Mapped[int | None] = mapped_column(Integer)
    max_attempts: Mapped[int] = mapped_column(Integer, default=1, server_default=text("1"))
    accepted_reason: Mapped[str] = mapped_column(String(50), default="Accepted", server_default=text("'Accepted'"))
    accepted_message: Mapped[str | None] = mapped_column(Text)
    parameters: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default=text("'{}'::jsonb"))
    priority: Mapped[int] = mapped_column(Integer, default=100, server_default=text("100"))
    token_hex: Mapped[str | None] = mapped_column(String(32))
    released_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    submitted_before: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    restored_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    restored_from: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    doubts: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    counted: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    queue_deadline_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    run_timeout_seconds: Mapped[int | None] = mapped_column(Integer)
    cancel_timeout_seconds: Mapped[int] = mapped_column(Integer, default=300, server_default=text("300"))
    deadline_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    cancel_requested_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    cancel_cause: Mapped[str | None] = mapped_column(String(20))
    cancel_requested_by: Mapped[str | None] = mapped_column(String(100))
    cr_deleted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    cancel_on_delete: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    guard: Mapped[str | None] = mapped_column(String(10))
    guard_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    parent_run_id: Mapped[UUID | None] = mapped_column(ForeignKey("run.id", ondelete="SET NULL"))
    action: Mapped[str | None] = mapped_column(String(50))
    trace_context: Mapped[str | None] = mapped_column(String(100))
    project_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    project_lease: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    projected_version: Mapped[int | None] = mapped_column(Integer)
    projected_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    shown: Mapped[str | None] = mapped_column(String(64))

    automation: Mapped[AutomationModel] = relationship(back_populates="runs")
    batch_executions: Mapped[list["BatchExecutionModel"]] = relationship(
        back_populates="run", cascade="all, delete-orphan", passive_deletes=True
    )
    item_executions: Mapped[list["ItemExecutionModel"]] = relationship(
        back_populates="run", cascade="all, delete-orphan", passive_deletes=True
    )
    orchestration: Mapped[list["RunOrchestrationModel"]] = relationship(
        back_populates="run", cascade="all, delete-orphan", passive_deletes=True
    )
    state_history: Mapped[list["RunStateHistoryModel"]] = relationship(
        back_populates="run", cascade="all, delete-orphan", passive_deletes=True, order_by="RunStateHistoryModel.seq"
    )

    __table_args__ = (
        Index("ix_run_started_at_status", "started_at", "status"),
        Index("ix_run_created_at", "created_at", postgresql_using="brin"),
        Index("ix_run_tenant_id_name", "tenant_id", "name"),
        Index("uq_run_parent_run_id", "parent_run_id", unique=True, postgresql_where=text("parent_run_id IS NOT NULL")),
        Index("ix_run_guard_at", "guard_at", postgresql_where=text("guard IS NOT NULL")),
        Index(
            "ix_run_unguarded",
            "started_at",
            postgresql_where=text("cancel_on_delete AND guard IS NULL AND status IN ('PROCESSING', 'RETRYING')"),
        ),
        Index("ix_run_project_at", "project_at", postgresql_where=text("project_at IS NOT NULL")),
        Index("ix_run_uncounted", "finished_at", postgresql_where=text("finished_at IS NOT NULL AND NOT counted")),
        Index(
            "ix_run_deadline_at",
            "deadline_at",
            postgresql_where=text("deadline_at IS NOT NULL AND status IN ('PROCESSING', 'RETRYING')"),
        ),
        Index(
            "ix_run_queue_deadline_at",
            "queue_deadline_at",
            postgresql_where=text("queue_deadline_at IS NOT NULL AND status = 'PENDING'"),
        ),
        Index(
            "ix_run_open",
            "automation_id",
            "priority",
            "id",
            postgresql_where=text("status IN ('PENDING', 'PROCESSING', 'RETRYING')"),
        ),
    )


class RunProgressModel(VersionMixin, KeyedBase):
    """
    Counters of a run that fans out: how many of its units stand where.

    Apart from ``run``, or each item would make the run's version stale; kept by a statement trigger on the units,
    so no code path can leave a change out. ``total`` is the sum of the others.

    Attributes:
        units: ``Batch`` or ``Item``: which executions are counted.
    """

    __tablename__ = "run_progress"

    run_id: Mapped[UUID] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), unique=True)
    units: Mapped[str] = mapped_column(String(10))
    total: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    pending: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    running: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    completed: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    failed: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    cancelled: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    skipped: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))


class BatchExecutionModel(StatusTrackingMixin, TimestampMixin, AuditMixin, VersionMixin, SoftDeleteMixin, KeyedBase):
    """One batch within one run; the unit of dispatch of a run ``per: Batch``."""

    __tablename__ = "batch_execution"

    run_id: Mapped[UUID] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), index=True)
    batch_id: Mapped[UUID] = mapped_column(ForeignKey("batch.id", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(SmallInteger, default=0, server_default=text("0"))
    token_hex: Mapped[str | None] = mapped_column(String(32))
    error_message: Mapped[str | None] = mapped_column(String)
    result_payload: Mapped[Json | None] = mapped_column(JSONB)

    run: Mapped[RunModel] = relationship(back_populates="batch_executions")
    batch: Mapped[BatchModel] = relationship(back_populates="executions")
    item_executions: Mapped[list["ItemExecutionModel"]] = relationship(
        back_populates="batch_execution", cascade="all, delete-orphan", passive_deletes=True
    )

    __table_args__ = (UniqueConstraint("run_id", "batch_id"),)


class ItemExecutionModel(
    StatusTrackingMixin, RetryableMixin, TimestampMixin, AuditMixin, VersionMixin, SoftDeleteMixin, KeyedBase
):
    """One item within one run; the unit of dispatch of a run ``per: Item``."""

    __tablename__ = "item_execution"

    run_id: Mapped[UUID] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), index=True)
    batch_execution_id: Mapped[UUID] = mapped_column(ForeignKey("batch_execution.id", ondelete="CASCADE"), index=True)
    item_id: Mapped[UUID] = mapped_column(ForeignKey("item.id", ondelete="CASCADE"), index=True)
    sequence_number: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    token_hex: Mapped[str | None] = mapped_column(String(32))
    result_payload: Mapped[Json | None] = mapped_column(JSONB)
    error_message: Mapped[str | None] = mapped_column(String)

    run: Mapped[RunModel] = relationship(back_populates="item_executions")
    batch_execution: Mapped[BatchExecutionModel] = relationship(back_populates="item_executions")
    item: Mapped[ItemModel] = relationship(back_populates="executions")
    state_history: Mapped[list["ItemStateHistoryModel"]] = relationship(
        back_populates="item_execution",
        cascade="all, delete-orphan",
        passive_deletes=True,
        order_by="ItemStateHistoryModel.seq",
    )

    __table_args__ = (
        UniqueConstraint("run_id", "item_id"),
        Index(
            "ix_item_execution_open",
            "run_id",
            "batch_execution_id",
            "sequence_number",
            postgresql_where=text("status IN ('PENDING', 'PROCESSING', 'RETRYING')"),
        ),
    )


class HistoryMixin:
    """
    One change of status, written by a statement trigger whoever makes the change; never updated, never deleted.

    Attributes:
        seq: 1, 2, 3 … for each execution, without gaps.
        previous_status: The ``new_status`` before; NULL at birth.
        reason: The row's ``status_reason`` at that moment.
        changed_at: Never before the change before it.
        created_by: The actor (``baton.actor`` of the transaction), or NULL.
    """

    seq: Mapped[int] = mapped_column(Integer)
    previous_status: Mapped[ExecutionStatus | None]
    new_status: Mapped[ExecutionStatus]
    reason: Mapped[str | None] = mapped_column(String(50))
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    created_by: Mapped[str | None] = mapped_column(String(100))


class ItemStateHistoryModel(HistoryMixin, KeyedBase):
    """Every change of every item."""

    __tablename__ = "item_state_history"

    item_execution_id: Mapped[UUID] = mapped_column(ForeignKey("item_execution.id", ondelete="CASCADE"), index=True)
    item_execution: Mapped[ItemExecutionModel] = relationship(back_populates="state_history")

    __table_args__ = (
        UniqueConstraint("item_execution_id", "seq"),
        Index("ix_item_state_history_item_execution_id_changed_at", "item_execution_id", "changed_at"),
    )


class RunStateHistoryModel(HistoryMixin, KeyedBase):
    """Every change of every run."""

    __tablename__ = "run_state_history"

    run_id: Mapped[UUID] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    run: Mapped[RunModel] = relationship(back_populates="state_history")

    __table_args__ = (UniqueConstraint("run_id", "seq"),)
