"""One saved HTML page of one article.

Owns the place from which each field is taken: JSON-LD and microdata first, then OpenGraph and other <meta> tags, then
the page's visible text. Encodings, metadata, dates and running text have modules of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from htmldate import find_date
from lxml import html as lxml_html

from indexer.limits.time_limit import OutOfTime, processor_seconds
from indexer.sources import page_body, page_dates
from indexer.sources.html_document import MAX_BYTES, NotHtml, decode, inner_text, parse
from indexer.sources.page_metadata import Metadata, read_metadata
from indexer.sources.reading import BadLine, Reading, SourceOptions
from indexer.text import addresses, folding

_NOTHING_SAID = SourceOptions()
_SECONDS = 4.0
"""Seconds of processor time for the first megabyte of a page; ordinary pages are smaller and take half a second."""
_SECONDS_A_MB = 8.0
"""Seconds for each megabyte beyond the first."""
_SHOWN = 200
_ASIDE = ("aside", "nav", "footer", "a", "li", "form")
_MIN_WORDS = 40
_MIN_DECLARED_WORDS = 8

_SAPO = re.compile(
    r"(?:.*[-_])?(?:sapo|lead|chapeau|standfirst|dek)(?:[-_](?:detail|text|news|post))?"
    r"|(?:detail|article|post|news|singular|entry)?[-_]*(?:description|desc|summary|excerpt)",
    re.IGNORECASE,
)
_AUTHOR = re.compile(r"(?:.*[-_])?(?:author|tac-?gia|byline|butdanh|but-danh)(?:[-_](?:name|info))?", re.IGNORECASE)
_DATE = re.compile(
    r"(?:.*[-_])?(?:date|time|datetime|pubdate|publish(?:ed)?|ngay-?dang|thoi-?gian|meta)(?:[-_].*)?", re.IGNORECASE
)
_CRUMBS = re.compile(r"(?:.*[-_])?(?:breadcrumbs?|crumbs?|bread-crumbs?)(?:[-_].*)?", re.IGNORECASE)
_BY = re.compile(
    r"(?<!\s)\s*+(?:(?:tác giả|bài viết|bài và ảnh|bài|thực hiện|người viết|by|bởi)(?:\s*+:\s++|\s++)"
    r"|(?:tác giả|bài)\s*+:\s*+)",
    re.IGNORECASE,
)
_SUFFIX = re.compile(r"(?P<title>.{10,}\S)\s+[-–—|•»]\s+(?P<site>[^|]{2,60})")
_DASHES = frozenset("-–—|•»")
_MOST_SUFFIXES = 8
"""The most names of sites and sections that are removed from the end of one title."""
_MOST_HEADINGS = 50
_SITE_WORD = re.compile(
    r"(?:báo|tạp chí|trang|đài|cổng|truyền hình|thông tấn|tin tức|tuần báo|nhật báo)\b|\S+\.\w{2,3}", re.IGNORECASE
)


def read(path: Path, options: SourceOptions = _NOTHING_SAID) -> Iterator[Reading | BadLine]:
    """Yield the article of a saved page, or a bad line that says why there is none."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    yield read_bytes(data, options)


def read_bytes(data: bytes, options: SourceOptions = _NOTHING_SAID) -> Reading | BadLine:
    """Return the article of a saved page, or a bad line that says why there is none."""
    if not data.strip():
        return BadLine(1, "", "expected an HTML page, found no text")
    if len(data) > MAX_BYTES:
        return BadLine(1, "", f"expected a page of at most {MAX_BYTES // 2**20} MiB")
    seconds = _SECONDS + _SECONDS_A_MB * max(0.0, len(data) / 1e6 - 1)
    try:
        with processor_seconds(seconds):
            return _read_page(data, options)
    except OutOfTime:
        return BadLine(1, "", f"expected a page that is read in {seconds:.0f} s of processor time")


def _read_page(data: bytes, options: SourceOptions) -> Reading | BadLine:
    content = decode(data, options.encoding)
    try:
        root = parse(content)
    except NotHtml as error:
        return BadLine(1, content[:_SHOWN], str(error))
    fields = _ParsedPage(root, content).fields()
    return fields if isinstance(fields, BadLine) else _reading(fields)


def _reading(fields: dict[str, Any]) -> Reading:
    address = fields.get("url")
    made = (
        addresses.derived_id("u", addresses.url_key(address))
        if address
        else addresses.derived_id("t", folding.fold(fields["title"]))
    )
    return Reading(1, {"id": made} | {name: value for name, value in fields.items() if value}, derived=True)


