"""
Which addresses may be connected to.

The author of an Engine is not trusted with the operator's own network: no loopback, link-local (cloud metadata lives
there), multicast or unspecified address, and not the API server, unless the operator's setting ``engine_networks``
allows it. A name is resolved here, checked, and connected to **as checked**, so that a second answer of the name
server cannot lead elsewhere.
"""

import asyncio
import socket
import time
from collections.abc import Callable, Collection, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from baton_operator.engines.errors import AddressRefusedError, RetryableError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Metadata services outside the link-local range (Alibaba Cloud, AWS over IPv6, Oracle Cloud).
_METADATA = frozenset(map(ip_address, ("100.100.100.200", "fd00:ec2::254", "192.0.0.192")))

#: Seconds a resolved name is kept: a name server is not asked for each of a thousand submits.
_KEPT = 5.0


def refusal(address: Address, *, allowed: Collection[Network], api_server: Collection[Address]) -> str | None:
    """Say why *address* may not be connected to, or None if it may. *allowed* wins over every other rule."""
    real = _unmapped(address)
    if any(real in network or address in network for network in allowed):
        return None
    if real in api_server or address in api_server:
        return "it is the API server's"
    if real in _METADATA:
        return "it is a metadata service's"
    if real.is_link_local:
        return "it is link-local"
    if real.is_loopback:
        return "it is a loopback address"
    if real.is_unspecified or real.is_multicast or (real.is_reserved and real.version == 4):  # noqa: PLR2004
        return "it is no host's address"
    return None


def _unmapped(address: Address) -> Address:
    """Return the IPv4 address inside *address* if it is one in disguise (mapped, 6to4 or NAT64)."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in IPv6Network("64:ff9b::/96"):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


class AddressGuard:
    """
    Turns a host's name into addresses that may be connected to.

    Args:
        allowed: The operator's setting ``engine_networks``.
        api_server: The API server's addresses, refused unless allowed.
        clock: Monotonic seconds, for how long an answer is kept.
    """

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        api_server: Collection[Address] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowed = tuple(allowed)
        self._api_server = frozenset(api_server)
        self._clock = clock
        self._kept: dict[tuple[str, int], tuple[float, tuple[str, ...]]] = {}

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """
        Resolve *host* and return its permitted addresses, in the resolver's order.

        Raises:
            RetryableError: The name could not be resolved now.
            AddressRefusedError: None of its addresses may be connected to.
        """
        kept = self._kept.get((host, port))
        if kept is not None and self._clock() < kept[0]:
            return kept[1]
        addresses = await _look_up(host, port)
        refusals = {
            address: refusal(address, allowed=self._allowed, api_server=self._api_server) for address in addresses
        }
        permitted = tuple(str(address) for address, why in refusals.items() if why is None)
        if not permitted:
            address, why = next(iter(refusals.items()))
            raise AddressRefusedError(
                f"{host} leads to {address}, which Baton does not connect to because {why}; "
                f"the operator's BATON_ENGINE_NETWORKS (chart: settings.engineNetworks) can allow it"
            )
        self._kept[host, port] = (self._clock() + _KEPT, permitted)
        return permitted

    def forget(self, host: str, port: int) -> None:
        """Ask the name server again next time, because no address that it named could be connected to."""
        self._kept.pop((host, port), None)


async def _look_up(host: str, port: int) -> Sequence[Address]:
    try:
        return [ip_address(host.strip("[]"))]
    except ValueError:
        pass
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise RetryableError(f"the name {host} could not be resolved: {error}") from error
    addresses = dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found)
    if not addresses:
        raise RetryableError(f"the name {host} has no address")
    return list(addresses)
