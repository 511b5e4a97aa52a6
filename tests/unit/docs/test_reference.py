"""The reference says what its sources say, and leaves nothing out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "docs" / "reference"


def test_the_pages_are_what_the_sources_say() -> None:
    """`make generate` writes them."""
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "write_reference.py", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("crds.md", "`spec.submission.onAmbiguous`"),
        ("crds.md", "`status.failures[].message`"),
        ("crds.md", "`spec.batches[].items`"),
        ("cli.md", "baton runs resolve"),
        ("cli.md", "baton local up"),
        ("cli.md", "baton extensions new"),
    ],
)
def test_it_goes_to_the_leaves(page: str, words: str) -> None:
    """Fields of fields, and commands of commands."""
    assert words in (REFERENCE / page).read_text()