class _ParsedPage:
    """A page's tree and its metadata."""

    def __init__(self, root: lxml_html.HtmlElement, content: str) -> None:
        self._root = root
        self._content = content
        self._said: Metadata = read_metadata(root)

    def fields(self) -> dict[str, Any] | BadLine:
        """Return the fields of the archive line, or why the page is not an article."""
        title = self._title()
        if not title:
            return BadLine(1, self._content[:_SHOWN], "expected an article, found no title")
        sapo = self._sapo(title)
        heads = {folding.fold(part).strip(" .…") for part in (title, *self._headings(), sapo) if part}
        body = page_body.extract_body(self._root, heads)
        for stated in self._said.texts(["articleBody"])[:1]:
            body = "\n".join(_without(page_body.agreed(body, stated).split("\n"), heads))
        reason = self._no_article(body, sapo)
        if reason:
            return BadLine(1, title, reason)
        published, updated = self._times()
        return {
            "title": title,
            "lead": sapo or self._description(title, body),
            "body": body,
            "url": self._url(),
            "section": self._section(title),
            "author": self._author(),
            "tags": self._tags(),
            "published_at": published,
            "updated_at": updated,
            "image_url": self._address(self._said.texts(["image"], ["og:image", "twitter:image"])),
            "captions": page_body.captions(self._root),
        }

    def _no_article(self, body: str, sapo: str) -> str:
        words = len(f"{sapo} {body}".split())
        if words < (_MIN_DECLARED_WORDS if self._said.declared else _MIN_WORDS):
            return f"expected an article, found {words} words of text"
        if self._said.declared:
            return ""
        address = self._url()
        front = (
            bool(address)
            and urlsplit(address).path.strip("/") in {"", "index.html", "index.php"}
            and not urlsplit(address).query
        )
        if front or page_body.index_share(self._root, body.split("\n")) > 0.5:
            return "expected an article, found a list of links to articles"
        return ""

    def _headings(self) -> list[str]:
        return [folding.clean(inner_text(heading)) for heading in islice(self._root.iter("h1"), _MOST_HEADINGS)]

    def _title(self) -> str:
        named = folding.clean(next((inner_text(tag) for tag in self._root.iter("title")), ""))
        headings = [heading for heading in self._headings() if heading]
        stated = self._said.texts(["headline"], ["og:title", "twitter:title"])
        for title in map(self._bare_title, stated):
            whole = [h for h in headings if len(h) > len(title) and h.startswith(title.rstrip(" .…"))]
            return whole[0] if whole and title.endswith(("...", "…")) else title
        # A logo may be an <h1> too. The article's is the longest one within <title> that is not the site's name at its
        # end.
        folded = folding.fold(named)
        held = [h for h in headings if folding.fold(h) in folded and not _is_site_at_end(folding.fold(h), folded)]
        if held or not named:
            return max(held or headings[:1], key=len, default="")
        return self._bare_title(named)

    def _bare_title(self, title: str) -> str:
        """Return a title without the site's names at its end."""
        names = {folding.fold(name) for name in self._said.site}
        headings = {folding.fold(heading) for heading in self._headings()}
        host = (urlsplit(self._url()).hostname or "").removeprefix("www.").split(".")[0]
        for _ in range(_MOST_SUFFIXES):
            found = _SUFFIX.fullmatch(title.replace("\n", " "))
            if found is None or folding.fold(title) in headings:
                break
            site, bare = folding.fold(found["site"]), found["title"]
            is_site = site in names or folding.fold(bare) in headings or re.sub(r"\W", "", site) == host
            if not is_site and not _SITE_WORD.match(found["site"]):
                break
            title = bare
        return title

    def _sapo(self, title: str) -> str:
        for element in self._root.iter("p", "h2", "h3", "div", "strong", "b", "span", "td"):
            if (
                page_body.has_class(element, _SAPO.fullmatch)
                or "description" in (element.get("itemprop") or "").split()
            ):
                sapo = folding.clean(inner_text(element))
                if (
                    5 <= len(sapo.split()) <= 150
                    and folding.fold(sapo) != folding.fold(title)
                    and not self._is_aside(element)
                ):
                    return sapo
        return ""

    @staticmethod
    def _is_aside(element: lxml_html.HtmlElement) -> bool:
        """Return whether an element is outside the article, or mostly a link."""
        if element.tag in _ASIDE or next(element.iterancestors(*_ASIDE), None) is not None:
            return True
        link = element.find(".//a[@href]")
        return link is not None and len(inner_text(link)) * 2 > len(inner_text(element))

    def _description(self, title: str, body: str) -> str:
        start = folding.fold(" ".join(body.split()))
        for given in self._said.texts(["description"], ["og:description", "description", "twitter:description"]):
            folded = folding.fold(" ".join(given.split())).rstrip(" .…")
            if (
                folded
                and folded not in {folding.fold(title), *map(folding.fold, self._said.site)}
                and not start.startswith(folded[:200])
            ):
                return given
        return ""

    def _url(self) -> str:
        links = [
            tag.get("href") for tag in self._root.iter("link") if "canonical" in (tag.get("rel") or "").lower().split()
        ]
        stated = self._said.texts(["url", "mainEntityOfPage"], ["og:url"])
        return self._address([link.strip() for link in links if link] + stated)

    def _address(self, stated: Sequence[str]) -> str:
        """Return the first absolute address, else the first relative one, resolved against the page's address."""
        for base in ("", *self._said.meta.get("og:url", [])[:1]):
            for given in stated:
                try:
                    address = urljoin(base, given)
                    if urlsplit(address).scheme in {"http", "https"} and urlsplit(address).hostname:
                        return address
                except ValueError:
                    continue
        return ""

    def _section(self, title: str) -> str:
        stated = self._said.texts(["articleSection"], ["article:section"]) + self._said.crumbs[-1:]
        if stated and folding.fold(stated[0]) != folding.fold(title):
            return stated[0]
        crumbs = list(self._said.crumbs)
        for element in self._root.iter("ul", "ol", "div", "nav", "p"):
            if page_body.has_class(element, _CRUMBS.fullmatch):
                crumbs += [folding.clean(inner_text(link)) for link in element.iter("a")]
                break
        kept = [c for c in crumbs if c and folding.fold(c) not in {folding.fold(title), "trang chu", "home"}]
        return kept[-1] if kept else ""

    def _author(self) -> str:
        stated = self._said.texts(["author"], ["article:author", "author", "dable:author"])
        known = {folding.fold(name) for name in self._said.site}
        named = [name for name in stated if not re.match(r"https?:|/", name) and folding.fold(name) not in known]
        if named:
            from_node = self._said.texts(["author"])
            return ", ".join(dict.fromkeys(name for name in from_node if name in named)) or named[0]
        for element in self._root.iter():
            is_named = element.get("rel") == "author" or page_body.has_class(element, _AUTHOR.fullmatch)
            if is_named and isinstance(element.tag, str) and not self._is_comment(element):
                name = _BY.sub("", folding.clean(inner_text(element)), count=1).strip(" -–|,.:")
                if 0 < len(name) <= 80 and not re.search(r"\d{4}", name):
                    return name
        return ""

    @staticmethod
    def _is_comment(element: lxml_html.HtmlElement) -> bool:
        return any(
            "comment" in token.lower() for e in (element, *element.iterancestors()) for token in page_body.tokens(e)[:8]
        )

    def _tags(self) -> list[str]:
        found = (
            self._said.meta.get("article:tag", []) or self._said.texts(["keywords"], ["news_keywords", "keywords"])[:1]
        )
        found = self._said.texts(["keywords"]) or found
        parts = [part.strip() for value in found for part in re.split(r"[,;]", value)]
        return list(dict.fromkeys(filter(None, parts)))[:50]

    def _times(self) -> tuple[str | None, str | None]:
        """Return when the article was published and changed, each from the most trusted place."""
        published = self._said.texts(
            ["datePublished", "dateCreated"], ["article:published_time", "pubdate", "og:pubdate", "date"]
        )
        updated = self._said.texts(["dateModified"], ["article:modified_time", "og:updated_time", "lastmod"])
        return _first_time(published) or self._shown_time(), _first_time(updated)

    def _shown_time(self) -> str | None:
        shown = [
            (e.get("datetime") or inner_text(e))
            for e in self._root.iter("time")
            if not self._is_aside(e) and not self._is_comment(e)
        ]
        for element in self._root.iter("span", "p", "div", "li", "td", "em", "i", "small", "font", "h5", "h6", "b"):
            if (
                page_body.has_class(element, _DATE.fullmatch)
                and not self._is_aside(element)
                and not self._is_comment(element)
            ):
                shown.append(inner_text(element)[:120])
        return _first_time(shown) or self._dateline() or self._guessed_time()

    def _dateline(self) -> str | None:
        """Return the time of the first short line that holds a date with a clock time."""
        for element in self._root.iter("p", "td", "div", "span", "font", "em", "i", "small", "li"):
            line = inner_text(element) if len(element) <= 3 else ""
            found = page_dates.to_iso(line) if 8 <= len(line) <= 80 and not self._is_aside(element) else None
            if found and "T" in found:
                return found
        return None

    def _guessed_time(self) -> str | None:
        try:
            found: str | None = find_date(
                self._root, original_date=True, extensive_search=False, outputformat="%Y-%m-%d"
            )
        except (ValueError, TypeError, AttributeError, RecursionError):
            return None
        return found


def _is_site_at_end(heading: str, title: str) -> bool:
    """Return whether a title ends with a heading after a separator; then the heading is the site's name."""
    before = title.removesuffix(heading)
    if before == title or not before[-1:].isspace():
        return False
    before = before.rstrip()
    return before[-1:] in _DASHES and before[-2:-1].isspace()


def _first_time(values: Sequence[str]) -> str | None:
    return next((found for found in map(page_dates.to_iso, values) if found), None)


def _without(lines: Sequence[str], heads: set[str]) -> list[str]:
    return [line for line in lines if folding.fold(line).strip(" .…") not in heads]
