"""The ten minutes of docs/extensions.md are typed: a package of one's own, from nothing to its second revision."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from baton_docs.blocks import ROOT, typed_by
from baton_docs.reader import Reader

from baton_operator.local.home import Home

PAGE = "docs/extensions.md"
LINES = [line for _, line in typed_by("tests/cluster/docs/test_extensions_page.py")]
#: A virtual environment finds Baton in that of the tests, and asks no index for what a package needs.
_FINDS = "import site; site.addsitedir({site!r})\n"
_OFFLINE = " --no-build-isolation --no-index --no-deps"
_PROGRAMS = ("baton", "baton-operator", "baton-worker", "baton-migrate")
#: What the page leaves to the reader: to look only after the Run has ended.
_END = "kubectl wait --for=condition=Completed run/acme-see-web-1 --timeout=110s"


@pytest.fixture(scope="module")
def author(new_reader: Callable[[Path], tuple[Reader, Home]], tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Somebody who has a virtual environment with Baton, into which packages of their own can be installed."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    purelib = next(folder.glob("lib/python*/site-packages"))
    (purelib / "baton-of-the-tests.pth").write_text(_FINDS.format(site=sysconfig.get_path("purelib")))
    for name in _PROGRAMS:
        text = Path(sys.executable).with_name(name).read_text()
        (folder / "bin" / name).write_text(re.sub(r"\A#!.*", f"#!{python}", text))
    for name in ("pip", "pytest"):
        (folder / "bin" / name).write_text(f'#!/bin/sh\nexec {python} -m {name} "$@"\n')
    for name in (*_PROGRAMS, "pip", "pytest"):
        (folder / "bin" / name).chmod(0o755)
    reader, _ = new_reader(folder / "bin")
    return reader


@pytest.mark.timeout(900)
def test_the_ten_minutes(author: Reader) -> None:
    """Each line ends well and says what the page promises; a model is changed as the page has it."""
    for line in LINES:
        if line.startswith("export KUBECONFIG"):
            found = re.search(r"export KUBECONFIG=(\S+)", author.said["baton local up"])
            assert found, author.said["baton local up"]
            author.environ["KUBECONFIG"] = str(author.folder / found[1])
            continue
        if line.startswith("baton revision --extension"):
            _note_the_operating_system(author.folder / "acme" / "acme_baton" / "models.py")
        author.type(line, here={"pip install -e acme": f"pip install -e acme{_OFFLINE}"})
        if line.startswith("kubectl apply"):
            author.type(_END)
    assert "web-1 was seen; hosts known: 1" in author.said["baton runs logs acme-see-web-1"]
    assert "passed" in author.said["pytest acme"]
    assert (author.folder / "acme/acme_baton/migrations/versions/0002_note_the_operating_system.py").is_file()
    assert "acme: at head" in author.said["baton migrate"]
    assert "acme.Host" in author.said["baton extensions list"]


def _note_the_operating_system(models: Path) -> None:
    """Add the page's own line to the class that it names."""
    found = re.search(r"add to `Host`\n\n```python\n(    os: .*\n)```", (ROOT / PAGE).read_text())
    assert found
    text = models.read_text()
    name = next(line for line in text.splitlines() if line.startswith("    name: "))
    models.write_text(text.replace(f"{name}\n", f"{name}\n{found[1]}"))
