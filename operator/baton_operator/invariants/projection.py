"""I4: what Kubernetes shows is what the rows say."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from baton_models.statements.projection import Definition, read_definitions, read_runs
from baton_operator.decide.run_status import status_document
from baton_operator.invariants.cluster import Object, name_of, uid_of
from baton_operator.invariants.violation import LATE, RUN, Cluster, Evidence, Rule, RuledInvariant, Violation
from baton_operator.kube.conditions import carry_over, digest, fingerprint
from baton_operator.loops.project_definitions import COMPARE, INTERVAL, TABLES
from baton_operator.loops.views import run_view

_UNSHOWN = Rule(
    f"""
    SELECT {RUN} AS subject, 'its status was to be written at ' || r.project_at::timestamptz(0) AS found
    FROM run r
    WHERE r.project_at < now() - {LATE} AND r.cr_deleted_at IS NULL AND r.is_active
    """,
    "see whether the loop project turns and may write /status (baton_loop_errors_total, baton_kube_requests_total)",
)

_DEFINITIONS_UNSHOWN = Rule(
    f"""
    SELECT d.kind || ' ' || d.tenant_id || '/' || d.name || ' (' || d.id || ')' AS subject,
           'its status was to be written at ' || d.project_at::timestamptz(0) AS found
    FROM (SELECT 'Engine' AS kind, id, tenant_id, name, project_at, projected_at, is_active, uid FROM engine UNION ALL
          SELECT 'Automation', id, tenant_id, name, project_at, projected_at, is_active, uid FROM automation) AS d
    WHERE greatest(d.project_at, d.projected_at + make_interval(secs => {INTERVAL})) < now() - {LATE}
      AND d.project_at IS NOT NULL AND d.is_active AND d.uid IS NOT NULL
    """,
    "see whether the loop project turns and may write /status (baton_loop_errors_total, baton_kube_requests_total)",
)

_ENDED_UNSHOWN = Rule(
    f"""
    SELECT {RUN} AS subject, 'ended ' || r.status || ' at ' || r.finished_at::timestamptz(0)
           || ', which was never shown and is not due to be' AS found
    FROM run r
    WHERE r.finished_at < now() - {LATE} AND r.project_at IS NULL AND r.cr_deleted_at IS NULL AND r.is_active
      AND (r.projected_at IS NULL OR r.projected_version < r.version)
    """,
    "set its project_at to now(), and report this",
)


class StatusIsProjection(RuledInvariant):
    """Within the bound, each custom resource shows what follows from its rows."""

    number: ClassVar[str] = "I4"
    promise: ClassVar[str] = "what Kubernetes shows is what the rows say"
    rules: ClassVar[tuple[Rule, ...]] = (_UNSHOWN, _ENDED_UNSHOWN, _DEFINITIONS_UNSHOWN)

    async def beyond_rows(self, evidence: Evidence) -> list[Violation]:
        """Write the status of all that is at rest anew, and compare it with the one shown, byte for byte."""
        if evidence.cluster is None:
            return []
        found = await self._runs(evidence, evidence.cluster)
        for table in TABLES:
            found += await self._definitions(evidence, evidence.cluster, table)
        return found

    async def _runs(self, evidence: Evidence, cluster: Cluster) -> list[Violation]:
        objects = {uid_of(run): run for run in cluster.runs}
        resting = await evidence.rows(_RESTING, uids=list(objects), listed_at=cluster.listed_at)
        uids = {row.id: row.uid for row in resting}
        return [
            violation
            for row in await read_runs(evidence.session, list(uids))
            for violation in self._compared("Run", row.id, *_comparable(row, objects[uids[row.id]]))
        ]

    async def _definitions(self, evidence: Evidence, cluster: Cluster, table: Definition) -> list[Violation]:
        """The times of the conditions are facts of what is shown alone, so they are taken from there."""
        listed = cluster.engines if table == "engine" else cluster.automations
        objects, at = {uid_of(each): each for each in listed}, cluster.listed_at
        ids = [row.id for row in await evidence.rows(_RESTING_OF[table], uids=list(objects), listed_at=at)]
        found: list[Violation] = []
        for row in await read_definitions(evidence.session, table, ids):
            shown = objects[row.uid]
            wanted = carry_over(TABLES[table].document(row), shown.get("status") or {}, now=at)
            found += self._compared(TABLES[table].kind, row.id, shown, wanted)
        return found

    def _compared(self, kind: str, key: object, shown: Object, wanted: Mapping[str, Any]) -> list[Violation]:
        wrong = list(_differences(shown, wanted))
        if not wrong:
            return []
        return [
            self.violation(
                f"{kind} {name_of(shown)} ({key})",
                f"its status does not say what its rows say: {', '.join(wrong)}",
                "set the row's project_at to now(), and report this",
            )
        ]


#: Rows about which nothing is to be shown, and nothing was since the objects were listed.
_RESTING = f"""
    SELECT r.id, r.uid FROM run r
    WHERE r.uid = ANY(:uids) AND r.project_at IS NULL AND r.cr_deleted_at IS NULL
      AND greatest(r.updated_at, r.projected_at) < cast(:listed_at AS timestamptz) - {LATE}
"""

#: A Run's move is shown on its Engine and its Automation some time later, at most.
_SLOWLY = f"make_interval(secs => :bound + {INTERVAL + COMPARE})"
_MOVED = {
    "engine": "SELECT engine_id AS id, max(updated_at) AS at FROM dispatch_attempt GROUP BY engine_id",
    "automation": "SELECT automation_id AS id, max(updated_at) AS at FROM run GROUP BY automation_id",
}
_RESTING_OF: Mapping[Definition, str] = {
    table: f"""
    SELECT d.id FROM {table} d LEFT JOIN ({_MOVED[table]}) AS moved ON moved.id = d.id
    WHERE d.uid = ANY(:uids) AND d.project_at IS NULL AND d.is_active
      AND greatest(d.updated_at, d.projected_at, moved.at) < cast(:listed_at AS timestamptz) - {_SLOWLY}
    """
    for table in TABLES
}


def _comparable(row: Any, shown: Object) -> tuple[Object, Mapping[str, Any]]:
    """
    Give what a Run shows and what it should, byte for byte.

    Whatever a release added or worded anew since a Run has ended is left out, if it shows what was written at its end:
    it is not written again for that.
    """
    wanted, status = status_document(run_view(row)), shown.get("status") or {}
    if row.finished_at is None or fingerprint(status) != row.shown:
        return shown, wanted
    told, true = _facts(status), _facts(wanted)
    return {**shown, "status": _known_to(true, told)}, _known_to(told, true)


def _facts(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out what is written for people; how much of the failures is shown depends on the length of the rest."""
    held = {each["type"]: each["status"] for each in status.get("conditions") or ()}
    return {key: value for key, value in status.items() if key != "failures"} | {"conditions": held}


def _known_to(other: Mapping[str, Any], facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Keep those of *facts* that the *other* document has, too, whatever it says of them."""
    return {
        key: _known_to(other[key], value) if isinstance(value, Mapping) and isinstance(other[key], Mapping) else value
        for key, value in facts.items()
        if key in other
    }


def _differences(shown: Object, wanted: Mapping[str, Any]) -> Iterator[str]:
    """Name the fields in which what is shown and what should be differ, with both values cut short."""
    status = shown.get("status") or {}
    if digest(status) == digest(wanted):
        return
    for key in sorted({*status, *wanted}):
        if status.get(key) != wanted.get(key):
            yield f"{key} is {str(status.get(key))[:80]}, expected {str(wanted.get(key))[:80]}"
