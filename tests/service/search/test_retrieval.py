"""Retrieval and search over small archives: which article comes first, which not at all, and why."""

import unicodedata
from datetime import datetime
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.archive import Archive
from indexer.articles.article import VIETNAM
from indexer.articles.columns import Filters
from indexer.snapshot.home import Home
from indexer.snapshot.snapshot import Snapshot
from models.hashing import HashingEncoder
from service.options import Options
from service.public import MOST_FILTERS, PublicArticles
from service.query.understanding import Understanding
from service.ranking import fusion
from service.schemas import MAX_WINDOW, SearchParams
from service.search import retrieval
from service.search.ranked_hits import STRONG
from service.search.retrieval import LexicalMatches, Retrieval
from service.searcher import Searcher

ENCODER = HashingEncoder()
NOW = datetime(2024, 5, 1, 12, tzinfo=VIETNAM)
LINES = [
    {"id": "luong", "title": "Công nhân may chờ lương", "section": "Việc làm", "published_at": "2024-01-01"},
    {"id": "luong-hai", "title": "Chờ lương hai tháng", "body": "Người công nhân may chờ lương ở xưởng."},
    {"id": "duong", "title": "Đường vào khu trọ ngập", "section": "Đời sống", "published_at": "2024-02-01"},
    {"id": "ong-duong", "title": "Ông Dương mở lớp dạy nghề", "section": "Đời sống", "tags": ["dạy nghề"]},
    {"id": "tro", "title": "Giá thuê khu trọ tăng", "body": "Xóm trọ cạnh nhà máy.", "published_at": "2024-03-01"},
    {"id": "bhxh", "title": "Rút bảo hiểm xã hội một lần", "body": "Theo Quyết định 08/2023/QĐ-TTg."},
    {"id": "bhxh-tat", "title": "BHXH tự nguyện cho người bán rong"},
    {"id": "an-ca", "title": "Bữa ăn ca của xưởng may", "published_at": "2024-04-01"},
    {"id": "mai", "title": "Công nhân may chờ lương mãi", "section": "Kín", "published_at": "2024-05-02"},
    {"id": "go", "title": "Khu trọ đã gỡ", "section": "Kín", "unpublish_at": "2024-04-01"},
]
QUERIES = ["công nhân", "khu trọ", "duong", "BHXH", "bảo hiểm xã hội", "chờ lương", "8/2023/QĐ-TTg", "xưởng may", "zzz"]
MODES = ["hybrid", "dense", "lexical"]


def no_encoder():
    raise AssertionError("words alone need no encoder")


def searching(archive, encoder=lambda: ENCODER, **options):
    return Searcher(archive, encoder, Options(**options))


def search(searcher, q, **params):
    return searcher.search(SearchParams.model_validate({"q": q, **params}), NOW)


def ids(answer):
    return [hit.article.id for hit in answer.hits]


def reasons(hit):
    return [reason.code for reason in hit.reasons]


def plainly(answer):
    return [(hit.article.id, hit.relevance, hit.similarity, hit.reasons, hit.copies) for hit in answer.hits]


@pytest.fixture(scope="module")
def archive(archive_of):
    return archive_of(LINES)


@pytest.fixture(scope="module")
def searcher(archive):
    return searching(archive)


