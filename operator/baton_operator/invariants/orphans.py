"""I5: nothing is left behind."""

from typing import ClassVar

from baton_operator import GROUP
from baton_operator.invariants.cluster import moment, name_of, uid_of
from baton_operator.invariants.violation import ATTEMPT, FINISHED, LATE, Evidence, Rule, RuledInvariant, Violation

_OPEN_AFTER_THE_END = Rule(
    f"""
    SELECT {ATTEMPT} AS subject, 'waits to be sent, but its run ended ' || r.status AS found
    FROM dispatch_attempt a JOIN run r ON r.id = a.run_id
    WHERE a.state = 'INTENT' AND r.status IN {FINISHED}
    """,
    "close the attempt before its engine is reached, and report this: nobody wants this work any more",
)


#: Runs whose deletion waits for a cancel that has time left, and for its end to be shown.
_MAY_HOLD = f"""
    SELECT r.uid FROM run r
    WHERE r.uid = ANY(:uids) AND r.cancel_on_delete AND r.finished_at IS NULL
      AND r.cancel_requested_at + make_interval(secs => r.cancel_timeout_seconds) + interval '10 s' > now() - {LATE}
"""


class NoOrphan(RuledInvariant):
    """Every execution that goes on in an engine is known, and no object waits for Baton to let it go."""

    number: ClassVar[str] = "I5"
    promise: ClassVar[str] = "nothing is left behind"
    rules: ClassVar[tuple[Rule, ...]] = (_OPEN_AFTER_THE_END,)

    async def beyond_rows(self, evidence: Evidence) -> list[Violation]:
        """Look for executions without a row and for finalizers that should be gone."""
        return await self._unknown_executions(evidence) + await self._old_finalizers(evidence)

    async def _unknown_executions(self, evidence: Evidence) -> list[Violation]:
        unfinished = [entry for entry in evidence.ledger or () if not entry.finished]
        rows = await evidence.rows(
            "SELECT token FROM dispatch_attempt WHERE token = ANY(:tokens) AND state <> 'INTENT'",
            tokens=[entry.token for entry in unfinished],
        )
        known = {row.token for row in rows}
        return [
            self.violation(
                f"execution {entry.external_id} (token {entry.token})",
                "goes on in the engine, but no attempt knows it",
                "end it in the engine, and report this",
            )
            for entry in unfinished
            if entry.token not in known
        ]

    async def _old_finalizers(self, evidence: Evidence) -> list[Violation]:
        """Find deleted objects that are held back although nothing is under way, or longer than a cancel may take."""
        if evidence.cluster is None:
            return []
        found = []
        held = await evidence.rows(_MAY_HOLD, uids=[uid_of(run) for run in evidence.cluster.runs])
        may_hold = {row.uid for row in held}
        for run in evidence.cluster.runs:
            deleted = run["metadata"].get("deletionTimestamp")
            ours = [each for each in run["metadata"].get("finalizers", ()) if each.startswith(GROUP)]
            if not deleted or not ours or uid_of(run) in may_hold:
                continue
            waiting = (evidence.cluster.listed_at - moment(deleted)).total_seconds()
            if waiting > evidence.bound:
                found.append(
                    self.violation(
                        f"Run {name_of(run)} (uid {uid_of(run)})",
                        f"was deleted {waiting:.0f} s ago, but the finalizer {ours[0]} holds it",
                        "remove the finalizer with `kubectl patch`, and report this",
                    )
                )
        return found
