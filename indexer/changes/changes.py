"""What the journal of the API's changes is asked and says: plain rows. Knows nothing of SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from indexer.articles.article import Article

NEVER = (1 << 63) - 1
"""Stands for a time that does not come."""


class Put(NamedTuple):
    """An article that is to be as it is here.

    :param forced: Whether it counts whatever is stored, and however new that says it is.
    """

    article: Article
    forced: bool = False


class Delete(NamedTuple):
    """An article that is to be gone.

    :param updated: When it was deleted, in microseconds since 1970; None where the time of receipt counts.
    :param forced: Whether it counts whatever is stored, and however new that says it is.
    """

    id: str
    updated: int | None = None
    forced: bool = False


class SnapshotVersion(NamedTuple):
    """What a snapshot holds of an article.

    :param updated: In microseconds since 1970, None where it does not say.
    :param fingerprint: As `store.StoredArticle` has it.
    """

    updated: int | None
    fingerprint: bytes


class Outcome(NamedTuple):
    """What became of one change.

    :param existed: Whether there was an article of that id.
    :param applied: False where what is stored is newer.
    :param taken_down: Whether the article was taken down, so that it may not come back.
    """

    existed: bool
    applied: bool
    taken_down: bool = False


class PendingChange(NamedTuple):
    """What an article is to be by a change that the snapshot served does not hold yet.

    :param line: The archive line as JSON, None where it is gone.
    """

    line: str | None


class WriteGuard(Protocol):
    """Says what whoever writes may change. It is asked within the transaction, so what it is told stays so."""

    def begin(self, changes: Sequence[Put | Delete]) -> None:
        """Raise where nothing of this may be written any more; then nothing is."""

    def refuses(self, change: Put | Delete, pending: PendingChange | None) -> bool:
        """Return whether a change may not be made; then it is not applied.

        :param pending: What is to come of the article already, None where the snapshot served has its last state.
        """


class Change(NamedTuple):
    """One row of the journal: what an article is to be.

    :param line: The archive line as JSON, None where the article is gone.
    :param updated: In microseconds since 1970: `updated_at`, else the time of receipt; of a takedown NEVER.
    :param forced: Whether it counts whatever time the current snapshot has of it.
    """

    seq: int
    id: str
    line: str | None
    updated: int
    forced: bool = False


class Withdrawal(NamedTuple):
    """Between which times an article may be seen, whatever a snapshot says that does not hold the change yet.

    :param published: The first microsecond since 1970; NEVER where it is gone.
    :param unpublish: The first at which it may no longer be seen.
    """

    id: str
    published: int
    unpublish: int


class FailedChange(NamedTuple):
    """A change that cannot be brought into a snapshot.

    :param tries: How often that was tried.
    :param again: When it is tried again, ISO 8601 in UTC.
    """

    id: str
    error: str
    tries: int
    again: str


class WaitingChanges(NamedTuple):
    """What is in no snapshot yet.

    :param changes: How many changes, but for those that were set aside.
    :param oldest: When the first of them was received, in microseconds since 1970; None where there is none.
    :param aside: How many were set aside.
    :param taken_down: How many articles are taken down, whatever snapshots hold.
    """

    changes: int
    oldest: int | None
    aside: int
    taken_down: int


class Takedown(NamedTuple):
    """The record of a takedown.

    :param snapshots: Which snapshots held the article.
    :param lists: Where it stood: `related:ID` under which articles, `rule:ID` by which rules.
    """

    id: str
    who: str
    why: str
    at: str
    snapshots: tuple[str, ...]
    lists: tuple[str, ...]
    lifted_at: str | None = None
    lifted_by: str | None = None
