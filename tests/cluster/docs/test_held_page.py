"""The page on held submissions is typed: an answer is lost, a person decides, and the Run ends."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from baton_docs.blocks import ROOT, typed_by
from baton_docs.reader import Reader

from baton_operator.local.home import Home
from baton_operator.local.stack import LocalEngine, Stack

pytestmark = pytest.mark.timeout(900)  # a busy machine is slow to type
PAGE = "docs/held-submissions.md"
LINES = [line for block, line in typed_by("tests/cluster/docs/test_held_page.py") if block.page == PAGE]
#: Where the page has `make up` again.
ENDED = "pkill -KILL"


def test_a_lost_answer_is_held_and_decided(new_reader: Callable[[Path], tuple[Reader, Home]]) -> None:
    """Line by line, on an Argo that really freezes."""
    programs = Path(sys.prefix) / "bin"
    reader, home = new_reader(programs)
    stack = Stack(home, print, fsync=False)
    endpoints = stack.up([LocalEngine.ARGO], operator=True)
    (reader.folder / ".venv").symlink_to(programs.parent)
    (reader.folder / "examples").symlink_to(ROOT / "examples")
    ((document, name),) = re.findall(r"```yaml\n(.*?)```\n\nSave it as `([^`]+)`", (ROOT / PAGE).read_text(), re.DOTALL)
    (reader.folder / name).write_text(document)
    frozen = home.process("argo-server").identity()
    assert frozen
    #: Other people's servers on this machine are not ours to freeze.
    here = {
        ".baton/kubeconfig": str(endpoints.kubeconfig),
        "pkill -STOP -f 'argo server'": f"kill -STOP {frozen.pid}",
        "pkill -KILL -f 'argo server'": f"kill -KILL {frozen.pid}",
    }
    reader.environ["KUBECONFIG"] = str(endpoints.kubeconfig)
    for line in LINES:
        reader.type(line, here=here)
        if line.startswith(ENDED):
            stack.up([LocalEngine.ARGO], operator=True)
    assert "run/argo-hello-lost" in reader.said["kubectl get events --field-selector reason=SubmissionHeld"]
    assert "the engine may have run and forgotten it" in reader.said[".venv/bin/baton runs resolve argo-hello-lost"]
    assert "is sent again" in reader.said[".venv/bin/baton runs resolve argo-hello-lost --resubmit"]
    history = reader.said[".venv/bin/baton runs history argo-hello-lost"]
    assert history.count("Dispatched") == 1
    assert "Succeeded" in history
