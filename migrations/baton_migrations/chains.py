"""The chains of revisions: Baton's own, and one for each installed extension."""

import difflib
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points, version
from pathlib import Path
from typing import TextIO

from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError

from baton_migrations.errors import ChainError
from baton_migrations.filters import VERSION_TABLE, Owns, owned_by_engine, owned_by_extension
from baton_migrations.releases import release_number
from baton_models.extension import NAMESPACE

ENGINE = "engine"
ENTRY_POINT_GROUP = "baton.migrations"
#: What alembic's version table has room for.
MAX_REVISION = 32

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Chain:
    """
    One chain of revisions.

    Its version table and the tables it owns follow from its name: no package can say otherwise.

    Attributes:
        name: ``engine``, or the extension's namespace.
        versions: The folder of its revisions; None if it cannot be found.
        release: The release of the code that runs now, to compare with ``readable_since``.
        problem: Why the chain cannot be used, for people; None if it can.
    """

    name: str
    versions: Path | None
    release: str
    problem: str | None = None

    @property
    def is_extension(self) -> bool:
        """Whether it is not Baton's own."""
        return self.name != ENGINE

    @property
    def version_table(self) -> str:
        """The table in which it notes how far it came."""
        return f"{VERSION_TABLE}_{self.name}" if self.is_extension else VERSION_TABLE

    @property
    def owns(self) -> Owns:
        """Says of a table's name whether the chain owns it."""
        return owned_by_extension(self.name) if self.is_extension else owned_by_engine

    def config(self, output: TextIO | None = None) -> Config:
        """
        Give alembic's configuration of this chain; ``env.py`` finds the chain in its attributes.

        Args:
            output: Takes the statements where they are written down instead of run.
        """
        config = Config(output_buffer=output, cmd_opts=Namespace(quiet=True))
        place = _HERE / ("extension" if self.is_extension else "engine")
        config.set_main_option("script_location", str(place).replace("%", "%%"))
        config.set_main_option("path_separator", "newline")
        config.set_main_option("version_locations", str(self.versions).replace("%", "%%"))
        config.set_main_option("file_template", "%%(rev)s")
        config.attributes["chain"] = self
        return config

    def scripts(self) -> ScriptDirectory:
        """
        Read the chain's revisions.

        Raises:
            ChainError: They cannot be read, or are no line from one base to one head; names the file and the fix.
        """
        if self.problem:
            raise ChainError(self.problem)
        scripts = ScriptDirectory.from_config(self.config())
        problem = self._problem_of(scripts)
        if problem:
            raise ChainError(f"the migrations of {self.name!r} cannot be used: {problem}")
        return scripts

    def _problem_of(self, scripts: ScriptDirectory) -> str | None:
        try:
            revisions = list(scripts.walk_revisions())
        except (CommandError, KeyError) as error:
            return f"{str(error).strip()} (in {self.versions})"
        except (Exception, SystemExit) as error:  # noqa: BLE001 - users' code: a file that cannot be imported fails its chain alone
            return f"a file in {self.versions} cannot be imported: {type(error).__name__}: {error}"
        return _long(revisions) or _forked(scripts) or self._malformed(revisions)

    def _malformed(self, revisions: Iterable[Script]) -> str | None:
        for each in revisions:
            if not callable(getattr(each.module, "upgrade", None)):
                return f"{each.path} has no function upgrade()"
            try:
                self.readable_since(each)
            except (ValueError, TypeError) as error:
                return f"readable_since of {each.path}: {error}"
        return None

    def readable_since(self, revision: Script) -> str:
        """
        Say the oldest release that works with *revision*: what it says, else, of an extension, the one that brings it.

        Raises:
            ValueError: What it says is no release.
        """
        given = getattr(revision.module, "readable_since", None) or (self.release if self.is_extension else "")
        return ".".join(map(str, release_number(given)))


