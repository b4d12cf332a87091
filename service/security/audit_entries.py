"""The content of the audit log's entries: actions, actors, details.

Pure. Knows nothing of files, nor of how entries are chained.
"""

from __future__ import annotations

import json
import os
import pwd
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from indexer.articles.article import shown
from service.security.audit_chain import PRUNED, ChainRow, content_of
from service.security.keys import Key
from service.security.people import Person

ACTIONS: Mapping[str, str] = {
    "article.put": "an article was written by the API",
    "article.deleted": "an article was deleted by the API",
    "articles.bulk": "many articles were written or deleted by the API",
    "article.taken_down": "an article was taken down",
    "article.lifted": "an article that was taken down may come back",
    "article.purged": "an article's text was deleted from disk",
    "archive.merged": "what the API had changed was published",
    "archive.rolled_back": "an earlier snapshot was made current again",
    "rule.added": "a rule of the related lists was added: a pin, a block, a boost, a section",
    "rule.removed": "a rule of the related lists was removed",
    "words.changed": "a synonym, an abbreviation or a renamed place was added, changed or removed",
    "key.made": "a key was made",
    "key.rotated": "a key got a successor",
    "key.revoked": "a key was revoked",
    "session.begun": "somebody signed in to the newsroom's pages",
    "session.ended": "somebody signed out",
    "request.refused": "a request was refused; its outcome is why",
    PRUNED: "entries older than `audit_days` were removed",
}
"""The recorded actions and their meanings."""

MOST_IDS = 20
"""The most ids that an entry lists; a hash covers all of them."""

_LONGEST = 200
_KEY = re.compile(r"lq_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")


Detail = str | int | Sequence[str]


class Actor(NamedTuple):
    """The actor of an action.

    :param id: `key:ID` for a key, `oidc:ID` for a person, `cli:USER` for a system user, `machine` for a browser on this
        machine before there are keys, `anyone` for an unknown actor.
    :param name: The readable name of the key or the person.
    """

    id: str
    name: str = ""

    @classmethod
    def of_key(cls, key: Key) -> Actor:
        """Return the actor of a key."""
        return cls(f"key:{key.id}", key.name)

    @classmethod
    def of_person(cls, person: Person) -> Actor:
        """Return the actor of a person who is signed in through the newsroom's provider."""
        return cls(f"oidc:{person.id}", person.name)

    @classmethod
    def of(cls, who: Key | Person) -> Actor:
        """Return the actor who is signed in."""
        return cls.of_person(who) if isinstance(who, Person) else cls.of_key(who)

    @classmethod
    def of_process(cls) -> Actor:
        """Return the actor of the system user of this process, regardless of the environment."""
        number = os.getuid()
        try:
            return cls(f"cli:{pwd.getpwuid(number).pw_name}")
        except KeyError:  # a container may have a user number without a name
            return cls(f"cli:{number}")


ANYONE = Actor("anyone")
MACHINE = Actor("machine")


class AuditEntry(NamedTuple):
    """One entry, as read.

    :param at: In UTC.
    :param outcome: `allowed`, `done`, `failed`, or why something was refused.
    :param address: The stored part of the address, None if none is stored.
    :param detail: Further details, by name.
    :param hash: In hexadecimal digits.
    """

    number: int
    at: datetime
    action: str
    actor: Actor
    target: str | None
    outcome: str
    address: str | None
    detail: Mapping[str, Any]
    hash: str

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return self._asdict() | {"at": _iso(self.at), "actor": self.actor._asdict()}


def said(
    action: str, actor: Actor, target: str | None, outcome: str, address: str | None, detail: Mapping[str, Detail]
) -> dict[str, Any]:
    """Return the content of an entry without number and time, with each part bounded in size.

    :param address: The part to be stored.
    :raises ValueError: if there is no such action.
    """
    if action not in ACTIONS:
        raise ValueError(f"action: {shown(action)}: expected one of {', '.join(ACTIONS)}")
    return {
        "action": action,
        "actor": {"id": _short(actor.id), "name": _short(actor.name)},
        "target": None if target is None else _short(target),
        "outcome": _short(outcome),
        "address": address,
        "detail": {name: _bounded(value) for name, value in detail.items()},
    }


def written(number: int, moment: datetime, told: Mapping[str, Any]) -> bytes:
    """Return the content of an entry. A key given by mistake as an id is removed.

    :param told: The result of `said`.
    """
    whole = {"number": number, "at": _iso(moment), **told}
    return _KEY.sub(r"lq_\1_(hidden)", json.dumps(whole, separators=(",", ":"))).encode()


def ids(found: Sequence[str]) -> dict[str, Detail]:
    """Return an entry's details of many ids: their number, the first of them, and a hash of all."""
    whole = sha256("\n".join(found).encode("utf-8", "surrogatepass")).hexdigest()
    return {"count": len(found), "ids": list(found[:MOST_IDS]), "ids_sha256": whole}


def read(row: ChainRow) -> AuditEntry:
    """Return an entry; if it was tampered with, its readable parts."""
    said = content_of(row.content)
    actor, detail = said.get("actor"), said.get("detail")
    try:
        at = datetime.fromisoformat(said["at"])
    except (KeyError, TypeError, ValueError):
        at = datetime.fromtimestamp(0, UTC)
    who = Actor(str(actor.get("id")), str(actor.get("name"))) if isinstance(actor, dict) else Actor("")
    target, address = said.get("target"), said.get("address")
    return AuditEntry(
        row.number,
        at,
        str(said.get("action")),
        who,
        None if target is None else str(target),
        str(said.get("outcome")),
        None if address is None else str(address),
        detail if isinstance(detail, dict) else {},
        row.hash.hex(),
    )


def _short(value: str) -> str:
    return value if len(value) <= _LONGEST else value[:_LONGEST] + "…"


def _bounded(value: Detail) -> Detail:
    if isinstance(value, int):
        return value
    return _short(value) if isinstance(value, str) else [_short(one) for one in value[:MOST_IDS]]


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
