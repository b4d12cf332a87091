"""The manifest of a snapshot, and the snapshot formats that can be read."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from indexer.errors import SnapshotError, SnapshotUnreadable
from indexer.files.hashed import digest_in
from indexer.files.layout import MANIFEST_FILE
from indexer.index.calibration import Calibration
from models.encoder import EncoderIdentity

FORMAT = 6
READ = (4, 5, 6)
"""The formats that can be read. Format 5 has SHA-256 of each file; format 4 also lacks `base` and `changes`.
Those before were never released."""


class FileEntry(BaseModel):
    """Size in bytes and digest of one file (`files.hashed.digest`). A shared file keeps its digest."""

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

    :param index: The type of the index over its vectors; `index.registry` knows which class reads it.
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
    """The description of a snapshot. Its id is the directory's name, which ends in this file's own digest.

    :param base: For a live snapshot, the published one that it extends; None for a published one.
    :param changes: The last of the API's changes that it holds.
    :param transform: The transformation of the vectors after encoding, always `none`: a snapshot with another one is
        refused.
    :param encoded: How an article became the text that was encoded.
    :param word_rows: The file with the row of each article of the word index. None if each row is the article's number
        in the index.
    """

    # pydantic caches strings by default; each publication has hundreds of new file names
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


def read_manifest(directory: Path) -> Manifest:
    """Return the manifest of a snapshot, checked against the digest in the directory's name.

    :raises SnapshotError: if it is missing, damaged, or of a format that this program does not read.
    :raises SnapshotUnreadable: if the system cannot read it.
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
        return "made before the first release: index the sources into a new home"
    return "made by a newer Lienquan? This one leaves it as it is"
