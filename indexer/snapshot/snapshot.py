"""A snapshot opened for reading. Files that two snapshots share are opened once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.errors import SnapshotUnreadable
from indexer.files.hashed import FileDigests
from indexer.files.layout import WORD_INDEX
from indexer.files.watched import DirectoryState
from indexer.index import calibration, registry
from indexer.index.calibration import Background
from indexer.index.protocols import LexicalIndex
from indexer.language import knowledge
from indexer.language.knowledge import Knowledge
from indexer.snapshot import segment as segments
from indexer.snapshot.manifest import SegmentEntry
from indexer.snapshot.segment import Segment
from indexer.snapshot.verification import verify


class Snapshot:
    """A snapshot opened for reading: verified first, then held until `close`, even if its directory is deleted.

    :param before: Another open snapshot. Files that both share are neither hashed nor opened again.
    :param hashed: Files that were hashed already, used if there is no `before`; none by default.
    :raises SnapshotError: if a file is wrong.
    :raises SnapshotUnreadable: if it cannot be opened.
    """

    def __init__(self, directory: Path, before: Snapshot | None = None, hashed: FileDigests | None = None) -> None:
        self._watched = DirectoryState(directory)
        self.hashed: FileDigests = before.hashed if before else hashed or FileDigests()
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
            words = directory / WORD_INDEX
            self.words: LexicalIndex = registry.lexical_index().open(words, self.word_rows())
        except Exception as error:  # the files are as published, so mostly the system lacks something
            self._close_own(before)
            raise SnapshotUnreadable(f"{directory}: {error or type(error).__name__}") from error

    def written_to(self) -> bool:
        """Return whether a file was written to since opening or the last call, and so must be verified.

        :raises SnapshotError: if a file has another size: reading past the end of a mapped file kills the process.
        """
        return self._watched.written_to()

    def _read_background(self) -> Background:
        rows = np.load(self.directory / calibration.FILE, allow_pickle=False)
        return Background(rows, self.manifest.calibration)

    def _shares(self, other: Snapshot, name: str) -> bool:
        """Return whether a file, or all files of a directory, are the same in both."""
        mine, others = (
            {file: entry for file, entry in held.manifest.files.items() if f"{file}/".startswith(f"{name}/")}
            for held in (self, other)
        )
        return mine == others

    def _held_by(self, other: Snapshot, name: str) -> Segment | None:
        """Return a segment that the other snapshot has opened, None if the two differ."""
        found = next((segment for segment in other.segments if segment.name == name), None)
        return found if found is not None and self._shares(other, name) else None

    def word_rows(self) -> NDArray[np.int32] | None:
        """Return the row of each article of the word index, (n,) int32, -1 for none; None if it is its number.

        :raises ValueError: if a row is not one of an article.
        """
        name = self.manifest.word_rows
        if name is None:
            return None
        rows: NDArray[np.int32] = np.load(self.directory / name, allow_pickle=False)
        articles = sum(entry.articles for entry in self.manifest.segments)
        if rows.max(initial=-1) >= articles:
            raise ValueError(f"{name}: row {rows.max()}: expected one below {articles}, as there are articles")
        return rows

    def close(self) -> None:
        """Close its files."""
        for segment in self.segments:
            segment.close()

    def _close_own(self, before: Snapshot | None) -> None:
        """Close the files that `before` does not share."""
        shared = {id(segment.store) for segment in before.segments} if before else set()
        for segment in self.segments:
            if id(segment.store) not in shared:
                segment.close()


def _open_segment(directory: Path, entry: SegmentEntry, held: Segment | None) -> Segment:
    rows = segments.empty_rows()
    if entry.tombstones is not None:
        rows = np.load(directory / entry.tombstones, allow_pickle=False)
    opened = held.less(rows) if held else Segment(directory / entry.name, rows, entry.index)
    if (opened.count, opened.index.count, len(rows)) != (entry.articles, entry.vectors, entry.deleted):
        raise ValueError(
            f"segment {entry.name}: {opened.count} articles, {opened.index.count} vectors, {len(rows)} deleted: "
            f"expected {entry.articles}, {entry.vectors}, {entry.deleted}"
        )
    return opened
