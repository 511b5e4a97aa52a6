"""Which addresses may be connected to."""

from ipaddress import ip_address, ip_network

import pytest

from baton_operator.engines.addresses import AddressGuard, refusal
from baton_operator.engines.errors import AddressRefusedError, RetryableError

API_SERVER = [ip_address("10.96.0.1"), ip_address("fd00::1")]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.10",
        "::1",
        "::ffff:127.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fe80::1",
        "fd00:ec2::254",
        "100.100.100.200",
        "0.0.0.0",  # noqa: S104 - refused
        "::",
        "224.0.0.1",
        "255.255.255.255",
        "10.96.0.1",
        "::ffff:10.96.0.1",
        "fd00::1",
    ],
)
async def test_an_address_of_our_own_is_refused(address: str) -> None:
    """Loopback, metadata, link-local and the API server, in every disguise."""
    with pytest.raises(AddressRefusedError) as refused:
        await AddressGuard(api_server=API_SERVER).resolve(address, 80)
    assert "BATON_ENGINE_NETWORKS" in str(refused.value)


@pytest.mark.parametrize("address", ["10.0.0.5", "192.168.1.9", "93.184.216.34", "2001:db8::5", "fd12::7"])
async def test_an_address_of_a_site_is_permitted(address: str) -> None:
    """Private networks are where engines are."""
    assert list(await AddressGuard(api_server=API_SERVER).resolve(address, 80)) == [address]


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("127.0.0.0/8", "127.0.0.1"),
        ("10.96.0.1/32", "10.96.0.1"),
        ("::1/128", "::1"),
        ("127.0.0.0/8", "::ffff:127.0.0.1"),
    ],
)
def test_the_operators_setting_wins(network: str, address: str) -> None:
    """What engine_networks holds is permitted, whatever it is."""
    assert refusal(ip_address(address), allowed=[ip_network(network)], api_server=API_SERVER) is None


async def test_a_name_is_checked_by_what_it_leads_to() -> None:
    """Localhost is a name like any other."""
    with pytest.raises(AddressRefusedError):
        await AddressGuard().resolve("localhost", 80)
    permitted = await AddressGuard([ip_network("127.0.0.0/8")]).resolve("localhost", 80)
    assert list(permitted) == ["127.0.0.1"]


async def test_a_name_without_an_address_is_tried_again() -> None:
    """The name server may know it later."""
    for name in ("no-such-host.invalid", "a" * 70 + ".example", "\u0130" * 80):
        with pytest.raises(RetryableError):
            await AddressGuard().resolve(name, 80)


async def test_an_answer_is_kept_for_seconds() -> None:
    """And asked again after them, or when told to forget."""
    now = [0.0]
    guard = AddressGuard([ip_network("127.0.0.0/8")], clock=lambda: now[0])
    first = await guard.resolve("localhost", 80)
    assert await guard.resolve("localhost", 80) is first
    now[0] = 6.0
    again = await guard.resolve("localhost", 80)
    assert again is not first
    guard.forget("localhost", 80)
    assert await guard.resolve("localhost", 80) is not again
