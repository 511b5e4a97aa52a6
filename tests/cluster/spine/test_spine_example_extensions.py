"""The example extensions, as a site has them: installed packages, migrated tables, and their files applied."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from baton_spine.stage import Stage, condition, shown
from example_package import EXAMPLES, EXTENSIONS, install_examples

CHAIN = """
SELECT p.action, p.amount, p.currency, p.state, r.name, above.name FROM ext_approvals_purchase_request p
JOIN run r ON r.id = p.workflow_instance_id LEFT JOIN run above ON above.id = p.parent_workflow_instance_id
ORDER BY p.created_at
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where both packages are installed."""
    return install_examples(tmp_path_factory.mktemp("extensions"), *EXTENSIONS)


def baton(stage: Stage, site: Path, *arguments: str) -> str:
    """Type a command where the packages are installed; give what it says."""
    environ = {"BATON_DATABASE_URL": stage.database_url, "PYTHONPATH": str(site), "COLUMNS": "200"}
    command = [Path(sys.executable).with_name("baton"), *arguments]
    return subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def live(new_stage: Callable[[], Stage], site: Path) -> Iterator[Stage]:
    """A migrated database, an operator and its worker, and an Engine of the name that the files use."""
    stage = new_stage()
    baton(stage, site, "migrate")
    stage.engine_embedded("tasks")
    stage.operator(BATON_WORKER="true", PYTHONPATH=str(site)).wait_ready()
    return stage


def apply(stage: Stage, file: str) -> list[str]:
    """Apply a file of the examples; give the names of its Runs."""
    path = EXAMPLES / "extensions" / file
    stage.server.kubectl("apply", "-n", stage.namespace, "-f", path)
    return [each["metadata"]["name"] for each in yaml.safe_load_all(path.read_text()) if each["kind"] == "Run"]


def test_both_packages_fit_the_database(live: Stage, site: Path) -> None:
    said = baton(live, site, "extensions", "check")
    for words in ("0002_say_in_which_currency, the head", "0002_note_kernels_and_find_hosts, the head", "are guarded"):
        assert words in said


def test_a_request_is_made_refused_corrected_and_approved(live: Stage) -> None:
    """Each Run follows the one before; the refused one is a link of the Runs' chain, and not of the rows'."""
    ends = {}
    for file in ("automation", "10-too-much", "20-correction", "30-approval"):
        (name,) = apply(live, f"approvals/{file}.yaml")
        ends[name] = live.ended(name)[name]
    assert {name: shown(end)[0] for name, end in ends.items()} == {
        "laptop": "Succeeded",
        "laptop-too-much": "Failed",
        "laptop-corrected": "Succeeded",
        "laptop-approved": "Succeeded",
    }
    assert "ada may approve 2000: correct it first" in condition(ends["laptop-too-much"], "Succeeded")[2]
    assert live.rows(CHAIN) == [
        ("request", 2400, "EUR", "requested", "laptop", None),
        ("correct", 1200, "EUR", "corrected", "laptop-corrected", "laptop"),
        ("approve", 1200, "EUR", "approved", "laptop-approved", "laptop-corrected"),
    ]
    live.check()


def test_scans_leave_their_hosts_or_none_and_a_hook_notes_each(live: Stage) -> None:
    live.ended(*apply(live, "inventory/automation.yaml"))
    noted = "SELECT run_name, status, hosts FROM ext_inventory_scan_log ORDER BY run_name"
    wanted = [("scan-eu", "COMPLETED", 200), ("scan-unreachable", "FAILED", 0), ("scan-us", "COMPLETED", 120)]
    live.until(lambda: live.rows(noted) == wanted, what="three calls of the hook")
    regions = "SELECT region, count(*), count(kernel) FROM ext_inventory_host GROUP BY region ORDER BY region"
    assert live.rows(regions) == [("eu", 200, 200), ("us", 120, 120)]
    live.check()
