"""How work is handed over exactly once: attempts, and the tasks of Baton's own engine."""

from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index, Integer, SmallInteger, String, Text, UniqueConstraint, text
from sqlalchemy import Enum as SqlEnum
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from baton_models.base import Base, Json, KeyedBase
from baton_models.mixins import TimestampMixin


class AttemptState(str, Enum):  # noqa: UP042 - the same form as ExecutionStatus
    """
    How far the handing-over of one unit of work has come.

    INTENT not sent yet; SENT claimed and perhaps on its way; ENQUEUED accepted, no id yet; ACKED accepted, id
    known; AMBIGUOUS nobody knows, look first; HALTED only a person can tell; REJECTED the engine refused;
    CLOSED over.
    """

    INTENT = "INTENT"
    SENT = "SENT"
    ENQUEUED = "ENQUEUED"
    ACKED = "ACKED"
    AMBIGUOUS = "AMBIGUOUS"
    HALTED = "HALTED"
    REJECTED = "REJECTED"
    CLOSED = "CLOSED"


#: States that count against ``maxInFlight``: something of ours is, or may be, in the engine.
IN_FLIGHT = frozenset(
    {AttemptState.SENT, AttemptState.ENQUEUED, AttemptState.ACKED, AttemptState.AMBIGUOUS, AttemptState.HALTED}
)

ATTEMPT_STATE_TYPE = SqlEnum(
    AttemptState, name="attempt_state", values_callable=lambda enum: [member.value for member in enum]
)


class DispatchAttemptModel(TimestampMixin, KeyedBase):
    """
    One attempt to have one unit of work (run, batch or item) executed.

    Attributes:
        token: ``baton-<32 hex>-a<n>``: the name the engine knows it by; survives the loss of the database.
        fingerprint: SHA-256 of target and arguments, hexadecimal; NULL until the first claim.
        due_at: When somebody is to act on it next.
        lease_token: Who may act on it; every write is guarded by it (rule R11).
        lease_until: Until when.
        sends: How often a request for it may have left.
        tries: How often it was claimed to be sent; sets the back-off.
        visible_after: From then on, absence is evidence.
        evidence_until: From then on, absence is no evidence any more: the engine may have forgotten.
        engine_epoch: The engine's restart epoch at the first send (rule R8).
        absences: How often it was looked for and not found since ``visible_after`` (rule R9).
        last_look_at: When it was looked for last.
        handle: What the engine gave instead of an id, e.g. a queue item.
        next_poll_at: When the engine is to be asked where the work behind the handle is.
        http_status: 409 where the engine has another's work under the token; NULL otherwise.
        error: Of the last failure, for people; never with credentials.
        refusal: Why the engine refused the last send of several, while nobody knows of the earlier ones (rule R5).
        cancel_requested_at: Since when it is to end.
        cancel_sent_at: When the engine was last told.
        cancel_due_at: When the cancel is to be acted on next.
        cancel_deadline_at: When the cancel counts as unconfirmed.
        settled: Whether its unit has its final outcome from this attempt although the engine's work goes on.
    """

    __tablename__ = "dispatch_attempt"

    run_id: Mapped[UUID] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    batch_execution_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("batch_execution.id", ondelete="CASCADE"), index=True
    )
    item_execution_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("item_execution.id", ondelete="CASCADE"), index=True
    )
    engine_id: Mapped[UUID] = mapped_column(ForeignKey("engine.id", ondelete="CASCADE"), index=True)
    tenant_id: Mapped[str] = mapped_column(String(63), default="", server_default=text("''"))
    attempt_no: Mapped[int] = mapped_column(Integer)
    token: Mapped[str] = mapped_column(String(45), unique=True)
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[AttemptState] = mapped_column(
        ATTEMPT_STATE_TYPE, default=AttemptState.INTENT, server_default=text("'INTENT'")
    )
    priority: Mapped[int] = mapped_column(SmallInteger, default=100, server_default=text("100"))
    due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lease_token: Mapped[UUID | None]
    lease_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sends: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    tries: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    first_sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    visible_after: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    evidence_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    engine_epoch: Mapped[str | None] = mapped_column(String(100))
    absences: Mapped[int] = mapped_column(SmallInteger, default=0, server_default=text("0"))
    last_look_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    handle: Mapped[str | None] = mapped_column(Text)
    next_poll_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    orchestration_instance_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("orchestration_instance.id", ondelete="SET NULL"), index=True
    )
    http_status: Mapped[int | None] = mapped_column(Integer)
    error: Mapped[str | None] = mapped_column(Text)
    refusal: Mapped[str | None] = mapped_column(Text)
    cancel_requested_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    cancel_sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    cancel_due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    cancel_deadline_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    settled: Mapped[bool] = mapped_column(default=False, server_default=text("false"))

    __table_args__ = (
        UniqueConstraint(
            "run_id",
            "batch_execution_id",
            "item_execution_id",
            "attempt_no",
            name="uq_dispatch_attempt_unit_attempt_no",
            postgresql_nulls_not_distinct=True,
        ),
        Index(
            "ix_dispatch_attempt_waiting",
            "engine_id",
            "tenant_id",
            text("priority DESC"),
            "due_at",
            postgresql_where=text("state = 'INTENT'"),
        ),
        Index(
            "ix_dispatch_attempt_unclear",
            "engine_id",
            "due_at",
            postgresql_where=text("state IN ('SENT', 'AMBIGUOUS')"),
        ),
        Index(
            "ix_dispatch_attempt_in_flight",
            "engine_id",
            "tenant_id",
            postgresql_where=text("state IN ('SENT', 'ENQUEUED', 'ACKED', 'AMBIGUOUS', 'HALTED')"),
        ),
        Index("ix_dispatch_attempt_handles", "engine_id", "next_poll_at", postgresql_where=text("state = 'ENQUEUED'")),
        Index("ix_dispatch_attempt_cancel_due_at", "cancel_due_at", postgresql_where=text("cancel_due_at IS NOT NULL")),
    )


