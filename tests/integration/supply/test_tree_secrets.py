"""The tree has no secret."""

from __future__ import annotations

import pytest

from baton_supply import secret_scan


@pytest.mark.timeout(900)
def test_what_looks_like_a_secret_is_known_to_be_none() -> None:
    """Otherwise: revoke it, or say in `supply/known.toml` why it is none (docs/supply-chain.md)."""
    known = secret_scan.known()
    findings = secret_scan.in_tree()
    assert [str(each) for each in findings if each.digest not in known] == []
    assert len(findings) > 10, "the scan sees nothing any more"
