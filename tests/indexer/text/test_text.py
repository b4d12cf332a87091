"""Unicode, folding, HTML, the views that are encoded, and keys."""

import html
import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.text import addresses, folding
from indexer.text.markup import html_to_text
from indexer.text.views import ENCODED_BODY_CHARS, encoded_views, text_key

ODD = " \t\r\n\x00\x1f\x85\xa0\u200b\u2028\u3000\ufeff\ud83d\ude00\u0300\u0301\u0323aAđĐơƯẬσΣİ<>&;/?#@:"
any_text = st.text(st.one_of(st.sampled_from(ODD), st.characters(exclude_categories=())))
"""Any string that Python can hold, lone surrogates included, with the characters that matter often."""


def nfd(value):
    return unicodedata.normalize("NFD", value)


# clean


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("", ""),
        (" \n\t ", ""),
        ("  Xưởng\t  gốm \r\n \r\n  Lũng Vài\r", "Xưởng gốm\nLũng Vài"),
        ("một\rhai", "một\nhai"),
        ("a\xa0b\u3000c\u2028d", "a b c d"),
        ("a\x00b\u200bc\ufeffd\x7fe\x85f", "abcdef"),
        (nfd("Hoà ở Đắk Lũng"), "Hoà ở Đắk Lũng"),
        ("e\u200b\u0301", "é"),
        ("\ud83d\ude00", "\ufffd\ufffd"),
        ("\U0001f600", "\U0001f600"),
        ("gia đình \U0001f468\u200d\U0001f469", "gia đình \U0001f468\u200d\U0001f469"),
    ],
)
def test_clean(raw, cleaned):
    assert folding.clean(raw) == cleaned


@given(any_text)
def test_clean_text_is_tidy_and_stays_as_it_is(raw):
    cleaned = folding.clean(raw)
    assert folding.clean(cleaned) == cleaned
    assert cleaned == unicodedata.normalize("NFC", cleaned) == cleaned.strip()
    assert cleaned.encode().decode() == cleaned
    assert not re.search(r"[^\S \n]|  | \n|\n |\n\n|[\x00-\x09\x0b-\x1f\x7f-\x9f]", cleaned)


# fold and match_key


@pytest.mark.parametrize(
    ("raw", "folded"),
    [
        ("ĐƯỜNG Đổi Mới", "duong doi moi"),
        ("hoà hòa HOÀ", "hoa hoa hoa"),
        ("ơ ớ ợ ư ừ ữ ă ẵ â ậ ê ệ ô ộ", "o o o u u u a a a a e e o o"),
        ("Giá: 30.000 đ!", "gia: 30.000 d!"),
        (nfd("Đặng Thuỷ"), "dang thuy"),
    ],
)
def test_fold(raw, folded):
    assert folding.fold(raw) == folded


@given(any_text)
def test_folded_text_has_no_marks_and_stays_as_it_is(raw):
    folded = folding.fold(raw)
    assert folding.fold(folded) == folded
    assert not any(unicodedata.combining(c) for c in unicodedata.normalize("NFD", folded))
    assert "đ" not in folded


@given(st.text(st.characters(max_codepoint=0x1EFF, exclude_categories=("Cs", "Cc"))))
def test_fold_does_not_see_how_marks_are_stored(raw):
    assert folding.fold(nfd(raw)) == folding.fold(unicodedata.normalize("NFC", raw))


def test_match_key_ignores_case_and_blanks_but_not_diacritics():
    assert folding.match_key(nfd("  Đời \n SỐNG ")) == "đời sống"
    assert folding.match_key("Doi song") != folding.match_key("Đời sống")


# html_to_text


