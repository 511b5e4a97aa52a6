"""What Helm does with the chart in the life of a release; no node, so no Pod ever runs."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from baton_chart.installation import KINDS, Installation
from baton_chart.rendering import CHART

from baton_operator.local.errors import ApiError

NAMESPACE = "life"
DATABASE = {"existingSecret": {"name": "db"}}
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def life(installation: Installation) -> Iterator[Installation]:
    """A cluster where nothing of Baton is, and nothing is left."""
    yield installation
    installation.remove(NAMESPACE)
    installation.server.kubectl("delete", "crd", "--ignore-not-found", *KINDS)


def uninstall(installation: Installation) -> None:
    installation.helm("uninstall", "baton", "--namespace", NAMESPACE, "--wait")


def served(installation: Installation) -> set[str]:
    found = set()
    for name in KINDS:
        try:
            installation.server.request("GET", f"{DEFINITIONS}/{name}")
        except ApiError as error:
            assert error.status == HTTPStatus.NOT_FOUND, error  # noqa: PT017 - what is asked
        else:
            found.add(name)
    return found


def deployment(installation: Installation) -> dict[str, Any]:
    answer: dict[str, Any] = installation.server.request(
        "GET", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/baton"
    )
    return answer


def test_kinds_and_what_is_of_them_outlive_the_release(life: Installation) -> None:
    life.install(NAMESPACE, {"database": DATABASE})
    engine = {"apiVersion": "baton.dev/v1alpha1", "kind": "Engine", "metadata": {"name": "kept"}}
    path = f"/apis/baton.dev/v1alpha1/namespaces/{NAMESPACE}/engines"
    life.server.create(path, {**engine, "spec": {"type": "Embedded"}})
    uninstall(life)
    assert served(life) == set(KINDS)
    life.install(NAMESPACE, {"database": DATABASE})
    assert life.server.request("GET", f"{path}/kept")["spec"]["type"] == "Embedded"


def test_a_release_of_another_name_is_given_the_kinds_that_stayed(life: Installation) -> None:
    """Only if somebody says so: Helm would otherwise take away what another release holds."""
    life.install(NAMESPACE, {"database": DATABASE})
    uninstall(life)
    words = ("install", "other", CHART, "--namespace", NAMESPACE)
    assert "invalid ownership metadata" in life.helm(*words, values={"database": DATABASE}, fails=True)
    life.helm(*words, "--take-ownership", values={"database": DATABASE})
    life.remove(NAMESPACE, "other")
    assert served(life) == set(KINDS)


def test_kinds_go_with_the_release_where_the_site_says_so(life: Installation) -> None:
    life.install(NAMESPACE, {"database": DATABASE, "crds": {"keep": False}})
    assert served(life) == set(KINDS)
    uninstall(life)
    life.server.kubectl("wait", "--for=delete", "--timeout=60s", *(f"crd/{name}" for name in KINDS))
    assert served(life) == set()


def test_an_upgrade_brings_the_kinds_of_its_release(life: Installation, tmp_path: Path) -> None:
    older = tmp_path / "baton"
    shutil.copytree(CHART, older)
    definition = older / "templates" / "crds" / "runs.yaml"
    definition.write_text(definition.read_text().replace("shortNames: [brun]", "shortNames: [oldrun]"))
    life.install(NAMESPACE, {"database": DATABASE}, older)

    def short_names() -> list[str]:
        names: list[str] = life.server.request("GET", f"{DEFINITIONS}/runs.baton.dev")["spec"]["names"]["shortNames"]
        return names

    assert short_names() == ["oldrun"]
    life.install(NAMESPACE, {"database": DATABASE})
    assert short_names() == ["brun"]


def test_a_rollback_is_the_release_before(life: Installation) -> None:
    life.install(NAMESPACE, {"database": DATABASE, "image": {"tag": "1"}})
    life.install(NAMESPACE, {"database": DATABASE, "image": {"tag": "2"}})
    life.helm("rollback", "baton", "1", "--namespace", NAMESPACE)
    pod = deployment(life)["spec"]["template"]["spec"]
    assert {each["image"] for each in [*pod["initContainers"], *pod["containers"]]} == {"baton:1"}


def test_old_replicas_stay_until_a_new_one_is_ready(life: Installation) -> None:
    life.install(NAMESPACE, {"database": DATABASE})
    assert deployment(life)["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    names = [each["name"] for each in deployment(life)["spec"]["template"]["spec"]["initContainers"]]
    assert names == ["migrate-engine", "migrate-extensions"]


def test_the_password_that_was_made_is_kept(life: Installation) -> None:
    def secret() -> dict[str, str]:
        path = f"/api/v1/namespaces/{NAMESPACE}/secrets/baton-postgresql"
        data = life.server.request("GET", path)["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    values = {"database": {"bundled": {"enabled": True}}}
    life.install(NAMESPACE, values)
    first = secret()
    assert len(first["password"]) == 32
    assert f":{first['password']}@baton-postgresql.{NAMESPACE}.svc:5432/baton" in first["uri"]
    life.install(NAMESPACE, {**values, "replicas": 3})
    assert secret() == first


def test_the_notes_fit_the_values(life: Installation) -> None:
    usual = life.install(NAMESPACE, {"database": DATABASE})
    assert "watches all namespaces" in usual
    assert f"helm test baton --namespace {NAMESPACE}" in usual
    assert "kubectl apply --namespace default" in usual
    assert "WARNING" not in usual
    assert "MutatingAdmissionPolicy" not in usual
    tried = life.install(NAMESPACE, {"database": {"bundled": {"enabled": True}}, "watch": {"namespaces": [NAMESPACE]}})
    assert "WARNING: the bundled PostgreSQL" in tried
    assert f"watches {NAMESPACE}." in tried
    assert f"--role=baton-engine-token --serviceaccount={NAMESPACE}:baton" in tried


def test_the_notes_warn_of_what_is_left_to_somebody_else(life: Installation) -> None:
    """Each with what is to be done about it."""
    said = life.install(
        NAMESPACE,
        {
            "database": {"host": "db.example.com", "userSecret": {"name": "db"}},
            "migrations": {"enabled": False},
            "worker": {"mode": "None"},
            "crds": {"enabled": False},
            "rbac": {"create": False},
            "helmTest": {"enabled": False},
        },
    )
    assert "WARNING: the database's certificate is not verified. Set database.sslMode to verify-full" in said
    assert "WARNING: migrations.enabled is false: run `baton-migrate` before each upgrade" in said
    assert "WARNING: worker.mode is None" in said
    assert "apply crds/ before each upgrade" in said
    assert "helm test" not in said
    assert f"kubectl rollout status deployment/baton --namespace {NAMESPACE}" in said


def test_a_release_without_a_database_is_not_begun(life: Installation) -> None:
    said = life.helm("install", "baton", CHART, "--namespace", NAMESPACE, "--create-namespace", values={}, fails=True)
    assert "database: set exactly one of" in said
    assert life.helm("list", "--namespace", NAMESPACE, "--short", "--all") == ""
