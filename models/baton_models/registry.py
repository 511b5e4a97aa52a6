"""
The data models of the installed extensions, by name.

A package names its module of models in the entry-point group ``baton.models``, under its namespace::

    [project.entry-points."baton.models"]
    acme = "acme_baton.models"

The decorator only marks the class: nothing is registered at import. `DataModelRegistry.discover` imports the modules
and collects what they mark; it runs users' code, so only workers and migrations do that, never the operator.
"""

import difflib
import pkgutil
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType, ModuleType
from typing import Any, TypeVar

from baton_models.access import MARK, Access, registered_name
from baton_models.errors import DataModelNotFoundError, InvalidModelError
from baton_models.extension import ExtensionModel, check_kept, configure, mapped_models, resolve

GROUP = "baton.models"
MAX_NAME = 63

Model = TypeVar("Model", bound=type[Any])

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


def register_data_model(*, name: str) -> Callable[[Model], Model]:
    """
    Mark a model as the data model *name*, which Automations declare in ``spec.dataModels``.

    Args:
        name: 1-63 letters, digits, ``.``, ``_`` and ``-``, e.g. ``Approval``; unique among all installed extensions.

    Raises:
        InvalidModelError: The name cannot be used, or the class is no model of an extension.
    """

    def mark(model: Model) -> Model:
        place = f"{model.__module__}.{model.__qualname__}"
        if not isinstance(name, str) or len(name) > MAX_NAME or not _NAME.fullmatch(name):
            raise InvalidModelError(
                f"{place}: {name!r} is no name of a data model: 1-{MAX_NAME} letters, digits, '.', '_' and '-'"
            )
        if not (isinstance(model, type) and issubclass(model, ExtensionModel) and "__mapper__" in vars(model)):
            raise InvalidModelError(f'{place}: no model of an extension: derive it from extension_model_base("…")')
        other = registered_name(model)
        if other not in {None, name}:
            raise InvalidModelError(f"{place} is the data model {other!r} already: remove one of the two decorators")
        setattr(model, MARK, name)
        return model

    return mark


class DataModelRegistry:
    """
    Data models by name.

    Attributes:
        broken: What could not be loaded, and why: by entry point, for people.
        empty: Those of `broken` that were imported and only have no model, not even one without a name: whose last one
            was deleted, for example.
    """

    def __init__(self) -> None:
        self.broken: dict[str, str] = {}
        self.empty: set[str] = set()
        self._models: dict[str, type[Any]] = {}

    @classmethod
    def discover(cls, group: str = GROUP) -> "DataModelRegistry":
        """
        Import all entry points of *group* and collect the models they mark.

        The module of an entry point is imported with the modules beside it, if it is a package. Runs users' code. A
        package that cannot be used is noted in `broken`; the others stay usable.
        """
        return cls.load(entry_points(group=group))

    @classmethod
    def load(cls, points: Iterable[EntryPoint]) -> "DataModelRegistry":
        """Do what `discover` does, for these entry points."""
        registry = cls()
        seen: dict[str, str] = {}
        for point in sorted(points, key=lambda point: (point.name, point.value)):
            if seen.setdefault(point.name, point.value) != point.value:
                registry.broken[point.name] = (
                    f"two installed packages offer data models for {point.name!r}, {seen[point.name]} and "
                    f"{point.value}: uninstall one of them"
                )
                continue
            try:
                check_kept(point.name)
                registry._add(point)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - users' code: whatever it raises, the others go on
                registry.broken[point.name] = f"{type(error).__name__}: {error}"[:500]
        for name in sorted(seen):
            registry._resolve(name)
        return registry

    def register(self, name: str, model: type[Any]) -> None:
        """
        Add a model; the same one twice is fine.

        Raises:
            InvalidModelError: Another model has the name.
        """
        other = self._models.setdefault(name, model)
        if other is not model:
            raise InvalidModelError(
                f"data model {name!r} of {model.__module__}.{model.__qualname__} is that of {other.__module__}."
                f"{other.__qualname__} already: rename one of the two"
            )

    def get(self, name: str) -> type[Any]:
        """
        Give the model *name*.

        Raises:
            DataModelNotFoundError: There is none here; the text names near ones and what could not be loaded.
        """
        if name not in self._models:
            raise DataModelNotFoundError(unknown_data_model(name, self._models, self.broken))
        return self._models[name]

    def access(self, declared: Sequence[str]) -> Access:
        """
        Make what an Automation's tasks get of ``spec.dataModels``.

        Raises:
            DataModelNotFoundError: A name is not known here.
        """
        return Access({name: self.get(name) for name in declared})

    @property
    def models(self) -> Mapping[str, type[Any]]:
        """All models by name, to be read."""
        return MappingProxyType(self._models)

    def list(self) -> Sequence[str]:
        """Give the names of all models, sorted."""
        return sorted(self._models)

    def _add(self, point: EntryPoint) -> None:
        """Import one entry point and take over its models: all of them or none."""
        _import(point)
        found = list(_marked_by(point))
        foreign = next((each for each in found if each.baton_namespace != point.name), None)
        if foreign is not None:
            raise InvalidModelError(
                f"{foreign.__module__}.{foreign.__qualname__} is in the namespace {foreign.baton_namespace!r}, its "
                f"entry point is called {point.name!r}: give both the same name"
            )
        if not found:
            if not any(mapped_models(point.name)):
                self.empty.add(point.name)
            raise InvalidModelError(
                f"{point.value} marks no model of the namespace {point.name!r}: decorate one with @register_data_model"
            )
        configure(point.name)
        taken = dict(self._models)
        try:
            for each in found:
                self.register(str(registered_name(each)), each)
        except InvalidModelError:
            self._models = taken
            raise

    def _resolve(self, namespace: str) -> None:
        """Give up a namespace whose tables refer to what no package has."""
        try:
            resolve(namespace)
        except InvalidModelError as error:
            self.broken.setdefault(namespace, f"{type(error).__name__}: {error}"[:500])
            self._models = {name: each for name, each in self._models.items() if each.baton_namespace != namespace}


def unknown_data_model(name: str, known: Iterable[str], broken: Mapping[str, str]) -> str:
    """Say for people that *name* is not known, which names are near, and which packages could not be loaded."""
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "is its package installed beside Baton's workers?"
    failed = "".join(f"; entry point {entry} could not be loaded: {why}" for entry, why in broken.items())
    return f"no data model is registered as {name!r}: {hint}{failed}"[:1000]


def _import(point: EntryPoint) -> None:
    loaded = point.load() if point.attr else import_module(point.module)
    if isinstance(loaded, ModuleType) and hasattr(loaded, "__path__"):
        for found in pkgutil.iter_modules(loaded.__path__, f"{loaded.__name__}."):
            if not found.ispkg:
                import_module(found.name)


def _marked_by(point: EntryPoint) -> Iterable[Any]:
    """Give the marked models of the point's namespace, and those of other namespaces that its module defines."""
    for model in mapped_models():
        inside = model.__module__ == point.module or model.__module__.startswith(f"{point.module}.")
        if registered_name(model) and (model.baton_namespace == point.name or inside):
            yield model