@pytest.mark.parametrize(
    ("markup", "seen"),
    [
        ("", ""),
        ("  ", ""),
        ("không có thẻ\nnào", "không có thẻ nào"),
        ("<p>Một <b>hai</b>&nbsp;ba</p><p>bốn</p>", "Một hai ba\nbốn"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<ul><li>a<li>b</ul>c", "a\nb\nc"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "a\nb\nc"),
        ("<h2>Đầu đề</h2>thân<div>bài</div>", "Đầu đề\nthân\nbài"),
        ("<p>dòng\nvẫn là\nmột</p>", "dòng vẫn là một"),
        ("a<!-- b -->c", "ac"),
        ("<p>a<script>if (x < 1) alert('b')</script>c</p>", "ac"),
        ("<style>p{}</style><p>a<noscript>b</noscript><template>c</template><svg><text>d</text></svg>e", "ae"),
        ("<head><title>a</title></head><body>b</body>", "b"),
        ("<iframe>a</iframe>b<object>c</object>d", "bd"),
        ("<script>a<b>c</b></script>d", "d"),
        ("&lt;b&gt; &amp;amp; &#272;&#432;&#7901;ng", "<b> &amp; Đường"),
        ("&#0;a&#8203;b&#7;c", "\ufffdabc"),
        ("H&ograve;a e&#769;", "Hòa é"),
        (nfd("<p>Hoà</p>"), "Hoà"),
        ("<p>a\x00b\ud800c</p>", "ab\ufffdc"),
        # broken
        ("<p>a<b>b<i>c</p>d", "abc\nd"),
        ("</p>a</div>b", "ab"),
        ("a < b", "a < b"),
        ("<p", ""),
        ("<", "<"),
        ("<a href='x>y", ""),
        ("<?xml version='1.0' encoding='utf-8'?>\n<p>chào</p>", "chào"),
        ("<meta charset='latin1'><p>chào</p>", "chào"),
        ("<!DOCTYPE html><html><body>chào", "chào"),
    ],
)
def test_html_to_text(markup, seen):
    assert html_to_text(markup) == seen


def test_hidden_inside_hidden_stays_hidden():
    assert html_to_text("a<svg>b<style>c</style>d</svg>e") == "ae"


@pytest.mark.parametrize("tag", ["div", "b", "font", "blockquote"])
def test_deep_html_loses_no_text(tag):
    assert html_to_text(f"<{tag}>" * 500 + "sâu" + f"</{tag}>" * 500 + "nông").split() in (
        ["sâu", "nông"],
        ["sâunông"],
    )


def test_unclosed_tags_of_an_old_editor_lose_no_text():
    assert html_to_text("<p><font size=2>chữ " * 300).split() == ["chữ"] * 300


def test_absurdly_deep_html_is_no_error():
    assert html_to_text("<div>" * 100_000 + "sâu") in ("", "sâu")


TAGS = "<p> </p> <div > <b> </b> <script> </script> <!-- --> <![CDATA[ ]]> <td> &# x3c; <?xml ?> </ <svg> <title> =\" '"
pieces = st.sampled_from([*TAGS.split(), "chữ", "\n", "\x00", "\ud800", "<html>"])


@given(st.one_of(any_text, st.lists(pieces, max_size=30).map("".join)))
def test_any_markup_gives_clean_text(markup):
    seen = html_to_text(markup)
    assert folding.clean(seen) == seen


@given(any_text.map(folding.clean))
def test_escaped_text_comes_back(content):
    assert html_to_text(html.escape(content)) == folding.clean(content.replace("\n", " "))


# encoded_views and text_key

CHARS = ENCODED_BODY_CHARS


@pytest.mark.parametrize(
    ("title", "lead", "body", "views"),
    [
        ("T", None, None, ("T",)),
        ("T", "L", None, ("T\nL",)),
        ("T", None, "B", ("T\nB", "T")),
        ("T", "L", "B", ("T\nL\nB", "T\nL")),
        ("T", "", "", ("T",)),
    ],
)
def test_encoded_views(title, lead, body, views):
    assert encoded_views(title, lead, body) == views


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("a" * CHARS, CHARS),
        ("a" * (CHARS + 1), CHARS),
        ("a" * (CHARS - 10) + " " + "b" * 9, CHARS),
        ("a" * (CHARS - 10) + " " + "b" * 10, CHARS - 10),
        ("a" * (CHARS - 10) + "\n" + "b" * 10, CHARS - 10),
        ("a" * 20 + " " + "b" * CHARS, CHARS),  # rather half a word than half the text
    ],
)
def test_body_is_cut_at_a_blank(body, kept):
    assert encoded_views("T", None, body) == ("T\n" + body[:kept], "T")


