"""A saved HTML page: from bytes to a tree, within bounds.

Owns encodings and what a page may cost. Knows nothing of articles.
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
"""What a browser takes for a declared encoding: a page that says UTF-16 in bytes that can be read is not."""

_OF_PYTHON_ALONE = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape", "utf-7", "undefined"})
"""Encodings that no browser knows; punycode takes quadratic time."""

_CODE_PAGES = ["cp1258", "cp1252"]
_XML = re.compile(r"\A\s*<\?xml[^>]*>", re.IGNORECASE)


class NotHtml(ValueError):
    """Bytes that are no page; the message says what was expected."""


def decode(data: bytes, encoding: str | None = None) -> str:
    """Return the text of a page in the encoding that its BOM, the operator, its bytes or its <meta> tells.

    Valid UTF-8 with letters beyond ASCII is UTF-8 whatever the page declares: saving converts and leaves the tag.
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
    """Return whether pages and feeds may be written in an encoding: hex is none, nor is what only Python knows."""
    try:
        found = codecs.lookup(name).name
        "".encode(found)
    except (LookupError, UnicodeError, ValueError):
        return False
    return found not in _OF_PYTHON_ALONE


def _guessed(data: bytes) -> str:
    """Return the encoding of bytes that are in none they tell: UTF-8 with a few broken, a Windows page, or another."""
    sample = data[:_SNIFFED]
    broken = sample.decode("utf-8", "replace")
    beyond = sum(character > "\x7f" for character in broken)
    if broken.count("\N{REPLACEMENT CHARACTER}") * 20 <= beyond:
        return "utf-8"
    best = charset_normalizer.from_bytes(sample, cp_isolation=_CODE_PAGES).best()
    best = best or charset_normalizer.from_bytes(sample).best()
    return best.encoding if best else "cp1252"


def parse(content: str) -> lxml_html.HtmlElement:
    """Return the tree of a page, without comments; nothing is fetched, no entity of its own is expanded.

    :raises NotHtml: if there are no tags, or more and deeper ones than any article's page has.
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
    """Return what stands in an element, on one line."""
    return " ".join("".join(element.itertext()).split())
