"""An archive's knowledge: its language, abbreviations and names, gathered while indexing.

It is learnt only from articles that were public at the last full rewrite, so that no table reveals an article under
embargo. Each name has the rows where it was seen, so that articles taken down later can be left out too.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import overload

import numpy as np

from indexer.articles.prepared import PreparedArticle
from indexer.language import lexicon
from indexer.language.mining import AbbreviationMiner, MinedAbbreviation, Name, NameMiner
from indexer.language.named import write_named
from indexer.language.restoration import Language, LanguageWriter
from indexer.text.syllables import stream

DIRECTORY = "language"
_TABLES = "tables"
_FILE = "names.json"


class KnowledgeWriter:
    """Learns from articles, a row at a time.

    :param now: Articles that are not public at this time are ignored.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._language = LanguageWriter()
        self._abbreviations = AbbreviationMiner()
        self._names = NameMiner()
        for phrase in lexicon.phrases():
            self._language.add(stream(phrase))

    def add(self, row: int, prepared: PreparedArticle) -> None:
        """Learn from the article of a row."""
        article = prepared.article
        if not article.public_at(self._now):
            return
        self._language.add(prepared.words)
        self._abbreviations.add(prepared.text)
        self._names.add(article.title, article.lead, row)

    def write(self, directory: Path, segment: Path) -> None:
        """Write everything into a new directory, and the occurrences of names into the segment's directory."""
        directory.mkdir()
        self._language.write(directory / _TABLES)
        names = self._names.found()
        write_named(segment, self._names.named(names))
        found = {"abbreviations": self._abbreviations.found(), "names": names}
        (directory / _FILE).write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")


class Names(Sequence[Name]):
    """A compact sequence of names, a few bytes each, since an archive has up to 50,000.

    :param names: Text, count and rows of each.
    """

    def __init__(self, names: Iterable[tuple[str, int, Sequence[int]]]) -> None:
        self._texts: list[str] = []
        counts, rows, ends = array("i"), array("i"), array("i", [0])
        for text, count, held in names:
            self._texts.append(text)
            counts.append(count)
            rows.extend(held)
            ends.append(len(rows))
        self._counts, self.rows, self.ends = (np.array(held, dtype=np.int32) for held in (counts, rows, ends))

    def __len__(self) -> int:
        return len(self._texts)

    @overload
    def __getitem__(self, place: int) -> Name: ...

    @overload
    def __getitem__(self, place: slice) -> list[Name]: ...

    def __getitem__(self, place: int | slice) -> Name | list[Name]:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(len(self)))]
        at = range(len(self))[place]
        rows = self.rows[self.ends[at] : self.ends[at + 1]]
        return Name(self._texts[at], int(self._counts[at]), tuple(rows.tolist()))


class Knowledge:
    """An archive's knowledge, opened for reading.

    :param directory: Where `KnowledgeWriter.write` put it.
    """

    def __init__(self, directory: Path) -> None:
        self.language = Language(directory / _TABLES)
        found = json.loads((directory / _FILE).read_text(encoding="utf-8"))
        self.abbreviations = [MinedAbbreviation(*row) for row in found["abbreviations"]]
        self.names = Names(found["names"])
