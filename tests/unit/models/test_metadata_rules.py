"""Rules that hold for every table, also for those that come later."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import Column, Table, UniqueConstraint

from baton_models import Base, RunModel, new_id

FOREIGN_KEYS = [
    (table, key.parent)
    for table in Base.metadata.sorted_tables
    for key in sorted(table.foreign_keys, key=lambda key: key.parent.name)
]
NAMES = [
    rule.name
    for table in Base.metadata.sorted_tables
    for rule in sorted([*table.constraints, *table.indexes], key=lambda rule: str(rule.name))
    if rule.name is not None
]


@pytest.mark.parametrize(("table", "column"), FOREIGN_KEYS, ids=lambda value: getattr(value, "name", str(value)))
def test_every_foreign_key_leads_an_index(table: Table, column: Column):
    uniques = [rule for rule in table.constraints if isinstance(rule, UniqueConstraint)]
    leading = {next(iter(rule.columns), None) for rule in [table.primary_key, *uniques, *table.indexes]}
    assert column in leading


@pytest.mark.parametrize("name", NAMES)
def test_names_fit_into_postgresql(name: str):
    assert len(name.encode()) <= 63


def test_keys_made_in_python_sort_by_their_birth():
    keys = [new_id() for _ in range(1000)]
    assert all(earlier < later for earlier, later in pairwise(keys))
    assert {key.version for key in keys} == {7}


def test_a_duration_needs_both_ends():
    began = datetime(2026, 1, 1, tzinfo=UTC)
    assert RunModel(started_at=began).duration is None
    assert RunModel(finished_at=began).duration is None
    assert RunModel(started_at=began, finished_at=began + timedelta(seconds=90)).duration == timedelta(seconds=90)
