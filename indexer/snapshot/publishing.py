"""Makes a written directory the current snapshot, in one atomic step."""

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
from indexer.files.layout import MANIFEST_FILE, WORD_INDEX
from indexer.index import registry
from indexer.snapshot.home import NAME_TIME, Home, made_at
from indexer.snapshot.manifest import FORMAT, FileEntry, Manifest
from indexer.snapshot.snapshot import Snapshot
from indexer.snapshot.verification import files_of


def publish(
    home: Home, directory: Path, manifest: dict[str, Any], base: Snapshot | None = None, durable: bool = True
) -> str:
    """Make a written directory the current snapshot, in one atomic step, and return its id.

    :param manifest: The manifest's fields less `format`, `created_at` and `files`, which are added here.
    :param base: A snapshot that shares files with this one. The digests of shared files are copied from its manifest,
        so that the next verification finds any damage since then.
    :param durable: Whether it must survive a loss of power. A snapshot that can be made again need not.
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
    """Return the current time, or the moment after the newest snapshot if the clock has gone backwards."""
    newest = [made_at(name) for name in home.ids()[-1:]]
    return max([datetime.now(UTC), *(time + timedelta(microseconds=1) for time in newest)])


def _same(directory: Path, base: Snapshot, name: str) -> bool:
    """Return whether a file is a hard link to the snapshot's file of that name."""
    try:
        return os.path.samestat(os.lstat(f"{directory}/{name}"), os.lstat(f"{base.directory}/{name}"))
    except (FileNotFoundError, NotADirectoryError):
        return False


def _entry(path: str) -> FileEntry:
    return FileEntry(size=os.stat(path).st_size, digest=digest(path))  # noqa: PTH116


def _read_back(directory: Path, base: Snapshot | None) -> None:
    """Open the new snapshot as a service will, since numpy and FAISS do not always report a full disk.

    :param base: The snapshot that it shares files with; the shared files stay open.
    :raises SnapshotError: if it cannot be opened.
    """
    try:
        opened = Snapshot(directory, base)
        if base is None:
            opened.close()
    except SnapshotError as error:
        raise SnapshotError(f"what was written cannot be read back; is the disk full? {error}") from error
    for name in registry.lexical_index().locks:
        (directory / WORD_INDEX / name).unlink(missing_ok=True)
