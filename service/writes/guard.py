"""Checks what a key may write, within the journal's transaction, and records it in the audit log.

So a revoked key writes nothing once `settle` has returned, and an article cannot change between the check and the
write. Knows nothing of Flask.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from indexer.archive import Archive
from indexer.articles.article import Article, parse_time, shown
from indexer.changes.changes import Delete, Outcome, PendingChange, Put
from indexer.changes.journal import Journal
from service.errors import FieldError, Forbidden, NotRecorded, ServiceError, TooMany, Unauthorized
from service.security.audit import AuditLog
from service.security.audit_entries import MOST_IDS, Actor, Detail
from service.security.bounds import UNBOUND
from service.security.keys import DAY, Key, KeyStore

OUTSIDE, TAKEN, SPENT = "out of its bounds", "takes over another address", "too many deletes"
"""Why a change is refused."""


class _ArticleFacts(NamedTuple):
    """The facts of an article that decide.

    :param public: Whether it is public now.
    :param ends: Until when it is public, None for ever.
    """

    section: str | None
    source: str | None
    public: bool
    ends: datetime | None

    def outlasts(self, after: _ArticleFacts) -> bool:
        """Return whether it is public now, and a change ends that or shortens it."""
        sooner = after.ends is not None and (self.ends is None or after.ends < self.ends)
        return self.public and (not after.public or sooner)


class BulkTally:
    """The results of a bulk's lines: counts, the first changed ids, and a hash of all changed ids."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first: list[str] = []
        self._all = sha256()
        self._changed = 0

    def add(self, line: Mapping[str, Any]) -> None:
        """Count the answer of a line."""
        applied = bool(line["applied"])
        self._counts[f"{line['op']}_{line['status']}" + ("" if applied else "_not_applied")] += 1
        if not applied:
            return
        self._all.update(b"\n" * bool(self._changed) + str(line["id"]).encode("utf-8", "surrogatepass"))
        self._changed += 1
        if len(self._first) < MOST_IDS:
            self._first.append(str(line["id"]))

    def told(self) -> dict[str, Detail]:
        """Return the details for the audit log; ids in the form of `audit_entries.ids`."""
        found: dict[str, Detail] = {"count": self._changed, "ids": self._first, "ids_sha256": self._all.hexdigest()}
        return {**self._counts, **found}


