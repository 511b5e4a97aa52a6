"""What the local Airflow is made of: every package pinned, by its hashes."""

from __future__ import annotations

import re

from baton_operator.local.binaries import AIRFLOW


def test_every_package_of_airflow_is_pinned_by_its_hashes() -> None:
    """Name, version, hashes; from nowhere in particular."""
    text = AIRFLOW.lock.read_text()
    entries = re.split(r"\n(?=[a-z0-9])", text)
    assert len(entries) > 100
    assert [each for each in entries if "==" not in each.split()[0] or "--hash=sha256:" not in each] == []
    assert "://" not in text
    assert f"apache-airflow=={AIRFLOW.version} " in text


def test_what_is_pinned_is_what_is_asked_for() -> None:
    """The lock was compiled from the file beside it."""
    assert f"apache-airflow=={AIRFLOW.version}" in AIRFLOW.lock.with_suffix(".in").read_text().splitlines()
