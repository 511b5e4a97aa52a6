"""
Writes the pages of the reference that say what the sources say: the custom resources and the command line.

    python docs/write_reference.py            write docs/reference/
    python docs/write_reference.py --check    say which pages differ, and exit with 1 if any does
"""  # noqa: INP001 - a script beside the pages, not a package

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
import yaml
from rich.text import Text
from typer.core import TyperCommand, TyperGroup

from baton_operator.cli.application import application

ROOT = Path(__file__).parents[1]
TARGET = Path(__file__).parent / "reference"
KINDS = ("engines", "automations", "runs")

_CRDS = """\
# Custom resources

Group `baton.dev`, version `v1alpha1`. `kubectl explain run.spec` shows the same. What is required is marked with *;
rules are checked by the API server, and their messages are what it answers.
[Reasons](../reasons.md) explains the words in `status.conditions`.
"""
_CLI = """\
# Command line

`baton --help`, command by command. `kubectl baton` is the same program.
"""


def pages() -> dict[Path, str]:
    """Return the pages: each one's path and text."""
    kinds = [yaml.safe_load((ROOT / "crds" / f"{kind}.yaml").read_text()) for kind in KINDS]
    crds = "\n".join([_CRDS, *(line for kind in kinds for line in _kind(kind))])
    command = typer.main.get_command(application())
    cli = "\n".join([_CLI, *_command(command, typer.Context(command, info_name="baton"))])
    return {TARGET / "crds.md": crds.rstrip() + "\n", TARGET / "cli.md": cli.rstrip() + "\n"}


def _kind(crd: Mapping[str, Any]) -> Iterator[str]:
    """Write one kind: what it is, its columns, and each field of spec and status."""
    names, version = crd["spec"]["names"], crd["spec"]["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    yield f"## {names['kind']}\n"
    yield f"{_line(schema['description'])}\n"
    yield f"`kubectl get {names['plural']}`, in short {_words(names.get('shortNames', []))}.\n"
    selectable = [each["jsonPath"] for each in version.get("selectableFields", [])]
    if selectable:
        yield f"Selectable by `--field-selector`: {_words(selectable)}.\n"
    for part in ("spec", "status"):
        found = schema["properties"].get(part)
        if found:
            yield f"### {names['kind']} {part}\n"
            yield "| field | type | what it is |\n|---|---|---|"
            yield from _fields(found, part)
            yield ""
            yield from _rules(found)


def _fields(schema: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, field in schema.get("properties", {}).items():
        where = f"{path}.{name}"
        star = " *" if name in schema.get("required", []) else ""
        yield f"| `{where}`{star} | {_type(field)} | {_told(field)} |"
        yield from _fields(field, where)
        if field.get("type") == "array":
            yield from _fields(field["items"], f"{where}[]")
        if isinstance(field.get("additionalProperties"), dict):
            yield from _fields(field["additionalProperties"], f"{where}.KEY")


def _type(field: Mapping[str, Any]) -> str:
    if field.get("x-kubernetes-int-or-string"):
        return "integer or string"
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    if isinstance(field.get("additionalProperties"), dict):
        return f"map of {_type(field['additionalProperties'])}"
    return str(field.get("type", "any"))


def _told(field: Mapping[str, Any]) -> str:
    """Tell what a field is, with its default, what it may be, and what the API server checks."""
    parts = [_line(field.get("description", ""))]
    if "enum" in field:
        parts.append(f"One of {_words(field['enum'])}.")
    limits = [f"{word} {field[key]}" for key, word in _LIMITS.items() if key in field]
    if limits:
        parts.append(f"{', '.join(limits).capitalize()}.")
    parts += [
        f"Rule: {_line(rule['message'])}." for rule in field.get("x-kubernetes-validations", []) if "message" in rule
    ]
    return _cell(" ".join(part for part in parts if part)).replace("..", ".")


_LIMITS = {
    "minimum": "at least",
    "maximum": "at most",
    "minLength": "at least this many characters:",
    "maxLength": "at most this many characters:",
    "minItems": "at least this many entries:",
    "maxItems": "at most this many entries:",
    "maxProperties": "at most this many keys:",
}


def _rules(schema: Mapping[str, Any]) -> Iterator[str]:
    rules = [_line(rule["message"]) for rule in schema.get("x-kubernetes-validations", []) if "message" in rule]
    if rules:
        yield "Rules about several fields:\n"
        yield from (f"- {rule}" for rule in rules)
        yield ""


def _command(command: TyperCommand | TyperGroup, context: typer.Context) -> Iterator[str]:
    """Write one command, and those below it."""
    level = len(context.command_path.split())
    yield f"{'#' * min(level + 1, 4)} {context.command_path}\n"
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"```text\n{context.command_path} {usage}\n\n{_plain(command.help or '')}\n```\n"
    records = [each.get_help_record(context) for each in command.get_params(context)]
    told = [record for record in records if record is not None and "--help" not in record[0]]
    if told:
        yield "| argument | what it is |\n|---|---|"
        yield from (f"| `{_cell(name)}` | {_cell(_plain(words))} |" for name, words in told)
        yield ""
    for below in getattr(command, "commands", {}).values():
        if not below.hidden:
            yield from _command(below, typer.Context(below, info_name=below.name, parent=context))


def _plain(text: str) -> str:
    return Text.from_markup(text).plain.strip()


def _line(text: str) -> str:
    return " ".join(str(text).split())


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")


def _words(words: Sequence[Any]) -> str:
    return ", ".join(f"`{each}`" for each in words)


def main() -> int:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    wanted = pages()
    if parser.parse_args().check:
        differing = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
        for path in differing:
            print(f"{path.relative_to(ROOT)} differs from its sources: make generate", file=sys.stderr)  # noqa: T201
        return bool(differing)
    TARGET.mkdir(exist_ok=True)
    for path, text in wanted.items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
