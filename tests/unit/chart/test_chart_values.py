"""What is said about the chart's values is made from one place, and is whole."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from baton_operator.settings import Settings

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts" / "baton"
#: Settings that the chart derives from other values.
DERIVED = {"database_url", "loops", "namespaces", "http_port", "worker", "replica", "revision"}


@pytest.fixture(scope="module")
def describe() -> ModuleType:
    spec = importlib.util.spec_from_file_location("describe_values", ROOT / "charts" / "describe_values.py")
    assert spec
    assert spec.loader
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def test_schema_and_table_follow_from_the_values(describe: ModuleType) -> None:
    for path, text in describe.products().items():
        assert path.read_text() == text, f"{path.name} differs: make generate"


def test_a_value_without_a_meaning_is_refused(describe: ModuleType) -> None:
    with pytest.raises(describe.UndescribedError, match=r"^a\.b: say above it, behind `# --`"):
        describe.read_values("a:\n  # no meaning\n  b: 1\n")


def test_a_value_whose_type_cannot_be_told_is_refused(describe: ModuleType) -> None:
    with pytest.raises(describe.UndescribedError, match=r"^a: its default is no value: say its type"):
        describe.read_values("# -- A thing.\na: null\n")


def test_a_text_behind_the_schema_is_refused(describe: ModuleType) -> None:
    with pytest.raises(describe.UndescribedError, match=r"^a: `# @schema` is the last line"):
        describe.read_values("# -- A thing.\n# @schema {minimum: 1}\n# lost\na: 1\n")


def test_types_follow_from_defaults_and_groups_refuse_what_they_do_not_have(describe: ModuleType) -> None:
    text = "g:\n  # -- Text\n  # in two lines.\n  a: x\n  # -- Number.\n  # @schema {minimum: 1}\n  b: 1\n"
    schema = describe.schema_of(describe.read_values(text))["properties"]["g"]
    assert schema == {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "a": {"description": "Text in two lines.", "default": "x", "type": "string"},
            "b": {"description": "Number.", "default": 1, "type": "integer", "minimum": 1},
        },
    }


def test_every_shared_shape_is_used_and_defined() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    used = set(re.findall(r"#/\$defs/(\w+)", json.dumps(schema)))
    assert used == set(schema["$defs"])


def test_every_setting_of_the_operator_can_be_set() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())["settings"]
    as_fields = {re.sub(r"[A-Z]", lambda capital: f"_{capital[0].lower()}", each) for each in values}
    assert as_fields == {each.name for each in fields(Settings)} - DERIVED


def test_the_chart_names_the_kinds_and_the_release() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    listed = yaml.safe_load(chart["annotations"]["artifacthub.io/crds"])
    defined = [yaml.safe_load(path.read_text()) for path in (ROOT / "crds").glob("*.yaml")]
    assert {each["name"] for each in listed} == {each["metadata"]["name"] for each in defined}
    images = yaml.safe_load(chart["annotations"]["artifacthub.io/images"])
    assert images[0]["image"].endswith(f":{chart['appVersion']}")
    pyproject = (ROOT / "pyproject.toml").read_text()
    assert f'\nversion = "{chart["appVersion"]}"\n' in pyproject


def test_artifact_hub_finds_what_it_reads() -> None:
    """Under its own words: https://artifacthub.io/docs/topics/annotations/helm/."""
    annotations = yaml.safe_load((CHART / "Chart.yaml").read_text())["annotations"]
    found = {name.removeprefix("artifacthub.io/"): yaml.safe_load(text) for name, text in annotations.items()}
    assert set(found) >= {"category", "license", "operator", "images", "crds", "crdsExamples", "changes"}
    assert found["category"] == "integration-delivery"
    assert found["license"] in (ROOT / "pyproject.toml").read_text()
    assert found["operator"] is True
    levels = {"Basic Install", "Seamless Upgrades", "Full Lifecycle", "Deep Insights", "Auto Pilot"}
    assert found["operatorCapabilities"] in levels
    kinds = {"added", "changed", "deprecated", "removed", "fixed", "security"}
    assert {each["kind"] for each in found["changes"]} <= kinds
    assert all(each["description"] for each in found["changes"])