class TestRetrieval:
    @pytest.fixture(scope="class")
    @classmethod
    def retrieving(cls, archive):
        understanding = Understanding(archive.knowledge)

        def make(q, words=True, dense=True, visible=None, phrased=()):
            query = understanding.understand(q)
            vector = ENCODER.encode_queries([query.text])[0] if dense else None
            mask = np.ones(archive.count, np.bool_) if visible is None else visible
            find = partial(LexicalMatches.speaking, archive, query) if words else None
            return Retrieval(archive, query, vector, find, mask, np.array(phrased, dtype=np.int64))

        return make

    @pytest.fixture(scope="class")
    @classmethod
    def found(cls, archive, retrieving):
        def run(q, words=True, dense=True, allowed=None, phrased=()):
            mask = np.ones(archive.count, np.bool_) if allowed is None else allowed
            one = retrieving(q, words, dense, mask, phrased)
            return one.found(mask)

        return run

    def test_rows_are_distinct_sorted_and_scored(self, archive, found):
        result = found("khu trọ")
        assert result.candidates.rows.tolist() == list(range(archive.count))
        assert len(result.z_scores) == len(result.titled) == len(result.relevance) == archive.count
        assert np.isfinite(result.z_scores).all()

    def test_what_words_found_has_its_cosine_too(self, archive, found):
        result = found("khu trọ")
        vector = ENCODER.encode_queries(["khu trọ"])[0]
        expected = archive.vectors_of(result.candidates.rows) @ vector
        assert result.candidates.dense == pytest.approx(expected, abs=1e-6)

    def test_words_alone_and_meaning_alone(self, archive, found):
        words = found("khu trọ", dense=False).candidates
        assert words.dense is None
        assert {archive.articles([row])[0].id for row in words.rows} >= {"duong", "tro", "go"}
        assert (words.lexical > 0).all()
        assert found("khu trọ", words=False).candidates.lexical is None

    def test_only_what_is_allowed(self, archive, found):
        allowed = np.zeros(archive.count, np.bool_)
        allowed[[0, 3]] = True
        for words, dense in ((True, True), (True, False), (False, True)):
            rows = found("công nhân may chờ lương", words, dense, allowed).candidates.rows
            assert set(rows.tolist()) <= {0, 3}

    def test_bonuses_of_titles_and_phrases(self, found):
        plain, lifted = found("khu trọ"), found("khu trọ", phrased=[3])
        gain = lifted.z_scores - plain.z_scores
        assert gain[3] == pytest.approx(fusion.PHRASE_BONUS)
        assert np.delete(gain, 3) == pytest.approx(0)
        titled = found("công nhân may chờ lương")
        assert titled.titled.nonzero()[0].tolist() == [0]
        assert titled.z_scores[0] > fusion.TITLE_BONUS / 2 > titled.z_scores[1]

    @pytest.mark.parametrize(
        "q", [*QUERIES, "ông dương mở lớp dạy nghề cho người bán rong", "where is the boarding house"]
    )
    @pytest.mark.parametrize("nearest", [1, 3, 9])
    def test_members_are_the_related_the_spoken_for_and_the_nearest(self, archive, retrieving, monkeypatch, q, nearest):
        monkeypatch.setattr(retrieval, "NEAREST", nearest)
        every = np.ones(archive.count, np.bool_)
        one = retrieving(q)
        scored = one.nearest(every)
        rows = scored.candidates.rows
        query = Understanding(archive.knowledge).understand(q)
        meant = retrieval._DenseEvidence.of(archive, query, ENCODER.encode_queries([query.text])[0])
        related = meant.relevance(meant.unrelated.z_scores(scored.candidates.dense)) >= retrieval.LEAST_RELATED
        known = archive.chance(query.words).known
        spoken_for = scored.candidates.lexical >= retrieval.LEAST_SHARE * max(known, 1e-9)
        near = scored.candidates.dense >= np.sort(scored.candidates.dense)[-nearest]
        assert one.result_set(every).rows.tolist() == rows[related | spoken_for | near | scored.titled].tolist()

    @pytest.mark.parametrize("q", QUERIES)
    @pytest.mark.parametrize("exact", [True, False])
    @settings(max_examples=20)
    @given(data=st.data())
    def test_a_filter_is_an_intersection(self, archive, retrieving, q, exact, data):
        visible = np.array(data.draw(st.lists(st.booleans(), min_size=archive.count, max_size=archive.count)))
        filters = np.array(data.draw(st.lists(st.booleans(), min_size=archive.count, max_size=archive.count)))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(retrieval, "NEAREST", 2)
            patch.setattr(retrieval, "EXACT", 20_000 if exact else 1)
            one = retrieving(q, visible=visible)
            whole, filtered = one.result_set(visible), one.result_set(visible & filters)
        assert whole.complete
        assert filtered.rows.tolist() == [row for row in whole.rows.tolist() if filters[row]]

    @pytest.mark.parametrize("near", [1, 3])
    @pytest.mark.parametrize("q", QUERIES)
    def test_candidates_are_asked_for_until_all_members_are_there(self, archive, retrieving, monkeypatch, q, near):
        every = np.ones(archive.count, np.bool_)
        monkeypatch.setattr(retrieval, "NEAREST", 1)
        expected = retrieving(q).result_set(every).rows.tolist()
        monkeypatch.setattr(retrieval, "_NEAR", near)
        monkeypatch.setattr(retrieval, "FIRST_LEXICAL", near)
        assert retrieving(q).result_set(every).rows.tolist() == expected

    def test_a_large_archive_says_that_not_all_are_counted(self, archive, retrieving, monkeypatch):
        monkeypatch.setattr(retrieval, "EXACT", 1)
        monkeypatch.setattr(retrieval, "WINDOW", 2)
        monkeypatch.setattr(retrieval, "FIRST_LEXICAL", 1)
        found = retrieving("khu trọ", dense=False).result_set(np.ones(archive.count, np.bool_))
        assert (len(found.rows), found.complete) == (2, False)

    def test_a_large_archive_brings_no_more_than_its_window(self, archive, retrieving, monkeypatch):
        monkeypatch.setattr(retrieval, "EXACT", 1)
        monkeypatch.setattr(retrieval, "WINDOW", 2)
        found = retrieving("khu trọ", dense=False).result_set(np.ones(archive.count, np.bool_))
        assert len(found.rows) == 2

    @pytest.mark.parametrize("first", [-1, 0, 1])
    def test_all_that_match_are_all_however_many_are_asked_for_at_first(self, archive_of, monkeypatch, first):
        archive = archive_of({"id": f"a{n}", "title": "Gốm", "body": f"Tin {n}"} for n in range(7))
        monkeypatch.setattr(retrieval, "FIRST_LEXICAL", archive.count + first)
        query = Understanding(archive.knowledge).understand("gốm")
        matches = LexicalMatches.speaking(archive, query, np.ones(archive.count, np.bool_))
        assert (len(matches.rows), matches.more) == (archive.count, False)

    def test_nothing_found(self, archive, found):
        none = found("khu trọ", dense=False, allowed=np.zeros(archive.count, np.bool_))
        assert (none.candidates.rows.tolist(), none.z_scores.tolist()) == ([], [])
        assert found("zzzz", dense=False).candidates.rows.tolist() == []


