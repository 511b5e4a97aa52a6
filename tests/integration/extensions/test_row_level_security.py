"""What the database refuses of an extension's table that was not declared, whoever asks."""

import psycopg
import pytest

STATEMENTS = {
    "SELECT": "SELECT * FROM ext_shop_label",
    "SELECT by key": "SELECT * FROM ext_shop_label WHERE id = '00000000-0000-7000-8000-000000000000'",
    "count": "SELECT count(*) FROM ext_shop_label",
    "a join": "SELECT * FROM engine e LEFT JOIN ext_shop_label l ON l.text = e.name",
    "INSERT": "INSERT INTO ext_shop_label VALUES (gen_random_uuid(), 'x')",
    "UPDATE": "UPDATE ext_shop_label SET text = 'y'",
    "DELETE": "DELETE FROM ext_shop_label",
    "TRUNCATE": "TRUNCATE ext_shop_label CASCADE",
    "COPY": "COPY ext_shop_label TO STDOUT",
}


@pytest.fixture(params=["empty", "with a row"])
def label(request, psql):
    if request.param == "with a row":
        psql.execute("SET baton.data_models = 'ext_shop_label'")
        psql.execute("INSERT INTO ext_shop_label VALUES (gen_random_uuid(), 'x')")
        psql.execute("RESET baton.data_models")


@pytest.mark.usefixtures("label")
@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
def test_a_table_that_was_not_declared_is_refused(psql, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as refused:
        psql.execute(statement)
    assert refused.value.diag.message_primary == "table ext_shop_label was not declared"
    assert "spec.dataModels" in refused.value.diag.message_hint
    assert "SET baton.data_models = 'ext_shop_label'" in refused.value.diag.message_hint


@pytest.mark.usefixtures("label")
@pytest.mark.parametrize(
    "declared", ["ext_shop_label", "ext_shop_order, ext_shop_label", "ext_shop_*", "ext_abc_x,ext_shop_*"]
)
def test_a_table_that_was_declared_is_open(psql, declared):
    psql.execute("SELECT set_config('baton.data_models', %s, false)", (declared,))
    psql.execute("INSERT INTO ext_shop_label VALUES (gen_random_uuid(), 'y')")
    assert psql.execute("UPDATE ext_shop_label SET text = 'z'").rowcount >= 1
    assert psql.execute("SELECT DISTINCT text FROM ext_shop_label").fetchall() == [("z",)]


@pytest.mark.parametrize("declared", ["", "ext_shop", "ext_shop_lab", "ext_*", "ext_sho_*", "EXT_SHOP_LABEL"])
def test_what_only_looks_like_it_is_refused(psql, declared):
    psql.execute("SELECT set_config('baton.data_models', %s, false)", (declared,))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        psql.execute("SELECT FROM ext_shop_label")


def test_a_declaration_ends_with_its_transaction(psql):
    with psql.transaction():
        psql.execute("SELECT set_config('baton.data_models', 'ext_shop_*', true)")
        psql.execute("SELECT FROM ext_shop_label")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        psql.execute("SELECT FROM ext_shop_label")


def test_batons_own_tables_are_as_open_as_before(psql):
    assert psql.execute("SELECT count(*) FROM run").fetchone() == (0,)


def test_the_guard_is_repeatable_and_follows_the_table(psql):
    psql.execute("SELECT baton_guard_extension('ext_shop_label')")
    psql.execute("ALTER TABLE ext_shop_label RENAME TO ext_shop_tag")
    psql.execute("SELECT baton_guard_extension('ext_shop_tag')")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="ext_shop_tag"):
        psql.execute("SELECT FROM ext_shop_tag")


def test_a_table_that_is_no_extensions_is_not_guarded(psql):
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="run is no table of an extension"):
        psql.execute("SELECT baton_guard_extension('run')")


def test_a_scan_pays_once(psql):
    psql.execute("SET baton.data_models = 'ext_shop_*'")
    psql.execute("INSERT INTO ext_shop_label SELECT gen_random_uuid(), n FROM generate_series(1, 1000) n")
    plan = "\n".join(row for (row,) in psql.execute("EXPLAIN (ANALYZE) SELECT * FROM ext_shop_label"))
    filtered, _, asked = plan.rpartition("InitPlan 1\n")
    assert "rows=1000" in filtered
    assert "loops=1)" in asked
    assert "never executed" not in asked


def test_foreign_keys_are_kept_across_what_was_not_declared(psql):
    psql.execute("SET baton.data_models = 'ext_shop_order'")
    (automation,) = psql.execute("INSERT INTO automation (name) VALUES ('a') RETURNING id").fetchone()
    psql.execute("INSERT INTO run (automation_id, status) VALUES (%s, 'PENDING')", (automation,))
    psql.execute("INSERT INTO ext_shop_order (id, text, run_id) SELECT id, 'x', id FROM run")
    psql.execute("SET baton.data_models = 'ext_shop_line'")
    psql.execute("INSERT INTO ext_shop_line (id, order_id, price) SELECT id, id, 1 FROM run")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        psql.execute("INSERT INTO ext_shop_line (id, order_id, price) SELECT gen_random_uuid(), gen_random_uuid(), 1")
    psql.execute("RESET baton.data_models")
    psql.execute("DELETE FROM automation")
    psql.execute("SET baton.data_models = 'ext_shop_order'")
    assert psql.execute("SELECT text, run_id FROM ext_shop_order").fetchall() == [("x", None)]


def test_a_prepared_statement_is_asked_each_time_it_runs(psql):
    psql.execute("SET baton.data_models = 'ext_shop_label'")
    psql.execute("INSERT INTO ext_shop_label VALUES (gen_random_uuid(), 'x')")
    psql.execute("SET plan_cache_mode = force_generic_plan")
    psql.execute("PREPARE labels AS SELECT text FROM ext_shop_label")
    assert psql.execute("EXECUTE labels").fetchall() == [("x",)]
    psql.execute("RESET baton.data_models")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        psql.execute("EXECUTE labels")
