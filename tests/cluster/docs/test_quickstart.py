"""The quickstart is typed, line by line, as it stands on its page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from baton_operator.local.scratch import scratch_home
from baton_operator.local.stack import Stack

PAGE = Path(__file__).parents[3] / "docs" / "quickstart.md"
#: Documents, each with the name that the text after it gives; and lines that are commands.
_DOCUMENT = re.compile(r"```yaml\n(.*?)```\n\nSave it as `([^`]+)`", re.DOTALL)
_COMMAND = re.compile(r"^ {4}(\S.*)$", re.MULTILINE)
#: What this test does in another way: it has a home of its own, and leaves the repository's alone.
_ELSEWHERE = re.compile(r"make (demo|up|down)|export KUBECONFIG")


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Somebody who has typed `make up` and copied its line, in a folder of their own."""
    with scratch_home(print) as home:
        stack = Stack(home, print, fsync=False)
        kubeconfig = stack.up(operator=True).kubeconfig
        (tmp_path / ".venv").symlink_to(Path(sys.prefix))
        own = {key: value for key, value in os.environ.items() if not key.startswith("BATON_")}
        path = os.pathsep.join([str(Path(sys.prefix) / "bin"), own["PATH"]])
        yield {**own, "PATH": path, "KUBECONFIG": str(kubeconfig), "BATON_HOME": str(home.path)}
        stack.down()


def test_every_command_of_the_quickstart_works(reader: dict[str, str], tmp_path: Path) -> None:
    """Each ends well, and says what the page promises."""
    text = PAGE.read_text()
    for document, name in _DOCUMENT.findall(text):
        (tmp_path / name).write_text(document)
    said: dict[str, str] = {}
    for command in _COMMAND.findall(_DOCUMENT.sub("", text)):
        if _ELSEWHERE.match(command):
            continue
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, env=reader, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        said[command] = done.stdout
    assert len(said) >= 10
    assert "greet-ada" in said["kubectl get runs"]
    assert "InvalidParameters" in said["kubectl describe run greet-nobody"]
    history = [words for command, words in said.items() if command.endswith("history greet-ada")]
    assert all("Succeeded" in words for words in history)
