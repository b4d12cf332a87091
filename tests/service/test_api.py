"""The JSON face: what is answered, to the last key, and what is refused, by name."""

import json
import re
import string
from datetime import datetime, timedelta
from itertools import pairwise
from urllib.parse import quote

import pytest

from indexer.articles.article import VIETNAM
from models.hashing import HashingEncoder
from service import schemas
from service.app import create_app
from service.live import Live
from service.options import Options
from service.searcher import Searcher
from service.security.keys import KeyStore
from service.settings import Settings
from tests.conftest import wait_for

LINES = [
    {
        "id": "luong-cham",
        "title": "Công nhân may chờ lương ba tháng",
        "lead": "Xưởng may nợ lương.",
        "body": "Bà Lại Thị Nhàn nói xưởng hứa trả lương.\nĐến nay chưa ai nhận được.",
        "url": "https://baoden.example/lao-dong/luong-cham.html",
        "aliases": ["cu 1", "https://cu.baoden.example/1"],
        "section": "Việc làm",
        "author": "Cù Văn Tịnh",
        "source": "Báo Đèn",
        "tags": ["lương", "may mặc"],
        "published_at": "2023-11-07T17:04",
        "updated_at": "2023-11-07T11:00:00Z",
        "image_url": "https://baoden.example/a.jpg",
        "mã số": 17,
    },
    {"id": "luong-tang", "title": "Lương công nhân tăng từ tháng bảy", "published_at": "2023-07-01T00:30:00Z"},
    {"id": "a:b?c#d%e", "title": "Xưởng may mở lớp đêm", "section": "Đời sống"},
    {"id": "tin 1", "title": "Cháy kho giấy", "lead": "Không ai bị thương."},
    {"id": "ngay-mai", "title": "Lương công nhân mai sau", "published_at": "2100-01-01"},
]
ARTICLE_KEYS = [
    *("id", "title", "lead", "body", "body_html", "url", "aliases", "section", "author", "source", "tags"),
    *("published_at", "updated_at", "unpublish_at", "image_url", "extra"),
]
LIST_KEYS = ["snapshot", "took_ms", "total", "total_relation", "degraded", "hits"]
SEARCH_KEYS = [*LIST_KEYS, "strong", "query", "facets"]
HIT_KEYS = [
    *("id", "title", "url", "lead", "section", "author", "source", "published_at", "image_url"),
    *("score", "relevance", "similarity", "reasons"),
]
SEARCH_HIT_KEYS = [*HIT_KEYS, "copies", "highlights"]
RELATED_KEYS = [*LIST_KEYS, "missing_pins", "already_published", "explained"]
RELATED_HIT_KEYS = [*HIT_KEYS, "copies", "explanation"]
PUBLIC = 4


@pytest.fixture(scope="module")
def client(client_of):
    return client_of(LINES, min_related=0)


@pytest.fixture(scope="module")
def empty(client_of):
    return client_of()


def post(client, body, **options):
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post("/api/v1/related", data=data, content_type="application/json", **options)


def batch(client, lines, query="", key=None):
    data = lines if isinstance(lines, bytes) else "".join(json.dumps(line) + "\n" for line in lines)
    kind = "application/x-ndjson"  # read to its end and closed, so that another may follow
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return client.post(f"/api/v1/related:batch{query}", data=data, content_type=kind, buffered=True, headers=headers)


def key_of(client):
    return KeyStore(client.application.config["SETTINGS"].home).create("CMS", ["ingest"])[1]


