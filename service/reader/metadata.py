"""An article's metadata for machines: OpenGraph for shared links, JSON-LD for search engines.

Pure; gets only public content. https://ogp.me, https://schema.org/NewsArticle.
"""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup

from indexer.articles.article import Article
from indexer.text.addresses import web_address
from service.reader.article_page import description

_UNSAFE = {ord(one): f"\\u{ord(one):04x}" for one in "<>&\u2028\u2029"}
"""Escapes, in JSON, of characters that could end a script element or a line in it."""


def open_graph(article: Article, address: str | None) -> list[tuple[str, str]]:
    """Return the properties of an article.

    :param address: Its absolute address; None if unknown.
    """
    found = [("og:type", "article"), ("og:title", article.title), ("og:description", description(article))]
    found += [("og:url", address)] if address else []
    found += [("og:locale", "vi_VN")]
    optional = {
        "og:image": web_address(article.image_url),
        "article:published_time": article.published_at and article.published_at.isoformat(),
        "article:modified_time": article.updated_at and article.updated_at.isoformat(),
        "article:section": article.section,
    }
    found += [(name, value) for name, value in optional.items() if value]
    return found + [("article:tag", tag) for tag in article.tags]


def json_ld(article: Article, address: str | None) -> Markup:
    """Return an article as the content of a `script` element of type application/ld+json.

    :param address: Its absolute address; None if unknown.
    """
    picture = web_address(article.image_url)
    values: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": article.title,
        "description": description(article),
        "inLanguage": "vi",
        "mainEntityOfPage": address,
        "url": address,
        "datePublished": article.published_at and article.published_at.isoformat(),
        "dateModified": article.updated_at and article.updated_at.isoformat(),
        "author": article.author and {"@type": "Person", "name": article.author},
        "publisher": article.source and {"@type": "NewsMediaOrganization", "name": article.source},
        "articleSection": article.section,
        "keywords": list(article.tags),
        "image": picture and [picture],
    }
    known = {name: value for name, value in values.items() if value}
    return Markup(json.dumps(known, ensure_ascii=False).translate(_UNSAFE))  # noqa: S704
