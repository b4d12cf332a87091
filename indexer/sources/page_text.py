"""The text of one article's page, as a crawler saves it, and the articles that the page links to.

Owns the layout that pages of one CMS share. It is recognised by the form of lines, not by their content:

    TITLE
    SECTION - dd/mm/yyyy hh:mm[ AUTHOR]
    paragraphs; among them captions of photos, ending in "|"; after them captions of videos
    inline teasers: TITLE LEAD |
    a label such as "Tin cùng chuyên mục"
    dated teasers: SECTION - dd/mm/yyyy hh:mm, TITLE, LEAD, a line each
    bare headlines: - TITLE

Every part below the second line may be missing. A label among the paragraphs is left out. Ids are hashes of titles, so
that an article has the same id on every page that links to it; the build decides between two readings of one id.
`indexer.sources.teaser` finds the end of a title within an inline teaser.

A first paragraph counts as the lead only if the page links to itself with it as the lead. Otherwise nothing in its form
shows a lead, and both are encoded and searched alike.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from indexer.sources import teaser
from indexer.sources.reading import BadLine, Reading
from indexer.text import addresses, folding

_BOM = b"\xef\xbb\xbf"

_DATELINE = re.compile(
    r"(?P<section>.{1,100}?) [-–—] "
    r"(?P<time>([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}) ([0-9]{1,2}):([0-9]{2}))(?: (?P<author>.+))?"
)
_BULLET = re.compile(r"[-–•] (?P<title>.+)")
_CREDIT = re.compile(
    r"\bẢnh ?:|\(ảnh\b|\b[Nn]guồn ảnh\b|\bPhoto\b"
    r"|(?<=\W)Ảnh (?!hưởng)\S++(?: \S++){0,5}+$"  # without a separator, but at the end; "Ảnh hưởng" is "influence"
)
_VIDEO = re.compile(r"(?:video|clip)\b", re.IGNORECASE)
_LABEL = re.compile(
    r"(?:cac )?(?:tin|bai|bai viet) (?:cung chuyen muc|lien quan|khac|moi|moi nhat|noi bat|doc nhieu)"
    r"|cung chuyen muc|doc nhieu|(?:doc|xem) them|co the ban quan tam"
)
_LABEL_WORDS = 6
_MIN_LEAD_WORDS = 8
_MAX_CAPTION_WORDS = 20


@dataclass(frozen=True)
class _TextLine:
    """A line of text, clean, without the bar that may have ended it."""

    number: int
    text: str
    barred: bool


@dataclass
class _Body:
    paragraphs: list[str] = field(default_factory=list)
    captions: list[str] = field(default_factory=list)
    video_captions: list[str] = field(default_factory=list)
    inline: list[Reading] = field(default_factory=list)


_LinkedReading = tuple[str, Reading]
"""The block of the page where an article is linked, and the link's reading of it."""


def read(path: Path) -> Iterator[Reading | BadLine]:
    """Yield the page's article, then a reading for each article it links to, in the page's order.

    The article's `links` list them all: id, title, and the block of the link.
    """
    data = path.read_bytes().removeprefix(_BOM)
    try:
        content = data.decode("utf-8")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raw = data.split(b"\n")[number - 1].decode("utf-8", "replace")
        yield BadLine(number, raw, f"expected UTF-8, found byte {data[error.start]:#04x}")
        return
    yield from _read_page(_lines(content))


