"""The pages: what a reader sees, in two languages, and what never reaches the page."""

from __future__ import annotations

import gzip
import json
import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import get_args
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from flask import url_for
from lxml import html

import service
from indexer.articles.article import VIETNAM
from service.pages.shared import web_address
from service.query.misspellings import Misspelling, Speller
from service.query.suggest import SuggestionKind
from service.reader.search_page import PageLink, SearchLinks
from service.schemas import SearchParams
from service.wording import strings
from service.wording.strings import Strings

VI, EN = (Strings.in_language(code) for code in ("vi", "en"))

ROOT = Path(service.__file__).parent
HTML = {"Accept": "text/html"}
SCRIPT = "<script>alert('vỡ')</script>"
NOW = datetime.now(VIETNAM)

ODD_IDS = [
    "khói bếp số 7",
    "50%25",
    "a%2Fb",
    "a?b=c&d",
    "số#1",
    "q+1",
    "<b>",
    "x\\y",
    "'\"",
    "…;:@=,~",
    ".a..",
]

LINES = [
    {
        "id": "lo-gom",
        "title": "Lò gốm Lũng Vài đỏ lửa trở lại",
        "lead": "Sau hai năm tắt lò, tổ thợ gốm Lũng Vài nung mẻ đầu tiên.",
        "body": "Sáng sớm, khói lên từ lò gốm.\nCụ Vừ Chả Sính ngồi canh lửa.",
        "url": "https://bao.example/lo-gom.html",
        "section": "Đời sống",
        "author": "Giàng Mí Lử",
        "source": "Báo Lũng Vài",
        "tags": ["gốm", "làng nghề"],
        "aliases": ["bai-cu-7", "lò cũ"],
        "published_at": "2023-11-07T17:04:00",
        "updated_at": "2023-11-08T08:00:00",
    },
    {
        "id": "hop-tac-xa",
        "title": "Hợp tác xã gốm Lũng Vài tìm đường bán hàng",
        "lead": "Mười hai thợ gốm góp vốn mở hợp tác xã.",
        "section": "Kinh tế",
        "published_at": "2023-12-01T09:00:00",
    },
    {
        "id": "xau",
        "title": f"{SCRIPT} lò gốm",
        "lead": f"{SCRIPT} lời dẫn",
        "body": f"{SCRIPT} thân bài <img src=x onerror=alert(1)>",
        "section": f"{SCRIPT}",
        "author": f"{SCRIPT}",
        "source": '"><b>nguồn</b>',
        "tags": [f"{SCRIPT} thẻ"],
        "url": "javascript:alert(1)",
    },
    {
        "id": "html",
        "title": "Bài có mã HTML",
        "body_html": "<p>Đoạn một &lt;b&gt;</p><script>alert(1)</script><p>Đoạn <b>hai</b></p>",
        "url": "data:text/html,<script>alert(1)</script>",
    },
    {"id": "mai", "title": "Lò gốm ngày mai", "aliases": ["mai-cu"], "published_at": (NOW + timedelta(1)).isoformat()},
    {"id": "xua", "title": "Lò gốm hôm qua", "unpublish_at": (NOW - timedelta(1)).isoformat()},
    *({"id": odd, "title": f"Mẫu gốm thứ {at}", "section": "Mẫu"} for at, odd in enumerate(ODD_IDS)),
]
PUBLIC = len(LINES) - 2


@pytest.fixture(scope="module")
def client(client_of):
    return client_of(LINES, min_related=0)


@pytest.fixture(scope="module")
def empty(client_of):
    return client_of()


INLINE = "//script[not(@src) and not(@type = 'application/ld+json')]"
"""Scripts that would run; a block of data does not."""


def tree(response):
    """Return the page as a browser would read it."""
    return html.fromstring(response.get_data(as_text=True))


def text(node):
    return " ".join(node.text_content().split())


def hrefs(page, path):
    return [link.get("href") for link in page.xpath(path)]


def query(href):
    return parse_qs(urlsplit(href).query)


# The catalogue


@pytest.mark.parametrize(
    ("code", "expected"), [("en", EN), ("vi", VI), (None, VI), ("", VI), ("fr", VI), ("en-GB", VI), ("<", VI)]
)
def test_language(code, expected):
    assert strings.language(code) is expected


def test_dates_and_numbers():
    moment = datetime.fromisoformat("2023-11-07T10:04:00+00:00")
    assert VI.moment(moment) == "07/11/2023 17:04"
    assert EN.moment(moment) == "7 November 2023, 17:04"
    assert VI.bound(date(985, 2, 3)) == "03/02/0985"
    assert (VI.number(1234567), EN.number(1234567), VI.number(0)) == ("1.234.567", "1,234,567", "0")
    assert (VI.articles(1000), EN.articles(1), EN.articles(0)) == ("1.000 bài viết", "1 article", "0 articles")


@pytest.mark.parametrize(
    ("then", "vietnamese", "english"),
    [
        ("2024-03-10T00:05:00+07:00", "hôm nay, 00:05", "today, 00:05"),
        ("2024-03-09T23:55:00+07:00", "hôm qua, 23:55", "yesterday, 23:55"),
        ("2024-03-09T18:30:00+00:00", "hôm nay, 01:30", "today, 01:30"),
        ("2024-03-08T23:59:00+07:00", "2 ngày trước", "2 days ago"),
        ("2024-03-04T00:00:00+07:00", "6 ngày trước", "6 days ago"),
        ("2024-03-03T23:59:00+07:00", "03/03/2024", "3 March 2024"),
        ("2024-03-11T00:00:00+07:00", "11/03/2024", "11 March 2024"),
    ],
)
def test_how_long_ago_is_counted_in_days_of_vietnam(then, vietnamese, english):
    moment, now = datetime.fromisoformat(then), datetime.fromisoformat("2024-03-09T17:30:00+00:00")
    assert (VI.ago(moment, now), EN.ago(moment, now)) == (vietnamese, english)


@pytest.mark.parametrize(
    ("relevance", "word"), [(0.0, "thấp"), (0.099, "thấp"), (0.1, "khá"), (0.499, "khá"), (0.5, "cao"), (1.0, "cao")]
)
def test_level(relevance, word):
    assert VI.level(relevance) == word


@pytest.mark.parametrize(("status", "like"), [(405, 400), (502, 500), (503, 503), (404, 404)])
def test_every_error_has_words(status, like):
    assert VI.error(status) == VI.errors[like]


