"""Pages of a section, tag, author or source: what they list, in which order, at which address, and their feeds."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import feedparser
import pytest
from lxml import html

import indexer
from indexer.articles.article import parse_time
from indexer.sources.feed import parse
from indexer.text.folding import match_key
from service.reader.topics import KINDS, page_number

HTML = {"Accept": "text/html"}
NOW = datetime.now(UTC)
SAMPLE = Path(indexer.__file__).parent / "sample" / "articles.jsonl"
SCRIPT = "<script>alert('vỡ')</script>"
ODD = [
    *("a/b", "/a", "a/", "a//b", "a?b=c&d", "50%25", "100%", "%2F", "số#1", "q+1", "<b>", "x\\y", "'\"", "🏺 gốm 🔥"),
    *("feed", "a/feed", "…;:@=,~", "-", "?", "a/../b", "gốm" * 160, "🏺" * 500, SCRIPT),
]


def tree(response):
    assert response.status_code == 200, response.get_data(as_text=True)
    return html.fromstring(response.get_data(as_text=True))


def address(kind, value):
    return f"/{kind}/{quote(value, safe='')}"


def ids(page):
    found = page.xpath("//ol/li//*[contains(@class, 'hit-title')]/a/@href")
    return [unquote(urlsplit(href).path).rpartition("/")[2] for href in found]


def walk(client, start):
    """Return the ids on all pages."""
    found, at = [], start
    while at:
        page = tree(client.get(at))
        found += ids(page)
        at = next(iter(page.xpath("//a[@rel='next']/@href")), None)
    return found


def line(at, **fields):
    return {"id": f"bài-{at}", "title": f"Mẫu gốm thứ {at}", "published_at": f"2023-01-01T00:00:{at % 60:02}"} | fields


@pytest.fixture(scope="module")
def odd(client_of):
    return client_of(
        [line(at, section=value, tags=[value], author=value, source=value) for at, value in enumerate(ODD)]
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at", range(len(ODD)))
def test_an_address_survives_any_value(odd, kind, at):
    page = tree(odd.get(address(kind, ODD[at])))
    assert ids(page) == [f"bài-{at}"]
    assert page.xpath("string(//h1)") == ODD[at]
    assert page.xpath("string(//title)").startswith(ODD[at])
    assert not page.xpath("//script[not(@src)]")
    canonical = page.xpath("//link[@rel='canonical']/@href")[0]
    assert ids(tree(odd.get(canonical))) == [f"bài-{at}"]
    [entry] = feedparser.parse(odd.get(page.xpath("//link[@rel='alternate']/@href")[0]).data).entries
    assert entry.id == f"bài-{at}"


@pytest.mark.parametrize("at", range(len(ODD)))
def test_an_article_leads_to_the_pages_of_what_it_bears(odd, at):
    page = tree(odd.get(f"/articles/bài-{at}"))
    links = page.xpath("//article[@class='story']//a[@class='section' or @class='chip' or @class='topic']/@href")
    assert len(links) == 4
    for href in links:
        assert ids(tree(odd.get(href))) == [f"bài-{at}"]


@pytest.mark.parametrize("value", [".", ".."])
def test_what_browsers_take_out_of_a_path_is_no_link(client_of, value):
    client = client_of([line(1, section=value)])
    assert not tree(client.get("/articles/bài-1")).xpath("//a[@class='section']")


def test_case_and_blanks_do_not_count_and_the_page_has_one_address(client_of):
    client = client_of([line(1, section="Đời sống")])
    for value in ("Đời sống", "ĐỜI  SỐNG", " đời sống ", unicodedata.normalize("NFD", "Đời sống")):
        page = tree(client.get(address("sections", value)))
        assert page.xpath("string(//h1)") == "Đời sống"
        assert page.xpath("//link[@rel='canonical']/@href") == [address("sections", "Đời sống")]


def test_what_no_public_article_bears_is_not_found(client_of):
    client = client_of(
        [
            line(1, section="Nay"),
            line(2, section="Mai", tags=["Mai"], published_at=(NOW + timedelta(1)).isoformat()),
            line(3, section="Xưa", unpublish_at=(NOW - timedelta(1)).isoformat()),
            line(4, section="Nay", published_at=(NOW + timedelta(1)).isoformat()),
        ]
    )
    for path in ("/sections/Mai", "/tags/Mai", "/sections/Xưa", "/sections/không", "/sections/%20", "/tags/Nay"):
        for prefix in ("", "/feeds"):
            response = client.get(prefix + path, headers=HTML)
            assert response.status_code == 404, path
            assert "<h1" in response.get_data(as_text=True)
    assert ids(tree(client.get("/sections/Nay"))) == ["bài-1"]
    assert [one.id for one in feedparser.parse(client.get("/feeds/sections/Nay").data).entries] == ["bài-1"]


def test_every_page_of_a_large_section_can_be_reached(client_of):
    lines = [line(at, section="Lớn", published_at=(NOW - timedelta(minutes=at + 1)).isoformat()) for at in range(1050)]
    client = client_of(lines)
    assert walk(client, "/sections/Lớn?lang=en") == [one["id"] for one in lines]
    assert ids(tree(client.get("/sections/Lớn?page=53"))) == [one["id"] for one in lines[1040:]]
    assert not ids(tree(client.get("/sections/Lớn?page=99999")))


@pytest.mark.parametrize(("given", "number"), [(None, 1), ("", 1), ("0", 1), ("-1", 1), ("²", 1), ("7", 7), ("x", 1)])
def test_page_numbers(given, number):
    assert page_number(given) == number


def test_robots_as_articles_have(client_of):
    robots = "//meta[@name='robots']"
    assert not tree(client_of([line(1, section="A")]).get("/sections/A")).xpath(robots)
    assert tree(client_of([line(1, section="A")], robots="noindex").get("/sections/A")).xpath(robots)


def test_a_feed_says_where_articles_are_read_and_when_they_came_out(client_of):
    lines = [
        line(1, tags=["gốm"], url="https://bao.example/1.html", author="Giàng & Lử", lead="Nung < lửa", section="Đời"),
        line(2, tags=["gốm", "x"], title="Ký tự \ufffe lạ"),
    ]
    client = client_of(lines, public_url="https://doc.example")
    response = client.get("/feeds/tags/gốm")
    assert response.content_type == "application/rss+xml; charset=utf-8"
    found = feedparser.parse(response.data)
    assert not found.bozo
    assert found.feed.link == "https://doc.example/tags/g%E1%BB%91m"
    second, first = found.entries
    assert (first.link, first.author, first.summary) == ("https://bao.example/1.html", "Giàng & Lử", "Nung < lửa")
    assert datetime(*first.published_parsed[:6], tzinfo=UTC) == parse_time(lines[0]["published_at"])
    assert [one.term for one in first.tags] == ["Đời", "gốm"]
    assert second.link == "https://doc.example/articles/b%C3%A0i-2"
    ours = parse(response.data, response.content_type, "https://doc.example/feeds/tags/gốm")
    assert [one.fields["title"] for one in ours] == [one.title for one in found.entries]
    assert client.get("/feeds/tags/gốm", headers={"If-None-Match": response.headers["ETag"]}).status_code == 304


@pytest.fixture(scope="module")
def archive(client_of):
    lines = list(map(json.loads, SAMPLE.read_text("utf-8").splitlines()))
    client = client_of(lines)
    return lines, client, cache(lambda at: walk(client, at))


def moment(one):
    """Return when an article came out; without a date it stands last."""
    return parse_time(one["published_at"]) if one.get("published_at") else datetime.min.replace(tzinfo=UTC)


def is_public(one):
    gone = one.get("unpublish_at")
    return moment(one) <= NOW and not (gone and parse_time(gone) <= NOW)


def bearing(lines, kind):
    """Return the ids of those that bear each value of a kind, newest first, by its key."""
    found = {}
    for one in sorted(filter(is_public, lines), key=moment, reverse=True):
        field = KINDS[kind]
        values = one.get("tags") or [] if field == "tag" else [one.get(field)]
        for key in {match_key(value) for value in values if value}:
            found.setdefault(key, []).append(one)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_page_of_the_sample_lists_what_bears_it(archive, kind):
    lines, client, walked = archive
    found = bearing(lines, kind)
    assert len(found) == {"sections": 15, "tags": 280}.get(kind, len(found))
    for value, expected in found.items():
        listed = walked(address(kind, value))
        assert sorted(listed) == sorted(one["id"] for one in expected), value
        moments = {one["id"]: moment(one) for one in expected}
        assert [moments[one] for one in listed] == [moment(one) for one in expected], value
        entries = feedparser.parse(client.get(f"/feeds{address(kind, value)}").data).entries
        assert [one.id for one in entries] == listed[:50], value


def test_every_section_and_tag_link_of_every_sample_article_leads_to_a_page_that_lists_it(archive):
    lines, client, walked = archive
    listed = {}
    for one in filter(is_public, lines):
        page = tree(client.get(address("articles", one["id"])))
        section, *tags = page.xpath("//article[@class='story']//a[@class='section' or @class='chip']/@href")
        assert len(tags) == len(one["tags"])
        for href in (section, *tags):
            listed[href] = walked(href)
            assert one["id"] in listed[href], (one["id"], unquote(href))
    kinds = [href.split("/")[1] for href in listed]
    assert (kinds.count("sections"), kinds.count("tags")) == (15, 280)


def test_a_facet_counts_what_its_link_leads_to(archive):
    _, client, _ = archive
    checked = 0
    for start in ("/sections/Đời%20sống", "/search?section=Đời+sống&sort=newest"):
        page = tree(client.get(start))
        for choice in page.xpath("//ul[@class='options']/li[span[@class='number']]"):
            count, [href] = choice.xpath("string(span)"), choice.xpath("a[1]/@href")
            if not choice.xpath("a[@aria-current]"):
                led = tree(client.get(href)).xpath("string(//*[@data-range])")
                assert f"trong {count} bài" in " ".join(led.split()), href
                checked += 1
    assert checked > 30


def test_a_search_without_a_query_leads_to_the_page_of_its_only_value(archive):
    _, client, _ = archive
    page = tree(client.get("/search?q=công+nhân&section=Đời+sống"))
    assert page.xpath("//a[@class='all']/@href") == [address("sections", "Đời sống")]
