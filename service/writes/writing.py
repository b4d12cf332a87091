"""Writes of the API: parsed, checked, and put into the journal before they are answered.

Knows nothing of Flask, nor of how a change is ingested. The caller has checked the key.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from itertools import islice
from typing import Any, NamedTuple

from indexer.archive import Archive
from indexer.articles.article import Article, id_fault, is_ahead, latest, parse_time, shown, validate
from indexer.articles.columns import micros
from indexer.changes.changes import Delete, Outcome, Put
from indexer.changes.journal import Journal
from indexer.errors import JournalError
from service.errors import BadRequest, CannotWrite, FieldError, NotReady, TakenDown, Unprocessable
from service.live import Live
from service.writes.guard import BulkTally, KeyGuard

PORTION = 200
"""The lines of a bulk in one transaction, which is the longest wait for other writers."""

PROMPT = 64
"""The most lines of an ordinary bulk. Lines of a larger one wait behind later writes, so that a correction need not
wait for an import."""

_KEYS = {"put": {"op", "article"}, "delete": {"op", "id", "updated_at"}}


class PutResult(NamedTuple):
    """The result of a put.

    :param new: Whether there was no article of that id.
    :param applied: False if the stored version is newer.
    """

    new: bool
    applied: bool


def put(live: Live, article_id: str, body: bytes, guard: KeyGuard | None = None) -> PutResult:
    """Write an article.

    :param guard: Decides whether it may be written; None if everything may.

    :raises BadRequest: naming each invalid field.
    :raises Unprocessable: if the body has another id than the address.
    :raises TakenDown: if it may not come back.
    :raises Forbidden: if the guard refuses it, `TooMany` if it would hide one more than may be hidden.
    :raises CannotWrite: if it cannot be made durable; nothing is written then.
    """
    fields = _object(body)
    if isinstance(found := fields.get("id"), str) and found != article_id:
        raise Unprocessable([FieldError("id", shown(found), f"expected the id of the address, {shown(article_id)}")])
    article = _article(fields)
    if isinstance(article, list):
        raise BadRequest(article)
    outcome = _write_one(live, Put(article), guard)
    if outcome.taken_down:
        raise TakenDown(shown(article_id))
    return PutResult(not outcome.existed, outcome.applied)


def _write_one(live: Live, change: Put | Delete, guard: KeyGuard | None) -> Outcome:
    if guard is None:
        return _write(live, [change])[0]
    change = guard.as_allowed(change)
    with guard.recording(change):
        (outcome,) = _write(live, [change], guard=guard)
    guard.record_outcome(change, outcome)
    if (error := guard.fault(change)) is not None:
        raise error
    return outcome


def delete(live: Live, article_id: str, guard: KeyGuard | None = None) -> None:
    """Remove an article from every answer, whether it exists or not.

    :param guard: Like that of `put`.
    :raises BadRequest: if no article can have that id.
    :raises Forbidden: if the guard refuses it, `TooMany` if it is one more than may be deleted.
    :raises CannotWrite: if that cannot be made durable.
    """
    _write_one(live, Delete(_id(article_id)), guard)


def bulk(live: Live, body: bytes, guard: KeyGuard | None = None) -> Iterator[bytes]:
    """Write the changes in JSON Lines, and yield a line of JSON for each, in order. Blank lines are ignored.

    A line that is invalid or refused gets an error and does not stop the others.

    :param guard: Like that of `put`.
    :raises CannotWrite: if a portion cannot be made durable; those before it are.
    """
    lines = (line.rstrip(b"\n") for line in BytesIO(body.removeprefix(b"\xef\xbb\xbf")) if line.strip())
    later = body.count(b"\n", 0, len(body) - 1) >= PROMPT
    answers = (one for portion in _portions(lines) for one in _portion(live, portion, later, guard))
    for one in answers if guard is None else _recorded(answers, body, guard):
        yield json.dumps(one, ensure_ascii=False).encode("utf-8", "replace") + b"\n"  # ids may be lone surrogates


def _recorded(answers: Iterator[dict[str, Any]], body: bytes, guard: KeyGuard) -> Iterator[dict[str, Any]]:
    """Yield the answers of a bulk. Record it in the audit log before the first, and after the last or a failure."""
    guard.record_bulk(body)
    tally = BulkTally()
    try:
        for one in answers:
            tally.add(one)
            yield one
    except Exception as error:
        guard.record_bulk_outcome(tally, error)
        raise
    guard.record_bulk_outcome(tally)


def _portions(lines: Iterator[bytes]) -> Iterator[list[tuple[dict[str, Any], Put | Delete | None]]]:
    while portion := [_change(line) for line in islice(lines, PORTION)]:
        yield portion


def _portion(
    live: Live, portion: list[tuple[dict[str, Any], Put | Delete | None]], later: bool, guard: KeyGuard | None
) -> list[dict[str, Any]]:
    if guard is not None:
        portion = [(told, None if change is None else guard.as_allowed(change)) for told, change in portion]
    outcomes = iter(_write(live, [change for _, change in portion if change is not None], later, guard))
    return [told if change is None else told | _told(change, next(outcomes), guard) for told, change in portion]


def _told(change: Put | Delete, outcome: Outcome, guard: KeyGuard | None) -> dict[str, Any]:
    if guard is not None and (error := guard.fault(change)) is not None:
        return {"status": error.status, "applied": False, "errors": [fault.as_json() for fault in error.errors]}
    if isinstance(change, Delete):
        return {"status": 204, "applied": outcome.applied}
    if outcome.taken_down:
        return {"status": TakenDown.status, "applied": False}
    return {"status": 200 if outcome.existed or not outcome.applied else 201, "applied": outcome.applied}


def _change(line: bytes) -> tuple[dict[str, Any], Put | Delete | None]:
    """Return the beginning of a line's answer, and its change, None if it is invalid."""
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
    """Return a valid id.

    :raises BadRequest: if it is invalid.
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
    """Return the JSON object of a body.

    :raises BadRequest: if it is not one.
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


def _write(
    live: Live, changes: list[Put | Delete], later: bool = False, guard: KeyGuard | None = None
) -> list[Outcome]:
    """Write changes, compared with the served versions.

    :raises CannotWrite: if they cannot be made durable.
    """
    journal, archive = _journal(live), _served(live)
    if not changes:
        return []
    held = (lambda article_id: None) if archive is None else archive.known
    up_to = 0 if archive is None else archive.manifest.changes
    try:
        return journal.write(changes, held, up_to, later=later, guard=guard and guard.over(archive))
    except JournalError as error:
        raise CannotWrite(f"nothing was written: {error}") from error


def _journal(live: Live) -> Journal:
    if live.journal is None:
        raise CannotWrite("nothing was written: the home cannot be written to")
    return live.journal


def _served(live: Live) -> Archive | None:
    """Return the served archive, None if nothing is published yet."""
    try:
        return live.searcher().archive
    except NotReady:
        return None
