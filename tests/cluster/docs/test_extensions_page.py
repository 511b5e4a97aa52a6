"""The ten minutes of docs/extensions.md are typed: a package of one's own, from nothing to its second revision."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from baton_docs.blocks import ROOT, typed_by
from baton_docs.reader import Reader

from baton_operator.local.home import Home
from baton_operator.local.postgres import Postgres
from baton_operator.local.stack import DATABASE

PAGE = "docs/extensions.md"
LINES = [line for _, line in typed_by("tests/cluster/docs/test_extensions_page.py")]
#: A virtual environment finds Baton in that of the tests, and asks no index for what a package needs.
_FINDS = "import site; site.addsitedir({site!r})\n"
_OFFLINE = " --no-build-isolation --no-index --no-deps"
_PROGRAMS = ("baton", "baton-operator", "baton-worker", "baton-migrate")
#: What the page leaves to the reader: to look only after the Run of a file has ended.
_END = "kubectl wait --for=condition=Completed run/{} --timeout=110s"
_RUNS = {
    "kubectl apply -f acme/automation.yaml": "acme-see-web-1",
    "kubectl apply -f acme/linux.yaml": "acme-see-web-2",
}


@pytest.fixture(scope="module")
def author(
    new_reader: Callable[[Path], tuple[Reader, Home]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Reader, Home]:
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
    return new_reader(folder / "bin")


@pytest.mark.timeout(900)
def test_the_ten_minutes(author: tuple[Reader, Home]) -> None:
    """Each line ends well and says what the page promises; models and tasks are changed as the page has it."""
    reader, home = author
    changes = {"baton revision": _note_the_operating_system, "baton local down": _let_the_task_write_it}
    for line in LINES:
        if line.startswith("export KUBECONFIG"):
            found = re.search(r"export KUBECONFIG=(\S+)", reader.said["baton local up"])
            assert found, reader.said["baton local up"]
            reader.environ["KUBECONFIG"] = str(reader.folder / found[1])
            continue
        for begin, change in changes.items():
            if line.startswith(begin):
                change(reader.folder / "acme")
        reader.type(line, here={"pip install -e acme": f"pip install -e acme{_OFFLINE}"})
        if line in _RUNS:
            reader.type(_END.format(_RUNS[line]))
    assert "web-1 was seen; hosts known: 1" in reader.said["baton runs logs acme-see-web-1"]
    assert "passed" in reader.said["pytest acme"]
    assert (reader.folder / "acme/acme_baton/migrations/versions/0002_note_the_operating_system.py").is_file()
    assert "acme: at head" in reader.said["baton migrate"]
    assert "acme.Host" in reader.said["baton extensions list"]
    assert "web-2 was seen; hosts known: 2" in reader.said["baton runs logs acme-see-web-2"]
    with psycopg.connect(Postgres(home).own_url(DATABASE)) as connection:
        connection.execute("SET baton.data_models = 'ext_acme_host'")
        found = connection.execute("SELECT name, os FROM ext_acme_host ORDER BY name").fetchall()
    assert found == [("web-1", None), ("web-2", "Linux")]


def _shown(pattern: str) -> str:
    """Give what the page shows where it matches, once."""
    found = re.findall(pattern, (ROOT / PAGE).read_text(), re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def _note_the_operating_system(package: Path) -> None:
    """Add the page's own line to the class that it names."""
    column = _shown(r"add to `Host`\n\n```python\n(    os: [^\n]*\n)```")
    _change(package / "acme_baton/models.py", "    name: ", lambda line: f"{line}\n{column.rstrip()}")


def _let_the_task_write_it(package: Path) -> None:
    """Put the page's two lines in the place of those that begin like them, and write its file."""
    tasks = package / "acme_baton" / "tasks.py"
    for theirs in _shown(r"`acme/acme_baton/tasks.py` become\n\n```python\n(.*?)```").splitlines():
        _change(tasks, theirs.partition("(")[0] + "(", lambda _, theirs=theirs: theirs)
    (package / "linux.yaml").write_text(_shown(r"`acme/linux.yaml`,[^`]*```yaml\n(.*?)```"))


def _change(file: Path, begin: str, change: Callable[[str], str]) -> None:
    """Change the one line that begins so."""
    lines = file.read_text().splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.startswith(begin)]
    lines[at] = change(lines[at])
    file.write_text("\n".join([*lines, ""]))
