"""What a local Baton applies, and that the chart includes the same files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from baton_operator.local import manifests

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts" / "baton"


def test_everything_comes_in_an_order_that_can_be_applied() -> None:
    """Kinds first, the namespace before what is in it, roles before bindings, the policy before its binding."""
    made = [(each["kind"], each["metadata"]["name"]) for each in manifests.everything("system", "relay")]
    assert made == [
        ("CustomResourceDefinition", "automations.baton.dev"),
        ("CustomResourceDefinition", "engines.baton.dev"),
        ("CustomResourceDefinition", "runs.baton.dev"),
        ("Namespace", "system"),
        ("ServiceAccount", "relay"),
        ("ClusterRole", "relay-operator"),
        ("ClusterRoleBinding", "relay-operator"),
        ("ClusterRole", "relay-engine-token"),
        ("ClusterRole", "relay-view"),
        ("ClusterRole", "relay-edit"),
        ("ClusterRole", "relay-admin"),
        ("MutatingAdmissionPolicy", "relay-authorship"),
        ("MutatingAdmissionPolicyBinding", "relay-authorship"),
    ]


def test_the_operator_gets_no_wildcard_no_write_and_no_list_of_secrets() -> None:
    """What it may write is a status, an Event, and the finalizer of a Run."""
    rules = yaml.safe_load((CHART / "files" / "rbac" / "operator.yaml").read_text())
    granted = {(group, resource, verb) for rule in rules for group in rule["apiGroups"]
               for resource in rule["resources"] for verb in rule["verbs"]}  # fmt: skip
    writes = {(resource, verb) for _, resource, verb in granted if verb not in {"get", "list", "watch"}}
    assert writes == {
        ("engines/status", "patch"),
        ("automations/status", "patch"),
        ("runs/status", "patch"),
        ("runs", "patch"),
        ("events", "create"),
    }
    assert {verb for _, resource, verb in granted if resource in {"secrets", "configmaps", "namespaces"}} == {"get"}
    assert not any("*" in part for grant in granted for part in grant)


def test_the_chart_includes_every_file_of_rules_and_policies() -> None:
    """No file under `files/` is without effect: each is named by a template, the people's roles by their list."""
    templates = "\n".join(path.read_text() for path in (CHART / "templates").rglob("*") if path.is_file())
    for path in (each for each in (CHART / "files").rglob("*") if each.is_file()):
        name = path.relative_to(CHART)
        listed = 'list "view" "edit" "admin"' in templates and path.stem in {"view", "edit", "admin"}
        together = f'.Files.Glob "{name.parent.as_posix()}/*{name.suffix}"' in templates
        assert f'.Files.Get "{name.as_posix()}"' in templates or listed or together, name


@pytest.mark.parametrize("folder", ["", "argo", "airflow"])
def test_of_the_examples_only_batons_own_objects_are_given(folder: str) -> None:
    """The namespace in which Argo works is not the demo's to delete."""
    own = manifests.own_objects(sorted((manifests.examples_folder() / folder).glob("*.yaml")))
    assert {each["kind"] for each in own} <= {"Engine", "Automation", "Run"}
    assert len([each for each in own if each["kind"] == "Run"]) >= 12


def test_an_installed_package_brings_its_own_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the repository around it, the room reads the same layout from its package data."""
    wanted = manifests.everything("system")
    shutil.copytree(ROOT / "crds", tmp_path / "data" / "crds")
    shutil.copytree(CHART / "files", tmp_path / "data" / "charts" / "baton" / "files")
    monkeypatch.setattr(manifests, "__file__", str(tmp_path / "manifests.py"))
    assert manifests.everything("system") == wanted
