"""Decides from a request's headers and the key store whether it may do something. Knows nothing of Flask.

Refusals name the header and what was expected, and never repeat a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from indexer.articles.article import shown
from service.errors import FieldError, Forbidden, Unauthorized
from service.security.keys import Key, KeyStore, Scope

Header = Callable[[str], str | None]
"""Returns the request's header of a name, None if it has none."""

SAFE = {"GET", "HEAD", "OPTIONS"}
"""Methods that change nothing."""

_LONGEST = 200


def authorised(keys: KeyStore, scope: Scope, header: Header, origins: Collection[str] = ()) -> Key:
    """Return the key that gives a request a scope.

    :param origins: Other sites whose pages may send it from a browser.
    :raises Forbidden: if any other site sent it, or the key does not have the scope.
    :raises Unauthorized: if it has no valid key.
    """
    fault = foreign(header, origins)
    if fault is not None:
        raise Forbidden([fault], reason="another site")
    given = header("Authorization")
    expected = f"expected Bearer and a key of scope {scope}"
    if given is None:
        raise Unauthorized(FieldError("Authorization", "nothing", expected))
    bearer, key = _found(keys, given)
    if key is None:
        told = "a key that is not known" if bearer else "something else"
        raise Unauthorized(FieldError("Authorization", told, expected), "invalid_token", "unknown key")
    if not key.counts:
        state, reason = ("is revoked", "revoked key") if key.revoked is not None else ("has expired", "expired key")
        fault = FieldError("Authorization", f"key {key.id}, which {state}", expected)
        raise Unauthorized(fault, "invalid_token", reason, key.id)
    if scope not in key.scopes:
        told = f"key {key.id} of scope {' and '.join(key.scopes)}"
        challenge = f'error="insufficient_scope", scope="{scope}"'
        raise Forbidden([FieldError("Authorization", told, expected)], challenge, "scope of the key", key.id)
    return key


def presented(keys: KeyStore, header: Header) -> Key | None:
    """Return the key of a request, of any scope; None if it has no valid key."""
    _, key = _found(keys, header("Authorization") or "")
    return key if key is not None and key.counts else None


def _found(keys: KeyStore, given: str) -> tuple[bool, Key | None]:
    """Return whether an `Authorization` header holds a key, and the key."""
    scheme, _, text = given.strip(" \t").partition(" ")
    bearer = scheme.lower() == "bearer"
    return bearer, keys.find(text.strip(" \t")) if bearer and len(text) <= _LONGEST else None


def check_address(key: Key, address: str | None) -> None:
    """Accept a request only from an address where its key may be used.

    :param address: The client's address, by the trusted proxies.
    :raises Forbidden: if it comes from elsewhere. The allowed addresses are not named, since the key may be stolen.
    """
    if not key.bounds.admits(address):
        expected = f"expected an address that key {key.id} is bound to"
        fault = FieldError("address", shown(address), expected)
        raise Forbidden([fault], 'error="insufficient_scope"', "address of the key", key.id)


def foreign(header: Header, origins: Collection[str] = ()) -> FieldError | None:
    """Return a fault if a page of another site sent a request from a browser, else None.

    Browsers name the origin of a request, programs do not.

    :param origins: Sites, such as `https://bao.example`, that are treated like this one.
    """
    origin, site = header("Origin"), header("Sec-Fetch-Site")
    if origin is not None:
        host = (header("Host") or "").lower()
        if origin.lower() in {one.lower() for one in origins}:
            return None
        if origin.lower() not in {f"http://{host}", f"https://{host}"}:
            return FieldError("Origin", shown(origin), "expected a page of this service")
    if site not in {None, "same-origin", "none"}:
        return FieldError("Sec-Fetch-Site", shown(site), "expected a page of this service")
    return None
