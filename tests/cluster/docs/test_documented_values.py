"""The pages' values, and their lines that install and upgrade, are taken by the chart and make what they name."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from baton_chart.rendering import CHART, ROOT, objects, run_helm
from baton_docs.blocks import Block, read_by, typed_by

ME = "tests/cluster/docs/test_documented_values.py"
DATABASE = {"database": {"existingSecret": {"name": "baton-db-app"}}}
#: What an upgrade knows from the release that is there, and what waits for it.
ELSEWHERE = {"--reset-then-reuse-values", "--reuse-values", "--wait"}


def rendered(values: Mapping[str, Any]) -> str:
    """Render the chart; where it refuses the values, say why."""
    done = run_helm("template", "b", str(CHART), "--values=-", stdin=yaml.safe_dump(dict(values)))
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("block", read_by(ME), ids=lambda each: each.where)
def test_values_are_taken_and_count(block: Block) -> None:
    """A value that is misspelt is refused, and one that counts changes what is rendered."""
    values = {**DATABASE, **yaml.safe_load(block.text)}
    assert rendered(values) != rendered(DATABASE)


@pytest.mark.parametrize(("block", "line"), typed_by(ME), ids=lambda each: str(each)[:60])
def test_a_line_of_helm_is_understood(block: Block, line: str) -> None:
    words = [each for each in shlex.split(line) if each not in ELSEWHERE]
    assert words[:2] in (["helm", "install"], ["helm", "upgrade"])
    if "database." not in line:
        words.append("--set=database.bundled.enabled=true")
    done = run_helm("template", *(each.replace("charts/", f"{ROOT}/charts/") for each in words[2:]))
    assert done.returncode == 0, f"{block.where}: {done.stderr}"
    assert {"Deployment", "Service"} <= {each["kind"] for each in objects(done.stdout)}
