"""Lienquan as a side: `lienquan index` from JSON Lines to a published snapshot, and its searcher as it is served."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Literal

from benchmarks.quality import encoder
from indexer.archive import Archive
from indexer.building.build import build
from indexer.snapshot.home import Home
from indexer.snapshot.snapshot import Snapshot
from models.encoder import Vectors
from service.options import Options
from service.schemas import RelatedBody, SearchParams, Seed
from service.searcher import Searcher
from service.settings import Settings


class _Timed:
    """An encoder that counts the seconds that queries take."""

    def __init__(self) -> None:
        self.identity = encoder().identity
        self.seconds = 0.0

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        started = perf_counter()
        found = encoder().encode_queries(texts)
        self.seconds += perf_counter() - started
        return found

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        return encoder().encode_documents(texts)


class Lienquan:
    """The product, with the settings that it is served with.

    :param ranking: `relevance` is what is served; `similarity` is for research.
    """

    packages = ("lienquan", "onnxruntime", "faiss-cpu", "tantivy")

    def __init__(self, ranking: Literal["similarity", "relevance"] = "similarity") -> None:
        self._ranking = ranking
        self._timed = _Timed()
        self._searcher: Searcher | None = None

    def index(self, archive: str, home: str) -> None:
        """Index the archive lines, whole."""
        build(Home(Path(home)), [archive], encoder)

    def open(self, home: str) -> None:
        """Open the current snapshot."""
        place = Home(Path(home))
        current = place.current()
        assert current is not None
        archive = Archive(Snapshot(place.directory(current)))
        self._searcher = Searcher(archive, lambda: self._timed, Options.of(Settings()))

    def search(self, query: str) -> tuple[list[str], float]:
        """Return ids and the seconds of encoding."""
        assert self._searcher is not None
        self._timed.seconds = 0.0
        hits = self._searcher.search(SearchParams(q=query, limit=10, ranking=self._ranking)).hits
        return [hit.article.id for hit in hits], self._timed.seconds

    def near(self, article: dict[str, str]) -> list[str]:
        """Return the related list by similarity, as `lienquan evaluate related` measures it."""
        assert self._searcher is not None
        asked = {"seed": Seed(ids=[article["id"]]), "limit": 10, "ranking": "similarity"}
        return [hit.article.id for hit in self._searcher.related(RelatedBody.model_validate(asked)).hits]
