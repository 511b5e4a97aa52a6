"""JSON Schema 2020-12 for parameters, batches and items; linear-time patterns, nothing fetched from anywhere."""

from typing import Any, NoReturn

import jsonschema_rs as schema
import orjson

#: A schema's size at most, in bytes of JSON.
MAX_SCHEMA_BYTES = 64 * 1024
MAX_PROBLEMS = 3


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
        except (schema.ValidationError, schema.ReferencingError, ValueError) as error:
            raise InvalidSchemaError(f"{field}: {str(error).splitlines()[0][:500]}") from None

    def problems(self, path: str, value: Any) -> list[str]:
        """Say what is wrong with *value*, the first three at most; each names the field under *path*."""
        found: list[str] = []
        for error in self._validator.iter_errors(value):
            at = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path)
            found.append(f"{path}{at}: {error.message[:300]}")
            if len(found) == MAX_PROBLEMS:
                break
        return found
