"""The newspaper's pictures that a page may load. They are on other hosts, so a setting must name these.

Pure; knows no requests. The same hosts are in the page's Content-Security-Policy, which browsers enforce.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, StringConstraints

from indexer.text.addresses import web_address

if TYPE_CHECKING:  # settings must not import numpy
    from indexer.articles.article import Article
    from indexer.articles.summaries import Summary

_LABEL = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
Host = Annotated[
    str,
    BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
    StringConstraints(pattern=rf"^(\*\.)?{_LABEL}(\.{_LABEL})*(:[0-9]{{1,5}})?$", max_length=255),
]
"""A host in the form of Content-Security-Policy: `anh.bao.example`, or `*.bao.example` for all below, maybe with a
port."""


@dataclass(frozen=True)
class Pictures:
    """The pictures that pages may load.

    :param hosts: `Host`s from which pictures are loaded by https.
    """

    hosts: tuple[str, ...] = ()

    def sources(self) -> list[str]:
        """Return the hosts as sources of a Content-Security-Policy."""
        return [f"https://{host}" for host in self.hosts]

    def of(self, article: Article | Summary) -> str | None:
        """Return the address of an article's picture, None if it has none or pages may not load it."""
        plain = web_address(article.image_url) if self.hosts else None
        host = None if plain is None else _https_host(plain)
        return plain if host is not None and any(_covers(one, host) for one in self.hosts) else None

    def any(self, articles: Iterable[Article | Summary]) -> bool:
        """Return whether any of these has a picture that a page may load."""
        return bool(self.hosts) and any(self.of(article) for article in articles)


def _https_host(url: str) -> str | None:
    """Return the host of an https address, with its port if that is not the usual one."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:  # not a number, or above 65535
        return None
    usual = port in {None, 443}
    return None if parts.scheme != "https" else f"{parts.hostname}" if usual else f"{parts.hostname}:{port}"


def _covers(named: str, host: str) -> bool:
    named = named.removesuffix(":443")
    return host.endswith(named[1:]) and host != named[1:] if named.startswith("*.") else host == named
