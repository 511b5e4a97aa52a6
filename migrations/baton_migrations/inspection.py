"""Whether an installed extension fits the database that it is to work with."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import entry_points

from sqlalchemy import Connection, text

from baton_migrations.chains import Chain
from baton_migrations.check import Standing, read_state
from baton_migrations.described import describe
from baton_migrations.fence import own_tables
from baton_migrations.filters import VERSION_TABLE
from baton_migrations.revision import differences
from baton_models.registry import GROUP, DataModelRegistry

_SHOWN = 3

_UNGUARDED = """
SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity
         AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'baton_declared') AS declared,
       (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped AND a.attname IN
         ('workflow_instance_id', 'parent_workflow_instance_id', 'child_workflow_instance_id', 'action', 'created_at')
       ) < 5 OR 3 = (
         SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgenabled <> 'D'
           AND t.tgname IN ('baton_managed_guard', 'baton_managed_kept', 'baton_managed_noted')) AS managed
FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND c.relname LIKE :own
ORDER BY c.relname
"""

_UNBOUND = "SELECT rolname FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)"


_VERSION_TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname LIKE :pattern
"""


class Verdict(Enum):
    """How a thing that was looked at is."""

    FINE = "ok"
    DOUBTFUL = "look"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One thing that was looked at.

    Attributes:
        verdict: How it is.
        found: What was found, for people.
        advice: What to do; empty where it is fine.
    """

    verdict: Verdict
    found: str
    advice: str = ""


def inspect_extension(connection: Connection, chain: Chain, registry: DataModelRegistry) -> Iterator[Finding]:
    """
    Look whether the models, the revisions and the tables of one extension fit each other.

    Args:
        connection: Read only; stands in no transaction afterwards.
        chain: The extension's chain.
        registry: The installed models; those of this extension are imported if they can be.
    """
    models = _models(chain, registry)
    yield models
    (state,) = read_state(connection, [chain]).chains
    connection.rollback()
    if state.standing is Standing.UNUSABLE:
        yield Finding(Verdict.WRONG, state.problem, "correct it, and install the package again if it moved")
        return
    if state.standing is Standing.BEHIND:
        waiting = ", ".join(revision for revision, _, _ in state.pending)
        yield Finding(Verdict.WRONG, f"the database waits for {waiting}", "baton migrate")
        return
    if state.standing is not Standing.AT_HEAD:
        yield Finding(
            Verdict.DOUBTFUL, f"the database is at {', '.join(state.current)}: {state.standing.value}", "update"
        )
        return
    yield Finding(Verdict.FINE, f"the database is at {', '.join(state.current) or 'no revision yet'}, the head")
    if models.verdict is Verdict.FINE or chain.name in registry.empty:
        yield _comparison(connection, chain)
    yield from _guards(connection, chain)


def inspect_role(connection: Connection) -> Finding:
    """Look whether row-level security binds the role of this connection."""
    role = connection.execute(text(_UNBOUND)).scalar_one_or_none()
    connection.rollback()
    if role is None:
        return Finding(Verdict.FINE, "the database role is bound by row-level security")
    return Finding(
        Verdict.DOUBTFUL,
        f"the database role {role!r} is not bound by row-level security: raw SQL of tasks reaches undeclared tables",
        "let Baton connect as a role that is neither superuser nor BYPASSRLS",
    )


def left_behind(connection: Connection, installed: Collection[str]) -> list[str]:
    """Give the namespaces whose chains the database knows although none of *installed* is theirs, sorted."""
    tables = connection.execute(text(_VERSION_TABLES), {"pattern": f"{VERSION_TABLE}\\_%"}).scalars()
    known = sorted(table.removeprefix(f"{VERSION_TABLE}_") for table in tables)
    connection.rollback()
    return [name for name in known if name not in installed]


def _models(chain: Chain, registry: DataModelRegistry) -> Finding:
    if chain.name in registry.empty:
        return Finding(
            Verdict.DOUBTFUL,
            f"models: {registry.broken[chain.name]}",
            f"where it has no tables any more, take the entry point {chain.name!r} out of {GROUP}",
        )
    if chain.name in registry.broken:
        return Finding(Verdict.WRONG, f"models: {registry.broken[chain.name]}", "correct it")
    if not any(point.name == chain.name for point in entry_points(group=GROUP)):
        return Finding(
            Verdict.DOUBTFUL,
            f"models: no entry point {chain.name!r} in {GROUP}",
            "name the module of its models there, if it has any, and install the package again",
        )
    names = sorted(name for name, model in registry.models.items() if model.baton_namespace == chain.name)
    return Finding(Verdict.FINE, f"models: {', '.join(names)}")


def _comparison(connection: Connection, chain: Chain) -> Finding:
    steps = describe(differences(connection, chain), chain).steps
    if not steps:
        return Finding(Verdict.FINE, "the tables are what the models say")
    more = f", and {len(steps) - _SHOWN} more" if len(steps) > _SHOWN else ""
    return Finding(
        Verdict.WRONG,
        f"the models are ahead of the tables: {', '.join(steps[:_SHOWN])}{more}",
        f'baton revision --extension {chain.name} -m "…", then baton migrate',
    )


def _guards(connection: Connection, chain: Chain) -> Iterator[Finding]:
    tables = connection.execute(text(_UNGUARDED), {"own": own_tables(chain)}).all()
    connection.rollback()
    bare = [name for name, declared, managed in tables if not (declared and managed)]
    if not bare:
        yield Finding(Verdict.FINE, f"tables that are guarded: {len(tables)}")
    for name in bare:
        yield Finding(
            Verdict.WRONG,
            f"table {name} lacks its guards (row-level security, or the triggers of managed rows)",
            f"as its owner: SELECT baton_guard_extension('{name}')",
        )
