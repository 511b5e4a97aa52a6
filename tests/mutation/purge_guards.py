"""The guards of `baton purge`: what somebody may still ask for stays."""

from __future__ import annotations

from guard import Guard

STATEMENTS = "models/baton_models/statements/purge.py"
STAYS = "tests/integration/cli/test_purge_command.py::test_what_somebody_may_ask_for_stays"

PURGE = (
    Guard(
        "a run whose object is there is not purged",
        STATEMENTS,
        "AND NOT r.is_active AND r.counted",
        "AND r.counted",
        (f"{STAYS}[its object is there]",),
    ),
    Guard(
        "a run whose end is not counted is not purged",
        STATEMENTS,
        "AND NOT r.is_active AND r.counted",
        "AND NOT r.is_active",
        (f"{STAYS}[its end is not counted]",),
    ),
    Guard(
        "a run that an engine may have is not purged",
        STATEMENTS,
        "AND a.state IN ({_DOUBTFUL}))",
        "AND a.state = 'SENT')",
        (f"{STAYS}[an engine may have it]",),
    ),
    Guard(
        "a run with a hook to be called is not purged",
        STATEMENTS,
        "WHERE h.run_id = r.id AND h.finished_at IS NULL)",
        "WHERE h.run_id = r.id AND h.finished_at IS NOT NULL)",
        (f"{STAYS}[a hook of it was not called]",),
    ),
)
