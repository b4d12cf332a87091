"""Feeds of articles as RSS 2.0 (https://www.rssboard.org/rss-specification). Knows nothing of Flask."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.utils import format_datetime

from lxml import etree

from indexer.articles.article import Article
from service.reader.article_page import description

MIMETYPE = "application/rss+xml"

_ATOM = "http://www.w3.org/2005/Atom"
_DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"
_NOT_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML forbids."""


@dataclass(frozen=True)
class Channel:
    """The description of a feed.

    :param page: The address of the page that shows the same articles.
    :param own: The address of the feed.
    """

    title: str
    description: str
    language: str
    page: str
    own: str


def rss(channel: Channel, articles: Iterable[Article], address: Callable[[Article], str]) -> bytes:
    """Return a feed.

    :param address: Returns an article's address.
    """
    root = etree.Element("rss", {"version": "2.0"}, nsmap={"atom": _ATOM, "dc": _DUBLIN_CORE})
    body = etree.SubElement(root, "channel")
    _add(body, "title", channel.title)
    _add(body, "link", channel.page)
    _add(body, "description", channel.description)
    _add(body, "language", channel.language)
    etree.SubElement(body, f"{{{_ATOM}}}link", {"rel": "self", "type": MIMETYPE, "href": channel.own})
    for article in articles:
        _add_item(body, article, address(article))
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="utf-8")
    return written


def _add_item(channel: etree._Element, article: Article, address: str) -> None:
    item = etree.SubElement(channel, "item")
    _add(item, "title", article.title)
    _add(item, "link", address)
    _add(item, "guid", article.id).set("isPermaLink", "false")
    _add(item, "description", description(article))
    if article.published_at:
        _add(item, "pubDate", format_datetime(article.published_at))
    if article.author:
        _add(item, f"{{{_DUBLIN_CORE}}}creator", article.author)
    for category in filter(None, (article.section, *article.tags)):
        _add(item, "category", category)


def _add(parent: etree._Element, name: str, text: str) -> etree._Element:
    child = etree.SubElement(parent, name)
    child.text = _NOT_XML.sub("\ufffd", text)
    return child