class TestTitles:
    @pytest.mark.parametrize("line", [line for line in LINES if line["id"] not in {"mai", "go"}], ids=lambda x: x["id"])
    @pytest.mark.parametrize("spelling", [str, str.lower, str.upper, "“{}”".format, "  {} !".format])
    def test_a_title_finds_its_article_first(self, searcher, line, spelling):
        answer = search(searcher, spelling(line["title"]))
        assert ids(answer)[0] == line["id"]
        assert reasons(answer.hits[0])[0] == "title"
        assert [reasons(hit)[0] for hit in answer.hits[1:]].count("title") == 0

    @pytest.mark.parametrize("mode", ["hybrid", "lexical"])
    def test_typed_without_diacritics_too(self, searcher, mode):
        assert ids(search(searcher, "duong vao khu tro ngap", mode=mode))[0] == "duong"

    @settings(max_examples=12)
    @given(
        title=st.sampled_from(LINES[:8]).map(lambda line: line["title"]),
        words=st.lists(st.sampled_from(" ".join(line["title"] for line in LINES).split()), min_size=1, max_size=9),
        body=st.lists(st.sampled_from(" ".join(line["title"] for line in LINES).split()), max_size=30),
    )
    def test_another_article_never_displaces_it(self, archive_of, title, words, body):
        other = {"id": "khac", "title": " ".join(words) + " khác", "body": f"{title} {title} {' '.join(body)}"}
        answer = search(searching(archive_of([other, *LINES])), title)
        assert answer.hits[0].article.title == title

    def test_an_article_of_the_same_title_but_not_public_does_not_come(self, searcher):
        assert "mai" not in ids(search(searcher, "Công nhân may chờ lương mãi"))


