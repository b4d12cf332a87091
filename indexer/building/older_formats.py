"""Snapshots of an older format: their articles, so that an archive can be made anew from them and nothing is lost.

Whatever else a format changes, the article stores keep their table (`store`), and the manifest names segments,
tombstones and digests. Format 4 is the first that was released.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import numpy as np

from indexer.articles import store
from indexer.building.staging import SegmentContents
from indexer.errors import SnapshotError
from indexer.files.layout import MANIFEST_FILE
from indexer.snapshot.home import Home
from indexer.snapshot.manifest import FORMAT, READ


def held(home: Home) -> list[SegmentContents] | None:
    """Return what each segment of the current snapshot holds if that is of an older format, else None.

    :raises SnapshotError: if it is, and its articles cannot be read.
    """
    name = home.current()
    if name is None:
        return None
    directory = home.directory(name)
    manifest = _manifest(directory)
    if manifest is None or not isinstance(manifest.get("format"), int) or manifest["format"] >= min(READ):
        return None
    try:
        return [_segment(directory, manifest, entry) for entry in manifest["segments"]]
    except (KeyError, TypeError, ValueError, OSError, sqlite3.Error) as error:
        raise SnapshotError(
            f"{directory}: of format {manifest['format']}, its articles cannot be read: {error!r}: expected format "
            f"{FORMAT}; index the sources into a new home, and leave this one as it is"
        ) from error


def _manifest(directory: Path) -> dict[str, Any] | None:
    """Return a manifest that is as its snapshot's name says; what is wrong with any other is told by `snapshot`."""
    try:
        written = (directory / MANIFEST_FILE).read_bytes()
        found = json.loads(written)
    except (OSError, ValueError):
        return None
    named = directory.name.endswith(hashlib.sha256(written).hexdigest()[:8])
    return found if named and isinstance(found, dict) else None


def _segment(directory: Path, manifest: dict[str, Any], entry: dict[str, Any]) -> SegmentContents:
    path = _file(directory, manifest, f"{entry['name']}/{store.FILE}")
    with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1", uri=True)) as database:
        columns = {row[1] for row in database.execute("PRAGMA table_info(articles)")}
        if missing := {"row", "id", "line", "fingerprint", "origin", "key", "updated", "fullness"} - columns:
            raise ValueError(f"{path}: no column {min(missing)}")
        count = int(database.execute("SELECT count(*) FROM articles").fetchone()[0])
    alive = np.ones(count, dtype=np.bool_)
    if entry.get("tombstones"):
        alive[np.load(_file(directory, manifest, entry["tombstones"]), allow_pickle=False)] = False
    return SegmentContents(path, alive, int(entry["vectors"]))


def _file(directory: Path, manifest: dict[str, Any], name: str) -> Path:
    """Return a file of the snapshot that is as its manifest says."""
    pure, path = PurePosixPath(name), directory / name
    if pure.is_absolute() or ".." in pure.parts or path.is_symlink():
        raise ValueError(f"{name}: expected a file within the snapshot")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != manifest["files"][name]["sha256"]:
        raise ValueError(f"{path}: found sha256 {found}, expected {manifest['files'][name]['sha256']}")
    return path