class KeyGuard:
    """The guard of one request.

    :param key: The request's key; it is looked up again at each write.
    :param address: The client's address.
    """

    def __init__(self, keys: KeyStore, key: Key, audit: AuditLog, address: str | None) -> None:
        self._keys, self._key, self._audit, self._address = keys, key, audit, address
        self._actor = Actor.of_key(key)
        self._archive: Archive | None = None
        self._spent = False
        self._refused: dict[int, str] = {}

    def over(self, archive: Archive | None) -> KeyGuard:
        """Return the guard with the archive that is served now."""
        self._archive = archive
        return self

    def begin(self, changes: Sequence[Put | Delete]) -> None:
        """Check that the key was not revoked and has not ended meanwhile.

        :raises Unauthorized: if it was or has.
        """
        key = self._keys.get(self._key.id)
        if key is None or not key.counts:
            told = f"key {self._key.id}, which has ended meanwhile"
            fault = FieldError("Authorization", told, "expected a key that counts")
            raise Unauthorized(fault, "invalid_token", "ended meanwhile", self._key.id)
        self._key = key
        self._refused.clear()
        self._spent = False

    def as_allowed(self, change: Put | Delete) -> Put | Delete:
        """Return the change in the form that the key may make. With scope reset it is forced."""
        return change._replace(forced="reset" in self._key.scopes)

    def refuses(self, change: Put | Delete, pending: PendingChange | None) -> bool:
        """Return whether the key may not make a change."""
        why = self._why_not(change, pending)
        if why is not None:
            self._refused[id(change)] = why
        return why is not None

    def fault(self, change: Put | Delete) -> ServiceError | None:
        """Return the error if the change was refused in the last write, None if it was not."""
        why = self._refused.get(id(change))
        return None if why is None else self._fault(why, _id(change))

    def _why_not(self, change: Put | Delete, pending: PendingChange | None) -> str | None:
        if self._key.bounds == UNBOUND:
            return None
        bounds, before = self._key.bounds, self._before(_id(change), pending)
        if before is not None and not bounds.covers(before.section, before.source):
            return OUTSIDE
        if isinstance(change, Delete):
            return SPENT if before is not None and self._is_spent() else None
        if not bounds.covers(change.article.section, change.article.source):
            return OUTSIDE
        if bounds.bound_articles() and self._takes_over(change.article):
            return TAKEN
        hides = before is not None and before.outlasts(_seen(change.article))
        return SPENT if hides and self._is_spent() else None

    def _is_spent(self) -> bool:
        """Count a deleted or hidden article, and return whether that exceeds the key's limit."""
        self._spent = self._spent or not self._keys.take_deletes(self._key, 1)
        return self._spent

    def _before(self, article_id: str, pending: PendingChange | None) -> _ArticleFacts | None:
        """Return the facts of the article before the change, None if there is none."""
        if pending is not None:
            return None if pending.line is None else _read(pending.line)
        row = None if self._archive is None else self._archive.row_of(article_id)
        return None if row is None or self._archive is None else _seen(self._archive.articles([row])[0])

    def _takes_over(self, article: Article) -> bool:
        """Return whether an article would take an id or address from one outside the key's bounds."""
        if self._archive is None:
            return False
        names = [article.id, *article.aliases, *([article.url] if article.url else [])]
        rows = {row for name in names for row in self._archive.answering(name)}
        others = self._archive.articles(sorted(rows))
        covers = self._key.bounds.covers
        return any(other.id != article.id and not covers(other.section, other.source) for other in others)

    def _fault(self, reason: str, article_id: str) -> ServiceError:
        bounds = self._key.bounds
        if reason == SPENT:
            expected = f"expected at most {bounds.deletes} in 24 hours with key {self._key.id}"
            return TooMany(FieldError("deletes", "one more", expected), DAY // 24)
        said = {
            OUTSIDE: f"expected an article of {bounds.articles()}, before and after: key {self._key.id} is bound to it",
            TAKEN: "expected no alias or URL that an article answers to which the key may not write",
        }
        return Forbidden([FieldError("id", shown(article_id), said[reason])], 'error="insufficient_scope"')

    def recording(self, change: Put | Delete) -> AbstractContextManager[int]:
        """Record a change in the audit log before the block makes it, and again if the block fails.

        :raises NotRecorded: if the first entry cannot be written; then nothing is changed.
        """
        return self._audit.recording(_action(change), self._actor, _id(change), self._address)

    def record_outcome(self, change: Put | Delete, outcome: Outcome) -> None:
        """Record in the audit log a change without effect."""
        if outcome.applied:
            return
        why = self._refused.get(id(change)) or ("taken down" if outcome.taken_down else "older than stored")
        with suppress(NotRecorded):
            self._audit.record(_action(change), self._actor, _id(change), why, self._address)

    def record_bulk(self, body: bytes) -> None:
        """Record in the audit log a bulk that is about to be written, by the hash of its body.

        :raises NotRecorded: if the entry cannot be written.
        """
        lines = body.count(b"\n") + (not body.endswith(b"\n"))
        said: dict[str, Any] = {"lines": lines, "body_sha256": sha256(body).hexdigest()}
        self._audit.record("articles.bulk", self._actor, None, address=self._address, **said)

    def record_bulk_outcome(self, tally: BulkTally, failed: Exception | None = None) -> None:
        """Record the result of a bulk in the audit log.

        :param failed: The error that ended it, if there was one.
        """
        why = {} if failed is None else {"why": type(failed).__name__}
        outcome = "done" if failed is None else "failed"
        with suppress(NotRecorded):
            self._audit.record("articles.bulk", self._actor, None, outcome, self._address, **tally.told(), **why)


def settle(home: Path) -> None:
    """Wait until all writes of the API that run now have ended."""
    journal = Journal.of(home)
    if journal is not None:
        journal.settle()
        journal.close()


def _action(change: Put | Delete) -> str:
    return "article.deleted" if isinstance(change, Delete) else "article.put"


def _id(change: Put | Delete) -> str:
    return change.id if isinstance(change, Delete) else change.article.id


def _seen(article: Article) -> _ArticleFacts:
    public = _is_public(article.published_at, article.unpublish_at)
    return _ArticleFacts(article.section, article.source, public, article.unpublish_at)


def _read(line: str) -> _ArticleFacts:
    """Return the facts of a line of the journal."""
    found = json.loads(line)
    begins, ends = (parse_time(found[name]) if found[name] else None for name in ("published_at", "unpublish_at"))
    return _ArticleFacts(found["section"], found["source"], _is_public(begins, ends), ends)


def _is_public(begins: datetime | None, ends: datetime | None) -> bool:
    now = datetime.now(UTC)
    return (begins is None or begins <= now) and (ends is None or ends > now)
