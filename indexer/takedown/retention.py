"""For how long the text of an article that is gone stays on disk, and its end.

A deleted article is in no answer at once. Its text stays in the files of the current snapshot until these are written
anew, and in older snapshots until they are deleted. Both are done after half of the time that is set, so that they take
no more than the whole of it together. What sources gave of it and rejected lines go after all of it.

What is done before the time is up is ordinary upkeep. Runs with every publication, and while a service runs.
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
"""For how many days deleted text may remain, unless a setting says otherwise."""


def is_overdue(home: Home, days: int, now: datetime | None = None) -> bool:
    """Return whether the current snapshot has to be written anew, for it holds text that may be gone for too long.

    :param days: For how long deleted text may remain.
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
    except (SnapshotError, OSError):  # damaged or just pruned: told elsewhere
        return False
    return datetime.fromtimestamp(written, UTC) < (now or datetime.now(UTC)) - timedelta(days=days) / 2


def is_due(home: Home, days: int, now: datetime | None = None) -> bool:
    """Return whether there is anything to be done in a home. Looks at names and times alone."""
    moment = now or datetime.now(UTC)
    with suppress(SnapshotError):
        return bool(home.superseded(moment - timedelta(days=days) / 2)) or is_overdue(home, days, moment)
    return False


def expire(home: Home, days: int, now: datetime | None = None) -> list[str]:
    """Delete what was deleted too long ago and lies on disk still, and return the ids of snapshots that went.

    The current snapshot is not written anew; `is_overdue` says when that is to be done first.

    :param days: For how long deleted text may remain.
    :param now: The clock's time by default.
    :raises BuildRefused: if a build holds the home.
    :raises IndexerError: if the journal or what sources gave cannot be read.
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
    """Return whether a source's reading is of an article that was deleted, and no newer than that."""
    article_id, updated = fields.get("id"), fields.get("updated_at")
    if not isinstance(article_id, str) or article_id not in deleted:
        return False
    try:
        return not isinstance(updated, str) or micros(parse_time(updated)) <= deleted[article_id]
    except ValueError:
        return True
