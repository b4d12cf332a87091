"""Can this article be prepared within its time? A long one is tried by a child that can be ended, before it is taken.

All that is done with the text of one article while it is indexed, but for encoding, is done once in the child: HTML to
text, words, names, terms, sketches. What hangs, crashes or swallows memory does so there. Time grows with length, so
short articles are not tried, and trying costs nothing where there are no long ones. Knows nothing of journals, sources
or snapshots.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from indexer.articles.article import Article, validate
from indexer.errors import SourceError
from indexer.limits.confined import Allowance, ConfinedChild

LONG = 20_000
"""From how many characters on an article is tried: ten times the usual length."""

SECONDS = 20.0
"""How much of the processor an article may take; on the clock thrice as long, for the machine may be busy."""

_MB = 1024


class TrialPreparation:
    """Tries articles. To be closed, which ends the child if there is one.

    :param seconds: How much of the processor an article may take.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._child = ConfinedChild(Allowance(stall=3 * seconds, cpu=seconds, mb=_MB))

    def fault(self, fields: Mapping[str, Any]) -> str:
        """Return why an article cannot be prepared within its time, nothing where it can."""
        if not _is_long(fields):
            return ""
        try:
            for _ in self._child.run(prepare, json.dumps(fields)):
                pass
        except SourceError as error:
            return f"expected an article that can be prepared in {self._seconds:g} s: preparing it {error}"
        except (ValueError, TypeError, RecursionError):  # no JSON: it cannot be an article, as whoever judges it says
            return ""
        return ""

    def fault_of_line(self, line: str) -> str:
        """Return the same of an article that is an archive line already."""
        return self.fault(json.loads(line)) if len(line) >= LONG else ""

    def close(self) -> None:
        """End the child, if there is one."""
        self._child.close()


def _is_long(fields: Mapping[str, Any]) -> bool:
    left = LONG
    for value in fields.values():
        some = value if isinstance(value, list) else (value,)
        left -= sum(len(text) for text in some if isinstance(text, str))
    return left <= 0


def prepare(line: str) -> Iterator[int]:
    """Do with an article what indexing does with its text; in the child."""
    from indexer.articles.columns import ColumnWriter  # what these import takes a second, which is not the article's
    from indexer.articles.prepared import PreparedArticle
    from indexer.articles.store import StoredArticle
    from indexer.index.lexical_query import ArticleTokens
    from indexer.language.knowledge import KnowledgeWriter
    from indexer.relations.writing import RelationsWriter

    yield 0
    article, now = validate(json.loads(line)), datetime.now(UTC)
    if not isinstance(article, Article):
        return
    prepared = PreparedArticle.of(article)
    StoredArticle.of(prepared, "")
    ColumnWriter().add(prepared)
    KnowledgeWriter(now).add(0, prepared)
    with tempfile.TemporaryDirectory(prefix="lienquan-trial-") as folder:
        RelationsWriter(Path(folder) / "relations", now).add(prepared, 0, ArticleTokens.of(prepared))
