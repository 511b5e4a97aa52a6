"""The three kinds on a real API server, and a short way to ask it what it thinks of an object."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from baton_operator.local import baton
from baton_operator.local.api_server import ApiServer
from baton_operator.local.errors import ApiError

PLURALS = {"Engine": "engines", "Automation": "automations", "Run": "runs"}


@dataclass(frozen=True)
class Judge:
    """
    Asks the API server about objects of one namespace.

    Refusals come back as text: the message that a person would read.
    """

    api_server: ApiServer
    namespace: str

    def path(self, kind: str, name: str = "", *, dry: bool = False) -> str:
        """Give the address of the kind's objects, or of one of them."""
        base = f"/apis/baton.dev/v1alpha1/namespaces/{self.namespace}/{PLURALS[kind]}"
        return f"{base}/{name}".rstrip("/") + "?fieldValidation=Strict" + ("&dryRun=All" if dry else "")

    def create(self, kind: str, spec: Mapping[str, Any], name: str = "x", *, dry: bool = False) -> dict[str, Any]:
        """Make an object, or with *dry* only ask what it would become."""
        body = {
            "apiVersion": "baton.dev/v1alpha1",
            "kind": kind,
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": spec,
        }
        return self.api_server.request("POST", self.path(kind, dry=dry), body)

    def refusal(self, kind: str, spec: Mapping[str, Any], name: str = "x") -> str:
        """Say why the API server refuses a new object, or give an empty text if it takes it."""
        return refusal_of(lambda: self.create(kind, spec, name, dry=True))

    def change(self, kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Merge *spec* into a stored object's."""
        return self.api_server.request("PATCH", self.path(kind, name), {"spec": spec})

    def refusal_of_change(self, kind: str, name: str, spec: Mapping[str, Any]) -> str:
        """Say why a change is refused, or give an empty text after making it."""
        return refusal_of(lambda: self.change(kind, name, spec))

    def set_status(self, kind: str, name: str, status: Mapping[str, Any], *, dry: bool = False) -> dict[str, Any]:
        """Merge *status* into a stored object's."""
        path = self.path(kind, f"{name}/status", dry=dry)
        return self.api_server.request("PATCH", path, {"status": status})

    def refusal_of_status(self, kind: str, name: str, status: Mapping[str, Any]) -> str:
        """Say why a status would be refused, or give an empty text."""
        return refusal_of(lambda: self.set_status(kind, name, status, dry=True))

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Read an object."""
        return self.api_server.request("GET", self.path(kind, name))


def refusal_of(act: Callable[[], object]) -> str:
    try:
        act()
    except ApiError as error:
        assert error.status in {400, 422}, error  # noqa: PT017 - a helper, not a test
        return str(error)
    return ""


@pytest.fixture(scope="session")
def definitions(api_server: ApiServer) -> ApiServer:
    """The API server, with the three kinds served and taken."""
    baton.install(api_server)
    return api_server


@pytest.fixture
def judge(definitions: ApiServer, namespace: str) -> Judge:
    return Judge(definitions, namespace)


@pytest.fixture(scope="module")
def shared_judge(definitions: ApiServer) -> Iterator[Judge]:
    """A judge for all tests of a module that only ask, or that agree about names."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    definitions.create_namespace(name)
    yield Judge(definitions, name)
    definitions.delete_namespace(name)