# Small functions


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "//bao.example/x",
        "/x",
        "bao.example",
        "https:bao.example",
        "https://",
        "http://[",
        "ftp://bao.example/",
        "https://bao.example\\@khac.example/",
        "https://bao.example/\nx",
        " https://bao.example/",
    ],
)
def test_no_link_but_to_a_plain_web_address(url):
    assert web_address(url) is None


@pytest.mark.parametrize("url", ["http://bao.example/x?a=1#b", "HTTPS://Bao.Example/", "https://bao.example:8443/đ"])
def test_link_to_a_web_address(url):
    assert web_address(url) == PageLink("bao.example", url)


@pytest.mark.parametrize(
    ("offset", "limit", "total", "previous", "following"),
    [
        (0, 10, 0, None, None),
        (0, 10, 10, None, None),
        (0, 10, 11, None, 10),
        (10, 10, 11, 0, None),
        (10, 10, 100, 0, 20),
        (5, 10, 100, 0, 15),
        (500, 10, 24, 14, None),
        (980, 10, 1000, 970, 990),
        (990, 10, 1000, 980, None),
        (930, 30, 1000, 900, 960),
        (960, 30, 1000, 930, None),
    ],
)
def test_pager_stays_within_reach(offset, limit, total, previous, following):
    params = SearchParams(q="gốm", offset=offset, limit=limit)
    links = SearchLinks(params, VI, lambda **values: "/search?" + urlencode(values)).pager(total)
    found = {name: int(query(href).get("offset", ["0"])[0]) for name, href in links.items()}
    wanted = {"previous": previous, "next": following}
    assert found == {name: at for name, at in wanted.items() if at is not None}


# Home


def test_home_counts_what_is_public(client):
    page = tree(client.get("/"))
    assert f"{PUBLIC} bài viết" in text(page)
    assert page.get("lang") == "vi"
    assert page.xpath("//input[@name='q']/@maxlength") == ["512"]
    assert page.xpath("//form/@action") == ["/search"]


def test_english_home_carries_its_language_on(client):
    page = tree(client.get("/?lang=en"))
    assert page.get("lang") == "en"
    assert f"{PUBLIC} articles" in text(page)
    assert page.xpath("//form//input[@name='lang']/@value") == ["en"]
    assert hrefs(page, "//header/a") == ["/?lang=en"]
    assert hrefs(page, "//footer//a") == ["/api/docs?lang=en"]


# Search


def test_hits_lead_to_articles(client):
    response = client.get("/search?q=lò+gốm+Lũng+Vài+đỏ+lửa")
    page = tree(response)
    assert response.status_code == 200
    first = page.xpath("//ol/li[1]")[0]
    assert hrefs(first, ".//h2/a") == ["/articles/lo-gom"]
    assert "Đời sống" in text(first)
    assert "07/11/2023" in text(first)
    assert first.xpath(".//time/@datetime") == ["2023-11-07T17:04:00+07:00"]
    assert first.xpath(".//time/@title") == ["07/11/2023 17:04"]
    assert "Giàng Mí Lử" in text(first)
    assert "Báo Lũng Vài" in text(first)
    assert "Sau hai năm tắt lò" in text(first)
    assert "Mức liên quan" not in text(first)
    assert page.xpath("//title")[0].text == "lò gốm Lũng Vài đỏ lửa – Liên Quan"
    assert page.xpath("//input[@type='search']/@value") == ["lò gốm Lũng Vài đỏ lửa"]


def test_nothing_under_embargo_is_listed(client):
    page = tree(client.get("/search?q=lò+gốm+ngày+mai+hôm+qua&limit=100"))
    found = hrefs(page, "//ol//h2/a")
    assert len(found) == PUBLIC
    assert "/articles/mai" not in found
    assert "/articles/xua" not in found


@pytest.mark.parametrize("given", ["", "?q=", "?q=%20%20", "?q=%E2%80%8B", "?limit=0", "?sort=relevance"])
def test_no_query_and_no_filter_leads_home(client, given):
    response = client.get(f"/search{given}")
    assert (response.status_code, response.location) == (303, "/")


def test_no_query_leads_home_in_the_same_language(client):
    assert client.get("/search?lang=en").location == "/?lang=en"


def test_what_others_add_to_an_address_does_not_matter(client):
    assert client.get("/search?q=gốm&utm_source=x&fbclid=y&lang=xx").status_code == 200


def test_blank_fields_of_a_form_are_no_filters(client):
    response = client.get("/search?q=gốm&published_from=&published_to=&section=")
    assert response.status_code == 200
    assert not tree(response).xpath("//*[@class='chip']")


def test_each_filter_can_be_taken_away(client):
    given = "q=gốm&section=Mẫu&section=Kinh+tế&published_from=2023-01-01&sort=newest&offset=1&lang=en"
    page = tree(client.get(f"/search?{given}"))
    chips = {text(chip): query(chip.get("href")) for chip in page.xpath("//a[@class='chip']")}
    kept = {"q": ["gốm"], "sort": ["newest"], "lang": ["en"]}
    assert chips == {
        "Section: Mẫu ×": kept | {"section": ["Kinh tế"], "published_from": ["2023-01-01"]},
        "Section: Kinh tế ×": kept | {"section": ["Mẫu"], "published_from": ["2023-01-01"]},
        "From: 1 January 2023 ×": kept | {"section": ["Mẫu", "Kinh tế"]},
    }
    assert "Remove the filter Section: Mẫu" in page.xpath("//a[@class='chip']/@aria-label")
    assert query(hrefs(page, "//a[@class='chip-all']")[0]) == kept


def test_a_time_as_bound_keeps_its_offset(client):
    page = tree(client.get("/search?q=gốm&published_to=2023-11-07T10:04:00Z&section=Mẫu"))
    chips = {text(chip): query(chip.get("href")) for chip in page.xpath("//a[@class='chip']")}
    assert chips["Chuyên mục: Mẫu ×"]["published_to"] == ["2023-11-07T17:04:00+07:00"]
    assert "Đến: 07/11/2023 17:04 ×" in chips


def facets(page):
    """Return what the page offers to narrow by: name → (value, count), and the query behind each value."""
    return {
        text(one.xpath("./summary")[0]): {
            text(item.xpath("./a")[0]): (text(item.xpath("./span")[0]), query(item.xpath("./a")[0].get("href")))
            for item in one.xpath(".//li")
        }
        for one in page.xpath("//aside/details[@class='facet']")
    }


