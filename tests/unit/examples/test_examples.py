"""The examples as texts: explained, complete, and free of each other's names."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from baton_operator.decide.admission import Refused, admit
from baton_operator.decide.definition import read_definition
from baton_operator.tasks import BUILT_IN, Catalogue

FOLDER = Path(__file__).parents[3] / "examples"
FILES = sorted(FOLDER.rglob("*.yaml"))
#: Where the examples' tasks are: Baton's own, and those of the example extensions.
TASKS = (*BUILT_IN, "baton_approvals.tasks", "baton_inventory.tasks")


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


EVERYTHING = [each for path in FILES for each in documents(path)]


def named(kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in EVERYTHING if each["kind"] == kind}


def dags() -> list[str]:
    """Name the DAGs of the examples, as their file spells them."""
    text = (FOLDER / "airflow" / "dags" / "baton_examples.py").read_text()
    return re.findall(r"@dag\((?:[^@]|\n)*?\ndef (\w+)\(", text) + re.findall(r'with DAG\(\s+"(\w+)"', text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_file_opens_with_what_one_sees(path: Path) -> None:
    """A sentence and, unless it only prepares, the command that shows the effect."""
    header = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert len(header) > 1
    assert path.stem.endswith("templates") or any("kubectl " in line for line in header)


def test_no_name_is_used_twice() -> None:
    """All files can be applied to one namespace."""
    uses = Counter((each["kind"], each["metadata"]["name"]) for each in EVERYTHING)
    assert [use for use, count in uses.items() if count > 1] == []


def test_what_is_referred_to_is_there() -> None:
    """Runs find their Automation, Automations their Engine, template or DAG; a local Baton makes two of the Engines."""
    for run in named("Run").values():
        assert run["spec"]["automationRef"]["name"] in named("Automation")
    for automation in named("Automation").values():
        engine = automation["spec"]["engineRef"]["name"]
        (target,) = automation["spec"]["target"]
        made = {"argo", "airflow"}
        assert target == (engine if engine in made else named("Engine")[engine]["spec"]["type"].lower())
        template = automation["spec"]["target"][target].get("workflowTemplate")
        assert template in {None, "no-such-template", *named("WorkflowTemplate")}
        assert automation["spec"]["target"][target].get("dag") in {None, "no_such_dag", *dags()}


@pytest.mark.parametrize("folder", ["", "argo", "airflow", "jenkins"], ids=["embedded", "argo", "airflow", "jenkins"])
def test_each_folder_shows_the_five_ways_a_run_can_go(folder: str) -> None:
    """Success, failure, retry, something to cancel, and a fan-out over batches and items."""
    kinds = [each for path in sorted((FOLDER / folder).glob("*.yaml")) for each in documents(path)]
    specs = [each["spec"] for each in kinds if each["kind"] == "Automation"]
    assert any(spec.get("retry", {}).get("maxAttempts", 1) > 1 for spec in specs)
    assert any(spec.get("dispatch", {}).get("per") == "Item" and len(spec["batches"]) > 1 for spec in specs)
    runs = [each["metadata"]["name"] for each in kinds if each["kind"] == "Run"]
    assert len(runs) >= 12
    for part in ("hello-ada", "failing-disk", "nap-long"):
        assert any(part in name for name in runs)


def test_jobs_declare_what_their_automations_give_them() -> None:
    """And the token, by which Baton finds their builds again; one Automation names a job that is not there."""
    declared = {}
    for path in (FOLDER / "jenkins" / "jobs").glob("*.xml"):
        names = [each.text for each in ET.parse(path).iter("name")]  # noqa: S314 - our own
        declared[path.stem] = set(names)
    missing = set()
    for automation in named("Automation").values():
        if "jenkins" not in automation["spec"]["target"]:
            continue
        (job,) = automation["spec"]["target"]["jenkins"]["job"]
        if job not in declared:
            missing.add(job)
            continue
        given = {"BATON_TOKEN", "BATON_FINGERPRINT", *automation["spec"].get("arguments", {})}
        assert given == declared[job], job
    assert missing == {"no-such-job"}


@pytest.mark.parametrize("name", named("Automation"))
def test_an_automation_is_one_that_baton_takes(name: str) -> None:
    """Its schemas and expressions can be read, and an embedded task exists and takes its arguments."""
    definition = read_definition(named("Automation")[name]["spec"], "default", name)
    if definition.arm == "embedded":
        catalogue = Catalogue.discover(TASKS)
        catalogue.get(definition.target["task"]).check(argument.name for argument in definition.arguments)


@pytest.mark.parametrize("name", named("Run"))
def test_a_run_is_taken_or_refused_as_its_file_says(name: str) -> None:
    """Only the two that are there to be refused are, for the parameter that they lack."""
    spec = named("Run")[name]["spec"]
    automation = spec["automationRef"]["name"]
    definition = read_definition(named("Automation")[automation]["spec"], "default", automation)
    verdict = admit("0197c2d5-0000-7000-8000-000000000000", spec, definition)
    if name.endswith("hello-nobody"):
        assert isinstance(verdict, Refused)
        assert (verdict.reason, "name" in verdict.message) == ("InvalidParameters", True)
    else:
        assert not isinstance(verdict, Refused)
