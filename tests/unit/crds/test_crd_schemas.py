"""The custom resource definitions as texts: described, limited, small, and equal in the chart."""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
SOURCES = sorted((ROOT / "crds").glob("*.yaml"))
Schema = dict[str, Any]


def version(source: Path) -> dict[str, Any]:
    (only,) = yaml.safe_load(source.read_text())["spec"]["versions"]
    return only


def schema(source: Path) -> Schema:
    return version(source)["schema"]["openAPIV3Schema"]


def walk(node: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Yield each schema with its path: ``.spec.batches[].name``, ``.spec.arguments{}``."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from walk(child, f"{path}.{name}")
    if "items" in node:
        yield from walk(node["items"], f"{path}[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from walk(node["additionalProperties"], f"{path}{{}}")


FIELDS = [
    pytest.param(path, node, id=f"{source.stem}{path}")
    for source in SOURCES
    for path, node in walk(schema(source))
    if path != ".metadata"  # the API server describes it
]
RULES = [
    pytest.param(path, rule, id=f"{source.stem}{path}-{rule['rule'][:40]}")
    for source in SOURCES
    for path, node in walk(schema(source))
    for rule in node.get("x-kubernetes-validations", [])
]


@pytest.mark.parametrize(("path", "node"), FIELDS)
def test_every_field_is_described(path: str, node: Schema) -> None:
    """What `kubectl explain` shows is a sentence; the values of plain label maps speak for themselves."""
    if path == ".spec.allowedNamespaces.selector.matchLabels{}":
        return
    assert node["description"].endswith((".", "Forbidden"))


@pytest.mark.parametrize(("path", "node"), [each for each in FIELDS if each.values[1].get("default", {}) != {}])
def test_a_default_is_told_by_explain(path: str, node: Schema) -> None:
    """`kubectl explain` shows descriptions, and no defaults."""
    default = yaml.safe_dump(node["default"], default_flow_style=True).splitlines()[0]
    assert node["description"].endswith(f" Default: `{default}`."), path


@pytest.mark.parametrize(("path", "node"), FIELDS)
def test_everything_that_can_grow_has_a_limit(path: str, node: Schema) -> None:
    """No list, map, string or number is without bounds: etcd's are hard, and CEL's cost is estimated from them."""
    match node.get("type"):
        case "string":
            assert {"maxLength", "enum"} & node.keys() or node.get("format") == "date-time"
        case "array":
            assert node["maxItems"] > 0
            assert node["x-kubernetes-list-type"] in {"atomic", "set", "map"}
        case "integer":
            assert "minimum" in node
            assert "maximum" in node or path.startswith(".status")
        case "object" if not node.get("properties") and path != ".metadata":
            assert node["maxProperties"] > 0
        case "object" | "boolean":
            pass
        case other:
            assert other is None
            assert node["x-kubernetes-int-or-string"]
            assert "maxLength" in node


@pytest.mark.parametrize(("path", "rule"), RULES)
def test_every_rule_names_its_field_and_a_remedy(path: str, rule: dict[str, str]) -> None:
    """A message starts with the field that a person must change, and says what to do after a colon."""
    field, _, rest = rule["message"].partition(" ")
    assert field.rstrip(",").startswith((path or ".metadata.name").lstrip("."))
    assert ": " in rest
    assert rule["reason"] in {"FieldValueInvalid", "FieldValueRequired", "FieldValueForbidden"}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_a_definition_is_small(source: Path) -> None:
    """Far from what `kubectl apply` can put into its annotation."""
    assert len(source.read_bytes()) < 200 * 1024


def test_conditions_have_the_form_of_the_api_conventions_everywhere() -> None:
    """The three kinds share the schema of a condition, but for what `type` means."""
    conditions = [schema(source)["properties"]["status"]["properties"]["conditions"] for source in SOURCES]
    for each in conditions:
        assert each["x-kubernetes-list-map-keys"] == ["type"]
        assert each["items"]["required"] == ["type", "status", "lastTransitionTime", "reason", "message"]
        del each["description"], each["items"]["description"], each["items"]["properties"]["type"]["description"]
    assert conditions == [conditions[0]] * 3


def test_the_charts_copies_equal_their_source() -> None:
    """`make generate` has been run."""
    done = subprocess.run(
        [sys.executable, ROOT / "charts" / "copy_crds.py", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_copy_that_differs_is_named(tmp_path: Path) -> None:
    """A stale copy, a missing one and one without a source are each reported with the remedy."""
    module = runpy.run_path(str(ROOT / "charts" / "copy_crds.py"))
    scope = module["differences"].__globals__
    scope["TARGET"] = tmp_path
    module["write"]()
    assert module["differences"]() == []
    (tmp_path / "runs.yaml").write_text("edited by hand")
    (tmp_path / "engines.yaml").unlink()
    (tmp_path / "widgets.yaml").write_text("")
    assert module["differences"]() == ["engines.yaml", "runs.yaml", "widgets.yaml"]
    assert module["main"](["--check"]) == 1
    module["write"]()
    assert module["differences"]() == []


@pytest.mark.parametrize(
    ("definition", "refusal"),
    [
        ("kind: X\nmetadata:\n  name: x\nspec: {text: '{{'}\n", "which Helm would execute"),
        ("kind: X\nspec: {}\n", "no top-level metadata"),
        ("kind: X\nmetadata:\n  annotations:\n    a: b\nspec: {}\n", "no top-level metadata"),
    ],
)
def test_what_cannot_be_wrapped_is_refused(definition: str, refusal: str) -> None:
    """The generator does not write a template that would render to something else."""
    template = runpy.run_path(str(ROOT / "charts" / "copy_crds.py"))["template"]
    with pytest.raises(ValueError, match=refusal):
        template("x.yaml", definition)
