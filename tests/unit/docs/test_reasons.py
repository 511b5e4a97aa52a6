"""The page of reasons: complete, without repetition, and saying what to do about each."""

from __future__ import annotations

from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "reasons.md"
# The closed lists of the API. A word that is added here or there needs its row, its meaning and its remedy.
REASONS = {
    "Run: Accepted": "Accepted InvalidParameters InvalidBatches InvalidArguments TooManyItems AutomationNotFound "
    "AutomationSuspended EngineNotFound RefNotPermitted ParentNotFound ParentNotFinished ParentHasChild",
    "Run: Submitted": "Submitted Waiting SubmissionAmbiguous NameTaken",
    "Run: Succeeded": "Queued Dispatched Running Suspended Retrying AwaitingApproval Cancelling Succeeded Failed "
    "EngineRejected EngineError EngineDuplicated TimedOut Lost Cancelled CancelUnconfirmed NotBuilt Skipped "
    "InvalidArguments TaskError",
    "Run: Completed, Recorded, Reconciling, Stalled": "Recorded",
    "Engine": "ProbeSucceeded ProbeFailed TokenAccepted CredentialsRejected SecretNotFound FailureRatio InvalidSpec "
    "AddressRefused",
    "Automation": "Valid InvalidSchema InvalidExpression EngineNotFound RefNotPermitted TargetNotFound "
    "MissingTokenParameter InvalidArguments Suspended",
    "Events": "Refused RetryScheduled SubmissionHeld EngineUnavailable Failed Cancelled HookFailed",
}


def tables() -> dict[str, list[dict[str, str]]]:
    """Read each section's table, as rows by column."""
    found: dict[str, list[dict[str, str]]] = {}
    for section in PAGE.read_text().split("\n## ")[1:]:
        title, _, text = section.partition("\n")
        lines = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")]
        columns = [cell.strip() for cell in lines[0]]
        found[title] = [dict(zip(columns, (cell.strip() for cell in line), strict=True)) for line in lines[1:]]
    return found


@pytest.mark.parametrize("title", REASONS)
def test_every_reason_has_one_row(title: str) -> None:
    """In the order of the list, none missing, none twice, none more."""
    rows = tables()[title]
    assert sorted(row["reason"].strip("`") for row in rows) == sorted(REASONS[title].split())


def test_no_section_is_unknown() -> None:
    assert list(tables()) == list(REASONS)


@pytest.mark.parametrize("title", REASONS)
def test_every_reason_says_what_it_means_and_what_to_do(title: str) -> None:
    """Two sentences, neither empty."""
    for row in tables()[title]:
        assert row["meaning"].endswith("."), row
        assert row["what to do"].endswith("."), row
