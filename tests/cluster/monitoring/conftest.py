"""Prometheus' own programs; stages for the operators that they scrape."""

from __future__ import annotations

from pathlib import Path

import pytest
from baton_monitoring import programs
from baton_spine.fixtures import migrated, new_stage, operator_kubeconfig, shared_argo, stage, stages

from baton_operator.local.errors import LocalError
from baton_operator.local.progress import say_on_stderr

__all__ = ["migrated", "new_stage", "operator_kubeconfig", "shared_argo", "stage", "stages"]


def _program(name: str) -> Path:
    try:
        return programs.find(name, say_on_stderr)
    except LocalError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Prometheus' tool that checks rules, metrics and tests of rules."""
    return _program("promtool")


@pytest.fixture(scope="session")
def prometheus_program() -> Path:
    """Prometheus itself."""
    return _program("prometheus")
