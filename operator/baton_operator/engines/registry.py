"""
From an Engine's type to its adapter.

The visible list in ``app.py`` is handed in; installed packages add to it by the entry-point group ``baton.engines``,
and never replace what is in the list. One adapter serves one generation of one Engine.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from types import ModuleType
from typing import Any
from uuid import UUID

from baton_operator.engines.addresses import AddressGuard
from baton_operator.engines.base import REQUEST_DEADLINE, EngineAdapter, EngineSpec
from baton_operator.engines.credentials import SecretSource
from baton_operator.engines.errors import PermanentError
from baton_operator.engines.http import HttpClient, Observer
from baton_operator.engines.kube_access import Cluster

GROUP = "baton.engines"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    What adapters are given by the operator.

    Attributes:
        secrets: Where secrets are read.
        engine_networks: Networks that may be connected to although they are loopback, link-local or the API server's.
        api_server: The API server's addresses, which are refused otherwise.
        cluster: The API server itself, for engines that are objects in Baton's own cluster; never with its identity.
        database: Baton's own store, for adapters whose engine lives in it (Embedded).
        request_deadline: Seconds a request may take where the caller does not say.
        observer: Told of each request to an engine: operation, code, seconds.
        observers: Makes the observer of the engine with this namespace and name; in its place `observer` tells of all.
        library: The HTTP library; by default the faster of those that are installed.
    """

    secrets: SecretSource
    engine_networks: Sequence[IPv4Network | IPv6Network] = ()
    api_server: Collection[IPv4Address | IPv6Address] = ()
    database: Any = None
    request_deadline: float = REQUEST_DEADLINE
    observer: Observer | None = None
    library: ModuleType | None = None
    observers: Callable[[str], Observer] | None = None
    cluster: Cluster | None = None

    def of(self, spec: EngineSpec) -> "Surroundings":
        """Give the surroundings of one engine: what it is asked is told under its name."""
        if self.observers is None:
            return self
        return replace(self, observer=self.observers(f"{spec.namespace}/{spec.name}"))

    @property
    def guard(self) -> AddressGuard:
        """Say which addresses may be connected to."""
        return AddressGuard(self.engine_networks, self.api_server)

    def client(self, spec: EngineSpec, *, what: str, with_auth: bool = True) -> HttpClient:
        """
        Make the client of an engine that ``spec.url`` names.

        Args:
            what: What the address is of, for people.
            with_auth: Whether ``spec.auth`` goes into each request, as it does unless the adapter logs in with it.

        Raises:
            PermanentError: The spec has no usable ``url``.
        """
        url = spec.spec.get("url")
        if not isinstance(url, str):
            raise PermanentError(f"spec.url is missing: set the address of {what}")
        return HttpClient(
            url,
            namespace=spec.namespace,
            spec=spec.spec if with_auth else {**spec.spec, "auth": None},
            secrets=self.secrets,
            guard=self.guard,
            observer=self.observer,
            library=self.library,
        )


AdapterFactory = Callable[[EngineSpec, Surroundings], EngineAdapter]


def with_installed(listed: Mapping[str, AdapterFactory], *, group: str = GROUP) -> Mapping[str, AdapterFactory]:
    """
    Return *listed* together with what installed packages offer; the list wins.

    Raises:
        PermanentError: Two packages offer the same type.
    """
    found: dict[str, AdapterFactory] = {}
    for point in entry_points(group=group):
        if point.name in found:
            raise PermanentError(f"two installed packages offer the engine type {point.name}: remove one")
        found[point.name] = point.load()
    return {**found, **listed}


class AdapterRegistry:
    """
    Makes and keeps adapters.

    Args:
        factories: By type, as a spec names it.
        surroundings: Handed to each factory.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        factories: Mapping[str, AdapterFactory],
        surroundings: Surroundings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._factories = factories
        self._surroundings = surroundings
        self._clock = clock
        self._kept: dict[UUID, tuple[int, EngineAdapter]] = {}
        self._leaving: list[tuple[float, EngineAdapter]] = []

    async def adapter(self, spec: EngineSpec) -> EngineAdapter:
        """
        Return the adapter of this generation of the Engine.

        That of an older generation is closed later, when its last request must have ended. A caller that still
        holds an old spec gets an adapter for it only if no newer one is known.

        Raises:
            PermanentError: Nothing serves the type, or the spec makes no adapter.
        """
        await self._close_leaving()
        kept = self._kept.get(spec.id)
        if kept is not None and kept[0] >= spec.generation:
            return kept[1]
        factory = self._factories.get(spec.type)
        if factory is None:
            known = ", ".join(sorted(self._factories))
            raise PermanentError(f"no adapter serves engines of type {spec.type}: known are {known}")
        adapter = factory(spec, self._surroundings.of(spec))
        if kept is not None:
            self._leave(kept[1])
        self._kept[spec.id] = (spec.generation, adapter)
        return adapter

    async def forget(self, engine_id: UUID) -> None:
        """Let go of an Engine that is no more."""
        kept = self._kept.pop(engine_id, None)
        if kept is not None:
            self._leave(kept[1])
        await self._close_leaving()

    async def close(self) -> None:
        """Close every adapter, at the process's end."""
        adapters = [adapter for _, adapter in (*self._kept.values(), *self._leaving)]
        self._kept, self._leaving = {}, []
        await asyncio.gather(*(adapter.close() for adapter in adapters))

    def _leave(self, adapter: EngineAdapter) -> None:
        self._leaving.append((self._clock() + 2 * self._surroundings.request_deadline, adapter))

    async def _close_leaving(self) -> None:
        due = [adapter for moment, adapter in self._leaving if moment <= self._clock()]
        self._leaving = [entry for entry in self._leaving if entry[0] > self._clock()]
        for adapter in due:
            await adapter.close()
