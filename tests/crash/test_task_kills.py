"""A sample of `make crash-tasks`: tasks that insert one row each, while their worker is killed."""

from __future__ import annotations

from pathlib import Path

from baton_crash.task_kills import play


def test_kills_leave_one_row_for_each_task_that_is_done(postgres_server: str, tmp_path: Path) -> None:
    """Exactly one for each that succeeded, none for the others, whenever the kill came."""
    seen = play(postgres_server, tmp_path, kills=8, seed=20, concurrency=2)
    assert seen.wrong == []
    assert seen.hits >= 8
    assert seen.ends["succeeded"] >= 8
