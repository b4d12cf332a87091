"""Finds the article that a name means, the places of its text on disk, and the marks that recognise it.

Reads every store of a home and changes none; `indexer.takedown.purging` removes the text. Knows nothing of who may take
an article down, nor why; the journal records that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from indexer.archive import Archive
from indexer.articles import store
from indexer.articles.article import Article, validate
from indexer.articles.store import Store
from indexer.building import rejects
from indexer.building.ingest import live_home
from indexer.changes.barred import marks_of, name_mark, without_shared, words_of
from indexer.changes.journal import Journal
from indexer.files.arrays import Mask
from indexer.index.lexical_query import Term
from indexer.language import lexicon
from indexer.language.compounds import word_pairs
from indexer.snapshot.home import Home
from indexer.sources.memory import remembered_articles
from indexer.takedown.traces import Traces
from indexer.text.addresses import url_key
from indexer.text.syllables import folded, spelt
from indexer.text.views import text_key

_NEAR = 200_000
"""The most ids that are compared with a mistyped one."""

_RARE = 64
"""A word in more articles than this cannot identify one."""

_SHORTEST, _FEWEST_DIGITS = 2, 5


def holders(home: Home, article_id: str) -> list[str]:
    """Return the ids of the snapshots that have the text of an article, deleted or not, oldest first."""
    return [name for name in home.ids() if any(_rows(path, {article_id}) for path in _stores(home.directory(name)))]


def _stores(directory: Path) -> list[Path]:
    """Return the article stores below a directory, listed in its manifest or not."""
    return sorted(directory.glob(f"**/{store.FILE}"), reverse=True)


def _rows(path: Path, names: set[str]) -> list[int]:
    """Return the rows of a store that have one of these names; none if the file is not a store."""
    try:
        with closing(Store(path)) as opened:
            return [row for name in names if (row := opened.row_of(name)) is not None]
    except store.Unreadable:
        return []


def resolve(home: Home, name: str, archive: Archive | None) -> str | None:
    """Return the id of the article that a name means, None if no store knows it.

    :param name: An id, an alias, or an address, as the service resolves them.
    :param archive: The served archive, which is searched first; None if none is served.
    """
    if archive is not None and (row := _find(archive, name)) is not None:
        return archive.articles([row])[0].id
    with closing(Journal(home.path)) as journal:
        if journal.is_taken_down(name):
            return name
        for article_id, line in journal.lines():
            if _named(json.loads(line), name):
                return article_id
        if (down := journal.barred_by(name_mark(name))) is not None:
            return down
    return _in_older(home, name) or _in_sources(home, name)


def _find(archive: Archive, name: str) -> int | None:
    if "/" in name:
        return archive.find_url(name, archive.there())
    return archive.find(name, archive.there())


def _named(fields: dict[str, Any], name: str) -> bool:
    """Return whether an archive line has a name as its id, its address or an alias."""
    aliases = fields.get("aliases") or []
    if "/" not in name:
        return name == fields.get("id") or name in aliases
    addresses = [fields.get("url"), *(alias for alias in aliases if isinstance(alias, str) and "/" in alias)]
    return url_key(name) in {url_key(address) for address in addresses if isinstance(address, str)}


def _in_older(home: Home, name: str) -> str | None:
    for directory in _directories(home):
        for path in _stores(directory):
            with suppress(store.Unreadable), closing(Store(path)) as opened:
                kind, key = ("url", url_key(name)) if "/" in name else ("id", name)
                row = opened.row_of(name)
                rows = opened.rows_named(kind, key) if row is None else [row]
                if rows:
                    return opened.articles(rows[-1:])[0].id
    return None


def _directories(home: Home) -> Iterator[Path]:
    """Yield the directories of all snapshots, newest first, including live ones and those of killed builds."""
    for place in (live_home(home), home):
        with suppress(OSError):
            yield from sorted((path for path in place.snapshots.iterdir() if path.is_dir()), reverse=True)


def _in_sources(home: Home, name: str) -> str | None:
    given = (fields for _, fields in remembered_articles(home.path))
    for fields in (*given, *rejects.articles(home.path)):
        if _named(fields, name) and isinstance(fields.get("id"), str):
            return str(fields["id"])
    return None


def nearest(archive: Archive | None, name: str) -> str | None:
    """Return the id most similar to a mistyped one, None if none is similar."""
    if archive is None or "/" in name:
        return None
    ids = [found for segment in archive.segments for found in segment.store.ids() if abs(len(found) - len(name)) <= 1]
    return next(iter(get_close_matches(name, ids[:_NEAR], n=1)), None)


def trace(home: Home, article_id: str, archive: Archive | None) -> Traces:
    """Return the traces of an article: all of its versions in all stores of a home.

    :param archive: The served archive, which shows the words that no other article has; None if none is served.
    :raises IndexerError: if the journal or the memory of sources cannot be read.
    """
    traces = Traces(article_id)
    for line in _lines(home, article_id):
        traces.learn(json.loads(line))
    for place, fields in remembered_articles(home.path):
        if traces.is_named_by(fields) or traces.is_named(place):
            traces.add_name(place)
            traces.learn(fields)
    for fields in rejects.articles(home.path):
        if traces.is_named_by(fields):
            traces.learn(fields)
    if archive is not None:
        there = _without(archive, article_id)
        words = {word for version in traces.versions for text in traces.texts_of(version) for word in words_of(text)}
        words -= {word for phrase in lexicon.phrases() for word in words_of(phrase)}  # common words, even if rare here
        traces.own = {word for word in words if _tells_apart(word) and not _have(archive, [word], there)}
        traces.is_alone_with = lambda words: not _have(archive, words, there)
    return traces


def _lines(home: Home, article_id: str) -> Iterator[str]:
    """Yield the archive lines of an id in all snapshots and in the journal."""
    for directory in _directories(home):
        for path in _stores(directory):
            for row in _rows(path, {article_id}):
                with suppress(store.Unreadable), closing(Store(path)) as opened:
                    yield from opened.lines([row])
    journal = Journal.of(home.path)
    if journal is not None:
        with closing(journal):
            yield from (line for found, line in journal.lines() if found == article_id)


def _without(archive: Archive, article_id: str) -> Mask:
    """Return a mask of all articles but one, (count,) bool."""
    there = archive.there()
    own = archive.row_of(article_id)
    if own is not None:
        there[own] = False
    return there


def _tells_apart(word: str) -> bool:
    return len(word) >= (_FEWEST_DIGITS if word.isdigit() else _SHORTEST)


def _have(archive: Archive, words: Sequence[str], there: Mask) -> bool:
    """Return whether any of these articles has these words, with neighbouring words side by side."""
    spelled = [spelt(word) for word in words]
    bare = [folded(word) for word in spelled]
    terms = [Term("folded", token) for token in (word_pairs(spelled, bare) or bare)]
    found = [archive.frequency(term) for term in terms]
    if not all(found):
        return False
    rows = archive.having(terms) if min(found) <= _RARE else None
    return rows is None or bool(there[rows[rows >= 0]].any())


def others(archive: Archive, traces: Traces) -> list[Article]:
    """Return the other articles that have the same text as an article, or answer to one of its addresses."""
    there = archive.there()
    rows = np.flatnonzero(there)
    same = np.isin(archive.texts(rows), [key for version in traces.versions for key in _text_keys(version)])
    found = {*rows[same].tolist(), *(row for url in traces.urls for row in archive.all_at(url, there))}
    return [article for article in archive.articles(sorted(found)) if article.id != traces.id]


def _text_keys(version: dict[str, Any]) -> list[int]:
    """Return the number that `Archive.texts` gives to the text of a version; an empty list if it is not an article."""
    found = validate(version)
    if not isinstance(found, Article):
        return []
    return [int.from_bytes(text_key(found.views)[:8], "little", signed=True)]


def marks(archive: Archive | None, traces: Traces) -> set[bytes]:
    """Return the marks that recognise an article from any source, without those that another article shares."""
    found = {name_mark(name) for name in traces.ids} | {name_mark(f"//{url}") for url in traces.urls}
    for version in traces.versions:
        found |= marks_of(version)
    return without_shared(found, (article.line() for article in others(archive, traces)) if archive else ())
