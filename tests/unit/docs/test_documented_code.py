"""The pages' pieces of Python, TOML and XML: each runs, or is read by what reads such a file."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import tomllib
from itertools import groupby
from xml.etree import ElementTree as ET

import pytest
from baton_docs.blocks import Block, read_by

BLOCKS = read_by("tests/unit/docs/test_documented_code.py")
PYTHON = {page: list(each) for page, each in groupby((b for b in BLOCKS if b.language == "python"), lambda b: b.page)}
#: What a page's pieces take for granted: imports that any module of the kind has, and what a task is given.
GIVEN = """
from types import SimpleNamespace
from uuid import uuid4
from sqlalchemy import String
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, mapped_column
from baton_models import WorkflowManagedMixin, extension_model_base, register_data_model
from baton_operator.tasks import TaskContext, task

def _compiled(statement):
    return str(statement.compile(dialect=postgresql.dialect()))

row = SimpleNamespace(workflow_instance_id=uuid4())
context = SimpleNamespace(run_id=uuid4(), session=SimpleNamespace(scalar=_compiled, scalars=_compiled))
"""
#: A line of a class's body, and the class that the page speaks of.
FIELD = """
class Host(extension_model_base("page")):
    _ext_table = "host"
    id: Mapped[int] = mapped_column(primary_key=True)
"""


@pytest.mark.parametrize("page", PYTHON)
def test_a_pages_python_runs(page: str) -> None:
    """In a process of its own, since models are known to all of one; piece after piece, as the page has them."""
    pieces = [FIELD + each.text if each.text.startswith("    ") else each.text for each in PYTHON[page]]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join([GIVEN, *pieces])], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "toml"], ids=lambda each: each.where)
def test_entry_points_are_of_groups_that_are_read(block: Block) -> None:
    groups = tomllib.loads(block.text)["project"]["entry-points"]
    assert set(groups) <= {"baton.models", "baton.migrations", "baton.tasks", "baton.engines"}
    assert len({name for points in groups.values() for name in points}) == 1, "one namespace, everywhere the same"


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "xml"], ids=lambda each: each.where)
def test_xml_is_whole(block: Block) -> None:
    ET.fromstring(textwrap.dedent(block.text))  # noqa: S314 - our own page


def test_each_language_is_there() -> None:
    assert {each.language for each in BLOCKS} == {"python", "toml", "xml"}
    assert set(PYTHON) == {"README.md", "docs/engines/embedded.md", "docs/extensions.md"}
