"""Web addresses and ids: the form in which addresses are compared, and ids derived from a source's fields."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit

from indexer.text.folding import clean


def derived_id(kind: str, value: str) -> str:
    """Return an id for an article whose source has none: a hash of its URL, GUID or folded title.

    :param kind: One letter that says what was hashed: `u`, `g` or `t`.
    """
    return f"{kind}-{hashlib.sha256(value.encode()).hexdigest()[:16]}"


_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_VARIANTS = frozenset({"m", "mobile", "amp"})
"""The first labels of hosts of mobile or AMP pages, as in `m.bao.example`. `m.example` and `m.com.vn` are sites."""
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
"""Tracking parameters: ClearURLs' global rules, Firefox's strip list, AMP's, Zalo's, Google's."""


def url_key(url: str) -> str:
    """Return the form in which addresses are compared.

    Scheme, `www.`, port, fragment, trailing slash and tracking parameters are dropped. So is what marks a mobile or AMP
    page of an article. Idempotent.
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
    """Return the form in which hosts are compared: as in `url_key`, with an unusual port.

    An empty string if there is no host.
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
    """Return whether the label at this place marks a host of mobile or AMP pages."""
    left = len(labels) - at
    if labels[at] not in _VARIANTS or left < 3 or not labels[at + 1] or not labels[at + 2]:
        return False
    country = labels[at + 2]
    is_country = left == 3 and len(country) == 2 and country.isascii() and country.islower() and country.isalpha()
    return not (is_country and labels[at + 1] in _SECOND_LEVEL)


def _own_path(path: str) -> str:
    """Return a path without the marks of an AMP page. `-amp.html` stays, since a title may end so."""
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
