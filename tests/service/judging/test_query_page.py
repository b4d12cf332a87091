"""The page on one query: what each word was taken for, three lists side by side, and what the page says of them."""

import pytest
from lxml import html

from service.judging.query_page import view
from service.judging.readings import WordReading, numbers, phrases, readings
from service.judging.side_by_side import DEPTH, MODES, side_by_side
from service.schemas import SearchParams
from service.serving.held_encoder import HeldEncoder
from service.wording.query import QueryWords

VI, EN = (QueryWords.in_language(code) for code in ("vi", "en"))

PAGE = "/newsroom/query"
SCRIPT = "<script>alert('vỡ')</script>"
NAMES = ("men xanh", "nung củi", "bát cổ", "chum sành", "ngói vảy", "ấm trà", "tượng voi", "lọ hoa")
LINES = [
    {
        "id": "lo-gom",
        "title": "Lò gốm Lũng Vài đỏ lửa trở lại",
        "lead": "Tổ thợ gốm nung mẻ đầu tiên theo Nghị định 15/2024/NĐ-CP.",
        "body": "Tiếng lửa reo suốt đêm. Bảo hiểm xã hội (BHXH) trả lời hòa giải. " * 3,
        "section": "Đời sống",
        "published_at": "2023-11-07T17:04:00",
    },
    {"id": "tieng", "title": "Tiếng hát trong lò gốm cũ", "body": "Tiếng hát vang xa, tiếng nước chảy."},
    {"id": "xau", "title": f"{SCRIPT} lò gốm", "lead": SCRIPT, "section": SCRIPT},
    {"id": "mai", "title": "Lò gốm ngày mai", "published_at": "2100-01-01"},
    *({"id": f"mau-{at}", "title": f"gốm {name}", "section": "Mẫu"} for at, name in enumerate(NAMES)),
]


@pytest.fixture(scope="module")
def client(client_of):
    return client_of(LINES)


@pytest.fixture(scope="module")
def searcher(client):
    return client.application.extensions["lienquan"].searcher()


@pytest.fixture(scope="module")
def read(searcher):
    def read(typed, literal=False):
        return readings(searcher.understanding.understand(typed, literal), searcher.archive.frequency)

    return read


def get(client, **asked):
    return client.get(PAGE, query_string=asked, headers={"Accept": "text/html"})


def tree(response):
    return html.fromstring(response.get_data(as_text=True))


class TestReadings:
    @pytest.mark.parametrize(
        ("typed", "expected"),
        [
            ("Gom lua", [WordReading("Gom", "gốm", "diacritics", 12), WordReading("lua", "lửa", "diacritics", 1)]),
            ("tieengs", [WordReading("tieengs", "tiếng", "telex", 2)]),
            ("tie61ng", [WordReading("tie61ng", "tiếng", "vni", 2)]),
            ("hoà zzz", [WordReading("hoà", "hòa", "spelling", 1), WordReading("zzz", "zzz", "same", 0)]),
            ("tiengg gom", [WordReading("tiengg", "tiếng", "slip", 2), WordReading("gom", "gốm", "diacritics", 12)]),
            ("gốm", [WordReading("gốm", "gốm", "same", 12)]),
        ],
    )
    def test_what_was_done_to_each_word(self, read, typed, expected):
        assert read(typed) == expected

    def test_literal_is_as_typed(self, read):
        assert [(one.read, one.kind) for one in read("Gom", literal=True)] == [("Gom", "same")]

    def test_ends_of_clauses_are_no_words(self, read):
        assert [one.typed for one in read("lò. gốm?")] == ["lò", "gốm"]

    def test_phrases_and_numbers(self, searcher):
        query = searcher.understanding.understand('"lo gom" "lửa" 15/2024/NĐ-CP')
        assert phrases(query) == ["lò gốm", "lửa"]
        assert numbers(query) == ["15/2024/NĐ-CP"]