def test_sections_sources_authors_and_tags_of_the_hits_are_offered_as_filters(client):
    found = facets(tree(client.get("/search?q=gốm+Lũng+Vài&offset=0")))
    assert set(found) == {"Chuyên mục", "Nguồn", "Tác giả", "Thẻ"}
    assert found["Chuyên mục"] == {
        "Mẫu": ("11", {"q": ["gốm Lũng Vài"], "section": ["Mẫu"]}),
        "Kinh tế": ("1", {"q": ["gốm Lũng Vài"], "section": ["Kinh tế"]}),
        "Đời sống": ("1", {"q": ["gốm Lũng Vài"], "section": ["Đời sống"]}),
        SCRIPT: ("1", {"q": ["gốm Lũng Vài"], "section": [SCRIPT]}),
    }
    assert found["Thẻ"]["làng nghề"] == ("1", {"q": ["gốm Lũng Vài"], "tag": ["làng nghề"]})


def test_what_is_chosen_stays_with_its_neighbours_and_can_be_taken_back(client):
    page = tree(client.get("/search?q=gốm+Lũng+Vài&section=Mẫu&section=Đời+sống"))
    found = facets(page)
    assert set(found) == {"Chuyên mục", "Nguồn", "Tác giả", "Thẻ"}
    sections = found["Chuyên mục"]
    assert list(sections)[:2] == ["Mẫu", "Đời sống"]
    assert sections["Mẫu"] == ("11", {"q": ["gốm Lũng Vài"], "section": ["Đời sống"]})
    assert sections["Kinh tế"] == ("1", {"q": ["gốm Lũng Vài"], "section": ["Kinh tế"]})
    chosen = page.xpath("//details[@class='facet'][1]//a[@aria-current]")
    assert [link.get("aria-label") for link in chosen] == ["Bỏ lọc Chuyên mục: Mẫu", "Bỏ lọc Chuyên mục: Đời sống"]
    added = [query(href)["section"] for href in hrefs(page, "//a[@class='also']")]
    assert ["Mẫu", "Đời sống", "Kinh tế"] in added
    assert found["Nguồn"]["Báo Lũng Vài"][1]["section"] == ["Mẫu", "Đời sống"]
    assert [text(chip) for chip in page.xpath("//a[@class='chip']")] == ["Chuyên mục: Mẫu ×", "Chuyên mục: Đời sống ×"]


def test_what_all_hits_have_narrows_nothing(client):
    assert set(facets(tree(client.get("/search?q=gốm&author=Giàng+Mí+Lử")))) == {"Tác giả"}


def test_a_count_is_the_number_of_articles_behind_its_link(client):
    for address in ("/search?q=gốm", "/search?q=lò&sort=newest", "/search?q=gốm&section=Mẫu", "/search?section=Mẫu"):
        page = tree(client.get(address))
        for item in page.xpath("//aside/details[@class='facet']//li[not(a[@aria-current])]"):
            behind = tree(client.get(item.xpath("./a")[0].get("href")))
            (shown,) = behind.xpath("//*[@data-range]")
            assert shown.text_content().split(" trong ")[1].split()[0] == text(item.xpath("./span")[0]), address


def test_rare_values_are_behind_a_click(client_of):
    lines = [{"id": f"b{at}", "title": f"lò gốm {at}", "section": f"Mục {at}"} for at in range(12)]
    page = tree(client_of(lines).get("/search?q=gốm"))
    assert len(page.xpath("//details[@class='facet']/ul/li")) == 8
    assert len(page.xpath("//details[@class='rarer']/ul/li")) == 4


def test_where_the_strong_matches_end_a_line_says_so(client):
    page = tree(client.get("/search?q=lò+gốm+Lũng+Vài+đỏ+lửa+trở+lại"))
    lists = page.xpath("//ol[contains(@class, 'hits')]")
    strong = client.get("/api/v1/search?q=lò+gốm+Lũng+Vài+đỏ+lửa+trở+lại").json["strong"]
    assert 0 < strong < 10
    assert [len(one.xpath("./li")) for one in lists] == [strong, 10 - strong]
    assert lists[1].get("start") == str(strong + 1)
    assert text(page.xpath("//h2[@class='weaker']")[0]) == "Có thể liên quan"
    assert not tree(client.get("/search?q=lò+gốm&sort=newest")).xpath("//h2[@class='weaker']")


def test_where_nothing_fits_well_the_nearest_are_shown(client):
    page = tree(client.get("/search?q=zzzz"))
    assert "Không có bài nào thật khớp" in text(page.xpath("//div[@class='weak']")[0])
    assert page.xpath("//ol[contains(@class, 'hits')]/li")


def test_a_section_can_be_read_without_a_query(client):
    page = tree(client.get("/search?section=Kinh+tế"))
    assert text(page.xpath("//h1")[0]) == "Các bài viết"
    assert len(page.xpath("//ol[contains(@class, 'hits')]/li")) == 1


def test_a_value_too_long_to_ask_for_is_not_offered(client_of):
    lines = [{"id": f"b{at}", "title": f"lò gốm {at}", "section": "x" * (512 + at)} for at in range(2)]
    found = facets(tree(client_of(lines).get("/search?q=gốm")))
    assert list(found["Chuyên mục"]) == ["x" * 512]


UNDERSTOOD = "//div[@class='understood']"


def test_how_the_query_was_read_is_shown_and_can_be_undone(client_of):
    client = client_of([{"id": "a", "title": "Bảo hiểm xã hội", "body": "Bảo hiểm xã hội (BHXH)."}, *LINES[:2]])
    page = tree(client.get("/search?q=bao+hiem+xa+hoi&section=x&offset=0"))
    assert text(page.xpath(UNDERSTOOD)[0]) == "Đã hiểu là: bảo hiểm xã hội cũng tìm: BHXH Tìm đúng như đã gõ"
    href = hrefs(page, f"{UNDERSTOOD}//a")[0]
    assert query(href) == {"q": ["bao hiem xa hoi"], "section": ["x"], "literal": ["true"]}
    assert query(hrefs(page, "//section[@class='empty']//li/a")[0]) == query(href)
    literal = tree(client.get(href))
    assert text(literal.xpath(UNDERSTOOD)[0]) == "Đang tìm đúng như đã gõ. Để Liên Quan đoán ý"
    assert query(hrefs(literal, f"{UNDERSTOOD}//a")[0]) == {"q": ["bao hiem xa hoi"], "section": ["x"]}
    dates = literal.xpath("//form[@class='dates']//input[@name='literal']/@value")
    assert dates == ["true"]
    assert not literal.xpath("//form[@role='search']//input[@name='literal']")


