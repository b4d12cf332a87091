"""Which addresses of the network a source may be read from.

Owns what counts as public. Knows nothing of HTTP.
"""

from __future__ import annotations

import ipaddress

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
_COMPATIBLE = ipaddress.ip_network("::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(written: str) -> bool:
    """Return whether an address belongs to the public internet.

    Private, loopback, link-local, multicast, shared and reserved ones do not, nor do IPv6 addresses that carry such a
    one inside: IPv4-mapped, IPv4-compatible, 6to4, Teredo, NAT64.

    :param written: An address as the system writes it, IPv6 with or without a zone.
    """
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return False
    return all(one.is_global and not one.is_multicast and not one.is_reserved for one in _meant(address))


def _meant(address: Address) -> list[Address]:
    """Return the IPv4 addresses that an IPv6 address carries, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address.sixtofour:
        return [address.sixtofour]
    if address.teredo:
        return [*address.teredo]
    if address in _NAT64_LOCAL:
        return [ipaddress.IPv4Address(0)]  # a network's own, and so never public
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 0xFFFF):
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    return [address]
