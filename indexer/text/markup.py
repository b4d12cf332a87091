"""From HTML to the text that a reader sees. Takes linear time for any markup."""

from __future__ import annotations

import html
import re

from lxml import etree
from lxml import html as lxml_html

from indexer.text.folding import clean

_BLOCKS = frozenset(
    "address article aside blockquote br dd div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6 header hr li main "
    "nav ol p pre section table td th tr ul".split()
)
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*>", re.IGNORECASE)
_ATTRIBUTE = r"(?:[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>\"'][^\s>]*+))?+)"
_START_TAG = re.compile(rf"(<[a-zA-Z][^\s/>]*+{_ATTRIBUTE}{{0,256}}+){_ATTRIBUTE}*+")
"""A start tag up to its 256th attribute, then the others. libxml2 compares each attribute with all before it."""
_UNSEEN = frozenset("head iframe math noscript object script style svg template title".split())


def bound_attributes(markup: str) -> str:
    """Return the markup with only the first 256 attributes of each tag. Call this before any parser."""
    parts: list[str] = []
    at = 0
    for tag in _START_TAG.finditer(markup):
        if tag.end(1) < tag.end():
            parts.append(markup[at : tag.end(1)])
            at = tag.end()
    return "".join(parts) + markup[at:]


_MOST_TAGS = 200_000
"""The most tags for which a tree is made. A tag takes some hundred bytes of memory; the longest articles have 5,000
tags."""

_LEFT_OUT = re.compile(
    rf"<!--.*?(?:-->|\Z)|<[!?][^>]*+(?:>|\Z)|<({'|'.join(sorted(_UNSEEN))})\b[^>]*+(?:>|\Z).*?(?:</\1\b[^>]*+(?:>|\Z)|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_TAG = re.compile(r"</?([a-zA-Z][^\s/>]*+)[^>]*+(?:>|\Z)")


def html_to_text(markup: str) -> str:
    """Return the visible text of an HTML fragment, a line for each block.

    If markup cannot be parsed, nests too deeply, or has too many tags for a tree, its tags are simply removed.
    """
    markup = bound_attributes(_DECLARATION.sub("", clean(markup), count=1))
    if "<" not in markup and "&" not in markup:
        return clean(markup.replace("\n", " "))
    if markup.count("<") > _MOST_TAGS:
        return _without_tags(markup)
    parser = lxml_html.HTMLParser(remove_comments=True, remove_pis=True, no_network=True, huge_tree=True)
    try:
        root = lxml_html.document_fromstring(markup, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return _without_tags(markup)
    if any(found.level == etree.ErrorLevels.FATAL for found in parser.error_log):
        return _without_tags(markup)
    return _seen(root)


def _without_tags(markup: str) -> str:
    """Return the text between the tags, in linear time for any nesting. A block starts and ends a line."""
    kept = _LEFT_OUT.sub("", markup.replace("\n", " "))
    return clean(html.unescape(_TAG.sub(lambda tag: "\n" if tag[1].lower() in _BLOCKS else "", kept)))


def _seen(root: lxml_html.HtmlElement) -> str:
    parts: list[str] = []
    hidden = 0
    for event, node in etree.iterwalk(root, events=("start", "end")):
        if not isinstance(node.tag, str):
            continue
        if event == "start":
            hidden += node.tag in _UNSEEN
            if node.tag in _BLOCKS:
                parts.append("\n")
            if node.text and not hidden:
                parts.append(node.text.replace("\n", " "))
            continue
        hidden -= node.tag in _UNSEEN
        if node.tag in _BLOCKS:
            parts.append("\n")
        if node.tail and not hidden:
            parts.append(node.tail.replace("\n", " "))
    return clean("".join(parts))
