"""The one folder that holds everything a local Baton keeps."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from baton_operator.local.locking import file_lock
from baton_operator.local.process import ServerProcess
from baton_operator.local.progress import Say

_STOP_SIGNALS = {
    "postgres-16": signal.SIGINT,  # end now, not when all clients have left
    "postgres-18": signal.SIGINT,
    "argo-controller": signal.SIGKILL,  # all three keep nothing, and take no notice of SIGTERM
    "argo-server": signal.SIGKILL,
    "argo-server-client": signal.SIGKILL,
    "airflow-api-server": signal.SIGKILL,  # all three keep everything in PostgreSQL, and need half a minute to end
    "airflow-dag-processor": signal.SIGKILL,
    "airflow-scheduler": signal.SIGKILL,
}


@dataclass(frozen=True, slots=True)
class Home:
    """
    A folder with one sub-folder a server.

    Attributes:
        path: Where it is; absolute.
    """

    path: Path

    @classmethod
    def at(cls, path: Path | str) -> Home:
        """Give the home at *path*, which need not exist yet; nobody else may read what will be in it."""
        absolute = Path(path).absolute()
        absolute.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(absolute)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, once the API server was started."""
        return self.path / "kubeconfig"

    def folder(self, name: str) -> Path:
        """Give the folder of the server called *name*, made if it is missing."""
        folder = self.path / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def known(self) -> list[str]:
        """Name all servers that were ever started here, in the order of their names."""
        return sorted(each.parent.name for each in self.path.glob("*/log"))

    def process(self, name: str) -> ServerProcess:
        """Give the process of the server called *name*."""
        return ServerProcess(name, self.folder(name), stop_signal=_STOP_SIGNALS.get(name, signal.SIGTERM))

    @contextmanager
    def locked(self, say: Say) -> Iterator[None]:
        """Let only one process at a time start or stop servers here."""
        with file_lock(self.path / ".lock", on_wait=lambda: say(f"waiting: another process works in {self.path}")):
            yield


def write_private(path: Path, content: bytes | str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    temporary.replace(path)
