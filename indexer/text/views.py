"""The views: which parts of an article are encoded."""

from __future__ import annotations

import hashlib

ENCODED_BODY_CHARS = 1100
"""Characters of the body that are encoded, after title and lead; measured in benchmarks/README.md."""

ENCODED = f"views-1: title+lead+body[:{ENCODED_BODY_CHARS}], title+lead"
"""The name of `encoded_views` in the manifest. A change of the views needs another name, else old and new vectors
mix."""


def encoded_views(title: str, lead: str | None, body: str | None) -> tuple[str, ...]:
    """Return the views of an article, the one or two texts that are encoded.

    The first is title, lead and the start of the body, a line each. The body is cut at the last blank within
    ENCODED_BODY_CHARS; only lexical search covers the rest. The second is title and lead alone, if that is less.
    """
    body = body or ""
    start = body[:ENCODED_BODY_CHARS]
    if len(body) > ENCODED_BODY_CHARS:
        blank = max(start.rfind(" "), start.rfind("\n"))
        start = start[:blank] if blank > ENCODED_BODY_CHARS // 2 else start
    head = "\n".join(part for part in (title, lead) if part)
    return (f"{head}\n{start}", head) if start else (head,)


def text_key(views: tuple[str, ...]) -> bytes:
    """Return a 16-byte key of the encoded text: the start of the SHA-256 of its views."""
    return hashlib.sha256("\x1f".join(views).encode()).digest()[:16]
