"""The chain of the audit log: links each entry to the one before it, and detects tampering.

Pure: bytes in, bytes and sentences out. Knows nothing of files, nor of entries' content beside their number and the
extent of a pruning.

A chain proves that nobody without the secret has changed, reordered, inserted or removed entries within it. It does not
show entries cut off at its end, nor changes by somebody with both file and secret. A head stored elsewhere shows both.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from indexer.articles.article import shown

PRUNED = "audit.pruned"
"""The action of an entry that records a pruning: the last removed entry and its hash."""

START = hashlib.sha256(b"lienquan audit log").digest()
"""The hash that the first entry follows."""

MOST_PROBLEMS = 20
"""The most problems reported; later ones may follow from earlier ones."""

_HEAD = re.compile(r"(?:([1-9][0-9]{0,17}):)?([0-9a-f]{64})")


class ChainRow(NamedTuple):
    """An entry as stored.

    :param content: JSON, of which every byte counts.
    :param hash: 32 bytes: SHA-256 over the hash before it and the content.
    :param mac: 32 bytes: HMAC-SHA-256 of the hash with the log's secret.
    """

    number: int
    content: bytes
    hash: bytes
    mac: bytes


class ChainHead(NamedTuple):
    """The last entry of a log, in a form to be stored elsewhere.

    :param number: None if it was stored without a number.
    """

    number: int | None
    hash: bytes

    def __str__(self) -> str:
        return self.hash.hex() if self.number is None else f"{self.number}:{self.hash.hex()}"


@dataclass(frozen=True)
class ChainCheck:
    """The result of checking a log.

    :param entries: Its number of entries.
    :param head: Its last entry, None if it is empty.
    :param problems: A sentence for each problem, at most `MOST_PROBLEMS`.
    """

    entries: int
    head: ChainHead | None
    problems: tuple[str, ...]


def link(before: bytes, content: bytes) -> bytes:
    """Return the hash of an entry.

    :param before: The hash of the entry before it, 32 bytes.
    """
    return hashlib.sha256(before + content).digest()


def seal(secret: bytes, entry_hash: bytes) -> bytes:
    """Return the seal of an entry's hash, which needs the secret."""
    return hmac.new(secret, b"lienquan audit\0" + entry_hash, hashlib.sha256).digest()


def parse_head(text: str) -> ChainHead:
    """Parse a head in the form of `audit verify`: NUMBER:HASH, or the hash alone.

    :raises ValueError: if it is invalid.
    """
    found = _HEAD.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(f"head: {shown(text)}: expected NUMBER:HASH, as `lienquan audit verify` prints it")
    return ChainHead(int(found[1]) if found[1] else None, bytes.fromhex(found[2]))


def check(
    rows: Iterable[ChainRow],
    secret: bytes | None,
    last: int,
    checkpoint: ChainRow | None = None,
    head: ChainHead | None = None,
) -> ChainCheck:
    """Check a log from its first entry to its last.

    :param rows: All entries, by their numbers.
    :param secret: The secret of the seals, None if it is unavailable, which the caller reports.
    :param last: The highest number ever given to an entry.
    :param checkpoint: The last entry of a pruning, None if there is none. It is also among the rows, where its seal is
        checked.
    :param head: The last entry at an earlier time.
    """
    found = _Findings(head)
    for row in rows:
        before = found.before if found.entries else _before_first(row, checkpoint, found)
        expected = found.number + 1 if found.entries else row.number
        if row.number != expected:
            found.tell(f"entry {expected}: expected after entry {found.number}, found entry {row.number}")
        _check_row(row, before, secret, found)
    if found.number < last:
        found.tell(f"the log ends at entry {found.number}: expected {last}, the last that was written")
    if head is not None and not found.has_head:
        found.tell(_missing_head(head, found, checkpoint))
    own = ChainHead(found.number, found.before) if found.entries else None
    return ChainCheck(found.entries, own, tuple(found.problems))


class _Findings:
    """The findings so far.

    :ivar before: The hash of the last entry.
    :ivar first: The number of the first entry.
    """

    def __init__(self, head: ChainHead | None) -> None:
        self.entries, self.number, self.first, self.before = 0, 0, 0, START
        self.problems: list[str] = []
        self.head, self.has_head = head, False

    def tell(self, problem: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)


def _before_first(row: ChainRow, checkpoint: ChainRow | None, found: _Findings) -> bytes:
    """Return the hash that the first entry follows: that of an empty log, or of the last pruned entry."""
    found.first = row.number
    if row.number == 1:
        return START
    pruned = pruned_to(checkpoint)
    if pruned is None or pruned.number != row.number - 1:
        found.tell(f"entries before {row.number} are missing, and no pruning tells of it")
        return START
    if found.head is not None and found.head.hash == pruned.hash:
        found.has_head = True
    return pruned.hash


def pruned_to(checkpoint: ChainRow | None) -> ChainHead | None:
    """Return the last entry that a pruning removed, None if its entry does not name it."""
    told = {} if checkpoint is None else content_of(checkpoint.content)
    detail = told.get("detail")
    if told.get("action") != PRUNED or not isinstance(detail, dict):
        return None
    number, text = detail.get("up_to"), detail.get("hash")
    if not isinstance(number, int) or not isinstance(text, str) or not re.fullmatch("[0-9a-f]{64}", text):
        return None
    return ChainHead(number, bytes.fromhex(text))


def content_of(content: bytes) -> dict[str, Any]:
    """Return the content of an entry, empty if it is not a JSON object."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _check_row(row: ChainRow, before: bytes, secret: bytes | None, found: _Findings) -> None:
    """Check one entry, and continue from its stored hash, so that tampering is reported once."""
    if row.hash != link(before, row.content):
        found.tell(f"entry {row.number}: is not what its hash was made of, or does not follow the one before it")
    elif content_of(row.content).get("number") != row.number:
        found.tell(f"entry {row.number}: says that it has another number")
    if secret is not None and not hmac.compare_digest(row.mac, seal(secret, row.hash)):
        found.tell(f"entry {row.number}: was not sealed with this log's secret")
    found.entries, found.number, found.before = found.entries + 1, row.number, row.hash
    head = found.head
    if head is not None and row.hash == head.hash and head.number in {None, row.number}:
        found.has_head = True


def _missing_head(head: ChainHead, found: _Findings, checkpoint: ChainRow | None) -> str:
    pruned = pruned_to(checkpoint)
    if head.number is not None and pruned is not None and (pruned.number or 0) >= head.number:
        return f"head {head}: was pruned: expected one of entry {pruned.number} or later"
    if head.number is not None and head.number > found.number:
        return f"head {head}: the log ends at entry {found.number}: what was written after it is gone"
    return f"head {head}: is not in this log: it was rewritten, or is another one"