class TestWords:
    def test_an_article_is_found_by_its_tags_and_its_author(self, archive_of):
        lines = [
            {"id": "lua", "title": "Hai bờ kinh hai số phận", "tags": ["bảo hiểm nông nghiệp", "An Giang"]},
            {"id": "tac-gia", "title": "Chuyện ở bến đò", "author": "Tô Thị Lụa"},
            {"id": "khac", "title": "Chuyện ở bến xe"},
        ]
        found = searching(archive_of(lines))
        for q, expected in [("nông nghiệp", "lua"), ("bao hiem nong nghiep", "lua"), ("Tô Thị Lụa", "tac-gia")]:
            answer = search(found, q, mode="lexical")
            assert ids(answer) == [expected], q
            assert reasons(answer.hits[0]) == ["words"]

    def test_what_is_spelt_so_stands_above_what_is_only_folded_so(self, archive_of):
        searcher = searching(archive_of([{**line, "tags": []} for line in LINES]))
        answer = search(searcher, "dương", mode="lexical")
        assert ids(answer) == ["ong-duong", "duong"]
        assert ids(search(searcher, "đường", mode="lexical")) == ["duong", "ong-duong"]
        hybrid = ids(search(searcher, "dương"))
        assert hybrid.index("ong-duong") < hybrid.index("duong")

    def test_both_forms_of_an_abbreviation(self, searcher):
        for q in ("BHXH", "bảo hiểm xã hội", "bao hiem xa hoi"):
            assert set(ids(search(searcher, q, mode="lexical"))[:2]) == {"bhxh", "bhxh-tat"}, q

    @pytest.mark.parametrize("q", ["08/2023/QĐ-TTg", "8/2023/QĐ-TTg", "quyết định 08/2023/qđ-ttg"])
    def test_a_code(self, searcher, q):
        assert ids(search(searcher, q, mode="lexical"))[0] == "bhxh"

    def test_composed_or_not_the_answer_is_one(self, searcher):
        for q in QUERIES:
            composed, decomposed = (search(searcher, unicodedata.normalize(form, q)) for form in ("NFC", "NFD"))
            assert plainly(composed) == plainly(decomposed), q

    def test_without_a_match_words_find_nothing_and_meaning_something(self, searcher):
        assert ids(search(searcher, "zzz", mode="lexical")) == []
        assert len(search(searcher, "zzz").hits) > 0


class TestAbsentWords:
    """Of a word that no visible article has, what the thesaurus gives for it is looked for, and little of itself."""

    FARM = LINES[0] | {
        "id": "farm",
        "title": "Mua bảo hiểm cho lúa",
        "lead": "Vụ hè thu ở An Giang",
        "body": "Nông nghiệp.",
    }
    HALF = LINES[0] | {
        "id": "half",
        "title": "Nông sâu ba thước nước",
        "lead": "Cư dân ven sông",
        "body": "Nông lắm, dân ơi.",
    }
    HIDDEN = LINES[0] | {"id": "hidden", "title": "Nông dân", "lead": "Nông dân", "published_at": "2100-01-01"}

    def test_the_other_word_outweighs_lone_syllables(self, archive_of):
        answer = search(searching(archive_of([self.FARM, self.HALF])), "nông dân", mode="lexical")
        assert ids(answer)[0] == "farm"
        assert [one.also for one in answer.query.expansions] == ["nông nghiệp"]

    def test_an_article_that_is_not_public_changes_nothing(self, archive_of):
        told = [
            search(searching(archive_of(lines)), "nông dân").query.expansions
            for lines in ([self.FARM, self.HALF], [self.FARM, self.HALF, self.HIDDEN])
        ]
        assert told[0] == told[1] != ()


