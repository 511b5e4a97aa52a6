"""Data models of a site, as its package would hold them."""

from datetime import datetime

from sqlalchemy import Identity, Text, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from baton_models.extension import WorkflowManagedMixin, extension_model_base
from baton_models.registry import register_data_model

AcmeModel = extension_model_base("acme")


@register_data_model(name="Note")
class Note(AcmeModel):
    """One line for each task that succeeded; ``place`` is checked at COMMIT only, ``line`` at once."""

    _ext_table = "note"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    token: Mapped[str] = mapped_column(Text)
    line: Mapped[str] = mapped_column(Text, unique=True)
    place: Mapped[str | None] = mapped_column(Text)
    written_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (UniqueConstraint("place", deferrable=True, initially="DEFERRED"),)


@register_data_model(name="Secret")
class Secret(AcmeModel):
    """What no Automation of the tests declares."""

    _ext_table = "secret"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    word: Mapped[str] = mapped_column(Text)


@register_data_model(name="Purchase")
class Purchase(AcmeModel, WorkflowManagedMixin):
    """A row a run, in chains."""

    _ext_table = "purchase"

    amount: Mapped[int]
