"""Sources that need more than a name: the settings of each kind, and the file that lists sources.

Owns these settings and the faults of such a file. Reads nothing from a source.
"""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from indexer.articles.article import FIELDS, shown
from indexer.errors import SourceError

_LARGEST_FILE = 2**20
_NEVER_GIVEN = frozenset({"id", "title", "body", "body_html", "url", "aliases", "tags", "extra"})


class SourceDescription(BaseModel):
    """The settings of every kind of source.

    :param defaults: Field of the archive line -> its value for articles that bring none.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    defaults: dict[str, str] = {}

    @field_validator("defaults")
    @classmethod
    def _only_fields(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name not in FIELDS or name in _NEVER_GIVEN:
                allowed = ", ".join(sorted(set(FIELDS) - _NEVER_GIVEN))
                raise ValueError(f"{name!r}: expected one of {allowed}")
        return value


class RememberedSource(SourceDescription, ABC):
    """The settings of every source whose articles are remembered between runs."""

    @property
    @abstractmethod
    def source_key(self) -> str:
        """Return the key of its memory."""


class Remote(RememberedSource):
    """The settings of every source on the web.

    :param delay: Seconds between two requests to one host.
    :param seconds: The most seconds for a complete answer.
    :param hosts: Hosts whose articles it owns, beside the host that it is fetched from.
    """

    url: str = Field(pattern=r"^https?://[^\s/]+")
    delay: Annotated[float, Field(ge=0, le=60, strict=False)] = 1.0
    seconds: Annotated[float, Field(gt=0, le=600, strict=False)] = 60.0
    hosts: list[Annotated[str, Field(pattern=r"^[^\s/?#@]+$")]] = []

    @property
    def source_key(self) -> str:
        """Return the key of its memory."""
        return self.url


class WebSource(Remote):
    """A feed or a sitemap; the answer shows which.

    :param pages: Whether the pages of a feed's entries are read if the feed gives no full text.
    :param include: A regular expression that an address of a sitemap must hold.
    """

    type: Literal["web", "rss", "atom", "jsonfeed", "sitemap"] = "web"
    pages: bool = True
    include: str = ""

    @property
    def source_key(self) -> str:
        """Return the key of its memory. Another `include` or `pages` has another memory."""
        return " ".join(filter(None, (self.url, self.include, "" if self.pages else "(no pages)")))

    @field_validator("include")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"expected a regular expression: {error}") from None
        return value


class WordPressSource(Remote):
    """The REST API of a site with WordPress.

    :param user_env: The environment variable that holds the user's name.
    :param password_env: The environment variable that holds the application password.
    :param types: The REST names of the kinds of posts that are articles.
    """

    type: Literal["wordpress"] = "wordpress"
    user_env: str | None = None
    password_env: str | None = None
    types: list[Annotated[str, Field(pattern=r"^[a-z0-9_-]+$")]] = Field(default=["posts"], min_length=1)

    @model_validator(mode="after")
    def _both_or_neither(self) -> WordPressSource:
        if (self.user_env is None) != (self.password_env is None):
            raise ValueError("expected user_env and password_env, or neither")
        return self

    @property
    def source_key(self) -> str:
        """Return the key of its memory."""
        return f"wordpress {self.url}"

    @property
    def credentials(self) -> tuple[str, str] | None:
        """Return user and application password.

        :raises SourceError: if their environment variables are not set.
        """
        if self.user_env is None or self.password_env is None:
            return None
        return from_environment("user_env", self.user_env), from_environment("password_env", self.password_env)


class SqlSource(RememberedSource):
    """A query of a database.

    :param url: An address of SQLAlchemy, such as `postgresql+psycopg://…`; or
    :param url_env: the environment variable that holds it.
    :param query: One SELECT, without ORDER BY and LIMIT.
    :param key: The column of the query that is unique and can be ordered.
    :param watermark: A column that grows with every change of a row, if there is one.
    :param deleted: A column that marks rows that are no longer articles, if there is one.
    :param columns: Field of the archive line -> column, if the names differ.
    :param timezone: The offset of times without one, `+07:00` by default.
    :param id_prefix: Put before each id.
    :param page: The number of rows read at a time.
    """

    type: Literal["sql"] = "sql"
    url: str | None = None
    url_env: str | None = None
    query: str = Field(min_length=1)
    key: str = "id"
    watermark: str | None = None
    deleted: str | None = None
    columns: dict[str, str] = {}
    timezone: str = Field(default="+07:00", pattern=r"^[+-]\d\d:\d\d$")
    id_prefix: str = ""
    page: int = Field(default=500, ge=1, le=10_000)

    @model_validator(mode="after")
    def _one_address(self) -> SqlSource:
        if (self.url is None) == (self.url_env is None):
            raise ValueError("expected url or url_env, one of the two")
        for name in self.columns:
            if name not in FIELDS:
                raise ValueError(
                    f"columns: {name!r}: expected a field of the archive line: {', '.join(sorted(FIELDS))}"
                )
        return self

    @property
    def address(self) -> str:
        """Return the address of the database.

        :raises SourceError: if its environment variable is not set.
        """
        return self.url if self.url is not None else from_environment("url_env", self.url_env or "")

    @property
    def source_key(self) -> str:
        """Return the key of its memory: another query is another source, and the key holds no password."""
        said = (self.url_env or self.url, self.query, self.key, self.id_prefix, self.timezone, self.columns)
        return f"sql {hashlib.sha256(repr(said).encode()).hexdigest()}"


class FileSource(SourceDescription):
    """A file or folder, as it may be named on the command line; WordPress exports among them."""

    type: Literal["file", "wxr"] = "file"
    path: str = Field(min_length=1)


AnySource = RememberedSource | FileSource


def from_environment(name: str, variable: str) -> str:
    """Return the value of an environment variable that a setting names.

    :raises SourceError: if it is not set.
    """
    value = os.environ.get(variable, "")
    if not value:
        raise SourceError(f"{name}: {variable!r}: expected an environment variable that is set")
    return value


def load(path: Path, kinds: Mapping[str, type[AnySource]]) -> list[tuple[str, AnySource]]:
    """Return the sources of a file, each with the place where it stands.

    :param kinds: Value of `type` -> the settings of that kind (`registry.load` knows them).
    :raises SourceError: if the file is not one; the message names the source, the field, and what was expected.
    """
    if path.stat().st_size > _LARGEST_FILE:
        raise SourceError(f"expected a file of sources, found {path.stat().st_size} bytes")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"expected TOML: {error}") from None
    listed = content.pop("source", None)
    if content or not isinstance(listed, list) or not listed:
        odd = f", found {sorted(content)[0]!r}" if content else ""
        raise SourceError(f"expected tables [[source]] and nothing else{odd}")
    numbered = enumerate(listed, start=1)
    return [(f"[[source]] {number}", _one(number, given, path.parent, kinds)) for number, given in numbered]


def _one(number: int, given: object, folder: Path, kinds: Mapping[str, type[AnySource]]) -> AnySource:
    place = f"[[source]] {number}"
    kind = given.get("type") if isinstance(given, dict) else None
    model = kinds.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise SourceError(f"{place}: type: {kind!r}: expected one of {', '.join(sorted(kinds))}")
    try:
        made = model.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        secret = name in {"url", ""}  # it may hold a password
        value = "" if secret or first["type"] == "missing" else f" {shown(first['input'])}:"
        reason = first["msg"].removeprefix("Value error, ")
        raise SourceError(f"{place}: {name + ':' if name else ''}{value} {reason}") from None
    if isinstance(made, FileSource):
        if made.path.lower().endswith(".toml"):
            raise SourceError(f"{place}: path: {made.path!r}: expected a source, found a list of sources")
        return made.model_copy(update={"path": str(folder / made.path)})
    return made
