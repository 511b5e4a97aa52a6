"""What is stored: one row for each step of a request, which only runs can write."""

from sqlalchemy import Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from baton_models import WorkflowManagedMixin, extension_model_base, register_data_model

ApprovalsModel = extension_model_base("approvals")


@register_data_model(name="approvals.PurchaseRequest")
class PurchaseRequest(ApprovalsModel, WorkflowManagedMixin):
    """
    One step of a purchase request; the mixin's columns tell who continues whom, and Baton fills them.

    Attributes:
        item: What is wanted.
        amount: How much it costs, in whole units of the currency.
        currency: ISO 4217.
        state: ``requested``, ``corrected`` or ``approved``.
        decided_by: Who approved it.
    """

    _ext_table = "purchase_request"

    item: Mapped[str] = mapped_column(String(200))
    amount: Mapped[int] = mapped_column(Integer)
    currency: Mapped[str] = mapped_column(String(3), server_default=text("'EUR'"))
    state: Mapped[str] = mapped_column(String(20))
    decided_by: Mapped[str | None] = mapped_column(String(100))