class TestModes:
    @pytest.mark.parametrize("q", QUERIES)
    def test_words_alone_never_ask_the_encoder(self, archive, q):
        answer = search(searching(archive, no_encoder), q, mode="lexical")
        assert [hit.similarity for hit in answer.hits] == [None] * len(answer.hits)
        assert all("meaning" not in reasons(hit) for hit in answer.hits)
        assert all(reasons(hit)[-1] == "words" for hit in answer.hits)

    @pytest.mark.parametrize("q", QUERIES)
    def test_meaning_alone_is_ordered_by_cosine(self, searcher, q):
        answer = search(searcher, q, mode="dense", ranking="similarity")
        assert all(reasons(hit) == ["meaning"] for hit in answer.hits)
        if not answer.query.short:
            cosines = [hit.similarity for hit in answer.hits]
            assert cosines == sorted(cosines, reverse=True)

    @pytest.mark.parametrize("q", QUERIES)
    def test_together_they_find_what_either_finds(self, searcher, q):
        found = {mode: set(ids(search(searcher, q, mode=mode, limit=100))) for mode in MODES}
        assert found["hybrid"] == found["dense"] | found["lexical"]

    def test_reasons(self, searcher):
        found = {hit.article.id: reasons(hit) for hit in search(searcher, "Công nhân may chờ lương").hits}
        assert found["luong"] == ["title", "words", "meaning"]
        assert found["luong-hai"] == ["words", "meaning"]
        assert found["bhxh"] == ["meaning"]


class TestOperators:
    def test_a_phrase_lifts(self, searcher):
        answer = search(searcher, 'trọ "nhà máy"')
        assert (ids(answer)[0], answer.relaxed) == ("tro", ())
        assert ids(search(searcher, 'trọ "khu trọ ngập"'))[0] != "tro"

    @pytest.mark.parametrize("mode", MODES)
    def test_an_exclusion_excludes(self, searcher, mode):
        answer = search(searcher, "khu trọ -ngập", mode=mode)
        assert "duong" not in ids(answer)
        assert "tro" in ids(answer)
        assert answer.relaxed == ()

    def test_it_excludes_what_has_a_phrase_too(self, searcher):
        answer = search(searcher, '"khu trọ" -ngập')
        assert ids(answer)[0] == "tro"
        assert "duong" not in ids(answer)

    def test_a_phrase_that_no_article_has_is_passed_over(self, searcher):
        answer = search(searcher, '"ngập khu"')
        assert answer.relaxed == ("phrase",)
        assert len(answer.hits) > 0

    def test_a_phrase_that_only_hidden_articles_have_is_no_secret_given_away(self, searcher):
        assert search(searcher, '"đã gỡ"').relaxed == ("phrase",)

    def test_an_exclusion_of_everything_is_passed_over(self, archive_of):
        searcher = searching(archive_of([{"id": "a", "title": "khu trọ"}, {"id": "b", "title": "khu nhà"}]))
        answer = search(searcher, "trọ -khu")
        assert answer.relaxed == ("exclusion",)
        assert ids(answer)[0] == "a"
        assert search(searcher, '"nhà trọ" -khu').relaxed == ("exclusion", "phrase")

    def test_filters_do_not_change_what_is_passed_over(self, searcher):
        assert search(searcher, "trọ -ngập", section=["Đời sống"]).relaxed == ()
        answer = search(searcher, "trọ -ngập -nghề", section=["Đời sống"])
        assert (answer.relaxed, answer.hits) == ((), [])
        assert search(searcher, '"chờ lương"', section=["Đời sống"]).relaxed == ()


class TestPaging:
    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("params", [{}, {"sort": "newest"}, {"ranking": "similarity"}], ids=str)
    def test_pages_together_are_the_long_list(self, searcher, mode, params):
        for q in ("khu trọ", "công nhân may", "BHXH"):
            whole = search(searcher, q, mode=mode, limit=100, **params)
            for size in (1, 3):
                pages = [
                    search(searcher, q, mode=mode, limit=size, offset=at, **params)
                    for at in range(0, len(whole.hits) + size, size)
                ]
                assert [hit for page in pages for hit in plainly(page)] == plainly(whole)
                assert {page.total for page in pages} == {whole.total}
                assert all(page.facets == whole.facets for page in pages)

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("order", ["relevance", "similarity"])
    def test_total_is_how_many_hits_come(self, searcher, mode, order):
        answer = search(searcher, "khu trọ", mode=mode, ranking=order, limit=100)
        assert answer.total == len(answer.hits)

    @pytest.mark.parametrize("mode", MODES)
    def test_scores_fall(self, searcher, mode):
        for q in QUERIES:
            scores = [hit.score for hit in search(searcher, q, mode=mode, limit=100).hits]
            assert scores == sorted(scores, reverse=True)
            assert all(0 <= score <= 1 for score in scores)

    def test_all_are_counted_beyond_what_paging_reaches(self, archive_of):
        searcher = searching(archive_of({"id": f"a{n}", "title": f"Gốm {n}"} for n in range(MAX_WINDOW + 2)))
        answer = search(searcher, "gốm", mode="lexical")
        assert (answer.total, answer.more) == (MAX_WINDOW + 2, False)
        answer = search(searcher, "gốm", mode="lexical", ranking="similarity")
        assert (answer.total, answer.more) == (MAX_WINDOW, True)


