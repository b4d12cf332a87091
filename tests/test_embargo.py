"""What is not public is in no answer and on no page, however it is asked for; nor is the text where it is not exposed.

An article whose time has not come and one whose time is over, made to be wanted: the newest of their section, nearly
the same as a public one, pinned, boosted, with addresses, names, tags and an abbreviation that nobody else has.
"""

import json
import logging
import re
from urllib.parse import quote

import pytest

from service.wording.strings import Strings

VI = Strings.in_language("vi")

WORDS = "Zơvênh Kraxuân Plôvịt"
"""Stands in the hidden articles alone."""

UNACCENTED = "zovenh kraxuan plovit"

TEXT = (
    "Sáng qua, tổ thợ gốm nhóm lửa cho mẻ gốm đầu tiên sau hai năm tắt lò vì thiếu củi và thiếu người. Cụ tổ trưởng, "
    "tám mươi tuổi, ngồi canh lửa suốt đêm và dặn lũ trẻ không được để khói trắng quá lâu. Mẻ này có ba trăm "
    "chiếc bát, một nửa đã có người đặt mua từ phiên chợ tháng trước."
)
HIDDEN_FIELDS = {
    "lead": f"Lời dẫn của {WORDS}.",
    "body": f"{TEXT} {WORDS} nói về Liên hiệp Gốm Xanh (LHGX) và LHGX (Liên hiệp Gốm Xanh).",
    "section": "Zơvênh mục",
    "author": "Zơvênh Tác Giả",
    "source": "Zơvênh Báo",
    "tags": ["zơvênh-thẻ"],
}
HIDDEN = ("mat-mai", "mat-xua")
LINES = [
    {
        "id": "cong-khai",
        "title": "Lò gốm đỏ lửa trở lại",
        "body": TEXT,
        "section": "Đời sống",
        "published_at": "2023-01-02",
    },
    {"id": "khac", "title": "Hợp tác xã gốm tìm đường bán hàng", "section": "Đời sống", "published_at": "2023-01-03"},
    {"id": "nua", "title": "Phiên chợ gốm cuối năm", "section": "Kinh tế", "published_at": "2023-01-04"},
    {
        **{"id": "mat-mai", "title": f"Lò gốm đỏ lửa trở lại {WORDS}", "published_at": "2100-01-01"},
        **{"url": "https://bao.example/zovenh-mai.html", "aliases": ["zovenh-cu-mai", "https://bao.example/cu-mai"]},
        **HIDDEN_FIELDS,
    },
    {
        **{
            "id": "mat-xua",
            "title": f"Lò gốm đỏ lửa {WORDS}",
            "published_at": "2023-01-05",
            "unpublish_at": "2023-02-01",
        },
        **{"url": "https://bao.example/zovenh-xua.html", "aliases": ["zovenh-cu-xua", "https://bao.example/cu-xua"]},
        **HIDDEN_FIELDS,
    },
]
NAMES = (*HIDDEN, *(f"zovenh-cu-{when}" for when in ("mai", "xua")))
ADDRESSES = [f"https://bao.example/{name}" for name in ("zovenh-mai.html", "zovenh-xua.html", "cu-mai", "cu-xua")]
MARKS = ("zơvênh", "zovenh", "kraxuân", "plôvịt", "mat-mai", "mat-xua", "gốm xanh", "lhgx")
DATE = re.compile(r"2100-01|/2100\b")  # which no digits of a score, a length or a hash can be
RULES = [
    *({"id": f"p-{name}", "kind": "pin", "article": name, "position": at} for at, name in enumerate(HIDDEN, 1)),
    *({"id": f"b-{name}", "kind": "boost", "article": name, "factor": 10} for name in HIDDEN),
]
HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def client(client_of, tmp_path_factory):
    rules = tmp_path_factory.mktemp("rules") / "rules.jsonl"
    rules.write_text("".join(json.dumps(rule) + "\n" for rule in RULES), encoding="utf-8")
    return client_of(
        LINES,
        rules=rules,
        min_related=0,
        fallbacks=["same_section_newest", "newest"],
    )


def check_absent(response, status=200, asked=()):
    """Assert that nothing of the hidden articles is in an answer, beside what it was asked with."""
    assert response.status_code == status, response.text
    told = [f"{name}: {value}" for name, value in response.headers if name != "X-Request-Id"]  # which is drawn by lot
    found = "\n".join([response.text, *told]).lower()
    for mine in sorted((one.lower() for one in asked), key=len, reverse=True):
        found = found.replace(mine, "")
    assert [mark for mark in MARKS if mark in found] == []
    assert DATE.search(found) is None