def test_what_is_misspelt_is_told_and_can_be_undone(client_of):
    client = client_of([{"id": "a", "title": "Bảo hiểm xã hội"}, *LINES[:2]])
    page = tree(client.get("/search?q=bảo+hiễm+xã+hội"))
    told = text(page.xpath(UNDERSTOOD)[0])
    assert told.startswith("Đã tìm cả: bảo hiểm xã hội")
    assert told.endswith("Tìm đúng như đã gõ")
    assert query(hrefs(page, f"{UNDERSTOOD}//a")[0]) == {"q": ["bảo hiễm xã hội"], "literal": ["true"]}
    english = tree(client.get("/search?q=bảo+hiễm+xã+hội&lang=en"))
    assert text(english.xpath(UNDERSTOOD)[0]).startswith("Also searched for: bảo hiểm xã hội")


def test_what_may_be_misspelt_is_asked_after(client_of, monkeypatch):
    unsure = Misspelling(1, "hiễm", "<hiểm>", sure=False, replaces=True)
    monkeypatch.setattr(Speller, "find", lambda *arguments: [unsure])
    client = client_of([{"id": "a", "title": "Bảo hiểm xã hội"}, *LINES[:2]])
    page = tree(client.get("/search?q=bảo+hiễm&section=x"))
    assert text(page.xpath(f"{UNDERSTOOD}//p")[0]) == "Có phải bạn muốn tìm bảo <hiểm>?"
    assert query(hrefs(page, f"{UNDERSTOOD}//a")[0]) == {"q": ["bảo <hiểm>"], "section": ["x"]}
    assert "Đã tìm cả" not in text(page.xpath(UNDERSTOOD)[0])


def test_in_english_it_says_the_same(client_of):
    client = client_of([{"id": "a", "title": "Bảo hiểm xã hội"}])
    page = tree(client.get("/search?q=bao+hiem+xa+hoi&lang=en"))
    assert "Understood as: bảo hiểm xã hội" in text(page.xpath(UNDERSTOOD)[0])
    assert query(hrefs(page, f"{UNDERSTOOD}//a")[0])["lang"] == ["en"]


def test_a_query_taken_as_typed_is_not_talked_about(client):
    assert not tree(client.get("/search?q=lò+gốm+Lũng+Vài")).xpath(UNDERSTOOD)


def test_a_renamed_place_is_written_as_a_name(client):
    page = tree(client.get("/search?q=Bình+Dương"))
    assert "cũng tìm: Thành phố Hồ Chí Minh" in text(page.xpath(UNDERSTOOD)[0])


@pytest.mark.parametrize(
    ("asked", "said"),
    [('"lửa+gốm+lò"', "Không bài nào có nguyên cụm từ"), ("nung+-gốm+-html", "Bài nào cũng có từ bạn muốn loại")],
)
def test_what_was_passed_over_is_said(client, asked, said):
    page = tree(client.get(f"/search?q={asked}&tag=gốm"))
    assert said in text(page.xpath(UNDERSTOOD)[0])


def test_what_was_looked_for_is_marked(client):
    first = tree(client.get("/search?q=lò+gốm+canh+lửa")).xpath("//ol/li[1]")[0]
    assert [text(one) for one in first.xpath(".//h2//mark")] == ["Lò gốm", "lửa"]
    assert [text(one) for one in first.xpath(".//p[@class='hit-lead']//mark")] == ["lò", "gốm"]
    passage = first.xpath(".//p[@class='passage']")[0]
    assert text(passage) == "Sáng sớm, khói lên từ lò gốm. Cụ Vừ Chả Sính ngồi canh lửa."
    assert [text(one) for one in passage.xpath(".//mark")] == ["lò gốm", "canh lửa"]


def test_no_passage_where_the_lead_says_as_much(client):
    first = tree(client.get("/search?q=lò+gốm+Lũng+Vài")).xpath("//ol/li[1]")[0]
    assert not first.xpath(".//p[@class='passage']")


@pytest.mark.parametrize(("language", "said"), [("vi", "2 bài tương tự"), ("en", "2 similar articles")])
def test_reprints_are_counted(client_of, language, said):
    lines = [{"id": f"b{at}", "title": "Lò gốm đỏ lửa", "published_at": f"2024-01-0{at}"} for at in (1, 2, 3)]
    page = tree(client_of(lines).get(f"/search?q=gốm&lang={language}"))
    assert hrefs(page, "//ol//h2/a")[0].startswith("/articles/b3")
    behind = page.xpath("//ol/li[1]//details")[0]
    assert text(behind.xpath("./summary")[0]) == said
    suffix = "?lang=en" if language == "en" else ""
    assert sorted(hrefs(behind, ".//a")) == [f"/articles/b1{suffix}", f"/articles/b2{suffix}"]


def test_a_few_of_many_reprints_are_named_whatever_the_order_and_page(client_of):
    lines = [
        {"id": f"{name}{at}", "title": f"Lò gốm {name}", "body": f"Mẻ {name}", "published_at": f"2024-01-{at:02d}"}
        for name in "ab"
        for at in range(1, 9)
    ]
    client = client_of(lines)
    for sort in ("relevance", "newest"):
        for offset in (0, 1):
            page = tree(client.get(f"/search?q=gốm&limit=1&offset={offset}&sort={sort}"))
            shown = hrefs(page, "//ol//h2/a")[0].rsplit("/", 1)[1]
            behind = [href.rsplit("/", 1)[1] for href in hrefs(page, "//details[@class='behind']//a")]
            assert shown[1:] == "8"
            assert len(behind) == 5
            assert {one[0] for one in behind} == {shown[0]}
            assert shown not in behind
            assert "7 bài tương tự" in text(page)


def test_every_kind_of_suggestion_has_a_word():
    assert set(VI.kinds) == set(EN.kinds) == set(get_args(SuggestionKind))


def test_one_similar_article_in_words():
    assert (EN.copies(1), VI.copies(1), EN.copies(1000)) == (
        "1 similar article",
        "1 bài tương tự",
        "1,000 similar articles",
    )


