"""Every file of `examples/`, applied to a real API server."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from baton_operator.local import baton
from baton_operator.local.api_server import ApiServer

FOLDER = Path(__file__).parents[3] / "examples"
FILES = sorted(path for path in FOLDER.rglob("*.yaml") if "argoproj.io/" not in path.read_text())


@pytest.fixture(scope="session")
def served(api_server: ApiServer) -> ApiServer:
    """The API server, with the three kinds served."""
    baton.install(api_server)  # with the policy: where others install it later, Runs are refused for seconds
    return api_server


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_an_example_is_accepted(served: ApiServer, namespace: str, path: Path) -> None:
    """As a new user applies it: plain `kubectl apply`, into a namespace of his."""
    wanted = {f"{each['kind'].lower()}/{each['metadata']['name']}" for each in yaml.safe_load_all(path.read_text())}
    said = served.kubectl("apply", "-n", namespace, "-f", path).splitlines()
    assert {line.replace(".baton.dev/", "/") for line in said} == {f"{each} created" for each in wanted}


def test_a_folder_is_applied_twice_without_a_change(served: ApiServer, namespace: str) -> None:
    """Applying everything again changes nothing: defaults and immutable fields do not get in the way."""
    served.kubectl("apply", "-n", namespace, "-f", FOLDER)
    said = served.kubectl("apply", "-n", namespace, "-f", FOLDER).splitlines()
    assert said
    assert [line for line in said if not line.endswith(" unchanged")] == []
