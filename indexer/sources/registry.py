"""The kinds of sources: how each is described and named, and the function that reads it.

A further kind needs only one entry of `KINDS` (docs/add-a-source.md). The module that reads a kind is imported when it
is first needed, since its libraries take a while to import. Kinds of files differ by their endings (`formats`).
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
"""Brings the memory of a source up to date and yields its problems: (source, memory, options)."""


@dataclass(frozen=True)
class SourceKind:
    """One kind of source.

    :param types: The values of `type` in a file of sources.
    :param options: The model of its settings; no other kind has the same.
    :param update: The function that reads it; None for files, which are read anew each time and not remembered.
    :param prefix: The text before `https://` if a source is named by its address alone; None if it cannot be.
    :param own: Whether it is the operator's own, such as a database. It may then define articles on any host, and take
        any time as long as it makes progress.
    :param paged: Whether `sync` publishes after some hundred pages before it reads on.
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
    """Return a `Web` with a source's delay and time limit."""
    from indexer.sources.fetching import FetchLimits
    from indexer.sources.politeness import Web

    return Web(FetchLimits(seconds=source.seconds, private=options.allow_private), source.delay)


KINDS: tuple[SourceKind, ...] = (
    SourceKind(("web", "rss", "atom", "jsonfeed", "sitemap"), WebSource, _update_web, prefix="", paged=True),
    SourceKind(("wordpress",), WordPressSource, _update_wordpress, prefix="wordpress+"),
    SourceKind(("sql",), SqlSource, _update_sql, own=True),
    SourceKind(("file", "wxr"), FileSource, None, own=True),
)
"""All kinds of sources."""


def kind_of(source: AnySource) -> SourceKind:
    """Return the kind of a source."""
    return next(kind for kind in KINDS if isinstance(source, kind.options))


def update(source: RememberedSource, memory: Memory, options: SourceOptions) -> Iterator[BadLine]:
    """Bring the memory of a source up to date; yield its problems.

    :raises SourceError: if its settings do not fit it.
    """
    read = kind_of(source).update
    assert read is not None, source
    return read(source, memory, options)


def is_address(spec: str) -> bool:
    """Return whether a name is an address with the prefix of some kind."""
    return _kind_at(spec) is not None


def at_address(spec: str) -> RememberedSource:
    """Return the source that an address names.

    :raises SourceError: if the address is invalid.
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