@given(st.lists(st.text("abđ", min_size=1, max_size=9), min_size=1, max_size=400).map(" ".join))
def test_cut_leaves_whole_words(body):
    full, head = encoded_views("T", "L", body)
    kept = full.removeprefix(head + "\n")
    assert body.startswith(kept)
    assert len(kept) <= CHARS
    assert kept == body if len(body) <= CHARS else len(kept) > CHARS - 12
    assert body[len(kept) :][:1] in ("", " ")


def test_text_key_stands_for_exactly_these_views():
    keys = {text_key(views) for views in [("a",), ("b",), ("a", "b"), ("b", "a"), ("ab",), ("a\nb",)]}
    assert len(keys) == 6
    assert {len(key) for key in keys} == {16}
    assert text_key(("Đ", "L")).hex() == "d2f4c0861a8c6d8f27f7e34f24c50314"


# derived_id and url_key


def test_derived_id_never_changes_between_releases():
    assert addresses.derived_id("u", "https://lungvai.example/gom") == "u-4d64cdd7c86099de"
    assert addresses.derived_id("t", "xuong gom") != addresses.derived_id("g", "xuong gom")


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://lungvai.example/gom-1.html", "lungvai.example/gom-1.html"),
        ("http://www.LungVai.example:8080/gom-1.html/#top", "lungvai.example/gom-1.html"),
        ("lungvai.example/gom-1.html", "lungvai.example/gom-1.html"),
        ("//lungvai.example/Gom", "lungvai.example/Gom"),
        ("https://ban@lungvai.example/", "lungvai.example"),
        ("https://lungvai.example/?b=2&a=1&utm_source=x&fbclid=y&zaloref=z", "lungvai.example?a=1&b=2"),
        ("https://lungvai.example/?a=&amp=1", "lungvai.example?a="),
        ("https://lungvai.example/tìm?q=gốm sứ", "lungvai.example/tìm?q=g%E1%BB%91m+s%E1%BB%A9"),
        ("  https://lungvai.example/a\n", "lungvai.example/a"),
        (nfd("https://lungvai.example/gốm"), "lungvai.example/gốm"),
        ("www.lungvai.example/gom?u=http://x", "lungvai.example/gom?u=http%3A%2F%2Fx"),
        ("https://m.lungvai.example/gom", "lungvai.example/gom"),
        ("https://www.m.lungvai.example/gom", "lungvai.example/gom"),
        ("https://mobile.tin.lungvai.example/", "tin.lungvai.example"),
        ("https://amp.lungvai.com.vn/gom", "lungvai.com.vn/gom"),
        ("https://m.example/gom", "m.example/gom"),
        ("https://m.com.vn/gom", "m.com.vn/gom"),
        ("https://mgom.lungvai.example", "mgom.lungvai.example"),
        ("https://lungvai.example/amp/gom-1.html", "lungvai.example/gom-1.html"),
        ("https://lungvai.example/gom-1.html/amp/", "lungvai.example/gom-1.html"),
        ("https://lungvai.example/gom-1.amp", "lungvai.example/gom-1"),
        ("https://lungvai.example/gom-1.amp.html", "lungvai.example/gom-1.html"),
        ("https://lungvai.example/amp", "lungvai.example/amp"),
        ("https://lungvai.example/ampli/loa-amp.html", "lungvai.example/ampli/loa-amp.html"),
        ("https://lungvai.example/gom?outputType=amp&amp_js_v=0.1", "lungvai.example/gom"),
        ("https://lungvai.example/gom?outputType=json", "lungvai.example/gom?outputType=json"),
        ("https://lungvai.example/?id=7&_ga=1&mc_eid=2&vn_source=3&zarsrc=4", "lungvai.example?id=7"),
        ("https://lungvai.example/?page=2&galley=1&referee=3&m=4", "lungvai.example?galley=1&m=4&page=2&referee=3"),
        ("http://[", "http://["),
        ("https://lungvai.example/\ud800", "lungvai.example/\ufffd"),
        ("", ""),
    ],
)
def test_url_key(url, key):
    assert addresses.url_key(url) == key
    assert addresses.url_key(key) == key


