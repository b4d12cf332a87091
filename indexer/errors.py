"""The exceptions of this floor.

IndexerError
├── SourceError       a source cannot be read at all
│   └── WorkEnded     reading it took too long or too much memory, or crashed
├── ValidationFailed  --strict met a bad line
├── BuildRefused      the build would lose too much, or another one runs
├── SnapshotError     a snapshot is missing, damaged, or not for this program
│   └── SnapshotUnreadable  it cannot be read now, but perhaps later
└── JournalError      the journal of the API's changes cannot be read or written
"""


class IndexerError(Exception):
    """The base of this floor's exceptions. The message is a sentence for the person at the terminal."""


class SourceError(IndexerError):
    """A source cannot be read at all."""


class WorkEnded(SourceError):
    """Work on untrusted data took too long or too much memory, or crashed. Nothing else was harmed."""


class ValidationFailed(IndexerError):
    """A line is bad, and the build is strict."""


class BuildRefused(IndexerError):
    """The build would lose too much of the archive, or another builder holds the home."""


class SnapshotError(IndexerError):
    """A snapshot is missing, damaged, or of a format or encoder that this program does not support."""


class SnapshotUnreadable(SnapshotError):
    """The system cannot read a snapshot now: permissions, memory, a limit of open files, a disk. It may work later."""


class JournalError(IndexerError):
    """The journal of the API's changes cannot be read or written, or refuses a change."""