def test_forms_carry_the_filters_on(client):
    page = tree(client.get("/search?q=gốm&tag=gốm&published_from=2023-01-01&sort=newest&lang=en&offset=3"))

    def fields(form):
        return [(field.get("name"), field.get("value")) for field in form.xpath(".//input")]

    search, dates = page.xpath("//form")
    rest = [("tag", "gốm"), ("published_from", "2023-01-01"), ("sort", "newest"), ("lang", "en")]
    assert sorted(fields(search)) == sorted([("q", "gốm"), *rest])
    assert sorted(fields(dates)) == sorted([("q", "gốm"), *rest, ("published_to", "")])


def test_pages_follow_one_another(client):
    seen, href = [], "/search?q=gốm&limit=5&lang=en"
    while href:
        page = tree(client.get(href))
        seen += hrefs(page, "//ol//h2/a")
        href = next(iter(hrefs(page, "//a[@rel='next']")), None)
    assert len(seen) == len(set(seen)) == PUBLIC
    assert all(link.endswith("?lang=en") for link in seen)
    back = hrefs(page, "//a[@rel='prev']")[0]
    assert query(back) == {"q": ["gốm"], "limit": ["5"], "offset": ["5"], "lang": ["en"]}


def test_range_and_start_of_the_list(client):
    page = tree(client.get("/search?q=gốm&limit=5&offset=5"))
    assert f"Bài 6–10 trong {PUBLIC} bài viết" in text(page)
    assert page.xpath("//ol/@start") == ["6"]
    assert "Trang 2" in text(page)


def test_newest_first(client):
    page = tree(client.get("/search?q=lò+gốm+Lũng+Vài&sort=newest&ranking=similarity"))
    assert hrefs(page, "//ol//h2/a")[:2] == ["/articles/hop-tac-xa", "/articles/lo-gom"]
    current = page.xpath("//*[@aria-current]")
    assert [text(one) for one in current] == ["Mới nhất"]
    assert query(hrefs(page, "//aside//nav[1]//a")[0]) == {"q": ["lò gốm Lũng Vài"], "ranking": ["similarity"]}


def test_nothing_found_helps(client):
    page = tree(client.get("/search?q=gốm&section=Thể+thao"))
    assert "Không tìm thấy bài nào" in text(page)
    assert "bỏ bớt bộ lọc" in text(page)
    assert query(hrefs(page, "//section//a[@class='action']")[0]) == {"q": ["gốm"]}


@pytest.fixture(scope="module")
def strict(client_of):
    return client_of(LINES[:2])


@pytest.mark.parametrize(
    ("asked", "tried"),
    [
        ("lũng vài zzz", ["Lũng Vài"]),
        ("đời sống", ["Đời sống"]),
        ("zzz lũng vài", []),
        ("làng nghề ở xa xôi mãi tận đâu đó zzz yyy", ["làng nghề"]),
    ],
)
def test_where_nothing_is_found_other_searches_are_offered(strict, asked, tried):
    page = tree(strict.get("/search", query_string={"q": asked, "section": "Thể thao", "lang": "en"}))
    links = page.xpath("//section[@class='empty']//a[@class='chip']")
    assert [text(link) for link in links][:1] == tried
    assert [query(link.get("href")) for link in links][:1] == [{"q": [one], "lang": ["en"]} for one in tried]


def test_beyond_the_last_page(client):
    page = tree(client.get("/search?q=gốm&offset=900"))
    assert "Đã hết kết quả" in text(page)
    assert not page.xpath("//a[@rel='next']")
    assert query(hrefs(page, "//a[@rel='prev']")[0])["offset"] == [str(PUBLIC - 10)]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("limit=1&limit=2", "limit"),
        ("offset=995", "offset"),
        ("sort=oldest", "sort"),
        ("published_from=hôm+qua", "published_from"),
    ],
)
def test_a_parameter_not_as_expected_is_named(client, given, field):
    response = client.get(f"/search?q=gốm&{given}", headers=HTML)
    page = tree(response)
    assert (response.status_code, response.mimetype) == (400, "text/html")
    assert page.xpath("//dd/code")[0].text == field
    assert "Lỗi 400" in text(page)


def test_a_query_too_long(client):
    response = client.get("/search?q=" + "x" * 513, headers=HTML)
    assert response.status_code == 400
    assert "at most 512 characters, found 513" in text(tree(response))


# The article


def test_article(client):
    page = tree(client.get("/articles/lo-gom"))
    story = text(page.xpath("//article[@class='story']")[0])
    for shown in (
        "Lò gốm Lũng Vài đỏ lửa trở lại",
        "Sau hai năm tắt lò",
        "Giàng Mí Lử",
        "Báo Lũng Vài",
        "Đời sống",
        "07/11/2023 17:04",
        "Cập nhật 08/11/2023 08:00",
        "làng nghề",
    ):
        assert shown in story
    paragraphs = page.xpath("//div[@class='body']/p")
    assert [p.text for p in paragraphs] == ["Sáng sớm, khói lên từ lò gốm.", "Cụ Vừ Chả Sính ngồi canh lửa."]
    original = page.xpath("//a[@rel='noopener']")[0]
    assert original.get("href") == "https://bao.example/lo-gom.html"
    assert "bao.example" in text(original)
    assert page.xpath("//title")[0].text == "Lò gốm Lũng Vài đỏ lửa trở lại – Liên Quan"
    description = page.xpath("//meta[@name='description']/@content")
    assert description == ["Sau hai năm tắt lò, tổ thợ gốm Lũng Vài nung mẻ đầu tiên."]
    assert page.xpath("//time/@datetime")[0] == "2023-11-07T17:04:00+07:00"


def test_related_block(client):
    page = tree(client.get("/articles/lo-gom?lang=en"))
    found = page.xpath("//aside[@class='related']//li")
    assert len(found) == 5  # of eleven that tell the same, two; nothing else of its section fills up
    links = hrefs(page, "//aside//h3/a")
    assert "/articles/hop-tac-xa?lang=en" in links
    assert "/articles/lo-gom?lang=en" not in links
    listed = text(found[links.index("/articles/hop-tac-xa?lang=en")])
    assert "Kinh tế" in listed
    assert "1 December 2023" in listed
    assert "Mười hai thợ gốm" in listed
    assert text(found[links.index("/articles/hop-tac-xa?lang=en")].xpath(".//p[@class='meta'][2]")[0]) == (
        "both name Lũng Vài"
    )


