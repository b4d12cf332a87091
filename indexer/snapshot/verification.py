"""Checks that a snapshot is as it was published: its files against its manifest."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from indexer.errors import SnapshotError, SnapshotUnreadable
from indexer.files.hashed import FileDigests, algorithm_of
from indexer.files.layout import MANIFEST_FILE
from indexer.index import registry
from indexer.snapshot.manifest import Manifest, read_manifest
from models.cpu import available_threads


def verify(directory: Path, hashed: FileDigests | None = None) -> Manifest:
    """Check a snapshot's files against its manifest: all there, none a link, size and digest as published.

    :param hashed: Files that were hashed already and are not read again; none by default.
    :return: The manifest.
    :raises SnapshotError: naming the first file that is wrong.
    :raises SnapshotUnreadable: if the system cannot read a file.
    """
    try:
        _verify(directory, manifest := read_manifest(directory), hashed or FileDigests())
    except OSError as error:  # no permission, unreadable on the disk, or pruned meanwhile
        raise SnapshotUnreadable(f"{error.filename or directory}: {error.strerror}") from error
    return manifest


def _verify(directory: Path, manifest: Manifest, hashed: FileDigests) -> None:
    if directory.is_symlink():
        raise SnapshotError(f"{directory}: a link: expected a directory")
    there = {name: _as_large(f"{directory}/{name}", entry.size) for name, entry in manifest.files.items()}
    expected = {name: entry.digest for name, entry in manifest.files.items()}
    chosen = [name for name, held in there.items() if hashed.known(held) != expected[name]]
    chosen.sort(key=lambda name: -there[name].st_size)

    def found_of(name: str) -> str:
        return hashed.digest(f"{directory}/{name}", algorithm_of(expected[name]))

    with ThreadPoolExecutor(available_threads()) as pool:  # hashing releases the interpreter's lock
        for name, found in zip(chosen, pool.map(found_of, chosen), strict=True):
            if found != expected[name]:
                raise SnapshotError(f"{directory / name}: found {found}, expected {expected[name]}")
    if unknown := set(files_of(directory)) - set(manifest.files):
        raise SnapshotError(f"{directory / min(unknown)}: not in the manifest")
    hashed.keep(there.values())


def _as_large(path: str, size: int) -> os.stat_result:
    """Return the state of a file, checked to be a plain file of this size."""
    try:
        held = os.lstat(path)  # not a Path: there are some hundred files in each snapshot
    except (FileNotFoundError, NotADirectoryError):
        held = None
    if held is None or not stat.S_ISREG(held.st_mode):
        raise SnapshotError(f"{path}: missing, or not a plain file")
    if held.st_size != size:
        raise SnapshotError(f"{path}: found {held.st_size} bytes, expected {size}")
    return held


def files_of(directory: Path) -> list[str]:
    """Return the sorted names of a snapshot's files, links included, without the manifest."""
    found, locks = [], registry.lexical_index().locks
    for place, folders, names in os.walk(directory):
        links = [name for name in folders if os.path.islink(f"{place}/{name}")]  # noqa: PTH114
        within = place.removeprefix(str(directory)).lstrip("/")
        plain = [name for name in names if name not in locks or os.path.islink(f"{place}/{name}")]  # noqa: PTH114
        found += [f"{within}/{name}" if within else name for name in (*links, *plain)]
    return sorted(name for name in found if name != MANIFEST_FILE)
