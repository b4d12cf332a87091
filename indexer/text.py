"""What happens to text on its way in: Unicode, folding, HTML, and which part of an article is encoded.

Pure functions; they read and write nothing.
"""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from collections.abc import Sequence
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from lxml import etree
from lxml import html as lxml_html

ENCODED_BODY_CHARS = 1100
"""How much of the body the encoder sees, in characters after title and lead; chosen in benchmarks/README.md."""

ENCODED = f"views-1: title+lead+body[:{ENCODED_BODY_CHARS}], title+lead"
"""Names what `encoded_views` does, for the manifest; another text under this name would mix up vectors."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\u200b]")
_UNSEEN_CHARS = r"\x00-\x20\x7f-\xa0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"
BLANK_CHARS = r" \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""The blanks that are no control characters, as they stand in a class of a regular expression, JSON Schema's too."""
SEEN = f"[^{_UNSEEN_CHARS}]"
"""Matches, anywhere in it, a text of which `clean` leaves something; as a pattern of JSON Schema, too."""
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_BLANKS = re.compile(r"[^\S\n]+")
_BREAKS = re.compile(r" ?\n[ \n]*")


MARKS_IN_A_ROW = 30
"""Combining marks that may follow one character, as Unicode's stream-safe text has it; no language writes more."""
_NO_LATIN = "[^\x00-\u02ff\u1e00-\u1eff]"
_MAY_HOLD_MARKS = re.compile(f"{_NO_LATIN}{_NO_LATIN}{{{MARKS_IN_A_ROW}}}{_NO_LATIN}*+")
"""So many characters in a row that all might be marks; ordinary Vietnamese has none."""


def normalised(form: Literal["NFC", "NFD", "NFKC"], text: str) -> str:
    """Return the text in a form of Unicode, without marks beyond MARKS_IN_A_ROW: to sort them takes quadratic time."""
    return _MAY_HOLD_MARKS.sub(_bound_marks, unicodedata.normalize(form, _MAY_HOLD_MARKS.sub(_bound_marks, text)))


def _bound_marks(found: re.Match[str]) -> str:
    kept: list[str] = []
    in_a_row = 0
    for character in found[0]:
        in_a_row = in_a_row + 1 if unicodedata.combining(character) else 0
        if in_a_row <= MARKS_IN_A_ROW:
            kept.append(character)
    return "".join(kept)


def clean(text: str) -> str:
    r"""Return the text in NFC, without control and zero-width characters, blanks collapsed, lines kept.

    A lone surrogate, which no UTF-8 file can hold, becomes U+FFFD. Idempotent.
    """
    text = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = normalised("NFC", _CONTROL.sub("", text))
    return _BREAKS.sub("\n", _BLANKS.sub(" ", text)).strip()


def fold(text: str) -> str:
    """Return the text in lower case without diacritics, đ as d: what a reader types in a hurry. Idempotent."""
    decomposed = normalised("NFD", text.lower().replace("đ", "d"))
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    return normalised("NFC", bare)


def match_key(value: str) -> str:
    """Return the form in which filter values are compared: NFC, case and blanks ignored, diacritics kept."""
    return " ".join(normalised("NFC", value).casefold().split())


_BLOCKS = frozenset(
    "address article aside blockquote br dd div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6 header hr li main "
    "nav ol p pre section table td th tr ul".split()
)
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*>", re.IGNORECASE)
_ATTRIBUTE = r"(?:[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>\"'][^\s>]*+))?+)"
_START_TAG = re.compile(rf"(<[a-zA-Z][^\s/>]*+{_ATTRIBUTE}{{0,256}}+){_ATTRIBUTE}*+")
"""A start tag up to its 256th attribute, then the others; libxml2 compares each of them with all before it."""
_UNSEEN = frozenset("head iframe math noscript object script style svg template title".split())


def bound_attributes(markup: str) -> str:
    """Return the markup with the first 256 attributes of each tag; to be called before any parser sees it."""
    parts: list[str] = []
    at = 0
    for tag in _START_TAG.finditer(markup):
        if tag.end(1) < tag.end():
            parts.append(markup[at : tag.end(1)])
            at = tag.end()
    return "".join(parts) + markup[at:]


_MOST_TAGS = 200_000
"""Of more tags no tree is made: one of them takes some hundred bytes of memory, and the longest articles have 5,000."""