@given(any_text)
def test_any_text_has_a_url_key(url):
    key = addresses.url_key(url)
    assert key.encode().decode() == key


@given(
    scheme=st.sampled_from(["http://", "https://", "//", ""]),
    host=st.sampled_from(["lungvai.example", "www.lungvai.example", "LUNGVAI.example:81"]),
    path=st.text("ab/đ%.-@:+", max_size=12),
    query=st.lists(st.tuples(st.text("abđ &=#", max_size=4), st.text("12/?đ", max_size=4)), max_size=3),
)
def test_url_key_is_stable_and_blind_to_scheme(scheme, host, path, query):
    rest = "/" + path.lstrip("/").replace("//", "/") + "?" + "&".join(f"{k}={v}" for k, v in query)
    key = addresses.url_key(scheme + host + rest)
    assert addresses.url_key(key) == key
    assert key == addresses.url_key("https://lungvai.example" + rest + "#x")


@given(
    host=st.lists(st.sampled_from(["www.", "m.", "amp.", "mobile.", "tin."]), max_size=4).map("".join),
    site=st.sampled_from(["lungvai.example", "bao.com.vn", "m.vn"]),
    path=st.lists(st.sampled_from(["/amp", "/", "/gom", ".amp", ".html", "-amp", "amp"]), max_size=5).map("".join),
    query=st.sampled_from(["", "?amp=1", "?a=1&utm_id=2", "?outputType=amp"]),
)
def test_url_key_of_a_key_is_the_key(host, site, path, query):
    key = addresses.url_key(f"https://{host}{site}{'/' + path if path[:1] != '/' else path}{query}")
    assert addresses.url_key(key) == key


@given(
    host=st.sampled_from(["", "www.", "m.", "amp.", "mobile."]),
    before=st.sampled_from(["", "/amp"]),
    after=st.sampled_from(["", "/", "/amp", "/amp/", "?amp", "?amp=1", "?outputType=amp", "?gclid=1&utm_source=2"]),
)
def test_every_variant_of_a_page_has_its_key(host, before, after):
    assert (
        addresses.url_key(f"https://{host}lungvai.example{before}/tin/gom-1.html{after}")
        == "lungvai.example/tin/gom-1.html"
    )


_VARIANT_HOST = re.compile(
    r"\A(?:m|mobile|amp)\.(?=[^.]+\.[^.])(?!(?:ac|biz|co|com|edu|gov|info|name|net|org)\.[a-z]{2}\Z)"
)
_AMP_PATH = re.compile(r"\A/amp(?=/[^/])|(?<=[^/])/amp\Z|(?<=[^/])\.amp(?=(?:\.html?)?\Z)")
_parts_of = lambda *parts: st.lists(st.sampled_from(parts), max_size=9).map("".join)  # noqa: E731


@given(_parts_of("m", "mobile", "amp", "www", ".", "com", "vn", "x1"))
def test_own_host_is_what_is_left_once_nothing_more_can_be_taken_away(host):
    left, before = host, None
    while left != before:
        left, before = _VARIANT_HOST.sub("", left.removeprefix("www.")), left
    assert addresses._own_host(host) == left


@given(_parts_of("/amp", "/", ".amp", ".html", ".htm", "a", "amp", "/x", "."))
def test_own_path_is_what_is_left_once_nothing_more_can_be_taken_away(path):
    left, before = path, None
    while left != before:
        left, before = _AMP_PATH.sub("", left.rstrip("/")), left
    assert addresses._own_path(path) == left


@pytest.mark.parametrize(
    "url",
    ["https://" + "m." * 200_000 + "bao.vn", "https://a.vn/x" + "/amp" * 200_000, "https://a.vn" + "/amp" * 200_000],
)
def test_url_key_is_linear(url):
    began = time.process_time()
    addresses.url_key(url)
    assert time.process_time() - began < 3