class TestByName:
    @pytest.mark.parametrize("name", NAMES)
    def test_id_and_alias(self, client, name):
        for path in (f"/api/v1/articles/{name}", f"/api/v1/articles/{name}/related"):
            check_absent(client.get(path), 404, [name])
            missing = client.get(path.replace(name, "khong-co"))
            assert client.get(path).text.replace(name, "khong-co") == missing.text  # as if there were none
        check_absent(client.get(f"/articles/{name}", headers=HTML), 404, [name, "lang=en"])

    @pytest.mark.parametrize("address", ADDRESSES)
    def test_url(self, client, address):
        path = f"/api/v1/related?url={quote(address, safe='')}"
        check_absent(client.get(path), 404, [address])
        assert client.get(path).text.replace(address, "X") == client.get("/api/v1/related?url=X").text


class TestLists:
    @pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
    @pytest.mark.parametrize("ranking", ["relevance", "similarity"])
    @pytest.mark.parametrize("sort", ["relevance", "newest"])
    def test_search(self, client, mode, ranking, sort):
        for query in (WORDS, f'"{WORDS}"', "lò gốm đỏ lửa trở lại", "LHGX", "Liên hiệp Gốm Xanh", UNACCENTED):
            options = f"mode={mode}&ranking={ranking}&sort={sort}&limit=100"
            answer = client.get(f"/api/v1/search?q={quote(query)}&{options}")
            check_absent(answer, 200, [json.dumps(query, ensure_ascii=False)])
            assert answer.json["total"] <= 3
            assert (answer.json["query"]["expansions"], answer.json["query"]["restored"]) == ([], None)
            facets = answer.json["facets"]
            assert sum(one["count"] for one in facets["section"]) <= 3

    @pytest.mark.parametrize("field", ["section", "source", "author", "tag"])
    def test_filters(self, client, field):
        value = HIDDEN_FIELDS["tags"][0] if field == "tag" else HIDDEN_FIELDS[field]
        answer = client.get(f"/api/v1/search?q=gốm&{field}={quote(value)}")
        check_absent(answer)
        assert (answer.json["total"], answer.json["hits"]) == (0, [])
        check_absent(client.get(f"/api/v1/articles/khac/related?{field}={quote(value)}"))

    def test_dates(self, client):
        for bound in ("published_from=2099-01-01", "published_from=2023-01-05&published_to=2023-01-05"):
            answer = client.get(f"/api/v1/search?q=gốm&{bound}")
            assert (answer.json["total"], answer.json["hits"]) == (0, [])

    @pytest.mark.parametrize(
        "typed", ["z", "zơ", "zovenh", "zơvênh k", "lò gốm", "lh", "lhgx", "liên hiệp", "gốm xanh"]
    )
    def test_suggestions(self, client, typed):
        check_absent(client.get(f"/api/v1/suggest?q={quote(typed)}&limit=20"))

    @pytest.mark.parametrize("preset", ["standard", "inline-teasers", "headlines", "same-section-newest"])
    @pytest.mark.parametrize("ranking", ["relevance", "similarity"])
    def test_hits_pins_and_fallbacks(self, client, preset, ranking):
        options = f"limit=50&preset={preset}&ranking={ranking}&explain=true&fallbacks=newest"
        answer = client.get(f"/api/v1/articles/cong-khai/related?{options}")
        check_absent(answer)
        assert {hit["id"] for hit in answer.json["hits"]} <= {"khac", "nua"}
        assert answer.json["total"] <= 2
        assert answer.json["missing_pins"] == []

    @pytest.mark.parametrize("name", NAMES)
    def test_asking_what_became_of_one(self, client, name):
        told = [
            client.get(f"/api/v1/articles/cong-khai/related?explain_id={one}").json["explained"]
            for one in (name, "khong-co")
        ]
        assert told == [{"step": "not_public", "detail": "", "explanation": None}] * 2

    @pytest.mark.parametrize("name", NAMES)
    def test_seeds(self, client, name):
        for seed in ({"ids": [name]}, {"ids": ["khac", name]}, {"ids": ["khac"], "negative_ids": [name]}):
            check_absent(client.post("/api/v1/related", json={"seed": seed}), 404, [name])
        for address in ADDRESSES:
            check_absent(client.post("/api/v1/related", json={"seed": {"urls": [address]}}), 404, [address])

    def test_a_draft_that_is_nearly_the_same(self, client):
        draft = {"title": LINES[3]["title"], "lead": LINES[3]["lead"], "body": LINES[3]["body"]}
        answer = client.post("/api/v1/related", json={"seed": {"article": draft}, "explain": True, "limit": 50})
        check_absent(answer)
        assert [one["id"] for one in answer.json["already_published"]] in ([], ["cong-khai"])

    def test_excluding_one_changes_nothing(self, client):
        plain = client.get("/api/v1/articles/khac/related").json
        for name in NAMES:
            other = client.get(f"/api/v1/articles/khac/related?exclude_ids={name}").json
            assert [hit["id"] for hit in other["hits"]] == [hit["id"] for hit in plain["hits"]]

    def test_batch(self, client):
        lines = "".join(json.dumps({"id": name}) + "\n" for name in ("khac", *NAMES, "khong-co"))
        kind = "application/x-ndjson"
        answer = client.post(
            "/api/v1/related:batch?limit=50&explain=true", data=lines, content_type=kind, buffered=True
        )
        check_absent(answer, 200, NAMES)
        first, *others = map(json.loads, answer.text.splitlines())
        assert {hit["id"] for hit in first["hits"]} <= {"cong-khai", "nua"}
        assert {other["error"].replace(other["id"], "X") for other in others} == {
            others[-1]["error"].replace("khong-co", "X")
        }