class TestPublicOnly:
    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("params", [{}, {"sort": "newest"}, {"ranking": "similarity"}, {"literal": True}], ids=str)
    @pytest.mark.parametrize("q", ["Công nhân may chờ lương mãi", "Khu trọ đã gỡ", '"đã gỡ"', "mãi", "khu -ngập"])
    def test_neither_embargoed_nor_taken_down(self, searcher, q, params, mode):
        answer = search(searcher, q, mode=mode, limit=100, **params)
        assert {"mai", "go"}.isdisjoint(ids(answer))
        assert "Kín" not in dict(answer.facets["section"])


class TestLeastRelevanceAndNewest:
    @pytest.mark.parametrize("sort", ["relevance", "newest"])
    @pytest.mark.parametrize("mode", MODES)
    def test_what_is_less_relevant_is_left_out_where_it_is_asked(self, searcher, sort, mode):
        every = search(searcher, "khu trọ chờ lương", limit=100, mode=mode)
        least = every.hits[1].relevance
        kept = [hit.article.id for hit in every.hits if hit.relevance >= least]
        left = search(searcher, "khu trọ chờ lương", sort=sort, limit=100, mode=mode, min_relevance=least)
        assert 0 < left.total == len(left.hits) < every.total
        assert set(ids(left)) <= set(kept)

    def test_nothing_is_left_out_by_itself(self, searcher):
        answer = search(searcher, "điện nước tăng giá mạnh")
        assert 0 < answer.hits[0].relevance < 1
        assert answer.total > 0

    def test_similarity_knows_no_least_relevance_and_no_copies(self, searcher):
        for sort in ("relevance", "newest"):
            answer = search(searcher, "khu trọ", ranking="similarity", sort=sort, limit=100, min_relevance=1.0)
            assert answer.total == len(answer.hits) == len(LINES) - 2

    def test_strong_matches_stand_first(self, searcher):
        for q in QUERIES:
            answer = search(searcher, q, limit=100)
            assert answer.strong == sum(hit.relevance >= STRONG for hit in answer.hits)
            assert all(hit.relevance >= STRONG for hit in answer.hits[: answer.strong])
            assert search(searcher, q, sort="newest").strong == answer.strong
        assert search(searcher, "Giá thuê khu trọ tăng").strong > 0
        assert search(searcher, "zzz").strong == 0

    def test_newest_first_undated_last(self, searcher):
        answer = search(searcher, "khu trọ", sort="newest", limit=100)
        days = [hit.article.published_at for hit in answer.hits]
        dated = [day for day in days if day is not None]
        assert dated == sorted(dated, reverse=True)
        assert days[len(dated) :] == [None] * (len(days) - len(dated))
        assert set(ids(answer)) == set(ids(search(searcher, "khu trọ", limit=100)))


