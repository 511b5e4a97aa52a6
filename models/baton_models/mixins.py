"""Reusable groups of columns."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Boolean, DateTime, Integer, String, func, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from baton_models.status import ExecutionStatus


class TimestampMixin:
    """When a row was made and last changed."""

    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )


class AuditMixin:
    """Who made a row and who changed it last, as Kubernetes names them; NULL where nobody said."""

    created_by: Mapped[str | None] = mapped_column(String(100))
    updated_by: Mapped[str | None] = mapped_column(String(100))


class VersionMixin:
    """
    Optimistic locking: an update of a row that somebody else changed meanwhile raises ``StaleDataError``.

    Set-based statements count the version up themselves.
    """

    version: Mapped[int] = mapped_column(Integer, default=1, server_default=text("1"))

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - a declared_attr receives the class
        """Make SQLAlchemy compare and count the version."""
        return {"version_id_col": cls.version}


class SoftDeleteMixin:
    """Rows are put out of use, never removed, by what users do."""

    is_active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=text("true"), index=True)


class StatusTrackingMixin:
    """Where an execution stands, why, and since when."""

    status: Mapped[ExecutionStatus] = mapped_column(index=True)
    status_reason: Mapped[str | None] = mapped_column(String(50))
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @property
    def duration(self) -> timedelta | None:
        """How long it took; None until it has both begun and ended."""
        return self.finished_at - self.started_at if self.started_at and self.finished_at else None


class RetryableMixin:
    """How often a thing was tried, and how often it may be."""

    attempt_count: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    max_attempts: Mapped[int | None] = mapped_column(Integer)