TOLD = ["xe tải xếp hàng", "giá mười nghìn", "mưa đá hỏng quả", "trẻ con nghỉ học", "đường liên thôn", "trạm cân"]
MANY = [
    {
        "id": f"cam-{at}",
        "title": f"Cam sành Bắc Quyết: {TOLD[at % 6]} {at * 37 % 11}",
        "lead": "Sáng nay hợp tác xã Bắc Quyết cắt mẻ cam sành đầu tiên, thương lái chờ sẵn ở đầu dốc.",
        "body": f"{TOLD[at % 6]} {TOLD[(at * 5 + 1) % 6]} {at * at}.\n" * (6 if at == 0 else 1),
        "published_at": f"2024-01-{at + 1:02d}",
    }
    for at in range(16)
] + [
    {"id": f"khac-{at}", "title": f"Chuyện khác số {at} ở phố núi", "body": f"máy cày {at} hỏng giữa đồng {at * 3}"}
    for at in range(40)
]


@pytest.fixture(scope="module")
def many(client_of):
    return client_of(MANY, min_related=0, duplicates="best", fallbacks=("newest",))


def test_three_blocks_and_no_article_twice(many):
    page = tree(many.get("/articles/cam-0"))
    blocks = [hrefs(page, f"//aside[@class='{name}']//li//a") for name in ("teasers", "related", "headlines")]
    assert [len(block) for block in blocks] == [3, 6, 5]
    assert len({href for block in blocks for href in block} - {"/articles/cam-0"}) == 14
    for name in ("teasers", "related", "headlines"):
        for item in page.xpath(f"//aside[@class='{name}']//li"):
            assert text(item.xpath(".//p[contains(@class, 'meta')][last()]")[0])
    body = page.xpath("//div[@class='body']/*")
    assert [one.tag for one in body] == ["p"] * 3 + ["aside"] + ["p"] * 3


def test_in_a_short_text_stand_no_teasers(many):
    page = tree(many.get("/articles/cam-1"))
    assert not page.xpath("//aside[@class='teasers']")
    assert page.xpath("//aside[@class='related']//li")


def test_an_only_article_has_nothing_related(client_of):
    page = tree(client_of([LINES[0]]).get("/articles/lo-gom"))
    assert "Chưa có bài nào liên quan" in text(page)


@pytest.mark.parametrize("odd", ODD_IDS)
def test_odd_ids_are_reached_by_their_links(client, odd):
    page = tree(client.get("/search?q=gốm&section=Mẫu&limit=100"))
    title = f"Mẫu gốm thứ {ODD_IDS.index(odd)}"
    href = hrefs(page, f"//h2/a[.='{title}']")[0]
    response = client.get(href)
    assert response.status_code == 200
    assert title in text(tree(response).xpath("//h1")[0])


@pytest.mark.parametrize("alias", ["bai-cu-7", "l%C3%B2%20c%C5%A9"])
def test_an_old_id_leads_to_the_articles_own(client, alias):
    response = client.get(f"/articles/{alias}")
    assert (response.status_code, response.location) == (301, "/articles/lo-gom")
    assert client.get(f"/articles/{alias}?lang=en").location == "/articles/lo-gom?lang=en"


@pytest.mark.parametrize("hidden", ["mai", "mai-cu", "xua", "khong-co", "%ED%A0%80", "x" * 500])
def test_what_is_not_public_is_not_found(client, hidden):
    response = client.get(f"/articles/{hidden}", headers=HTML)
    page = tree(response)
    assert (response.status_code, response.mimetype) == (404, "text/html")
    assert "Không tìm thấy trang" in text(page)
    assert page.xpath("//form[@role='search']")


def test_the_text_is_for_subscribers(client_of):
    page = client_of(LINES, expose_body=False).get("/articles/lo-gom").get_data(as_text=True)
    assert "Sau hai năm tắt lò" in page
    assert "canh lửa" not in page
    assert "toàn văn ở báo đã đăng bài" in page


def test_tags_and_section_lead_to_their_pages(client):
    page = tree(client.get("/articles/lo-gom"))
    assert hrefs(page, "//article[@class='story']//a[@class='section']") == ["/sections/" + quote("Đời sống")]
    tags = hrefs(page, "//a[@class='chip']")
    assert tags[1] == "/tags/" + quote("làng nghề")
    assert hrefs(tree(client.get(tags[1])), "//ol//h2/a") == ["/articles/lo-gom"]


def test_a_tag_too_long_to_search_for_is_no_link(client_of):
    page = tree(client_of([LINES[0] | {"tags": ["x" * 513], "section": "y" * 513}]).get("/articles/lo-gom"))
    assert not hrefs(page, "//article//a[contains(@href, '/search') or starts-with(@href, '/tags')]")
    assert not hrefs(page, "//article//a[starts-with(@href, '/sections')]")
    assert "x" * 513 in text(page)


# What machines read


def test_metadata_of_an_article(client):
    page = tree(client.get("/articles/lo-gom?lang=en"))
    assert hrefs(page, "//link[@rel='canonical']") == ["https://bao.example/lo-gom.html"]
    found = [(one.get("property"), one.get("content")) for one in page.xpath("//meta[@property]")]
    assert ("og:title", "Lò gốm Lũng Vài đỏ lửa trở lại") in found
    assert ("og:url", "https://bao.example/lo-gom.html") in found
    assert ("article:tag", "làng nghề") in found
    data = json.loads(page.xpath("//script[@type='application/ld+json']/text()")[0])
    assert data["headline"] == "Lò gốm Lũng Vài đỏ lửa trở lại"
    assert not page.xpath("//meta[@name='robots']")


def test_pages_name_themselves_as_readers_reach_them(client_of):
    client = client_of(LINES[1:2], public_url="https://tim.bao.example/")
    page = tree(client.get("/articles/hop-tac-xa?utm_source=x&lang=en"))
    assert hrefs(page, "//link[@rel='canonical']") == ["https://tim.bao.example/articles/hop-tac-xa"]
    assert hrefs(tree(client.get("/")), "//link[@rel='canonical']") == ["https://tim.bao.example/"]


HOST = "xau.example"


