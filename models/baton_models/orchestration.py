"""The outside: engines, what they execute for us, and the links between the two."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from baton_models.base import Json, KeyedBase
from baton_models.execution import HistoryMixin, RunModel
from baton_models.mixins import AuditMixin, SoftDeleteMixin, StatusTrackingMixin, TimestampMixin, VersionMixin


class EngineModel(TimestampMixin, AuditMixin, VersionMixin, SoftDeleteMixin, KeyedBase):
    """
    An outside orchestrator as its custom resource describes it.

    Attributes:
        spec: The custom resource's spec, whole; it names secrets, it never holds them.
        suspend: No new dispatch; tracking and cancelling go on.
        project_at: When the custom resource's status is to be written; NULL while it shows the truth.
        project_lease: Until when one process writes it, and no other; NULL while nobody does.
        projected_at: When it was written last: replicas together keep its pace.
    """

    __tablename__ = "engine"

    tenant_id: Mapped[str] = mapped_column(String(63), default="", server_default=text("''"))
    uid: Mapped[str | None] = mapped_column(String(63), unique=True)
    generation: Mapped[int] = mapped_column(Integer, default=1, server_default=text("1"))
    name: Mapped[str] = mapped_column(String(100))
    type: Mapped[str] = mapped_column(String(50))
    spec: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default=text("'{}'::jsonb"))
    suspend: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    project_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    project_lease: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    projected_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    shown: Mapped[str | None] = mapped_column(String(64))

    instances: Mapped[list["OrchestrationInstanceModel"]] = relationship(
        back_populates="engine", cascade="all, delete-orphan", passive_deletes=True
    )
    health: Mapped["EngineHealthModel | None"] = relationship(
        back_populates="engine", cascade="all, delete-orphan", passive_deletes=True
    )

    __table_args__ = (
        Index("uq_engine_tenant_id_name", "tenant_id", "name", unique=True, postgresql_where=text("is_active")),
        Index("ix_engine_project_at", "project_at", postgresql_where=text("project_at IS NOT NULL")),
    )


class EngineHealthModel(KeyedBase):
    """
    What is known of an engine, and what all replicas share about it: limits, circuit, whose turn a poll is.

    Its row lock makes counting what is in flight and claiming one step (rule R10).

    Attributes:
        ready_reason: ProbeSucceeded or ProbeFailed; NULL until it was asked.
        authenticated_reason: TokenAccepted, CredentialsRejected or SecretNotFound; NULL until it was asked.
        stalled_reason: InvalidSpec or AddressRefused while the spec cannot work; else NULL.
        message: What the last probe said, for people.
        native_version: The engine's version in its own words.
        capabilities: Names of what the adapter can do with it.
        submission_guarantee: EffectivelyOnce, AtMostOnce or AtLeastOnce.
        restart_epoch: Changes when the engine was restarted, as far as it tells (rule R8).
        probe_failures: Probes that failed one after the other; sets the back-off.
        next_probe_at: When it is to be asked again, and by whom claimed until.
        next_poll_at: When its live instances are to be observed again.
        bucket_tokens: Requests that may be sent now, of the token bucket.
        bucket_at: When the bucket was last filled up.
        last_tenant: The namespace that was served last: where several have as much in flight, the next one follows.
        circuit_state: ``closed``, ``open`` or ``half-open``.
        circuit_until: While it is open, until when nothing is sent; while half-open, until when a trial is under way.
        circuit_opened_at: Since when it has not been closed; NULL while it is.
        window_started_at: When the window that is being counted began.
        window_requests: Requests of this window.
        window_failures: Those of them that failed.
        earlier_requests: Requests of the window before.
        earlier_failures: Those of them that failed.
        paused_until: Nothing is sent or polled before (``Retry-After``).
        poll_failures: Polls that failed one after the other; sets the back-off.
        moved_at: When a poll last saw anything move.
    """

    __tablename__ = "engine_health"

    engine_id: Mapped[UUID] = mapped_column(ForeignKey("engine.id", ondelete="CASCADE"), unique=True)
    ready_reason: Mapped[str | None] = mapped_column(String(50))
    authenticated_reason: Mapped[str | None] = mapped_column(String(50))
    stalled_reason: Mapped[str | None] = mapped_column(String(50))
    message: Mapped[str | None] = mapped_column(Text)
    native_version: Mapped[str | None] = mapped_column(String(100))
    capabilities: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default=text("'[]'::jsonb"))
    submission_guarantee: Mapped[str | None] = mapped_column(String(20))
    restart_epoch: Mapped[str | None] = mapped_column(String(100))
    memory_seconds: Mapped[int | None] = mapped_column(Integer)
    probed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    probe_failures: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    next_probe_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    next_poll_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    bucket_tokens: Mapped[float] = mapped_column(Float, default=0.0, server_default=text("0"))
    bucket_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_tenant: Mapped[str | None] = mapped_column(String(63))
    circuit_state: Mapped[str] = mapped_column(String(10), default="closed", server_default=text("'closed'"))
    circuit_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    circuit_opened_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    window_started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    window_requests: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    window_failures: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    earlier_requests: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    earlier_failures: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    paused_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    poll_failures: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    moved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    engine: Mapped[EngineModel] = relationship(back_populates="health")


class OrchestrationInstanceModel(
    StatusTrackingMixin, TimestampMixin, AuditMixin, VersionMixin, SoftDeleteMixin, KeyedBase
):
    """
    One execution in an engine; born when its id is known.

    Attributes:
        external_id: An id that the engine never gives out again, unique for the engine; longer ones are cut to
            160 characters and 16 of their SHA-256, whole in ``instance_metadata["external_id"]``.
        attempt: Number of the attempt that started it, from 1.
        duration_seconds: How long it took by the engine's own clock, once known.
        native_status: The engine's own word.
        url: Where people look at it; never with credentials.
        next_poll_at: When it is to be looked at on its own (missing, cancelled); NULL while the bulk poll serves it.
        lost_since: When it was first missing although it should be there; NULL while it is seen.
        reopened_at: When the engine ran it again under the same id after it had ended.
        duplicate_of_id: The execution of the same attempt that counts, where the engine made this one from the same
            request by itself (``EngineDuplicated``, rule R7); NULL for the one that counts.
    """

    __tablename__ = "orchestration_instance"

    engine_id: Mapped[UUID] = mapped_column(ForeignKey("engine.id", ondelete="CASCADE"), index=True)
    external_id: Mapped[str] = mapped_column(String(200))
    duration_seconds: Mapped[int | None] = mapped_column(Integer)
    instance_metadata: Mapped[Json | None] = mapped_column(JSONB)
    attempt: Mapped[int] = mapped_column(Integer, default=1, server_default=text("1"))
    native_status: Mapped[str | None] = mapped_column(String(100))
    url: Mapped[str | None] = mapped_column(Text)
    next_poll_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lease_token: Mapped[UUID | None]
    lease_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lost_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reopened_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    duplicate_of_id: Mapped[UUID | None] = mapped_column(ForeignKey("orchestration_instance.id", ondelete="CASCADE"))

    engine: Mapped[EngineModel] = relationship(back_populates="instances")
    runs: Mapped[list["RunOrchestrationModel"]] = relationship(
        back_populates="orchestration_instance", cascade="all, delete-orphan", passive_deletes=True
    )
    state_history: Mapped[list["InstanceStateHistoryModel"]] = relationship(
        back_populates="orchestration_instance",
        cascade="all, delete-orphan",
        passive_deletes=True,
        order_by="InstanceStateHistoryModel.seq",
    )

    __table_args__ = (
        UniqueConstraint("engine_id", "external_id"),
        Index("ix_orchestration_instance_status_started_at", "status", "started_at"),
        Index(
            "ix_orchestration_instance_duplicate_of_id",
            "duplicate_of_id",
            postgresql_where=text("duplicate_of_id IS NOT NULL"),
        ),
        Index(
            "ix_orchestration_instance_live",
            "engine_id",
            "next_poll_at",
            postgresql_where=text("status IN ('PENDING', 'PROCESSING', 'RETRYING')"),
        ),
    )


class InstanceStateHistoryModel(HistoryMixin, KeyedBase):
    """Every change of every instance."""

    __tablename__ = "instance_state_history"

    orchestration_instance_id: Mapped[UUID] = mapped_column(ForeignKey("orchestration_instance.id", ondelete="CASCADE"))
    orchestration_instance: Mapped[OrchestrationInstanceModel] = relationship(back_populates="state_history")

    __table_args__ = (UniqueConstraint("orchestration_instance_id", "seq"),)


class RunOrchestrationModel(TimestampMixin, AuditMixin, VersionMixin, SoftDeleteMixin, KeyedBase):
    """The link between a run and an execution in an engine."""

    __tablename__ = "run_orchestration"

    run_id: Mapped[UUID] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), index=True)
    orchestration_instance_id: Mapped[UUID] = mapped_column(
        ForeignKey("orchestration_instance.id", ondelete="CASCADE"), index=True
    )
    attached_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    run: Mapped[RunModel] = relationship(back_populates="orchestration")
    orchestration_instance: Mapped[OrchestrationInstanceModel] = relationship(back_populates="runs")

    __table_args__ = (UniqueConstraint("run_id", "orchestration_instance_id"),)
