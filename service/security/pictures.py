"""Which pictures of the newspaper a page may load. They lie on other hosts, so none does unless a setting names those.

Pure; knows no requests. The same hosts stand in the page's Content-Security-Policy, which a browser holds it to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, StringConstraints

from indexer.text.addresses import web_address

if TYPE_CHECKING:  # settings are read where numpy is not wanted
    from indexer.articles.article import Article
    from indexer.articles.summaries import Summary

_LABEL = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
Host = Annotated[
    str,
    BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
    StringConstraints(pattern=rf"^(\*\.)?{_LABEL}(\.{_LABEL})*(:[0-9]{{1,5}})?$", max_length=255),
]
"""A host as Content-Security-Policy names it: `anh.bao.example`, all below one by `*.bao.example`, perhaps a port."""


@dataclass(frozen=True)
class Pictures:
    """The pictures that pages may load.

    :param hosts: `Host`s, from which pictures are taken by https.
    """

    hosts: tuple[str, ...] = ()

    def sources(self) -> list[str]:
        """Return the hosts as sources of a Content-Security-Policy."""
        return [f"https://{host}" for host in self.hosts]

    def of(self, article: Article | Summary) -> str | None:
        """Return the address of an article's picture, None where it has none or a page may not load it."""
        plain = web_address(article.image_url) if self.hosts else None
        host = None if plain is None else _https_host(plain)
        return plain if host is not None and any(_covers(one, host) for one in self.hosts) else None

    def any(self, articles: Iterable[Article | Summary]) -> bool:
        """Return whether any of these has a picture that a page may load."""
        return bool(self.hosts) and any(self.of(article) for article in articles)


def _https_host(url: str) -> str | None:
    """Return the host that an address is fetched from by https, with its port where that is not the usual one."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:  # no number, or beyond 65535
        return None
    usual = port in {None, 443}
    return None if parts.scheme != "https" else f"{parts.hostname}" if usual else f"{parts.hostname}:{port}"


def _covers(named: str, host: str) -> bool:
    named = named.removesuffix(":443")
    return host.endswith(named[1:]) and host != named[1:] if named.startswith("*.") else host == named
