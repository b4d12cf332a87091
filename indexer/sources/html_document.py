"""A saved HTML page: from bytes to a tree, within bounds.

Owns encodings and the limits of a page. Knows nothing of articles.
"""

from __future__ import annotations

import codecs
import re

import charset_normalizer
from lxml import etree
from lxml import html as lxml_html

from indexer.text.markup import bound_attributes

MAX_BYTES = 32 * 2**20
MAX_ELEMENTS = 30_000
_SNIFFED = 2**18

_BOMS = [(codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")]
_DECLARED = re.compile(
    rb"<meta[^>]{0,200}?\bcharset\s*+=\s*+[\"']?\s*+([\w.:-]+)|<\?xml[^>]{0,100}\bencoding\s*+=\s*+[\"']([\w.:-]+)",
    re.I,
)
_WEB_NAMES = {"iso8859-1": "cp1252", "ascii": "cp1252", "utf-16": "utf-8", "utf-16-le": "utf-8", "utf-16-be": "utf-8"}
"""The encodings that browsers use instead of declared ones: a page that declares UTF-16 in ASCII is not UTF-16."""

_OF_PYTHON_ALONE = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape", "utf-7", "undefined"})
"""Encodings that no browser supports; punycode takes quadratic time."""

_CODE_PAGES = ["cp1258", "cp1252"]
_XML = re.compile(r"\A\s*<\?xml[^>]*>", re.IGNORECASE)


class NotHtml(ValueError):
    """The bytes are not a page; the message says what was expected."""


def decode(data: bytes, encoding: str | None = None) -> str:
    """Decode a page by its BOM, the operator's encoding, its bytes, or its <meta>, in this order.

    Valid UTF-8 with letters beyond ASCII is UTF-8 whatever the page declares: saving a page converts it but keeps its
    tag.
    """
    for bom, name in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :].decode(name, "replace")
    if encoding:
        return data.decode(encoding, "replace")
    if data[:2] in {b"<\x00", b"\x00<"}:
        return data.decode("utf-16-le" if data[:1] == b"<" else "utf-16-be", "replace")
    for name in filter(None, ("utf-8", _declared(data))):
        try:
            return data.decode(name)
        except UnicodeDecodeError:
            continue
    return data.decode(_guessed(data), "replace")


def _declared(data: bytes) -> str | None:
    found = _DECLARED.search(data[:_SNIFFED])
    if found is None:
        return None
    try:
        name = codecs.lookup((found[1] or found[2]).decode("ascii")).name
    except (LookupError, UnicodeError):
        return None
    if not is_written_encoding(name):
        return None
    return _WEB_NAMES.get(name, name)


def is_written_encoding(name: str) -> bool:
    """Return whether pages and feeds may have an encoding: not hex, and no encoding that only Python knows."""
    try:
        found = codecs.lookup(name).name
        "".encode(found)
    except (LookupError, UnicodeError, ValueError):
        return False
    return found not in _OF_PYTHON_ALONE


def _guessed(data: bytes) -> str:
    """Guess the encoding of bytes that do not fit the declared one: damaged UTF-8, a Windows code page, or another."""
    sample = data[:_SNIFFED]
    broken = sample.decode("utf-8", "replace")
    beyond = sum(character > "\x7f" for character in broken)
    if broken.count("\N{REPLACEMENT CHARACTER}") * 20 <= beyond:
        return "utf-8"
    best = charset_normalizer.from_bytes(sample, cp_isolation=_CODE_PAGES).best()
    best = best or charset_normalizer.from_bytes(sample).best()
    return best.encoding if best else "cp1252"


def parse(content: str) -> lxml_html.HtmlElement:
    """Return the tree of a page, without comments. Nothing is fetched, and no declared entity is expanded.

    :raises NotHtml: if there are no tags, or too many or too deep ones for an article's page.
    """
    content = _XML.sub("", content.replace("\x00", ""), count=1)
    content = bound_attributes(content)
    if not re.search(r"<(?:!doctype|html|head|body|meta|title|div|p|article|table|h1)\b", content, re.IGNORECASE):
        raise NotHtml("expected an HTML page, found no tags of one")
    parser = lxml_html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    try:
        root = lxml_html.document_fromstring(content.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise NotHtml(f"expected an HTML page: {error}") from None
    fatal = next((entry for entry in parser.error_log if entry.level == etree.ErrorLevels.FATAL), None)
    if fatal is not None:
        raise NotHtml(f"expected HTML that can be parsed to its end: {fatal.message.strip()}")
    for count, _ in enumerate(root.iter(), start=1):
        if count > MAX_ELEMENTS:
            raise NotHtml(f"expected at most {MAX_ELEMENTS} elements")
    return root


def inner_text(element: lxml_html.HtmlElement) -> str:
    """Return the text of an element, on one line."""
    return " ".join("".join(element.itertext()).split())
