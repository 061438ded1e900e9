"""Which addresses are the open internet, and what a name may stand for."""

from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from tasks.http.addresses import allowed_addresses, is_public, resolve, within
from tasks.http.errors import ForbiddenAddressError, UnknownHostError

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "172.15.255.255",
    "172.32.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "2001:4860:4860::8888",
]
CLOSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.9",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:2::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("text", PUBLIC)
def test_addresses_of_the_open_internet_are_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", CLOSED)
def test_all_other_addresses_are_not(text: str) -> None:
    assert not is_public(ip_address(text))


# What getaddrinfo makes of it is this machine again.
@pytest.mark.parametrize(
    "host", ["localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "::1"]
)
async def test_other_spellings_of_this_machine_are_forbidden(host: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        await allowed_addresses(host, 80)


@pytest.mark.parametrize("host", ["", "no-such-host.invalid", "a" * 64 + ".test", "a..b", "\0"])
async def test_a_name_that_is_none_is_unknown(host: str) -> None:
    async def none(host: str, port: int) -> Sequence[str]:
        # Of this machine's resolver only what it refuses by itself is looked at.
        return await resolve(host, port) if host else []

    with pytest.raises((UnknownHostError, ForbiddenAddressError)):
        await allowed_addresses(host, 80, resolver=none)


def answering(*addresses: str):  # noqa: ANN201  a resolver
    async def resolver(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolver


async def test_one_closed_address_spoils_a_name() -> None:
    with pytest.raises(ForbiddenAddressError):
        await allowed_addresses("both.test", 80, resolver=answering("8.8.8.8", "::ffff:10.0.0.1"))


async def test_each_address_of_a_name_is_told_once_and_in_order() -> None:
    resolver = answering("8.8.8.8", "2606:4700:4700::1111", "8.8.8.8")
    found = await allowed_addresses("good.test", 80, resolver=resolver)
    assert found == ["8.8.8.8", "2606:4700:4700::1111"]


def test_a_closed_network_may_be_named() -> None:
    policy = within("10.1.0.0/16", "fd00::/8")
    inside, outside = ("10.1.2.3", "fd00::1"), ("10.2.0.1", "8.8.8.8", "::1")
    assert [policy(ip_address(text)) for text in inside] == [True, True]
    assert [policy(ip_address(text)) for text in outside] == [False, False, False]
