"""Snapshots: immutable directories, one of them current. Writing, checking, publishing, opening, rolling back.

Owns the manifest and everything that makes publication atomic. Knows nothing of where articles come from.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from indexer import calibration, knowledge, lexical, private
from indexer import segment as segments
from indexer.calibration import Background, Calibration
from indexer.errors import BuildRefused, SnapshotError, SnapshotUnreadable
from indexer.hashed import Hashed, algorithm_of, digest, digest_in
from indexer.knowledge import Knowledge
from indexer.layout import CURRENT_FILE, MANIFEST_FILE, SNAPSHOTS
from indexer.lexical import LexicalIndex
from indexer.segment import Segment
from indexer.watched import Watched
from models.cpu import available_threads
from models.encoder import EncoderIdentity

logger = logging.getLogger(__name__)

FORMAT = 6
READ = (4, 5, 6)
"""The formats that are read; 5 has SHA-256 of each file, 4 lacks `base` and `changes` too, else they are the same."""

_TIME = "%Y%m%dT%H%M%S%fZ"
_NAME = re.compile(r"\d{8}T\d{12}Z-[0-9a-f]{8}")
_PARTIAL = ".partial-"
_LOCK_SECONDS = 0.1
_MERGES = ", which publishes what the API changed"

MERGE_SECONDS = 600.0
"""For how long a build waits for a merge."""


class FileEntry(BaseModel):
    """Size in bytes and digest of one file (`indexer.hashed.digest`); what was taken over keeps the one it had."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    size: int
    digest: Annotated[str, Field(pattern="^(blake3|sha256):")]

    @model_validator(mode="before")
    @classmethod
    def _of_format_5(cls, given: Any) -> Any:
        old = isinstance(given, dict) and given.keys() == {"size", "sha256"}
        return {"size": given["size"], "digest": digest_in(given)} if old else given


