"""The tree has no secret."""

from __future__ import annotations

import fnmatch

import pytest

from baton_supply import secret_scan, tree


@pytest.mark.timeout(900)
def test_what_looks_like_a_secret_is_known_to_be_none() -> None:
    """Otherwise: revoke it, or say in `supply/known.toml` why it is none (docs/supply-chain.md)."""
    findings = secret_scan.in_tree()
    assert [str(each) for each in secret_scan.known().news(findings)] == []
    assert len(findings) > 10, "the scan sees nothing any more"


def test_recorded_data_is_there() -> None:
    """A pattern that fits no file any more would one day fit something else."""
    files = [str(each) for each in tree.tracked()]
    assert [pattern for pattern, _ in secret_scan.known().recorded if not fnmatch.filter(files, pattern)] == []
