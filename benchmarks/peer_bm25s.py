"""bm25s as a side: words alone, in lower case."""

from __future__ import annotations

import json
from pathlib import Path

import bm25s

from benchmarks.peer_process import lines


class Bm25s:
    """Without English stop words, with words of one letter, in its faster backend: better here than its defaults."""

    packages = ("bm25s", "numba")

    def __init__(self) -> None:
        self._words, self._ids = bm25s.BM25(), [""]

    def take(self, archive: str, vectors: str, home: str) -> None:
        """Index the words; vectors are not for it."""
        given = lines(archive)
        words = bm25s.BM25(backend="numba")
        words.index(self._tokens([line["text"] for line in given]), show_progress=False)
        words.save(home)
        (Path(home) / "ids.json").write_text(json.dumps([line["id"] for line in given]), encoding="utf-8")

    def open(self, home: str) -> None:
        """Load into memory."""
        self._words = bm25s.BM25.load(home, show_progress=False)
        self._words.backend = "numba"
        self._ids = json.loads((Path(home) / "ids.json").read_text(encoding="utf-8"))

    def search(self, query: str) -> tuple[list[str], float]:
        """Return ids; nothing is encoded."""
        rows, _ = self._words.retrieve(self._tokens([query]), k=10, show_progress=False)
        return [self._ids[row] for row in rows[0]], 0.0

    @staticmethod
    def _tokens(texts: list[str]) -> bm25s.tokenization.Tokenized:
        return bm25s.tokenize(texts, stopwords=None, token_pattern=r"(?u)\b\w+\b", show_progress=False)
