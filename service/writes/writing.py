"""What the API writes: parsed, checked, put into the journal of changes before it is answered.

Knows nothing of Flask, nor of how a change comes to be served; who may write is asked before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, NamedTuple

from indexer.article import Article, id_fault, is_ahead, latest, parse_time, shown, validate
from indexer.changes import Delete, Known, Outcome, Put
from indexer.columns import micros
from indexer.errors import JournalError
from indexer.journal import Journal
from service.errors import BadRequest, CannotWrite, FieldError, NotReady, TakenDown, Unprocessable
from service.live import Live

PORTION = 200
"""How many lines of a bulk are written in one transaction: others that write wait no longer than that takes."""

PROMPT = 64
"""A bulk of more lines is served after what is written later: a correction need not wait for an import."""

_KEYS = {"put": {"op", "article"}, "delete": {"op", "id", "updated_at"}}


class Written(NamedTuple):
    """What became of a put.

    :param new: Whether there was no article of that id.
    :param applied: False where what is stored is newer.
    """

    new: bool
    applied: bool


def put(live: Live, article_id: str, body: bytes) -> Written:
    """Write an article.

    :raises BadRequest: naming each field that is not as expected.
    :raises Unprocessable: if the body has another id than the address.
    :raises TakenDown: if it may not come back.
    :raises CannotWrite: if it cannot be made durable; nothing is written then.
    """
    fields = _object(body)
    if isinstance(found := fields.get("id"), str) and found != article_id:
        raise Unprocessable([FieldError("id", shown(found), f"expected the id of the address, {shown(article_id)}")])
    article = _article(fields)
    if isinstance(article, list):
        raise BadRequest(article)
    (outcome,) = _write(live, [Put(article)])
    if outcome.taken_down:
        raise TakenDown(shown(article_id))
    return Written(not outcome.existed, outcome.applied)


def delete(live: Live, article_id: str) -> None:
    """Have an article gone from every answer, whether or not it is there.

    :raises BadRequest: if no article can have that id.
    :raises CannotWrite: if that cannot be made durable.
    """
    _write(live, [Delete(_id(article_id))])


def bulk(live: Live, body: bytes) -> Iterator[bytes]:
    """Write the changes of JSON Lines, and yield a line of JSON for each, in their order; blank lines do not count.

    A line that is not as expected, or may not be written, says so and holds up no other.

    :raises CannotWrite: if a portion cannot be made durable; those before it are.
    """
    lines = (line.rstrip(b"\n") for line in BytesIO(body.removeprefix(b"\xef\xbb\xbf")) if line.strip())
    later = body.count(b"\n", 0, len(body) - 1) >= PROMPT
    portion: list[tuple[dict[str, Any], Put | Delete | None]] = []
    for line in lines:
        portion.append(_change(line))
        if len(portion) == PORTION:
            yield from _portion(live, portion, later)
            portion = []
    yield from _portion(live, portion, later)


def _portion(live: Live, portion: list[tuple[dict[str, Any], Put | Delete | None]], later: bool) -> Iterator[bytes]:
    outcomes = iter(_write(live, [change for _, change in portion if change is not None], later))
    for told, change in portion:
        if change is not None:
            told |= _told(change, next(outcomes))
        yield json.dumps(told, ensure_ascii=False).encode("utf-8", "replace") + b"\n"  # ids may be lone surrogates


def _told(change: Put | Delete, outcome: Outcome) -> dict[str, Any]:
    if isinstance(change, Delete):
        return {"status": 204, "applied": outcome.applied}
    if outcome.taken_down:
        return {"status": TakenDown.status, "applied": False}
    return {"status": 200 if outcome.existed or not outcome.applied else 201, "applied": outcome.applied}


def _change(line: bytes) -> tuple[dict[str, Any], Put | Delete | None]:
    """Return what is known of a line's answer, and the change that it asks for, None where it is none."""
    told: dict[str, Any] = {"op": None, "id": None}
    try:
        fields = _object(line)
        op = fields.get("op")
        if not isinstance(op, str) or op not in _KEYS:
            raise BadRequest([FieldError("op", shown(op), "expected put or delete")])
        told["op"] = op
        if unknown := [name for name in fields if name not in _KEYS[op]]:
            expected = f"unknown: expected {', '.join(sorted(_KEYS[op]))}"
            raise BadRequest([FieldError(name, shown(fields[name]), expected) for name in unknown])
        change = _put(fields, told) if op == "put" else _delete(fields, told)
    except BadRequest as error:
        return told | {"status": 400, "applied": False, "errors": [fault.as_json() for fault in error.errors]}, None
    return told, change


