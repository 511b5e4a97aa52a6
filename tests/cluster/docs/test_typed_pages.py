"""What pages have a newcomer type is typed, line by line, as it stands there: the quickstart, and looks around."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from baton_docs.blocks import ROOT, typed_by
from baton_docs.reader import Reader

from baton_operator.local.home import Home
from baton_operator.local.stack import Stack

pytestmark = pytest.mark.timeout(900)  # a busy machine is slow to type
LINES = typed_by("tests/cluster/docs/test_typed_pages.py")
#: Documents, each with the name that the text after it gives.
_DOCUMENT = re.compile(r"```yaml\n(.*?)```\n\nSave it as `([^`]+)`", re.DOTALL)
#: What a page names as an example, and what there is here.
HERE = {"engine/ci-jenkins": "engine/tasks", "kubectl get runs -w": "timeout 5 kubectl get runs -w"}
#: What watches until it is stopped.
STOPPED = {"kubectl get runs -w": frozenset({124})}
#: Pages with lines for which nothing has to be made ready.
OTHERS = sorted(
    {block.page for block, _ in LINES} - {"README.md", "docs/quickstart.md", "docs/gitops.md", "examples/README.md"}
)


@pytest.fixture(scope="module")
def reader(new_reader: Callable[[Path], tuple[Reader, Home]]) -> Reader:
    """Somebody who has typed `make up` and copied its line."""
    programs = Path(sys.prefix) / "bin"
    made, home = new_reader(programs)
    made.environ["KUBECONFIG"] = str(Stack(home, print, fsync=False).up(operator=True).kubeconfig)
    (made.folder / ".venv").symlink_to(programs.parent)
    (made.folder / "examples").symlink_to(ROOT / "examples")
    return made


def type_page(reader: Reader, page: str) -> dict[str, str]:
    """Type what is left to us of a page; give what each line printed."""
    for document, name in _DOCUMENT.findall((ROOT / page).read_text()):
        (reader.folder / name).write_text(document)
    lines = [line for block, line in LINES if block.page == page]
    return {line: reader.type(line, here=HERE, ends=STOPPED.get(line, frozenset({0}))) for line in lines}


def test_the_quickstart(reader: Reader) -> None:
    said = type_page(reader, "docs/quickstart.md")
    assert len(said) >= 10
    assert "greet-ada" in said["kubectl get runs"]
    assert "InvalidParameters" in said["kubectl describe run greet-nobody"]
    history = [words for command, words in said.items() if command.endswith("history greet-ada")]
    assert all("Succeeded" in words for words in history)


def test_the_looks_around_of_the_readme_and_the_examples(reader: Reader) -> None:
    reader.type("kubectl apply -f examples/")
    reader.type("kubectl wait --for=condition=Completed run/fleet-all run/flaky-order --timeout=110s")
    said = type_page(reader, "README.md")
    assert "hello-ada" in said["kubectl get runs"]
    assert "hello-ada" not in said["kubectl get runs --field-selector status.phase=Failed"]
    assert "Ada" in said[".venv/bin/baton runs logs hello-ada"]
    assert "attempt" in said[".venv/bin/baton runs get fleet-all"]
    type_page(reader, "examples/README.md")


def test_the_waits_of_the_page_on_gitops(reader: Reader) -> None:
    (whole,) = re.findall(r"```yaml\n(apiVersion: baton.dev/v1alpha1\nkind: Automation\n.*?)```", _readme(), re.DOTALL)
    (reader.folder / "run.yaml").write_text(whole)
    reader.type("kubectl apply -f examples/00-engine.yaml")
    said = type_page(reader, "docs/gitops.md")
    assert "condition met" in said["kubectl wait --for=condition=Completed run/fleet-2026-47 --timeout=1h"]


@pytest.mark.parametrize("page", OTHERS)
def test_the_lines_of_another_page(reader: Reader, page: str) -> None:
    """Questions that can be asked of any Baton."""
    assert type_page(reader, page)


def _readme() -> str:
    return (ROOT / "README.md").read_text()
