"""What a related list says of itself, signed, so that clicks are counted on lists that were really given, as they were.

Owns the token's content and how long it counts. It tells nothing of the reader: whoever is given the same list out of
a cache has the same token.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import NamedTuple

from itsdangerous import BadSignature, URLSafeSerializer

from service.observing.hourly import DAY

MAX_HITS = 50
"""Of a longer list, which there is none of, the first so many are counted."""

MAX_AGE = 3 * DAY
"""Seconds for which a page that holds a list may lie open."""


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
    """Signs lists and knows them again.

    :param secret: Returns what they are signed with.
    :param clock: Seconds since 1970.
    """

    def __init__(self, secret: Callable[[], bytes], clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock

    def token(self, listed: SignedList) -> str:
        """Return the token of a list; the same list has the same.

        :raises NotReady: if the secret cannot be had.
        """
        hits = [list(hit) for hit in listed.hits[:MAX_HITS]]
        return str(self._serializer().dumps([listed.hour, listed.seed, listed.trial, hits]))

    def of(self, token: str) -> SignedList | None:
        """Return the list of a token, None where it is none of ours, altered or too old."""
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
