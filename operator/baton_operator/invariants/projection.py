"""I4: what Kubernetes shows is what the rows say."""

from typing import ClassVar

from baton_operator.invariants.violation import LATE, RUN, Rule, RuledInvariant

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