def check_problem(response, status, *fields):
    """Assert that the answer is a problem document that names these fields and no others."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/problem+json"
    problem = response.json
    assert list(problem) == ["type", "title", "status", "detail", "errors"]
    assert (problem["type"], problem["status"]) == ("about:blank", status)
    assert problem["title"]
    assert [error["field"] for error in problem["errors"]] == list(fields)
    for error in problem["errors"]:
        assert list(error) == ["field", "value", "expected"]
        assert error["expected"]
        assert error["field"] in problem["detail"]
    return problem


LISTS = {
    "search": lambda client: client.get("/api/v1/search?q=lương+công+nhân"),
    "related by id": lambda client: client.get("/api/v1/articles/luong-tang/related"),
    "related by url": lambda client: client.get("/api/v1/related?url=https://cu.baoden.example/1"),
    "related in full": lambda client: post(client, {"seed": {"ids": ["tin 1"]}}),
    "draft": lambda client: post(client, {"seed": {"article": {"title": "Nợ lương", "lead": None, "body": "may"}}}),
}


class TestLists:
    @pytest.mark.parametrize(("name", "ask"), LISTS.items(), ids=LISTS)
    def test_every_key_is_there(self, client, name, ask):
        response = ask(client)
        assert response.status_code == 200, response.text
        assert response.mimetype == "application/json"
        answer = response.json
        assert list(answer) == (SEARCH_KEYS if name == "search" else RELATED_KEYS)
        assert re.fullmatch(r"\d{8}T\d{12}Z-[0-9a-f]{8}", answer["snapshot"])
        assert 0 < answer["took_ms"] < 10_000
        assert answer["total"] == len(answer["hits"]) >= PUBLIC - 1
        assert answer["total_relation"] == "eq"
        for hit in answer["hits"]:
            assert list(hit) == (SEARCH_HIT_KEYS if name == "search" else RELATED_HIT_KEYS)
            assert 0 <= hit["score"] <= hit["relevance"] <= 1
            assert -1 <= hit["similarity"] <= 1.00001
            if name == "search":
                assert hit["score"] == hit["relevance"]
                assert hit["reasons"] in [["words", "meaning"], ["meaning"]]
            else:
                assert hit["reasons"]
        if name == "search":
            assert all(a["score"] >= b["score"] for a, b in pairwise(answer["hits"]))

    def test_a_hit_says_what_its_article_does(self, client):
        hit = client.get("/api/v1/search?q=công+nhân+may+chờ+lương+ba+tháng").json["hits"][0]
        known = {name: value for name, value in LINES[0].items() if name in HIT_KEYS}
        assert {name: hit[name] for name in known} == known | {"published_at": "2023-11-07T17:04:00+07:00"}

    def test_unknown_is_null_and_a_date_in_utc_becomes_vietnam_s(self, client):
        hits = {hit["id"]: hit for hit in client.get("/api/v1/search?q=lương").json["hits"]}
        assert set(hits) == {line["id"] for line in LINES[:PUBLIC]}
        assert hits["luong-tang"]["published_at"] == "2023-07-01T07:30:00+07:00"
        absent = ("url", "lead", "author", "source", "published_at", "image_url")
        assert {hits["a:b?c#d%e"][name] for name in absent} == {None}

    def test_letters_are_sent_as_they_are(self, client):
        assert "Công nhân may chờ lương" in client.get("/api/v1/search?q=lương").text
        assert "Bà Lại Thị Nhàn" in client.get("/api/v1/articles/luong-cham").text

    def test_limit_offset_and_total(self, client):
        pages = [client.get(f"/api/v1/search?q=lương&limit=1&offset={at}").json for at in range(PUBLIC + 1)]
        assert [len(page["hits"]) for page in pages] == [1] * PUBLIC + [0]
        assert {page["total"] for page in pages} == {PUBLIC}
        whole = client.get("/api/v1/search?q=lương").json["hits"]
        assert [hit["id"] for page in pages for hit in page["hits"]] == [hit["id"] for hit in whole]

    def test_default_limits(self, client_of):
        words = "đê cầu chợ bến phà ga kho lúa mía chè rừng hồ suối đèo bãi vịnh đảo mỏ lò xưởng".split()
        lines = [{"id": f"n{at}", "title": f"bài về {word}"} for at, word in enumerate(words)]
        client = client_of(lines, min_related=0)
        assert len(client.get("/api/v1/search?q=bài").json["hits"]) == 10
        assert len(client.get("/api/v1/articles/n1/related").json["hits"]) == 6
        assert len(post(client, {"seed": {"ids": ["n1"]}}).json["hits"]) == 6
        assert client.get("/api/v1/search?q=bài").json["total"] == 20

    def test_a_total_may_be_more_than_paging_can_reach(self, client_of):
        client = client_of({"id": f"n{at}", "title": f"bài số {at}"} for at in range(1001))
        answer = client.get("/api/v1/search?q=bài&limit=1&offset=999&ranking=similarity").json
        assert (len(answer["hits"]), answer["total"], answer["total_relation"]) == (1, 1001, "eq")
        answer = client.get("/api/v1/articles/n1/related?ranking=similarity").json
        assert (answer["total"], answer["total_relation"]) == (1000, "eq")

    def test_snapshot_is_the_same_until_something_is_published(self, client):
        assert len({ask(client).json["snapshot"] for ask in LISTS.values()}) == 1

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ("section=việc LÀM", {"luong-cham"}),
            ("section=Việc làm&section=Đời sống", {"luong-cham", "a:b?c#d%e"}),
            ("tag=may mặc", {"luong-cham"}),
            ("source=Báo Đèn&author=Cù Văn Tịnh", {"luong-cham"}),
            ("author=Không Ai", set()),
            ("published_from=2023-07-02", {"luong-cham"}),
            ("published_from=2023-07-01&published_to=2023-07-01", {"luong-tang"}),
            ("published_from=2023-07-01&published_to= 2023-07-01 ", {"luong-tang"}),
            ("published_to=2023-07-01T07:29:59%2B07:00", set()),
            ("published_to=2023-07-01T00:30:00Z", {"luong-tang"}),
        ],
    )
    def test_filters_mean_the_same_everywhere(self, client, filters, expected):
        def found(response):
            assert response.status_code == 200, response.text
            return {hit["id"] for hit in response.json["hits"]}

        assert found(client.get(f"/api/v1/search?q=xưởng&{filters}")) == expected
        given = {}
        for pair in filters.replace("%2B", "+").split("&"):
            name, value = pair.split("=")
            given[name] = value if name.startswith("published") else [*given.get(name, []), value]
        assert found(client.get(f"/api/v1/articles/{quote('tin 1')}/related?{filters}")) == expected
        by_url = f"/api/v1/related?url=baoden.example/lao-dong/luong-cham.html&{filters}"
        assert found(client.get(by_url)) == expected - {"luong-cham"}
        assert found(post(client, {"seed": {"ids": ["tin 1"]}, "filters": given})) == expected

    def test_exclude_ids(self, client):
        response = client.get("/api/v1/articles/luong-tang/related?exclude_ids=luong-cham&exclude_ids=tin%201")
        assert [hit["id"] for hit in response.json["hits"]] == ["a:b?c#d%e"]
        response = post(client, {"seed": {"ids": ["luong-tang"]}, "exclude_ids": ["cu 1", "tin 1"]})
        assert [hit["id"] for hit in response.json["hits"]] == ["a:b?c#d%e"]

    def test_a_draft_is_not_kept_anywhere(self, client):
        assert post(client, {"seed": {"article": {"title": "x"}}}).headers["Cache-Control"] == "no-store"
        assert post(client, {"seed": {"ids": ["tin 1"]}}).headers["Cache-Control"] == "no-store"


class TestArticle:
    def test_the_archive_line_with_every_key(self, client):
        response = client.get("/api/v1/articles/luong-cham")
        assert (response.status_code, response.mimetype) == (200, "application/json")
        assert list(response.json) == ARTICLE_KEYS
        known = {name: value for name, value in LINES[0].items() if name != "mã số"}
        times = {"published_at": "2023-11-07T17:04:00+07:00", "updated_at": "2023-11-07T18:00:00+07:00"}
        rest = {"body_html": None, "unpublish_at": None, "extra": {"mã số": 17}}
        assert response.json == known | times | rest

    def test_null_where_unknown(self, client):
        line = client.get("/api/v1/articles/tin%201").json
        lists = {"aliases": [], "tags": [], "extra": {}}
        given = {"id": "tin 1", "title": "Cháy kho giấy", "lead": "Không ai bị thương."}
        assert line == dict.fromkeys(ARTICLE_KEYS) | lists | given

    def test_the_line_can_be_indexed_again(self, client, client_of):
        line = client.get("/api/v1/articles/luong-cham").json
        again = client_of([line]).get("/api/v1/articles/luong-cham").json
        assert again == line

    def test_ids_are_percent_encoded_and_aliases_answer(self, client):
        assert client.get("/api/v1/articles/" + quote("a:b?c#d%e", safe="")).json["id"] == "a:b?c#d%e"
        assert client.get("/api/v1/articles/cu%201").json["id"] == "luong-cham"
        assert client.get("/api/v1/articles/cu%201/related").json["total"] == PUBLIC - 1

    @pytest.mark.parametrize("gone", ["khong-co", "ngay-mai", "LUONG-CHAM", "%00", "a%5Cb", "%C4%91"])
    def test_not_found(self, client, gone):
        problem = check_problem(client.get(f"/api/v1/articles/{gone}"), 404, "id")
        assert problem["title"] == "Not found"
        check_problem(client.get(f"/api/v1/articles/{gone}/related"), 404, "id")

    def test_gone_when_its_time_has_passed(self, client_of):
        soon = datetime.now(VIETNAM) + timedelta(seconds=1.5)
        lines = [{"id": "a", "title": "một"}, {"id": "b", "title": "hai", "unpublish_at": soon.isoformat()}]
        client = client_of(lines)
        before = client.get("/api/v1/search?q=hai").json["total"]
        assert before == 2 or datetime.now(VIETNAM) >= soon
        wait_for(lambda: datetime.now(VIETNAM) >= soon)
        check_problem(client.get("/api/v1/articles/b"), 404, "id")
        assert client.get("/api/v1/search?q=hai").json["total"] == 1


MARKED = [
    {
        "id": "no",
        "title": "Bảo hiểm xã hội nợ <script>alert('bảo hiểm')</script>",
        "lead": "Tin <b>bảo hiểm</b> & nợ.",
        "body": "Mở bài.\nQuỹ bảo hiểm xã hội <img src=x onerror=y> thu nợ.",
        "section": "Chính sách",
        "source": "Báo Đèn",
        "tags": ["bảo hiểm", "nợ"],
        "published_at": "2023-01-02",
    },
    {"id": "no-2", "title": "Bảo hiểm xã hội thu nợ", "section": "chính sách", "tags": ["nợ"], "author": "Cù Văn Tịnh"},
    {
        "id": "dan",
        "title": "Bảo hiểm nông nghiệp",
        "lead": "Dẫn về bảo hiểm.",
        "body": "Thân bài khác.",
        "section": "Đời sống",
    },
    {"id": "goc", "title": "Nợ bảo hiểm kéo dài", "published_at": "2023-03-01"},
    {"id": "lai", "title": "Nợ bảo hiểm kéo dài", "published_at": "2023-03-02"},
    {
        "id": "mai",
        "title": "Bảo hiểm xã hội ngày mai",
        "section": "Mật",
        "author": "Mật Danh",
        "source": "Nguồn Mật",
        "tags": ["bảo hiểm mật", "nợ"],
        "published_at": "2100-01-01",
    },
    {"id": "xua", "title": "Bảo hiểm xã hội hôm qua", "section": "Mật", "tags": ["nợ"], "unpublish_at": "2023-01-01"},
]
TAGS = re.compile(r"</?mark>")


class TestSearch:
    @pytest.fixture(scope="class")
    @classmethod
    def marked(cls, client_of):
        return client_of(MARKED)

    def test_what_was_looked_for_is_marked_and_all_else_escaped(self, marked):
        answer = marked.get("/api/v1/search?q=bảo+hiểm+xã+hội+nợ").json
        hits = {hit["id"]: hit for hit in answer["hits"]}
        assert "<mark>Bảo hiểm xã hội nợ</mark> &lt;script&gt;" in hits["no"]["highlights"]["title"]
        assert "<mark>bảo hiểm xã hội</mark> &lt;img src=x" in hits["no"]["highlights"]["text"]
        for hit in hits.values():
            for part in hit["highlights"].values():
                assert "<" not in TAGS.sub("", part), part
                assert part.count("<mark>") == part.count("</mark>")

    def test_the_lead_stands_in_where_the_body_has_nothing_marked(self, marked):
        hits = {hit["id"]: hit for hit in marked.get("/api/v1/search?q=bảo+hiểm+nông+nghiệp").json["hits"]}
        assert hits["dan"]["highlights"]["text"] == "Dẫn về <mark>bảo hiểm</mark>."

    def test_facets_count_the_hits_that_may_be_seen(self, marked):
        answer = marked.get("/api/v1/search?q=bảo+hiểm&limit=1").json
        assert answer["total"] == 4
        assert answer["facets"] == {
            "section": [{"value": "Chính sách", "count": 2}, {"value": "Đời sống", "count": 1}],
            "source": [{"value": "Báo Đèn", "count": 1}],
            "author": [{"value": "Cù Văn Tịnh", "count": 1}],
            "tag": [{"value": "nợ", "count": 2}, {"value": "bảo hiểm", "count": 1}],
        }

    def test_facets_count_what_the_filters_leave(self, marked):
        facets = marked.get("/api/v1/search?q=bảo+hiểm&tag=nợ").json["facets"]
        assert facets["section"] == [{"value": "Chính sách", "count": 2}]

    def test_a_facet_has_twenty_values_at_most(self, client_of):
        lines = [{"id": f"n{at}", "title": f"bài số {at}", "tags": [f"thẻ {at}"]} for at in range(30)]
        answer = client_of(lines).get("/api/v1/search?q=bài").json
        assert answer["total"] == 30
        assert len(answer["facets"]["tag"]) == 20

    def test_copies_are_counted(self, marked):
        hits = {hit["id"]: hit["copies"] for hit in marked.get("/api/v1/search?q=nợ+bảo+hiểm+kéo+dài").json["hits"]}
        assert hits == {"lai": 1, "no": 0, "no-2": 0, "dan": 0}

    def test_what_is_not_public_shows_nowhere(self, marked):
        for query in ("bảo+hiểm+xã+hội+ngày+mai", "bảo+hiểm+mật", "hôm+qua", "Mật+Danh"):
            for mode in ("hybrid", "dense", "lexical"):
                answer = marked.get(f"/api/v1/search?q={query}&mode={mode}&limit=100").json
                assert {"mai", "xua"}.isdisjoint(hit["id"] for hit in answer["hits"])
                shown = str([answer["hits"], answer["facets"]])
                assert [word for word in ("Mật", "mật", "ngày mai", "hôm qua") if word in shown] == []

    def test_the_query_is_told_as_it_was_read(self, marked):
        assert marked.get("/api/v1/search?q=bao+hiem+xa+hoi").json["query"] == {
            "text": "bao hiem xa hoi",
            "restored": "bảo hiểm xã hội",
            "corrected": None,
            "did_you_mean": None,
            "expansions": [{"kind": "abbreviation", "typed": "bảo hiểm xã hội", "also": "bhxh"}],
            "relaxed": [],
        }
        expansions = marked.get("/api/v1/search?q=nợ+BHXH").json["query"]["expansions"]
        assert expansions == [{"kind": "abbreviation", "typed": "bhxh", "also": "bảo hiểm xã hội"}]

    def test_literal_takes_it_letter_by_letter(self, marked):
        literal = marked.get("/api/v1/search?q=bao+hiem+xa+hoi&literal=true").json
        assert literal["query"] == {
            **{"text": "bao hiem xa hoi", "restored": None, "corrected": None, "did_you_mean": None},
            **{"expansions": [], "relaxed": []},
        }

    def test_what_is_misspelt_is_searched_for_as_it_was_meant_too(self, marked):
        found = marked.get("/api/v1/search?q=bảo+hiễm+xã+hội").json
        assert found["query"]["corrected"] == "bảo hiểm xã hội"
        assert (found["query"]["text"], found["query"]["restored"]) == ("bảo hiễm xã hội", None)
        right = marked.get("/api/v1/search?q=bảo+hiểm+xã+hội").json
        assert [hit["id"] for hit in found["hits"]] == [hit["id"] for hit in right["hits"]]
        literal = marked.get("/api/v1/search?q=bảo+hiễm+xã+hội&literal=true").json
        assert literal["query"]["corrected"] is None

    def test_what_was_passed_over_is_told(self, marked):
        relaxed = marked.get('/api/v1/search?q="hội+xã+hiểm"').json["query"]["relaxed"]
        assert relaxed == ["phrase"]
        assert marked.get('/api/v1/search?q="thu+nợ"').json["query"]["relaxed"] == []
        assert marked.get("/api/v1/search?q=nợ+-bảo").json["query"]["relaxed"] == ["exclusion"]

    def test_pages_are_parts_of_one_list(self, marked):
        whole = marked.get("/api/v1/search?q=bảo+hiểm").json
        pages = [marked.get(f"/api/v1/search?q=bảo+hiểm&limit=1&offset={at}").json for at in range(whole["total"])]
        assert [hit for page in pages for hit in page["hits"]] == whole["hits"]
        assert all(page["facets"] == whole["facets"] for page in pages)


class TestSuggest:
    def test_every_key_is_there(self, client):
        response = client.get("/api/v1/suggest?q=luong")
        assert (response.status_code, response.mimetype) == (200, "application/json")
        assert response.json["suggestions"][0] == {"text": "lương", "kind": "tag", "id": None}
        titles = [one for one in response.json["suggestions"] if one["kind"] == "title"]
        assert {one["id"] for one in titles} == {"luong-cham", "luong-tang"}

    def test_limit(self, client):
        assert len(client.get("/api/v1/suggest?q=luong&limit=1").json["suggestions"]) == 1

    @pytest.mark.parametrize(
        ("query", "field"),
        [("", "q"), ("q=", "q"), ("q=%20", "q"), ("q=" + "a" * 513, "q"), ("q=a&limit=0", "limit"), ("q=a&x=1", "x")],
    )
    def test_refusals(self, client, query, field):
        check_problem(client.get(f"/api/v1/suggest?{query}"), 400, field)

    def test_only_signs_suggest_nothing(self, client):
        assert client.get("/api/v1/suggest?q=!?").json == {"suggestions": []}


class TestSubscribersText:
    @pytest.fixture(scope="class")
    @classmethod
    def closed(cls, client_of):
        held = {"id": "html", "title": "Bài giữ kín", "lead": "Dẫn", "body_html": "<p>phần giữ kín</p>"}
        lines = [*LINES, held, {"id": "extra", "title": "Bài khác", "content": "phần giữ kín"}]
        return client_of(lines, expose_body=False)

    def test_body_is_null(self, closed):
        line = closed.get("/api/v1/articles/luong-cham").json
        assert list(line) == ARTICLE_KEYS
        assert (line["body"], line["body_html"], line["lead"]) == (None, None, "Xưởng may nợ lương.")
        assert closed.get("/api/v1/articles/html").json["body_html"] is None

    def test_fields_that_are_not_known_are_held_back_too(self, closed):
        assert closed.get("/api/v1/articles/extra").json["extra"] == {}

    def test_no_answer_holds_any_of_it(self, closed):
        texts = [closed.get(path).text for path in ("/articles/luong-cham", "/articles/html", "/search?q=kín", "/")]
        texts += [closed.get("/api/v1/search?q=kín").text, closed.get("/api/v1/articles/tin%201/related").text]
        assert all(text for text in texts)
        assert [text for text in texts if "Nhàn" in text or "phần giữ kín" in text] == []

    @pytest.mark.parametrize("query", ["Nhàn", "xưởng+hứa+trả+lương", "phần+giữ+kín", '"phần+giữ+kín"'])
    def test_nothing_of_it_is_highlighted(self, closed, query):
        answer = closed.get(f"/api/v1/search?q={query}&ranking=similarity")
        page = closed.get(f"/search?q={query}&ranking=similarity")
        assert len(answer.json["hits"]) == PUBLIC + 2
        hits = {hit["id"]: hit["highlights"]["text"] for hit in answer.json["hits"]}
        assert TAGS.sub("", hits["luong-cham"]) == "Xưởng may nợ lương."
        assert TAGS.sub("", hits["html"]) == "Dẫn"
        for text in (str(answer.json["hits"]), page.text[page.text.index("<ol") :]):
            assert not re.search("Nhàn|hứa trả|chưa ai nhận được|phần giữ kín", TAGS.sub("", text))

    def test_it_still_counts_in_ranking(self, closed):
        hits = closed.get("/api/v1/search?q=phần+giữ&ranking=similarity").json["hits"]
        assert hits[0]["id"] == "html"

    def test_open_by_default(self, client):
        assert client.get("/api/v1/articles/luong-cham").json["body"] == LINES[0]["body"]
        assert "Nhàn" in client.get("/articles/luong-cham").text


PARAMETERS = [
    ("q=", "q"),
    ("q=%20%09", "q"),
    ("", "q"),
    ("q=" + "a" * 513, "q"),
    ("q=a&limit=0", "limit"),
    ("q=a&limit=101", "limit"),
    ("q=a&limit=ten", "limit"),
    ("q=a&limit=", "limit"),
    ("q=a&offset=-1", "offset"),
    ("q=a&offset=991&limit=10", "offset"),
    ("q=a&sort=oldest", "sort"),
    ("q=a&mode=sparse", "mode"),
    ("q=a&mode=Dense", "mode"),
    ("q=a&literal=maybe", "literal"),
    ("q=a&ranking=best", "ranking"),
    ("q=a&published_from=yesterday", "published_from"),
    ("q=a&published_to=2024-02-30", "published_to"),
    ("q=a&page=2", "page"),
    ("q=a&Limit=2", "Limit"),
    ("q=a&limit=1&limit=2", "limit"),
    ("q=a&q=b", "q"),
    ("q=a&published_from=2024-01-01&published_from=2024-01-01", "published_from"),
    ("q=a&section=" + "x" * 513, "section.0"),
    ("q=a" + "&tag=x" * 101, "tag"),
]


class TestRefusals:
    @pytest.mark.parametrize(("query", "field"), PARAMETERS, ids=[query[:40] for query, _ in PARAMETERS])
    def test_search_names_the_parameter(self, client, query, field):
        check_problem(client.get(f"/api/v1/search?{query}"), 400, field)

    def test_every_fault_at_once(self, client):
        problem = check_problem(
            client.get("/api/v1/search?q=&limit=x&colour=red&offset=1&offset=2"), 400, "colour", "offset", "q", "limit"
        )
        assert problem["errors"][0] == {
            "field": "colour",
            "value": "'red'",
            "expected": "unknown: expected author or limit or literal or min_relevance or mode or offset or "
            "published_from or published_to or q or ranking or section or sort or source or tag",
        }
        assert problem["errors"][1]["value"] == "['1', '2']"

    def test_the_limits_themselves_are_allowed(self, client):
        for query in ("q=" + "ă" * 512, "q=a&limit=100", "q=a&offset=900&limit=100", "q=a&limit=1&offset=999"):
            assert client.get(f"/api/v1/search?{query}").status_code == 200, query
        assert client.get("/api/v1/articles/luong-tang/related?limit=50").status_code == 200

    @pytest.mark.parametrize(
        ("path", "field"),
        [
            ("/api/v1/articles/luong-tang?full=1", "full"),
            ("/api/v1/articles/luong-tang/related?offset=1", "offset"),
            ("/api/v1/articles/luong-tang/related?limit=51", "limit"),
            ("/api/v1/articles/luong-tang/related?sort=newest", "sort"),
            ("/api/v1/related", "url"),
            ("/api/v1/related?url=", "url"),
            ("/api/v1/related?url=a&url=b", "url"),
            ("/api/v1/related?url=" + "a" * 2049, "url"),
            ("/api/v1/related?url=a&q=b", "q"),
            ("/healthz?verbose", "verbose"),
            ("/readyz?verbose=1", "verbose"),
            ("/api/v1/openapi.json?format=yaml", "format"),
        ],
    )
    def test_others_name_the_parameter(self, client, path, field):
        check_problem(client.get(path), 400, field)

    def test_an_unknown_url_is_named(self, client):
        problem = check_problem(client.get("/api/v1/related?url=https://baoden.example/khong"), 404, "url")
        assert "https://baoden.example/khong" in problem["detail"]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ("", "body"),
            ("{", "body"),
            ("{'seed': {}}", "body"),
            ('{"seed": {"ids": ["\\ud800"]}}', "body"),
            ("null", "body"),
            ("[]", "body"),
            ("17", "body"),
            ({}, "seed"),
            ({"seed": None}, "seed"),
            ({"seed": []}, "seed"),
            ({"seed": {}}, "seed"),
            ({"seed": {"ids": [], "urls": []}}, "seed"),
            ({"seed": {"ids": "luong-tang"}}, "seed.ids"),
            ({"seed": {"ids": [1]}}, "seed.ids.0"),
            ({"seed": {"ids": ["luong-tang", None]}}, "seed.ids.1"),
            ({"seed": {"ids": ["x"] * 51}}, "seed.ids"),
            ({"seed": {"urls": ["x" * 2049]}}, "seed.urls.0"),
            ({"seed": {"id": "luong-tang"}}, "seed.id"),
            ({"seed": {"article": {}}}, "seed.article.title"),
            ({"seed": {"article": {"title": " \n"}}}, "seed.article.title"),
            ({"seed": {"article": {"title": None}}}, "seed.article.title"),
            ({"seed": {"article": {"title": "x", "id": "y"}}}, "seed.article.id"),
            ({"seed": {"article": {"title": "x", "body": ["y"]}}}, "seed.article.body"),
            ({"seed": {"article": {"title": "x" * 2001}}}, "seed.article.title"),
            ({"seed": {"ids": ["luong-tang"]}, "limit": "5"}, "limit"),
            ({"seed": {"ids": ["luong-tang"]}, "limit": 5.5}, "limit"),
            ({"seed": {"ids": ["luong-tang"]}, "limit": True}, "limit"),
            ({"seed": {"ids": ["luong-tang"]}, "explain": 1}, "explain"),
            ({"seed": {"ids": ["luong-tang"]}, "fallbacks": ["oldest"]}, "fallbacks.0"),
            ({"seed": {"ids": ["luong-tang"], "negative_ids": "x"}}, "seed.negative_ids"),
            ({"seed": {"ids": ["luong-tang"]}, "limit": 0}, "limit"),
            ({"seed": {"ids": ["luong-tang"]}, "limit": 51}, "limit"),
            ({"seed": {"ids": ["luong-tang"]}, "limit": 10**30}, "limit"),
            ({"seed": {"ids": ["luong-tang"]}, "offset": 1}, "offset"),
            ({"seed": {"ids": ["luong-tang"]}, "ranking": "best"}, "ranking"),
            ({"seed": {"ids": ["luong-tang"]}, "exclude_ids": "x"}, "exclude_ids"),
            ({"seed": {"ids": ["luong-tang"]}, "exclude_ids": {"x": 1}}, "exclude_ids"),
            ({"seed": {"ids": ["luong-tang"]}, "exclude_ids": ["x"] * 1001}, "exclude_ids"),
            ({"seed": {"ids": ["luong-tang"]}, "filters": {"section": "x"}}, "filters.section"),
            ({"seed": {"ids": ["luong-tang"]}, "filters": {"colour": ["x"]}}, "filters.colour"),
            ({"seed": {"ids": ["luong-tang"]}, "filters": {"published_to": 20240101}}, "filters.published_to"),
            ({"seed": {"ids": ["luong-tang"]}, "filters": {"published_to": "mai"}}, "filters.published_to"),
            ({"seed": {"ids": ["luong-tang"]}, "filters": ["section"]}, "filters"),
        ],
        ids=lambda value: str(value)[:50],
    )
    def test_a_body_s_field_is_named(self, client, body, field):
        check_problem(post(client, body), 400, field)

    def test_null_leaves_an_option_to_the_preset(self, client):
        options = {name: None for name, field in schemas.RelatedOptions.model_fields.items() if field.default is None}
        assert {"limit", "freshness", "diversity", "fallbacks", "explain_id"} <= set(options)
        plain, given = (post(client, {"seed": {"ids": ["luong-tang"]}, **more}).json for more in ({}, options))
        assert [hit["id"] for hit in given["hits"]] == [hit["id"] for hit in plain["hits"]]

    def test_a_seed_that_is_not_there_is_named_where_it_stands(self, client):
        check_problem(post(client, {"seed": {"ids": ["luong-tang", "khong-co"]}}), 404, "seed.ids.1")
        check_problem(post(client, {"seed": {"urls": ["khong-co"]}}), 404, "seed.urls.0")
        check_problem(post(client, {"seed": {"ids": ["ngay-mai"]}}), 404, "seed.ids.0")
        body = {"seed": {"ids": ["luong-tang"], "negative_ids": ["tin 1", "khong-co"]}}
        check_problem(post(client, body), 404, "seed.negative_ids.1")

    def test_parameters_of_a_post_are_refused(self, client):
        response = client.post("/api/v1/related?limit=3", data='{"seed": {"ids": ["luong-tang"]}}')
        check_problem(response, 400, "limit")

    @pytest.mark.parametrize(
        "path", ["/api", "/api/v1", "/api/v2/search", "/api/v1/search/", "/metrics/x", "/healthz/x"]
    )
    def test_no_such_address(self, client, path):
        problem = check_problem(client.get(path), 404, "path")
        assert path in problem["detail"]

    @pytest.mark.parametrize("path", ["/api/v1/articles"])
    def test_what_a_later_version_brings_is_not_there_yet(self, client, path):
        assert client.get(path).status_code in {404, 405}
        assert client.post(path).status_code in {404, 405}

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
    @pytest.mark.parametrize("path", ["/api/v1/search", "/api/v1/articles/luong-tang/related", "/healthz", "/readyz"])
    def test_wrong_method(self, client, method, path):
        response = client.open(path, method=method)
        check_problem(response, 405, "method")
        assert {"GET", "HEAD", "OPTIONS"} == set(response.headers["Allow"].replace(" ", "").split(","))

    def test_related_takes_both_methods_and_no_other(self, client):
        response = client.put("/api/v1/related")
        check_problem(response, 405, "method")
        assert "POST" in response.headers["Allow"]

    def test_a_body_that_is_too_large(self, client):
        draft = {"seed": {"article": {"title": "x", "body": ""}}}
        room = 200_000 - len(json.dumps(draft))
        draft["seed"]["article"]["body"] = "a" * room
        assert post(client, draft).status_code == 200
        draft["seed"]["article"]["body"] += "a"
        problem = check_problem(post(client, draft), 413, "body")
        assert problem["errors"][0]["value"] == "200001 bytes"
        assert "200000" in problem["errors"][0]["expected"]

    def test_a_refusal_is_never_much_longer_than_what_is_refused(self, client):
        names = [f"{first}{second}" for first in string.ascii_letters for second in string.ascii_letters][:2600]
        for path in ("/api/v1/search?q=a&", "/api/v1/articles/luong-cham/related?", "/api/v1/suggest?"):
            response = client.get(path + "&".join(names))
            assert (response.status_code, len(response.json["errors"])) == (400, 20)
            assert len(response.data) < 20_000
        response = post(client, {name: 0 for name in names})
        assert (response.status_code, len(response.json["errors"])) == (400, 20)
        assert len(response.data) < 20_000

    def test_json_nested_a_hundred_thousand_deep(self, client):
        for bracket, close in (("[", "]"), ('{"seed":', "}")):
            levels = min(100_000, 199_000 // len(bracket + close))
            check_problem(post(client, bracket * levels + close * levels), 400, "body")

    def test_a_value_in_a_message_is_short_and_printable(self, client):
        value = check_problem(client.get("/api/v1/search?q=a&limit=" + "%00" * 1000), 400, "limit")["errors"][0][
            "value"
        ]
        assert value.startswith(r"'\x00\x00")
        assert len(value) < 150


class TestNotReady:
    @pytest.mark.parametrize(
        "path",
        [
            *(
                "/api/v1/search?q=a",
                "/api/v1/suggest?q=a",
                "/api/v1/articles/x",
                "/api/v1/articles/x/related",
                "/api/v1/related?url=x",
            ),
            "/readyz",
        ],
    )
    def test_an_empty_home_is_503_with_the_reason(self, empty, path):
        response = empty.get(path)
        problem = check_problem(response, 503)
        assert "no snapshot is published yet" in problem["detail"]
        assert int(response.headers["Retry-After"]) > 0

    def test_posts_and_pages_too(self, empty):
        assert check_problem(post(empty, {"seed": {"ids": ["x"]}}), 503)
        for path in ("/", "/search?q=a", "/articles/x"):
            response = empty.get(path, headers={"Accept": "text/html"})
            assert (response.status_code, response.mimetype) == (503, "text/html")
            assert int(response.headers["Retry-After"]) > 0

    def test_a_bad_request_is_told_all_the_same(self, empty):
        check_problem(empty.get("/api/v1/search?q=a&limit=x"), 400, "limit")

    def test_the_process_lives(self, empty):
        assert (empty.get("/healthz").status_code, empty.get("/healthz").json) == (200, {"status": "ok"})

    def test_ready_says_what_is_served(self, client):
        ready = client.get("/readyz").json
        assert ready == {
            "status": "ready",
            "snapshot": client.get("/api/v1/search?q=a").json["snapshot"],
            "articles": PUBLIC,
            "encoder": "hashing, fp32",
            "problem": None,
            "degraded": None,
        }


class TestHeaders:
    @pytest.mark.parametrize(
        "path",
        [
            *("/", "/search?q=lương", "/articles/tin%201", "/static/style.css", "/healthz", "/api/docs"),
            *("/api/v1/search?q=a", "/api/v1/search", "/api/v1/articles/khong-co", "/khong-co", "/api/khong-co"),
        ],
    )
    def test_security_headers_on_everything(self, client, path):
        with client.get(path) as response:
            policy = response.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert not re.search(r"https?:|\*|unsafe|data:", policy)
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Referrer-Policy"] == "same-origin"
            assert "Set-Cookie" not in response.headers

    def test_json_is_utf_8_and_head_has_no_body(self, client):
        head = client.head("/api/v1/search?q=a")
        assert (head.status_code, head.data) == (200, b"")
        assert "application/json" in head.headers["Content-Type"]

    def test_a_bug_is_500_without_a_word_of_the_request(self, client, monkeypatch):
        def fail(*_):
            raise RuntimeError("bí mật")

        monkeypatch.setattr("service.searcher.Searcher.related", fail)
        response = post(client, {"seed": {"article": {"title": "bản nháp"}}})
        problem = check_problem(response, 500)
        assert "bí mật" not in response.text
        assert problem["detail"]


STORY = (
    "Chiều ba mươi, nhà máy gạch Đồng Lầy cho công nhân nghỉ sớm để về quê. Ông Ngạc Văn Trễ, tổ trưởng lò số hai, nói "
    "lò chỉ tắt một nửa vì gạch đang nung dở không thể bỏ. Hai mươi người ở lại trực, mỗi ca tám tiếng, được trả gấp "
    "ba và có bữa cơm tất niên ngay cạnh miệng lò. Bà Lộ Thị Mẫn nấu nồi canh măng từ sáng, chị em gói thêm bánh "
    "tét theo lối miền trong. Đến khuya, tiếng quạt gió vẫn đều, ai cũng khoác áo bông vì gió ngoài bãi thổi lạnh."
)
DESK = [
    {"id": "lo-gach", "title": "Hai mươi người trực lò gạch đêm cuối năm", "body": STORY, "section": "Đời sống"},
    {"id": "lo-cu", "title": "Lò gạch đêm cuối năm trước", "published_at": "2021-02-11", "section": "Đời sống"},
    {"id": "lo-nung", "title": "Người trực lò gạch kể chuyện", "published_at": "2023-02-01", "section": "Lao động"},
    {"id": "cua-hang", "title": "Cửa hàng tạp hóa đóng cửa", "published_at": "2023-03-01", "section": "Đời sống"},
    {"id": "mat-gio", "title": "Máy bơm hỏng", "published_at": "2100-01-01", "section": "Đời sống"},
]
SEED = "/api/v1/articles/lo-nung/related"
NOW = "?now=2026-01-01"
"""So that a list is the same in the next minute; every five, its articles are older otherwise."""


def rule(**fields):
    return json.dumps(fields) + "\n"


@pytest.fixture(scope="module")
def desk(client_of):
    return client_of(DESK, min_related=0)


@pytest.fixture
def ruled(client_of, tmp_path):
    """Return a client of the same desk, and the file of its rules, none as yet."""
    path = tmp_path / "rules.jsonl"
    path.write_text("", encoding="utf-8")
    return client_of(DESK, min_related=0, rules=path), path


def found(response):
    assert response.status_code == 200, response.text
    return {hit["id"]: hit for hit in response.json["hits"]}


class TestReasons:
    def test_they_are_read_in_vietnamese(self, desk):
        hits = found(desk.get(SEED))
        assert hits["lo-cu"]["reasons"] == ["bối cảnh, 2021"]
        assert hits["lo-gach"]["reasons"] == ["cùng chủ đề"]
        assert all(reason.isprintable() for hit in hits.values() for reason in hit["reasons"])

    def test_a_fallback_goes_by_its_name(self, desk):
        strict = "min_relevance=1"
        hits = found(desk.get(f"/api/v1/articles/lo-cu/related?{strict}"))
        assert {name: hit["reasons"] for name, hit in hits.items()} == {
            "cua-hang": ["same_section_newest"],
            "lo-gach": ["same_section_newest"],
        }
        hits = found(desk.get(f"/api/v1/articles/lo-cu/related?{strict}&fallbacks=newest"))
        assert [hit["reasons"] for hit in hits.values()] == [["newest"]] * 3
        assert found(desk.get(f"/api/v1/articles/lo-cu/related?{strict}&fallbacks=none")) == {}

    def test_several_fallbacks_come_in_turn(self, desk):
        query = "min_relevance=1&fallbacks=same_section_newest&fallbacks=newest"
        hits = found(desk.get(f"/api/v1/articles/lo-cu/related?{query}"))
        assert [hit["reasons"][0] for hit in hits.values()] == ["same_section_newest"] * 2 + ["newest"]
        assert list(hits) == ["cua-hang", "lo-gach", "lo-nung"]

    def test_the_list_that_most_sites_have_there(self, desk):
        hits = found(desk.get("/api/v1/articles/lo-cu/related?preset=same-section-newest"))
        assert list(hits) == ["cua-hang", "lo-gach"]

    def test_what_editors_pin_and_what_is_missing(self, ruled):
        client, path = ruled
        path.write_text(
            rule(id="ghim", kind="pin", article="cua-hang", position=1)
            + rule(id="chua", kind="pin", article="mat-gio", position=2)
            + rule(id="khong", kind="pin", article="khong-co", position=3),
            encoding="utf-8",
        )
        wait_for(lambda: client.get(SEED).json["hits"][0]["id"] == "cua-hang")
        answer = client.get(SEED).json
        assert answer["hits"][0]["reasons"][0] == "tòa soạn chọn"
        assert answer["missing_pins"] == []  # not even that there is an article that is not public
        assert "mat-gio" not in client.get(SEED).text
        without = client.get(f"{SEED}?exclude_ids=cua-hang").json
        assert without["missing_pins"] == [{"rule": "ghim", "article": "cua-hang", "reason": "filtered out"}]

    def test_a_draft_that_is_published_already_is_told_and_not_linked(self, desk):
        draft = {"title": "Đêm ba mươi bên lò gạch", "body": STORY.replace("gấp ba", "gấp đôi")}
        answer = post(desk, {"seed": {"article": draft}}).json
        title = DESK[0]["title"]
        assert answer["already_published"] == [{"id": "lo-gach", "title": title, "url": None}]
        assert "lo-gach" not in [hit["id"] for hit in answer["hits"]]
        other = post(desk, {"seed": {"article": {"title": "Lò gạch đêm cuối năm"}}}).json
        assert other["already_published"] == []


class TestExplained:
    def test_every_number_of_every_hit(self, ruled):
        client, path = ruled
        path.write_text(rule(id="nang", kind="boost", article="lo-cu", factor=3), encoding="utf-8")
        ask = f"{SEED}?explain=true&now=2023-06-01"
        wait_for(lambda: found(client.get(ask))["lo-cu"]["explanation"]["rules"] == ["nang"])
        hits = found(client.get(ask))
        assert len(hits) >= 2
        for hit in hits.values():
            numbers = hit["explanation"]
            assert list(numbers) == [
                *("cosine", "terms", "spreads", "relevance", "freshness", "boost", "repeated", "rules"),
            ]
            assert (numbers["cosine"], numbers["relevance"]) == (hit["similarity"], hit["relevance"])
            product = numbers["relevance"] * numbers["freshness"] * numbers["boost"]
            assert hit["score"] == pytest.approx(product)
        assert hits["lo-cu"]["explanation"]["boost"] == 3
        assert hits["lo-cu"]["explanation"]["freshness"] < 0.4
        assert (hits["lo-gach"]["explanation"]["freshness"], hits["lo-gach"]["explanation"]["rules"]) == (1, [])

    def test_nothing_is_explained_unasked(self, desk):
        answer = desk.get(SEED).json
        assert answer["explained"] is None
        assert {hit["explanation"] for hit in answer["hits"]} == {None}

    def test_where_an_article_stands(self, desk):
        for name in ("lo-gach", "lo-cu", "cua-hang"):
            answer = desk.get(f"{SEED}?explain_id={name}&explain=true").json
            at = [hit["id"] for hit in answer["hits"]].index(name)
            explained, listed = answer["explained"], answer["hits"][at]["explanation"]
            assert (explained["step"], explained["detail"]) == ("listed", str(at + 1))
            for number in ("cosine", "terms", "spreads", "relevance", "freshness", "boost"):
                assert explained["explanation"][number] == pytest.approx(listed[number], rel=1e-3)

    @pytest.mark.parametrize(
        ("asked", "step", "detail"),
        [
            ("explain_id=khong-co", "not_public", ""),
            ("explain_id=mat-gio", "not_public", ""),
            ("explain_id=lo-nung", "seed", ""),
            ("explain_id=lo-cu&exclude_ids=lo-cu", "excluded", ""),
            ("explain_id=lo-cu&section=Lao%20động", "filtered", ""),
            ("explain_id=lo-cu&min_relevance=1", "below_min_relevance", ""),
            ("explain_id=lo-cu&limit=1&diversity=1", "beyond_limit", ""),
        ],
    )
    def test_where_an_article_fell_out(self, desk, asked, step, detail):
        explained = desk.get(f"{SEED}?{asked}&fallbacks=none").json["explained"]
        assert (explained["step"], explained["detail"]) == (step, detail)
        assert (explained["explanation"] is None) == (step == "not_public")


class TestCaching:
    @pytest.fixture
    def tag(self, desk):
        return lambda query="": desk.get(f"{SEED}{query}").headers["ETag"]

    def test_a_list_that_still_stands_is_not_sent_again(self, desk, tag):
        path = f"{SEED}{NOW}"
        held = tag(NOW)
        assert held.startswith('W/"')
        for asked in (held, f'"x", {held}', held.removeprefix("W/")):
            response = desk.get(path, headers={"If-None-Match": asked})
            assert (response.status_code, response.data) == (304, b"")
            assert response.headers["ETag"] == held
            assert response.headers["Cache-Control"] == "public, max-age=60"
        for asked in ('"x"', "*", ""):
            response = desk.get(path, headers={"If-None-Match": asked})
            assert response.status_code == 200
            assert response.headers["ETag"] == held

    def test_by_url_as_by_id(self, client):
        response = client.get(f"/api/v1/related{NOW}&url=https://cu.baoden.example/1")
        again = client.get(response.request.full_path, headers={"If-None-Match": response.headers["ETag"]})
        assert again.status_code == 304

    def test_a_query_string_that_was_read_before_says_the_same_of_another_seed(self, desk):
        for query, limit in (("?limit=1", 1), ("?limit=2", 2), ("?limit=1", 1)):
            for seed in ("lo-nung", "lo-cu"):
                names = found(desk.get(f"/api/v1/articles/{seed}/related{query}"))
                assert len(names) == limit
                assert seed not in names

    def test_a_wrong_one_is_refused_every_time_a_long_one_read(self, desk):
        for _ in range(2):
            check_problem(desk.get(f"{SEED}?limit=0"), 400, "limit")
        long = "&".join(f"exclude_ids=khong-{at}" for at in range(60))
        assert found(desk.get(f"{SEED}?{long}&limit=2")) == found(desk.get(f"{SEED}?limit=2"))

    def test_an_unknown_article_is_404_whatever_is_held(self, desk):
        response = desk.get("/api/v1/articles/khong-co/related", headers={"If-None-Match": "*"})
        check_problem(response, 404, "id")
        assert "ETag" not in response.headers

    def test_another_list_has_another_tag(self, tag):
        queries = ["", "?limit=2", "?preset=headlines", "?section=a", "?explain=true", "?now=2023-01-01"]
        assert len({tag(query) for query in queries}) == len(queries)

    def test_another_rule_is_another_tag(self, ruled):
        client, path = ruled
        held = client.get(SEED).headers["ETag"]
        path.write_text(rule(kind="block", article="lo-cu"), encoding="utf-8")
        wait_for(lambda: "lo-cu" not in found(client.get(SEED)))
        answer = client.get(SEED, headers={"If-None-Match": held})
        assert (answer.status_code, answer.headers["ETag"] != held) == (200, True)

    def test_another_snapshot_is_another_tag(self, publish, tmp_path):
        publish(tmp_path, DESK)
        made = Settings(home=tmp_path, model="hashing")
        live = Live(tmp_path, HashingEncoder, made.poll_seconds, Options.of(made))
        live.refresh()
        client = create_app(made, live).test_client()
        held = client.get(SEED).headers["ETag"]
        publish(tmp_path, [{"id": "them", "title": "Người trực lò gạch"}], add=True)
        live.refresh()
        response = client.get(SEED, headers={"If-None-Match": held})
        assert "them" in found(response)
        assert response.headers["ETag"] != held

    def test_how_long_is_a_setting(self, client_of):
        client = client_of(DESK, cache_seconds=0)
        assert client.get(SEED).headers["Cache-Control"] == "public, max-age=0"

    def test_no_longer_than_until_an_article_or_a_rule_comes(self, client_of, tmp_path):
        def at(seconds):
            return (datetime.now(VIETNAM) + timedelta(seconds=seconds)).isoformat()

        path = tmp_path / "rules.jsonl"
        path.write_text(rule(kind="block", article="lo-cu", **{"from": at(1000)}), encoding="utf-8")
        client = client_of(DESK, cache_seconds=9000, rules=path)
        seconds = int(client.get(SEED).headers["Cache-Control"].split("=")[1])
        assert 900 < seconds < 1000
        soon = [*DESK, {"id": "sap-dang", "title": "Lò mới", "published_at": at(500)}]
        client = client_of(soon, cache_seconds=9000, rules=path)
        seconds = int(client.get(SEED).headers["Cache-Control"].split("=")[1])
        assert 400 < seconds < 500

    def test_a_post_is_kept_nowhere(self, desk):
        for response in (post(desk, {"seed": {"ids": ["lo-nung"]}}), batch(desk, [{"id": "lo-nung"}])):
            assert response.headers["Cache-Control"] == "no-store"
            assert "ETag" not in response.headers


class TestBatch:
    def test_a_line_for_each_in_their_order(self, desk):
        names = ["lo-nung", "cua-hang", "lo-gach", "lo-nung"]
        response = batch(desk, [{"id": name} for name in names], "?limit=2")
        assert (response.status_code, response.mimetype) == (200, "application/x-ndjson")
        lines = [json.loads(line) for line in response.text.splitlines()]
        assert [line["id"] for line in lines] == names
        for line in lines:
            alone = desk.get(f"/api/v1/articles/{line['id']}/related?limit=2").json["hits"]
            for hit, other in zip(line["hits"], alone, strict=True):
                assert list(hit) == ["id", "score", "relevance", "similarity", "reasons"]
                assert {name: hit[name] for name in ("id", "reasons")} == {n: other[n] for n in ("id", "reasons")}
                assert hit["score"] == pytest.approx(other["score"], rel=1e-3)

    def test_an_unknown_article_is_an_error_on_its_line(self, desk):
        response = batch(desk, [{"id": "khong-co"}, {"id": "mat-gio"}, {"id": "lo-nung"}])
        unknown, embargoed, good = map(json.loads, response.text.splitlines())
        assert unknown == {"id": "khong-co", "error": "id: 'khong-co': expected the id of a public article"}
        assert list(embargoed) == ["id", "error"]
        assert good["hits"]

    def test_options_hold_for_all_and_exclusions_for_a_line(self, desk):
        lines = [{"id": "lo-nung", "exclude_ids": ["lo-cu"]}, {"id": "lo-nung"}]
        first, second = map(json.loads, batch(desk, lines, "?explain=true&explain_id=lo-cu").text.splitlines())
        assert (first["explained"]["step"], second["explained"]["step"]) == ("excluded", "listed")
        assert "lo-cu" not in [hit["id"] for hit in first["hits"]]
        assert all(hit["explanation"]["cosine"] == hit["similarity"] for hit in second["hits"])

    def test_blank_lines_do_not_count(self, desk):
        response = batch(desk, b'\n{"id": "lo-nung"}\r\n  \n\n{"id": "lo-cu"}')
        assert [json.loads(line)["id"] for line in response.text.splitlines()] == ["lo-nung", "lo-cu"]
        assert (batch(desk, b"").status_code, batch(desk, b"").data) == (200, b"")

    def test_every_bad_line_is_named_before_any_work(self, desk):
        lines = b'{"id": "lo-nung"}\n{"id": 3}\n\n{"name": "a"}\nx\n{"id": "a", "exclude_ids": "b"}\n[]'
        expected = ["line 2: id", "line 4: id", "line 4: name", "line 5: body", "line 6: exclude_ids", "line 7: body"]
        check_problem(batch(desk, lines), 400, *expected)

    def test_of_very_many_bad_lines_the_first_hundred_are_named(self, desk, monkeypatch):
        checked = []
        validate = schemas.BatchLine.model_validate_json
        monkeypatch.setattr(
            schemas.BatchLine, "model_validate_json", lambda line, **kept: checked.append(1) or validate(line, **kept)
        )
        hundred = batch(desk, b"x\n" * 4_000_000, key=key_of(desk))
        check_problem(hundred, 400, *(f"line {number}: body" for number in range(1, 101)))
        assert len(checked) == 100

    @pytest.mark.parametrize("query", ["limit=0", "section_=a", "exclude_ids=a", "limit=1&limit=2", "preset=x"])
    def test_a_bad_option_is_named(self, desk, query):
        check_problem(batch(desk, [{"id": "lo-nung"}], f"?{query}"), 400, query.split("=")[0])

    def test_it_may_be_larger_than_other_bodies_with_a_key(self, desk):
        line, key = b'{"id": "lo-nung"}', key_of(desk)
        response = batch(desk, line.ljust(8_000_000), key=key)
        assert json.loads(response.text)["id"] == "lo-nung"
        for given, most in ((key, 8_000_000), (None, 200_000)):
            problem = check_problem(batch(desk, line.ljust(most + 1), key=given), 413, "body")
            assert problem["errors"][0] == {
                "field": "body",
                "value": f"{most + 1} bytes",
                "expected": f"expected at most {most} bytes",
            }
        check_problem(post(desk, b" " * 200_001), 413, "body")

    def test_two_of_one_caller_are_not_answered_at_once(self, desk):
        first = desk.post("/api/v1/related:batch", data=b'{"id": "lo-nung"}\n', buffered=False)
        refused = check_problem(batch(desk, [{"id": "lo-nung"}]), 503)
        assert refused["detail"] == "another batch is being answered"
        assert batch(desk, [{"id": "lo-nung"}], key=key_of(desk)).status_code == 200
        first.close()
        assert batch(desk, [{"id": "lo-nung"}]).status_code == 200

    def test_lists_are_sent_while_the_next_are_made(self, desk, monkeypatch):
        asked = []
        related = Searcher.related

        def noted(searcher, body, now=None):
            asked.append(body.seed.ids[0])
            return related(searcher, body, now)

        monkeypatch.setattr(Searcher, "related", noted)
        response = desk.post(
            "/api/v1/related:batch", data=b'{"id": "lo-nung"}\n{"id": "lo-cu"}\n{"id": "cua-hang"}', buffered=False
        )
        parts = iter(response.response)
        for name, so_far in (("lo-nung", 1), ("lo-cu", 2), ("cua-hang", 3)):
            assert json.loads(next(parts))["id"] == name
            assert len(asked) == so_far
        response.close()


class TestRelatedOptions:
    def test_reference_and_now_move_freshness_alone(self, desk):
        ask = f"{SEED}?explain=true&min_relevance=0"
        old = found(desk.get(f"{ask}&now=2023-02-02"))
        late = found(desk.get(f"{ask}&now=2030-01-01"))
        own = found(desk.get(f"{ask}&reference=seed&now=2030-01-01"))
        fresh = [hits["cua-hang"]["explanation"]["freshness"] for hits in (old, late, own)]
        assert fresh[0] == 1
        assert fresh[1] == pytest.approx(0.35, abs=0.001)
        assert 0.35 < fresh[2] < 1
        assert "mat-gio" not in found(desk.get(f"{SEED}?now=2200-01-01"))

    def test_negative_seeds_push_away(self, desk):
        plain = found(post(desk, {"seed": {"ids": ["lo-nung"]}, "min_relevance": 0}))
        less = found(post(desk, {"seed": {"ids": ["lo-nung"], "negative_ids": ["lo-gach"]}, "min_relevance": 0}))
        assert "lo-gach" in plain
        assert "lo-gach" not in less
        assert less["lo-cu"]["similarity"] < plain["lo-cu"]["similarity"]

    def test_the_section_of_a_draft_tells_which_is_the_newest_of_it(self, desk):
        draft = {"title": "Chuyện khác hẳn", "section": "lao  ĐỘNG"}
        hits = found(post(desk, {"seed": {"article": draft}, "min_relevance": 1}))
        assert {name: hit["reasons"] for name, hit in hits.items()} == {"lo-nung": ["same_section_newest"]}

    def test_caps(self, desk):
        hits = found(desk.get(f"{SEED}?max_per_section=1&min_relevance=0&fallbacks=none"))
        assert [hit["section"] for hit in hits.values()] == ["Đời sống"]