class SegmentEntry(BaseModel):
    """One segment: its directory's name, its counts, its index, and the file of its tombstones.

    :param index: The type of the FAISS index.
    :param recall: Its recall@10 against exact search, measured while it was built.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    name: str
    articles: int
    vectors: int
    index: str
    recall: float
    tombstones: str | None = None
    deleted: int = 0


class Manifest(BaseModel):
    """What a snapshot says of itself. Its id is the directory's name, which ends in this file's own digest.

    :param base: Of a live snapshot, the published one that it is of; None of a published one.
    :param changes: The last of the API's changes that it holds.
    :param transform: What was done to the vectors after the encoder; `none` so far.
    :param encoded: How an article became the text that was encoded.
    :param word_rows: The file that says which row each article of the word index has, None where it is its number.
    """

    # remembering strings is pydantic's default; the names of files are hundreds of new ones a publication
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", cache_strings="none")

    format: Literal[4, 5, 6]
    created_at: str
    parent: str | None
    base: str | None = None
    changes: int = 0
    encoder: EncoderIdentity
    encoded: str
    transform: Literal["none"]
    calibration: Calibration
    segments: list[SegmentEntry]
    word_rows: str | None = None
    files: dict[str, FileEntry]

    @property
    def articles(self) -> int:
        """Return how many articles there are, deleted ones left out."""
        return sum(entry.articles - entry.deleted for entry in self.segments)


class Home:
    """The directory that snapshots live in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.snapshots = path / SNAPSHOTS

    def current(self) -> str | None:
        """Return the id of the current snapshot, or None on an empty home.

        :raises SnapshotError: if the file that names it holds something else.
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
        """Return the ids of all snapshots, oldest first. A link is none, wherever it leads.

        :raises SnapshotUnreadable: if the directory cannot be read.
        """
        return sorted(self._known())

    def _known(self) -> dict[str, Path]:
        """Return where each snapshot is.

        As `iterdir` tells, and never made by `/`: that has Python keep each name in a table that only grows, and
        a live snapshot a second has one each.
        """
        try:
            found = {path.name: path for path in self.snapshots.iterdir()}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise SnapshotUnreadable(f"{self.snapshots}: {error.strerror}") from error
        return {name: path for name, path in found.items() if _NAME.fullmatch(name) and not path.is_symlink()}

    def directory(self, snapshot_id: str) -> Path:
        """Return where a snapshot is.

        :raises SnapshotError: if there is none of that id.
        """
        known = self._known()
        if snapshot_id not in known:
            raise SnapshotError(f"snapshot {snapshot_id!r}: expected one of {', '.join(sorted(known)) or 'none'}")
        return known[snapshot_id]

    @contextmanager
    def lock(self, wait: float = 0.0, merging: bool = False) -> Iterator[None]:
        """Hold the home for writing; the system lets go of it when the process ends, however it ends.

        :param wait: For how many seconds to wait for another process that holds it; for one that merges up to
            MERGE_SECONDS, since nobody asked for it and it soon ends.
        :param merging: Whether this one merges.
        :raises BuildRefused: if another process holds it, with that process's id.
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
        """Return whether a process holds the home for writing just now."""
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
        """Yield a new directory for a snapshot to be; it is gone afterwards unless it was published.

        The caller holds the lock, so that what lies there from earlier is what a killed build left.
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

    def publish(
        self, directory: Path, manifest: dict[str, Any], base: Snapshot | None = None, durable: bool = True
    ) -> str:
        """Make a written directory the current snapshot and return its id. Atomic: before or after, never between.

        :param manifest: The manifest's fields less `format`, `created_at` and `files`, which are added here.
        :param base: A snapshot that files are shared with. These are taken to be as its manifest says, so that what has
            become of them since is found where they are next verified, and not passed off as right.
        :param durable: Whether it must survive a loss of power; what can be made again need not.
        """
        now = self._later_than_all()
        shared = (
            {name: entry for name, entry in base.manifest.files.items() if _same(directory, base, name)} if base else {}
        )
        files = {name: (shared.get(name) or _entry(f"{directory}/{name}")).model_dump() for name in _files(directory)}
        content = {"format": FORMAT, "created_at": now.isoformat(timespec="seconds"), **manifest, "files": files}
        written = json.dumps(Manifest.model_validate(content).model_dump(mode="json"), indent=1).encode()
        (directory / MANIFEST_FILE).write_bytes(written)
        private.close_below(directory)
        name = f"{now:{_TIME}}-{hashlib.sha256(written).hexdigest()[:8]}"
        if durable:
            for path in sorted(directory.rglob("*"), reverse=True):
                if path.relative_to(directory).as_posix() not in shared:
                    _sync(path)
            _sync(directory)
        os.rename(directory, f"{self.snapshots}/{name}")  # noqa: PTH104
        try:
            _sync(self.snapshots)
            _read_back(self.directory(name), base)
            self.point_to(name)
        except (OSError, SnapshotError):
            if self.current() != name:
                self._remove(name)
            raise
        return name

    def _remove(self, name: str) -> None:
        """Delete a snapshot: gone in one step, its files after that, so that none is ever met in part."""
        doomed = f"{self.snapshots}/{_PARTIAL}{name}"
        os.rename(f"{self.snapshots}/{name}", doomed)  # noqa: PTH104
        shutil.rmtree(doomed, ignore_errors=True)

    def _later_than_all(self) -> datetime:
        """Return the time, or just after the newest snapshot's where the clock has gone backwards."""
        newest = [_made_at(name) for name in self.ids()[-1:]]
        return max([datetime.now(UTC), *(time + timedelta(microseconds=1) for time in newest)])

    def point_to(self, snapshot_id: str) -> None:
        """Make a snapshot the current one, in one step."""
        target = self.path / CURRENT_FILE
        beside = target.with_suffix(".new")
        try:
            beside.write_text(snapshot_id + "\n", encoding="utf-8")
            _sync(beside)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
        _sync(self.path)

    def rollback(self, snapshot_id: str | None = None) -> str:
        """Make an earlier snapshot the current one, the current one's parent by default, and return its id.

        :raises SnapshotError: if there is none, or it does not verify.
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
        """Delete all but the newest `keep` snapshots and the current one, and return the ids of those deleted.

        The caller holds the lock. Readers keep what they have opened.
        """
        if keep < 1:
            raise SnapshotError(f"keep: {keep}: expected at least 1")
        current, ids = self.current(), self.ids()
        doomed = [name for name in ids[:-keep] if name != current]
        for name in doomed:
            self._remove(name)
        return doomed

    def superseded(self, before: datetime) -> list[str]:
        """Return the ids of the snapshots that gave way to another before some time, oldest first.

        Of one that is newer than the current one, rolled back from, its own time counts.
        """
        current, ids = self.current(), self.ids()
        ended = dict(zip(ids, [*ids[1:], *ids[-1:]], strict=True))
        return [name for name in ids if name != current and _made_at(ended[name]) < before]

    def remove(self, names: Sequence[str]) -> None:
        """Delete snapshots, none of them the current one. The caller holds the lock. Readers keep what they have."""
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
                (self.path / CURRENT_FILE).unlink(missing_ok=True)  # first, so that it never names one that is gone
        for name in doomed:
            self._remove(name)


def _made_at(name: str) -> datetime:
    """Return when a snapshot was made, as its name says."""
    return datetime.strptime(name.split("-")[0], _TIME).replace(tzinfo=UTC)


def _files(directory: Path) -> list[str]:
    """Return the names of a snapshot's files but its manifest, links among them, sorted."""
    found = []
    for place, folders, names in os.walk(directory):
        links = [name for name in folders if os.path.islink(f"{place}/{name}")]  # noqa: PTH114
        within = place.removeprefix(str(directory)).lstrip("/")
        plain = [name for name in names if name not in lexical.LOCKS or os.path.islink(f"{place}/{name}")]  # noqa: PTH114
        found += [f"{within}/{name}" if within else name for name in (*links, *plain)]
    return sorted(name for name in found if name != MANIFEST_FILE)


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


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_manifest(directory: Path) -> Manifest:
    """Return the manifest of a snapshot, checked against the digest in the directory's name.

    :raises SnapshotError: if it is missing, damaged, or of a format that this program does not read.
    """
    path = directory / MANIFEST_FILE
    try:
        written = path.read_bytes()
    except OSError as error:
        raise SnapshotUnreadable(f"{path}: {error.strerror}") from error
    found_digest = hashlib.sha256(written).hexdigest()[:8]
    if not directory.name.endswith(found_digest):
        raise SnapshotError(f"{path}: found digest {found_digest}, expected the one in the snapshot's name")
    try:
        content = json.loads(written)
        found = content.get("format")
        if found not in READ:
            expected = " or ".join(map(str, READ))
            raise SnapshotError(f"{path}: format: {found}: expected {expected}; {_of_another_format(found)}")
        manifest = Manifest.model_validate_json(written)
    except (ValueError, AttributeError, RecursionError, ValidationError) as error:
        raise SnapshotError(f"{path}: {error}") from error
    for name in [*manifest.files, *(entry.name for entry in manifest.segments)]:
        if name.startswith("/") or ".." in name.split("/"):
            raise SnapshotError(f"{path}: file {name!r}: expected a name within the snapshot")
    named = [("tombstones", entry.tombstones) for entry in manifest.segments] + [("word_rows", manifest.word_rows)]
    for field, file in named:
        if file is not None and file not in manifest.files:
            raise SnapshotError(f"{path}: {field} {file!r}: expected one of its files")
    return manifest


