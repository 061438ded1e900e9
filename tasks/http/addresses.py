"""Which addresses a request to the outside may go to: those that anybody could reach."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

from tasks.http.errors import ForbiddenAddressError, UnknownHostError

Address = IPv4Address | IPv6Address
Policy = Callable[[Address], bool]
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

# Stated by ourselves rather than left to `is_global`, which lets through what leads elsewhere:
# NAT64, 6to4 and its relays, multicast. IANA's special-purpose registries, RFC 6890 and after.
_NEVER_V4: Final = [
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carriers' NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, where clouds tell a machine its secrets
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
]
# Of version 6 only global unicast is public at all; mapped, NAT64, unique-local, link-local and
# multicast addresses all lie outside of it.
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_NEVER_V6: Final = [
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: leads to an address of version 4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
]


def is_public(address: Address) -> bool:
    """Whether an address is one of the open internet and stands for no other address."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NEVER_V4)
    return address in _GLOBAL_UNICAST and not any(address in network for network in _NEVER_V6)


def within(*networks: str) -> Policy:
    """A policy for closed networks: these may be reached, and nothing else."""
    allowed = [ip_network(text) for text in networks]
    return lambda address: any(address in network for network in allowed)


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host as the system's resolver tells them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


async def allowed_addresses(
    host: str, port: int, *, policy: Policy = is_public, resolver: Resolve = resolve
) -> list[str]:
    """All addresses of a host, looked up once: connect to one of these and look up no more.

    One that is not allowed spoils all, since a name that stands for both kinds means harm. Raises
    UnknownHostError, ForbiddenAddressError.
    """
    try:
        addresses = list(dict.fromkeys(await resolver(host, port)))
    except (OSError, UnicodeError) as error:
        raise UnknownHostError(f"The host {host!r} is not known.") from error
    if not addresses:
        raise UnknownHostError(f"The host {host!r} has no address.")
    for text in addresses:
        # A scope (`fe80::1%eth0`) is part of an address.
        if not policy(ip_address(text)):
            raise ForbiddenAddressError(f"The host {host!r} is not on the public internet.")
    return addresses
