"""What every chain's ``env.py`` does, in one call: ``environment.run()``."""

from collections.abc import Collection, Mapping
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import Script
from sqlalchemy import inspect
from sqlalchemy.dialects.postgresql import insert

from baton_migrations.chains import Chain
from baton_migrations.filters import alembic_filters
from baton_models import Base, SchemaCompatModel


def run() -> None:
    """
    Bring one chain forward over the runner's connection, each revision in a transaction of its own, or write it down.

    Called by alembic through ``env.py`` only. The revision, its version row and its ``readable_since`` are committed
    together, so that a kill at any moment leaves the chain between two revisions.
    """
    chain: Chain = context.config.attributes["chain"]
    options: dict[str, Any] = {
        "target_metadata": Base.metadata,
        "version_table": chain.version_table,
        "transaction_per_migration": True,
        "compare_type": True,
        "compare_server_default": True,
        "on_version_apply": _note_release,
        **alembic_filters(chain.owns),
    }
    if context.is_offline_mode():
        context.configure(
            dialect_name="postgresql", dialect_opts={"paramstyle": "named"}, literal_binds=True, **options
        )
    else:
        context.configure(connection=context.config.attributes["connection"], **options)
    with context.begin_transaction():
        context.run_migrations()


def _note_release(
    ctx: MigrationContext, step: MigrationInfo, heads: Collection[Any], run_args: Mapping[str, Any]
) -> None:
    """Write down which release can work with the revision that was just applied."""
    del heads, run_args
    config = context.config
    chain: Chain = config.attributes["chain"]
    revision = step.up_revision
    if not isinstance(revision, Script):
        return
    config.attributes["progress"](f"{chain.name}: {revision.revision} {revision.doc}")
    if not ctx.as_sql and ctx.connection and not inspect(ctx.connection).has_table(SchemaCompatModel.__tablename__):
        return
    row = {"readable_since": chain.readable_since(revision)}
    key = {"chain": chain.name, "revision": revision.revision}
    ctx.execute(
        insert(SchemaCompatModel)
        .values(**key, **row)
        .on_conflict_do_update(index_elements=["chain", "revision"], set_=row)
    )