@pytest.mark.parametrize(
    "headers",
    [{"Host": HOST}, {"Host": f"localhost:80@{HOST}"}, {"X-Forwarded-Host": HOST, "X-Forwarded-Proto": "https"}],
)
def test_a_host_that_somebody_made_up_is_on_no_page(client_of, headers):
    """Web cache poisoning: a cache hands what one request named to everyone."""
    lines = [LINES[0] | {"url": None, "aliases": ["tên-cũ"]}]
    client = client_of(lines, min_related=0, open_newsroom=False, trusted_hops=1)
    paths = [
        "/",
        "/search?q=gốm",
        "/search",
        "/articles/lo-gom",
        "/articles/tên-cũ",
        "/articles/khong-co",
        "/robots.txt",
    ]
    paths += ["/newsroom", "/newsroom/", "//newsroom", f"//{HOST[:3]}/newsroom", "/api/docs", "/api/v1/openapi.json"]
    paths += [
        "/api/v1/search?q=gốm",
        "/api/v1/articles/lo-gom/related",
        "/api/v1/related",
        "/static/v1/lienquan-related.js",
    ]
    seen = set()
    for path in paths:
        for accept in ("text/html", "application/json"):
            answer = client.get(path, headers={"Accept": accept} | headers)
            seen.add(answer.status_code)
            assert HOST not in answer.get_data(as_text=True) + str(answer.headers), path
            location = answer.headers.get("Location", "/")
            assert location.startswith("/")
            assert not location.startswith("//")
    assert seen >= {200, 301, 303, 308, 403, 404}


def test_without_a_public_address_what_has_to_be_whole_is_left_out(client_of):
    client = client_of([LINES[0] | {"url": None}])
    page = tree(client.get("/articles/lo-gom?lang=en"))
    assert hrefs(page, "//link[@rel='canonical']") == ["/articles/lo-gom"]
    assert not page.xpath("//meta[@property='og:url']")
    data = json.loads(page.xpath("//script[@type='application/ld+json']/text()")[0])
    assert data["headline"]
    assert not {"url", "mainEntityOfPage"} & set(data)
    home = tree(client.get("/"))
    assert hrefs(home, "//link[@rel='canonical']") == ["/"]
    assert not home.xpath("//meta[@property='og:url']")


def test_search_engines_list_articles_and_no_searches(client):
    assert client.get("/robots.txt").get_data(as_text=True) == (
        "User-agent: *\nDisallow: /search\nDisallow: /newsroom/\nDisallow: /api/\n"
    )
    assert client.get("/robots.txt").mimetype == "text/plain"
    assert tree(client.get("/search?q=gốm")).xpath("//meta[@name='robots']/@content") == ["noindex"]


def test_search_engines_can_be_kept_out(client_of):
    client = client_of(LINES[:2], robots="noindex")
    assert client.get("/robots.txt").get_data(as_text=True) == "User-agent: *\nDisallow: /\n"
    for path in ("/", "/articles/lo-gom", "/search?q=gốm"):
        assert tree(client.get(path)).xpath("//meta[@name='robots']/@content") == ["noindex"]


# Pictures

PICTURED = [
    LINES[0] | {"image_url": "https://anh.bao.example/lo.jpg", "body": "Một.\nHai."},
    LINES[1] | {"image_url": "https://khac.example/x.jpg"},
    LINES[2] | {"image_url": "javascript:alert(1)"},
]


def test_no_picture_of_another_host_unless_a_setting_names_it(client_of):
    client = client_of(PICTURED, min_related=0)
    for path in ("/search?q=gốm", "/articles/hop-tac-xa", "/articles/lo-gom"):
        page = tree(client.get(path))
        assert page.xpath("//main//img | //*[@class='picture']") == []


def test_pictures_of_named_hosts_are_sized_and_lazy(client_of):
    client = client_of(PICTURED, min_related=0, picture_hosts=("anh.bao.example",))
    response = client.get("/search?q=gốm")
    assert "img-src 'self' https://anh.bao.example;" in response.headers["Content-Security-Policy"]
    page = tree(response)
    (image,) = page.xpath("//main//img")
    assert dict(image.attrib) == {
        "src": "https://anh.bao.example/lo.jpg",
        "alt": "",
        "width": "160",
        "height": "107",
        "loading": "lazy",
        "decoding": "async",
        "data-instead": "Đ",
    }
    assert [text(one) for one in page.xpath("//ol//*[@class='picture']/span")].count("K") == 1
    assert len(page.xpath("//ol//*[@class='picture']")) == len(page.xpath("//ol/li"))
    large = tree(client.get("/articles/lo-gom")).xpath("//article//img")[0]
    assert (large.get("src"), large.get("loading")) == ("https://anh.bao.example/lo.jpg", None)


# What never reaches a page


@pytest.mark.parametrize("path", ["/search?q=lò+gốm", "/articles/xau", "/articles/lo-gom"])
def test_markup_in_an_article_is_text(client_of, path):
    page = tree(client_of(LINES[:3], min_related=0).get(path))
    assert not page.xpath(f"{INLINE} | //img[not(starts-with(@src, '/static/'))] | //main//b")
    assert SCRIPT in text(page)


def test_body_html_is_shown_as_its_text(client):
    page = tree(client.get("/articles/html"))
    assert [p.text for p in page.xpath("//div[@class='body']/p")] == ["Đoạn một <b>", "Đoạn hai"]


def test_queries_and_filters_are_text(client):
    page = tree(client.get("/search", query_string={"q": SCRIPT, "section": SCRIPT, "author": '" onfocus="x'}))
    assert not page.xpath(f"{INLINE} | //*[@onfocus]")
    assert f"Kết quả cho “{SCRIPT}”" in text(page)


@pytest.mark.parametrize("article_id", ["xau", "html"])
def test_only_web_addresses_are_linked(client, article_id):
    page = tree(client.get(f"/articles/{article_id}"))
    assert not page.xpath("//a[@rel='noopener']")
    assert hrefs(page, "//link[@rel='canonical']") == [f"/articles/{article_id}"]
    assert all(urlsplit(href).scheme in {"", "https"} for href in hrefs(page, "//a"))


POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PATHS = [
    "/",
    "/search?q=lò+gốm",
    "/search?q=gốm&section=Thể+thao&published_from=2023-01-01",
    "/articles/lo-gom",
    "/articles/xau",
    "/articles/khong-co",
    "/search?q=gốm&limit=0",
    "/khong/co",
    "/api/docs",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_page_is_whole_and_brings_nothing_from_elsewhere(client, path, language):
    path += ("&" if "?" in path else "?") + "lang=en" if language == "en" else ""
    response = client.get(path, headers=HTML)
    page = tree(response)
    assert response.headers["Content-Security-Policy"] == POLICY
    assert page.get("lang") == language
    assert text(page.xpath("//title")[0])
    assert page.xpath("//meta[@name='description']/@content")[0]
    assert len(page.xpath("//h1")) == 1
    assert hrefs(page, "//a[@class='skip']") == ["#content"]
    assert page.xpath("//main[@id='content']")
    assert not page.xpath(f"{INLINE} | //style | //*[@style] | //iframe | //@*[starts-with(name(), 'on')]")
    loaded = page.xpath("//link[not(@rel='canonical')]/@href | //script/@src | //img/@src | //form/@action")
    assert all(address.startswith("/") and not address.startswith("//") for address in loaded)
    other = page.xpath("//nav[@class='languages']/a")[0]
    assert (other.get("lang"), other.get("href").startswith("?")) == ("en" if language == "vi" else "vi", True)
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    known = {f"#{one}" for one in ids}
    assert {href for href in hrefs(page, "//a") if href.startswith("#")} <= known
    own = [href for href in hrefs(page, "//a") if href.startswith("/") and "openapi.json" not in href]
    assert all(("lang=en" in href) is (language == "en") for href in own)


def test_the_other_language_shows_the_same(client):
    page = tree(client.get("/search?q=gốm&section=Mẫu&utm_source=x"))
    there = hrefs(page, "//nav[@class='languages']/a")[0]
    assert query(there) == {"q": ["gốm"], "section": ["Mẫu"], "utm_source": ["x"], "lang": ["en"]}
    back = hrefs(tree(client.get(f"/search{there}")), "//nav[@class='languages']/a")[0]
    assert query(back) == {"q": ["gốm"], "section": ["Mẫu"], "utm_source": ["x"]}


def test_odd_bytes_in_an_address_do_no_harm(client):
    assert client.get("/search?q=%FF%ED%A0%80", headers=HTML).status_code == 200
    assert client.get("/khong?x=%FF%ED%A0%80", headers=HTML).status_code == 404


@pytest.mark.parametrize(("name", "kind"), [("style.css", "text/css"), ("favicon.svg", "image/svg+xml")])
def test_static_files(client, name, kind):
    with client.application.test_request_context():
        address = url_for("static", filename=name)
    response = client.get(address)
    assert (response.status_code, response.mimetype) == (200, kind)
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert not re.search(r"@import|url\(", response.get_data(as_text=True))
    packed = client.get(address, headers={"Accept-Encoding": "br;q=1, gzip;q=0.8"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == response.data
    assert "Content-Encoding" not in client.get(address, headers={"Accept-Encoding": "gzip;q=0"}).headers


def test_a_page_of_another_version_still_gets_its_files(client):
    response = client.get("/static/0123456789ab/style.css")
    assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-cache")


def test_a_file_that_did_not_change_is_not_sent_again(client):
    for path in ("/static/0123456789ab/style.css", "/static/v1/lienquan-related.js"):
        first = client.get(path)
        again = client.get(path, headers={"If-None-Match": first.headers["ETag"], "Accept-Encoding": "gzip"})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
        assert client.get(path, headers={"If-None-Match": 'W/"khác"'}).data == first.data


def test_any_site_may_load_what_is_made_for_other_sites_and_nothing_else(client):
    for version in ("v1", "0123456789ab"):
        response = client.get(f"/static/{version}/lienquan-related.js", headers={"Origin": "https://bao.example"})
        assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.mimetype == "text/javascript"
    for path in ("/static/v1/search.js", "/static/v1/khong.js", "/"):
        response = client.get(path, headers={"Origin": "https://bao.example"})
        assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("path", ["/static/x/khong.css", "/static/style.css", "/static/x/..%2Fapp.py"])
def test_no_other_file_is_served(client, path):
    assert client.get(path).status_code == 404


# Trouble


@pytest.mark.parametrize("path", ["/", "/search?q=gốm", "/articles/lo-gom"])
def test_before_the_first_snapshot(empty, path):
    response = empty.get(path, headers=HTML)
    page = tree(response)
    assert (response.status_code, response.mimetype) == (503, "text/html")
    assert response.headers["Retry-After"] == "5"
    assert "Sắp sẵn sàng" in text(page)
    assert "lienquan index" in text(page)
    retry = query(hrefs(page, "//a[@class='action']")[0])
    assert retry == query(path)


def test_an_error_in_english(client):
    page = tree(client.get("/khong/co?lang=en&x=1", headers=HTML))
    assert "Page not found" in text(page)
    assert hrefs(page, "//nav[@class='languages']/a") == ["?x=1"]


# Colours


def test_contrast_of_text_in_light_and_dark():
    sheet = (ROOT / "static" / "style.css").read_text(encoding="utf-8")
    starts = [":root {", ':root:not([data-theme="light"]) {', ':root[data-theme="dark"] {']
    light, dark, chosen = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]+);", sheet.split(start)[1].split("}")[0])) for start in starts
    )
    assert dark == chosen
    for colours in (light, dark):
        pairs = [(a, b) for a in ("ink", "muted", "accent") for b in ("paper", "tint", "mark")]
        pairs.append(("on-accent", "accent"))
        for front, back in pairs:
            assert contrast(colours[front], colours[back]) >= 4.5, (front, back)
        assert contrast(colours["edge"], colours["paper"]) >= 3


def contrast(one, other):
    """Return the contrast of two colours as WCAG 2 counts it."""

    def luminance(colour):
        digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
        parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def test_of_english_words_the_page_names_the_usual_rendering_and_the_api_all(client_of):
    client = client_of([{"id": "a", "title": "Bãi công ở lò gốm", "lead": "Thợ bãi công."}])
    asked = {"q": "when did the strike begin", "ranking": "similarity"}
    page = client.get("/search", query_string=asked).get_data(as_text=True)
    assert re.findall(r'<b lang="vi">([^<]*)</b>', page) == ["đình công", "bắt đầu"]
    answer = client.get("/api/v1/search", query_string=asked).json
    told = {(one["kind"], one["typed"], one["also"]) for one in answer["query"]["expansions"]}
    assert ("translation", "strike", "bãi công") in told
    assert [hit["id"] for hit in answer["hits"]] == ["a"]
    assert "<mark>Bãi công</mark>" in page
