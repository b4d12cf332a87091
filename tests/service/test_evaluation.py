"""Evaluation over archives so small that every list, and so every measure, is worked out by hand."""

from math import log2

import numpy as np
import pytest

from indexer.articles.article import Article
from models.hashing import HashingEncoder
from service.evaluation import DEPTH, draft_of, evaluate_related, evaluate_search
from service.searcher import Searcher

# Cosines to `mot` by words shared: hai 3/4, ba 2/4, bon 1/4; the copy has all four, `khac` none.
LINES = [
    {"id": "mot", "title": "thợ may chờ lương"},
    {"id": "hai", "title": "thợ may chờ xe"},
    {"id": "ba", "title": "thợ may mua gạo"},
    {"id": "bon", "title": "thợ xây sửa nhà"},
    {"id": "khac", "title": "mưa lớn ngoài đảo"},
    {"id": "mai", "title": "thợ may chờ lương mãi", "published_at": "2100-01-01"},
]
COPY = {"id": "ban-sao", "title": "thợ may chờ lương", "published_at": "2024-01-01"}


@pytest.fixture(scope="module")
def searcher(archive_of):
    return Searcher(archive_of(LINES), HashingEncoder)


@pytest.fixture(scope="module")
def with_copy(archive_of):
    return Searcher(archive_of([*LINES, COPY]), HashingEncoder)


def test_the_lists_are_as_worked_out(searcher):
    run = evaluate_related(searcher, {"mot": {"hai": 1}}, "similarity").run
    assert [name for name, _ in run["mot"]] == ["hai", "ba", "bon", "khac"]
    # Each score is the z-score of the cosine, and what the words shared add to it: nothing for `khac`.
    mean, std = searcher.archive.background.moments(searcher.archive.vectors_of(np.array([0]))[0])
    z_scores = (np.array([0.75, 0.5, 0.25, 0.0]) - mean) / std
    added = np.array([score for _, score in run["mot"]]) - z_scores
    assert (np.diff(added) < 0).all()
    assert added[-1] == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    ("grades", "expected"),
    [
        ({"hai": 2, "ba": 1}, 1.0),
        ({"hai": 1, "ba": 2}, (1 + 3 / log2(3)) / (3 + 1 / log2(3))),
        ({"ba": 1}, 1 / log2(3)),
        ({"bon": 1, "khong-co": 1}, (1 / log2(4)) / (1 + 1 / log2(3))),
        ({"mai": 1, "hai": 1}, 1 / (1 + 1 / log2(3))),  # what is not published yet is not found
        ({"mot": 1}, 0.0),  # the seed itself is never found
    ],
    ids=["ideal", "swapped", "second", "third and one unknown", "embargoed", "itself"],
)
def test_ndcg_of_related(searcher, grades, expected):
    measures = evaluate_related(searcher, {"mot": grades}, "similarity").measures
    assert measures["ndcg@10"] == pytest.approx(expected)
    assert measures["queries"] == 1


def test_the_other_measures_of_related(searcher):
    measures = evaluate_related(searcher, {"mot": {"ba": 1, "khong-co": 2}, "khac": {"mot": 0}}, "similarity").measures
    assert measures == {
        "ndcg@10": pytest.approx((1 / log2(3)) / (3 + 1 / log2(3))),
        **{"recall@10": 0.5, "recall@50": 0.5, "mrr@10": 0.5, "queries": 1.0},
    }


def test_queries_that_cannot_be_asked_count_as_nothing_and_are_named(searcher):
    result = evaluate_related(searcher, {"mot": {"hai": 1}, "khong-co": {"hai": 1}, "mai": {"hai": 1}}, "similarity")
    assert result.unknown == ["khong-co", "mai"]
    assert set(result.run) == {"mot"}
    assert (result.measures["ndcg@10"], result.measures["queries"]) == (pytest.approx(1 / 3), 3)


def test_ndcg_of_search(searcher):
    queries = {"q1": "thợ may chờ lương", "q2": "mưa ngoài đảo", "unused": ""}
    qrels = {"q1": {"mot": 1, "ba": 1}, "q2": {"bon": 3}}
    result = evaluate_search(searcher, queries, qrels, "similarity")
    assert [name for name, _ in result.run["q1"]] == ["mot", "hai", "ba", "bon", "khac"]
    assert result.run["q2"][0][0] == "khac"
    place = [name for name, _ in result.run["q2"]].index("bon") + 1
    first = (1 + 1 / log2(4)) / (1 + 1 / log2(3))
    assert result.measures["ndcg@10"] == pytest.approx((first + 1 / log2(place + 1)) / 2)
    assert result.measures["mrr@10"] == pytest.approx((1 + 1 / place) / 2)
    assert result.unknown == []


