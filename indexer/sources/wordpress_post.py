"""Maps a WordPress post to the fields of an article.

Owns ids, and which posts are articles. Knows nothing of exports or the REST API.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from indexer.sources import wordpress_text
from indexer.text import folding
from indexer.text.markup import html_to_text

PUBLISHED = "publish"
_UNCATEGORISED = {"uncategorized", "chua-phan-loai", "khong-phan-loai", "khac"}
_NO_TIME = "0000-00-00"
_CUTS = ("[…]", "[...]", "…", "...")


@dataclass(frozen=True)
class Post:
    """A post, from an export or the REST API.

    :param published: In UTC, `2026-11-25 03:00:00` or with a T.
    :param categories: Name and slug of each.
    """

    number: int
    site: str
    title: str
    content: str
    excerpt: str = ""
    link: str = ""
    published: str = ""
    modified: str = ""
    author: str = ""
    categories: Sequence[tuple[str, str]] = ()
    tags: Sequence[str] = ()
    image: str = ""


def article_id(site: str, number: int) -> str:
    """Return the id of a post: `wp-`, its site's host and path, its number. It is the same from an export and the API.

    :param site: The address of the site's front page.
    """
    parts = urlsplit(site if "//" in site else f"//{site}")
    port = f"-{parts.port}" if parts.port else ""
    path = re.sub(r"[^a-zA-Z0-9]+", "-", parts.path).strip("-")
    return "-".join(filter(None, ("wp", f"{(parts.hostname or '').removeprefix('www.')}{port}", path, str(number))))


def _whole(lead: str) -> str:
    """Return a lead without the mark of a cut at its end."""
    mark = next((mark for mark in _CUTS if lead.endswith(mark)), "")
    return lead.removesuffix(mark).rstrip()


def fields(post: Post) -> dict[str, Any]:
    """Return the fields of the archive line."""
    markup = wordpress_text.to_html(post.content)
    lead = html_to_text(wordpress_text.to_html(post.excerpt))
    start = folding.fold(_whole(lead))
    if start and folding.fold(html_to_text(markup)[: 2 * len(lead)]).startswith(start):
        lead = ""  # without an excerpt, WordPress gives the start of the text
    named = [name for name, slug in post.categories if slug not in _UNCATEGORISED]
    found = {
        "id": article_id(post.site, post.number),
        "title": html_to_text(post.title).replace("\n", " "),
        "lead": lead,
        "body_html": markup,
        "url": post.link,
        "aliases": [f"{post.site.rstrip('/')}/?p={post.number}"],
        "section": named[0] if named else "",
        "tags": list(dict.fromkeys([*post.tags, *named[1:]])),
        "author": post.author,
        "published_at": _utc(post.published),
        "updated_at": _utc(post.modified),
        "image_url": post.image,
    }
    return {name: value for name, value in found.items() if value}


def _utc(value: str) -> str:
    value = value.strip()
    return "" if not value or value.startswith(_NO_TIME) else value.replace(" ", "T").removesuffix("Z") + "+00:00"


def is_article(given: Mapping[str, Any], types: Sequence[str]) -> bool:
    """Return whether a post is published, open to everyone, and of one of the types.

    :param given: Its `status`, `type` and `password`.
    """
    return given.get("status") == PUBLISHED and given.get("type") in types and not given.get("password")