class TestCopies:
    LINES = [
        {"id": "goc", "title": "Cháy kho trong đêm", "published_at": "2024-01-01"},
        {"id": "in-lai", "title": "Cháy kho trong đêm", "published_at": "2024-01-03"},
        {"id": "ba", "title": "Cháy kho trong đêm"},
        {"id": "mai", "title": "Cháy kho trong đêm", "published_at": "2024-06-01"},
        {"id": "khac", "title": "Cháy kho vải", "published_at": "2024-01-02"},
    ]

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("sort", ["relevance", "newest"])
    def test_they_are_counted_behind_the_newest(self, archive_of, sort, mode):
        answer = search(searching(archive_of(self.LINES)), "cháy kho", sort=sort, mode=mode)
        assert {hit.article.id: hit.copies for hit in answer.hits} == {"in-lai": 2, "khac": 0}
        assert answer.total == 2

    def test_similarity_shows_each(self, archive_of):
        answer = search(searching(archive_of(self.LINES)), "cháy kho", ranking="similarity")
        assert set(ids(answer)) == {"goc", "in-lai", "ba", "khac"}
        assert [hit.copies for hit in answer.hits] == [0] * 4

    def test_copies_in_several_segments(self, publish, tmp_path):
        publish(tmp_path, self.LINES[:1])
        name = publish(tmp_path, self.LINES, add=True).snapshot
        archive = Archive(Snapshot(Home(tmp_path).directory(name)))
        for mode in MODES:
            answer = search(searching(archive), "cháy kho trong đêm", mode=mode)
            assert (ids(answer)[0], answer.hits[0].copies) == ("in-lai", 2)
        archive.close()


COUNTED = [
    {"id": "a", "title": "Chờ lương ở xưởng may", "section": "Việc làm", "tags": ["lương", "may"], "author": "An"},
    {"id": "b", "title": "Chờ lương ở xưởng may", "section": "Đời sống", "tags": ["lương"], "author": "Bình"},
    {"id": "c", "title": "Khu trọ chờ lương", "section": "đời  sống", "tags": ["Lương", "trọ"]},
    {"id": "d", "title": "Xưởng may đóng cửa", "section": "Việc làm", "source": "Nhịp Ca", "author": "An"},
    {"id": "e", "title": "Xưởng gốm mở lại", "section": "Làng nghề", "source": "Nhịp Ca", "published_at": "2024-01-01"},
    {"id": "g", "title": "Lễ hội đèn", "section": "Văn hóa", "tags": ["lễ hội"], "published_at": "2024-02-01"},
]


class TestFacets:
    @pytest.fixture(scope="class")
    @classmethod
    def counted(cls, archive_of):
        return searching(archive_of(COUNTED))

    def test_they_count_the_hits_with_each_value(self, searcher):
        answer = search(searcher, "khu trọ", limit=1, ranking="similarity")
        assert answer.facets["section"] == [("Đời sống", 2), ("Việc làm", 1)]
        assert answer.facets["tag"] == [("dạy nghề", 1)]

    def test_a_text_counts_once_for_a_value(self, counted):
        answer = search(counted, "chờ lương", mode="lexical")
        assert answer.total == 2
        assert dict(answer.facets["section"]) == {"Đời sống": 2, "Việc làm": 1}
        assert dict(answer.facets["tag"]) == {"lương": 2, "may": 1, "trọ": 1}

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        q=st.sampled_from(["chờ lương", "xưởng may", "lễ hội", "đèn trọ", "zzz", "xưởng -gốm", '"khu trọ"']),
        sort=st.sampled_from(["relevance", "newest"]),
        mode=st.sampled_from(MODES),
        chosen=st.sampled_from([{}, {"section": ["Việc làm"]}, {"tag": ["LƯƠNG"], "section": ["Đời sống"]}]),
        least=st.sampled_from([0.0, 0.0, 0.3]),
    )
    def test_a_count_is_the_total_of_choosing_it(self, counted, q, sort, mode, chosen, least):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(retrieval, "NEAREST", 2)
            asked = {"sort": sort, "mode": mode, "min_relevance": least, **chosen}
            answer = search(counted, q, **asked)
            for field, counts in answer.facets.items():
                for value, count in counts:
                    assert search(counted, q, **{**asked, field: [value]}).total == count, (field, value)

    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        q=st.sampled_from(["chờ lương", "xưởng may", "công đèn", "zzz"]),
        sort=st.sampled_from(["relevance", "newest"]),
        section=st.sampled_from([[], ["Việc làm"], ["Đời sống", "Làng nghề"]]),
        size=st.integers(1, 4),
    )
    def test_pages_walk_one_result_set_in_every_order(self, counted, q, sort, section, size):
        whole = search(counted, q, section=section, limit=100)
        pages = [
            search(counted, unicodedata.normalize("NFD", q), section=section, sort=sort, offset=at, limit=size)
            for at in range(0, whole.total, size)
        ]
        walked = [name for page in pages for name in ids(page)]
        assert sorted(walked) == sorted(ids(whole))
        assert {(page.total, page.strong) for page in pages} <= {(whole.total, whole.strong)}

    def test_neighbours_of_a_chosen_value_stay(self, counted):
        answer = search(counted, "chờ lương", section=["Việc làm"])
        assert dict(answer.facets["section"])["Đời sống"] == search(counted, "chờ lương", section=["Đời sống"]).total
        assert dict(answer.facets["tag"])["lương"] == 1

    def test_of_nothing(self, searcher):
        answer = search(searcher, "zzz", mode="lexical")
        assert answer.facets == {"section": [], "source": [], "author": [], "tag": []}


