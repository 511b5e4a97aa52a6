"""A stage's database saved and restored with PostgreSQL's own programs."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from baton_spine.stage import Stage

from baton_operator.local.binaries import postgres_programs
from baton_operator.local.postgres import create_database, drop_database


@dataclass(frozen=True)
class Backup:
    """
    A dump, consistent at one moment.

    Attributes:
        file: In PostgreSQL's own format.
    """

    file: Path

    @classmethod
    def of(cls, stage: Stage) -> Backup:
        """Save a stage's database while its operators work on it."""
        file = stage.folder / "baton.dump"
        _run("pg_dump", "--format=custom", f"--file={file}", stage.database_url)
        return cls(file)

    def restore(self, stage: Stage) -> None:
        """Put it back into the same database: who it is stays, as with a restore to a point in time."""
        _run(
            "pg_restore", "--clean", "--if-exists", "--single-transaction", f"--dbname={stage.database_url}", self.file
        )


def make_anew(stage: Stage) -> None:
    """Replace a stage's database by an empty one of the same name."""
    server, name = stage.database_url.rsplit("/", 1)
    drop_database(f"{server}/postgres", name)
    create_database(f"{server}/postgres", name)


def type_line(stage: Stage, line: str, *, status: int = 0) -> str:
    """Type a line of a page about a stage's database; give what it prints, once it has ended with *status*."""
    path = os.pathsep.join([str(postgres_programs(18)), str(Path(sys.executable).parent), os.environ["PATH"]])
    environ = {**os.environ, "PATH": path, "BATON_DATABASE_URL": stage.database_url}
    done = subprocess.run(
        ["bash", "-c", line], cwd=stage.folder, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, f"{line}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def _run(program: str, *arguments: str | Path) -> None:
    done = subprocess.run([postgres_programs(18) / program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{program}: {done.stderr}"
