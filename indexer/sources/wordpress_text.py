"""Turns the content of a WordPress post, stored or rendered, into plain HTML.

Pure functions. Comments that mark blocks are HTML comments and are removed with all others.
"""

from __future__ import annotations

import re

_EMPTY = frozenset("audio embed gallery googlemaps more playlist video contact-form-7".split())
"""Shortcodes without text, whatever is in them."""

_KNOWN = frozenset("caption wp_caption".split()) | _EMPTY
_NAME = r"[a-zA-Z][a-zA-Z0-9_-]*+"
_TAG = re.compile(
    rf"\[(?P<escaped>\[?)(?P<close>/?)(?P<name>{_NAME})(?P<attributes>(?:\s[^\[\]]*+)?+)(?P<own>/?)\](?P<end>\]?)"
)
_ATTRIBUTE = re.compile(r"(?<![\w-])[\w-]++\s*+=\s*+(?:&(?:#8220|#8221|quot);|[\"'”“″\w])")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_BETWEEN_PARAGRAPHS = re.compile(r"(?:\r?\n[ \t]*+){2,}+")
_CAPTION = re.compile(
    r"\[(?P<name>(?:wp_)?caption)\b(?P<attributes>[^\[\]]*+)\](?P<inner>(?:(?!\[(?:wp_)?caption\b).)*?)\[/(?P=name)\]",
    re.DOTALL | re.IGNORECASE,
)
_IMAGE = re.compile(r"(?:<a\b[^<>]*+>\s*+)?<img\b[^<>]*+>(?:\s*+</a>)?", re.IGNORECASE)
_STATED = re.compile(r"\bcaption\s*+=\s*+[\"']([^\"']*)", re.IGNORECASE)


def to_html(content: str) -> str:
    """Return the content as HTML, without shortcodes and comments of blocks. Text within a shortcode stays.

    `[gallery]` and similar ones give no text; `[caption]` gives its caption. Other brackets, such as `[1]` or `[ảnh]`,
    stay. A bracket is a shortcode if WordPress has it, if it has attributes, or if it is closed.
    """
    content = _CAPTION.sub(_captioned, _COMMENT.sub("", content))
    content = _without_shortcodes(content)
    return _BETWEEN_PARAGRAPHS.sub("\n<p>\n", content)


def _captioned(found: re.Match[str]) -> str:
    image = _IMAGE.search(found["inner"])
    line = _IMAGE.sub("", found["inner"]).strip()
    stated = _STATED.search(found["attributes"])
    line = line or (stated[1] if stated else "")
    return f"<figure>{image[0] if image else ''}<figcaption>{line}</figcaption></figure>"


def _without_shortcodes(content: str) -> str:
    tags = list(_TAG.finditer(content))
    closed = {tag["name"].lower() for tag in tags if tag["close"]}
    pairs = _closed_next(tags)
    parts: list[str] = []
    at, skipped = 0, ""
    for tag, is_closed in zip(tags, pairs, strict=True):
        name = tag["name"].lower()
        if not skipped:
            parts.append(content[at : tag.start()])
        at = tag.end()
        if skipped:
            skipped = "" if tag["close"] and name == skipped else skipped
        elif tag["escaped"] and tag["end"]:
            parts.append(tag[0][1:-1])
        elif not _is_shortcode(tag, name, closed):
            parts.append(tag[0])
        elif name in _EMPTY and not tag["close"] and not tag["own"] and is_closed:
            skipped = name
        else:
            parts.append(tag["escaped"] + tag["end"])
    parts.append("" if skipped else content[at:])
    return "".join(parts)


def _closed_next(tags: list[re.Match[str]]) -> list[bool]:
    """Return for each shortcode whether the next one of its name closes it."""
    after: dict[str, bool] = {}
    found = []
    for tag in reversed(tags):
        name = tag["name"].lower()
        found.append(after.get(name, False))
        after[name] = bool(tag["close"])
    return found[::-1]


def _is_shortcode(tag: re.Match[str], name: str, closed: set[str]) -> bool:
    return name in _KNOWN or name in closed or bool(tag["own"]) or _ATTRIBUTE.search(tag["attributes"]) is not None
