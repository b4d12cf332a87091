"""What the audit log keeps of an address, as a setting says. Pure; imports nothing that is heavy, for settings read it.

By default that is its network: enough to tell the newsroom from a stranger, and too little to tell one person.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Literal

AddressDetail = Literal["none", "network", "full"]


def origin(address: str | None, detail: AddressDetail) -> str | None:
    """Return what is kept of an address: nothing, its network (/24, of IPv6 /64), or all of it."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if detail == "network":
        return str(ip_network((found, 24 if found.version == 4 else 64), strict=False))
    return str(found) if detail == "full" else None
