"""
What the local room and the tests ask of an API server directly.

A request is a round trip of milliseconds where a kubectl process takes a tenth of a second; kubectl is used where it
adds something, which is applying manifests.
"""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import time
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from baton_operator.local.binaries import kubectl
from baton_operator.local.errors import ApiError, ServerFailed
from baton_operator.local.kubeconfig import Kubeconfig

_TIMEOUT = 30.0
_YEAR = 31_536_000


class ApiServer:
    """
    One API server, as one identity.

    Args:
        kubeconfig: The file that names both.
    """

    def __init__(self, kubeconfig: Path) -> None:
        self.path = kubeconfig
        self.config = Kubeconfig.load(kubeconfig)
        self._tls = ssl.create_default_context(cadata=self.config.authority)

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """
        Send one request and give its answer: decoded JSON, or text where it is none.

        Args:
            method: The HTTP method; a PATCH is a JSON merge patch.
            path: Path and query.
            body: What is sent as JSON.

        Raises:
            ApiError: The answer is an error.
            OSError: Nobody answers.
        """
        address = urllib.parse.urlsplit(self.config.server)
        connection = http.client.HTTPSConnection(address.netloc, context=self._tls, timeout=_TIMEOUT)
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Authorization": f"Bearer {self.config.token}", "Content-Type": kind}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise ApiError(answer.status, _message(text))
        return json.loads(text) if text.startswith(("{", "[")) else text

    def is_ready(self) -> bool:
        """Say whether the server answers that it is ready."""
        try:
            self.request("GET", "/readyz")
        except (OSError, http.client.HTTPException, ApiError):
            return False
        return True

    def create(self, path: str, body: Mapping[str, Any]) -> Any:
        """POST *body*, and be content if it is there already."""
        try:
            return self.request("POST", path, body)
        except ApiError as error:
            if error.status != http.HTTPStatus.CONFLICT:
                raise
        return None

    def create_namespace(self, name: str) -> None:
        """Make a namespace, or leave it as it is."""
        self.create("/api/v1/namespaces", {"metadata": {"name": name}})

    def delete_namespace(self, name: str) -> None:
        """Ask for a namespace's deletion, which goes on after this returns."""
        try:
            self.request("DELETE", f"/api/v1/namespaces/{name}")
        except ApiError as error:
            if error.status != http.HTTPStatus.NOT_FOUND:
                raise

    def create_service_account(self, namespace: str, name: str) -> None:
        """Make a ServiceAccount, or leave it as it is."""
        self.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": name}})

    def service_account_token(self, namespace: str, name: str, *, seconds: int = _YEAR) -> str:
        """
        Get a token of a ServiceAccount.

        Args:
            namespace: Where it is.
            name: Which it is.
            seconds: How long the token is valid; the API server's least is 600.
        """
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        answer = self.request("POST", path, {"spec": {"expirationSeconds": seconds}})
        return str(answer["status"]["token"])

    def write_service_account_kubeconfig(self, namespace: str, name: str, path: Path, *, seconds: int = _YEAR) -> Path:
        """Write a kubeconfig with which a client is a ServiceAccount, and give its path."""
        token = self.service_account_token(namespace, name, seconds=seconds)
        Kubeconfig(self.config.server, self.config.authority, token, namespace).write(path)
        return path

    def kubectl(self, *arguments: str | Path, stdin: str | None = None) -> str:
        """
        Run kubectl against this server and give its output.

        Raises:
            ServerFailed: It ended with an error, whose words are the message.
        """
        done = subprocess.run(  # noqa: S603 - kubectl, and arguments of our own
            [kubectl(), "--kubeconfig", self.path, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServerFailed(f"kubectl {' '.join(map(str, arguments[:2]))} failed: {done.stderr.strip()}")
        return done.stdout

    def apply(self, *files: Path) -> None:
        """Apply manifest files (server-side, since some are too big for a client-side apply's annotation)."""
        if files:
            self.kubectl("apply", "--server-side", "--force-conflicts", *_flagged(files))

    def apply_objects(self, objects: Sequence[Mapping[str, Any]]) -> None:
        """Apply manifests that are no files."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        self.kubectl("apply", "--server-side", "--force-conflicts", "--filename=-", stdin=text)

    def delete_objects(self, objects: Sequence[Mapping[str, Any]]) -> None:
        """Delete what manifests describe, as far as it is there; none of it is waited for."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        self.kubectl("delete", "--ignore-not-found", "--wait=false", "--filename=-", stdin=text)

    def wait_established(self, *names: str, seconds: float = 120.0) -> None:
        """
        Wait until the kinds of CustomResourceDefinitions are served.

        Raises:
            ServerFailed: One was not after *seconds*.
        """
        deadline = time.monotonic() + seconds
        for name in names:
            while not self._is_served(name):
                if time.monotonic() > deadline:
                    raise ServerFailed(f"the kind {name} was not served after {seconds:.0f} s")
                time.sleep(0.05)

    def _is_served(self, name: str) -> bool:
        """
        Say whether objects of a kind can be listed and made.

        For a moment after it is established it cannot be listed. After a restart it can, but where an admission policy
        is about it, creating answers 503 for some seconds more ("There can be a delay", seen on 1.36).
        """
        try:
            spec = self.request("GET", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}")["spec"]
            version = next(each["name"] for each in spec["versions"] if each["served"])
            group, names = f"{spec['group']}/{version}", spec["names"]
            self.request("GET", f"/apis/{group}/{names['plural']}?limit=1")
            if spec["scope"] == "Namespaced":
                body = {"apiVersion": group, "kind": names["kind"], "metadata": {"generateName": "is-served-"}}
                self.request("POST", f"/apis/{group}/namespaces/default/{names['plural']}?dryRun=All", body)
        except ApiError as error:
            return error.status not in {http.HTTPStatus.NOT_FOUND, http.HTTPStatus.SERVICE_UNAVAILABLE}
        return True


def answers(address: str, path: str, *, tls: ssl.SSLContext | None = None, seconds: float = 1.0) -> bool:
    """Say whether a GET of *path* is answered with 200, each of its steps within *seconds*."""
    if tls is None:
        connection = http.client.HTTPConnection(address, timeout=seconds)
    else:
        connection = http.client.HTTPSConnection(address, timeout=seconds, context=tls)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _flagged(files: Iterable[Path]) -> list[str]:
    return [f"--filename={each}" for each in files]


def _message(text: str) -> str:
    try:
        return str(json.loads(text).get("message", text))
    except (json.JSONDecodeError, AttributeError):
        return text.strip()
