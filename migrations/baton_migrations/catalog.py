"""
A schema as text, to be compared: what alembic's own comparison sees only half of.

Tables, columns, constraints, indexes with their predicates, enums, triggers, functions and views of the current schema,
sorted by name, so that a column added later reads the same as one of the first hour.
"""

import difflib

from sqlalchemy import Connection, Table, text

from baton_migrations.filters import owned_by_engine
from baton_models import Base

_SCRATCH = "baton_scratch"

_QUERIES = {
    "table": """
        SELECT c.relname || ' ' || c.relkind::text || ' ' || coalesce(array_to_string(c.reloptions, ' '), '')
               || CASE WHEN c.relrowsecurity THEN ' row security' ELSE '' END
               || CASE WHEN c.relforcerowsecurity THEN ' forced' ELSE '' END
        FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'S', 'm')
          AND NOT c.relname LIKE ANY (:foreign_tables)
    """,
    "column": """
        SELECT c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
               || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
               || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '')
               || CASE WHEN a.attidentity <> '' OR a.attgenerated <> '' THEN ' generated' ELSE '' END
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0
          AND NOT a.attisdropped AND NOT c.relname LIKE ANY (:foreign_tables)
    """,
    "constraint": """
        SELECT c.relname || ' ' || k.conname || ' ' || pg_get_constraintdef(k.oid, true)
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
        WHERE c.relnamespace = current_schema()::regnamespace AND k.contype IN ('p', 'u', 'f', 'c', 'x')
          AND NOT c.relname LIKE ANY (:foreign_tables)
    """,
    "index": """
        SELECT replace(pg_get_indexdef(i.indexrelid), ' ' || current_schema() || '.', ' ')
               || CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END
        FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
        WHERE c.relnamespace = current_schema()::regnamespace AND NOT c.relname LIKE ANY (:foreign_tables)
    """,
    "enum": """
        SELECT t.typname || ' ' || string_agg(e.enumlabel, ' ' ORDER BY e.enumsortorder)
        FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid
        WHERE t.typnamespace = current_schema()::regnamespace AND NOT t.typname LIKE ANY (:foreign_tables)
        GROUP BY t.typname
    """,
    "policy": """
        SELECT c.relname || ' ' || p.polname || ' ' || p.polcmd::text || ' ' || p.polpermissive::text
               || coalesce(' USING ' || pg_get_expr(p.polqual, p.polrelid), '')
               || coalesce(' WITH CHECK ' || pg_get_expr(p.polwithcheck, p.polrelid), '')
        FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
        WHERE c.relnamespace = current_schema()::regnamespace AND NOT c.relname LIKE ANY (:foreign_tables)
    """,
    "trigger": """
        SELECT pg_get_triggerdef(t.oid, true) || ' ' || t.tgenabled::text
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = current_schema()::regnamespace AND NOT t.tgisinternal
          AND NOT c.relname LIKE ANY (:foreign_tables)
    """,
    "function": """
        SELECT p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ') ' || pg_get_function_result(p.oid)
               || ' ' || l.lanname || ' ' || p.provolatile::text || p.proparallel::text || p.prosecdef::text || ' '
               || coalesce(array_to_string(p.proconfig, ' '), '') || ' ' || p.prosrc
        FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
        WHERE p.pronamespace = current_schema()::regnamespace AND p.proname LIKE 'baton\\_%'
    """,
    "view": """
        SELECT c.relname || ' ' || pg_get_viewdef(c.oid, true) FROM pg_class c
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'v' AND c.relname LIKE 'baton\\_%'
    """,
}

_VERSION_TABLES = "alembic\\_version%"
_EXTENSIONS_TABLES = "ext\\_%"


def catalog(connection: Connection, *, extensions: bool = False) -> str:
    """
    Describe Baton's own part of the current schema, a line or more for each thing, sorted.

    Args:
        connection: Whose search path begins with the schema.
        extensions: Whether to describe the tables of extensions, and their enums, too.
    """
    lines = []
    foreign = [_VERSION_TABLES] if extensions else [_VERSION_TABLES, _EXTENSIONS_TABLES]
    for kind, query in _QUERIES.items():
        parameters = {"foreign_tables": foreign} if ":foreign_tables" in query else {}
        found = connection.execute(text(query), parameters).scalars()
        lines += sorted(f"{kind} {line.strip()}" for line in found)
    return "\n".join(lines)


def own_tables() -> list[Table]:
    """Give Baton's own tables, in the order of their foreign keys: extensions' models share the metadata."""
    return [table for table in Base.metadata.sorted_tables if owned_by_engine(table.name)]


def drift(connection: Connection) -> str:
    """
    Compare Baton's own part of the current schema with its models, and give the differences as a diff.

    Empty where there are none. Makes the models' schema beside the current one in a transaction that is rolled back:
    the role needs CREATE on the database, and nothing of it is ever seen by others.

    Args:
        connection: Not in a transaction.
    """
    try:
        found = catalog(connection)
        connection.execute(text(f"CREATE SCHEMA {_SCRATCH}"))
        connection.execute(text(f"SET LOCAL search_path = {_SCRATCH}"))
        Base.metadata.create_all(connection, own_tables())
        expected = catalog(connection)
    finally:
        connection.rollback()
    return "\n".join(
        difflib.unified_diff(expected.splitlines(), found.splitlines(), "models", "database", lineterm="", n=0)
    )
