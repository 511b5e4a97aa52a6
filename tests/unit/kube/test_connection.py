"""Where the API server is and who we are, read from what sites have."""

import base64
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from baton_operator.kube import connection as module
from baton_operator.kube.connection import Connection, FileToken
from baton_operator.kube.errors import NoConnectionError


def kubeconfig(path: Path, user: dict[str, Any], **cluster: Any) -> Path:
    document = {
        "clusters": [{"name": "c", "cluster": {"server": "https://api.example:6443/", **cluster}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "team-a"}}],
        "current-context": "x",
    }
    path.write_text(yaml.safe_dump(document))
    return path


async def test_a_kubeconfig_with_a_token(tmp_path: Path) -> None:
    """Server, authority, namespace and token."""
    data = base64.b64encode(b"PEM").decode()
    found = Connection.from_kubeconfig(
        kubeconfig(tmp_path / "k", {"token": "t"}, **{"certificate-authority-data": data})
    )
    assert (found.server, found.authority, found.namespace) == ("https://api.example:6443", "PEM", "team-a")
    assert await found.credential.token() == "t"
    assert "PEM" not in repr(found)


async def test_files_of_a_kubeconfig_are_relative_to_it(tmp_path: Path) -> None:
    """As kubectl has it."""
    (tmp_path / "ca.pem").write_text("CA")
    (tmp_path / "token").write_text("t\n")
    path = kubeconfig(tmp_path / "k", {"tokenFile": "token"}, **{"certificate-authority": "ca.pem"})
    found = Connection.from_kubeconfig(path)
    assert (found.authority, await found.credential.token()) == ("CA", "t")


async def test_a_plugin_of_a_kubeconfig_is_run(tmp_path: Path) -> None:
    """Clouds give tokens by a program (``exec``)."""
    script = tmp_path / "plugin"
    answer = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"made"}}'
    script.write_text(f"#!/bin/sh\necho '{answer}'\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": str(script),
        "interactiveMode": "Never",
        "provideClusterInfo": False,
    }
    found = Connection.from_kubeconfig(kubeconfig(tmp_path / "k", {"exec": plugin}))
    assert await found.credential.token() == "made"


def test_a_plugin_without_its_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The image does not have it; the line says what to install."""
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    with pytest.raises(NoConnectionError, match=r"pip install 'baton\[kubeconfig\]'"):
        Connection.from_kubeconfig(kubeconfig(tmp_path / "k", {"exec": {"command": "gke-gcloud-auth-plugin"}}))


async def test_in_a_pod_host_and_port_of_the_environment_count(tmp_path: Path) -> None:
    """Also an IPv6 host; the token is the mounted one."""
    for name, text in {"token": "t", "ca.crt": "CA", "namespace": "baton-system\n"}.items():
        (tmp_path / name).write_text(text)
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}
    found = Connection.in_cluster(environ, tmp_path)
    assert (found.server, found.authority, found.namespace) == ("https://[fd00::1]:6443", "CA", "baton-system")
    assert await found.credential.token() == "t"


async def test_a_token_file_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while, and at once after a refusal."""
    path = tmp_path / "token"
    path.write_text("one")
    credential = FileToken(path)
    assert await credential.token() == "one"
    path.write_text("two")
    assert await credential.token() == "one"
    assert await credential.token(renewed=True) == "two"
    path.write_text("three")
    monkeypatch.setattr(module, "TOKEN_AGE", -1.0)
    assert await credential.token() == "three"


def test_nothing_to_be_found_says_what_to_set(tmp_path: Path) -> None:
    """And so does a file that is no kubeconfig."""
    with pytest.raises(NoConnectionError, match="set KUBECONFIG"):
        Connection.discover({"HOME": str(tmp_path)})
    (tmp_path / "bad").write_text("contexts: []\ncurrent-context: x\n")
    with pytest.raises(NoConnectionError, match="no context 'x'"):
        Connection.discover({"KUBECONFIG": f"{tmp_path / 'bad'}{os.pathsep}other"})
    with pytest.raises(NoConnectionError, match="no token"):
        Connection.in_cluster({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, tmp_path)