class TestSideBySide:
    def test_lists_are_those_of_the_search(self, searcher):
        found = side_by_side(searcher, SearchParams(q="lò gốm lửa"), 3)
        for mode in MODES:
            answer = searcher.search(SearchParams(q="lò gốm lửa", mode=mode, limit=3))
            assert [place.hit.article.id for place in found.lists[mode]] == [hit.article.id for hit in answer.hits]
            assert [place.rank for place in found.lists[mode]] == [1, 2, 3]

    def test_ranks_are_those_of_the_other_lists(self, searcher):
        found = side_by_side(searcher, SearchParams(q="tiếng hát", ranking="similarity"), DEPTH)
        at = {mode: {place.hit.article.id: place.rank for place in found.lists[mode]} for mode in MODES}
        assert set(at["lexical"]) < set(at["dense"])  # so that some are found by meaning alone
        for mode in MODES:
            for place in found.lists[mode]:
                article = place.hit.article.id
                assert place.ranks == {other: at[other].get(article) for other in MODES if other != mode}
                assert place.only == (None if article in at["lexical"] else "dense")

    def test_shares_are_of_the_best_measured(self, searcher):
        found = side_by_side(searcher, SearchParams(q="gốm lửa"), 10)
        for places in found.lists.values():
            best = max(place.hit.spreads for place in places)
            assert [place.share for place in places] == [max(place.hit.spreads / best, 0.0) for place in places]

    def test_what_stands_above_all_is_said_apart_from_its_score(self, searcher):
        first, *rest = side_by_side(searcher, SearchParams(q="tiếng hát trong lò gốm cũ"), 10).lists["hybrid"]
        assert (first.hit.article.id, first.hit.lifted) == ("tieng", True)
        assert first.hit.spreads < 500
        assert not any(place.hit.lifted for place in rest)


class TestPage:
    def test_empty(self, client):
        page = get(client)
        assert page.status_code == 200
        assert page.headers["Cache-Control"] == "no-store"
        assert tree(page).xpath("//input[@id='query-q']/@value") in ([], [""])
        assert not tree(page).xpath("//ol")

    @pytest.mark.parametrize(("lang", "words"), [("vi", VI), ("en", EN)])
    def test_a_query(self, client, lang, words):
        found = tree(get(client, q='lo gom "lửa" -hoa', lang=lang))
        assert [h.text for h in found.xpath("//h3")] == [words.lists[mode] for mode in MODES]
        text = found.text_content()
        assert words.kinds["diacritics"] in text
        for said in (words.phrases, words.excluded, words.encoded):
            assert said in text

    def test_the_same_article_is_linked_in_the_other_lists(self, client):
        found = tree(get(client, q="lò gốm"))
        targets = found.xpath("//p[@class='elsewhere']/a/@href")
        assert targets
        for target in targets:
            (place,) = found.xpath(f"//li[@id='{target[1:]}']")
            assert place.get("data-article")

    def test_every_bar_has_its_value_beside_it(self, client):
        found = tree(get(client, q="lò gốm lửa"))
        places = found.xpath("//li[@data-article]")
        assert len(places) > 10
        for place in places:
            assert 0 <= float(place.xpath(".//rect/@width")[0]) <= 100
            assert VI.score in place.xpath(".//p[@class='figures']/b")[0].text
        assert not found.xpath("//*[@style]")

    def test_what_is_embargoed_is_nowhere(self, client):
        assert "ngày mai" not in get(client, q="lò gốm", limit=50).get_data(as_text=True)

    def test_no_markup_of_articles_is_let_through(self, client):
        assert SCRIPT not in get(client, q=f"lò gốm {SCRIPT}", limit=50).get_data(as_text=True)

    @pytest.mark.parametrize("asked", [{"limit": "51"}, {"limit": "0"}, {"ranking": "x"}, {"q": "x" * 513}])
    def test_what_is_not_as_expected_is_named(self, client, asked):
        page = get(client, **{"q": "gốm", **asked})
        assert page.status_code == 400
        assert next(iter(asked)) in page.get_data(as_text=True)

    def test_without_the_encoder_words_still_answer(self, client, searcher, monkeypatch):
        monkeypatch.setattr(HeldEncoder, "loaded", False)
        found = view(searcher, SearchParams(q="chưa ai hỏi lò gốm"))
        assert set(found.found.lists) == {"lexical", "hybrid"}
        assert all(place.only is None for place in found.found.lists["hybrid"])
        page = get(client, q="chưa ai hỏi lò gốm")
        assert page.status_code == 200
        assert VI.no_list in page.get_data(as_text=True)
