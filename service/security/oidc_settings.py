"""Validates the settings of signing in through a provider, one by one and together.

Pure, except for reading the secret's file. Imports nothing heavy, since settings are read first.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_LONGEST_SECRET = 4096


def issuer(value: str) -> str:
    """Return the address of a provider.

    :raises ValueError: if it is not an https address; http is accepted on this machine.
    """
    expected = f"expected https://HOST, as the provider's description names its issuer, found {value!r}"
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
    except ValueError:
        raise ValueError(expected) from None
    plain = not (parts.query or parts.fragment or "?" in value or "#" in value or parts.username or parts.password)
    if not host or not plain or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))):
        raise ValueError(expected)
    return value


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def fault(given: Mapping[str, Any]) -> str | None:
    """Return the fault of the settings together, None if there is none.

    :param given: All settings, by name.
    """
    if given["oidc_issuer"] is None:
        named = sorted(name for name in ("oidc_client_id", "oidc_editors", "oidc_chiefs") if given[name])
        return f"{', '.join(named)}: expected oidc_issuer beside it" if named else None
    missing = [name for name in ("oidc_client_id", "public_url") if not given[name]]
    if missing:
        return f"oidc_issuer: expected {' and '.join(missing)} beside it"
    public = urlsplit(given["public_url"])
    if public.scheme != "https" and not is_loopback(public.hostname or ""):
        return "public_url: expected https where oidc_issuer is set, for codes come back to it"
    if (given["oidc_client_secret"] is None) == (given["oidc_client_secret_file"] is None):
        return "oidc_issuer: expected either oidc_client_secret or oidc_client_secret_file beside it"
    if not given["oidc_editors"] and not given["oidc_chiefs"]:
        return "oidc_issuer: expected oidc_editors or oidc_chiefs beside it: nobody could sign in"
    if "openid" not in given["oidc_scopes"]:
        return "oidc_scopes: expected openid among them"
    if given["oidc_claim"] == "email":
        return "oidc_claim: 'email': expected another claim: e-mail addresses are looked at beside it, where verified"
    return None


def read_secret(path: Path) -> str:
    """Return the content of a secret file that only its owner may change, and others may not read.

    The group may read it too, as with systemd's credentials and Kubernetes' secrets.

    :raises ValueError: if it cannot be read, is empty or too long, its group may change it, or others may use it.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            found = file.read(_LONGEST_SECRET + 1).decode().strip()
    except (OSError, UnicodeError) as error:
        raise ValueError(f"{path}: {getattr(error, 'strerror', None) or 'it is no text'}") from None
    if mode & 0o027:
        raise ValueError(f"{path}: mode {mode:04o}: expected 0600, for it holds a secret")
    if not 0 < len(found) <= _LONGEST_SECRET:
        raise ValueError(f"{path}: {len(found)} characters: expected 1 to {_LONGEST_SECRET}")
    return found