def test_similarity_measures_every_copy_and_relevance_one(with_copy):
    qrels = {"q": {"mot": 1, "ban-sao": 1}}
    queries = {"q": "thợ may chờ lương"}
    by_similarity = evaluate_search(with_copy, queries, qrels, "similarity")
    assert by_similarity.measures["ndcg@10"] == pytest.approx(1)
    assert by_similarity.measures["recall@10"] == 1
    by_relevance = evaluate_search(with_copy, queries, qrels, "relevance")
    assert by_relevance.run["q"][0][0] == "ban-sao"
    assert by_relevance.measures["ndcg@10"] == pytest.approx(1 / (1 + 1 / log2(3)))
    assert by_relevance.measures["recall@10"] == 0.5


def test_related_measures_copies_of_the_seed_by_similarity_alone(with_copy):
    qrels = {"mot": {"ban-sao": 1}}
    assert evaluate_related(with_copy, qrels, "similarity").measures["ndcg@10"] == 1
    assert evaluate_related(with_copy, qrels, "relevance").measures["ndcg@10"] == 0


def test_lists_are_as_deep_as_the_deepest_measure(archive_of):
    searcher = Searcher(archive_of({"id": f"n{at}", "title": f"bài {at}"} for at in range(60)), HashingEncoder)
    assert len(evaluate_related(searcher, {"n0": {"n1": 1}}, "similarity").run["n0"]) == DEPTH == 50
    assert len(evaluate_search(searcher, {"q": "bài"}, {"q": {"n1": 1}}, "similarity").run["q"]) == DEPTH


def test_a_judged_query_without_text_is_refused(searcher):
    with pytest.raises(ValueError, match="'q2' and 1 others judged"):
        evaluate_search(searcher, {"q1": "a"}, {"q1": {"mot": 1}, "q3": {"mot": 1}, "q2": {"mot": 1}}, "similarity")


class TestDrafts:
    """The published article is left out of the list of its own draft."""

    @pytest.mark.parametrize("ranking", ["similarity", "relevance"])
    def test_a_title_of_an_article_that_is_its_title(self, searcher, ranking):
        by_title = evaluate_related(searcher, {"mot": {"hai": 1}}, ranking, "title")
        listed = [name for name, _ in by_title.run["mot"]]
        assert (listed[0], sorted(listed)) == ("hai", ["ba", "bon", "hai", "khac"])
        assert by_title.measures["ndcg@10"] == 1

    def test_the_title_alone_or_the_start_of_the_body_under_it(self, archive_of):
        lines = [
            {"id": "bai", "title": "giá điện", "lead": "chợ đêm", "body": "mưa to gió lớn sấm chớp lũ quét đập tràn"},
            *({"id": title.split()[0], "title": title} for title in ("chợ đêm", "mưa to", "tràn đập", "giá điện tăng")),
        ]
        searcher = Searcher(archive_of(lines), HashingEncoder)

        def z_scores(draft):
            run = evaluate_related(searcher, {"bai": {"giá": 1}}, "similarity", draft).run["bai"]
            assert {name for name, _ in run} == {"chợ", "mưa", "tràn", "giá"}
            return dict(run)

        title, start = z_scores("title"), z_scores("start")
        assert max(title, key=title.get) == "giá"
        assert start["mưa"] > title["mưa"]
        assert start["mưa"] > max(start["tràn"], start["chợ"])  # neither the body's end nor the lead is in it

    @pytest.mark.parametrize(
        ("body", "kind", "expected"),
        [
            ("một hai ba bốn năm", "start", "một hai ba"),
            ("một hai\nba bốn năm sáu", "start", "một hai\nba bốn"),
            ("một", "start", "một"),
            (None, "start", ""),
            ("một hai", "title", None),
        ],
    )
    def test_what_a_draft_holds(self, body, kind, expected):
        article = Article(id="a", title="Tít", lead="Dẫn", body=body, section="Mục")
        draft = draft_of(article, kind)
        assert (draft.title, draft.body, draft.lead, draft.body_html, draft.section) == ("Tít", expected, *[None] * 3)

    def test_one_that_is_not_there(self, searcher):
        result = evaluate_related(searcher, {"khong-co": {"hai": 1}, "mai": {"hai": 1}}, "similarity", "title")
        assert (result.unknown, result.run) == (["khong-co", "mai"], {})


def test_judgements_without_anything_relevant_are_refused(searcher):
    with pytest.raises(ValueError, match="no query with a relevant article"):
        evaluate_related(searcher, {"mot": {"hai": 0}}, "similarity")
