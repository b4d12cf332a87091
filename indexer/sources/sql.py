"""Brings a memory up to date from a query of a SQL database.

Owns how rows are requested: by pages after the last key, and after the first run only rows changed since the watermark.
Uses only SQLAlchemy's core, and so supports SQLite, PostgreSQL, MariaDB and every other dialect.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from indexer.articles.article import FIELDS, is_ahead
from indexer.errors import SourceError
from indexer.sources.described import SqlSource
from indexer.sources.memory import Memory
from indexer.sources.reading import BadLine, SourceOptions

_BIND = re.compile(r"(?<![:\w\\]):(?=\w)")
_BETWEEN_ITEMS = re.compile("[;|,]")
_LISTS = ("tags", "aliases")
_OVERLAP = timedelta(minutes=2)
"""How far before the last watermark rows are read again, if it is a time, since transactions end after they begin."""

_DEEPEST_JSON = 2**16


def update(source: SqlSource, memory: Memory, options: SourceOptions) -> Iterator[BadLine]:
    """Bring a memory up to date with a query; yield the problems met.

    :raises SourceError: if a driver or a column is missing.
    """
    engine = _engine(source)
    memory.begin()
    try:
        with engine.connect() as connection:
            yield from _SqlVisit(source, connection, memory, options).run()
    except SQLAlchemyError as error:
        memory.commit()
        yield BadLine(1, engine.url.render_as_string(), _said(error), incomplete=not memory.complete)
        return
    finally:
        engine.dispose()
    memory.end()
    memory.commit()


def _engine(source: SqlSource) -> sa.Engine:
    try:
        return sa.create_engine(source.address, hide_parameters=True)
    except NoSuchModuleError as error:
        raise SourceError(f"url: expected a database that SQLAlchemy knows: {error}") from None
    except (ArgumentError, ValueError):
        raise SourceError("url: expected an address of SQLAlchemy, such as postgresql+psycopg://…") from None
    except ImportError as error:
        raise SourceError(f"url: expected a driver that is installed: {error}; see `lienquan[sql]`") from None


def _said(error: SQLAlchemyError) -> str:
    inner = getattr(error, "orig", None) or error
    return " ".join(str(inner).split())[:300]


class _SqlVisit:
    """One run over one query."""

    def __init__(self, source: SqlSource, connection: sa.Connection, memory: Memory, options: SourceOptions) -> None:
        self._source = source
        self._connection = connection
        self._memory = memory
        self._options = options
        query = sa.text(_BIND.sub(r"\\:", source.query.strip().rstrip(";")))
        with connection.execute(sa.select(sa.text("*")).select_from(query.columns().subquery("q")).limit(0)) as empty:
            self._names = list(empty.keys())
        self._rows = query.columns(*(sa.column(name) for name in self._names)).subquery("q")
        self._fields = self._mapped()
        connection.rollback()

    def _mapped(self) -> dict[str, str]:
        """Return field -> column.

        :raises SourceError: if a named column is not in the query, or no column is the title.
        """
        said = {"key": self._source.key, "watermark": self._source.watermark, "deleted": self._source.deleted}
        said |= {f"columns.{field}": column for field, column in self._source.columns.items()}
        for name, column in said.items():
            if column is not None and column not in self._names:
                raise SourceError(f"{name}: {column!r}: expected a column of the query: {', '.join(self._names)}")
        found = {name: name for name in self._names if name in FIELDS} | dict(self._source.columns)
        if "title" not in found:
            raise SourceError(f"columns.title: expected one of {', '.join(self._names)}")
        return found

    def run(self) -> Iterator[BadLine]:
        if self._source.watermark is None or not self._memory.complete:
            yield from self._all()
        else:
            yield from self._changed(self._source.watermark)
            if self._source.deleted is None:
                yield from self._compared()

    def _column(self, name: str) -> sa.ColumnElement[Any]:
        return self._rows.c[name]

    def _pages(self, select: Callable[[sa.Row[Any] | None], sa.Select[Any]]) -> Iterator[list[sa.Row[Any]]]:
        """Yield pages of rows; each starts after the last row of the page before."""
        last = None
        while True:
            rows = list(self._connection.execute(select(last).limit(self._source.page)))
            self._connection.rollback()
            if rows:
                yield rows
            if len(rows) < self._source.page:
                return
            last = rows[-1]

    def _all(self) -> Iterator[BadLine]:
        """Read every row in the order of keys. An interrupted run goes on after its last page."""
        state, key = self._memory.state, self._column(self._source.key)

        def select(last: sa.Row[Any] | None) -> sa.Select[Any]:
            after = _stored(state["after"]) if last is None and "after" in state else None
            after = last._mapping[self._source.key] if last is not None else after
            rows = sa.select(self._rows).order_by(key)
            return rows if after is None else rows.where(key > after)

        for number, rows in enumerate(self._pages(select), start=1):
            for row in rows:
                yield from self._take(row._mapping)
            state["after"] = _storable(rows[-1]._mapping[self._source.key])
            self._memory.commit()
            if self._options.most_pages is not None and number >= self._options.most_pages:
                return
        state.pop("after", None)
        if self._source.deleted is None:
            kept = self._memory.drop(self._memory.unmet(), self._options.allow_shrink)
            if kept:
                yield self._bad(kept)

    def _changed(self, watermark: str) -> Iterator[BadLine]:
        """Read the rows changed since the last watermark, oldest first; rows of one watermark in the order of keys."""
        mark, key = self._column(watermark), self._column(self._source.key)
        known = self._memory.state.get("watermark")
        since = _stored(known) if known is not None else None
        since = None if since is not None and self._is_ahead(since) else since
        since = since - _OVERLAP if isinstance(since, datetime) else since

        def select(last: sa.Row[Any] | None) -> sa.Select[Any]:
            rows = sa.select(self._rows).order_by(mark, key)
            if last is None:
                return rows.where(mark.is_not(None)) if since is None else rows.where(mark >= since)
            at, behind = last._mapping[watermark], last._mapping[self._source.key]
            return rows.where(sa.or_(mark > at, sa.and_(mark == at, key > behind)))

        for rows in self._pages(select):
            for row in rows:
                yield from self._take(row._mapping)
            self._memory.commit()

    def _compared(self) -> Iterator[BadLine]:
        """Compare the keys of all rows with those remembered."""
        key = self._column(self._source.key)

        def select(last: sa.Row[Any] | None) -> sa.Select[Any]:
            keys = sa.select(key).order_by(key)
            return keys if last is None else keys.where(key > last[0])

        there: dict[str, Any] = {}
        for rows in self._pages(select):
            there.update((_key(row[0]), row[0]) for row in rows)
        remembered = self._memory.places()
        new = [value for name, value in there.items() if name not in remembered]  # their watermark is missing
        for at in range(0, len(new), self._source.page):
            some = sa.select(self._rows).where(key.in_(new[at : at + self._source.page]))
            for row in self._connection.execute(some):
                yield from self._take(row._mapping)
            self._memory.commit()
        kept = self._memory.drop(sorted(remembered - there.keys()), self._options.allow_shrink)
        if kept:
            yield self._bad(kept)

    def _bad(self, reason: str) -> BadLine:
        return BadLine(1, self._connection.engine.url.render_as_string(), reason)

    def _take(self, row: sa.RowMapping) -> Iterator[BadLine]:
        value = row[self._source.key]
        if value is None:
            yield self._bad(f"{self._source.key}: expected a key in every row, found none")
            return
        mark = row[self._source.watermark] if self._source.watermark is not None else None
        if mark is not None and not self._is_ahead(mark):
            known = self._memory.state.get("watermark")
            if known is None or self._is_ahead(_stored(known)) or _stored(known) < mark:
                self._memory.state["watermark"] = _storable(mark)
        gone = self._source.deleted is not None and _says_yes(row[self._source.deleted])
        if gone:
            self._memory.forget([_key(value)])
            return
        self._memory.put(_key(value), "", self._article(row))

    def _is_ahead(self, mark: object) -> bool:
        """Return whether a watermark is a time too far ahead; rows changed before that time would not be read."""
        try:
            moment = datetime.fromisoformat(mark) if isinstance(mark, str) and "-" in mark else mark
        except ValueError:  # text of another kind
            return False
        if isinstance(moment, date) and not isinstance(moment, datetime):
            moment = datetime.combine(moment, time())
        if not isinstance(moment, datetime):
            return False
        if moment.tzinfo is None:
            moment = datetime.fromisoformat(moment.isoformat() + self._source.timezone)
        return is_ahead(moment, datetime.now(UTC))

    def _article(self, row: sa.RowMapping) -> dict[str, Any]:
        used = {*self._fields.values(), self._source.watermark, self._source.deleted, self._source.key}
        found = {field: _plain(row[name], field, self._source.timezone) for field, name in self._fields.items()}
        others = {name: _plain(row[name], "", self._source.timezone) for name in self._names if name not in used}
        own = found.get("id") or _key(row[self._source.key])
        kept = {name: value for name, value in {**others, **found}.items() if value not in (None, "", [])}
        return {**kept, "id": f"{self._source.id_prefix}{own}"}


def _key(value: object) -> str:
    return str(value)


def _says_yes(value: object) -> bool:
    """Return whether a flag is set. A time counts as set, and so do words other than those for no."""
    if isinstance(value, str):
        return value.strip().casefold() not in {"", "0", "f", "false", "n", "no"}
    return value is not None and value != b"\x00" and bool(value)


def _plain(value: object, field: str, zone: str) -> Any:
    """Return a value in a form that JSON has."""
    if isinstance(value, datetime):
        return value.isoformat() + ("" if value.tzinfo else zone)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, list | tuple):
        return [_plain(item, "", zone) for item in value if item is not None]
    if field in _LISTS and isinstance(value, str):
        return _items(value)
    if field.endswith("_at") and isinstance(value, str):
        return _with_zone(value, zone)
    if isinstance(value, bool | dict) or value is None:
        return value
    if isinstance(value, int | float) and not field:
        return value
    return str(value)


def _with_zone(value: str, zone: str) -> str:
    """Return a time that SQLite keeps as text, with its offset added; return anything else unchanged."""
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return value
    return value if moment.tzinfo or ":" not in value else moment.isoformat() + zone


def _items(value: str) -> list[str]:
    """Return the items of a list in a database's form: a JSON array, or words separated by `;`, `|` or `,`."""
    if value.lstrip().startswith("[") and len(value) <= _DEEPEST_JSON:
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, list):
            return [str(item) for item in found if item is not None]
    return [item.strip() for item in _BETWEEN_ITEMS.split(value) if item.strip()]


def _storable(value: object) -> list[str | int | float]:
    """Return a key or watermark in a form that JSON can store."""
    if isinstance(value, datetime):
        return ["datetime", value.isoformat()]
    if isinstance(value, date):
        return ["date", value.isoformat()]
    if isinstance(value, Decimal):
        return ["decimal", str(value)]
    if isinstance(value, int | float):
        return ["number", value]
    return ["text", str(value)]


def _stored(kept: list[Any]) -> Any:
    kind, value = kept
    if kind == "datetime":
        return datetime.fromisoformat(value)
    if kind == "date":
        return date.fromisoformat(value)
    return Decimal(value) if kind == "decimal" else value
