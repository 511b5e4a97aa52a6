"""
Copies the custom resource definitions into the chart, as templates.

The repository's ``crds/`` is the source. Helm never upgrades what lies in a chart's own ``crds/`` folder, so the chart
carries them as templates, behind two values: ``crds.enabled`` installs them, ``crds.keep`` keeps them when the release
goes.

    python charts/copy_crds.py            write the copies
    python charts/copy_crds.py --check    say which differ, and exit with 1 if any does
"""  # noqa: INP001 - a script beside the chart, not a package

from __future__ import annotations

import argparse
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "crds"
TARGET = Path(__file__).parent / "baton" / "templates" / "crds"

_HEAD = """\
{{{{- /* Made from crds/{name} by charts/copy_crds.py; do not edit. */ -}}}}
{{{{- if .Values.crds.enabled }}}}
"""
_KEEP = """\
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
"""
_TAIL = "{{- end }}\n"


def template(name: str, definition: str) -> str:
    """
    Wrap one definition with the chart's two switches.

    Args:
        name: The source's file name, for the remark in the first line.
        definition: The source's text; its ``metadata`` has no annotations.

    Raises:
        ValueError: If Helm would read a part of the text as a template, or ``metadata`` is not where it is expected.
    """
    if "{{" in definition:
        raise ValueError(f"{name} contains '{{{{', which Helm would execute: rephrase it")
    before, found, after = definition.partition("\nmetadata:\n")
    if not found or "\n  annotations:\n" in "\n" + after.partition("\nspec:\n")[0]:
        raise ValueError(f"{name} has no top-level metadata without annotations: the switch crds.keep has no place")
    return _HEAD.format(name=name) + before + found + _KEEP + after + _TAIL


def copies() -> dict[Path, str]:
    """Return what the chart shall contain: each copy's path and text."""
    return {TARGET / source.name: template(source.name, source.read_text()) for source in sorted(SOURCE.glob("*.yaml"))}


def differences() -> list[str]:
    """Name the copies that are missing, differ from their source or have none, in order."""
    wanted = copies()
    stale = [path.name for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    orphans = [path.name for path in TARGET.glob("*.yaml") if path not in wanted]
    return sorted(stale + orphans)


def write() -> None:
    """Make the chart's copies equal to their sources, and remove those that have none."""
    wanted = copies()
    TARGET.mkdir(parents=True, exist_ok=True)
    for path in TARGET.glob("*.yaml"):
        if path not in wanted:
            path.unlink()
    for path, text in wanted.items():
        path.write_text(text)


def main(arguments: list[str] | None = None) -> int:
    """Run the script; the result is its exit code."""
    parser = argparse.ArgumentParser(description="Copy crds/ into the chart.")
    parser.add_argument("--check", action="store_true", help="only compare; exit with 1 if a copy differs")
    if not parser.parse_args(arguments).check:
        write()
        return 0
    stale = differences()
    for name in stale:
        sys.stderr.write(f"charts/baton/templates/crds/{name} differs from crds/: run `make generate`\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
