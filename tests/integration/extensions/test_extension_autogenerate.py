"""What autogenerate writes of a managed model, and that it finds nothing to do once the tables stand."""

from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.migration import MigrationContext
from shop_models import TABLES
from sqlalchemy import text

from baton_migrations.filters import alembic_filters, owned_by_extension
from baton_models import Base

OPTIONS = {
    "target_metadata": Base.metadata,
    "compare_type": True,
    "compare_server_default": True,
    **alembic_filters(owned_by_extension("shop")),
}


def test_nothing_is_left_to_do_about_tables_that_stand(shop):
    with shop.sa_engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=OPTIONS), Base.metadata) == []


def test_a_managed_model_is_written_as_it_stands(shop):
    with shop.sa_engine.begin() as connection:
        for table in reversed(TABLES):
            connection.execute(text(f"DROP TABLE {table.name}"))
        context = MigrationContext.configure(connection, opts=OPTIONS)
        operations = produce_migrations(context, Base.metadata).upgrade_ops
        code = render_python_code(operations, migration_context=context)
    assert "sa.Column('workflow_instance_id', sa.Uuid(), server_default=sa.text('baton_current_run()')" in code
    assert "name=op.f('uq_ext_shop_request_parent_workflow_instance_id')" in code
    assert " object at 0x" not in code
