"""Rows that are saved and put back: a restore to an older moment, in milliseconds instead of seconds."""

from __future__ import annotations

from dataclasses import dataclass

from loop_site import Site
from sqlalchemy import text
from sqlalchemy.orm import Session

_TABLES = """
SELECT c.relname, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attgenerated = ''
  AND c.relname NOT LIKE 'alembic%' AND c.relname <> 'schema_compat'
GROUP BY c.relname
"""


@dataclass(frozen=True)
class SavedRows:
    """All rows of a site as they were at one moment."""

    site: Site

    @classmethod
    def of(cls, site: Site) -> SavedRows:
        """Save them."""
        with site.admin.get_session() as session:
            session.execute(text("CREATE SCHEMA saved"))
            for table, columns in _tables(session):
                session.execute(text(f"CREATE TABLE saved.{table} AS SELECT {columns} FROM public.{table}"))
            session.commit()
        return cls(site)

    def put_back(self) -> None:
        """Make all rows what they were, without a trigger's help, as pg_restore does."""
        with self.site.admin.get_session() as session:
            session.execute(text("SET session_replication_role = replica"))
            for table, columns in _tables(session):
                session.execute(text(f"DELETE FROM public.{table}"))
                copied = f"INSERT INTO public.{table} ({columns}) SELECT {columns} FROM saved.{table}"
                session.execute(text(copied))
            session.execute(text("DROP SCHEMA saved CASCADE"))
            session.commit()


def _tables(session: Session) -> list[tuple[str, str]]:
    return [(row.relname, row.columns) for row in session.execute(text(_TABLES))]