class TestPagesAndCounts:
    @pytest.mark.parametrize(
        "path", ["/", "/articles/cong-khai", "/articles/khac", "/search?q=gốm", "/search?q=zơvênh", "/newsroom/draft"]
    )
    @pytest.mark.parametrize("lang", ["vi", "en"])
    def test_pages(self, client, path, lang):
        gap = "&" if "?" in path else "?"
        check_absent(client.get(f"{path}{gap}lang={lang}", headers=HTML), 200, ["zơvênh", quote("zơvênh")])

    def test_the_newsroom_s_list_names_pins_that_its_own_rules_name_and_no_more(self, client):
        page = client.post("/newsroom/draft", data={"title": "Lò gốm đỏ lửa"}, headers=HTML)
        check_absent(page, 200, [*HIDDEN, *(f"p-{name}" for name in HIDDEN)])

    def test_how_many_there_are(self, client):
        assert client.get("/readyz").json["articles"] == 3
        assert VI.articles(3) in client.get("/").text

    def test_nothing_of_them_is_logged(self, client, caplog):
        caplog.set_level(logging.DEBUG)
        for name in NAMES:
            client.get(f"/api/v1/articles/{name}")
        client.get("/api/v1/search?q=gốm")
        assert [mark for mark in MARKS if mark in caplog.text.lower()] == []
        assert DATE.search(caplog.text) is None


class TestSubscribersText:
    """With expose_body=false, on every path that shows or explains."""

    BODY = "Trầm Krôvênh kể chuyện bể phốt với Zuông Plắt. " * 3

    @pytest.fixture(scope="class")
    @classmethod
    def closed(cls, client_of):
        lines = [
            {
                "id": f"b{at}",
                "title": f"Chuyện lò gốm {at}",
                "lead": "Dẫn.",
                "body": f"{cls.BODY} {at}",
                "section": "Gốm",
            }
            for at in range(4)
        ]
        return client_of(lines, expose_body=False, min_related=0)

    @pytest.mark.parametrize(
        "path",
        [
            *("/api/v1/search?q=Krôvênh+bể+phốt", '/api/v1/search?q="bể+phốt"', "/search?q=lò+gốm", "/articles/b0"),
            *("/api/v1/articles/b0", "/api/v1/articles/b0/related?explain=true&explain_id=b1&duplicates=best"),
            *("/api/v1/suggest?q=kr", "/api/v1/suggest?q=trầm", "/api/v1/suggest?q=bể", "/api/v1/suggest?q=zuông"),
        ],
    )
    def test_nothing_of_it_shows(self, closed, path):
        answer = closed.get(path, headers=HTML)
        assert answer.status_code == 200
        asked = path.split("q=")[-1].replace("+", " ")
        shown = answer.text.replace(json.dumps(asked, ensure_ascii=False), "").lower()
        assert [word for word in ("krôvênh", "phốt", "zuông", "plắt") if word in shown] == []

    def test_nor_to_a_draft_of_the_same_text(self, closed):
        answer = closed.post("/api/v1/related", json={"seed": {"article": {"title": "Lò gốm"}}, "explain": True})
        assert "krôvênh" not in answer.text.lower()
        kind = "application/x-ndjson"
        batch = closed.post("/api/v1/related:batch?explain=true", data='{"id": "b0"}', content_type=kind, buffered=True)
        assert "krôvênh" not in batch.text.lower()
