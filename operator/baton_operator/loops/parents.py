"""What a Run's ``parentRunRef`` leads to: the Run that it follows, or why it may not follow it."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.status import ExecutionStatus
from baton_operator.decide.admission import Refused
from baton_operator.kube.resources import RunSeen

#: The newest of each name. Locked, in the order of the keys: of two Runs that would follow the same one, whichever
#: replica takes them in, the second finds the first.
_PARENTS = text("""
SELECT r.id, r.tenant_id, r.name, r.status FROM run r WHERE r.id IN (
  SELECT DISTINCT ON (x.tenant_id, x.name) x.id FROM run x
  WHERE (x.tenant_id, x.name) IN (SELECT * FROM unnest(CAST(:namespaces AS text[]), CAST(:names AS text[])))
  ORDER BY x.tenant_id, x.name, x.id DESC)
ORDER BY r.id FOR NO KEY UPDATE
""")
_CHILDREN = text("SELECT parent_run_id, uid, name FROM run WHERE parent_run_id = ANY(CAST(:parents AS uuid[]))")


def parent_name(run: RunSeen) -> str | None:
    """Name the Run that *run* follows, in its own namespace; None where it follows none."""
    reference: Mapping[str, Any] | None = run.spec.get("parentRunRef")
    return reference["name"] if reference else None


async def find_parents(session: AsyncSession, runs: Sequence[RunSeen]) -> Mapping[str, UUID | Refused]:
    """
    Find the Runs that *runs* follow, and hold them until the caller's transaction ends.

    Returns:
        By uid, the parent or the refusal; nothing for a Run whose parent is not in the database, or that has none.
        Of two Runs in *runs* that name one parent, both have it here: the caller gives it to one.
    """
    wanted = {(run.namespace, name) for run in runs if (name := parent_name(run))}
    if not wanted:
        return {}
    namespaces, names = zip(*sorted(wanted), strict=True)
    rows = (await session.execute(_PARENTS, {"namespaces": list(namespaces), "names": list(names)})).all()
    known = {(row.tenant_id, row.name): row for row in rows}
    children = {
        row.parent_run_id: row for row in await session.execute(_CHILDREN, {"parents": [row.id for row in rows]})
    }
    found: dict[str, UUID | Refused] = {}
    for run in runs:
        parent = known.get((run.namespace, parent_name(run)))
        if parent is not None:
            child = children.get(parent.id)
            taken_by = child.name if child and child.uid != run.uid else None
            found[run.uid] = _refusal(parent, taken_by) or parent.id
    return found


def missing_parent(name: str, namespace: str) -> Refused:
    """Refuse a Run whose parent nobody knows."""
    return Refused(
        "ParentNotFound",
        f"spec.parentRunRef: the history of namespace {namespace!r} has no Run {name!r}: correct the name",
    )


def taken_parent(name: str, child: str) -> Refused:
    """Refuse a second Run that would follow the same one."""
    return Refused(
        "ParentHasChild",
        f"spec.parentRunRef: Run {child!r} follows {name!r} already: name the last Run of the chain instead",
    )


def _refusal(parent: Any, taken_by: str | None) -> Refused | None:
    if not ExecutionStatus(parent.status).is_finished:
        return Refused(
            "ParentNotFinished",
            f"spec.parentRunRef: Run {parent.name!r} has not ended: wait for its condition Completed, then re-create",
        )
    return taken_parent(parent.name, taken_by) if taken_by is not None else None
