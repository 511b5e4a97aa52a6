"""One data model: a row for each task that was executed; nothing keeps it from being there twice."""

from sqlalchemy import Identity, Text
from sqlalchemy.orm import Mapped, mapped_column

from baton_models.extension import extension_model_base
from baton_models.registry import register_data_model


@register_data_model(name="Done")
class Done(extension_model_base("kills")):
    """That a task was executed."""

    _ext_table = "done"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    token: Mapped[str] = mapped_column(Text, index=True)
