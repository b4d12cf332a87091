"""The plain rows that go into and come out of the journal. Knows nothing of SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from indexer.articles.article import Article

NEVER = (1 << 63) - 1
"""The time that never comes."""


class Put(NamedTuple):
    """A change that writes an article.

    :param forced: Whether it applies even if a newer version is stored.
    """

    article: Article
    forced: bool = False


class Delete(NamedTuple):
    """A change that deletes an article.

    :param updated: When it was deleted, in microseconds since 1970; None for the time of receipt.
    :param forced: Whether it applies even if a newer version is stored.
    """

    id: str
    updated: int | None = None
    forced: bool = False


class SnapshotVersion(NamedTuple):
    """The version of an article in a snapshot.

    :param updated: `updated_at` in microseconds since 1970, None if absent.
    :param fingerprint: `StoredArticle.fingerprint`.
    """

    updated: int | None
    fingerprint: bytes


class Outcome(NamedTuple):
    """The result of one change.

    :param existed: Whether there was an article of that id.
    :param applied: False if the stored version is newer, `WriteGuard` refuses, or a put is of an article taken down.
    :param taken_down: Whether the article was taken down and so may not come back.
    """

    existed: bool
    applied: bool
    taken_down: bool = False


class PendingChange(NamedTuple):
    """An article's state by a change that is not yet in the served snapshot.

    :param line: The archive line as JSON, None if it is deleted.
    """

    line: str | None


class WriteGuard(Protocol):
    """Decides which changes a writer may make. Called within the transaction, so the state cannot change meanwhile."""

    def begin(self, changes: Sequence[Put | Delete]) -> None:
        """Raise an error if these changes may no longer be written; then none is."""

    def refuses(self, change: Put | Delete, pending: PendingChange | None) -> bool:
        """Return whether a change is refused; then it is not applied.

        :param pending: The article's newest state in the journal, None if the served snapshot has it.
        """


class Change(NamedTuple):
    """One row of the journal: the new state of an article.

    :param line: The archive line as JSON, None if the article is deleted.
    :param updated: In microseconds since 1970: `updated_at`, else the time of receipt; NEVER for a takedown.
    :param forced: Whether it applies even if the current snapshot has a later time.
    """

    seq: int
    id: str
    line: str | None
    updated: int
    forced: bool = False


class Withdrawal(NamedTuple):
    """When an article is public by a change that is not yet in a snapshot. It overrides the snapshot.

    :param published: The first public microsecond since 1970; NEVER if the article is deleted.
    :param unpublish: The first microsecond at which it is no longer public.
    """

    id: str
    published: int
    unpublish: int


class FailedChange(NamedTuple):
    """A change that cannot be brought into a snapshot.

    :param tries: The number of attempts.
    :param again: The time of the next attempt, ISO 8601 in UTC.
    """

    id: str
    error: str
    tries: int
    again: str


class WaitingChanges(NamedTuple):
    """Counts of the changes that are not yet in a snapshot.

    :param changes: The number of changes, without those set aside.
    :param oldest: When the first of them was received, in microseconds since 1970; None if there is none.
    :param aside: The number of changes set aside.
    :param taken_down: The number of articles taken down, in a snapshot or not.
    """

    changes: int
    oldest: int | None
    aside: int
    taken_down: int


class Takedown(NamedTuple):
    """The record of a takedown.

    :param snapshots: The snapshots that held the article.
    :param lists: The lists that showed it: `related:ID` under an article, `rule:ID` by a rule.
    """

    id: str
    who: str
    why: str
    at: str
    snapshots: tuple[str, ...]
    lists: tuple[str, ...]
    lifted_at: str | None = None
    lifted_by: str | None = None
