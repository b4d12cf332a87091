"""Requests that nobody should send: none ends in a 5xx, and whatever is refused is refused by name.

A table of them, one case each, over every endpoint; then some that Hypothesis makes up.
"""

import json
from dataclasses import dataclass, field
from html import escape
from urllib.parse import quote, quote_from_bytes, unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LINES = [
    {"id": "a", "title": "lương công nhân", "lead": "Dẫn", "url": "https://baoden.example/a", "section": "Việc làm"},
    {"id": "b", "title": "lương tháng", "body": "một hai ba", "published_at": "2024-01-01", "tags": ["x"]},
    {"id": "ký tự/%?#".replace("/", ""), "title": "cháy kho", "published_at": "0001-01-01", "aliases": ["b c"]},
]


@dataclass(frozen=True)
class Odd:
    """One request.

    :param status: What it is answered with; None where anything but a 5xx will do.
    :param named: The field that is named first; None where any name will do.
    """

    path: str
    status: int | None = None
    named: str | None = None
    method: str = "GET"
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self):
        body = f" {quote_from_bytes(self.body[:60])}" if self.body is not None else ""
        headers = "".join(f" {name}={value[:20]}" for name, value in self.headers.items())
        return ascii(f"{self.method} {self.path[:100]}{body}{headers}")[1:-1]


HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
SEARCH, ONE, RELATED = "/api/v1/search", "/api/v1/articles/a", "/api/v1/articles/a/related"
SUGGEST = "/api/v1/suggest"
BY_URL, PAGE = "/api/v1/related?url=baoden.example/a", "/search?q=a"
SECTION = quote("Việc làm")

