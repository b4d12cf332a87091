"""Decides which source may define an article: each source owns the articles on its own hosts.

A feed may list any address of the web, with any text. So a site's version of another site's article must not replace
the owner's version. Owns that rule within one run. `indexer.building.staging` applies it to articles of earlier runs,
by the origin that this module gives. Knows nothing of texts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256

from indexer.articles.article import Article
from indexer.errors import IndexerError
from indexer.sources import listed
from indexer.sources.described import AnySource, Remote
from indexer.sources.reading import Reading
from indexer.text import addresses

OWN = "source"
"""The origin of an article that its source owns: it is on one of the source's hosts, or in the operator's own files."""

_TOLD = "told"


def hosts_of(source: AnySource) -> frozenset[str]:
    """Return the hosts that a source owns, in the form of `text.host_key`; none for files and databases."""
    if not isinstance(source, Remote):
        return frozenset()
    return frozenset({addresses.host_key(source.url), *map(addresses.host_key, source.hosts)})


class Ownership:
    """The sources of a run, and the hosts that each owns.

    :param sources: Pairs of a key (`Reading.teller`) and the hosts.
    :ivar left: For each source the number of its articles that another source owns.
    """

    def __init__(self, sources: Iterable[tuple[str, frozenset[str]]]) -> None:
        self._hosts: dict[str, frozenset[str]] = {}
        for key, hosts in sources:
            self._hosts[key] = self._hosts.get(key, frozenset()) | hosts
        self._owned = frozenset().union(*self._hosts.values())
        self.left: Counter[str] = Counter()

    @classmethod
    def of(cls, specs: Sequence[str]) -> Ownership:
        """Return the ownership of named sources. Invalid names are ignored here; the reader reports them."""
        found: list[tuple[str, frozenset[str]]] = []
        for spec in specs:
            try:
                named = [source for _, source in listed(spec)]
            except (IndexerError, ValueError):
                continue
            found += [(source.source_key, hosts_of(source)) for source in named if isinstance(source, Remote)]
        return cls(found)

    def origin(self, reading: Reading, article: Article) -> str | None:
        """Return the origin to store with an article, None if another source of the run owns it.

        An article on nobody's host belongs to the first source that gives it, and its origin names that source.
        """
        if not reading.teller:
            return OWN
        host, own = addresses.host_key(article.url or ""), self._hosts.get(reading.teller, frozenset())
        if not host or host in own:
            return OWN
        if host in self._owned:
            self.left[reading.teller] += 1
            return None
        if not reading.derived:  # no other source gives this id: WordPress includes its own host
            return OWN
        return f"{_TOLD} {sha256(reading.teller.encode()).hexdigest()[:16]}"

    def own_names(self, reading: Reading, article: Article) -> Article:
        """Return a reading's article; a site's loses aliases that are ids or addresses on hosts of other sources."""
        if not reading.teller or not article.aliases:
            return article
        others = self._owned - self._hosts.get(reading.teller, frozenset())
        kept = [name for name in article.aliases if "/" in name and addresses.host_key(name) not in others]
        return article if len(kept) == len(article.aliases) else article.model_copy(update={"aliases": kept})
