"""Which data models are installed, and what is said of those that are not."""

import sys
import uuid
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from sqlalchemy.orm import configure_mappers

from baton_models import Base, DataModelRegistry, extension_model_base, register_data_model
from baton_models.errors import (
    DataModelAccessDeniedError,
    DataModelNotFoundError,
    InvalidModelError,
    StoreError,
)

MODEL = """
from sqlalchemy.orm import Mapped, mapped_column, relationship
from baton_models import extension_model_base, register_data_model

@register_data_model(name="{name}")
class {name}(extension_model_base("{namespace}")):
    _ext_table = "{table}"
    id: Mapped[int] = mapped_column(primary_key=True)
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch):
    """Writes packages and gives their entry points: ``installed({"models.py": …}, namespace="a")``."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before, tables = set(sys.modules), set(Base.metadata.tables)

    def write(files: dict[str, str], *, name: str, value: str = "{package}.models") -> EntryPoint:
        package = f"package_{uuid.uuid4().hex}"
        for path, content in {"__init__.py": "", **files}.items():
            (tmp_path / package / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / package / path).write_text(content)
        return EntryPoint(name=name, value=value.format(package=package), group="baton.models")

    yield write
    for each in set(sys.modules) - before:
        del sys.modules[each]
    for each in set(Base.metadata.tables) - tables:
        Base.metadata.remove(Base.metadata.tables[each])


@pytest.fixture
def namespace() -> str:
    return f"t{uuid.uuid4().hex[:12]}"


def model(namespace: str, name: str = "Approval", table: str = "approval") -> str:
    return MODEL.format(namespace=namespace, name=name, table=table)


def test_a_package_is_found_and_its_models_are_known_by_name(installed, namespace):
    registry = DataModelRegistry.load([installed({"models.py": model(namespace)}, name=namespace)])
    assert registry.broken == {}
    assert registry.list() == ["Approval"]
    assert registry.get("Approval").__table__.name == f"ext_{namespace}_approval"
    assert dict(registry.models) == {"Approval": registry.get("Approval")}


def test_a_package_of_models_is_imported_with_its_modules(installed, namespace):
    files = {
        "models/__init__.py": "",
        "models/approval.py": model(namespace),
        "models/order.py": model(namespace, "Order", "order"),
    }
    registry = DataModelRegistry.load([installed(files, name=namespace)])
    assert (registry.list(), registry.broken) == (["Approval", "Order"], {})


def test_an_entry_point_may_name_a_class(installed, namespace):
    point = installed({"models.py": model(namespace)}, name=namespace, value="{package}.models:Approval")
    assert DataModelRegistry.load([point]).list() == ["Approval"]


def test_a_broken_package_is_noted_and_the_others_stay_usable(installed, namespace):
    registry = DataModelRegistry.load(
        [
            installed({"models.py": "import no_such_module"}, name="broken"),
            installed({"models.py": "raise SystemExit(3)"}, name="exiting"),
            installed({"models.py": model(namespace)}, name=namespace),
        ]
    )
    assert registry.list() == ["Approval"]
    assert registry.broken == {
        "broken": "ModuleNotFoundError: No module named 'no_such_module'",
        "exiting": "SystemExit: 3",
    }


def test_a_model_of_another_namespace_names_both(installed, namespace):
    registry = DataModelRegistry.load([installed({"models.py": model(f"{namespace}x")}, name=namespace)])
    assert registry.list() == []
    assert f"is in the namespace '{namespace}x', its entry point is called '{namespace}'" in registry.broken[namespace]


def test_a_model_that_another_package_imports_stays_its_owners(installed, namespace):
    owner = installed({"models.py": model(namespace)}, name=namespace)
    borrowed = f"from {owner.module} import Approval\n" + model(f"{namespace}x", "Note", "note")
    registry = DataModelRegistry.load([owner, installed({"models.py": borrowed}, name=f"{namespace}x")])
    assert (registry.list(), registry.broken) == (["Approval", "Note"], {})


def test_a_package_without_a_marked_model_is_noted(installed, namespace):
    registry = DataModelRegistry.load([installed({"models.py": ""}, name=namespace)])
    assert "marks no model" in registry.broken[namespace]


def test_one_name_of_two_models_is_noted_and_the_first_stays(installed, namespace):
    first = installed({"models.py": model(namespace)}, name=namespace)
    later = f"{namespace}x"
    second = installed({"models.py": model(later) + model(later, "Other", "other")}, name=later)
    registry = DataModelRegistry.load([first, second])
    assert registry.list() == ["Approval"]
    assert registry.get("Approval").baton_namespace == namespace
    assert "is that of" in registry.broken[later]


def test_two_packages_of_one_namespace_are_noted(installed, namespace):
    first = installed({"models.py": model(namespace)}, name=namespace)
    second = installed({"models.py": model(namespace, "Order", "order")}, name=namespace)
    registry = DataModelRegistry.load([first, second])
    assert registry.broken[namespace].startswith(f"two installed packages offer data models for '{namespace}'")