def _of_another_format(found: object) -> str:
    if isinstance(found, int) and 0 < found < FORMAT:
        return "made by an older Lienquan: `lienquan index` makes one of this format beside it"
    return "made by a newer Lienquan? This one leaves it as it is"


def verify(directory: Path, hashed: Hashed | None = None) -> Manifest:
    """Check a snapshot's files against its manifest: all there, none a link, size and digest as published.

    :param hashed: Which files need no second look; none by default.
    :return: The manifest.
    :raises SnapshotError: naming the first file that is wrong; `SnapshotUnreadable`, one that the system holds back.
    """
    try:
        _verify(directory, manifest := read_manifest(directory), hashed or Hashed())
    except OSError as error:  # not ours to read, unreadable on the disk, or pruned meanwhile
        raise SnapshotUnreadable(f"{error.filename or directory}: {error.strerror}") from error
    return manifest


def _verify(directory: Path, manifest: Manifest, hashed: Hashed) -> None:
    if directory.is_symlink():
        raise SnapshotError(f"{directory}: a link: expected a directory")
    there = {name: _as_large(f"{directory}/{name}", entry.size) for name, entry in manifest.files.items()}
    expected = {name: entry.digest for name, entry in manifest.files.items()}
    chosen = [name for name, held in there.items() if hashed.known(held) != expected[name]]
    chosen.sort(key=lambda name: -there[name].st_size)

    def found_of(name: str) -> str:
        return hashed.digest(f"{directory}/{name}", algorithm_of(expected[name]))

    with ThreadPoolExecutor(available_threads()) as pool:  # hashing lets go of the interpreter
        for name, found in zip(chosen, pool.map(found_of, chosen), strict=True):
            if found != expected[name]:
                raise SnapshotError(f"{directory / name}: found {found}, expected {expected[name]}")
    if unknown := set(_files(directory)) - set(manifest.files):
        raise SnapshotError(f"{directory / min(unknown)}: not in the manifest")
    hashed.keep(there.values())


def _as_large(path: str, size: int) -> os.stat_result:
    """Return what the system says of a file, which is a plain one of this size."""
    try:
        held = os.lstat(path)  # no Path: some hundred files, for each snapshot that is followed
    except (FileNotFoundError, NotADirectoryError):
        held = None
    if held is None or not stat.S_ISREG(held.st_mode):
        raise SnapshotError(f"{path}: missing, or not a plain file")
    if held.st_size != size:
        raise SnapshotError(f"{path}: found {held.st_size} bytes, expected {size}")
    return held


