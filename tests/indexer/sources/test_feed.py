"""What stands where in RSS, Atom and JSON Feed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.articles.article import Article, validate
from indexer.sources import feed
from indexer.sources.feed import NotFeed, parse
from indexer.text import addresses
from tests.paths import TESTS

DATA = TESTS / "data" / "sources"
RSS = (DATA / "rss.xml").read_bytes()
ITEM = "<item><title>Một</title><link>https://a.example/1</link>%s</item>"


def rss(items):
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>{items}</channel></rss>'.encode()


def one(more):
    (entry,) = parse(rss(ITEM % more))
    return entry.fields


def test_rss():
    pottery, market, note = parse(RSS, "application/rss+xml")
    assert pottery.key == "dendau-101"
    assert not pottery.full
    assert pottery.fields == {
        "id": addresses.derived_id("u", "dendau.example/lo-gom-101.html"),
        "title": "Lò gốm Đồng Sấu đỏ lửa trở lại",
        "lead": "Sau ba năm tắt bếp, mười hai lò gốm ven sông Sấu cùng nhóm lửa.",
        "url": "https://dendau.example/lo-gom-101.html?utm_source=rss",
        "section": "Làng nghề",
        "tags": ["gốm", "sông Sấu"],
        "author": "Cù Văn Tịnh",
        "published_at": "2026-11-25T07:30:00+07:00",
        "image_url": "https://anh.dendau.example/lo-gom.jpg?w=300&h=180",
    }
    assert market.full
    assert market.fields["title"] == "Chợ phiên Mường Khoa họp sớm vì rét & mưa"
    assert "lead" not in market.fields  # it is the start of the text
    assert "bốn mái bạt" in market.fields["body_html"]
    assert (market.fields["author"], market.fields["image_url"]) == (
        "Vàng A Sính",
        "https://anh.dendau.example/cho-phien.jpg",
    )
    assert market.fields["published_at"] == "2026-11-24T22:15:00+07:00"
    assert note.fields == {
        "id": addresses.derived_id("t", "tin ngan khong co dia chi"),
        "title": "Tin ngắn không có địa chỉ",
        "lead": "Cầu treo Nậm Lúc đóng để sửa trong hai ngày.",
        "published_at": "2026-11-24T09:05:00",
    }


def test_atom():
    (entry,) = parse((DATA / "atom.xml").read_bytes(), "application/atom+xml", "https://songque.example/feed")
    assert entry.key == "tag:songque.example,2026:7"
    assert entry.fields == {
        "id": addresses.derived_id("u", "songque.example/tin/ca-lang"),
        "title": "Cá lăng về bến Trà",
        "lead": "Ngư dân bến Trà kéo được mẻ cá lăng đầu mùa.",
        "url": "https://songque.example/tin/ca-lang",
        "section": "Thủy sản",
        "author": "Thạch Sa Rinh, Đàm Bích Hợp",
        "published_at": "2026-11-24T23:10:00+00:00",
        "updated_at": "2026-11-25T08:00:00+07:00",
        "image_url": "https://songque.example/anh/ca-lang.jpg",
    }


def test_json_feed():
    tea, notice = parse((DATA / "feed.json").read_bytes())
    assert tea.fields == {
        "id": addresses.derived_id("u", "nuixanh.example/che-shan"),
        "title": "Chè shan tuyết vào vụ cuối",
        "lead": "Vụ cuối của năm ít mà thơm.",
        "url": "https://nuixanh.example/che-shan",
        "section": "Nông nghiệp",
        "tags": ["chè"],
        "author": "Giàng Thị Dợ",
        "published_at": "2026-11-23T06:00:00+07:00",
        "updated_at": "2026-11-23T09:00:00+07:00",
        "image_url": "https://nuixanh.example/che.jpg",
    }
    assert notice.fields == {
        "id": addresses.derived_id("g", "9002"),
        "title": "Thông báo cúp điện",
        "lead": "Bản Tà Sông cúp điện sáng thứ bảy.",
    }


@pytest.mark.parametrize("name", ["rss.xml", "atom.xml", "feed.json"])
def test_all_of_it_is_articles(name):
    for entry in parse((DATA / name).read_bytes()):
        assert isinstance(validate(entry.fields), Article)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Wed, 25 Nov 2026 00:30:00 GMT", "2026-11-25T00:30:00+00:00"),
        ("2026-11-25T07:30:00+07:00", "2026-11-25T07:30:00+07:00"),
        ("2026-11-25 07:30:00", "2026-11-25T07:30:00"),
        ("25/11/2026 7:30:00 PM", "2026-11-25T19:30:00"),
        ("hôm qua", None),
        ("", None),
    ],
)
def test_times(written, expected):
    assert one(f"<pubDate>{written}</pubDate>").get("published_at") == expected


def test_one_article_has_one_id_wherever_it_is_met():
    (plain,) = parse(rss(ITEM % ""))
    (tracked,) = parse(rss(ITEM % "").replace(b"a.example/1", b"www.a.example/1?utm_medium=rss"))
    assert plain.fields["id"] == tracked.fields["id"]


def test_a_dangerous_address_is_none():
    (entry,) = parse(rss("<item><title>Một</title><guid>7</guid><link>javascript:alert(1)</link></item>"))
    assert "url" not in entry.fields
    assert entry.fields["id"] == addresses.derived_id("g", "7")


def test_scripts_are_gone():
    words = "từ " * 80
    fields = one(f"<description>&lt;script&gt;alert(1)&lt;/script&gt;{words}</description>")
    assert "alert" not in repr(fields)


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    '<rss version="2.0"><channel><item><title>&b;</title></item></channel></rss>'
)


@pytest.mark.parametrize(
    "data",
    [
        BOMB.encode(),
        BOMB.encode("utf-16"),
        BOMB.replace('"aaaaaaaaaa"', 'SYSTEM "file:///etc/passwd"').replace("ENTITY", "entity").encode(),
    ],
)
def test_entities_are_refused(data):
    with pytest.raises(NotFeed, match="without entities of its own"):
        parse(data)


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b" \n", b"no", b"\x00\xff\xfe\x01", b"<html><body>x</body></html>", b"[]", b"{}", b"{"),
        *(b'{"version": 1}', b'{"version": "https://jsonfeed.org/version/1"}', b"<a><b></a>", b"[" * 100_000),
        *(b'{"a":' * 100_000, b'<?xml version="1.0"?><urlset/>'),
    ],
)
def test_what_is_no_feed(data):
    with pytest.raises(NotFeed, match="expected "):
        parse(data)


def test_an_empty_feed_is_one():
    assert parse(rss("")) == []
    assert parse(b'{"version": "https://jsonfeed.org/version/1", "items": []}') == []


def test_a_feed_that_is_cut_says_so_of_its_last_entry():
    whole = rss(ITEM % "" + (ITEM % "<description>hai</description>").replace("/1<", "/2<"))
    first, last = parse(whole[: whole.index(b"hai") + 1])
    assert (first.cut, last.cut) == (False, True)
    assert [entry.cut for entry in parse(whole + b"\n<!-- made in 3 ms -->\n")] == [False, False]


@given(st.integers(0, len(RSS)), st.binary(max_size=20))
def test_any_damage_ends_in_entries_or_in_words(at, change):
    try:
        found = parse(RSS[:at] + change + RSS[at + len(change) :])
    except NotFeed:
        return
    for entry in found:
        assert entry.key
        assert entry.fields["title"]


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "title", "id", "url"]), inner),
    max_leaves=6,
)
KEYS = "id title url content_html content_text summary authors author tags image date_published".split()


@given(st.lists(st.dictionaries(st.sampled_from(KEYS), ANY) | ANY, max_size=4) | ANY)
def test_a_json_feed_of_anything(items):
    data = json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": items}).encode()
    try:
        found = feed.parse(data)
    except NotFeed:
        assert not isinstance(items, list)
        return
    assert all(isinstance(entry.fields["title"], str) for entry in found)


@pytest.mark.parametrize(
    ("end", "is_whole"),
    [
        (b"</rss>", True),
        (b"</rdf:RDF >\n", True),
        (b"</rss><!-- a --> <!---->\n<!-- </b> -- -->", True),
        (b"</rss><!---->x", False),
        (b"</rss>-->", False),
        (b"</channel>", False),
        (b"</rss> <!-- a", False),
        (b"", False),
    ],
)
def test_end_of_a_feed(end, is_whole):
    assert feed._is_whole(end) is is_whole


def test_end_with_many_comments_is_looked_at_once():
    assert [entry.cut for entry in parse(rss(ITEM % "") + b"<!---->" * 40 + b"x")] == [True]


def test_picture_of_the_text_is_found_whatever_stands_before_it():
    markup = "<img alt=x <img  data-id=1 SRC = 'https://a.example/1.jpg'>"
    assert feed._picture({}, markup) == "https://a.example/1.jpg"
    assert feed._picture({}, "<img " * 50_000) == ""
