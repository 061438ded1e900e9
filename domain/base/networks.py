"""Client addresses as limits see them."""

import ipaddress
from functools import lru_cache
from typing import Final

_IPV6_BITS: Final = 64


@lru_cache(maxsize=10_000)
def network_of(client: str) -> str:
    """The address itself, or of IPv6 the network of 64 bits, which one customer commonly has."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv4Address):
        return client
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address.packed, _IPV6_BITS), strict=False))
