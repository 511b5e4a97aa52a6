"""
Arguments of an Automation: strings with CEL in ``${…}``, evaluated for each unit of work.

A lone ``${…}`` keeps its type; inside other text the value is written as a string. ``$${`` stands for ``${``.
Macros are refused, because the library knows no cost limit and holds the interpreter's lock: seven nested ``all``
stalled everything for two seconds (`api.md`, "Form").
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

#: Length of one expression at most, in bytes of UTF-8.
MAX_EXPRESSION_BYTES = 2048
MACROS = frozenset({"all", "exists", "exists_one", "map", "filter"})
ROOTS = frozenset({"parameters", "run", "batch", "item", "attempt"})

_STRING = re.compile(r"""(?:[rRbB]{0,2})(?:'''.*?'''|\"\"\".*?\"\"\"|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")""", re.DOTALL)
_CALL = re.compile(r"\.\s*([A-Za-z_]\w*)\s*\(")


class InvalidExpressionError(ValueError):
    """An argument cannot be read or evaluated; the text names it and the fix."""


@dataclass(frozen=True, slots=True)
class Template:
    """One argument, compiled: literal text and programs in turn."""

    name: str
    parts: tuple[str | Any, ...]

    @property
    def is_lone(self) -> bool:
        """Whether it is one expression and nothing else, so that its value keeps its type."""
        return len(self.parts) == 1 and not isinstance(self.parts[0], str)


def compile_arguments(arguments: Mapping[str, Any]) -> tuple[Template, ...]:
    """
    Compile all arguments of an Automation.

    Raises:
        InvalidExpressionError: One cannot be read; the text names it and the fix.
    """
    return tuple(_compile(name, value) for name, value in arguments.items())


def evaluate(templates: tuple[Template, ...], variables: Mapping[str, Any]) -> dict[str, Any]:
    """
    Compute the arguments of one unit of work.

    Args:
        variables: ``parameters``, ``run``, ``batch``, ``item`` and ``attempt`` as plain JSON values.

    Raises:
        InvalidExpressionError: One cannot be computed; the text names it and what was missing.
    """
    return {each.name: _value(each, variables) for each in templates}


def _compile(name: str, value: Any) -> Template:
    if not isinstance(value, str):
        raise InvalidExpressionError(f"spec.arguments.{name}: must be a string; write numbers as '${{42}}'")
    parts = tuple(part if literal else _program(name, part) for literal, part in _split(name, value))
    return Template(name, parts)


def _split(name: str, text: str) -> list[tuple[bool, str]]:
    """Cut *text* into (is literal, piece) pairs."""
    pieces: list[tuple[bool, str]] = []
    literal, at = "", 0
    while at < len(text):
        if text.startswith("$${", at):
            literal, at = literal + "${", at + 3
        elif text.startswith("${", at):
            end = _closing(text, at + 2)
            if end < 0:
                raise InvalidExpressionError(
                    f"spec.arguments.{name}: '${{' without its '}}'; write '$${{' for the text"
                )
            if literal:
                pieces.append((True, literal))
            pieces.append((False, text[at + 2 : end]))
            literal, at = "", end + 1
        else:
            literal, at = literal + text[at], at + 1
    if literal or not pieces:
        pieces.append((True, literal))
    return pieces


def _closing(text: str, start: int) -> int:
    """Find the brace that closes the expression beginning at *start*, or -1; strings and inner braces do not count."""
    depth, at = 0, start
    while at < len(text):
        if string := _STRING.match(text, at):
            at = string.end()
            continue
        if text[at] == "}":
            if not depth:
                return at
            depth -= 1
        elif text[at] == "{":
            depth += 1
        at += 1
    return -1


def _program(name: str, source: str) -> Any:
    if len(source.encode("utf-8", "surrogatepass")) > MAX_EXPRESSION_BYTES:
        raise InvalidExpressionError(f"spec.arguments.{name}: an expression is over {MAX_EXPRESSION_BYTES} bytes")
    used = {word for word in _CALL.findall(_STRING.sub("''", source)) if word in MACROS}
    if used:
        raise InvalidExpressionError(
            f"spec.arguments.{name}: the macro {min(used)}() is not allowed (none of {', '.join(sorted(MACROS))})"
        )
    import cel  # noqa: PLC0415 - brings a command line of its own: 0.1 s and 8 MB, which workers never need

    try:
        program = cel.compile(source)
        unknown = set(program.variables()) - ROOTS
    except (ValueError, TypeError) as error:
        raise InvalidExpressionError(f"spec.arguments.{name}: {_first_line(error)}") from None
    if unknown:
        raise InvalidExpressionError(
            f"spec.arguments.{name}: unknown name {min(unknown)!r}; there are {', '.join(sorted(ROOTS))}"
        )
    return program


def _value(template: Template, variables: Mapping[str, Any]) -> Any:
    values = [part if isinstance(part, str) else _run(template.name, part, variables) for part in template.parts]
    return values[0] if template.is_lone else "".join(_text(value) for value in values)


def _run(name: str, program: Any, variables: Mapping[str, Any]) -> Any:
    try:
        return orjson.loads(orjson.dumps(program.execute(dict(variables))))  # plain JSON, whatever CEL calls it
    except KeyError as error:
        raise InvalidExpressionError(f"spec.arguments.{name}: {program.source}: no field {error}") from None
    except (LookupError, ValueError, TypeError, RuntimeError, ArithmeticError, AttributeError) as error:
        raise InvalidExpressionError(f"spec.arguments.{name}: {program.source}: {_first_line(error)}") from None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:300]
