"""The bill of materials: all of the image's lock, nothing else, as CycloneDX's schema asks."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import jsonschema_rs
import pytest

from baton_supply import bom, locks, policy

MOMENT = 1_700_000_000


def written(moment: int = MOMENT) -> str:
    return bom.materials("baton", "0.1.0", "Apache-2.0", policy.load(), moment=moment)


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(written())
    return found


def test_it_is_the_lock(told: dict[str, Any]) -> None:
    """Same names, same versions, same hashes."""
    listed = {
        (each["name"], each["version"], *sorted(one["content"] for one in each["externalReferences"][0]["hashes"]))
        for each in told["components"]
    }
    assert listed == {(pin.name, pin.version, *sorted(pin.hashes)) for pin in locks.read(locks.IMAGE)}
    assert len(told["components"]) == len(listed)


def test_it_fits_the_schema(told: dict[str, Any]) -> None:
    """The one that CycloneDX publishes, strictly."""
    folder = resources.files("cyclonedx.schema") / "_res"
    names = [f"{each}.SNAPSHOT.schema.json" for each in ("bom-1.6", "spdx", "jsf-0.82")]
    schemas = [json.loads((folder / each).read_text()) for each in names]
    registry = jsonschema_rs.Registry(
        [(f"http://cyclonedx.org/schema/{name}", schema) for name, schema in zip(names, schemas, strict=True)]
    )
    validator = jsonschema_rs.validator_for(schemas[0], registry=registry)
    assert [each.message for each in validator.iter_errors(told)] == []
    assert not validator.is_valid({**told, "specVersion": 7})


def test_every_package_has_its_licence(told: dict[str, Any]) -> None:
    by_name = {each["name"]: each["licenses"] for each in told["components"]}
    assert by_name["kopf"] == [{"license": {"id": "MIT"}}]
    assert by_name["aiohttp"] == [{"expression": "Apache-2.0 AND MIT"}]
    assert all(by_name.values())
    assert told["metadata"]["component"]["licenses"] == [{"license": {"id": "Apache-2.0"}}]


def test_it_says_who_asked(told: dict[str, Any]) -> None:
    """From Baton, every package that Linux installs is reached; all of the edges lead to a package."""
    edges = {each["ref"]: set(each.get("dependsOn", ())) for each in told["dependencies"]}
    parts = {each["bom-ref"] for each in told["components"] if each["scope"] == "required"}
    reached, waiting = set[str](), {told["metadata"]["component"]["bom-ref"]}
    while waiting:
        each = waiting.pop()
        reached.add(each)
        waiting |= edges[each] - reached
    assert parts - reached == set()


def test_what_linux_does_not_install_is_optional(told: dict[str, Any]) -> None:
    optional = {each["name"]: each["properties"] for each in told["components"] if each["scope"] == "optional"}
    assert optional["colorama"] == [{"name": "baton:marker", "value": 'sys_platform == "win32"'}]
    by_name = {each["name"]: each["scope"] for each in told["components"]}
    assert by_name["psycopg-binary"] == "required"


def test_it_names_no_index() -> None:
    assert "pypi.org" not in written()


def test_the_same_tree_and_moment_give_the_same_text() -> None:
    assert written() == written()
    assert json.loads(written(MOMENT + 1))["serialNumber"] != json.loads(written())["serialNumber"]
    assert json.loads(written())["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"
