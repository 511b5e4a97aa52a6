"""The lives of the database: from its first start, or from a restore, to the next."""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from baton_models.base import KeyedBase


class DatabaseLifeModel(KeyedBase):
    """
    One life of the database.

    A life that did not begin with the first start began with a restore: what was done between `known_until` and
    `began_at` is not in the database, but it was done.

    Attributes:
        began_at: When it began.
        cause: ``Started`` the first life; ``Restored`` somebody said so (``baton database restored``);
            ``Contradicted`` custom resources showed more than their rows did.
        actor: Who said so.
        identity: Which server and which database it is, as ``<system identifier>/<oid>``; a dump that is restored
            elsewhere has another one. NULL where the server does not tell.
        known_until: The last moment that the database knows of, as it was found; NULL where it knows of none.
        epochs: The restart epochs of engines as the database knew them, by the engine's key.
    """

    __tablename__ = "database_life"

    began_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), unique=True, server_default=text("clock_timestamp()")
    )
    cause: Mapped[str] = mapped_column(String(20))
    actor: Mapped[str | None] = mapped_column(String(100))
    identity: Mapped[str | None] = mapped_column(String(60))
    known_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    epochs: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default=text("'{}'::jsonb"))
