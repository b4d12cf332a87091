"""A cache of query vectors. Knows encoders by their protocol alone.

It is for readers' search queries only: drafts are confidential and must not be kept.
"""

from __future__ import annotations

import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Callable

from models.encoder import Encoder, EncoderIdentity, Vectors
from models.languages import Languages

SIZE = 2048
"""Queries kept. With 384 dimensions the vectors take 3 MB, and the rest takes as much again."""


class QueryVectors:
    """A bounded cache of query vectors, by text and encoder. The least recently used vector is dropped first.

    Texts that differ only in Unicode composition or blanks are one query with one vector. Case and diacritics matter,
    since encoders distinguish them.

    :param size: Queries kept, at least 1.
    :param noted: Called for every query with True if its vector was in the cache.
    :raises ValueError: if `size` is below 1.
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
        """Measure the shift of English queries, so that the first such query need not wait."""
        self._languages.measure(encoder)

    def encode(self, encoder: Encoder, text: str, gloss: str | None = None) -> Vectors:
        """Return the query's unit vector, (dim,) float32, read-only.

        :param gloss: For an English query that is compared with Vietnamese texts: its known words in Vietnamese,
            perhaps none. None for any other query.
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
        vector: Vectors = encoder.encode_queries([text])[0]  # outside the lock, so that other queries need not wait
        vector.setflags(write=False)
        if gloss is not None:
            brought = self._languages.brought(encoder, vector, gloss)
            if brought is None:  # not measured yet: this vector is provisional and is not kept
                return vector
            vector = brought
            vector.setflags(write=False)
        with self._lock:
            self._kept[key] = vector
            self._kept.move_to_end(key)
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return vector
