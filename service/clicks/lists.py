"""Signed tokens that describe related lists, so that clicks count only for lists that were really given.

Owns the token's content and how long it is valid. It holds nothing about the reader: everyone who gets the same list
from a cache has the same token.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import NamedTuple

from itsdangerous import BadSignature, URLSafeSerializer

from service.observing.hourly import DAY

MAX_HITS = 50
"""The most articles of a list that are counted. No list is longer."""

MAX_AGE = 3 * DAY
"""Seconds for which a page with a list may stay open."""


class SignedHit(NamedTuple):
    """One article of a list (`clicks.log.ListPosition`)."""

    article: str
    reason: str
    arm: str = ""


class SignedList(NamedTuple):
    """A list as it was given (`clicks.log.ListPosition`)."""

    hour: int
    seed: str
    trial: str
    hits: tuple[SignedHit, ...]


class ListSigner:
    """Signs lists and verifies their tokens.

    :param secret: Returns the secret for signing.
    :param clock: Seconds since 1970.
    """

    def __init__(self, secret: Callable[[], bytes], clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock

    def token(self, listed: SignedList) -> str:
        """Return the token of a list. Equal lists have equal tokens.

        :raises NotReady: if the secret cannot be read.
        """
        hits = [list(hit) for hit in listed.hits[:MAX_HITS]]
        return str(self._serializer().dumps([listed.hour, listed.seed, listed.trial, hits]))

    def of(self, token: str) -> SignedList | None:
        """Return the list of a token, None if the token is foreign, altered or too old."""
        try:
            hour, seed, trial, hits = self._serializer().loads(token)
        except BadSignature:
            return None
        if not -DAY < self._clock() - hour <= MAX_AGE:
            return None
        return SignedList(hour, seed, trial, tuple(SignedHit(*hit) for hit in hits))

    def _serializer(self) -> URLSafeSerializer:
        options = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
        return URLSafeSerializer(self._secret(), "lienquan list", signer_kwargs=options)
