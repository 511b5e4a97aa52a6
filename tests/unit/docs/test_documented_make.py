"""The lines of the pages that call make: it knows each target, and asks for each variable that is given."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from baton_docs.blocks import typed_by

ROOT = Path(__file__).parents[3]
LINES = sorted({line for _, line in typed_by("tests/unit/docs/test_documented_make.py")})


@pytest.mark.parametrize("line", LINES)
def test_make_knows_what_it_is_asked_for(line: str) -> None:
    """Without doing it: that takes minutes, and has tests of its own."""
    words = line.replace("ca.pem", "/dev/null")
    done = subprocess.run(["bash", "-c", f"{words} --dry-run"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    makefile = (ROOT / "Makefile").read_text()
    for name in re.findall(r"\b([A-Z_]+)=", line):
        assert re.search(rf"^{name} \?=", makefile, re.MULTILINE), f"nothing reads {name}"


def test_the_lines_are_many() -> None:
    assert {"make demo", "make up", "make demo ENGINE=argo"} <= set(LINES)
