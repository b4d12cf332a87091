"""The part of an address that the audit log stores. Pure; imports nothing heavy, since settings import it.

By default it is the network: enough to distinguish the newsroom from a stranger, too little to identify a person.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Literal

AddressDetail = Literal["none", "network", "full"]


def origin(address: str | None, detail: AddressDetail) -> str | None:
    """Return the stored part of an address: nothing, its network (/24, for IPv6 /64), or all of it."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if detail == "network":
        return str(ip_network((found, 24 if found.version == 4 else 64), strict=False))
    return str(found) if detail == "full" else None