def _long(revisions: Iterable[Script]) -> str | None:
    for each in revisions:
        if len(each.revision) > MAX_REVISION:
            return f"the revision {each.revision!r} of {each.path} is longer than {MAX_REVISION} characters: shorten it"
    return None


def _forked(scripts: ScriptDirectory) -> str | None:
    heads = scripts.get_revisions("heads")
    if len(heads) < 2:  # noqa: PLR2004 - one head, or none where nothing was written yet
        return None
    named = " and ".join(sorted(f"{each.revision} ({Path(each.path).name})" for each in heads if each))
    return f"it has {len(heads)} heads, {named}: set down_revision of the one that comes later to the other"


def engine_chain() -> Chain:
    """Give Baton's own chain."""
    return Chain(name=ENGINE, versions=_HERE / "engine" / "versions", release=version("baton"))


def discover() -> list[Chain]:
    """
    Find all chains, in the order in which they run: Baton's own, then the extensions by name.

    An extension that cannot be used is there with its `Chain.problem`; the others do not suffer from it.
    """
    return [engine_chain(), *extension_chains(entry_points(group=ENTRY_POINT_GROUP))]


def find_chain(namespace: str | None) -> Chain:
    """
    Give the chain of one installed extension; Baton's own where *namespace* is None.

    Raises:
        ChainError: No installed package offers it, or it cannot be used; names near ones and the fix.
    """
    if namespace is None:
        return engine_chain()
    chains = {chain.name: chain for chain in extension_chains(entry_points(group=ENTRY_POINT_GROUP))}
    if namespace in chains:
        chains[namespace].scripts()
        return chains[namespace]
    near = difflib.get_close_matches(namespace, chains, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}? " if near else ""
    installed = ", ".join(chains) or "none"
    raise ChainError(
        f"no installed package offers migrations for {namespace!r}: {hint}installed: {installed}; install one with "
        f"`pip install -e FOLDER`, make one with `baton extensions new {namespace}`"
    )


def extension_chains(points: Iterable[EntryPoint]) -> list[Chain]:
    """
    Read the extensions' entry points: the name is the namespace, the value the package with the folder ``versions``.

    Imports the packages. What is wrong with one is its chain's `Chain.problem`.
    """
    named: dict[str, list[EntryPoint]] = {}
    for point in sorted(points, key=lambda point: point.name):
        others = named.setdefault(point.name, [])
        if all(point.value != other.value for other in others):  # the same package twice on the path is one
            others.append(point)
    return [_extension_chain(offers) for offers in named.values()]


def _extension_chain(offers: list[EntryPoint]) -> Chain:
    point = offers[0]
    release = point.dist.version if point.dist else "0"
    problem = _problem_of_name(point.name)
    if len(offers) > 1:
        both = " and ".join(f"{each.value} ({each.dist.name if each.dist else '?'})" for each in offers)
        problem = f"two installed packages offer migrations for {point.name!r}, {both}: uninstall one of them"
    versions, missing = (None, None) if problem else _find_versions(point)
    return Chain(point.name, versions, release, problem or missing)


def _problem_of_name(namespace: str) -> str | None:
    if NAMESPACE.fullmatch(namespace) and namespace != ENGINE:
        return None
    return (
        f"{namespace!r} is no namespace of an extension: the entry point's name in {ENTRY_POINT_GROUP} must match "
        f"{NAMESPACE.pattern}, and 'engine' is Baton's own"
    )


def _find_versions(point: EntryPoint) -> tuple[Path | None, str | None]:
    try:
        package = import_module(point.module)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - users' code: whatever it raises, the other packages go on
        reason = f"{type(error).__name__}: {error}"
        return None, f"the migrations of {point.name!r} cannot be imported from {point.value}: {reason}"
    folders = [Path(each) / "versions" for each in getattr(package, "__path__", ())]
    for folder in folders:
        if folder.is_dir():
            return folder, None
    beside = f" in {folders[0].parent}" if folders else f": {point.value} is a module, not a package"
    return None, f"the migrations of {point.name!r} have no folder `versions`{beside}"
