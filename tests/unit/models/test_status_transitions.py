"""The table of legal moves, cell by cell."""

import pytest

from baton_models.status import FINISHED, RUNNING, TRANSITIONS, ExecutionStatus

LEGAL = {
    "PENDING": {"PROCESSING", "CANCELLED", "SKIPPED"},
    "PROCESSING": {"COMPLETED", "FAILED", "RETRYING", "CANCELLED"},
    "RETRYING": {"PROCESSING", "FAILED", "CANCELLED"},
    "FAILED": {"PENDING", "RETRYING"},
    "COMPLETED": set(),
    "CANCELLED": set(),
    "SKIPPED": set(),
}
CELLS = [(before, after) for before in LEGAL for after in LEGAL]


@pytest.mark.parametrize(("before", "after"), CELLS)
def test_a_move_is_legal_exactly_where_the_table_says(before: str, after: str):
    assert ExecutionStatus(before).may_become(ExecutionStatus(after)) is (after in LEGAL[before])


def test_the_table_names_every_status():
    assert set(TRANSITIONS) == set(ExecutionStatus)
    assert [status.value for status in ExecutionStatus] == [
        "PENDING",
        "PROCESSING",
        "COMPLETED",
        "FAILED",
        "CANCELLED",
        "SKIPPED",
        "RETRYING",
    ]


@pytest.mark.parametrize("status", ExecutionStatus)
def test_a_status_is_finished_or_active_and_running_only_while_active(status: ExecutionStatus):
    assert status.is_finished is (status.value in {"COMPLETED", "FAILED", "CANCELLED", "SKIPPED"})
    assert status.is_active is not status.is_finished
    assert status.is_running is (status.value in {"PROCESSING", "RETRYING"})
    assert (status in FINISHED, status in RUNNING) == (status.is_finished, status.is_running)


def test_a_status_is_its_text():
    assert ExecutionStatus.PENDING == "PENDING"
