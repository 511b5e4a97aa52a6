"""JSON Schema 2020-12 for parameters, batches and items; linear-time patterns, nothing fetched from anywhere."""

import re
from typing import Any, NoReturn

import jsonschema_rs as schema
import orjson

#: A schema's size at most, in bytes of JSON.
MAX_SCHEMA_BYTES = 64 * 1024
MAX_PROBLEMS = 3
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_NUMBER = re.compile(_INTEGER.pattern + r"([.][0-9]+)?([eE][+-]?[0-9]+)?")
_TYPES = "array, boolean, integer, null, number, object or string"


class InvalidSchemaError(ValueError):
    """A schema cannot be used; the text says where and why."""


def _refuse(uri: str) -> NoReturn:
    raise ValueError(f"remote $ref {uri!r} is not fetched: put the definition into $defs")


class Schema:
    """One compiled schema."""

    def __init__(self, field: str, document: Any) -> None:
        """
        Compile *document*.

        Args:
            field: Where it stands, for messages, e.g. ``spec.parametersSchema``.

        Raises:
            InvalidSchemaError: It is no schema, refers to somewhere else, or is over 64 KiB.
        """
        if len(orjson.dumps(document)) > MAX_SCHEMA_BYTES:
            raise InvalidSchemaError(f"{field}: over {MAX_SCHEMA_BYTES // 1024} KiB")
        try:
            self._validator = schema.Draft202012Validator(
                document, retriever=_refuse, pattern_options=schema.RegexOptions()
            )
        except schema.ValidationError as error:
            raise InvalidSchemaError(f"{field}{_at(error)}: {_what_is_wrong_with_a_schema(error)[:500]}") from None
        except (schema.ReferencingError, ValueError) as error:
            raise InvalidSchemaError(f"{field}: {str(error).splitlines()[0][:500]}") from None

    def problems(self, path: str, value: Any) -> list[str]:
        """Say what is wrong with *value*, the first three at most; each names the field under *path*."""
        found: list[str] = []
        for error in self._validator.iter_errors(value):
            found.append(f"{path}{_at(error)}: {error.message[:300]}{_what_to_do(error)}")
            if len(found) == MAX_PROBLEMS:
                break
        return found


def _at(error: schema.ValidationError) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path)


def _what_is_wrong_with_a_schema(error: schema.ValidationError) -> str:
    """Say it in the library's words, but for a type that does not exist: there these name the specification's own."""
    if error.instance_path[-1:] == ["type"] and isinstance(error.kind, schema.ValidationErrorKind.AnyOf):
        return f"{orjson.dumps(error.instance).decode()[:100]} is no type: write {_TYPES}, or a list of these"
    return error.message.splitlines()[0]


def _what_to_do(error: schema.ValidationError) -> str:
    """Name the fix where YAML took a text for something else, or the other way round: it is easily overlooked."""
    if not isinstance(error.kind, schema.ValidationErrorKind.Type):
        return ""
    value, types = error.instance, set(error.kind.types)
    if isinstance(value, int | float) and "string" in types:
        return ": put it into quotes"
    if isinstance(value, str) and (
        (value in {"true", "false"} and "boolean" in types)
        or (_NUMBER.fullmatch(value) and "number" in types)
        or (_INTEGER.fullmatch(value) and "integer" in types)
    ):
        return ": remove its quotes"
    return ""