class EmbeddedTaskModel(TimestampMixin, KeyedBase):
    """
    A task of the Embedded engine: its own small queue.

    Attributes:
        engine_id: The Engine that it was handed to; NULL for a hook, which belongs to no engine.
        token: The attempt's token; unique, so a repeated submit finds the first. A hook's begins with ``hook-``.
        fingerprint: SHA-256 of task and arguments, to tell ours from a foreigner's.
        state: ``queued``, ``running``, ``succeeded``, ``failed``, ``cancelled`` or ``timedout``.
        worker: Who runs it.
        lease_until: When its worker counts as dead unless it says otherwise.
        cancel_requested: Whether its worker is to end it.
        on_crash: ``fail`` or ``retry``: what a worker's death means for it.
        crashes: How often it has begun anew after the death of its worker.
        timeout_seconds: How long it may run; NULL for no limit.
        logs: Its lines, oldest first, cut to the last 256 KiB.
        run_id: The run that a hook belongs to; NULL for the work of an attempt.
        hook: ``onStart``, ``onTransition`` or ``onFinish``; NULL for the work of an attempt.
        hook_no: Its place among the hooks of its run, which are called one after the other.
        counted: Whether the end of a hook was counted and told, by one process.
    """

    __tablename__ = "embedded_task"

    engine_id: Mapped[UUID | None] = mapped_column(ForeignKey("engine.id", ondelete="CASCADE"), index=True)
    token: Mapped[str] = mapped_column(String(45), unique=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    task: Mapped[str] = mapped_column(String(200))
    arguments: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(String(10), default="queued", server_default=text("'queued'"))
    worker: Mapped[str | None] = mapped_column(String(200))
    lease_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    cancel_requested: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    on_crash: Mapped[str] = mapped_column(String(10), default="fail", server_default=text("'fail'"))
    crashes: Mapped[int] = mapped_column(SmallInteger, default=0, server_default=text("0"))
    timeout_seconds: Mapped[int | None] = mapped_column(Integer)
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    result: Mapped[Json | None] = mapped_column(JSONB)
    error: Mapped[str | None] = mapped_column(Text)
    logs: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))
    run_id: Mapped[UUID | None] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    hook: Mapped[str | None] = mapped_column(String(20))
    hook_no: Mapped[int | None] = mapped_column(Integer)
    counted: Mapped[bool] = mapped_column(default=False, server_default=text("false"))

    __table_args__ = (
        Index("ix_embedded_task_run_id", "run_id", "hook_no", postgresql_where=text("run_id IS NOT NULL")),
        Index(
            "ix_embedded_task_hooks_queued",
            "id",
            postgresql_where=text("hook IS NOT NULL AND state = 'queued'"),
        ),
        Index(
            "ix_embedded_task_hooks_uncounted",
            "finished_at",
            postgresql_where=text("hook IS NOT NULL AND finished_at IS NOT NULL AND NOT counted"),
        ),
        Index("ix_embedded_task_queued", "engine_id", "id", postgresql_where=text("state = 'queued'")),
        Index("ix_embedded_task_running", "lease_until", postgresql_where=text("state = 'running'")),
    )


class SchemaCompatModel(Base):
    """
    Which release can still work with a revision of a chain.

    Attributes:
        readable_since: The oldest release of Baton that reads and writes this revision correctly, e.g. ``0.1.0``.
    """

    __tablename__ = "schema_compat"

    chain: Mapped[str] = mapped_column(String(63), primary_key=True)
    revision: Mapped[str] = mapped_column(String(64), primary_key=True)
    readable_since: Mapped[str] = mapped_column(String(20))
    applied_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=text("now()"))
