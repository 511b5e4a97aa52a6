"""The chart's rules: each alert is told of in full, fires when it should and only then, and has its runbook."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
RULES = ROOT / "charts" / "baton" / "files" / "rules" / "baton.yaml"
TESTS = Path(__file__).parent / "alerts"
RUNBOOKS = ROOT / "docs" / "runbooks"
PAGE = ROOT / "docs" / "monitoring.md"
DESIGNED = {
    "BatonDown",
    "BatonEngineDown",
    "BatonSubmissionsHeld",
    "BatonDispatchStuck",
    "BatonTrackingLagHigh",
    "BatonProjectionLagHigh",
    "BatonWatchSilent",
    "BatonRunFailureRatioHigh",
    "BatonCircuitOpen",
    "BatonDatabaseUnavailable",
    "BatonSchemaNotAtHead",
    "BatonInvariantBroken",
}
NEVER, ALWAYS = "vector(1) > 2", "vector(1)"


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


ALERTS = {each["alert"]: each for each in rules() if "alert" in each}


def run(promtool: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False)


def test_all_alerts_of_the_design_are_there_and_no_other() -> None:
    assert set(ALERTS) == DESIGNED


def test_promtool_finds_nothing_wrong_with_the_rules(promtool: Path) -> None:
    done = run(promtool, "check", "rules", "--lint=all", "--lint-fatal", RULES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", sorted(DESIGNED))
def test_an_alert_fires_when_it_should_and_only_then(promtool: Path, name: str) -> None:
    done = run(promtool, "test", "rules", TESTS / f"{name}.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("expression", [NEVER, ALWAYS])
@pytest.mark.parametrize("name", sorted(DESIGNED))
def test_the_test_of_an_alert_sees_one_that_never_fires_and_one_that_always_does(
    promtool: Path, tmp_path: Path, name: str, expression: str
) -> None:
    groups = yaml.safe_load(RULES.read_text())
    (rule,) = [each for group in groups["groups"] for each in group["rules"] if each.get("alert") == name]
    rule["expr"] = expression
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(groups))
    written = (TESTS / f"{name}.yaml").read_text()
    (tmp_path / "test.yaml").write_text(re.sub(r"rule_files: \[.*\]", "rule_files: [rules.yaml]", written))
    done = run(promtool, "test", "rules", tmp_path / "test.yaml")
    assert "FAILED" in done.stdout + done.stderr


@pytest.mark.parametrize("name", sorted(DESIGNED))
def test_an_alert_says_how_bad_it_is_what_it_is_and_where_to_read_on(name: str) -> None:
    """A summary without a value stays the same while the alert fires, so that receivers group by it."""
    alert = ALERTS[name]
    said = alert["annotations"]
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert "$value" not in said["summary"]
    assert said["summary"].endswith(".")
    assert "$value" in said["description"]
    assert said["runbook_url"].rsplit("/", 1)[1] == name
    assert alert["for"]


@pytest.mark.parametrize("name", sorted(DESIGNED))
def test_a_runbook_has_its_four_parts_and_a_command(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text()
    assert text.startswith(f"# {name}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Meaning", "Impact", "Diagnosis", "Mitigation"]
    assert re.search(r"^    \w", text.partition("## Diagnosis")[2].partition("## Mitigation")[0], re.MULTILINE)


def test_the_page_lists_every_alert_with_its_severity_and_its_runbook() -> None:
    listed = re.findall(r"\| \[(\w+)\]\(runbooks/(\w+)\.md\) \| (\w+) \|", PAGE.read_text())
    assert sorted(listed) == sorted((name, name, each["labels"]["severity"]) for name, each in ALERTS.items())


def test_what_rules_ask_for_exists(promtool: Path) -> None:
    """Every metric that an expression names is one that the operator shows, with a suffix of its type."""
    page = (ROOT / "docs" / "metrics.md").read_text()
    documented = set(re.findall(r"\| `(baton_\w+)` \|", page))
    recorded = {each["record"] for each in rules() if "record" in each}
    for rule in rules():
        for name in re.findall(r"[a-z_]*:?baton_[a-z0-9_:]+", rule["expr"]):
            assert name in recorded or name.removesuffix("_bucket") in documented, name