# Percent-encoded, so that any byte can stand here.
TEXTS = {
    "emoji": quote("🔥👩‍🏭🇻🇳"),
    "decomposed": quote("lu\N{COMBINING HORN}o\N{COMBINING HORN}ng"),
    "only marks": quote("\N{COMBINING GRAVE ACCENT}" * 50),
    "right to left": quote("عامل \N{RIGHT-TO-LEFT OVERRIDE}abc שלום"),
    "NUL and a letter": "a%00b",
    "not UTF-8": "%ff%fe%80",
    "half a letter": "l%C6",
    "a surrogate in UTF-8": "%ED%A0%80",
    "overlong": "%C0%AFa",
    "non-characters": quote("\uffff\U0010ffff"),
    "markup": quote("<script>alert('x')</script>\"><img src=x onerror=y>"),
    "SQL": quote("'; DROP TABLE articles; --"),
    "template": quote("{{7*7}}${7*7}%(x)s{0}"),
    "a path": quote("../../../../etc/passwd"),
    "a line": "a%0d%0aSet-Cookie:%20x=1",
    "percent": "%25%2541",
    "bad percent": "100%",
    "wide": quote("ｌương １２３ 𝐥𝐮𝐨𝐧𝐠"),
    "words of programs": "null",
    "not a number": "NaN",
    "operators": quote('title:x AND (a OR "b" NOT [1 TO 5]~2^3 *?'),
    "one letter": "%C4%91",
    "512 letters": quote("đ" * 512),
    "512 emoji": quote("🔥" * 512),
    "one long word": "x" * 512,
}
BLANK = {
    **{"nothing": "", "a blank": "%20", "plus": "+", "NUL": "%00", "lines": "%0A%0D%09", "zero width": quote("\u200b")},
    **{"no-break space": quote("\xa0"), "byte order mark": quote("\ufeff"), "ideographic space": quote("\u3000")},
}
TOO_LONG = {"513 letters": "a" * 513, "513 emoji": quote("🔥" * 513), "10 kB": "abcd%20" * 2000, "NULs": "%00" * 3000}
NOT_NUMBERS = [
    *("", "%20", "ten", "1e3", "1E1", "NaN", "nan", "inf", "-inf", "Infinity", "1.5", "0x10", "0b1", "1,000", "1 2"),
    *("--1", "1-", "1;2", "'1'", "[1]", "{}", "true", "True", "null", "None", "1%00", "%00", "%ff", "5%25", "$1"),
    *(quote("١٠"), quote("１０"), quote("²"), quote("Ⅷ"), quote("−1"), quote("五"), quote("1\u200b"), "9" * 5000),
]
OUT_OF_RANGE = ["-1", "-9", "101000", "99999999999999999999", "-99999999999999999999", "9" * 400, "2147483648"]
NOT_DATES = [
    *("2024", "2024-1-1", "2024-13-01", "2024-02-30", "2023-02-29", "0000-01-01", "10000-01-01", "-2024-01-01"),
    *("01/02/2024", "20240101", "2024-W01-1", "2024-001", "tomorrow", "NaN", "1700000000", "1e9", "null", "0", "%00"),
    *("2024-01-01%00", "2024-01-01T25:00", "2024-01-01T00:00:61", "2024-01-01T00:00%2B25:00", "2024-01-01TT"),
    *("2024-01-01T00:00:00Zx", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00%2B14:00", "%ff", "2024-01-01T"),
    *(quote("２０２４-01-01"), quote("٢٠٢٤-٠١-٠١"), quote("2024‐01‐01"), "9" * 5000, "2024-01-01/2024-02-01"),
]
DATES = ["0001-01-01", "9999-12-31", "1969-12-31T23:59:59Z", "2024-02-29T12:00:00.123456%2B07:00", "0001-01-02T00:00Z"]
IDS = {
    **{name: text for name, text in TEXTS.items() if "%2F" not in text.upper() and "/" not in text},
    **{"a blank": "%20", "NUL": "%00", "10 kB": "x" * 10_000, "129": "x" * 129, "minus": "-1", "zero": "0"},
    **{"dot": ".", "dots": "%2E%2E", "backslash": "%5C", "semicolon": "a;b", "quote": "a'b", "upper": "A"},
    **{"lines": "%0A", "question": "%3F", "hash": "%23", "zero width": "a%E2%80%8B", "colon": ":bulk", "comma": "a,b"},
}
SLASHED = ["%2F", "a%2Fb", "..%2F..%2Fetc", "%2Fa", "a%2F", "a%2Frelated", "%2e%2e%2f", "%5C%2F"]
ADDRESSES = [
    *("http://[", "http://[::1", "http://]", "//", "http:", ":", "?", "%23", "%20", "%00", "%ff", "http://a:99999999"),
    *("http://a:b", "javascript:alert(1)", "data:,x", "file:///etc/passwd", quote("http://℀.example"), "x" * 2048),
    *(
        "http://a/%3F" + quote("&a=1") * 200,
        quote("http://báođèn.example/ẩn"),
        "http://%2525",
        quote("http://a/\ud83d", errors="replace"),
    ),
    *("https://baoden.example/a%2F..%2Fb", "baoden.example", "http://user:pass@baoden.example/b"),
]
NAMES = {
    **{
        "none": "=1",
        "NUL": "%00=1",
        "not UTF-8": "%ff=1",
        "emoji": quote("🔥") + "=1",
        "brackets": "x[]=1",
        "blank": "%20=1",
    },
    **{
        "dunder": "__class__=1",
        "upper": "LIMIT=1",
        "10 kB": "n" * 10_000 + "=1",
        "bare": "verbose",
        "markup": "%3Cb%3E=1",
    },
    **{
        "right to left": quote("\u202eabc") + "=1",
        "line": "a%0Ab=1",
        "many": "&".join(f"p{at}=1" for at in range(500)),
    },
}


def odd_texts():
    for text in TEXTS.values():
        yield Odd(f"{SEARCH}?q={text}", 200)
        yield Odd(f"{SUGGEST}?q={text}", 200)
        yield Odd(f"/search?q={text}", 200, headers=HTML)
        yield Odd(f"{SEARCH}?q=a&section={text}&tag={text}", 200 if len(text) < 600 else None)
        yield Odd(f"{RELATED}?author={text}&exclude_ids={text}", 200)
    for text in BLANK.values():
        yield Odd(f"{SEARCH}?q={text}", 400, "q")
        yield Odd(f"{SUGGEST}?q={text}", 400, "q")
        yield Odd(f"/search?q={text}", 303, headers=HTML)
    for text in TOO_LONG.values():
        yield Odd(f"{SEARCH}?q={text}", 400, "q")
        yield Odd(f"{SUGGEST}?q={text}", 400, "q")
        yield Odd(f"{SEARCH}?q=a&section={text}", 400, "section.0")
        yield Odd(f"{BY_URL}&tag={text}", 400, "tag.0")
    yield Odd(f"/search?q={'a' * 10_000}", 400, "q", headers=HTML)


def odd_numbers():
    for text in NOT_NUMBERS:
        yield Odd(f"{SEARCH}?q=a&limit={text}", 400, "limit")
        yield Odd(f"{SEARCH}?q=a&offset={text}", 400, "offset")
        yield Odd(f"{RELATED}?limit={text}", 400, "limit")
    for text in [text for text in NOT_NUMBERS if text not in BLANK.values()]:
        yield Odd(f"{PAGE}&limit={text}", 400, "limit", headers=HTML)
    for text in OUT_OF_RANGE:
        yield Odd(f"{SEARCH}?q=a&offset={text}", 400, "offset")
        yield Odd(f"{BY_URL}&limit={text}", 400, "limit")
        yield Odd(f"{SUGGEST}?q=a&limit={text}", 400, "limit")
        yield Odd(f"{PAGE}&offset={text}", 400, "offset", headers=HTML)


def odd_dates():
    for name in ("published_from", "published_to"):
        for text in NOT_DATES:
            yield Odd(f"{SEARCH}?q=a&{name}={text}", 400, name)
            yield Odd(f"{RELATED}?{name}={text}", 400, name)
        for text in DATES:
            yield Odd(f"{SEARCH}?q=a&{name}={text}", 200)
            yield Odd(f"{BY_URL}&{name}={text}", 200)
            yield Odd(f"{PAGE}&{name}={text}", 200, headers=HTML)
    for text in NOT_DATES[::3]:
        yield Odd(f"{PAGE}&published_to={text}", 400 if text not in BLANK.values() else 200, headers=HTML)


def odd_choices():
    for name in ("sort", "mode", "ranking"):
        for text in ("", "%20", "newest%20", "NEWEST", "relevance%00", "1", "null", "%ff", quote("🔥"), "x" * 5000):
            yield Odd(f"{SEARCH}?q=a&{name}={text}", 400, name)
    for name in ("limit", "offset", "sort", "mode", "ranking", "published_from", "published_to", "q"):
        yield Odd(f"{SEARCH}?q=a&{name}=1&{name}=1", 400, name)
    yield Odd(f"{PAGE}&limit=1&limit=2", 400, "limit", headers=HTML)
    yield Odd(f"{BY_URL}&url=b", 400, "url")
    yield Odd(f"{SEARCH}?q=a{'&section=x' * 1000}", 400, "section")
    yield Odd(f"{RELATED}?{'exclude_ids=x&' * 1001}", 400, "exclude_ids")
    yield Odd(f"{SEARCH}?q=a{'&' * 5000}", 200)


CHOICES = ["", "%20", "null", "standard%00", "STANDARD", "1", "%ff", quote("🔥"), "x" * 5000]
NOT_SHARES = ["", "%20", "x", "nan", "inf", "-inf", "-0.0001", "1.0001", "1e400", "0,5", "5%25", quote("½"), "9" * 5000]


LISTS = (f"{RELATED}?", f"{BY_URL}&")


def odd_options():
    for base in LISTS:
        for text in CHOICES:
            for name in ("preset", "freshness", "reference", "duplicates", "ranking"):
                yield Odd(f"{base}{name}={text}", 400, name)
            for name in ("fallbacks", "include_classes"):
                yield Odd(f"{base}{name}={text}", 400, f"{name}.0")
        for text in ("", "%20", "2", "yess", "null", "%00", quote("🔥")):
            yield Odd(f"{base}explain={text}", 400, "explain")
        for text in TEXTS.values():
            yield Odd(f"{base}explain_id={text}", 400 if len(unquote(text, errors="replace")) > 128 else 200)
        for name, value in SOME.items():
            many = name in {"fallbacks", "include_classes"}
            yield Odd(f"{base}{'&'.join((4 if many else 2) * [f'{name}={value}'])}", 400, name)
        yield Odd(base + "&".join(f"{name}={value}" for name, value in SOME.items()), 200)


def odd_measures():
    for base in LISTS:
        for name in ("diversity", "min_relevance"):
            for text in NOT_SHARES:
                yield Odd(f"{base}{name}={text}", 400, name)
            for text in ("0", "1", "0.5", "1e-300", "-0", "+1", "%200.5"):
                yield Odd(f"{base}{name}={text}", 200)
        for name in ("max_per_section", "max_per_source", "max_per_author", "max_per_event"):
            for text in ("0", "-1", "51", *NOT_NUMBERS[::4]):
                yield Odd(f"{base}{name}={text}", 400, name)
        for text in (*NOT_DATES, "0001-01-01"):  # in Vietnam the calendar's first day begins before it
            yield Odd(f"{base}now={text}", 400, "now")
        for text in DATES[1:]:
            yield Odd(f"{base}now={text}", 200)
            yield Odd(f"{base}now={text}&reference=seed&freshness=breaking&explain=true", 200)


SOME = {
    **{"preset": "headlines", "freshness": "none", "reference": "seed", "now": "2024-01-01", "diversity": "0.5"},
    **{"max_per_section": "1", "max_per_source": "2", "max_per_author": "3", "max_per_event": "4"},
    **{"duplicates": "best", "include_classes": "minor", "min_relevance": "0.5", "fallbacks": "newest"},
    **{"explain": "true", "explain_id": "b"},
}


def odd_names():
    for base in (
        SEARCH + "?q=a",
        SUGGEST + "?q=a",
        ONE,
        RELATED,
        BY_URL,
        "/healthz",
        "/readyz",
        "/api/v1/openapi.json",
    ):
        for text in NAMES.values():
            yield Odd(f"{base}{'&' if '?' in base else '?'}{text}", 400)
    for text in NAMES.values():
        yield Odd(f"{PAGE}&{text}", 200, headers=HTML)
    for text in ("xx", "", "vi&lang=en", "%00", "../en", "x" * 5000):
        yield Odd(f"/?lang={text}", 200, headers=HTML)
        yield Odd(f"/nowhere?lang={text}", 404, "path", headers=HTML)


def odd_paths():
    for text in IDS.values():
        yield Odd(f"/api/v1/articles/{text}", 404, "id")
        yield Odd(f"/api/v1/articles/{text}/related", 404, "id")
        yield Odd(f"/articles/{text}", 404, "id", headers=HTML)
    for text in SLASHED:
        for prefix in ("/api/v1/articles/", "/articles/"):
            yield Odd(f"{prefix}{text}", headers=HTML if prefix == "/articles/" else {})
    for text in ADDRESSES:
        yield Odd(f"/api/v1/related?url={text}", 404, "url")
    for path in (
        *("/api", "/api/", "/api/v1", "/api/v0/search", "/API/v1/search", "/api/v1/search/", "/api/v1/articles"),
        *(
            "/api/v1/articles/a/related/b",
            "/api/%00",
            "/api/%ff",
            "/metrics/",
            "/api/" + "x" * 5000,
            "/api/v1/search;x",
        ),
    ):
        yield Odd(path, 404, "path")
    for path in (
        *(
            "/nowhere",
            "/.env",
            "/.git/config",
            "/wp-login.php",
            "/%00",
            "/%ff",
            "/%F0%9F%94%A5",
            "/search/",
            "/articles",
        ),
        *("/static/", "/static/nowhere", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/%00", "/static/%ff"),
        *(
            "/static/" + "x" * 5000,
            "/static/..%5capp.py",
            "/x" * 2000,
            "/newsroom/nowhere",
            "/articles/a/b",
            "/favicon.ico",
        ),
    ):
        yield Odd(path, 404, "path", headers=HTML)


def odd_topics():
    for kind in ("sections", "tags", "authors", "sources"):
        for text in (*IDS.values(), *SLASHED):
            yield Odd(f"/{kind}/{text}", 404, "path", headers=HTML)
            yield Odd(f"/feeds/{kind}/{text}", 404, "path", headers=HTML)
        yield Odd(f"/{kind}", 404, "path", headers=HTML)
        yield Odd(f"/feeds/{kind}", 404, "path", headers=HTML)
    for page in ("0", "-1", "x", "1e9", "9" * 5000, "%00", ""):
        yield Odd(f"/sections/{SECTION}?page={page}", headers=HTML)
        yield Odd(f"/feeds/sections/{SECTION}?page={page}", headers=HTML)
    for kind in ("section", "feeds", "SECTIONS"):
        yield Odd(f"/{kind}/{SECTION}", 404, "path", headers=HTML)


def odd_methods():
    yield Odd("/robots.txt", 200)
    for path in ("//", "///api//v1//search?q=a", "/./search", "/../search", "/api/v1/articles//related", "/articles//"):
        yield Odd(path)
    for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW", "get"):
        for path in (SEARCH, RELATED, "/healthz", "/readyz", "/api/v1/openapi.json", "/api/docs", "/robots.txt"):
            yield Odd(path, None if method == "get" else 405, method=method)
        written = method in {"PUT", "DELETE"}  # with a key, which nobody has here
        yield Odd(ONE, None if method == "get" else 401 if written else 405, method=method)
        written = method == "POST"
        yield Odd("/api/v1/articles:bulk", None if method == "get" else 401 if written else 405, method=method)
        for path in ("/", "/search", "/articles/a", "/static/0/style.css"):
            yield Odd(path, None if method == "get" else 405, method=method, headers=HTML)
    for method in ("OPTIONS", "HEAD"):
        for path in (SEARCH + "?q=a", ONE, "/api/v1/related", "/", "/nowhere", "/api/v1/search?q="):
            yield Odd(path, method=method)


def related(body, status=400, named=None, **headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Odd("/api/v1/related", status, named, "POST", data, {"Content-Type": "application/json"} | headers)


WRONG = {
    "seed": [None, True, 0, 1.5, "a", [], ["a"], {}, [[]]],
    "seed.ids": [None, True, 0, "a", {}, {"0": "a"}, [0], [None], [True], [["a"]], [{}], ["a"] * 51],
    "seed.urls": [None, False, 1, "a", {}, [0], [None], [[]], ["a" * 2049], ["a"] * 51],
    "seed.article": [True, 0, "a", [], {}, {"id": "a"}, {"title": 1}, {"title": ["a"]}, {"lead": True}, {"body": {}}],
    "exclude_ids": [None, True, 0, "a", {}, [0], [None], [[]], ["a"] * 1001],
    "limit": [True, False, 0, -1, 51, 1.5, 51.0, 1e300, "1", "", "1e1", [], [1], {}, 10**18, 10**19, -(10**400)],
    "filters": [None, True, 0, "a", [], [{}]],
    "filters.section": [None, True, 0, "a", {}, [0], [None], [[]], ["a" * 513], ["a"] * 101],
    "filters.published_from": [True, 0, 1.5, [], {}, "", "x", "2024-02-30", 1_700_000_000],
    "preset": [None, True, 0, "", "best", [], {}, "STANDARD", "standard "],
    "freshness": [True, 0, "", "old", [], {}],
    "reference": [None, True, 0, "", "then", [], {}],
    "now": [True, 0, 1.5, "", "x", [], {}, "2024-02-30", 1_700_000_000, "0001-01-01T00:00:00+14:00"],
    "diversity": [True, "1", "", -0.1, 1.1, 10**400, [], {}, [0.5]],
    "max_per_section": [True, 0, -1, 51, 1.5, "1", [], {}],
    "max_per_source": [True, 0, 51, "1"],
    "max_per_author": [True, 0, 51, "1"],
    "max_per_event": [None, True, 0, -1, 51, 1.5, "1", []],
    "duplicates": [True, 0, "", "first", [], {}],
    "include_classes": [None, True, 0, "minor", {}, [0], [None], ["none"], ["MINOR"], ["minor"] * 4],
    "min_relevance": [True, "", "0.5", -0.1, 1.1, [], {}],
    "fallbacks": [True, 0, "none", {}, [0], [None], ["oldest"], ["newest"] * 3],
    "explain": [None, 0, 1, "true", "", [], {}],
    "explain_id": [True, 0, [], {}, "x" * 129],
    "seed.negative_ids": [None, True, 0, "a", {}, [0], [None], [["a"]], ["a"] * 51],
    "seed.article.section": [True, 0, [], {}, "x" * 513],
    "ranking": [None, True, 0, "", "a", [], {}, "RELEVANCE"],
    "colour": [None, 1, "a", {}],
    "seed.colour": [None, 1],
    "filters.colour": [None, 1],
    "__proto__": [{"a": 1}],
}
BROKEN = [
    *(b"", b" ", b"\x00", b"{", b"}", b"[", b'"', b"nul", b"{]", b'{"seed"', b'{"seed":', b'{"seed":}', b"{'seed':1}"),
    *(b'{"seed": {"ids": ["a"]}}x', b'{"seed": {"ids": ["a"]}}{}', b'{"seed": {"ids": ["a",]}}', b"// x\n{}", b"NaN"),
    *(
        b"\xff\xfe",
        b'{"seed": {"ids": ["\xff"]}}',
        b'{"seed": {"ids": ["\\ud800"]}}',
        b'{"seed": {"ids": ["\\udc00a"]}}',
    ),
    *(
        b'{"seed": {"ids": ["\\u12"]}}',
        b'{"seed": {"ids": ["\\x41"]}}',
        b'{"seed": {"ids": ["\n"]}}',
        b"-",
        b"1e",
        b"01",
    ),
    *(b"seed=a&limit=1", b"<xml/>", b'\xef\xbb\xbf{"seed": {"ids": ["a"]}}', '{"seed": {}}'.encode("utf-16")),
    *(b"[" * 100_000, b"[" * 99_000 + b"]" * 99_000, b'{"seed":' * 20_000, b'{"seed":{"ids":' + b"[" * 100_000),
    *(b'{"seed":{"article":' * 10_000, b'"' + b"a" * 190_000),
]
BODIES = [b"null", b"true", b"0", b'"a"', b"[]", b"[{}]", b"1e5", b"-0", b"1" * 5000]
DRAFTS = [
    *(
        {"title": "a\0b"},
        {"title": "🔥" * 2000},
        {"title": "\u202eabc", "lead": "\ufeff"},
        {"title": "x", "body": "a" * 190_000},
    ),
    *(
        {"title": "\N{COMBINING GRAVE ACCENT}"},
        {"body": "đ" * 30_000},
        {"body": "\n" * 50_000 + "a"},
        {"title": "\uffff"},
    ),
    {"body_html": "a" + "</p>" * 40_000},
    *({"body_html": "<b>" * 60_000 + "a"}, {"body_html": "<div>" * 30_000 + "a"}),  # flattened: its text is kept
    *(
        {"body_html": "a<!--" * 30_000},
        {"body_html": "a&" + "amp;" * 40_000},
        {"body_html": "a<![CDATA[x]]>&#0;&#xd800;"},
    ),
    *({"body_html": '<?xml version="1.0" encoding="utf-16"?>a'}, {"body_html": "<!DOCTYPE a [<!ENTITY b 'c'>]>&b;a"}),
    *({"title": "x", "body_html": "\0"}, {"title": "x", "body_html": "<"}, {"title": "x", "body": None, "lead": None}),
]
EMPTY_DRAFTS = [
    *({"title": ""}, {"title": "\0\u200b"}, {"title": " ", "lead": "\n", "body": "\t"}, {"body_html": "<p></p>"}),
    *({"body_html": "<script>a</script>"}, {"body_html": "<!-- a -->"}, {"lead": None, "body": None}),
]


def with_field(name, value):
    body = {"seed": {"ids": ["a"]}}
    place = body
    for part in name.split(".")[:-1]:
        place = place.setdefault(part, {})
    place[name.split(".")[-1]] = value
    return body


def odd_bodies():
    for name, values in WRONG.items():
        for value in values:
            yield related(with_field(name, value), 400, name)
    for body in BROKEN:
        yield related(body, 400, "body")
    for body in BODIES:
        yield related(body, 400, "body")
    for name in ("", "\0", "🔥", "x" * 10_000, "a.b"):
        yield related({"seed": {"ids": ["a"]}, name: 1}, 400)
    for name in ("limit", "freshness", "now", "diversity", "duplicates", "min_relevance", "fallbacks", "explain_id"):
        yield related(with_field(name, None), 200)
    for value in TEXTS:
        yield related({"seed": {"ids": [value]}}, 404, "seed.ids.0")
        yield related({"seed": {"ids": ["a"], "negative_ids": ["b", value]}}, 404, "seed.negative_ids.1")
        yield related(with_field("explain_id", value), 200)
        yield related({"seed": {"urls": ["https://baoden.example/a", value]}}, 404, "seed.urls.1")


BATCH = "/api/v1/related:batch"
WITH_KEY = {"Authorization": "Bearer KEY"}
"""Of which `send` makes one that counts."""
NOT_LINES = [
    *(b"{", b"null", b"[]", b"1", b'"a"', b"\x00", b"\xff", b'{"id": "\xff"}', b"x", b"{}{}", b"[" * 100_000),
    *(b'{"id":"a"}}', b"-" * 1_000_000),
]
WRONG_LINES = {
    "id": [None, True, 0, "", [], {}, "x" * 129],
    "exclude_ids": [None, True, "a", {}, [0], [None], ["a"] * 1001],
    "limit": [1],
    "seed": [{"ids": ["a"]}],
    "🔥": [1],
}


def odd_drafts():
    for draft in DRAFTS:
        yield related({"seed": {"article": draft}}, 200)
    for draft in EMPTY_DRAFTS:
        yield related({"seed": {"article": draft}}, 400, "seed.article.title")
    yield related({"seed": {"article": {"section": "x"}}}, 400, "seed.article.title")
    for section in ("", "\0", "🔥" * 512, "\u202eabc"):
        yield related({"seed": {"article": {"title": "x", "section": section}}, "fallbacks": ["newest"]}, 200)


def batch(body, status=400, named=None, query="", **headers):
    if 200_000 < len(body) <= 8_000_000:
        headers |= WITH_KEY
    return Odd(f"{BATCH}{query}", status, named, "POST", body, headers)


GOOD_LINE = b'{"id": "a"}'


def odd_batches():
    for line in NOT_LINES:
        yield batch(line, 400, "line 1: body")
        yield batch(GOOD_LINE + b"\n\n" + line, 400, "line 3: body")
    for name, values in WRONG_LINES.items():
        for value in values:
            yield batch(json.dumps({"id": "a", name: value}).encode() + b"\n" + GOOD_LINE, 400, f"line 1: {name}")
    yield batch(b'{"exclude_ids": []}', 400, "line 1: id")
    yield batch(b"x\n" * 10_000, 400, "line 1: body")
    for body in (b"", b"\n", b" \t\r\n" * 1000, b'{"id": "a", "id": "b"}', GOOD_LINE + b"\r\n" + GOOD_LINE):
        yield batch(body, 200)
    for text in TEXTS:
        yield batch(json.dumps({"id": text, "exclude_ids": [text]}).encode(), 200)


def odd_batch_requests():
    for name, value in SOME.items():
        yield batch(GOOD_LINE, 200, query=f"?{name}={value}")
        if name != "explain_id":
            yield batch(GOOD_LINE, 400, name, query=f"?{name}=%00")
    for name in ("sections", "exclude_ids", "url", "offset", "id"):
        yield batch(GOOD_LINE, 400, name, query=f"?{name}=a")
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        yield Odd(BATCH, 405, "method", method=method)
    for headers in ({"Content-Encoding": "identity"}, {"Content-Type": "text/plain"}, {"Accept": "text/html"}):
        yield batch(GOOD_LINE, 200, **headers)
    yield batch(GOOD_LINE, 415, "Content-Encoding", **{"Content-Encoding": "gzip"})
    yield batch(b"x" * 8_000_001, 413, "body")
    for path in (f"{BATCH}/", "/api/v1/related:bulk", "/api/v1/related%3Abatchx"):
        yield Odd(path, 404, "path", method="POST", body=GOOD_LINE)


FORM = HTML | {"Content-Type": "application/x-www-form-urlencoded"}


def odd_forms():
    """Yield forms of the newsroom's draft page; which are refused is its own tests' affair."""
    for text in (*TEXTS.values(), *BLANK.values(), *TOO_LONG.values()):
        yield Odd("/newsroom/draft", None, method="POST", body=f"title={text}&body={text}".encode(), headers=FORM)
    for body in (
        b"",
        b"&&&",
        b"=",
        b"title",
        b"title=a&title=b",
        b"colour=red",
        b"%ff=%ff",
        b"\xff\x00",
        b"a" * 199_000,
    ):
        yield Odd("/newsroom/draft", None, method="POST", body=body, headers=FORM)
    for name in ("preset", "freshness", "format", "section"):
        yield Odd("/newsroom/draft", None, method="POST", body=f"title=a&{name}=%00".encode(), headers=FORM)
    for draft in (*DRAFTS, *EMPTY_DRAFTS):
        marked = quote(draft.get("body_html") or "", errors="replace")
        if marked and len(marked) < 190_000:
            body = f"format=html&body={marked}".encode()
            yield Odd("/newsroom/draft", None, method="POST", body=body, headers=FORM)
    yield Odd("/newsroom/draft", 413, "body", "POST", b"title=" + b"a" * 200_000, FORM)
    yield Odd(
        "/newsroom/draft", None, method="POST", body=b"--x", headers=HTML | {"Content-Type": "multipart/form-data"}
    )
    for text in (*TEXTS.values(), *BLANK.values(), *TOO_LONG.values()):
        body = f"key={text}&csrf={text}&next={text}".encode()
        yield Odd("/newsroom/sign-in", None, method="POST", body=body, headers=FORM)
        yield Odd("/newsroom/sign-out", None, method="POST", body=body, headers=FORM)
        yield Odd("/newsroom/sign-in", None, headers=HTML | {"Cookie": f"lienquan_newsroom={text}"})
        yield Odd(
            "/newsroom/sign-out/elsewhere", None, method="POST", body=f"logout_token={text}".encode(), headers=FORM
        )
        yield Odd(f"/newsroom/sign-in/start?next={text}", None, headers=HTML)
        yield Odd(f"/newsroom/sign-in/callback?code={text}&state={text}", None, headers=HTML)
    for method in ("PUT", "DELETE", "PATCH"):
        yield Odd("/newsroom/draft", 405, "method", method=method, headers=HTML)
    for text in ("?lang=xx", "?title=a", "?%ff", ""):
        yield Odd(f"/newsroom/draft{text}", None, headers=HTML)
    for page in ("", "articles", "articles/a", "judge", "judgements", "judgements/x", "query", "synonyms"):
        yield Odd(f"/newsroom/{page}", None, headers=HTML)


def odd_newsroom():
    for text in (*TEXTS.values(), *BLANK.values(), *TOO_LONG.values()):
        yield Odd(f"/newsroom/articles?q={text}", None, headers=HTML)
        yield Odd(f"/newsroom/articles?q={text}", None)
    for text in IDS.values():
        yield Odd(f"/newsroom/articles/{text}", None, headers=HTML)
    yield Odd("/newsroom", 308, headers=HTML)
    for page in ("index", "index/rollback", "map", "map/points", "map/articles", "map/hubs", "map/hubs.csv"):
        for query in ("", "?x=1", "?id=%ff", "?q=%00&x=nan&y=-1e999&offset=9999999999999999999999"):
            yield Odd(f"/newsroom/{page}{query}", None, headers={} if page == "map/articles" else HTML)


def odd_wrappings():
    yield related(b'{"seed": {"ids": ["khong-co"]}, "seed": {"ids": ["a"]}}', 200)
    yield related(b'{"seed": {"ids": ["a"]}, "limit": 1e400}', 400)
    yield related(b'{"seed": {"ids": ["a"]}, "limit": NaN}', 400)
    for number in (b"1.0", b"1e0", b"50.0", b"0.1e2"):  # JSON has one kind of number
        yield related(b'{"seed": {"ids": ["a"]}, "limit": ' + number + b"}", 200)
    yield related(b'{"seed": {"ids": ["a"]}, "limit": -Infinity}', 400)
    yield related(b'{"seed": {"ids": ["a"]}, "limit": ' + b"9" * 100_000 + b"}", 400)
    yield related(b"x" * 200_001, 413, "body")
    yield related(b"[" * 5_000_000, 413, "body")
    yield related({"seed": {"article": {"title": "x", "body": "a" * 1_000_000}}}, 413, "body")
    good = {"seed": {"ids": ["a"]}}
    for kind in (
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "a/b; charset=utf-99",
        "\xff",
    ):
        yield related(good, None, **{"Content-Type": kind})
    for name, value in (
        *(
            ("Content-Encoding", "gzip"),
            ("Transfer-Encoding", "chunked"),
            ("Expect", "100-continue"),
            ("Range", "bytes=x"),
        ),
        *(("X-Forwarded-For", "\xff"), ("Cookie", "=;=\x01"), ("Authorization", "Bearer \xff"), ("If-None-Match", '"')),
        *(("Accept", "x;q=y,*/*;q=-1"), ("Accept-Language", ";;;"), ("Host", "a b"), ("Host", "[::"), ("Host", "\xff")),
        *(("X-HTTP-Method-Override", "DELETE"), ("Content-Length", "x"), ("Content-Length", "-1"), ("Host", "")),
    ):
        yield related(good, None, **{name: value})
        yield Odd(f"{SEARCH}?q=a", headers={name: value})
        yield Odd("/articles/a", headers={name: value})
    yield Odd(SEARCH + "?q=a", 200, body=b"\x00" * 300_000)


def odd_clicks():
    for body in NOT_LINES:
        yield Odd("/api/v1/clicks", 413 if len(body) > 64_000 else 400, "body", "POST", body)
    for name, values in {
        "list": [None, True, 0, "", [], "x" * 40_001, "bịa", "🔥", "\0", "a.b", "." * 100, ".eJwr.x"],
        "shown": [None, True, 1, "1", [0], [51], [1.5], ["1"], [None], [1] * 51, {}, [2**80]],
        "clicked": [True, 0, 51, -1, 1.5, "1", [], {}, 2**80],
        "reader": ["Lan"],
    }.items():
        for value in values:
            body = {"events": [{"list": "x", "shown": [1], name: value}]}
            yield Odd("/api/v1/clicks", 400, None, "POST", json.dumps(body).encode())
    for events in (None, {}, [], "x", [None], [[]], [{}] * 21):
        yield Odd("/api/v1/clicks", 400, None, "POST", json.dumps({"events": events}).encode())
    yield Odd("/api/v1/clicks?x=1", 400, "x", "POST", b"{}")
    yield Odd("/api/v1/clicks", 403, "Origin", "POST", b"{}", {"Origin": "null"})


TABLE = [
    *odd_texts(),
    *odd_numbers(),
    *odd_dates(),
    *odd_choices(),
    *odd_options(),
    *odd_measures(),
    *odd_names(),
    *odd_paths(),
    *odd_topics(),
    *odd_methods(),
    *odd_bodies(),
    *odd_drafts(),
    *odd_batches(),
    *odd_batch_requests(),
    *odd_forms(),
    *odd_newsroom(),
    *odd_wrappings(),
    *odd_clicks(),
]


@pytest.fixture(scope="module")
def client(client_of):
    made = client_of(LINES, clicks=True)
    made.key = made.application.extensions["lienquan_keys"].create("CMS", ["ingest"])[1]
    return made


def send(client, odd):
    """Return the answer, an error that the application did not catch included."""
    data = {} if odd.body is None else {"data": odd.body}
    headers = dict(odd.headers)
    if headers.get("Authorization") == WITH_KEY["Authorization"]:
        headers["Authorization"] = f"Bearer {client.key}"
    return client.open(odd.path, method=odd.method, headers=list(headers.items()), **data)


def check(response, named=None):
    """Assert that the answer is no 5xx, and that it names what is wrong where something is."""
    assert response.status_code < 500, response.get_data(as_text=True)
    if response.status_code < 400 or response.request.method == "HEAD":
        return
    if response.mimetype == "application/problem+json":
        problem = response.json
        assert problem["status"] == response.status_code
        assert problem["errors"]
        assert all(error["field"] and error["value"] and error["expected"] for error in problem["errors"])
        found = problem["errors"][0]["field"]
        assert named is None or found == named or found.startswith(named + "."), problem["errors"]
    else:
        assert response.mimetype == "text/html"
        text = response.get_data(as_text=True)
        marked = f"<code>{escape(named or '')}</code>" if response.status_code == 400 else f"{named or ''}: "
        assert named is None or marked in text, text


def test_the_table_is_long_and_reaches_every_address(client):
    assert len(TABLE) >= 300
    assert len(set(map(repr, TABLE))) == len(TABLE)
    asked = {(odd.path.split("?")[0], odd.method) for odd in TABLE}
    adapter = client.application.url_map.bind("")
    met = set()
    for path, method in asked:
        try:
            met.add(adapter.match(path.replace("%", "%25"), method, return_rule=True)[0].rule)
        except Exception:
            continue
    rules = client.application.url_map.iter_rules()
    assert met >= {rule.rule for rule in rules if rule.endpoint not in {"static", "api.prometheus"}}


@pytest.mark.parametrize("odd", TABLE, ids=[f"{at} {odd}" for at, odd in enumerate(TABLE)])
def test_odd_request(client, odd):
    with send(client, odd) as response:
        check(response, odd.named)
        assert odd.status in {None, response.status_code}, response.get_data(as_text=True)


NAMES_AND_OTHERS = st.sampled_from(
    [
        *("q", "limit", "offset", "sort", "mode", "ranking", "section", "source", "author", "tag", "url", "lang"),
        *("published_from", "published_to", "exclude_ids", "preset", "freshness", "reference", "now", "diversity"),
        *("max_per_section", "max_per_event", "duplicates", "include_classes", "min_relevance", "fallbacks"),
        *("explain", "explain_id"),
    ]
) | st.text(max_size=5)
VALUES = st.one_of(
    st.binary(max_size=12).map(quote_from_bytes),
    st.text(max_size=12).map(lambda text: quote(text, errors="replace")),
    st.integers().map(str),
    st.floats().map(str),
    st.datetimes().map(lambda moment: quote(moment.isoformat())),
    st.dates().map(str),
    st.sampled_from(["a", "b", "lương", "newest", "relevance", "similarity", "dense", "1"]),
    st.sampled_from([*SOME.values(), "breaking", "inline-teasers", "same-section-newest", "0.01"]),
)
QUERIES = st.lists(st.tuples(NAMES_AND_OTHERS, VALUES), max_size=5).map(
    lambda pairs: "&".join(f"{quote(name, errors='replace')}={value}" for name, value in pairs)
)
BASES = st.sampled_from([SEARCH, ONE, RELATED, "/api/v1/related", "/", "/search", "/articles/a", "/healthz", "/readyz"])
ANYHOW = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@ANYHOW
@given(base=BASES, query=QUERIES, html=st.booleans())
def test_any_query_string(client, base, query, html):
    with client.get(f"{base}?{query}", headers=HTML if html else {}) as response:
        check(response)


@ANYHOW
@given(
    parts=st.lists(
        st.binary(max_size=8).map(quote_from_bytes) | st.sampled_from(["api", "v1", "articles", "related", "a"])
    ),
    prefix=st.sampled_from(["/", "/api/v1/articles/", "/articles/", "/static/", "/api/"]),
    html=st.booleans(),
)
def test_any_path(client, prefix, parts, html):
    with client.get(prefix + "/".join(parts), headers=HTML if html else {}) as response:
        check(response)


KEYS = st.sampled_from(
    [
        *("seed", "ids", "urls", "article", "title", "lead", "body", "body_html", "exclude_ids", "limit", "filters"),
        *("section", "tag", "published_from", "published_to", "ranking", "negative_ids", "now", "fallbacks", "explain"),
    ]
) | st.text(max_size=4)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["a", "2024-01-01"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=15,
)
DRAFT = st.dictionaries(
    st.sampled_from(["title", "lead", "body", "body_html", "section"]), st.text(max_size=30), max_size=4
)
RELATED_BODIES = st.fixed_dictionaries(
    {"seed": JSON | st.fixed_dictionaries({"article": DRAFT}) | st.just({"ids": ["a"]})},
    optional={name: JSON for name in ("limit", "filters", "exclude_ids", "ranking", *SOME)},
)


@ANYHOW
@given(body=RELATED_BODIES | JSON, escaped=st.booleans())
def test_any_json_body(client, body, escaped):
    data = json.dumps(body, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    with client.post("/api/v1/related", data=data) as response:
        check(response)


@ANYHOW
@given(data=st.data())
def test_any_bytes_in_a_body(client, data):
    good = json.dumps(
        {"seed": {"ids": ["a"], "article": {"title": "lương"}}, "limit": 3, "filters": {"tag": ["x"]}}
    ).encode()
    start, end = sorted(data.draw(st.tuples(st.integers(0, len(good)), st.integers(0, len(good)))))
    with client.post("/api/v1/related", data=good[:start] + data.draw(st.binary(max_size=6)) + good[end:]) as response:
        check(response)


@ANYHOW
@given(data=st.data(), query=QUERIES)
def test_any_bytes_in_a_batch(client, data, query):
    good = b'{"id": "a", "exclude_ids": ["b"]}\n{"id": "khong-co"}\n\n{"id": "b"}\n'
    start, end = sorted(data.draw(st.tuples(st.integers(0, len(good)), st.integers(0, len(good)))))
    body = good[:start] + data.draw(st.binary(max_size=6)) + good[end:]
    with client.post(data.draw(st.sampled_from([BATCH, f"{BATCH}?{query}"])), data=body) as response:
        check(response)
        if response.status_code == 200:
            assert all(json.loads(line).keys() & {"hits", "error"} for line in response.text.splitlines())
