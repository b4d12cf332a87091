"""Which files were hashed already: by this process, or by the one that it was forked from.

Imports nothing heavy, so that a service can begin to hash before it is imported. Knows nothing of what is in a file.
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
"""What files are hashed with: 5 GB a second and core, where SHA-256 has 1.7 with instructions of its own."""

_ALGORITHMS: dict[str, Any] = {"blake3": blake3, "sha256": "sha256"}


def digest(path: str, algorithm: str = USUAL) -> str:
    """Return the digest of a file: the algorithm, a colon, hexadecimal digits.

    No Path: Python keeps every part of every path, and each snapshot has its files under a name of its own.
    """
    with open(path, "rb") as file:  # noqa: PTH123
        return f"{algorithm}:{hashlib.file_digest(file, _ALGORITHMS[algorithm]).hexdigest()}"


def algorithm_of(found: str) -> str:
    """Return the algorithm of a digest."""
    return found.partition(":")[0]


def digest_in(entry: Mapping[str, Any]) -> str:
    """Return the digest of an entry of a manifest; before format 6 they had SHA-256 alone."""
    return str(entry["digest"]) if "digest" in entry else f"sha256:{entry['sha256']}"


class FileDigests:
    """Files with what they were hashed to, so that each is hashed once."""

    _LATELY = 8
    """Of so many snapshots that were verified last: one and the published one it is of take turns."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], str] = {}
        self._lately: deque[frozenset[tuple[int, ...]]] = deque(maxlen=self._LATELY)
        self._lock = threading.Lock()

    @staticmethod
    def _key(found: os.stat_result) -> tuple[int, ...]:
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def known(self, found: os.stat_result) -> str | None:
        """Return the digest of a file that was hashed before and is the same since, else None."""
        return self._known.get(self._key(found))

    def digest(self, path: str, algorithm: str) -> str:
        """Hash a file, and remember it."""
        key, found = self._key(os.lstat(path)), digest(path, algorithm)
        with self._lock:
            self._known[key] = found
        return found

    def keep(self, files: Iterable[os.stat_result]) -> None:
        """Take note of the files of a snapshot, and forget those of none that was verified lately."""
        with self._lock:
            self._lately.append(frozenset(self._key(found) for found in files))
            kept = frozenset().union(*self._lately)
            self._known = {key: found for key, found in self._known.items() if key in kept}


class BackgroundHashing:
    """The files of the snapshot that is going to be served, hashed from now on in other threads.

    Whether they are as they should be is for whoever opens it to say, and so is what could not be read.

    :param home: Where snapshots are.
    """

    def __init__(self, home: Path) -> None:
        self._hashed = FileDigests()
        self._thread = threading.Thread(target=self._hash, args=(home,), name="hash", daemon=True)
        self._thread.start()

    def result(self) -> FileDigests:
        """Return them, once all are hashed; no thread is left then."""
        self._thread.join()
        return self._hashed

    def _hash(self, home: Path) -> None:
        with suppress(*_WRONG), ThreadPoolExecutor(available_threads()) as pool:
            for _ in pool.map(self._hashed.digest, *zip(*_served(home), strict=True)):
                pass


_WRONG = (OSError, ValueError, TypeError, LookupError, AttributeError)
"""What comes of a home that is empty or damaged."""


def _served(home: Path) -> list[tuple[str, str]]:
    """Return the files of what is to be served, the largest first, and the algorithm of each one's digest.

    That is the live snapshot, if it is of the published one (`indexer.building.ingest.newest`).
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

    :raises ValueError: if it is not the one that it was published with.
    """
    directory = home / SNAPSHOTS / name
    written = (directory / MANIFEST_FILE).read_bytes()
    if "/" in name or not name.endswith(hashlib.sha256(written).hexdigest()[:8]):
        raise ValueError(name)
    found: dict[str, Any] = json.loads(written)
    return directory, found