def _put(fields: Mapping[str, Any], told: dict[str, Any]) -> Put:
    given = fields.get("article")
    if not isinstance(given, dict):
        raise BadRequest([FieldError("article", shown(given), "expected an archive line, a JSON object")])
    if isinstance(given.get("id"), str):
        told["id"] = given["id"]
    article = _article(given)
    if isinstance(article, list):
        raise BadRequest([replace(fault, field=f"article.{fault.field}") for fault in article])
    return Put(article)


def _delete(fields: Mapping[str, Any], told: dict[str, Any]) -> Delete:
    updated = fields.get("updated_at")
    told["id"] = article_id = _id(fields.get("id"))
    if updated is None or updated == "":
        return Delete(article_id)
    try:
        time = parse_time(updated)
    except ValueError as error:
        raise BadRequest([FieldError("updated_at", shown(updated), str(error))]) from None
    if is_ahead(time, now := datetime.now(UTC)):
        raise BadRequest([FieldError("updated_at", shown(updated), latest(now))])
    return Delete(article_id, micros(time))


def _id(value: object) -> str:
    """Return the id that an article may have.

    :raises BadRequest: if it is none.
    """
    if not isinstance(value, str):
        raise BadRequest([FieldError("id", shown(value), "expected a string")])
    if (fault := id_fault(value)) is not None:
        raise BadRequest([FieldError("id", shown(value), fault)])
    return value


def _article(fields: Mapping[str, Any]) -> Article | list[FieldError]:
    found, now = validate(fields), datetime.now(UTC)
    if not isinstance(found, Article):
        return [FieldError(*fault) for fault in found]
    if is_ahead(found.updated_at, now):
        return [FieldError("updated_at", shown(fields["updated_at"]), latest(now))]
    return found


def _object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that a body is.

    :raises BadRequest: if it is none.
    """
    expected = "expected a JSON object in UTF-8"
    try:
        found = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except RecursionError:
        raise BadRequest([FieldError("body", "JSON", "expected JSON nested less deeply")]) from None
    except ValueError as error:
        start = shown(body[:60].decode("utf-8", "replace"))
        raise BadRequest([FieldError("body", start, f"{expected}: {error}")]) from None
    if not isinstance(found, dict):
        raise BadRequest([FieldError("body", shown(found), expected)])
    return found


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _write(live: Live, changes: list[Put | Delete], later: bool = False) -> list[Outcome]:
    """Write changes, held against what is served.

    :raises CannotWrite: if they cannot be made durable.
    """
    journal, (held, up_to) = _journal(live), _served(live)
    if not changes:
        return []
    try:
        return journal.write(changes, held, up_to, later=later)
    except JournalError as error:
        raise CannotWrite(f"nothing was written: {error}") from error


def _journal(live: Live) -> Journal:
    if live.journal is None:
        raise CannotWrite("nothing was written: the home cannot be written to")
    return live.journal


def _served(live: Live) -> tuple[Callable[[str], Known | None], int]:
    """Return what says what is held of an id now, and the last change that is in it."""
    try:
        archive = live.searcher().archive
    except NotReady:  # nothing is published yet
        return (lambda article_id: None), 0
    return archive.known, archive.manifest.changes
