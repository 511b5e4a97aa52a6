"""
The fence around an extension's revisions: they change their own tables and nothing else.

Before and after a revision, in its transaction, everything in the schema that is not the extension's is written down as
text and compared, and PostgreSQL's own count of rows written in this transaction is read for all other tables. What a
revision must not do is rolled back with it. A fence keeps mistakes out, not malice: a revision runs with the rights of
the role that migrates.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, event, text

from baton_migrations.chains import Chain
from baton_migrations.filters import EXTENSION_PREFIX

_SHOWN = 5

#: Each kind of thing as (what to call it, its text), but for those of the extension itself.
_THINGS = """
WITH rel AS (
  SELECT c.* FROM pg_class c
  WHERE c.relnamespace = CAST(quote_ident(:schema) AS regnamespace) AND c.relname NOT LIKE :own
)
SELECT CASE relkind WHEN 'S' THEN 'sequence ' WHEN 'v' THEN 'view ' WHEN 'm' THEN 'view ' ELSE 'table ' END || relname,
       concat_ws(' ', relkind, relowner::regrole, relacl, reloptions, relrowsecurity, relforcerowsecurity,
                 CASE WHEN relkind IN ('r', 'm') THEN relfilenode END,
                 CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(oid) END)
FROM rel WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
UNION ALL
SELECT 'column ' || rel.relname || '.' || a.attname,
       concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, a.attacl,
                 pg_get_expr(d.adbin, d.adrelid))
FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid
LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (rel.oid, a.attnum)
WHERE rel.relkind IN ('r', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'constraint ' || rel.relname || '.' || k.conname, pg_get_constraintdef(k.oid)
FROM rel JOIN pg_constraint k ON k.conrelid = rel.oid
UNION ALL
SELECT 'index ' || i.indexrelid::regclass, concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisvalid)
FROM rel JOIN pg_index i ON i.indrelid = rel.oid
UNION ALL
SELECT 'trigger ' || rel.relname || '.' || t.tgname, concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
FROM rel JOIN pg_trigger t ON t.tgrelid = rel.oid WHERE NOT t.tgisinternal
UNION ALL
SELECT 'policy ' || rel.relname || '.' || p.polname,
       concat_ws(' ', p.polcmd, p.polpermissive, p.polroles, pg_get_expr(p.polqual, p.polrelid),
                 pg_get_expr(p.polwithcheck, p.polrelid))
FROM rel JOIN pg_policy p ON p.polrelid = rel.oid
UNION ALL
SELECT 'rule ' || rel.relname || '.' || w.rulename, pg_get_ruledef(w.oid)
FROM rel JOIN pg_rewrite w ON w.ev_class = rel.oid WHERE rel.relkind IN ('r', 'p', 'f')
UNION ALL
SELECT 'function ' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
       concat_ws(' ', p.prokind, p.proowner::regrole, p.proacl, p.proconfig, p.prolang, p.provolatile, p.prosecdef,
                 md5(p.prosrc))
FROM pg_proc p WHERE p.pronamespace = CAST(quote_ident(:schema) AS regnamespace) AND p.proname NOT LIKE :own
UNION ALL
SELECT 'type ' || t.typname,
       concat_ws(' ', t.typtype, t.typowner::regrole, t.typacl,
                 (SELECT string_agg(e.enumlabel, ' ' ORDER BY e.enumsortorder)
                  FROM pg_enum e WHERE e.enumtypid = t.oid))
FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE t.typnamespace = CAST(quote_ident(:schema) AS regnamespace) AND t.typname NOT LIKE :own
  AND (t.typtype IN ('e', 'd', 'r', 'm') OR c.relkind = 'c')
