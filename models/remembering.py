"""The vectors of queries that were asked before. Knows encoders by their protocol alone.

For what readers type into search, and for nothing else: drafts are confidential and must not be kept.
"""

from __future__ import annotations

import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Callable

from models.encoder import Encoder, EncoderIdentity, Vectors
from models.languages import Languages

SIZE = 2048
"""Queries kept: of 384 dimensions 3 MB of vectors, and as much again for the rest."""


class QueryVectors:
    """A bounded cache of query vectors, by text and encoder; the one used longest ago goes first.

    Texts that differ in Unicode composition or blanks alone are one query, and it is encoded as that one; case and
    diacritics count, as they do to encoders.

    :param size: Queries kept, at least 1.
    :param noted: Called for every query with whether its vector was kept.
    """

    def __init__(self, size: int = SIZE, noted: Callable[[bool], None] = lambda kept: None) -> None:
        if size < 1:
            raise ValueError(f"size: {size}: expected at least 1")
        self._size = size
        self._noted = noted
        self._kept: OrderedDict[tuple[EncoderIdentity, str, str | None], Vectors] = OrderedDict()
        self._languages = Languages()
        self._lock = threading.Lock()

    def measure(self, encoder: Encoder) -> None:
        """Measure what English queries need, so that the first of them need not wait for it."""
        self._languages.measure(encoder)

    def encode(self, encoder: Encoder, text: str, gloss: str | None = None) -> Vectors:
        """Return the query's unit vector, (dim,) float32, read-only.

        :param gloss: Where the query is in English, and to be compared with texts in Vietnamese: what is known of it
            in Vietnamese, word by word, perhaps nothing.
        """
        text = " ".join(unicodedata.normalize("NFC", text).split())
        key = (encoder.identity, text, gloss)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
        self._noted(kept is not None)
        if kept is not None:
            return kept
        vector: Vectors = encoder.encode_queries([text])[0]  # without the lock: other queries need not wait
        vector.setflags(write=False)
        if gloss is not None:
            brought = self._languages.brought(encoder, vector, gloss)
            if brought is None:  # in a moment: what is answered now is not to be kept
                return vector
            vector = brought
            vector.setflags(write=False)
        with self._lock:
            self._kept[key] = vector
            self._kept.move_to_end(key)
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return vector
