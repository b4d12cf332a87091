"""What one key may write, asked within the journal's transaction, and what the audit log is told of it.

So a key that was revoked writes nothing once `settle` has returned, and an article cannot change between being looked
at and being written. Knows nothing of Flask.
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
    """What counts of an article as it is.

    :param public: Whether readers may see it now.
    :param ends: Until when they may, None for ever.
    """

    section: str | None
    source: str | None
    public: bool
    ends: datetime | None

    def outlasts(self, after: _ArticleFacts) -> bool:
        """Return whether readers see it now, and after a change no more, or not for as long."""
        sooner = after.ends is not None and (self.ends is None or after.ends < self.ends)
        return self.public and (not after.public or sooner)


class BulkTally:
    """What became of the lines of a bulk: counts, the first ids that were changed, and a hash of all of these."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first: list[str] = []
        self._all = sha256()
        self._changed = 0

    def add(self, line: Mapping[str, Any]) -> None:
        """Count a line's answer."""
        applied = bool(line["applied"])
        self._counts[f"{line['op']}_{line['status']}" + ("" if applied else "_not_applied")] += 1
        if not applied:
            return
        self._all.update(b"\n" * bool(self._changed) + str(line["id"]).encode("utf-8", "surrogatepass"))
        self._changed += 1
        if len(self._first) < MOST_IDS:
            self._first.append(str(line["id"]))

    def told(self) -> dict[str, Detail]:
        """Return what the audit log is told; of ids the same as `audit_entries.ids`."""
        found: dict[str, Detail] = {"count": self._changed, "ids": self._first, "ids_sha256": self._all.hexdigest()}
        return {**self._counts, **found}


class KeyGuard:
    """The guard of one request.

    :param key: With which it came; it is looked up again when something is written.
    :param address: Whence it came.
    """

    def __init__(self, keys: KeyStore, key: Key, audit: AuditLog, address: str | None) -> None:
        self._keys, self._key, self._audit, self._address = keys, key, audit, address
        self._actor = Actor.of_key(key)
        self._archive: Archive | None = None
        self._spent = False
        self._refused: dict[int, str] = {}

    def over(self, archive: Archive | None) -> KeyGuard:
        """Return the guard, told what is served now."""
        self._archive = archive
        return self

    def begin(self, changes: Sequence[Put | Delete]) -> None:
        """Let nothing be written with a key that was revoked or ended meanwhile.

        :raises Unauthorized: if it was.
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
        """Return the change as the key may make it: one of scope reset counts however new what is stored says it is."""
        return change._replace(forced="reset" in self._key.scopes)

    def refuses(self, change: Put | Delete, pending: PendingChange | None) -> bool:
        """Return whether the key may not make a change."""
        why = self._why_not(change, pending)
        if why is not None:
            self._refused[id(change)] = why
        return why is not None

    def fault(self, change: Put | Delete) -> ServiceError | None:
        """Return what is answered where one of the changes written last was refused, None where it was not."""
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
        """Count an article that is deleted or hidden, and return whether that is one too many."""
        self._spent = self._spent or not self._keys.take_deletes(self._key, 1)
        return self._spent

    def _before(self, article_id: str, pending: PendingChange | None) -> _ArticleFacts | None:
        """Return the article as it is before the change, None where there is none."""
        if pending is not None:
            return None if pending.line is None else _read(pending.line)
        row = None if self._archive is None else self._archive.row_of(article_id)
        return None if row is None or self._archive is None else _seen(self._archive.articles([row])[0])

    def _takes_over(self, article: Article) -> bool:
        """Return whether an article would answer to an id or address of one that is out of the key's bounds."""
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
        """Tell the audit log of a change before it is made within, and again if that fails.

        :raises NotRecorded: if the first cannot be; nothing is to be written then.
        """
        return self._audit.recording(_action(change), self._actor, _id(change), self._address)

    def record_outcome(self, change: Put | Delete, outcome: Outcome) -> None:
        """Tell the audit log of a change that came to nothing."""
        if outcome.applied:
            return
        why = self._refused.get(id(change)) or ("taken down" if outcome.taken_down else "older than stored")
        with suppress(NotRecorded):
            self._audit.record(_action(change), self._actor, _id(change), why, self._address)

    def record_bulk(self, body: bytes) -> None:
        """Tell the audit log of many changes that are about to be made: which they are, the hash of the body tells.

        :raises NotRecorded: if that cannot be.
        """
        lines = body.count(b"\n") + (not body.endswith(b"\n"))
        said: dict[str, Any] = {"lines": lines, "body_sha256": sha256(body).hexdigest()}
        self._audit.record("articles.bulk", self._actor, None, address=self._address, **said)

    def record_bulk_outcome(self, tally: BulkTally, failed: Exception | None = None) -> None:
        """Tell the audit log what became of them.

        :param failed: What broke it off, where something did.
        """
        why = {} if failed is None else {"why": type(failed).__name__}
        outcome = "done" if failed is None else "failed"
        with suppress(NotRecorded):
            self._audit.record("articles.bulk", self._actor, None, outcome, self._address, **tally.told(), **why)


def settle(home: Path) -> None:
    """Wait until all that is being written by the API now is written, or refused."""
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
    """Return what counts of a line of the journal."""
    found = json.loads(line)
    begins, ends = (parse_time(found[name]) if found[name] else None for name in ("published_at", "unpublish_at"))
    return _ArticleFacts(found["section"], found["source"], _is_public(begins, ends), ends)


def _is_public(begins: datetime | None, ends: datetime | None) -> bool:
    now = datetime.now(UTC)
    return (begins is None or begins <= now) and (ends is None or ends > now)