UNION ALL
SELECT 'schema ' || nspname, concat_ws(' ', nspowner::regrole, nspacl)
FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)'
UNION ALL
SELECT 'PostgreSQL extension ' || extname, extversion FROM pg_extension
"""

_ROWS_WRITTEN = """
SELECT schemaname || '.' || relname AS table, n_tup_ins + n_tup_upd + n_tup_del AS rows FROM pg_stat_xact_user_tables
WHERE NOT (schemaname = :schema AND relname LIKE :own) AND schemaname NOT LIKE 'pg\\_temp%'
"""

#: Gives each table of an extension its guards; the function belongs to Baton's own chain.
GUARD_TABLES = """
SELECT baton_guard_extension(c.relname::text) FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND c.relname LIKE '{own}'
ORDER BY c.relname
"""

_ENDS_TRANSACTION = re.compile(r"\s*(commit|rollback(?!\s+to\b)|abort|begin|start\s+transaction|end|prepare\s+tran)\b")
_ONE = "a revision is one transaction"


class TrespassFound(Exception):  # noqa: N818 - the revision's own error names it
    """What a revision touched that is not its own; the text is for people."""


@dataclass(frozen=True, slots=True)
class _Before:
    """What was there when the revision began."""

    schema: str
    transaction: str
    things: Mapping[str, str]
    rows: Mapping[str, int]


@contextmanager
def fenced(connection: Connection, chain: Chain) -> Iterator[None]:
    """
    Run one revision of an extension, in a transaction that stands open; then guard its tables and look what it touched.

    The session's settings are those of its beginning again: what an earlier revision set does not leak into this one.

    Raises:
        TrespassFound: The revision changed what is not its own, or tried to end the transaction; the caller rolls back.
    """
    connection.execute(text("RESET ROLE"))
    connection.execute(text("RESET ALL"))
    connection.execute(text(declare(chain)))
    before = _look(connection, chain)
    with _one_transaction(connection):
        yield
    _check_transaction(connection, before)
    connection.execute(text("RESET ROLE"))
    connection.execute(text("SELECT set_config('search_path', :schema, true)"), {"schema": f'"{before.schema}"'})
    connection.execute(text(guard_tables(chain)))
    _check_touched(before, _look(connection, chain), chain)


def declare(chain: Chain) -> str:
    """Give the statement that lets a revision's statements see the rows of its own extension, in this transaction."""
    return f"SELECT set_config('baton.data_models', '{EXTENSION_PREFIX}{chain.name}_*', true)"


def guard_tables(chain: Chain) -> str:
    """Give the statement that puts the guards on all tables of an extension."""
    return GUARD_TABLES.format(own=own_tables(chain)).strip()


def own_tables(chain: Chain) -> str:
    """Give the LIKE pattern of an extension's names."""
    return f"{EXTENSION_PREFIX}{chain.name}_%".replace("_", "\\_")


def _look(connection: Connection, chain: Chain) -> _Before:
    schema, transaction = connection.execute(text("SELECT current_schema(), CAST(pg_current_xact_id() AS text)")).one()
    given = {"schema": schema, "own": own_tables(chain)}
    rows = {table: count for table, count in connection.execute(text(_ROWS_WRITTEN), given) if count}
    return _Before(schema, transaction, things(connection, chain), rows)


def things(connection: Connection, chain: Chain) -> dict[str, str]:
    """Give all of the current schema that is not *chain*'s: what it is called, and a text that changes with it."""
    schema = connection.execute(text("SELECT current_schema()")).scalar_one()
    found = connection.execute(text(_THINGS), {"schema": schema, "own": own_tables(chain)})
    return {name: value or "" for name, value in found}


def _check_transaction(connection: Connection, before: _Before) -> None:
    now = connection.execute(text("SELECT CAST(pg_current_xact_id() AS text)")).scalar_one()
    if now != before.transaction:
        raise TrespassFound("it ended its transaction, so a part of it is kept: take the COMMIT out of its statements")


def _check_touched(before: _Before, after: _Before, chain: Chain) -> None:
    touched = [*_differences(before.things, after.things)]
    written = {table: count - before.rows.get(table, 0) for table, count in after.rows.items()}
    touched += [f"wrote {count} rows of {table}" for table, count in sorted(written.items()) if count]
    if not touched:
        return
    more = f" and {len(touched) - _SHOWN} more" if len(touched) > _SHOWN else ""
    raise TrespassFound(
        f"it {', '.join(touched[:_SHOWN])}{more}; a revision of {chain.name!r} may change what is named "
        f"{EXTENSION_PREFIX}{chain.name}_… and nothing else (give types and functions such names, too)"
    )


def _differences(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*before, *after}):
        if name not in before:
            yield f"made {name}"
        elif name not in after:
            yield f"dropped {name}"
        elif before[name] != after[name]:
            yield f"changed {name}"


@contextmanager
def _one_transaction(connection: Connection) -> Iterator[None]:
    """Refuse what would end the revision's transaction, while it has done no harm."""

    def refuse(*_: Any) -> None:
        raise TrespassFound(
            "it tried to end its transaction (autocommit_block or commit()): a revision is one transaction"
        )

    def read(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if _ENDS_TRANSACTION.match(statement.lower()):
            raise TrespassFound(
                f"it tried to end its transaction ({statement.strip()[:40]}): a revision is one transaction"
            )

    listened = (("commit", refuse), ("rollback", refuse), ("before_cursor_execute", read))
    for name, listener in listened:
        event.listen(connection, name, listener)
    try:
        yield
    finally:
        for name, listener in listened:
            event.remove(connection, name, listener)
