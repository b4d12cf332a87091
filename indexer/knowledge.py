"""What a segment knows beside its articles: its language, its abbreviations and its names, gathered while indexing.

Only articles that were public when the segment was written teach it anything: no table may give away what an embargo
holds back. Names carry the rows they were seen in, so that what has been taken down since can be left out as well.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer import lexicon
from indexer.article import Article
from indexer.language import Language, LanguageWriter
from indexer.mining import AbbreviationMiner, Mined, Name, NameMiner
from indexer.syllables import stream

DIRECTORY = "language"
_TABLES = "tables"
_FILE = "names.json"
_NAMED = "named.npy"


class KnowledgeWriter:
    """Gathers what articles teach, a row at a time.

    :param now: Articles that are not public at this time teach nothing.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._language = LanguageWriter()
        self._abbreviations = AbbreviationMiner()
        self._names = NameMiner()
        for phrase in lexicon.phrases():
            self._language.add(stream(phrase))

    def add(self, article: Article, row: int, words: Sequence[str], text: str) -> None:
        """Learn from the article of a row.

        :param words: `syllables.stream` of the text.
        :param text: Title, lead and body.
        """
        if not article.public_at(self._now):
            return
        self._language.add(words)
        self._abbreviations.add(text)
        self._names.add(article.title, article.lead, row)

    def write(self, directory: Path) -> None:
        """Write everything into a directory, which is made."""
        directory.mkdir()
        self._language.write(directory / _TABLES)
        names = self._names.found()
        np.save(directory / _NAMED, self._names.named(names), allow_pickle=False)
        found = {"abbreviations": self._abbreviations.found(), "names": names}
        (directory / _FILE).write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")


class Knowledge:
    """What a segment knows, opened for reading.

    :param directory: Where `KnowledgeWriter.write` put it.
    """

    def __init__(self, directory: Path) -> None:
        self.language = Language(directory / _TABLES)
        found = json.loads((directory / _FILE).read_text(encoding="utf-8"))
        self.abbreviations = [Mined(*row) for row in found["abbreviations"]]
        self.names = [Name(text, count, tuple(rows)) for text, count, rows in found["names"]]
        named: NDArray[np.int32] = np.load(directory / _NAMED, allow_pickle=False)
        self._places = np.ascontiguousarray(named[:, 1])
        self._starts = np.searchsorted(named[:, 0], np.arange(int(named[:, 0].max(initial=-1)) + 2))

    def names_of(self, row: int) -> list[Name]:
        """Return the names in the title and lead of an article, as far as others hold them too, the rarest first."""
        if row + 1 >= len(self._starts):
            return []
        places = self._places[self._starts[row] : self._starts[row + 1]].tolist()
        return sorted((self.names[place] for place in places), key=lambda name: name.count)
