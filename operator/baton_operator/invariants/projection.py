"""I4: what Kubernetes shows is what the rows say."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from baton_models.statements.projection import read_runs
from baton_operator.decide.run_status import status_document
from baton_operator.invariants.cluster import Object, name_of, uid_of
from baton_operator.invariants.violation import LATE, RUN, Evidence, Rule, RuledInvariant, Violation
from baton_operator.kube.conditions import digest
from baton_operator.loops.views import run_view

_UNSHOWN = Rule(
    f"""
    SELECT {RUN} AS subject, 'its status was to be written at ' || r.project_at::timestamptz(0) AS found
    FROM run r
    WHERE r.project_at < now() - {LATE} AND r.cr_deleted_at IS NULL AND r.is_active
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
    rules: ClassVar[tuple[Rule, ...]] = (_UNSHOWN, _ENDED_UNSHOWN)

    async def beyond_rows(self, evidence: Evidence) -> list[Violation]:
        """Write the status of every Run that is at rest anew, and compare it with the one shown, byte for byte."""
        if evidence.cluster is None:
            return []
        objects = {uid_of(run): run for run in evidence.cluster.runs}
        resting = await evidence.rows(_RESTING, uids=list(objects), listed_at=evidence.cluster.listed_at)
        uids = {row.id: row.uid for row in resting}
        return [
            self.violation(
                f"Run {name_of(shown)} ({row.id})",
                f"its status does not say what its rows say: {', '.join(wrong)}",
                "set the row's project_at to now(), and report this",
            )
            for row in await read_runs(evidence.session, list(uids))
            for shown in [objects[uids[row.id]]]
            if (wrong := list(_differences(shown, status_document(run_view(row)))))
        ]


#: Rows about which nothing is to be shown, and nothing was since the objects were listed.
_RESTING = f"""
    SELECT r.id, r.uid FROM run r
    WHERE r.uid = ANY(:uids) AND r.project_at IS NULL AND r.cr_deleted_at IS NULL
      AND greatest(r.updated_at, r.projected_at) < cast(:listed_at AS timestamptz) - {LATE}
"""


def _differences(shown: Object, wanted: Mapping[str, Any]) -> Iterator[str]:
    """Name the fields in which what is shown and what should be differ, with both values cut short."""
    status = shown.get("status") or {}
    if digest(status) == digest(wanted):
        return
    for key in sorted({*status, *wanted}):
        if status.get(key) != wanted.get(key):
            yield f"{key} is {str(status.get(key))[:80]}, expected {str(wanted.get(key))[:80]}"
