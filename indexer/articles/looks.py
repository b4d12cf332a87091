"""The checks for odd articles, each with a name for the report.

Owns what counts as odd in one article. Knows nothing of sources or other articles.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from indexer.articles.article import VIETNAM, Article

SHORT_BODY = 200
LONG_BODY = 100_000
OLDEST = datetime(1990, 1, 1, tzinfo=VIETNAM)

_TAG = re.compile(
    r"</?(?:a|article|b|blockquote|br|div|em|figure|font|h[1-6]|hr|i|iframe|img|li|ol|p|script|span|strong|style|table"
    r"|td|tr|u|ul)(?:\s[^<>]*+)?+/?>|&(?:nbsp|amp|quot|lt|gt|[lr][sd]quo|#\d{2,6});",
    re.IGNORECASE,
)
_DIACRITIC = re.compile("[À-ÖØ-öø-ÿĂăĐđĨĩŨũƠơƯưẠ-ỹ]")
_MOJIBAKE = re.compile(
    r"\N{REPLACEMENT CHARACTER}"
    r"|[ÃÂ][¡-¿]|Ä[‘ƒ©¨]|Æ[°¡]|á[º»](?![\s.,;:!?)]|$)|â€"  # UTF-8 read as Latin-1 or windows-1252
    r"|[a-z][©®¸¨«¬][a-z]"  # TCVN3 read as Latin-1
)
_LOST = re.compile(r"[^\W\d_]\?[^\W\d_]")
_MANY_LOST = 3
_MIN_LETTERS = 40


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """Something that looks wrong or is worth knowing.

    :param kind: A name that a program can rely on.
    :param count: The number of articles or lines concerned; for boilerplate, of paragraphs.
    :param text: A description in words.
    :param examples: A few places to look at.
    """

    severity: Severity
    kind: str
    count: int
    text: str
    examples: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Look:
    """A check of one article; its result is a flag of the row."""

    severity: Severity
    kind: str
    text: str


LOOKS = (
    Look(Severity.WARNING, "empty_body", "articles have no body"),
    Look(Severity.NOTE, "short_body", f"articles have a body of less than {SHORT_BODY} characters"),
    Look(Severity.WARNING, "long_body", f"articles have a body of more than {LONG_BODY} characters"),
    Look(Severity.NOTE, "future_date", "articles lie ahead: they stay hidden until published_at"),
    Look(Severity.WARNING, "old_date", f"articles have a published_at before {OLDEST.year}"),
    Look(Severity.WARNING, "encoding", "articles look as if read in a wrong encoding"),
    Look(Severity.WARNING, "html_in_text", "articles have HTML in plain text; HTML belongs in body_html"),
    Look(Severity.WARNING, "no_diacritics", "articles have no Vietnamese letter"),
)
FLAGS = {look.kind: 1 << at for at, look in enumerate(LOOKS)}


def looks(article: Article, body: str | None, now: datetime) -> int:
    """Return the flags of an article, a sum of FLAGS.

    :param body: Its body as text.
    :param now: Dates after this are in the future.
    """
    text = "\n".join(part for part in (article.title, article.lead, body) if part)
    plain = "\n".join(part for part in (article.title, article.lead, article.body) if part)
    date = article.published_at
    true = {
        "empty_body": not body,
        "short_body": 0 < len(body or "") < SHORT_BODY,
        "long_body": len(body or "") > LONG_BODY,
        "future_date": date is not None and date > now,
        "old_date": date is not None and date < OLDEST,
        "encoding": bool(_MOJIBAKE.search(text)) or len(_LOST.findall(text)) >= _MANY_LOST,
        "html_in_text": bool(_TAG.search(plain)),
        "no_diacritics": not _DIACRITIC.search(text) and sum(map(str.isalpha, text)) >= _MIN_LETTERS,
    }
    return sum(FLAGS[kind] for kind, holds in true.items() if holds)
