"""The home page: the newest articles, sections, searches that work, what is being read; nothing that is not public."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import html

import indexer
from models.hashing import HashingEncoder
from service.clicks.log import FILE, ClickLog, ListPosition, most_read
from service.errors import NotReady
from service.reader import front_page
from service.reader.front_page import ENOUGH, FrontPages
from service.schemas import SearchParams
from service.searcher import Searcher

NOW = datetime.now(UTC)
SAMPLE = Path(indexer.__file__).parent / "sample" / "articles.jsonl"


def line(at, title, **fields):
    """Return an article; with a lower number it is newer."""
    return {"id": f"bài-{at}", "title": title, "published_at": (NOW - timedelta(hours=at + 1)).isoformat()} | fields


POTS = [line(at, f"Lò gốm Lũng Vài mẻ {at}", tags=["lò gốm", "Đời sống"], section="Đời sống") for at in range(4)]
TEA = [line(at, f"Nương chè Tủa Chùa vụ {at}", tags=["nương chè"], section="Kinh tế") for at in range(4, 8)]
LONE = [
    line(8, "Cầu treo", tags=["cầu treo", "x"]),
    line(9, "Đường vào bản", tags=['"lò gốm" -chè'], body="Xe lăn bánh."),
]
LINES = [*POTS, *TEA, *LONE]


@pytest.fixture(scope="module")
def searcher_of(archive_of):
    return lambda lines: Searcher(archive_of(lines), HashingEncoder)


@pytest.fixture(scope="module")
def searcher(searcher_of):
    return searcher_of(LINES)


def strong(searcher, text):
    return searcher.search(SearchParams(q=text)).strong


def test_searches_are_tags_with_enough_strong_matches(searcher):
    pages = FrontPages()
    assert pages.page(searcher).searches == []  # nobody waits for them
    pages.refresh(searcher)
    searches = pages.page(searcher).searches
    assert searches[:2] == ["lò gốm", "nương chè"]
    assert all(strong(searcher, text) >= ENOUGH for text in searches)
    assert not {"cầu treo", "x", "Đời sống", '"lò gốm" -chè'} & set(searches)


def test_titles_are_tried_where_there_are_no_tags(searcher_of):
    again = [line(at, "Lũ quét ở Nậm Vài", lead=f"Ngày thứ {at}.") for at in range(3)]
    searcher = searcher_of([*again, line(4, "Cầu treo"), line(5, " ".join(["lũ quét Nậm Vài"] * 3))])
    pages = FrontPages()
    pages.refresh(searcher)
    assert strong(searcher, "Lũ quét ở Nậm Vài") >= ENOUGH
    assert pages.page(searcher).searches == ["Lũ quét ở Nậm Vài"]


def test_every_search_of_the_sample_works_and_leads_to_another_first_hit(searcher_of):
    searcher = searcher_of(map(json.loads, SAMPLE.read_text("utf-8").splitlines()))
    pages = FrontPages()
    pages.refresh(searcher)
    answers = [searcher.search(SearchParams(q=text)) for text in pages.page(searcher).searches]
    assert answers
    assert all(answer.strong >= ENOUGH for answer in answers)
    assert len({answer.hits[0].article.id for answer in answers}) == len(answers)


def test_they_are_tried_once_for_what_may_be_seen_and_within_bounds(searcher_of, monkeypatch):
    many = [line(at, f"Cầu treo số {at}", tags=[f"cầu treo {at}", f"bến đò {at}"]) for at in range(60)]
    searcher, asked = searcher_of(many), []
    own = searcher.search
    monkeypatch.setattr(searcher, "search", lambda params, **how: asked.append(params.q) or own(params, **how))
    monkeypatch.setattr(front_page, "ENOUGH", 10_000)
    pages = FrontPages()
    pages.refresh(searcher)
    assert len(asked) == len(set(asked)) == 2 * front_page.MOST_TRIED
    pages.refresh(searcher)
    pages.page(searcher)
    assert len(asked) == 2 * front_page.MOST_TRIED
    monkeypatch.setattr(front_page, "MOST_SECONDS", -1.0)
    FrontPages().refresh(searcher)
    assert len(asked) == 2 * front_page.MOST_TRIED


def test_without_the_encoder_nothing_is_tried_and_it_is_looked_again_soon(searcher):
    def missing():
        raise NotReady("the encoder is being loaded")

    pages = FrontPages()
    assert pages.look(SimpleNamespace(encoder=missing, searcher=lambda: searcher)) == front_page.SOON_SECONDS
    assert pages.page(searcher).searches == []
    there = SimpleNamespace(encoder=HashingEncoder, searcher=lambda: searcher)
    assert pages.look(there) == front_page.EVERY_SECONDS
    assert pages.page(searcher).searches


def test_a_fault_does_not_end_the_thread(searcher, caplog):
    pages = FrontPages()
    assert pages.look(SimpleNamespace(encoder=HashingEncoder, searcher=dict.popitem)) == front_page.EVERY_SECONDS
    assert "is not brought up to date" in caplog.text
    assert pages.page(searcher).count == len(LINES)


@pytest.mark.parametrize(
    "lines",
    [
        TEA,
        [*TEA, *({**one, "tags": []} for one in POTS)],
        [*TEA, *({**one, "unpublish_at": "2020-01-01"} for one in POTS)],
    ],
    ids=["gone", "without the tag", "withdrawn"],
)
def test_what_no_public_article_says_any_more_is_gone_at_once(searcher, searcher_of, lines):
    pages = FrontPages()
    pages.refresh(searcher)
    assert "lò gốm" in pages.page(searcher).searches
    later = searcher_of(lines)
    assert "lò gốm" not in pages.page(later).searches
    assert "nương chè" in pages.page(later).searches


def test_the_newest_articles_each_text_once(searcher_of):
    twice = line(1, "Cùng một bài", body="Y như nhau."), line(2, "Cùng một bài", body="Y như nhau.")
    hidden = line(-3, "Ngày mai"), line(3, "Đã rút", unpublish_at="2020-01-01", section="Kín")
    page = FrontPages().page(
        searcher_of([*hidden, *twice, *(line(at, f"Cầu {at}", section="Cầu") for at in range(4, 30))])
    )
    assert [one.id for one in page.newest] == ["bài-1", *(f"bài-{at}" for at in range(4, 13))]
    assert page.sections == [("Cầu", 26)]
    assert page.count == 28


def test_an_archive_with_nothing_public(searcher_of):
    searcher = searcher_of([line(-3, "Ngày mai", tags=["ngày mai"], section="Kín")])
    pages = FrontPages()
    pages.refresh(searcher)
    page = pages.page(searcher)
    assert (page.count, page.newest, page.sections, page.searches, page.read) == (0, [], [], [], [])


def clicked(home, counts, hour=None):
    """Write a log in which articles were clicked so often."""
    log = ClickLog(home / FILE, 90, 10, int)
    hour = int(time.time() if hour is None else hour) // 3600 * 3600
    for article, times in counts.items():
        for _ in range(times):
            log.note(ListPosition(hour, "bài-9", 1, article, "meaning"), clicked=True)
        log.note(ListPosition(hour, "bài-9", 1, article, "meaning"), clicked=False)
    log.write()


def test_what_is_read_is_what_was_clicked_within_a_day(searcher, tmp_path):
    now = [time.time()]
    pages = FrontPages(partial(most_read, tmp_path / FILE), clock=lambda: now[-1])
    pages.refresh(searcher)  # there is no log yet
    assert pages.page(searcher).read == []
    clicked(tmp_path, {"bài-5": 4, "bài-2": 7, "bài-3": 2, "không có": 9})
    clicked(tmp_path, {"bài-8": 50}, time.time() - 2 * 24 * 3600)
    pages.refresh(searcher)
    assert pages.page(searcher).read == []  # counted a moment ago
    now.append(now[0] + front_page.READ_EVERY_SECONDS)
    pages.refresh(searcher)
    assert [one.id for one in pages.page(searcher).read] == ["bài-2", "bài-5"]


def test_nothing_is_said_to_be_read_where_clicks_are_not_counted(searcher, tmp_path):
    clicked(tmp_path, {"bài-5": 4})
    pages = FrontPages()
    pages.refresh(searcher)
    assert pages.page(searcher).read == []


@pytest.fixture(scope="module")
def client(client_of):
    client = client_of(LINES, clicks=True)
    app = client.application
    clicked(app.config["SETTINGS"].home, {"bài-5": 4, "bài-2": 7})
    app.extensions["lienquan_front_pages"].refresh(app.extensions["lienquan"].searcher())
    return client


def tree(response):
    assert response.status_code == 200
    return html.fromstring(response.get_data(as_text=True))


@pytest.mark.parametrize("lang", ["", "?lang=en"])
def test_the_page(client, lang):
    page = tree(client.get(f"/{lang}"))
    searches = page.xpath("//section[@class='searches']//a")
    assert [one.text_content() for one in searches][:2] == ["lò gốm", "nương chè"]
    assert parse_qs(urlsplit(searches[0].get("href")).query)["q"] == ["lò gốm"]
    titles = [one.text_content() for one in page.xpath("//section[@class='newest']//h3/a")]
    assert titles == [one["title"] for one in LINES]
    assert len(page.xpath("//section[@class='newest']//a[@class='section']")) == 8
    assert [one.text_content() for one in page.xpath("//ol[@class='read']//a")] == [POTS[2]["title"], TEA[1]["title"]]
    counts = [" ".join(one.text_content().split()) for one in page.xpath("//nav[@aria-labelledby='sections']//li")]
    assert counts == ["Kinh tế 4", "Đời sống 4"]
    for href in page.xpath("//main//a/@href"):
        assert client.get(href).status_code == 200, href
        assert lang.strip("?") in href


def test_subscribers_text_is_not_on_it(client_of):
    page = tree(client_of([line(1, "Cầu treo", lead="Lời dẫn.", body="Thân bài.")], expose_body=False).get("/"))
    assert "Lời dẫn." in page.text_content()
    assert "Thân bài." not in page.text_content()
