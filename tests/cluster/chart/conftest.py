"""A cluster into which Helm installs the chart, whose API server writes down who asked for what."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from baton_chart.installation import Installation
from baton_spine.fixtures import migrated, operator_kubeconfig, shared_argo, stages

from baton_operator.local.kubernetes import ControlPlane
from baton_operator.local.progress import say_on_stderr
from baton_operator.local.scratch import scratch_home

__all__ = ["migrated", "operator_kubeconfig", "shared_argo", "stages"]


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    """A cluster of these tests' own."""
    with scratch_home(say_on_stderr) as home:
        audit = home.path / "audit.log"
        yield Installation(ControlPlane(home, say_on_stderr, fsync=False, audit_log=audit).up(), audit)
