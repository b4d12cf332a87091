"""A home opened from Python: search, related articles, vectors and data frames in a notebook or a script.

Owns the public Python interface. Results equal those of the command line, with the settings of the environment and the
settings file. Only articles that are public now are shown. Knows nothing of HTTP.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from indexer.articles.article import Article, shown
from indexer.files.arrays import Rows
from models import catalogue
from models.encoder import Encoder, Vectors
from service import settings
from service.commands.common import find_card, open_searcher
from service.errors import NotFound
from service.hits import Answer
from service.schemas import RelatedBody, RelatedParams, SearchParams, Seed, parse_body, parse_params

if TYPE_CHECKING:
    from service.searcher import Searcher

COLUMNS = tuple(name for name in Article.model_fields if name != "extra")
"""The columns of a data frame: the fields of an archive line without `extra`, which may have any shape."""

_FRAMES = ("pandas", "polars")
_AT_ONCE = 512


class ArticleVectors(NamedTuple):
    """The vectors of articles.

    :param ids: The id of each vector's article, n in all.
    :param vectors: (n, dim) float32, rows of unit length: `vectors @ vectors.T` are cosines.
    """

    ids: list[str]
    vectors: Vectors


class OpenHome:
    """A home opened for reading: the snapshot that is current now, held until it is closed.

    ```python
    with OpenHome("var/home") as home:
        answer = home.search("lương chậm")
    ```

    Open the home again to see later publications. The first search or draft loads the model; a stored article's related
    list and vectors need none.

    :param home: The directory that `lienquan index --home` wrote.
    :param model: A value of `--model`; by default the model of the settings.
    :param backend: A value of `--backend`; by default that of the settings.
    :raises SettingsError: if the settings are not as expected.
    :raises SnapshotError: if nothing is published in the home, or it cannot be read.
    """

    def __init__(self, home: str | Path, model: str | None = None, backend: str | None = None) -> None:
        self._settings = settings.load()
        self._model, self._backend = model or self._settings.model, backend or self._settings.backend
        self._opened: Searcher | None = open_searcher(Path(home), lambda: self.encoder)

    def __enter__(self) -> OpenHome:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the snapshot's files. Earlier results stay valid. Closing twice does no harm."""
        if self._opened is not None:
            self._opened.archive.close()
            self._opened = None

    @property
    def _searcher(self) -> Searcher:
        if self._opened is None:
            raise ValueError("the home is closed: expected an open one")
        return self._opened

    @property
    def snapshot(self) -> str:
        """Return the id of the snapshot that is held."""
        return self._searcher.archive.id

    @cached_property
    def encoder(self) -> Encoder:
        """Return the model that encodes queries and drafts, loaded when it is first needed.

        :raises ModelError: if it cannot be found or read.
        """
        from models import sentence_transformer

        said = self._settings
        if said.models is not None:
            os.environ.setdefault(catalogue.MODELS_VARIABLE, str(said.models))
        card = find_card(self._model, said.query_prompt, said.document_prompt, said.max_tokens)
        return sentence_transformer.load(card, self._backend, said.threads)

    @property
    def count(self) -> int:
        """Return the number of articles that are public now."""
        return int(np.count_nonzero(self._searcher.public()))

    def search(self, query: str | None = None, **options: Any) -> Answer:
        """Return what a query finds, best first: `hits`, each with its `article`, `score` and `relevance`, and `total`.

        :param query: What a reader would type; None for all articles that pass the filters.
        :param options: The parameters of `GET /api/v1/search` by name: `limit`, `mode`, `section`, …
        :raises BadRequest: naming the option that is unknown or not as expected.
        :raises ModelError: if the model cannot be loaded.
        :raises SnapshotError: if the archive was made with another model.
        """
        return self._searcher.search(parse_params(SearchParams, _given({"q": query, **options})))

    def related(self, seed: str | Mapping[str, Any], **options: Any) -> Answer:
        """Return the articles that belong under one, in the order of the list.

        :param seed: The id of an article, or a draft: a mapping with `title`, `lead`, `body` or `body_html`, `section`.
        :param options: The parameters of `GET /api/v1/articles/ID/related` by name: `limit`, `preset`, `section`, …
        :raises NotFound: if there is no public article of that id.
        :raises BadRequest: naming the option, or the field of the draft, that is unknown or not as expected.
        :raises ModelError: for a draft, if the model cannot be loaded.
        :raises SnapshotError: for a draft, if the archive was made with another model.
        """
        params = parse_params(RelatedParams, _given(options))
        named = {"ids": [seed]} if isinstance(seed, str) else {"article": dict(seed)}
        wanted = parse_body(Seed, json.dumps(named).encode())
        body = RelatedBody(seed=wanted, exclude_ids=params.exclude_ids, filters=params.fields(), **params.options())
        return self._searcher.related(body)

    def article(self, article_id: str) -> Article:
        """Return an article by its id, or by an alias of it.

        :raises NotFound: if there is no public article of that id.
        """
        return self._searcher.article(article_id)

    def articles(self) -> Iterator[Article]:
        """Yield every article in the order of their ids, some hundred of them in memory at a time."""
        archive, rows = self._searcher.archive, self._rows()
        for start in range(0, len(rows), _AT_ONCE):
            yield from archive.articles(rows[start : start + _AT_ONCE])

    def vectors(self, ids: Iterable[str] | None = None) -> ArticleVectors:
        """Return the vectors of articles with their ids.

        :param ids: Which articles, in this order; all of them by default, in the order of their ids.
        :return: n ids and (n, dim) float32, rows of unit length.
        :raises NotFound: naming the first id of no public article.
        """
        archive = self._searcher.archive
        rows = self._rows() if ids is None else np.array([self._row(one) for one in ids], dtype=np.int64)
        return ArticleVectors([summary.id for summary in archive.summaries(rows)], archive.vectors_of(rows))

    def frame(self, columns: Sequence[str] = COLUMNS) -> Any:
        """Return all articles, in the order of their ids, as a data frame of pandas, else of polars.

        :param columns: The columns to return, of `COLUMNS`; fewer take less memory.
        :return: `pandas.DataFrame` or `polars.DataFrame`; absent values are null, times are aware: pandas keeps
            +07:00, polars has UTC.
        :raises ImportError: if neither pandas nor polars is installed.
        :raises ValueError: if there is no such column.
        """
        unknown = [name for name in columns if name not in COLUMNS]
        if unknown:
            raise ValueError(f"columns: {unknown[0]!r}: expected one of {', '.join(COLUMNS)}")
        library = _frames()
        values: dict[str, list[Any]] = {name: [] for name in columns}
        for article in self.articles():
            for name, column in values.items():
                column.append(getattr(article, name))
        return library.DataFrame(values)

    def _rows(self) -> Rows:
        """Return the rows of the public articles in the order of their ids, (n,) int64."""
        return self._searcher.archive.by_id(self._searcher.public())

    def _row(self, article_id: str) -> int:
        row = self._searcher.archive.find(article_id, self._searcher.public())
        if row is None:
            raise NotFound("id", shown(article_id))
        return row


def _given(options: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return options in the form of `parse_params`, without those that are None."""
    listed = {name: [*said] if isinstance(said, list | tuple | set) else [said] for name, said in options.items()}
    return {name: values for name, values in listed.items() if values and values != [None]}


def _frames() -> Any:
    """Return the first library of data frames that is installed.

    :raises ImportError: if none is.
    """
    for name in _FRAMES:
        try:
            return import_module(name)
        except ImportError:
            continue
    raise ImportError("a data frame needs pandas or polars, and neither is installed: pip install pandas")
