"""Which source may say what an article is: each owns what lies on its own hosts.

A feed may list any address of the web, with any text. So what a site tells of another site's articles must not take the
place of what that site tells itself. Owns that rule within one run; what is stored from earlier runs is held against it
by `indexer.building.staging`, by the origin that is given here. Knows nothing of texts.
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
"""The origin of an article that its source owns: it lies on one of its hosts, or in the operator's own files."""

_TOLD = "told"


def hosts_of(source: AnySource) -> frozenset[str]:
    """Return the hosts that a source owns, as `text.host_key` writes them; none of files and databases."""
    if not isinstance(source, Remote):
        return frozenset()
    return frozenset({addresses.host_key(source.url), *map(addresses.host_key, source.hosts)})


class Ownership:
    """The sources of a run, and which hosts each owns.

    :param sources: Each with the key that its readings are told by (`Reading.teller`).
    :ivar left: For each source how many articles were left to those that own them.
    """

    def __init__(self, sources: Iterable[tuple[str, frozenset[str]]]) -> None:
        self._hosts: dict[str, frozenset[str]] = {}
        for key, hosts in sources:
            self._hosts[key] = self._hosts.get(key, frozenset()) | hosts
        self._owned = frozenset().union(*self._hosts.values())
        self.left: Counter[str] = Counter()

    @classmethod
    def of(cls, specs: Sequence[str]) -> Ownership:
        """Return that of the sources that these names stand for; whoever reads them says what is wrong with a name."""
        found: list[tuple[str, frozenset[str]]] = []
        for spec in specs:
            try:
                named = [source for _, source in listed(spec)]
            except (IndexerError, ValueError):
                continue
            found += [(source.source_key, hosts_of(source)) for source in named if isinstance(source, Remote)]
        return cls(found)

    def origin(self, reading: Reading, article: Article) -> str | None:
        """Return the origin of an article as it is to be stored, None where another source of the run owns it.

        What lies on nobody's host is told by whoever tells it first: its origin names that source.
        """
        if not reading.teller:
            return OWN
        host, own = addresses.host_key(article.url or ""), self._hosts.get(reading.teller, frozenset())
        if not host or host in own:
            return OWN
        if host in self._owned:
            self.left[reading.teller] += 1
            return None
        if not reading.derived:  # an id that no other source gives: WordPress puts its own host in
            return OWN
        return f"{_TOLD} {sha256(reading.teller.encode()).hexdigest()[:16]}"

    def own_names(self, reading: Reading, article: Article) -> Article:
        """Return an article without the other names that are not its source's to give."""
        if not reading.teller or not article.aliases:
            return article
        others = self._owned - self._hosts.get(reading.teller, frozenset())
        kept = [name for name in article.aliases if "/" in name and addresses.host_key(name) not in others]
        return article if len(kept) == len(article.aliases) else article.model_copy(update={"aliases": kept})
