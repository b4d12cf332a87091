"""Which kinds of sources there are: how each is described, how it is named, and what reads it.

One entry of `KINDS` is all that a further kind needs (docs/add-a-source.md). What reads a source is imported when a
source of its kind is asked, for its libraries take a while to import. Files are told apart by their endings
(`formats`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer.errors import SourceError
from indexer.sources import described
from indexer.sources.described import (
    AnySource,
    FileSource,
    RememberedSource,
    Remote,
    SqlSource,
    WebSource,
    WordPressSource,
)
from indexer.sources.reading import BadLine, SourceOptions

if TYPE_CHECKING:
    from indexer.sources.memory import Memory
    from indexer.sources.politeness import Web

_SCHEMES = ("http://", "https://")

Update = Callable[[Any, "Memory", SourceOptions], Iterator[BadLine]]
"""Brings the memory of a source up to date and yields what is wrong with it: (source, memory, options)."""


@dataclass(frozen=True)
class SourceKind:
    """One kind of source.

    :param types: What `type` may say of it in a file of sources.
    :param options: What a source of this kind takes, a model of its own that no other kind has.
    :param update: What reads it; None of files, which are read anew each time and not remembered.
    :param prefix: What stands before `https://` where one is named by its address alone; None where none can be.
    :param own: Whether it is the operator's own, as a database is: its word counts for any host, and it may take any
        time as long as it gets on.
    :param paged: Whether `sync` publishes what some hundred pages of it gave before it reads on.
    """

    types: tuple[str, ...]
    options: type[AnySource]
    update: Update | None
    prefix: str | None = None
    own: bool = False
    paged: bool = False


def _update_web(source: WebSource, memory: Memory, options: SourceOptions) -> Iterator[BadLine]:
    from indexer.sources import web

    return web.update(source, _polite(source, options), memory, options)


def _update_wordpress(source: WordPressSource, memory: Memory, options: SourceOptions) -> Iterator[BadLine]:
    from indexer.sources import wordpress

    return wordpress.update(source, _polite(source, options), memory, options)


def _update_sql(source: SqlSource, memory: Memory, options: SourceOptions) -> Iterator[BadLine]:
    try:
        from indexer.sources import sql
    except ImportError as error:
        raise SourceError(f"expected SQLAlchemy to read a database: pip install 'lienquan[sql]': {error}") from None

    return sql.update(source, memory, options)


def _polite(source: Remote, options: SourceOptions) -> Web:
    """Return what fetches from a source's hosts, as often as it may and no longer than it should."""
    from indexer.sources.fetching import FetchLimits
    from indexer.sources.politeness import Web

    return Web(FetchLimits(seconds=source.seconds, private=options.allow_private), source.delay)


KINDS: tuple[SourceKind, ...] = (
    SourceKind(("web", "rss", "atom", "jsonfeed", "sitemap"), WebSource, _update_web, prefix="", paged=True),
    SourceKind(("wordpress",), WordPressSource, _update_wordpress, prefix="wordpress+"),
    SourceKind(("sql",), SqlSource, _update_sql, own=True),
    SourceKind(("file", "wxr"), FileSource, None, own=True),
)
"""All of them."""


def kind_of(source: AnySource) -> SourceKind:
    """Return the kind that a source is of."""
    return next(kind for kind in KINDS if isinstance(source, kind.options))


def update(source: RememberedSource, memory: Memory, options: SourceOptions) -> Iterator[BadLine]:
    """Bring the memory of a source up to date; yield what is wrong with it.

    :raises SourceError: if its settings do not fit it.
    """
    read = kind_of(source).update
    assert read is not None, source
    return read(source, memory, options)


def is_address(spec: str) -> bool:
    """Return whether a source is named by an address that some kind knows by its beginning."""
    return _kind_at(spec) is not None


def at_address(spec: str) -> RememberedSource:
    """Return the source that an address names.

    :raises SourceError: if it is none.
    """
    kind = _kind_at(spec)
    try:
        if kind is not None and kind.prefix is not None and issubclass(kind.options, RememberedSource):
            return kind.options.model_validate({"url": spec.removeprefix(kind.prefix)})
    except ValueError:
        pass
    raise SourceError("expected an address of the web")


def _kind_at(spec: str) -> SourceKind | None:
    for kind in KINDS:
        if kind.prefix is not None and spec.startswith(tuple(kind.prefix + scheme for scheme in _SCHEMES)):
            return kind
    return None


def load(path: Path) -> list[tuple[str, AnySource]]:
    """Return the sources of a file, each with the place where it stands.

    :raises SourceError: if the file is not one; the message names the source, the field, and what was expected.
    """
    return described.load(path, {name: kind.options for kind in KINDS for name in kind.types})
