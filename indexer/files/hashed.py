"""Remembers the digests of files that this process, or the one it was forked from, has hashed.

Imports nothing heavy, so that hashing can begin before the rest of the service is imported. Knows nothing of the files'
content.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from blake3 import blake3

from indexer.files.layout import CURRENT_FILE, LIVE, MANIFEST_FILE, SNAPSHOTS
from models.cpu import available_threads

USUAL = "blake3"
"""The usual hash: 5 GB a second on one core. SHA-256 reaches 1.7, with processor instructions for it."""

_ALGORITHMS: dict[str, Any] = {"blake3": blake3, "sha256": "sha256"}


def digest(path: str, algorithm: str = USUAL) -> str:
    """Return the digest of a file: the algorithm, a colon, hexadecimal digits.

    :param path: Not a Path: Python keeps every part of a Path for ever, and each snapshot has a new name.
    """
    with open(path, "rb") as file:  # noqa: PTH123
        return f"{algorithm}:{hashlib.file_digest(file, _ALGORITHMS[algorithm]).hexdigest()}"


def algorithm_of(found: str) -> str:
    """Return the algorithm of a digest."""
    return found.partition(":")[0]


def digest_in(entry: Mapping[str, Any]) -> str:
    """Return the digest in a manifest's entry. Before format 6, entries had only SHA-256."""
    return str(entry["digest"]) if "digest" in entry else f"sha256:{entry['sha256']}"


class FileDigests:
    """The digests of files, so that each file is hashed once."""

    _LATELY = 8
    """Digests are kept for this many snapshots, the last verified: a live one and its published one alternate."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], str] = {}
        self._lately: deque[frozenset[tuple[int, ...]]] = deque(maxlen=self._LATELY)
        self._lock = threading.Lock()

    @staticmethod
    def _key(found: os.stat_result) -> tuple[int, ...]:
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def known(self, found: os.stat_result) -> str | None:
        """Return the digest of a file that was hashed and has not changed since, else None."""
        return self._known.get(self._key(found))

    def digest(self, path: str, algorithm: str) -> str:
        """Hash a file, and remember its digest."""
        key, found = self._key(os.lstat(path)), digest(path, algorithm)
        with self._lock:
            self._known[key] = found
        return found

    def keep(self, files: Iterable[os.stat_result]) -> None:
        """Record the files of a verified snapshot. Forget files that belong to none of the last verified snapshots."""
        with self._lock:
            self._lately.append(frozenset(self._key(found) for found in files))
            kept = frozenset().union(*self._lately)
            self._known = {key: found for key, found in self._known.items() if key in kept}


class BackgroundHashing:
    """Hashes the files of the snapshot that will be served, in other threads, from now on.

    It checks nothing. `Snapshot` compares the digests, and reports files that cannot be read.

    :param home: The directory that holds snapshots.
    """

    def __init__(self, home: Path) -> None:
        self._hashed = FileDigests()
        self._thread = threading.Thread(target=self._hash, args=(home,), name="hash", daemon=True)
        self._thread.start()

    def result(self) -> FileDigests:
        """Wait until all files are hashed and the threads have ended, then return the digests."""
        self._thread.join()
        return self._hashed

    def _hash(self, home: Path) -> None:
        with suppress(*_WRONG), ThreadPoolExecutor(available_threads()) as pool:
            for _ in pool.map(self._hashed.digest, *zip(*_served(home), strict=True)):
                pass


_WRONG = (OSError, ValueError, TypeError, LookupError, AttributeError)
"""The errors of a home that is empty or damaged."""


def _served(home: Path) -> list[tuple[str, str]]:
    """Return the files of the snapshot that will be served, largest first, and the algorithm of each digest.

    It is the live snapshot if that extends the published one (`indexer.building.ingest.newest`).
    """
    published = _current(home)
    directory, manifest = _manifest(home, published)
    with suppress(*_WRONG):
        live = _manifest(home / LIVE, _current(home / LIVE))
        if live[1]["base"] == published:
            directory, manifest = live
    found = []
    for name, entry in manifest["files"].items():
        path = f"{directory}/{name}"
        if not name.startswith("/") and ".." not in name.split("/") and stat.S_ISREG((held := os.lstat(path)).st_mode):
            found.append((held.st_size, path, algorithm_of(digest_in(entry))))
    return [(path, algorithm) for _, path, algorithm in sorted(found, reverse=True)]


def _current(home: Path) -> str:
    return (home / CURRENT_FILE).read_text(encoding="utf-8").strip()


def _manifest(home: Path, name: str) -> tuple[Path, dict[str, Any]]:
    """Return a snapshot's directory and manifest.

    :raises ValueError: if the manifest has changed since it was published.
    """
    directory = home / SNAPSHOTS / name
    written = (directory / MANIFEST_FILE).read_bytes()
    if "/" in name or not name.endswith(hashlib.sha256(written).hexdigest()[:8]):
        raise ValueError(name)
    found: dict[str, Any] = json.loads(written)
    return directory, found
