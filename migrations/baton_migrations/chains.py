"""The chains of revisions: Baton's own, and one for each installed extension."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points, version
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from baton_migrations.errors import ChainError
from baton_migrations.filters import VERSION_TABLE, Owns, owned_by_engine, owned_by_extension

ENTRY_POINT_GROUP = "baton.migrations"
NAMESPACE = re.compile(r"[a-z][a-z0-9]{0,19}")


@dataclass(frozen=True, slots=True)
class Chain:
    """
    One chain of revisions.

    Attributes:
        name: ``engine``, or the extension's namespace.
        folder: Where its ``env.py``, ``script.py.mako`` and ``versions/`` lie.
        version_table: Where it notes how far it came.
        release: The release of the code that runs now, to compare with ``readable_since``.
        owns: Says of a table's name whether the chain owns it.
    """

    name: str
    folder: Path
    version_table: str
    release: str
    owns: Owns

    def config(self) -> Config:
        """Give alembic's configuration of this chain; ``env.py`` finds the chain in its attributes."""
        config = Config()
        config.set_main_option("script_location", str(self.folder).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["chain"] = self
        return config

    def scripts(self) -> ScriptDirectory:
        """Read the chain's revisions."""
        return ScriptDirectory.from_config(self.config())


def engine_chain() -> Chain:
    """Give Baton's own chain."""
    return Chain(
        name="engine",
        folder=Path(__file__).parent / "engine",
        version_table=VERSION_TABLE,
        release=version("baton"),
        owns=owned_by_engine,
    )


def discover() -> list[Chain]:
    """
    Find all chains, in the order in which they run: Baton's own, then the extensions by name.

    Raises:
        ChainError: An extension cannot be used; names it and what is wrong.
    """
    return [engine_chain(), *extension_chains(entry_points(group=ENTRY_POINT_GROUP))]


def extension_chains(points: Iterable[EntryPoint]) -> list[Chain]:
    """
    Read the extensions' entry points: the name is the namespace, the value the package with ``env.py``.

    Raises:
        ChainError: A namespace is not allowed or given twice, or a package cannot be imported or has no ``env.py``.
    """
    chains: dict[str, Chain] = {}
    for point in sorted(points, key=lambda point: point.name):
        if point.name in chains:
            raise ChainError(f"two installed packages offer migrations for {point.name!r}; uninstall one of them")
        chains[point.name] = _extension_chain(point)
    return list(chains.values())


def _extension_chain(point: EntryPoint) -> Chain:
    namespace = point.name
    if not NAMESPACE.fullmatch(namespace) or namespace == "engine":
        raise ChainError(f"{namespace!r} is no namespace of an extension: it must match {NAMESPACE.pattern}")
    try:
        package = point.load()
    except (ImportError, AttributeError) as error:
        raise ChainError(f"the migrations of {namespace!r} cannot be imported from {point.value}: {error}") from error
    folder = Path(package.__file__).parent
    if not (folder / "env.py").is_file():
        raise ChainError(f"the migrations of {namespace!r} have no env.py beside {package.__name__}")
    return Chain(
        name=namespace,
        folder=folder,
        version_table=f"{VERSION_TABLE}_{namespace}",
        release=point.dist.version if point.dist else "0",
        owns=owned_by_extension(namespace),
    )