def _lines(content: str) -> list[_TextLine]:
    lines = []
    for number, raw in enumerate(content.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        cleaned = folding.clean(raw)
        bare = cleaned.rstrip(" |")
        if bare:
            lines.append(_TextLine(number, bare, barred=cleaned.endswith("|")))
    return lines


def _read_page(lines: Sequence[_TextLine]) -> Iterator[Reading | BadLine]:
    if len(lines) < 2:
        found = lines[0] if lines else _TextLine(1, "", barred=False)
        reason = f"expected a title and a section line, found {'a title only' if lines else 'no text'}"
        yield BadLine(found.number, found.text, reason)
        return
    title, section_line = lines[:2]
    dated = _dateline(section_line.text)
    if dated is None:
        reason = "expected SECTION - dd/mm/yyyy hh:mm[ AUTHOR] on the line after the title"
        yield BadLine(section_line.number, section_line.text, reason)
        return
    end, start = _links_start(lines[2:])
    below = list(_linked(lines[2 + start :]))
    known = {folding.fold(entry[1].fields["title"]) for entry in below if not isinstance(entry, BadLine)}
    body = _body(lines[2 : 2 + end], known | {folding.fold(title.text)})
    links = [("inline", reading) for reading in body.inline]
    links += [entry for entry in below if not isinstance(entry, BadLine)]
    if body.paragraphs or body.captions or body.video_captions or links:
        yield _article(title, dated, body, links)
    else:
        yield BadLine(title.number, title.text, "expected paragraphs after the section line, found no body")
    yield from body.inline
    yield from (entry if isinstance(entry, BadLine) else entry[1] for entry in below)


def _article(title: _TextLine, dated: dict[str, str], body: _Body, links: Sequence[_LinkedReading]) -> Reading:
    paragraphs = body.paragraphs
    own = folding.fold(title.text)
    leads = (reading.fields.get("lead", "") for _, reading in links if folding.fold(reading.fields["title"]) == own)
    lead = folding.fold(next(filter(None, leads), "")).rstrip(" .…")
    has_lead = bool(lead) and len(paragraphs) > 1 and folding.fold(paragraphs[0]).startswith(lead)
    return _reading(
        title.number,
        title.text,
        **dated,
        lead=paragraphs[0] if has_lead else None,
        body="\n".join(paragraphs[has_lead:]),
        captions=body.captions,
        video_captions=body.video_captions,
        links=[{"id": r.fields["id"], "title": r.fields["title"], "block": block} for block, r in links],
    )


def _reading(line: int, title: str, **fields: object) -> Reading:
    """Return the reading of a title; fields without a value are left out."""
    given = {name: value for name, value in fields.items() if value}
    return Reading(line, {"id": addresses.derived_id("t", folding.fold(title)), "title": title, **given}, derived=True)


def _dateline(line: str) -> dict[str, str] | None:
    """Return the fields of a section line, None if it is not one.

    An impossible date stays as it is on the page; validation reports it.
    """
    match = _DATELINE.fullmatch(line)
    if not match:
        return None
    day, month, year, hour, minute = (int(number) for number in match.groups()[2:7])
    try:
        published_at = datetime(year, month, day, hour, minute).isoformat()
    except ValueError:
        published_at = match["time"]
    author = (match["author"] or "").strip(" -–—|")
    return {"section": match["section"], "published_at": published_at} | ({"author": author} if author else {})


def _teaser_dateline(line: _TextLine) -> dict[str, str] | None:
    """Return the fields of a section line below the second line. Prose after the time is not an author."""
    dated = _dateline(line.text)
    prose = dated and any(word[0].islower() for word in dated.get("author", "").split())
    return None if prose else dated


def _links_start(lines: Sequence[_TextLine]) -> tuple[int, int]:
    """Return the line where the body ends, and the line where dated teasers or headlines begin after a label."""
    dated = next((i for i, line in enumerate(lines) if _teaser_dateline(line)), None)
    if dated is not None:
        return (dated - 1 if dated and _is_label(lines[dated - 1], or_looks_like=True) else dated), dated
    start = len(lines)
    while start and _BULLET.fullmatch(lines[start - 1].text):
        start -= 1
    run = lines[start:]
    labelled = start > 0 and _is_label(lines[start - 1])
    # Lists, and answers in interviews, have bullets too, but their items end in punctuation.
    if not all(_is_headline(line) for line in run) or (len(run) == 1 and not labelled):
        return len(lines), len(lines)
    return start - labelled, start


def _is_label(line: _TextLine, *, or_looks_like: bool = False) -> bool:
    """Return whether a line is the label of a block of links.

    :param or_looks_like: Accept any few words that are not a sentence.
    """
    if line.barred or _BULLET.fullmatch(line.text):
        return False
    short = or_looks_like and len(line.text.split(" ")) <= _LABEL_WORDS and line.text[-1].isalnum()
    return short or bool(_LABEL.fullmatch(folding.fold(line.text).rstrip(" :")))


def _is_headline(line: _TextLine) -> bool:
    return line.text.endswith("...") or line.text[-1] not in ".;,:"


def _linked(lines: Sequence[_TextLine]) -> Iterator[_LinkedReading | BadLine]:
    """Yield the dated teasers and the headlines, and a bad line for anything else among them."""
    rest = deque(lines)
    while rest:
        line = rest.popleft()
        dated = _teaser_dateline(line)
        headline = _BULLET.fullmatch(line.text)
        if dated:
            texts = [rest.popleft().text for _ in range(2) if rest and _is_plain(rest[0])]
            if texts:
                yield "same_section", _reading(line.number, texts[0], **dated, lead="".join(texts[1:]))
            else:
                yield BadLine(line.number, line.text, "expected a title on the next line")
        elif headline:
            yield "headlines", _reading(line.number, headline["title"])
        elif not _is_label(line):
            yield BadLine(line.number, line.text, "expected a dated teaser, a headline or a label among the links")


def _is_plain(line: _TextLine) -> bool:
    return not (_teaser_dateline(line) or _BULLET.fullmatch(line.text) or _is_label(line))


def _body(lines: Sequence[_TextLine], titles: Collection[str]) -> _Body:
    """Return the body: the lines between the section line and the links.

    :param titles: Folded titles of the page.
    """
    body = _Body()
    lines = [line for line in lines if not _is_label(line)]
    last = max((i for i, line in enumerate(lines) if not line.barred), default=-1)
    for i, line in enumerate(lines):
        inline = _inline_teaser(line, titles, at_end=i > last) if line.barred else None
        if inline:
            body.inline.append(inline)
        else:
            (body.captions if line.barred else body.paragraphs).append(line.text)
    while body.paragraphs and _VIDEO.match(body.paragraphs[-1]) and teaser.is_one_sentence(body.paragraphs[-1]):
        body.video_captions.append(body.paragraphs.pop())
    body.video_captions.reverse()
    return body


def _inline_teaser(line: _TextLine, titles: Collection[str], *, at_end: bool) -> Reading | None:
    """Return the reading of a line with a bar at its end, None if it is a caption.

    After the last paragraph a line is a teaser, unless it is one short sentence with a full stop, which titles do not
    have. Among paragraphs it is a caption, unless a lead surely follows a title or the CMS has cut it short.

    :param at_end: Whether no paragraph follows.
    """
    if _CREDIT.search(line.text):
        return None
    parts = teaser.split(line.text, titles)
    words = len(line.text.split(" "))
    if at_end:
        stopped = line.text.endswith(".") and not line.text.endswith("..")
        is_teaser = parts.lead is not None or parts.sure or not stopped or words > _MAX_CAPTION_WORDS
    else:
        is_long = len((parts.lead or "").split(" ")) >= _MIN_LEAD_WORDS
        is_teaser = is_long and (parts.sure or line.text.endswith(("...", "…")))
    return _reading(line.number, parts.title, lead=parts.lead) if is_teaser else None