_LEFT_OUT = re.compile(
    rf"<!--.*?(?:-->|\Z)|<[!?][^>]*+(?:>|\Z)|<({'|'.join(sorted(_UNSEEN))})\b[^>]*+(?:>|\Z).*?(?:</\1\b[^>]*+(?:>|\Z)|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_TAG = re.compile(r"</?([a-zA-Z][^\s/>]*+)[^>]*+(?:>|\Z)")


def html_to_text(markup: str) -> str:
    """Return what a reader sees of an HTML fragment, a line for each block; what cannot be parsed is empty.

    Of markup that nests too deeply for the parser, or has too many tags for a tree, the tags are taken out instead.
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
    """Return the text between the tags, in linear time however they nest; a block starts and ends a line."""
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


def derived_id(kind: str, value: str) -> str:
    """Return an id for an article whose source has none: a hash of its URL, GUID or folded title.

    :param kind: One letter that says what was hashed: `u`, `g` or `t`.
    """
    return f"{kind}-{hashlib.sha256(value.encode()).hexdigest()[:16]}"


_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_VARIANTS = frozenset({"m", "mobile", "amp"})
"""What opens the host of mobile or AMP pages, `m.bao.example`; `m.example` and `m.com.vn` are names of their own."""
_SECOND_LEVEL = frozenset("ac biz co com edu gov info name net org".split())
_EXTENSIONS = (".html", ".htm")
_TRACKING = frozenset(
    "_ga _gl _hsenc _hsmi _openstat __s __hsfp __hssc __hstc __twitter_impression action_object_map "
    "action_ref_map action_type_map cmpid dclid Echobox fb_action_ids fb_action_types fb_ref fb_source fbclid "
    "gbraid gclid gclsrc gs_l hsCtaTracking igsh igshid mkt_tok ml_subscriber ml_subscriber_hash msclkid "
    "oly_anon_id oly_enc_id rb_clickid s_cid spm srsltid tracking_source ttclid twclid utm vero_conv vero_id "
    "wbraid wickedid yclid ysclid amp usqp gidzl google_editors_picks ref zarsrc".split()
)
_TRACKING_STARTS = ("amp_", "ga_", "hmb_", "itm_", "mc_", "mtm_", "oft_", "otm_", "utm_", "vn_", "zalo")
"""Parameters that say how a reader came: ClearURLs' global rules, Firefox's strip list, AMP's, Zalo's, Google's."""


def url_key(url: str) -> str:
    """Return the form in which addresses are compared.

    Scheme, `www.`, port, fragment, trailing slash and tracking parameters do not count, nor do what sets the mobile
    or AMP page of an article apart from its own. Idempotent.
    """
    url = clean(url)
    try:
        parts = urlsplit(url if _SCHEME.match(url) else "//" + url)
        host = _own_host(parts.hostname or "")
    except ValueError:
        return url
    kept = sorted((k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not _tracks(k, v))
    return host + _own_path(parts.path) + ("?" + urlencode(kept) if kept else "")


def host_key(url: str) -> str:
    """Return the form in which the hosts of addresses are compared: as `url_key` has it, with a port of its own.

    Nothing where there is no host.
    """
    url = clean(url)
    try:
        parts = urlsplit(url if _SCHEME.match(url) else "//" + url)
        host, port = _own_host(parts.hostname or ""), parts.port
    except ValueError:
        return ""
    return host if not host or port in {None, 80, 443} else f"{host}:{port}"


def _own_host(host: str) -> str:
    labels = host.split(".")
    at, before = 0, -1
    while at != before:
        before = at
        at += len(labels) - at > 1 and labels[at] == "www"
        at += _opens_variant(labels, at)
    return ".".join(labels[at:])


def _opens_variant(labels: Sequence[str], at: int) -> bool:
    """Return whether the label at this place makes the host that of mobile or AMP pages."""
    left = len(labels) - at
    if labels[at] not in _VARIANTS or left < 3 or not labels[at + 1] or not labels[at + 2]:
        return False
    country = labels[at + 2]
    is_country = left == 3 and len(country) == 2 and country.isascii() and country.islower() and country.isalpha()
    return not (is_country and labels[at + 1] in _SECOND_LEVEL)


def _own_path(path: str) -> str:
    """Return a path without what makes it that of an AMP page. Not `-amp.html`: a title may end so."""
    start, end, before = 0, len(path), (-1, -1)
    extension = ""
    while (start, end) != before:
        before = (start, end)
        if not extension:
            end = start + len(path[start:end].rstrip("/")) if path[end - 1 : end] == "/" else end
            extension = next((e for e in _EXTENSIONS if path.endswith(e, start, end)), "")
            end -= len(extension)
        opened = path.startswith("/amp/", start, end) and path[start + 5 : start + 6] not in {"", "/"}
        closing = (".amp",) if extension else (".amp", "/amp")
        closed = end - 4 > start and path[end - 5] != "/" and path.endswith(closing, start, end)
        start, end = start + 4 * opened, end - 4 * closed
    return path[start:end] + extension


def _tracks(name: str, value: str) -> bool:
    return name in _TRACKING or name.startswith(_TRACKING_STARTS) or (name == "outputType" and value == "amp")


def web_address(url: str | None) -> str | None:
    """Return a URL that may be linked to: a plain http or https address; None for any other."""
    try:
        parts = urlsplit(url or "")
        host = parts.hostname
    except ValueError:
        return None
    odd = url is None or "\\" in url or any(c.isspace() for c in url)
    return url if not odd and host and parts.scheme in {"http", "https"} else None
