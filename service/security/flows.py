"""A browser that goes to the provider to sign in, and whether it is the one that comes back, in time.

Owns the cookie that a browser holds meanwhile, and what is derived of it: state, nonce and PKCE's verifier. Nothing is
kept here, so every process knows a browser again. Knows nothing of the provider.
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
"""For how long somebody may take to sign in at the provider."""


@dataclass(frozen=True)
class Flow:
    """One way to the provider and back.

    :param cookie: What its browser holds.
    :param id: Random.
    :param onward: The page of the newsroom that was wanted, empty where none was.
    :param lang: The code of the language of pages, empty for the default one.
    :param state: What the provider sends back as it was sent.
    :param nonce: What the token must hold.
    :param verifier: Of PKCE: what is told to the provider only when the code is exchanged.
    """

    cookie: str
    id: str
    onward: str
    lang: str
    state: str
    nonce: str
    verifier: str


class Flows:
    """Begins flows and knows them again.

    :param secret: Returns what cookies are signed with, and the rest derived by.
    :param clock: Seconds since 1970.
    """

    def __init__(self, secret: Callable[[], bytes], clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock

    def begin(self, onward: str = "", lang: str = "") -> Flow:
        """Begin a flow that no other ever was."""
        number = secrets.token_hex(16)
        cookie = str(self._serializer().dumps([number, onward, lang]))
        return self._flow(cookie, number, onward, lang)

    def of(self, cookie: str | None) -> Flow | None:
        """Return the flow of a cookie, None where it is none of ours, altered or too old."""
        try:
            number, onward, lang = self._serializer().loads(cookie or "", SECONDS)
        except BadSignature:
            return None
        return self._flow(cookie or "", number, onward, lang)

    def _flow(self, cookie: str, number: str, onward: str, lang: str) -> Flow:
        derived = (self._derived(name, number) for name in ("state", "nonce", "verifier"))
        return Flow(cookie, number, onward, lang, *derived)

    def _derived(self, name: str, number: str) -> str:
        """Return 256 bits that nobody knows who has the cookie, as 43 letters."""
        made = hmac.new(self._secret(), f"sign-on {name} {number}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode()

    def _serializer(self) -> URLSafeTimedSerializer:
        clock = self._clock

        class FlowSigner(TimestampSigner):
            def get_timestamp(self) -> int:
                return int(clock())

        options = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
        return URLSafeTimedSerializer(self._secret(), "lienquan sign-on", signer=FlowSigner, signer_kwargs=options)
