"""The fixtures themselves: what a test that asks for a server gets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from baton_operator.local.api_server import ApiServer
from baton_operator.local.errors import ApiError


@pytest.mark.parametrize("version", [16, 18])
def test_a_database_is_of_the_version_asked_for(new_database: Callable[..., str], version: int) -> None:
    with psycopg.connect(new_database(version=version)) as connection:
        assert connection.info.server_version // 10_000 == version


def test_a_namespace_is_deleted_with_what_is_in_it(api_server: ApiServer, namespace: str) -> None:
    api_server.create_service_account(namespace, "someone")
    assert api_server.request("GET", f"/api/v1/namespaces/{namespace}/serviceaccounts/someone")


def test_a_service_account_may_do_nothing_of_its_own(api_server: ApiServer, namespace: str, tmp_path: Path) -> None:
    api_server.create_service_account(namespace, "someone")
    someone = ApiServer(api_server.write_service_account_kubeconfig(namespace, "someone", tmp_path / "kubeconfig"))
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = someone.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    assert answer["status"]["userInfo"]["username"] == f"system:serviceaccount:{namespace}:someone"
    with pytest.raises(ApiError) as refusal:
        someone.request("GET", f"/api/v1/namespaces/{namespace}/secrets")
    assert refusal.value.status == 403
