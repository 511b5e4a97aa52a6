"""What the replicas share about watching Baton itself."""

from datetime import datetime

from sqlalchemy import DateTime, Float, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from baton_models.base import Base


class InvariantCheckModel(Base):
    """
    When one invariant was checked last, and what was found; one row for each that the operator checks by itself.

    Whoever moves ``due_at`` on checks it, so that any number of replicas ask as often as one.

    Attributes:
        invariant: Its number, e.g. ``I3``.
        due_at: When it is to be checked again.
        checked_at: When it was checked last; NULL before the first time.
        violations: How many were found then.
        seconds: How long that took.
    """

    __tablename__ = "invariant_check"

    invariant: Mapped[str] = mapped_column(String(10), primary_key=True)
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=text("clock_timestamp()"))
    checked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    violations: Mapped[int | None] = mapped_column(Integer)
    seconds: Mapped[float | None] = mapped_column(Float)