def test_a_relationship_to_nothing_breaks_its_own_package_only(installed, namespace):
    broken = model(namespace) + '    orders: Mapped[list["Nothing"]] = relationship("Nothing")\n'
    other = f"{namespace}x"
    point = installed({"models.py": broken}, name=namespace)
    registry = DataModelRegistry.load([point, installed({"models.py": model(other)}, name=other)])
    assert registry.list() == ["Approval"]
    assert registry.get("Approval").baton_namespace == other
    assert "Nothing" in registry.broken[namespace]
    configure_mappers()
    again = DataModelRegistry.load([EntryPoint(name=namespace, value=point.value, group=point.group)])
    assert (again.broken, again.empty) == ({namespace: registry.broken[namespace]}, set())


def referring(namespace: str, to: str) -> str:
    text = "from sqlalchemy import ForeignKey\n" + model(namespace)
    return text + f'    other: Mapped[int] = mapped_column(ForeignKey("ext_{to}_approval.id"))\n'


def test_a_foreign_key_to_nothing_breaks_its_own_package_only(installed, namespace):
    """Nobody could sort the tables of the metadata, which all share; told again by whoever looks again."""
    other = f"{namespace}x"
    points = [
        installed({"models.py": referring(namespace, "nowhere")}, name=namespace),
        installed({"models.py": model(other, "Other")}, name=other),
    ]
    for _ in range(2):
        registry = DataModelRegistry.load(points)
        assert registry.list() == ["Other"]
        assert "could not find table 'ext_nowhere_approval'" in registry.broken[namespace]
        assert "install the package that has it, or leave the foreign key out" in registry.broken[namespace]
        assert registry.empty == set()
        assert f"ext_{other}_approval" in [table.name for table in Base.metadata.sorted_tables]


def test_what_a_package_leaves_behind_that_broke_later_breaks_nobody(installed, namespace):
    point = installed({"models.py": referring(namespace, "nowhere") + "1 / 0\n"}, name=namespace)
    assert DataModelRegistry.load([point]).broken == {namespace: "ZeroDivisionError: division by zero"}
    assert Base.metadata.sorted_tables


def test_a_foreign_key_to_a_package_of_a_later_name_is_fine(installed, namespace):
    other = f"{namespace}x"
    points = [
        installed({"models.py": referring(namespace, other)}, name=namespace),
        installed({"models.py": model(other, "Other")}, name=other),
    ]
    registry = DataModelRegistry.load(points)
    assert (registry.list(), registry.broken) == (["Approval", "Other"], {})


def test_an_unknown_name_is_told_with_near_ones_and_what_is_broken(installed, namespace):
    points = [
        installed({"models.py": model(namespace)}, name=namespace),
        installed({"models.py": "1 / 0"}, name="broken"),
    ]
    registry = DataModelRegistry.load(points)
    with pytest.raises(DataModelNotFoundError) as missing:
        registry.get("Aproval")
    assert str(missing.value) == (
        "no data model is registered as 'Aproval': did you mean Approval?; "
        "entry point broken could not be loaded: ZeroDivisionError: division by zero"
    )
    with pytest.raises(DataModelNotFoundError, match="is its package installed beside Baton's workers"):
        registry.access(["Approval", "Zzzzzz"])
    assert issubclass(DataModelNotFoundError, StoreError)


def test_access_gives_what_was_declared_and_nothing_else(installed, namespace):
    files = {"models.py": model(namespace) + model(namespace, "Order", "order")}
    registry = DataModelRegistry.load([installed(files, name=namespace)])
    access = registry.access(["Approval"])
    assert access.get_model("Approval") is registry.get("Approval")
    assert access.setting == f"ext_{namespace}_approval"
    with pytest.raises(DataModelAccessDeniedError) as denied:
        access.get_model("Order")
    assert str(denied.value) == (
        "data model 'Order' was not declared: add it to spec.dataModels of the Automation (it lists Approval)"
    )


def test_registering_twice_is_fine_and_another_class_is_not(installed, namespace):
    first, second = (type("A", (), {}), type("B", (), {}))
    registry = DataModelRegistry()
    registry.register("A", first)
    registry.register("A", first)
    with pytest.raises(InvalidModelError, match=r"'A' of .*B is that of .*A already: rename"):
        registry.register("A", second)
    assert registry.get("A") is first


@pytest.mark.parametrize("bad", ["", "a b", "-a", "a-", "a" * 64, "ä", None])
def test_a_name_that_cannot_be_declared(bad):
    with pytest.raises(InvalidModelError, match="is no name of a data model"):
        register_data_model(name=bad)(type("A", (), {}))


def test_only_models_of_extensions_are_marked(namespace):
    for each in (type("A", (), {}), extension_model_base(namespace)):
        with pytest.raises(InvalidModelError, match="derive it from extension_model_base"):
            register_data_model(name="A")(each)


def test_a_class_has_one_name(installed, namespace):
    point = installed({"models.py": model(namespace)}, name=namespace)
    found = DataModelRegistry.load([point]).get("Approval")
    assert register_data_model(name="Approval")(found) is found
    with pytest.raises(InvalidModelError, match="is the data model 'Approval' already"):
        register_data_model(name="Other")(found)


def test_nothing_is_registered_at_import(installed, namespace):
    installed({"models.py": model(namespace)}, name=namespace)
    assert DataModelRegistry().list() == []
