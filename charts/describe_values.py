"""
Makes the schema and the table of the chart's values from the comments in ``values.yaml``.

Above each value stands ``# --`` and what it means, and where its default does not say enough, ``# @schema`` with JSON
Schema in one line. Types follow from the defaults; what is not there is refused. `charts/definitions.yaml` holds shapes
that several values share.

    python charts/describe_values.py            write values.schema.json and the table in README.md
    python charts/describe_values.py --check    say which differs, and exit with 1 if one does
"""  # noqa: INP001 - a script beside the chart, not a package

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parent / "baton"
DEFINITIONS = Path(__file__).parent / "definitions.yaml"
BEGIN, END = "<!-- values: made by charts/describe_values.py -->", "<!-- end of values -->"

_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "map": "object", "seq": "array"}
_LONGEST = 60

Schema = dict[str, Any]


class UndescribedError(ValueError):
    """A value of values.yaml lacks something; the text names the value and the fix."""


@dataclass(frozen=True, slots=True)
class Value:
    """
    One value of the chart, or a group of values.

    Attributes:
        path: Its names, from the outermost.
        meaning: The text behind ``# --``, in one line.
        default: What it is if nobody says otherwise.
        schema: What a value may be; of a group, None.
        members: The values of a group.
    """

    path: tuple[str, ...]
    meaning: str
    default: Any
    schema: Schema | None
    members: tuple[Value, ...] = ()

    @property
    def leaves(self) -> Iterator[Value]:
        """The values themselves, in their order."""
        if self.schema is not None:
            yield self
        for each in self.members:
            yield from each.leaves


def read_values(text: str) -> tuple[Value, ...]:
    """
    Read all values with their comments.

    Raises:
        UndescribedError: A value has no meaning, or its type cannot be told.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)  # noqa: S101 - what values.yaml is
    return _members(root, (), text.splitlines())


def _members(node: yaml.MappingNode, path: tuple[str, ...], lines: Sequence[str]) -> tuple[Value, ...]:
    return tuple(_value(key, value, (*path, key.value), lines) for key, value in node.value)


def _value(key: yaml.Node, node: yaml.Node, path: tuple[str, ...], lines: Sequence[str]) -> Value:
    meaning, given = _comment(lines, key.start_mark.line, ".".join(path))
    is_group = isinstance(node, yaml.MappingNode) and node.value and not given
    if is_group:
        assert isinstance(node, yaml.MappingNode)  # noqa: S101 - for the type checker
        return Value(path, meaning, None, None, _members(node, path, lines))
    default = yaml.SafeLoader("").construct_document(node)
    kind = _TYPES.get(node.tag.rpartition(":")[2])
    if not meaning:
        raise UndescribedError(f"{'.'.join(path)}: say above it, behind `# --`, what it means")
    if kind is None and not {"type", "$ref"} & set(given):
        raise UndescribedError(f"{'.'.join(path)}: its default is no value: say its type in `# @schema {{type: …}}`")
    if "$ref" in given:  # in a list, since draft 7 reads nothing that stands beside it
        given = {"allOf": [{"$ref": given.pop("$ref")}], **given}
    elif "enum" not in given:
        given = {"type": kind, **given}
    return Value(path, meaning, default, {"description": meaning, "default": default, **given})


def _comment(lines: Sequence[str], line: int, name: str) -> tuple[str, Schema]:
    """Give what the comment right above *line* says: the meaning, and the schema."""
    block: list[str] = []
    while line > 0 and lines[line - 1].strip().startswith("#"):
        line -= 1
        block.insert(0, lines[line].strip().removeprefix("#").strip())
    meaning, schema = [], Schema()
    for each in block:
        if each.startswith("@schema "):
            schema.update(yaml.safe_load(each.removeprefix("@schema ")))
        elif each.startswith("-- "):
            meaning = [each.removeprefix("-- ")]
        elif schema:
            raise UndescribedError(f"{name}: `# @schema` is the last line of its comment")
        elif meaning:
            meaning.append(each)
    return " ".join(meaning), schema


def schema_of(values: Sequence[Value]) -> Schema:
    """Make the whole schema."""
    whole = _object(values)
    whole["properties"]["global"] = {"type": "object", "description": "What charts that contain this one share."}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart baton",
        **whole,
        "$defs": yaml.safe_load(DEFINITIONS.read_text()),
    }


def _object(values: Sequence[Value]) -> Schema:
    properties = {each.path[-1]: _object(each.members) if each.schema is None else each.schema for each in values}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def table_of(values: Sequence[Value]) -> str:
    """Make the table for people."""
    rows = ["| value | default | meaning |", "|---|---|---|"]
    for value in values:
        for each in value.leaves:
            default = json.dumps(each.default, ensure_ascii=False)
            shown = f"`{default}`" if len(default) <= _LONGEST else "see values.yaml"
            rows.append(f"| `{'.'.join(each.path)}` | {_cell(shown)} | {_cell(each.meaning)} |")
    return "\n".join(rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def products() -> dict[Path, str]:
    """
    Return what shall stand in each made file.

    Raises:
        UndescribedError: A value lacks something.
    """
    values = read_values((CHART / "values.yaml").read_text())
    page = CHART / "README.md"
    before, _, rest = page.read_text().partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise UndescribedError(f"{page} has no lines {BEGIN!r} and {END!r}: the table has no place")
    return {
        CHART / "values.schema.json": json.dumps(schema_of(values), indent=2, ensure_ascii=False) + "\n",
        page: f"{before}{BEGIN}\n{table_of(values)}\n{END}{after}",
    }


def main(arguments: list[str] | None = None) -> int:
    """Run the script; the result is its exit code."""
    parser = argparse.ArgumentParser(description="Describe the chart's values.")
    parser.add_argument("--check", action="store_true", help="only compare; exit with 1 if a file differs")
    checking = parser.parse_args(arguments).check
    try:
        wanted = products()
    except UndescribedError as error:
        sys.stderr.write(f"charts/baton/values.yaml: {error}\n")
        return 1
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if checking:
            sys.stderr.write(f"charts/baton/{path.name} differs from values.yaml: run `make generate`\n")
        else:
            path.write_text(wanted[path])
    return 1 if checking and stale else 0


if __name__ == "__main__":
    sys.exit(main())
