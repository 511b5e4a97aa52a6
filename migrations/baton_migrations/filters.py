"""Which tables belong to which chain, by their names: models may be gone while their tables still stand."""

from collections.abc import Callable
from typing import Any

EXTENSION_PREFIX = "ext_"
VERSION_TABLE = "alembic_version"

#: Says of a table's name whether a chain owns it.
Owns = Callable[[str], bool]


def owned_by_engine(table: str) -> bool:
    """Whether *table* is one of Baton's own: neither an extension's nor anybody's version table."""
    return not table.startswith((EXTENSION_PREFIX, VERSION_TABLE))


def owned_by_extension(namespace: str) -> Owns:
    """Make the filter of one extension: ``ext_{namespace}_*`` and nothing else."""
    prefix = f"{EXTENSION_PREFIX}{namespace}_"
    return lambda table: table.startswith(prefix)


def alembic_filters(owns: Owns) -> dict[str, Any]:
    """
    Give the arguments that keep ``context.configure`` to the tables of one chain.

    Both are needed: ``include_name`` sees what is in the database, ``include_object`` what is in the metadata too.
    With the first alone, autogenerate would create the neighbours' tables and drop their version tables.
    """

    def include_name(name: str | None, kind: str, _parents: Any) -> bool:
        return kind != "table" or (name is not None and owns(name))

    def include_object(_object: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
        return kind != "table" or (name is not None and owns(name))

    return {"include_name": include_name, "include_object": include_object}
