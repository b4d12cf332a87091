"""txtai as a side: hybrid search as its documentation sets it up, content in SQLite, vectors in FAISS."""

from __future__ import annotations

import os
from collections.abc import Iterator
from time import perf_counter
from typing import Any, ClassVar

import numpy as np
from txtai import Embeddings
from txtai.vectors import HFVectors

from benchmarks.peer_process import MODEL, lines

PROMPTS = {"query": "query: ", "data": "passage: "}


class GivenVectors(HFVectors):
    """txtai's own encoder, but for documents whose vectors are given: by the text that it would encode."""

    of: ClassVar[dict[str, np.ndarray]] = {}

    def encode(self, data: list[str], category: str | None = None) -> np.ndarray:
        """Return given vectors for documents, encoded ones for queries."""
        if category == "data" and self.of:
            return np.stack([self.of[text] for text in data])
        return np.asarray(super().encode(data, category))


class Txtai:
    """Embeddings with `hybrid` and `content` switched on, all else as it comes.

    :param normalize: How the scores of words are brought to the scale of cosines; True is its default.
    """

    packages = ("txtai", "transformers", "torch", "faiss-cpu")

    def __init__(self, normalize: bool | str = True) -> None:
        self._embeddings = Embeddings(
            method="benchmarks.peer_txtai.GivenVectors",
            path=os.environ[MODEL],
            instructions=PROMPTS,
            maxlength=512,
            scoring={"method": "bm25", "terms": True, "normalize": normalize},  # what `hybrid=True` stands for
            content=True,
        )
        self._encoding = 0.0

    def index(self, archive: str, home: str) -> None:
        """Encode and index as it comes; the model stays loaded from one archive to the next."""
        GivenVectors.of = {}
        self._embeddings.index(self._documents(lines(archive)))
        self._embeddings.save(home)

    def take(self, archive: str, vectors: str, home: str) -> None:
        """Index with vectors that are given."""
        given = lines(archive)
        texts = [PROMPTS["data"] + line["text"] for line in given]
        GivenVectors.of = dict(zip(texts, np.load(vectors), strict=True))
        self._embeddings.index(self._documents(given))
        self._embeddings.save(home)

    def open(self, home: str) -> None:
        """Load, and have the time that encoding takes counted."""
        self._embeddings.load(home)
        encode = self._embeddings.batchtransform

        def timed(*given: Any) -> Any:
            started = perf_counter()
            found = encode(*given)
            self._encoding += perf_counter() - started
            return found

        self._embeddings.batchtransform = timed

    def search(self, query: str) -> tuple[list[str], float]:
        """Return ids and the seconds of encoding."""
        self._encoding = 0.0
        return [hit["id"] for hit in self._embeddings.search(query, 10)], self._encoding

    def near(self, article: dict[str, str]) -> list[str]:
        """Search for the article's own text: there is no other way to ask for what is like a document."""
        found = [hit["id"] for hit in self._embeddings.search(article["text"], 11)]
        return [name for name in found if name != article["id"]][:10]

    @staticmethod
    def _documents(given: list[dict[str, str]]) -> Iterator[tuple[str, str, None]]:
        return ((line["id"], line["text"], None) for line in given)
