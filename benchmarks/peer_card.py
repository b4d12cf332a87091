"""What a reader would write first: sentence-transformers as it comes, a flat FAISS index, fifteen lines in all.

The view that would answer HTTP with it is left out: what is compared here is search within the process.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from time import perf_counter

import faiss
import numpy as np
from sentence_transformers import SentenceTransformer

from benchmarks.peer_process import MODEL, lines


class Card:
    """Those lines."""

    packages = ("sentence-transformers", "torch", "faiss-cpu")

    def __init__(self) -> None:
        self._model = SentenceTransformer(os.environ[MODEL], device="cpu")
        self._model.max_seq_length = 512
        self._index: faiss.Index = faiss.IndexFlatIP(384)
        self._ids = [""]

    def index(self, archive: str, home: str) -> None:
        """Encode in batches of 32, as sentence-transformers does unless told otherwise."""
        given = lines(archive)
        texts = ["passage: " + line["text"] for line in given]
        self._write(given, self._model.encode(texts, normalize_embeddings=True, show_progress_bar=False), home)

    def take(self, archive: str, vectors: str, home: str) -> None:
        """Index the vectors that are given."""
        self._write(lines(archive), np.load(vectors), home)

    def open(self, home: str) -> None:
        """Read the index and the ids."""
        self._index = faiss.read_index(f"{home}/index.faiss")
        self._ids = json.loads((Path(home) / "ids.json").read_text(encoding="utf-8"))

    def search(self, query: str) -> tuple[list[str], float]:
        """Return ids and the seconds of encoding."""
        started = perf_counter()
        vector = self._model.encode(["query: " + query], normalize_embeddings=True, show_progress_bar=False)
        encoded = perf_counter() - started
        return [self._ids[row] for row in self._index.search(vector, 10)[1][0]], encoded

    def near(self, article: dict[str, str]) -> list[str]:
        """Return the nearest articles of the article's own vector."""
        at = self._ids.index(article["id"])
        rows = self._index.search(self._index.reconstruct(at)[None], 11)[1][0]
        return [self._ids[row] for row in rows if row != at][:10]

    def _write(self, given: list[dict[str, str]], vectors: np.ndarray, home: str) -> None:
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(vectors)
        Path(home).mkdir(parents=True, exist_ok=True)
        faiss.write_index(index, f"{home}/index.faiss")
        (Path(home) / "ids.json").write_text(json.dumps([line["id"] for line in given]), encoding="utf-8")
