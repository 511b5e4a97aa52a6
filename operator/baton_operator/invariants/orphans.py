"""I5: nothing is left behind."""

from typing import ClassVar

from baton_operator import GROUP
from baton_operator.invariants.cluster import moment, name_of, uid_of
from baton_operator.invariants.violation import ATTEMPT, FINISHED, Evidence, Rule, RuledInvariant, Violation

_OPEN_AFTER_THE_END = Rule(
    f"""
    SELECT {ATTEMPT} AS subject, 'waits to be sent, but its run ended ' || r.status AS found
    FROM dispatch_attempt a JOIN run r ON r.id = a.run_id
    WHERE a.state = 'INTENT' AND r.status IN {FINISHED}
    """,
    "close the attempt before its engine is reached, and report this: nobody wants this work any more",
)


class NoOrphan(RuledInvariant):
    """Every execution that goes on in an engine is known, and no object waits for Baton to let it go."""

    number: ClassVar[str] = "I5"
    promise: ClassVar[str] = "nothing is left behind"
    rules: ClassVar[tuple[Rule, ...]] = (_OPEN_AFTER_THE_END,)

    async def beyond_rows(self, evidence: Evidence) -> list[Violation]:
        """Look for executions without a row and for finalizers that should be gone."""
        return await self._unknown_executions(evidence) + self._old_finalizers(evidence)

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

    def _old_finalizers(self, evidence: Evidence) -> list[Violation]:
        if evidence.cluster is None:
            return []
        found = []
        for run in evidence.cluster.runs:
            deleted = run["metadata"].get("deletionTimestamp")
            ours = [each for each in run["metadata"].get("finalizers", ()) if each.startswith(GROUP)]
            if not deleted or not ours:
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
