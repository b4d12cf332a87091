"""The map of an archive for a page: points, sections, and details of the articles that one points at.

Has only public articles. Owns the binary format of points, and how long results are cached. Knows nothing
of Flask, nor of how a map is drawn.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from indexer.archive import Archive
from indexer.articles.summaries import Summary
from indexer.files.arrays import Mask, Rows
from models.encoder import Vectors
from service.overview import findings
from service.overview.findings import Findings
from service.searcher import Searcher

MOST_POINTS = 50_000
"""The most articles that are drawn, spread evenly over the archive; each takes 9 bytes."""

SECTIONS = 23
"""The number of sections with a mark of their own; all others share the last mark."""

MAGIC = b"LQM1"
ASKED = 64
"""The most articles in one request for details."""

_SCALE = 65_535
_NEAR = 3
_CENTRAL = 3
_SAMPLE = 20_000


@dataclass(frozen=True)
class Section:
    """A section in the legend and in the table beside the map.

    :param name: None for articles without a section and for sections that share the last mark.
    :param near: The sections with the nearest middles, the nearest first.
    :param central: The articles nearest to its middle.
    """

    name: str | None
    count: int
    near: tuple[str, ...] = ()
    central: tuple[Summary, ...] = ()


class Overview:
    """The map of the articles that are public now.

    :param public: (count,) bool.
    """

    def __init__(self, archive: Archive, public: Mask) -> None:
        self.archive, self.public = archive, public
        self.rows: Rows = np.flatnonzero(public)
        self.total = len(self.rows)
        if self.total > MOST_POINTS:
            self.rows = self.rows[np.linspace(0, self.total - 1, MOST_POINTS).astype(np.int64)]
        self.version = hashlib.sha256(archive.id.encode() + np.packbits(public).tobytes()).hexdigest()[:16]
        """Changes whenever the snapshot or its public articles change."""
        self._lock = threading.Lock()

    @property
    def mapped(self) -> bool:
        """Return whether the snapshot has a map."""
        return self.archive.positions is not None

    @cached_property
    def _marks(self) -> tuple[list[tuple[str | None, int]], Rows]:
        """Return the sections of the legend with their counts, and the mark of each row, (count,) int64."""
        codes = self.archive.coded("section").astype(np.int64)
        named = self.archive.facets(np.flatnonzero(self.public), ["section"])["section"][:SECTIONS]
        marks = np.full(max(int(codes.max(initial=-1)) + 2, 1), len(named), dtype=np.int64)
        for at, (name, _) in enumerate(named):
            marks[self.archive.code("section", name)] = at
        of = marks[codes]  # -1, for none, is the last
        left = self.total - sum(count for _, count in named)
        return [*named, *([(None, left)] if left else [])], of

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Return the sections, the largest first; all others last."""
        legend, of = self._marks
        sample = self.rows[:: max(1, len(self.rows) // _SAMPLE)]
        vectors, marks = self.archive.vectors_of(sample), of[sample]
        middles = _middles(vectors, marks, len(legend))
        likeness = middles @ middles.T
        found = []
        for at, (name, count) in enumerate(legend):
            if name is None:
                found.append(Section(None, count))
                continue
            others = [o for o in np.argsort(-likeness[at]).tolist() if o != at and legend[o][0] is not None][:_NEAR]
            here = np.flatnonzero(marks == at)
            best = sample[here[np.argsort(-(vectors[here] @ middles[at]), kind="stable")[:_CENTRAL]]]
            near = tuple(str(legend[o][0]) for o in others)
            found.append(Section(name, count, near, tuple(self.archive.summaries(best))))
        return tuple(found)

    @cached_property
    def points(self) -> bytes:
        """Return the points: MAGIC, the number n (uint32), (n,) rows (uint32), x and y (uint16), sections (uint8).

        All are little-endian, one array after the other. x and y go from 0 to 65,535 over the larger side of the map.
        """
        places = self.archive.positions
        assert places is not None
        low, high = places.min(axis=0), places.max(axis=0)
        at = (self.archive.positions_of(self.rows) - low) / (float((high - low).max()) or 1.0)
        x, y = np.round(at * _SCALE).astype("<u2").T
        held = [self.rows.astype("<u4"), x, y, self._marks[1][self.rows].astype("u1")]
        return MAGIC + len(self.rows).to_bytes(4, "little") + b"".join(array.tobytes() for array in held)

    def articles(self, rows: list[int]) -> list[tuple[int, Summary]]:
        """Return the summaries of the public ones among these articles, with their rows."""
        there = [row for row in rows[:ASKED] if 0 <= row < self.archive.count and self.public[row]]
        return list(zip(there, self.archive.summaries(there), strict=True))

    @property
    def findings(self) -> Findings:
        """Return the findings. They are computed once, even if several threads ask at the same time."""
        with self._lock:
            return self._findings

    @cached_property
    def _findings(self) -> Findings:
        return findings.find(self.archive, self.public)


def _middles(vectors: Vectors, marks: Rows, count: int) -> Vectors:
    """Return the mean direction of each mark's vectors, (count, dim) float32 of unit length; zeros for no vectors."""
    found = np.zeros((count, vectors.shape[1]), dtype=np.float32)
    for at in range(count):
        found[at] = vectors[marks == at].sum(axis=0)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.where(lengths > 0, lengths, 1.0), dtype=np.float32)


class Overviews:
    """The overview of a process's served snapshot, made again when the snapshot or its public articles change."""

    def __init__(self) -> None:
        self._held: Overview | None = None
        self._lock = threading.Lock()

    def of(self, searcher: Searcher) -> Overview:
        """Return the overview of the articles that are public now."""
        public = searcher.public()
        with self._lock:
            held = self._held
            if held is None or held.archive is not searcher.archive or held.public is not public:
                held = self._held = Overview(searcher.archive, public)
            return held
