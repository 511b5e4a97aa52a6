"""From an Engine's type to its adapter."""

import uuid
from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest

from baton_operator.engines import registry
from baton_operator.engines.argo.access import transport_of
from baton_operator.engines.argo.adapter import ArgoAdapter, argo_adapter
from baton_operator.engines.base import EngineSpec
from baton_operator.engines.errors import PermanentError
from baton_operator.engines.registry import AdapterRegistry, Surroundings, with_installed

SPEC = EngineSpec(uuid.uuid4(), "team", "argo", "Argo", 1, {"url": "http://argo.example:2746"})


class NoSecrets:
    """A source that is never asked."""

    async def read(self, namespace: str, kind: str, name: str, key: str) -> str:
        """Fail."""
        raise AssertionError


class Closing(ArgoAdapter):
    """Remembers that it was closed."""

    closed = False

    async def close(self) -> None:
        """Close, and remember."""
        self.closed = True
        await super().close()


def closing(spec: EngineSpec, surroundings: Surroundings) -> Closing:
    """Make one, as a factory does."""
    return Closing(spec, transport_of(spec, surroundings))


@pytest.fixture
def now() -> list[float]:
    """A clock in a box."""
    return [0.0]


@pytest.fixture
def adapters(now: list[float]) -> AdapterRegistry:
    """A registry with one type."""
    return AdapterRegistry({"Argo": closing}, Surroundings(NoSecrets(), request_deadline=10.0), clock=lambda: now[0])


async def test_one_adapter_serves_one_generation(adapters: AdapterRegistry) -> None:
    """The same object for the same generation, another for the next, and no way back."""
    first = await adapters.adapter(SPEC)
    assert await adapters.adapter(SPEC) is first
    second = await adapters.adapter(replace(SPEC, generation=2))
    assert second is not first
    assert await adapters.adapter(SPEC) is second


async def test_an_old_adapter_is_closed_when_its_requests_must_have_ended(
    adapters: AdapterRegistry, now: list[float]
) -> None:
    """Not under a request that is on its way."""
    first = await adapters.adapter(SPEC)
    assert isinstance(first, Closing)
    await adapters.adapter(replace(SPEC, generation=2))
    assert not first.closed
    now[0] = 21.0
    await adapters.adapter(replace(SPEC, generation=2))
    assert first.closed


async def test_an_engine_that_is_gone_is_forgotten(adapters: AdapterRegistry, now: list[float]) -> None:
    """Its adapter is closed, and a new one made if it comes back."""
    first = await adapters.adapter(SPEC)
    assert isinstance(first, Closing)
    await adapters.forget(SPEC.id)
    now[0] = 21.0
    assert await adapters.adapter(SPEC) is not first
    assert first.closed


async def test_closing_closes_all(adapters: AdapterRegistry) -> None:
    """Those that are kept, and those that are leaving."""
    first = await adapters.adapter(SPEC)
    second = await adapters.adapter(replace(SPEC, generation=2))
    await adapters.close()
    assert isinstance(first, Closing)
    assert isinstance(second, Closing)
    assert (first.closed, second.closed) == (True, True)


async def test_a_type_that_nothing_serves_is_named(adapters: AdapterRegistry) -> None:
    """With those that are known."""
    with pytest.raises(PermanentError, match="Jenkins: known are Argo"):
        await adapters.adapter(replace(SPEC, type="Jenkins"))


@pytest.mark.parametrize(
    "url", [None, "", "argo.example", "ftp://argo.example", "http://ada:pw@argo.example", "http://a/?x=1"]
)
def test_a_spec_without_a_usable_address_makes_no_adapter(url: str | None) -> None:
    """The CRD refuses them too; an adapter does not rely on it."""
    with pytest.raises(PermanentError):
        argo_adapter(replace(SPEC, spec={"url": url}), Surroundings(NoSecrets()))


def test_installed_packages_add_adapters_and_replace_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The visible list wins; two packages with one name are refused."""
    point = EntryPoint("Argo", "baton_operator.engines.registry:with_installed", "baton.engines")
    other = EntryPoint("Custom", "baton_operator.engines.argo.adapter:argo_adapter", "baton.engines")
    monkeypatch.setattr(registry, "entry_points", lambda group: [point, other] if group == "baton.engines" else [])
    assert dict(with_installed({"Argo": closing})) == {"Argo": closing, "Custom": argo_adapter}
    monkeypatch.setattr(registry, "entry_points", lambda group: [other, other])
    with pytest.raises(PermanentError, match="Custom"):
        with_installed({})