def browse(searcher, **params):
    return searcher.search(SearchParams.model_validate(params), NOW)


class TestBrowsing:
    def test_all_that_bear_a_value_newest_first(self, searcher):
        answer = browse(searcher, section=["đời sống"])
        assert (ids(answer), answer.total, answer.query) == (["duong", "ong-duong"], 2, None)
        assert answer.facets["tag"] == [("dạy nghề", 1)]
        assert dict(answer.facets["section"]) == {"Đời sống": 2, "Việc làm": 1}

    def test_the_newest_of_all(self, searcher):
        answer = browse(searcher, sort="newest", limit=3)
        assert (ids(answer), answer.total) == (["an-ca", "tro", "duong"], len(LINES) - 2)
        assert ids(browse(searcher, sort="newest", limit=3, offset=3))[0] == "luong"

    def test_only_what_is_public(self, searcher):
        assert browse(searcher, section=["Kín"]).hits == []

    def test_without_query_filter_and_order_it_is_refused(self):
        with pytest.raises(ValueError, match="expected a query, a filter, or sort=newest"):
            SearchParams.model_validate({})


class TestUnderstood:
    def test_the_answer_says_how_the_query_was_read(self, searcher):
        answer = search(searcher, "khu tro")
        assert answer.query.restored == "khu trọ"
        assert ids(answer)[0] in {"tro", "duong"}
        literal = search(searcher, "khu tro", literal=True)
        assert literal.query.restored is None

    @pytest.mark.parametrize("q", ["!!!", "*", '""', "-", "AND", "\\", "%00", "a:b", "[", "İ the of"])
    @pytest.mark.parametrize("mode", MODES)
    def test_odd_queries_are_answered(self, searcher, q, mode):
        answer = search(searcher, q, mode=mode)
        assert answer.total >= len(answer.hits)

    @settings(max_examples=60)
    @given(st.text(st.sampled_from('abnhàmáykhutrọ *?"“-()[]{}\\/^~:+!&|.%0'), min_size=1, max_size=20))
    def test_any_query_is_answered_by_words(self, archive, q):
        if q.strip():
            search(searching(archive, no_encoder), q, mode="lexical")


class TestAllowed:
    def test_filters_follow_what_becomes_public(self, archive):
        searcher = searching(archive)
        params = SearchParams(q="công nhân may chờ lương", section=["Kín"])
        later = datetime(2024, 5, 3, tzinfo=VIETNAM)
        assert [ids(searcher.search(params, now)) for now in (NOW, later, NOW)] == [[], ["mai"], []]

    def test_the_masks_of_the_last_filters_are_kept(self, archive):
        public = PublicArticles(archive)

        def mask(number):
            return public.mask(Filters(section=(f"{number}",)), NOW)

        first = mask(0)
        for number in range(1, MOST_FILTERS):
            mask(number)
        assert mask(0) is first
        mask(MOST_FILTERS)
        assert mask(0) is not first


def test_words_say_less_of_relevance_in_another_language():
    shares = np.array([0.0, 0.5, 1.0])
    own, other = (retrieval._by_words(SimpleNamespace(foreign=foreign, trust=1.0), shares) for foreign in (False, True))
    assert np.all(np.diff(own) > 0)
    assert np.allclose(other, own / 4)
