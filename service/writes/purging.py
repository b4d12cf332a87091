"""Purges an article from every store of a home, and certifies what was searched and found.

Owns the stores of this floor: query log, clicks, judgements, rules, exports; `indexer.takedown.purging` owns the
others. Backups are searched and reported, never changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from indexer.errors import IndexerError
from indexer.files import copies
from indexer.snapshot.home import Home
from indexer.takedown import purging, takedown
from indexer.takedown.purging import StoreCount
from indexer.takedown.traces import Traces
from models.encoder import Encoder
from service import exporting
from service.files import database
from service.observing import query_log
from service.rules import file as rule_file

_LOGS = (("queries", query_log.FILE), ("clicks", "clicks.sqlite"), ("judgements", "judgements.sqlite"))
"""By name: what a part wrote is purged whether or not the service still has the part (`service.extras`)."""


class CopyState(NamedTuple):
    """A copy of the home, and whether it holds the article.

    :param state: `holds it`, `does not hold it`, or `not looked at` with the reason.
    """

    kind: str
    path: str
    at: str
    state: str

    @property
    def clean(self) -> bool:
        """Return whether it surely holds nothing of the article."""
        return self.state == "does not hold it"


class Certificate(NamedTuple):
    """What a purge found and removed. It holds no text and no id.

    :param id_sha256: SHA-256 of the article's id.
    :param deleted: The snapshots that were deleted.
    :param snapshot: The current snapshot, None if there is none.
    :param copies: The backups and exports of the home.
    :param same_text: The number of other articles with the same text, which stay.
    """

    id_sha256: str
    at: str
    version: str
    stores: tuple[StoreCount, ...]
    deleted: tuple[str, ...]
    snapshot: str | None
    copies: tuple[CopyState, ...]
    same_text: int

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        told = self._asdict()
        told["stores"] = [store._asdict() for store in self.stores]
        told["copies"] = [copy._asdict() for copy in self.copies]
        return told

    def lines(self) -> list[str]:
        """Return it as text for people."""
        told = [f"certificate of a purge, {self.at}, Lienquan {self.version}", f"SHA-256 of the id: {self.id_sha256}"]
        for store in self.stores:
            found = f"{store.records} found, {store.bytes} bytes: {store.what}" if store.records else "nothing found"
            told.append(f"{store.store}: {found}")
        told.append(f"snapshots deleted: {', '.join(self.deleted) or 'none'}; now current: {self.snapshot or 'none'}")
        told += [f"{copy.kind} {copy.path}, written {copy.at}: {copy.state}" for copy in self.copies]
        if self.same_text:
            told.append(f"{self.same_text} other articles have the same text and stay: take them down as well")
        return told


def purge(
    home: Home,
    traces: Traces,
    encoder: Callable[[], Encoder],
    rules: Path | None = None,
    same_text: int = 0,
    wait: float = purging.WAIT_SECONDS,
) -> Certificate:
    """Remove the text of an article that was taken down from all stores of a home. Return the certificate.

    :param rules: The file of the editors' rules, None if there is none.
    :param same_text: The number of other articles with its text.
    :param wait: How many seconds to wait for other processes (`indexer.takedown.purging.purge`).
    :raises IndexerError: if another process keeps its lock, or a store cannot be read. The purge can be started again.
    :raises OSError: if a file cannot be written.
    """
    stores = [StoreCount(store, *database.forget(home.path / name, _belongs(traces))) for store, name in _LOGS]
    stores.append(_rules(rules, traces))
    stores.append(_exports(home.path, traces))
    below, deleted = purging.purge(home, traces, encoder, wait)
    return Certificate(
        id_sha256=hashlib.sha256(traces.id.encode()).hexdigest(),
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        version=version("lienquan"),
        stores=(*below, *stores),
        deleted=tuple(deleted),
        snapshot=home.current(),
        copies=tuple(_states(home.path, traces)),
        same_text=same_text,
    )


def _belongs(traces: Traces) -> database.RowTest:
    return lambda column, value: traces.is_asked_for_by(value) if column == "query" else traces.is_named(value)


def _rules(path: Path | None, traces: Traces) -> StoreCount:
    changed = rule_file.redact(path, traces.is_quoted_in) if path is not None and path.exists() else 0
    return StoreCount("rules", changed, 0, "notes and comments that quoted it were taken out")


def _exports(home: Path, traces: Traces) -> StoreCount:
    lines = size = 0
    for copy in copies.known(home):
        if copy.kind == "export" and copy.path.is_file():
            before = copy.path.stat().st_size
            lines += exporting.purge(copy.path, traces.is_listed_in) or 0
            size += before - copy.path.stat().st_size
    return StoreCount("exports", lines, size)


def _states(home: Path, traces: Traces) -> list[CopyState]:
    return [CopyState(copy.kind, str(copy.path), copy.at, _state(copy, traces)) for copy in copies.known(home)]


def _state(copy: copies.Copy, traces: Traces) -> str:
    try:
        if not copy.path.exists():
            return "not looked at: it is not there"
        held = _in_backup(copy.path, traces) if copy.kind == "backup" else _in_export(copy.path, traces)
    except (OSError, ValueError, IndexerError) as error:
        return f"not looked at: {error}"
    return "holds it" if held else "does not hold it"


def _in_backup(path: Path, traces: Traces) -> bool:
    if not path.is_dir():
        raise ValueError("expected a directory; it may be packed or encrypted")
    if takedown.holders(Home(path), traces.id):
        return True
    return any(database.mentions(one, _holds(traces)) for one in sorted(path.glob("*.sqlite")))


def _holds(traces: Traces) -> database.RowTest:
    """Return the test whether a column's text belongs to the article; an id alone reveals nothing of it."""

    def holds(column: str, value: str) -> bool:
        if column in ("line", "fields"):
            return traces.is_named_by(json.loads(value))
        return column == "query" and traces.is_asked_for_by(value)

    return holds


def _in_export(path: Path, traces: Traces) -> bool:
    if path.suffix == ".npy":
        return any(map(traces.is_named, exporting.ids_path(path).read_text(encoding="utf-8").splitlines()))
    with path.open(encoding="utf-8", errors="replace") as file:
        return any(traces.is_quoted_in(line) for line in file)
