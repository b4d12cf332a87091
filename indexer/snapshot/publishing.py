"""How a written directory becomes the current snapshot: before or after, never between."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from indexer.errors import SnapshotError
from indexer.files import private
from indexer.files.durable import sync
from indexer.files.hashed import digest
from indexer.files.layout import MANIFEST_FILE
from indexer.index import lexical
from indexer.snapshot.home import NAME_TIME, Home, made_at
from indexer.snapshot.manifest import FORMAT, FileEntry, Manifest
from indexer.snapshot.snapshot import Snapshot
from indexer.snapshot.verification import files_of


def publish(
    home: Home, directory: Path, manifest: dict[str, Any], base: Snapshot | None = None, durable: bool = True
) -> str:
    """Make a written directory the current snapshot and return its id. Atomic: before or after, never between.

    :param manifest: The manifest's fields less `format`, `created_at` and `files`, which are added here.
    :param base: A snapshot that files are shared with. These are taken to be as its manifest says, so that what has
        become of them since is found where they are next verified, and not passed off as right.
    :param durable: Whether it must survive a loss of power; what can be made again need not.
    """
    now = _later_than_all(home)
    shared = (
        {name: entry for name, entry in base.manifest.files.items() if _same(directory, base, name)} if base else {}
    )
    files = {name: (shared.get(name) or _entry(f"{directory}/{name}")).model_dump() for name in files_of(directory)}
    content = {"format": FORMAT, "created_at": now.isoformat(timespec="seconds"), **manifest, "files": files}
    written = json.dumps(Manifest.model_validate(content).model_dump(mode="json"), indent=1).encode()
    (directory / MANIFEST_FILE).write_bytes(written)
    private.close_below(directory)
    name = f"{now:{NAME_TIME}}-{hashlib.sha256(written).hexdigest()[:8]}"
    if durable:
        for path in sorted(directory.rglob("*"), reverse=True):
            if path.relative_to(directory).as_posix() not in shared:
                sync(path)
        sync(directory)
    os.rename(directory, f"{home.snapshots}/{name}")  # noqa: PTH104
    try:
        sync(home.snapshots)
        _read_back(home.directory(name), base)
        home.point_to(name)
    except (OSError, SnapshotError):
        if home.current() != name:
            home.remove([name])
        raise
    return name


def _later_than_all(home: Home) -> datetime:
    """Return the time, or just after the newest snapshot's where the clock has gone backwards."""
    newest = [made_at(name) for name in home.ids()[-1:]]
    return max([datetime.now(UTC), *(time + timedelta(microseconds=1) for time in newest)])


def _same(directory: Path, base: Snapshot, name: str) -> bool:
    """Return whether a file is one and the same as in a snapshot, on disk already."""
    try:
        return os.path.samestat(os.lstat(f"{directory}/{name}"), os.lstat(f"{base.directory}/{name}"))
    except (FileNotFoundError, NotADirectoryError):
        return False


def _entry(path: str) -> FileEntry:
    return FileEntry(size=os.stat(path).st_size, digest=digest(path))  # noqa: PTH116


def _read_back(directory: Path, base: Snapshot | None) -> None:
    """Open what was just written as a service will: numpy and FAISS do not always say that a disk was full.

    :param base: The snapshot that it shares files with; these stay open.
    :raises SnapshotError: if it cannot be opened.
    """
    try:
        opened = Snapshot(directory, base)
        if base is None:
            opened.close()
    except SnapshotError as error:
        raise SnapshotError(f"what was written cannot be read back; is the disk full? {error}") from error
    for name in lexical.LOCKS:
        (directory / lexical.DIRECTORY / name).unlink(missing_ok=True)
