"""Which part of an article is encoded."""

from __future__ import annotations

import hashlib

ENCODED_BODY_CHARS = 1100
"""How much of the body the encoder sees, in characters after title and lead; chosen in benchmarks/README.md."""

ENCODED = f"views-1: title+lead+body[:{ENCODED_BODY_CHARS}], title+lead"
"""Names what `encoded_views` does, for the manifest; another text under this name would mix up vectors."""


def encoded_views(title: str, lead: str | None, body: str | None) -> tuple[str, ...]:
    """Return what the encoder is given of an article, one or two texts.

    The first is title, lead and the start of the body, a line each; the body is cut at the last blank within
    ENCODED_BODY_CHARS, its end is left to lexical search. The second is title and lead alone, where that is less.
    """
    body = body or ""
    start = body[:ENCODED_BODY_CHARS]
    if len(body) > ENCODED_BODY_CHARS:
        blank = max(start.rfind(" "), start.rfind("\n"))
        start = start[:blank] if blank > ENCODED_BODY_CHARS // 2 else start
    head = "\n".join(part for part in (title, lead) if part)
    return (f"{head}\n{start}", head) if start else (head,)


def text_key(views: tuple[str, ...]) -> bytes:
    """Return the 16 bytes that stand for what was encoded: the start of the SHA-256 of the views."""
    return hashlib.sha256("\x1f".join(views).encode()).digest()[:16]
