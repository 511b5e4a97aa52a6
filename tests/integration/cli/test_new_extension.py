"""A newcomer's first minutes: from an empty folder to a new column, with the commands that the README names."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
import yaml

from baton_operator.cli.exits import CommandError
from baton_operator.cli.scaffold import write_package


class Newcomer:
    """A person with an environment of their own, in which Baton is installed, and a folder to work in."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self._bin = folder / "venv" / "bin"
        venv.create(folder / "venv", with_pip=False)
        (packages,) = folder.glob("venv/lib/python*/site-packages")
        parent = sysconfig.get_path("purelib")  # Baton and what it needs; the index is not asked
        (packages / "parent.pth").write_text(f"import site; site.addsitedir({parent!r})\n")
        self._environ = {**os.environ, "BATON_DATABASE_URL": database_url, "NO_COLOR": "1", "COLUMNS": "250"}
        self._environ.pop("PYTHONPATH", None)

    def pip_install(self, package: Path) -> None:
        """Do what `pip install -e` does, without asking an index."""
        options = ("--quiet", "--disable-pip-version-check", "--no-build-isolation", "--no-deps", "--no-index")
        pip = [sys.executable, "-m", "pip", "--python", self._bin / "python", "install", *options]
        subprocess.run([*pip, "-e", package], check=True)

    def baton(self, *arguments: str, code: int = 0) -> str:
        """Run a command and give what it says; its exit code must be *code*."""
        return self._run("from baton_operator.cli import main; main()", *arguments, code=code)

    def pytest(self, package: Path) -> str:
        """Run the package's own tests."""
        words = ("-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "--rootdir", str(package), str(package / "tests"))
        return self._run("import pytest, sys; sys.exit(pytest.main())", *words)

    def _run(self, program: str, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [self._bin / "python", "-c", program, *arguments],
            cwd=self.folder,
            env=self._environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.mark.timeout(600)  # a dozen processes, one after the other
def test_from_an_empty_folder_to_a_new_column(tmp_path, new_database):
    newcomer = Newcomer(tmp_path, new_database(owned=True))
    package = tmp_path / "acme"
    said = newcomer.baton("extensions", "new", "acme")
    assert said.splitlines()[-5:] == [
        "Next:",
        "  pip install -e acme             # beside Baton, in its environment",
        "  baton migrate                   # makes the table ext_acme_host; a new `baton local up` does it, too",
        "  baton extensions check acme     # does everything fit?",
        "Then read acme/README.md: it runs the task and adds a column.",
    ]
    newcomer.pip_install(package)
    assert newcomer.baton("migrate").endswith("acme: 0001_first The first tables.\nacme: at head\n")
    assert newcomer.baton("revision", "-e", "acme", "-m", "nothing") == (
        "acme: nothing changed: the database is what the models say\n"
    )
    assert len(list(package.glob("acme_baton/migrations/versions/*.py"))) == 1
    assert "3 passed" in newcomer.pytest(package)

    models = package / "acme_baton" / "models.py"
    column = "    os: Mapped[str | None] = mapped_column(String(50))\n"
    models.write_text(models.read_text().replace("    seen_at:", f"{column}    seen_at:"))
    assert "the models are ahead of the tables: + column ext_acme_host.os" in newcomer.baton(
        "extensions", "check", "acme", code=1
    )
    written = newcomer.baton("revision", "--extension", "acme", "-m", "add the operating system")
    revision = package / "acme_baton" / "migrations" / "versions" / "0002_add_the_operating_system.py"
    assert written == (
        f"acme: wrote {revision}\n  + column ext_acme_host.os VARCHAR(50)\nRead it, then: baton migrate\n"
    )
    assert newcomer.baton("migrate").endswith("acme: at head\n")
    checked = newcomer.baton("extensions", "check")
    assert "wrong" not in checked
    assert "look" not in checked


def test_the_package_is_complete_and_names_nothing_but_its_namespace(tmp_path):
    written = write_package("acme", tmp_path / "acme")
    assert Path("acme_baton/migrations/versions/0001_first.py") in written
    texts = {path: (tmp_path / "acme" / path).read_text() for path in written}
    assert [path for path, text in texts.items() if "@ns@" in text] == []
    for path, text in texts.items():
        if path.suffix == ".py":
            compile(text, str(path), "exec")
    kinds = [each["kind"] for each in yaml.safe_load_all(texts[Path("automation.yaml")])]
    assert kinds == ["Engine", "Automation", "Run"]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(CommandError, match="is there and not empty: name another place by --folder"):
        write_package("acme", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
