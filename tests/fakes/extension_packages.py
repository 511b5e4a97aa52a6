"""Packages of extensions, as pip leaves them: a folder to be named in PYTHONPATH, with entry points and revisions."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from baton_migrations.chains import Chain

REVISION = '''"""{doc}."""

import sqlalchemy as sa
from alembic import op

revision = {revision!r}
down_revision = {down!r}
{since}

def upgrade():
    {body}
'''

MODELS = '''"""Models of {namespace}."""

from sqlalchemy.orm import Mapped, mapped_column

from baton_models.extension import WorkflowManagedMixin, extension_model_base
from baton_models.registry import register_data_model

Model = extension_model_base("{namespace}")

'''


@dataclass(frozen=True)
class ExtensionPackage:
    """
    One package of an extension.

    Attributes:
        site: The folder on the path, which other packages may share.
        namespace: Its namespace.
        version: Its release.
    """

    site: Path
    namespace: str
    version: str = "1.0.0"

    @classmethod
    def make(
        cls, site: Path, namespace: str, *, models: str | None = None, tasks: str | None = None, version: str = "1.0.0"
    ) -> ExtensionPackage:
        """Put the package into *site*, with no revision; *models* and *tasks* are the texts of its modules."""
        made = cls(site, namespace, version)
        made.versions.mkdir(parents=True)
        for folder in (made.package, made.versions.parent):
            (folder / "__init__.py").write_text("")
        points = [("baton.migrations", f"{namespace}_baton.migrations")]
        for group, text in (("models", models), ("tasks", tasks)):
            if text is not None:
                (made.package / f"{group}.py").write_text(text)
                points.append((f"baton.{group}", f"{namespace}_baton.{group}"))
        info = site / f"{namespace}_baton-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {namespace}-baton\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(
            "\n".join(f"[{group}]\n{namespace} = {value}\n" for group, value in points)
        )
        return made

    @property
    def package(self) -> Path:
        """The folder of its code."""
        return self.site / f"{self.namespace}_baton"

    @property
    def versions(self) -> Path:
        """The folder of its revisions."""
        return self.package / "migrations" / "versions"

    @property
    def chain(self) -> Chain:
        """Its chain, without going through entry points."""
        return Chain(self.namespace, self.versions, self.version)

    def models(self, text: str) -> None:
        """Write its models anew: *text* follows the imports and ``Model``."""
        (self.package / "models.py").write_text(MODELS.format(namespace=self.namespace) + text)

    def revise(self, revision: str, *statements: str, since: str | None = "1.0.0") -> Path:
        """Add a revision to the end of the chain that runs SQL; a statement that begins with ``>`` is Python."""
        before = sorted(path.stem for path in self.versions.glob("*.py"))
        lines = [each[1:].strip() if each.startswith(">") else f"op.execute({each!r})" for each in statements]
        path = self.versions / f"{revision}.py"
        path.write_text(
            REVISION.format(
                doc=f"Step {revision}",
                revision=revision,
                down=before[-1] if before else None,
                since=f"readable_since = {since!r}" if since else "",
                body="\n    ".join(lines or ["pass"]),
            )
        )
        return path


def run_python(site: Path, *arguments: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the packages of *site* installed; colours and the width of a terminal are switched off."""
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    given = {**os.environ, "PYTHONPATH": path, "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1", **environ}
    command = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(command, env=given, capture_output=True, text=True, check=False, timeout=240)


def baton(site: Path, *arguments: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command line ``baton`` with the packages of *site* installed."""
    return run_python(site, "-c", "from baton_operator.cli import main; main()", *arguments, **environ)
