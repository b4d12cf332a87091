"""The directory that holds snapshots: the current one, the lock, rolling back, pruning."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from indexer.errors import BuildRefused, SnapshotError, SnapshotUnreadable
from indexer.files import private
from indexer.files.durable import replace_file
from indexer.files.layout import CURRENT_FILE, SNAPSHOTS
from indexer.snapshot.manifest import Manifest, read_manifest
from indexer.snapshot.verification import verify

NAME_TIME = "%Y%m%dT%H%M%S%fZ"
_NAME = re.compile(r"\d{8}T\d{12}Z-[0-9a-f]{8}")
_PARTIAL = ".partial-"
_LOCK_SECONDS = 0.1
_MERGES = ", which publishes what the API changed"

MERGE_SECONDS = 600.0
"""How many seconds a build waits for a merge."""


class Home:
    """The directory that holds snapshots."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.snapshots = path / SNAPSHOTS

    def current(self) -> str | None:
        """Return the id of the current snapshot, or None on an empty home.

        :raises SnapshotError: if the file that names it does not hold an id.
        """
        try:
            name = (self.path / CURRENT_FILE).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise SnapshotError(f"{self.path / CURRENT_FILE}: {error}") from error
        if not _NAME.fullmatch(name):
            raise SnapshotError(f"{self.path / CURRENT_FILE}: {name!r}: expected the name of a snapshot")
        return name

    def ids(self) -> list[str]:
        """Return the ids of all snapshots, oldest first. Symbolic links do not count.

        :raises SnapshotUnreadable: if the directory cannot be read.
        """
        return sorted(self._known())

    def _known(self) -> dict[str, Path]:
        """Return the path of each snapshot by its id.

        The paths come from `iterdir`, never from `/`: with `/`, Python keeps each name for ever, and there may be a new
        live snapshot each second.
        """
        try:
            found = {path.name: path for path in self.snapshots.iterdir()}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise SnapshotUnreadable(f"{self.snapshots}: {error.strerror}") from error
        return {name: path for name, path in found.items() if _NAME.fullmatch(name) and not path.is_symlink()}

    def directory(self, snapshot_id: str) -> Path:
        """Return the path of a snapshot.

        :raises SnapshotError: if no snapshot has that id.
        """
        known = self._known()
        if snapshot_id not in known:
            raise SnapshotError(f"snapshot {snapshot_id!r}: expected one of {', '.join(sorted(known)) or 'none'}")
        return known[snapshot_id]

    @contextmanager
    def lock(self, wait: float = 0.0, merging: bool = False) -> Iterator[None]:
        """Lock the home for writing. The system releases the lock when the process ends, however it ends.

        :param wait: How many seconds to wait for another process that holds the lock. If that process merges and this
            one does not, it is MERGE_SECONDS, since a merge starts by itself and soon ends.
        :param merging: Whether this process merges.
        :raises BuildRefused: if another process holds the lock, with that process's id.
        """
        private.make_home(self.path)
        private.make_file(self.path / "lock")
        begun = time.monotonic()
        with (self.path / "lock").open("a+", encoding="utf-8") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    file.seek(0)
                    holder = file.read().strip() or "?"
                    patience = MERGE_SECONDS if holder.endswith(_MERGES) and not merging else wait
                    if time.monotonic() - begun >= patience:
                        raise BuildRefused(f"{self.path}: held by process {holder}: try later") from None
                time.sleep(_LOCK_SECONDS)
            file.seek(0)
            file.truncate()
            file.write(f"{os.getpid()}{_MERGES if merging else ''}")
            file.flush()
            yield

    def is_locked(self) -> bool:
        """Return whether a process holds the lock now."""
        try:
            with (self.path / "lock").open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def unfinished(self) -> list[Path]:
        """Return the directories of snapshots that are being written, and of those that killed builds left."""
        with suppress(FileNotFoundError):
            return [path for path in self.snapshots.iterdir() if path.name.startswith(_PARTIAL)]
        return []

    def sweep(self) -> None:
        """Delete what killed builds left. The caller holds the lock."""
        for left in self.unfinished():
            shutil.rmtree(left, ignore_errors=True)

    @contextmanager
    def partial(self) -> Iterator[Path]:
        """Yield a new directory for a snapshot. It is deleted afterwards unless it was published.

        The caller holds the lock, so anything already there is from a killed build.
        """
        self.snapshots.mkdir(private.DIRECTORY, parents=True, exist_ok=True)
        self.sweep()
        name = f"{_PARTIAL}{secrets.token_hex(4)}"
        os.mkdir(f"{self.snapshots}/{name}", private.DIRECTORY)  # noqa: PTH102
        (directory,) = (path for path in self.snapshots.iterdir() if path.name == name)  # as in `_known`
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def _remove(self, name: str) -> None:
        """Delete a snapshot: rename it away in one step, then delete its files, so that nobody finds it incomplete."""
        doomed = f"{self.snapshots}/{_PARTIAL}{name}"
        os.rename(f"{self.snapshots}/{name}", doomed)  # noqa: PTH104
        shutil.rmtree(doomed, ignore_errors=True)

    def point_to(self, snapshot_id: str) -> None:
        """Make a snapshot the current one, in one step."""
        replace_file(self.path / CURRENT_FILE, f"{snapshot_id}\n")

    def rollback(self, snapshot_id: str | None = None) -> str:
        """Make an earlier snapshot the current one and return its id; by default the parent of the current one.

        :raises SnapshotError: if there is no such snapshot, or it does not verify.
        """
        with self.lock():
            if snapshot_id is None:
                current = self.current()
                if current is None:
                    raise SnapshotError(f"{self.path}: no snapshot yet: nothing to roll back from")
                snapshot_id = read_manifest(self.directory(current)).parent
                if snapshot_id is None:
                    raise SnapshotError(f"snapshot {current!r} has no parent: name the one to roll back to")
            verify(self.directory(snapshot_id))
            self.point_to(snapshot_id)
        return snapshot_id

    def prune(self, keep: int) -> list[str]:
        """Delete all but the newest `keep` snapshots and the current one. Return the ids of those deleted.

        The caller holds the lock. Readers keep what they have opened.

        :raises SnapshotError: if `keep` is below 1.
        """
        if keep < 1:
            raise SnapshotError(f"keep: {keep}: expected at least 1")
        current, ids = self.current(), self.ids()
        doomed = [name for name in ids[:-keep] if name != current]
        for name in doomed:
            self._remove(name)
        return doomed

    def superseded(self, before: datetime) -> list[str]:
        """Return the ids of the snapshots that were replaced before a time, oldest first.

        The newest snapshot, if it was rolled back from, counts as replaced when it was made.
        """
        current, ids = self.current(), self.ids()
        ended = dict(zip(ids, [*ids[1:], *ids[-1:]], strict=True))
        return [name for name in ids if name != current and made_at(ended[name]) < before]

    def remove(self, names: Sequence[str]) -> None:
        """Delete these snapshots, none of them the current one. Readers keep their files. The caller holds the lock."""
        for name in names:
            self._remove(name)

    def unwanted(self, unwanted: Callable[[Manifest], bool]) -> list[str]:
        """Return the ids of the snapshots that are unwanted or cannot be read, oldest first."""
        doomed = []
        for name in self.ids():
            try:
                wanted = not unwanted(read_manifest(self.snapshots / name))
            except SnapshotError:
                wanted = False
            if not wanted:
                doomed.append(name)
        return doomed

    def discard(self, unwanted: Callable[[Manifest], bool]) -> None:
        """Delete the snapshots that are unwanted or cannot be read, the current one too. The caller holds the lock."""
        doomed = self.unwanted(unwanted)
        with suppress(SnapshotError):
            if self.current() in doomed:
                (self.path / CURRENT_FILE).unlink(missing_ok=True)  # first, so that it never names a deleted snapshot
        for name in doomed:
            self._remove(name)


def made_at(name: str) -> datetime:
    """Return the time in a snapshot's name: when it was made."""
    return datetime.strptime(name.split("-")[0], NAME_TIME).replace(tzinfo=UTC)
