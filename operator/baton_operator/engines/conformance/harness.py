"""What the suite is given: an adapter, and the engine behind it under the test's control."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Any, Literal, Protocol

from baton_operator.engines.base import EngineAdapter, Reference, SubmitRequest
from baton_operator.engines.conformance.faults import Fault, Faults
from baton_operator.engines.registry import Surroundings

#: What a request's work shall do: go on until it is ended, or come to one of its ends by itself or by `settle`.
Fate = Literal["lasts", "succeeds", "fails"]


class Harness(Protocol):
    """One engine under the test's control. Each test gets a new one."""

    @property
    def adapter(self) -> EngineAdapter:
        """The adapter under test."""

    def request(self, fate: Fate = "lasts", **changes: Any) -> SubmitRequest:
        """Make a request with a token of its own (`new_request`); *changes* replace its fields."""

    def unknown_target(self) -> Mapping[str, Any]:
        """Return a target that the engine does not have."""

    def nowhere(self, like: Reference) -> Reference:
        """Name an execution of *like*'s target that the engine never had, in the form of *like*."""

    async def settle(self, request: SubmitRequest, fate: Fate) -> None:
        """See to it that the work comes to its end soon, where it does not by itself."""

    async def accepted(self, token: str) -> int:
        """Count in the engine's own books how often *token* was accepted, i.e. how many executions it has or had."""


class QueueHarness(Harness, Protocol):
    """An engine that answers a submit with a handle, and whose queue can be stopped."""

    async def hold(self) -> None:
        """Let nothing leave the queue from now on; what is submitted meanwhile waits under its handle."""

    async def release(self) -> None:
        """Let the queue move again."""

    def unknown_handle(self) -> str:
        """Return a handle that the engine never gave, in the form of its handles."""


@dataclass(frozen=True, slots=True)
class Route:
    """
    Which requests to the server are meant.

    Attributes:
        method: Empty for all.
        path: An expression that is searched for in the path.
    """

    method: str = ""
    path: str = ""


class FaultyHarness(Harness, Protocol):
    """An engine behind HTTP that can be made to misbehave."""

    @property
    def faults(self) -> Faults:
        """What the server shows instead of its answers: it asks `Faults.answer` for each request."""

    @property
    def unavailable(self) -> Fault:
        """A 503 as the engine itself says it, with its own mark."""

    @property
    def submit_route(self) -> Route:
        """What a submit sends, and nothing else."""

    @property
    def cancel_route(self) -> Route:
        """What a cancel sends, and nothing else."""

    @property
    def read_route(self) -> Route:
        """What `find`, `look` and `observe` send; a submit is not among them."""

    def adapter_with(self, secret: str) -> EngineAdapter:
        """Make another adapter, whose credential is *secret*."""

    def rotate(self, secret: str) -> None:
        """Change the credential on the server and in the secret's source; what was valid before is not any more."""

    def require(self, secret: str) -> None:
        """Let the server want a credential from now on."""

    def unreachable(self) -> EngineAdapter:
        """Make an adapter for an address where nobody listens."""


class OneSecret:
    """A source that has one credential, whatever it is asked for, and writes down what that was."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.asked: list[tuple[str, str, str, str]] = []

    async def read(self, namespace: str, kind: str, name: str, key: str) -> str:
        """Return the credential of this moment."""
        self.asked.append((namespace, kind, name, key))
        return self.secret


def loopback(source: OneSecret, **changes: Any) -> Surroundings:
    """Return surroundings in which engines on this machine may be reached, with the credential of *source*."""
    return Surroundings(**{"secrets": source, "engine_networks": [ip_network("127.0.0.0/8")], **changes})


def new_request(target: Mapping[str, Any], arguments: Mapping[str, Any], /, **changes: Any) -> SubmitRequest:
    """Make a request with a token that was never used; *changes* replace its fields."""
    request = SubmitRequest(
        token=f"baton-{uuid.uuid4().hex}-a1",
        fingerprint="f" * 64,
        run_uid=str(uuid.uuid4()),
        run_name="nightly",
        namespace="team",
        target=target,
        arguments=arguments,
    )
    return replace(request, **changes)