class Snapshot:
    """A snapshot opened for reading: verified first, then held until `close`, whatever becomes of its directory.

    :param before: Another that is open: what the two share is neither hashed nor opened again.
    :param hashed: Which files need no second look where there is none before; none by default.
    """

    def __init__(self, directory: Path, before: Snapshot | None = None, hashed: Hashed | None = None) -> None:
        self._watched = Watched(directory)
        self.hashed: Hashed = before.hashed if before else hashed or Hashed()
        self.manifest = verify(directory, self.hashed)
        self.id = directory.name
        self.directory = directory
        self.segments: list[Segment] = []
        try:
            same = before if before and self._shares(before, calibration.FILE) else None
            self.background: Background = same.background if same else self._read_background()
            shared = before if before and self._shares(before, knowledge.DIRECTORY) else None
            self.knowledge: Knowledge = shared.knowledge if shared else Knowledge(directory / knowledge.DIRECTORY)
            for entry in self.manifest.segments:
                held = self._held_by(before, entry.name) if before else None
                self.segments.append(_open_segment(directory, entry, held))
            self.words = LexicalIndex(directory / lexical.DIRECTORY, self.word_rows())
        except Exception as error:  # what was parsed is as it was published: the system lacks something, mostly
            self._close_own(before)
            raise SnapshotUnreadable(f"{directory}: {error or type(error).__name__}") from error

    def written_to(self) -> bool:
        """Return whether a file was written to since it was opened or last asked about, and so is to be verified.

        :raises SnapshotError: if one has another size: to read where a mapped file ends too early kills the process.
        """
        return self._watched.written_to()

    def _read_background(self) -> Background:
        rows = np.load(self.directory / calibration.FILE, allow_pickle=False)
        return Background(rows, self.manifest.calibration)

    def _shares(self, other: Snapshot, name: str) -> bool:
        """Return whether both hold the same of a file, or of a directory of theirs."""
        mine, others = (
            {file: entry for file, entry in held.manifest.files.items() if f"{file}/".startswith(f"{name}/")}
            for held in (self, other)
        )
        return mine == others

    def _held_by(self, other: Snapshot, name: str) -> Segment | None:
        """Return a segment that the other has opened, None where it has another one of that name."""
        found = next((segment for segment in other.segments if segment.name == name), None)
        return found if found is not None and self._shares(other, name) else None

    def word_rows(self) -> NDArray[np.int32] | None:
        """Return the row that each article of the word index has, -1 for none; None where it is its number."""
        name = self.manifest.word_rows
        if name is None:
            return None
        rows: NDArray[np.int32] = np.load(self.directory / name, allow_pickle=False)
        articles = sum(entry.articles for entry in self.manifest.segments)
        if rows.max(initial=-1) >= articles:
            raise ValueError(f"{name}: row {rows.max()}: expected one below {articles}, as there are articles")
        return rows

    def close(self) -> None:
        """Let go of its files."""
        for segment in self.segments:
            segment.close()

    def _close_own(self, before: Snapshot | None) -> None:
        """Let go of what is not held by another one, which goes on being read."""
        shared = {id(segment.store) for segment in before.segments} if before else set()
        for segment in self.segments:
            if id(segment.store) not in shared:
                segment.close()


def _open_segment(directory: Path, entry: SegmentEntry, held: Segment | None) -> Segment:
    rows = segments.empty_rows()
    if entry.tombstones is not None:
        rows = np.load(directory / entry.tombstones, allow_pickle=False)
    opened = held.less(rows) if held else Segment(directory / entry.name, rows)
    if (opened.count, opened.index.count, len(rows)) != (entry.articles, entry.vectors, entry.deleted):
        raise ValueError(
            f"segment {entry.name}: {opened.count} articles, {opened.index.count} vectors, {len(rows)} deleted: "
            f"expected {entry.articles}, {entry.vectors}, {entry.deleted}"
        )
    return opened


def share_directory(source: Path, target: Path) -> None:
    """Put a directory's files into another snapshot (`share_file`)."""
    target.mkdir()
    with os.scandir(source) as entries:
        for entry in entries:
            if entry.is_dir():
                share_directory(source / entry.name, target / entry.name)
            elif entry.name not in lexical.LOCKS:
                share_file(entry.path, f"{target}/{entry.name}")


def share_file(source: Path | str, target: Path | str) -> None:
    """Put one file into another snapshot by hard link; where the system has none, by copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
