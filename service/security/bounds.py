"""The bounds of a key: addresses, sections and sources of articles, and the number of deletes a day.

Pure. Knows nothing of files, requests or the archive.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from ipaddress import ip_network
from typing import Any

from indexer.articles.article import shown
from indexer.text import folding
from service.security.addresses import parse

DELETES = 100
"""The default number of deletes in 24 hours for a new key."""

_MOST = 100
_LONGEST = 500


@dataclass(frozen=True)
class Bounds:
    """The bounds of a key. A bound without values does not apply.

    :param addresses: Networks, such as `203.0.113.0/24`.
    :param sections: The sections of which an article must be, before and after a write.
    :param sources: The sources, likewise.
    :param deletes: The most articles that may be deleted or hidden in 24 hours; None for any number.
    """

    addresses: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    deletes: int | None = None

    @classmethod
    def of(
        cls,
        addresses: Iterable[str] = (),
        sections: Iterable[str] = (),
        sources: Iterable[str] = (),
        deletes: int | None = None,
    ) -> Bounds:
        """Return bounds in normalised form.

        :raises ValueError: naming the invalid value.
        """
        if deletes is not None and deletes < 0:
            raise ValueError(f"deletes: {deletes}: expected 0 or more")
        networks = (_network(given) for given in addresses)
        found = cls(
            _several(networks), _several(_named("section", sections)), _several(_named("source", sources)), deletes
        )
        for name in ("addresses", "sections", "sources"):
            if len(getattr(found, name)) > _MOST:
                raise ValueError(f"{name}: {len(getattr(found, name))}: expected at most {_MOST}")
        return found

    def admits(self, address: str | None) -> bool:
        """Return whether a request may come from an address; an unknown address is in no network."""
        if not self.addresses:
            return True
        found = parse(address)
        return found is not None and any(found in ip_network(network) for network in self.addresses)

    def bound_articles(self) -> bool:
        """Return whether writing is restricted to some articles."""
        return bool(self.sections or self.sources)

    def covers(self, section: str | None, source: str | None) -> bool:
        """Return whether an article of a section and a source is within the bounds."""
        return (not self.sections or section in self.sections) and (not self.sources or source in self.sources)

    def articles(self) -> str:
        """Describe in words the articles within the bounds."""
        parts = [f"section {' or '.join(map(shown, self.sections))}"] if self.sections else []
        parts += [f"source {' or '.join(map(shown, self.sources))}"] if self.sources else []
        return " and ".join(parts)

    def stored(self) -> str:
        """Return the bounds as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def read(cls, stored: str) -> Bounds:
        """Parse the result of `stored`.

        :raises ValueError: if it is invalid, since an unreadable bound must not count as no bound.
        """
        found: Any = json.loads(stored)
        if not isinstance(found, dict) or set(found) != {"addresses", "sections", "sources", "deletes"}:
            raise ValueError(f"bounds: {shown(stored)}: expected those of a key")
        return cls.of(found["addresses"], found["sections"], found["sources"], found["deletes"])


UNBOUND = Bounds()


def _network(given: str) -> str:
    try:
        return str(ip_network(given.strip()))
    except ValueError as error:
        raise ValueError(f"from: {shown(given)}: {error}: expected an address or a network, 203.0.113.0/24") from None


def _named(field: str, values: Iterable[str]) -> Iterable[str]:
    for value in values:
        found = folding.clean(value)
        if not 0 < len(found) <= _LONGEST:
            raise ValueError(f"{field}: {shown(value)}: expected 1 to {_LONGEST} characters")
        yield found


def _several(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
