"""Images as `make image` builds them and as the cluster gets them, and what is in an image's archive."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
#: A name that every builder and every cluster take for a local one.
PREFIX = "localhost/baton"


@dataclass(frozen=True)
class Image:
    """
    An image that was built.

    Attributes:
        name: With its tag.
        archive: The file in docker's format that holds it.
    """

    name: str
    archive: Path

    @property
    def repository(self) -> str:
        """Its name without the tag."""
        return self.name.rpartition(":")[0]

    @property
    def tag(self) -> str:
        """Its tag."""
        return self.name.rpartition(":")[2]

    def config(self) -> dict[str, Any]:
        """What it says of itself: user, entry point, labels, layers."""
        with tarfile.open(self.archive) as archive:
            config: dict[str, Any] = json.loads(_text(archive, self._manifest(archive)["Config"]))
        return config

    def added_to(self, other: Image) -> list[tarfile.TarInfo]:
        """List the files of the layers that *other*, which has the same base, has not."""
        ours, theirs = self.config()["rootfs"]["diff_ids"], other.config()["rootfs"]["diff_ids"]
        shared = next((at for at, (one, two) in enumerate(zip(ours, theirs, strict=False)) if one != two), len(theirs))
        assert 0 < shared < len(ours), "the images have no base in common"
        found = []
        with tarfile.open(self.archive) as archive:
            for name in self._manifest(archive)["Layers"][shared:]:
                layer = archive.extractfile(archive.getmember(name))
                with tarfile.open(fileobj=layer) as opened:
                    found += opened.getmembers()
        return found

    @staticmethod
    def _manifest(archive: tarfile.TarFile) -> dict[str, Any]:
        manifest: dict[str, Any] = json.loads(_text(archive, "manifest.json"))[0]
        return manifest


def _text(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None
    return file.read()


class Images:
    """
    Builds images and loads them into the cluster.

    Attributes:
        folder: Where their archives go, and what they are made of.
    """

    def __init__(self, folder: Path, load: str) -> None:
        """Take the command that gives an archive to the cluster; the archive's path follows it."""
        self.folder = folder
        self._load = shlex.split(load)

    def build(self, tag: str, context: Path = ROOT) -> Image:
        """Build the Dockerfile in *context* by `make image`, and load the image; once for a folder that is kept."""
        image = Image(f"{PREFIX}:{tag}", self.folder / f"{tag}.tar")
        if image.archive.exists():
            return image
        part = image.archive.with_suffix(".part")
        words = [f"IMAGE={image.name}", f"IMAGE_ARCHIVE={part}", f"IMAGE_CONTEXT={context}"]
        _run("make", "--silent", "-C", str(ROOT), "image", *words)
        _run(*self._load, str(part))
        part.rename(image.archive)
        return image

    def derive(self, tag: str, dockerfile: str, *files: Path) -> Image:
        """Build and load an image from the text of a Dockerfile, and files or folders beside it."""
        context = self.folder / f"{tag}-context"
        shutil.rmtree(context, ignore_errors=True)
        context.mkdir()
        (context / "Dockerfile").write_text(dockerfile)
        for each in files:
            (shutil.copytree if each.is_dir() else shutil.copy)(each, context / each.name)
        return self.build(tag, context)


def _run(*command: str) -> None:
    done = subprocess.run(
        command, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=1500
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-5000:]}"
