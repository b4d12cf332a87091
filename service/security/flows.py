"""Sign-in flows: a browser goes to the provider, and the same one must come back in time.

Owns the browser's cookie, and the values derived from it: state, nonce and PKCE's verifier. Nothing is stored here, so
every process recognises a flow. Knows nothing of the provider.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from itsdangerous import BadSignature, URLSafeTimedSerializer
from itsdangerous.timed import TimestampSigner

SECONDS = 600
"""The most seconds for signing in at the provider."""


@dataclass(frozen=True)
class Flow:
    """One way to the provider and back.

    :param cookie: The browser's cookie.
    :param id: A random id.
    :param onward: The requested page of the newsroom, empty if there is none.
    :param lang: The code of the language of pages, empty for the default one.
    :param state: The provider must send this back unchanged.
    :param nonce: The token must contain this.
    :param verifier: PKCE's verifier, which the provider gets only when the code is exchanged.
    """

    cookie: str
    id: str
    onward: str
    lang: str
    state: str
    nonce: str
    verifier: str


class Flows:
    """Begins flows and recognises them.

    :param secret: Returns the secret for signing cookies and deriving values.
    :param clock: Seconds since 1970.
    """

    def __init__(self, secret: Callable[[], bytes], clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock

    def begin(self, onward: str = "", lang: str = "") -> Flow:
        """Begin a new, unique flow."""
        number = secrets.token_hex(16)
        cookie = str(self._serializer().dumps([number, onward, lang]))
        return self._flow(cookie, number, onward, lang)

    def of(self, cookie: str | None) -> Flow | None:
        """Return the flow of a cookie, None if the cookie is foreign, altered or too old."""
        try:
            number, onward, lang = self._serializer().loads(cookie or "", SECONDS)
        except BadSignature:
            return None
        return self._flow(cookie or "", number, onward, lang)

    def _flow(self, cookie: str, number: str, onward: str, lang: str) -> Flow:
        derived = (self._derived(name, number) for name in ("state", "nonce", "verifier"))
        return Flow(cookie, number, onward, lang, *derived)

    def _derived(self, name: str, number: str) -> str:
        """Return 256 bits, as 43 letters, that cannot be computed from the cookie alone."""
        made = hmac.new(self._secret(), f"sign-on {name} {number}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode()

    def _serializer(self) -> URLSafeTimedSerializer:
        clock = self._clock

        class FlowSigner(TimestampSigner):
            def get_timestamp(self) -> int:
                return int(clock())

        options = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
        return URLSafeTimedSerializer(self._secret(), "lienquan sign-on", signer=FlowSigner, signer_kwargs=options)
