"""Limits how long the text of a deleted article stays on disk.

A deleted article leaves all answers at once. Its text stays in the current snapshot until that is written anew, and in
older snapshots until they are deleted. Each step is due after half of the configured time, so that both end within it.
Rejected lines and the memory of sources are purged when the whole time is over.

This is ordinary upkeep. It runs with every publication, and while a service runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from indexer.articles import store
from indexer.articles.article import parse_time
from indexer.articles.columns import micros
from indexer.building import rejects
from indexer.changes.journal import Journal
from indexer.errors import SnapshotError
from indexer.snapshot.home import Home
from indexer.snapshot.manifest import read_manifest
from indexer.sources import memory

DAYS = 30
"""The default number of days that deleted text may remain."""


def is_overdue(home: Home, days: int, now: datetime | None = None) -> bool:
    """Return whether the current snapshot must be written anew, since it may hold text deleted too long ago.

    :param days: How long deleted text may remain.
    :param now: The clock's time by default.
    """
    try:
        name = home.current()
        if name is None:
            return False
        directory, manifest = home.directory(name), read_manifest(home.directory(name))
        if manifest.word_rows is None and not any(entry.deleted for entry in manifest.segments):
            return False
        written = (directory / manifest.segments[0].name / store.FILE).stat().st_mtime
    except (SnapshotError, OSError):  # damaged or just pruned; reported elsewhere
        return False
    return datetime.fromtimestamp(written, UTC) < (now or datetime.now(UTC)) - timedelta(days=days) / 2


def is_due(home: Home, days: int, now: datetime | None = None) -> bool:
    """Return whether a snapshot must be deleted or written anew. Looks only at names, times and a manifest."""
    moment = now or datetime.now(UTC)
    with suppress(SnapshotError):
        return bool(home.superseded(moment - timedelta(days=days) / 2)) or is_overdue(home, days, moment)
    return False


def expire(home: Home, days: int, now: datetime | None = None) -> list[str]:
    """Remove text from disk that was deleted too long ago. Return the ids of the removed snapshots.

    The current snapshot is not written anew; the caller does that first if `is_overdue`.

    :param days: How long deleted text may remain.
    :param now: The clock's time by default.
    :raises BuildRefused: if a build holds the home.
    :raises IndexerError: if the journal or the memory of sources cannot be read.
    """
    moment = now or datetime.now(UTC)
    with home.lock():
        home.sweep()
        gone = home.superseded(moment - timedelta(days=days) / 2)
        home.remove(gone)
        for path in rejects.files(home.path):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < (moment - timedelta(days=days)).timestamp():
                    path.unlink()
    journal = Journal.of(home.path)
    if journal is not None:
        with closing(journal):
            journal.empty_log()
            deleted = journal.deleted_before(moment - timedelta(days=days))
        if deleted:
            memory.purge(home.path, lambda place, fields: _is_gone(fields, deleted))
    return gone


def _is_gone(fields: Mapping[str, Any], deleted: Mapping[str, int]) -> bool:
    """Return whether a source's reading is of a deleted article and not newer than its deletion."""
    article_id, updated = fields.get("id"), fields.get("updated_at")
    if not isinstance(article_id, str) or article_id not in deleted:
        return False
    try:
        return not isinstance(updated, str) or micros(parse_time(updated)) <= deleted[article_id]
    except ValueError:
        return True
