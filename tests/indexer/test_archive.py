"""Segments end to end: rows, vectors, ids and addresses of a whole archive, against brute force."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.articles.article import parse_time
from indexer.articles.columns import ABSENT, Filters, micros
from indexer.index.lexical_query import LexicalQuery, Term
from indexer.relations import content_classes
from indexer.relations.content_classes import ContentClass
from tests.conftest import Part

EAST = np.array([1, 0], dtype=np.float32)


def every(archive):
    return np.ones(archive.count, dtype=np.bool_)


@pytest.fixture(scope="module")
def two(archive_over):
    """Return an archive of rows 0-2 and 3-6, vectors 0-1 and 2-4; row 1 is deleted, row 4 replaces it."""
    first = Part(
        [
            {"id": "gom", "title": "Gốm", "url": "https://lungvai.example/gom", "published_at": "2023-11-01"},
            {"id": "cam", "title": "Cam cũ", "url": "https://lungvai.example/cam"},
            {"id": "che", "title": "Chè", "aliases": ["tra", "cam"], "section": "Nghề"},
        ],
        [1, 0, 1],
        [[1, 0], [0, 1]],
        dead=[1],
    )
    second = Part(
        [
            {"id": "lua", "title": "Lúa", "section": "Nghề", "url": "http://www.lungvai.example/gom/"},
            {"id": "cam", "title": "Cam mới", "aliases": ["https://lungvai.example/cam", "tra"]},
            {"id": "ngo", "title": "Ngô", "published_at": "2023-11-02", "url": "https://lungvai.example/gom?utm_x=1"},
            {"id": "sau", "title": "Sau", "published_at": "2023-11-09", "aliases": ["https://lungvai.example/gom"]},
        ],
        [2, 1, 0, 0],
        [[0.8, 0.6], [0.6, 0.8], [-1, 0]],
    )
    return archive_over(first, second)


def test_values_of_all_segments_one_spelling_each(archive_over):
    first = Part([{"section": "Nghề"}, {"section": "An ninh", "tags": ["gốm", "Cam"]}], [0, 0], [[1, 0]])
    second = Part([{"section": "NGHỀ "}, {"section": "Đời sống"}, {}], [0, 0, 0], [[1, 0]])
    archive = archive_over(first, second)
    sections = archive.values("section")
    assert [name.casefold().strip() for name in sections] == ["an ninh", "nghề", "đời sống"]
    assert [int(archive.mask(Filters(section=(name,))).sum()) for name in sections] == [1, 2, 1]
    assert archive.values("tag") == ["Cam", "gốm"]
    assert archive.values("author") == []


def test_rows_run_through_the_segments(two):
    assert two.count == 7
    ids = ["gom", "cam", "che", "lua", "cam", "ngo", "sau"]
    assert [article.id for article in two.articles(range(7))] == ids
    assert [article.id for article in two.articles([5, 0, 4, 5])] == ["ngo", "gom", "cam", "ngo"]
    assert two.articles(np.array([], dtype=np.int64)) == []
    day = [micros(parse_time(f"2023-11-0{d}")) for d in (1, 2, 9)]
    assert two.published.tolist() == [day[0], ABSENT, ABSENT, ABSENT, ABSENT, day[1], day[2]]


def test_nearest_over_both_segments(two):
    rows, scores, vectors = two.nearest(EAST, 7, every(two))
    assert rows.tolist() == [1, 5, 6, 4, 0, 2, 3]
    assert scores == pytest.approx([1, 0.8, 0.8, 0.6, 0, 0, -1], abs=1e-6)
    assert vectors.tolist() == [0, 2, 2, 3, 1, 1, 4]
    some = np.array([0, 0, 1, 1, 1, 0, 0], dtype=np.bool_)
    assert two.nearest(EAST, 7, some)[0].tolist() == [4, 2, 3]
    assert two.nearest(EAST, 7, np.zeros(7, dtype=np.bool_))[0].tolist() == []


def test_the_best_k_are_among_those_found(two):
    for k in range(1, 8):
        assert two.nearest(EAST, k, every(two))[0].tolist()[:k] == [1, 5, 6, 4, 0, 2, 3][:k]


def test_deleted_rows_are_never_public(two):
    now = micros(parse_time("2023-11-05"))
    public, until = two.public(now)
    assert public.tolist() == [True, False, True, True, True, True, False]
    assert until == micros(parse_time("2023-11-09"))
    assert two.public(until)[0].tolist() == [True, False, True, True, True, True, True]
    public, until = two.public(0)
    assert public.tolist() == [False, False, True, True, True, False, False]
    assert until == micros(parse_time("2023-11-01"))


def test_filters_over_both_segments(two):
    assert np.flatnonzero(two.mask(Filters(section=("nghề",)))).tolist() == [2, 3]
    assert two.mask(Filters()) is None


def test_an_id_is_found_in_the_newest_segment_that_may_answer(two):
    assert two.find("gom", every(two)) == 0
    assert two.find("ngo", every(two)) == 5
    assert two.find("cam", every(two)) == 4
    assert two.find("cam", two.public(0)[0]) == 4
    only_old = np.array([1, 1, 1, 0, 0, 0, 0], dtype=np.bool_)
    assert two.find("cam", only_old) == 1
    assert two.find("ngo", only_old) is None
    assert two.find("none", every(two)) is None


def test_an_alias_answers_where_no_id_does(two):
    assert two.find("tra", every(two)) == 4  # both undated: the later row
    assert two.find("tra", np.arange(7) != 4) == 2
    assert two.find("cam", np.array([0, 0, 1, 0, 0, 0, 0], dtype=np.bool_)) == 2


def test_an_address_finds_the_newest_article(two):
    assert two.find_url("https://lungvai.example/gom", every(two)) == 6
    assert two.find_url("http://www.lungvai.example/gom/?fbclid=1#x", np.arange(7) < 6) == 5
    assert two.find_url("https://lungvai.example/gom", np.arange(7) < 5) == 0
    assert two.find_url("https://lungvai.example/cam", two.public(0)[0]) == 4
    assert two.find_url("https://lungvai.example/none", every(two)) is None


@pytest.mark.parametrize("name", ["\udcff", "a\ud800", ""])
def test_names_that_no_store_can_hold_find_nothing(two, name):
    assert two.find(name, every(two)) is None
    assert two.find_url(name, every(two)) is None


# Oracle

SPOTS = [[np.cos(a), np.sin(a)] for a in np.linspace(0, np.pi, 9)]


@given(
    sizes=st.lists(st.integers(0, 4), min_size=1, max_size=3).filter(any),
    spots=st.lists(st.integers(0, 8), min_size=12, max_size=12),
    allowed=st.lists(st.booleans(), min_size=12, max_size=12),
    k=st.integers(1, 12),
)
@settings(max_examples=40)
def test_nearest_is_brute_force(archive_over, sizes, spots, allowed, k):
    segments, starts = [], np.cumsum([0, *sizes])
    for start, end in pairwise(starts):
        distinct = sorted(set(spots[start:end]))
        vectors = np.array([SPOTS[spot] for spot in distinct], dtype=np.float32).reshape(-1, 2)
        lines = [{"id": f"a{row}"} for row in range(start, end)]
        segments.append(Part(lines, [distinct.index(spot) for spot in spots[start:end]], vectors))
    archive, may = archive_over(*segments), np.array(allowed[: starts[-1]])
    cosines = np.array([SPOTS[spot][0] for spot in spots[: starts[-1]]])
    order = [int(row) for row in np.lexsort((np.arange(len(cosines)), -cosines)) if may[row]]

    rows, scores, vectors = archive.nearest(EAST, k, may)
    assert len(rows) >= min(k, len(order))
    assert rows.tolist()[:k] == order[:k]
    assert scores == pytest.approx(cosines[rows], abs=1e-6)
    assert archive.reconstruct(vectors)[:, 0] == pytest.approx(scores, abs=1e-6)
    assert [article.id for article in archive.articles(rows)] == [f"a{row}" for row in rows]


def test_what_follows_the_last_of_all_is_left_out(archive_over):
    """Each segment brings k; the last of a small one says nothing of what a large one has left."""
    near = [[np.cos(a), np.sin(a)] for a in np.linspace(0.1, 0.5, 20)]
    archive = archive_over(Part([{}] * 20, range(20), near), Part([{}] * 3, range(3), [[-1, 0], [0, 1], [0, -1]]))
    rows, scores, _ = archive.nearest(EAST, 10, every(archive))
    assert rows.tolist() == list(range(10))
    assert scores[-1] == pytest.approx(near[9][0])


# Words, titles, meaning and facets over both segments


def exact(*tokens):
    return tuple(Term("exact", token) for token in tokens)


def test_matching_over_both_segments(two):
    cam = LexicalQuery(((exact("cam"),),))
    rows, scores = two.matching(cam, 5, every(two))
    assert sorted(rows.tolist()) == [1, 4]
    assert scores[0] == scores[1]  # both have one of two words, and what is rare is rare in all of the archive
    only = np.array([0, 0, 0, 0, 1, 0, 0], dtype=np.bool_)
    assert two.matching(cam, 5, only)[0].tolist() == [4]
    assert [part.tolist() for part in two.matching(LexicalQuery(()), 5, every(two))] == [[], []]


def test_titles_and_tokens_over_both_segments(two):
    assert two.having(exact("cam")).tolist() == [1, 4]
    assert two.having(exact("cam", "mới")).tolist() == [4]
    assert two.titled("cam mới", bare=False).tolist() == two.titled("cam moi", bare=True).tolist() == [4]
    assert sorted(two.title_starts(["c"], 9)) == [1, 2, 4]
    assert sorted(two.title_starts(["cam", "m"], 9)) == [4]


def test_similarities_and_texts(two):
    rows = np.array([6, 0, 3, 1, 5, 2, 4, 0])
    by_row = np.array([0, 1, 0, -1, 0.6, 0.8, 0.8], dtype=np.float32)
    assert two.similarities(EAST, rows) == pytest.approx(by_row[rows], abs=1e-6)
    texts = two.texts(rows)
    alike = np.array([2, 1, 4, 0, 2, 1, 3, 1])
    assert ((texts[:, None] == texts) == (alike[:, None] == alike)).all()
    none = np.array([], dtype=np.int64)
    assert two.similarities(EAST, none).tolist() == two.texts(none).tolist() == []


def test_an_archive_of_one_segment(archive_over):
    archive = archive_over(Part([{"title": "Cam"}, {"title": "Gốm", "tags": ["cam"]}], [1, 0], [[1, 0], [0, 1]]))
    rows = np.array([1, 0])
    assert archive.similarities(EAST, rows) == pytest.approx([1, 0], abs=1e-6)
    assert len(set(archive.texts(rows).tolist())) == 2
    assert archive.matching(LexicalQuery(((exact("gốm"),),)), 5, every(archive))[0].tolist() == [1]
    assert archive.facets(rows)["tag"] == [("cam", 1)]


def test_a_value_is_spelt_as_its_own_field_has_it(archive_over):
    archive = archive_over(Part([{"section": "An toàn", "tags": ["an toàn"]}], [0], [[1, 0]]))
    found = archive.facets(np.array([0]))
    assert (found["section"], found["tag"]) == ([("An toàn", 1)], [("an toàn", 1)])


@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, "Nghề", "NGHỀ", "Xã"]),
            st.lists(st.sampled_from(["gốm", "Gốm", "cam", "chè"]), unique=True, max_size=3),
            st.booleans(),
        ),
        max_size=8,
    ),
    st.integers(0, 8),
)
@settings(max_examples=30)
def test_facets_are_a_counter_and_the_filters(archive_over, held, cut):
    lines = [{"tags": tags, **({"section": section} if section else {})} for section, tags, _ in held]
    parts = [Part(part, [0] * len(part), [[1, 0]]) for part in (lines[:cut], lines[cut:])]
    archive = archive_over(*parts)
    rows = np.array([row for row, (_, _, chosen) in enumerate(held) if chosen], dtype=np.int64)
    found = archive.facets(rows)
    assert {field: found[field] for field in ("author", "source")} == {"author": [], "source": []}
    tags = Counter(tag for row in rows for tag in {tag.casefold() for tag in held[row][1]})
    sections = Counter((held[row][0] or "").casefold() for row in rows)
    del sections[""]
    for field, expected in (("tag", tags), ("section", sections)):
        assert Counter({value.casefold(): times for value, times in found[field]}) == expected
        assert len(found[field]) == len(expected)
        assert archive.facets(rows, [field]) == {field: found[field]}
        assert found[field] == sorted(found[field], key=lambda pair: (-pair[1], pair[0].casefold()))
        for value, times in found[field]:
            assert archive.mask(Filters(**{field: (value,)}))[rows].sum() == times


@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([[], ["gốm"], ["Gốm", "cam"], ["cam"]])), max_size=8),
    st.integers(0, 8),
    st.randoms(use_true_random=False),
)
@settings(max_examples=30)
def test_facets_of_texts_count_a_text_once_for_each_value(archive_over, held, cut, chance):
    vectors = [[1, 0], [0, 1], [0.6, 0.8]]
    parts = []
    for part in (held[:cut], held[cut:]):
        texts = sorted({text for text, _ in part})
        owned = [texts.index(text) for text, _ in part]
        parts.append(Part([{"tags": tags} for _, tags in part], owned, [vectors[text] for text in texts] or [[1, 0]]))
    archive = archive_over(*parts)
    rows = np.array(chance.sample(range(len(held)), chance.randint(0, len(held))), dtype=np.int64)
    texts = dict(zip(rows.tolist(), archive.texts(rows).tolist(), strict=True))
    expected = Counter(tag for _, tag in {(texts[row], tag.casefold()) for row in texts for tag in held[row][1]})
    found = archive.facets_of_texts(rows)["tag"]
    assert Counter({value.casefold(): times for value, times in found}) == expected
    assert [times for _, times in found] == sorted(expected.values(), reverse=True)


# What relates articles


@pytest.fixture(scope="module")
def dated(archive_over):
    """Return an archive of two segments whose articles have dates, sections, words and a series each."""
    first = Part(
        [
            {"title": "Lò gốm Lũng Vài", "section": "Nghề", "author": "Gốm", "published_at": "2023-11-03"},
            {"title": "Lò gốm Xóm Hòa", "section": "NGHỀ ", "published_at": "2023-11-03"},
            *(
                {
                    "title": f"Giá gốm hôm nay {day}/10: tăng",
                    "source": "Báo Lũng",
                    "published_at": f"2023-10-{day:02}",
                }
                for day in range(1, 7)
            ),
        ],
        [2, 1, *[0] * 6],
        [[1, 0], [0, 1], [0.6, 0.8]],
    )
    second = Part(
        [
            {"title": "Xóm Hòa mưa", "section": "Đời sống"},
            *(
                {
                    "title": f"Giá gốm hôm nay {day}/10: giảm",
                    "source": "Báo Lũng",
                    "published_at": f"2023-10-{day:02}",
                }
                for day in range(7, 13)
            ),
            *({"title": f"Điểm tin {day}/10: #", "published_at": f"2023-10-{day:02}"} for day in range(1, 7)),
            {"title": "Lò gốm mới", "section": "nghề", "published_at": "2023-11-03"},
        ],
        [0, *[0] * 12, 1],
        [[-1, 0], [0.8, 0.6]],
        dead=[6],
    )
    return archive_over(first, second)


def test_groups_run_through_the_segments(dated):
    assert len(dated.groups) == dated.count == 22
    assert (dated.groups[:8] < 8).all()
    assert (dated.groups[8:] >= 8).all()
    assert len(set(dated.groups[2:8].tolist())) == 1  # of one vector


def test_articles_with_their_near_duplicates(dated):
    assert sorted(dated.copies([0]).tolist()) == [0]
    assert sorted(dated.copies([5, 1, 2]).tolist()) == list(range(1, 8))
    assert sorted(dated.copies([21, 3, 20]).tolist()) == [*range(2, 8), *range(8, 22)]
    assert dated.copies([]).tolist() == []


def test_papers_series_of_one_subject_are_of_one_kind(archive_over):
    lines = [
        {"title": f"{title} {day}/10: #", "source": paper, "published_at": f"2023-10-{day:02}"}
        for paper, title in (("Báo Lũng", "Giá gốm hôm nay"), ("Báo Đèn", "Giá gốm ngày"), ("Báo Đèn", "Điểm tin"))
        for day in range(1, 7)
    ]
    kinds, named, names = archive_over(Part(lines, [0] * 18, [[1, 0]])).series
    assert sorted(names) == ["giá gốm", "điểm tin"]
    assert kinds.tolist() == [names.index("giá gốm")] * 12 + [names.index("điểm tin")] * 6
    assert not named.any()


def test_an_added_segment_goes_on_with_the_series_there_are_and_begins_none(dated):
    kinds, _, names = dated.series
    assert names == ("giá gốm",)
    assert kinds.tolist() == [-1, -1, *[0] * 6, -1, *[0] * 6, *[-1] * 6, -1]


def test_the_latest_instalment_that_is_allowed(dated):
    alive = dated.public(micros(parse_time("2023-11-10")))[0]
    assert dated.latest(0, alive) == 13  # 12/10 in row 14 is deleted
    assert dated.latest(0, every(dated)) == 14
    assert dated.latest(0, np.arange(22) < 9) == 7
    assert dated.latest(0, np.arange(22) < 2) == -1


def test_numbers_of_sections_are_those_of_filters(dated):
    found = dated.coded("section")
    assert found[[0, 1, 21]].tolist() == [found[0]] * 3
    assert found[8] not in (-1, found[0])
    assert found[2:8].tolist() == [-1] * 6
    assert dated.coded("section") is found
    assert len(set(dated.coded("source")[2:8].tolist())) == 1
    assert dated.coded("source")[2] == dated.coded("source")[9] == dated.code("source", "BÁO LŨNG") != -1
    assert dated.code("source", "Báo Đèn") not in dated.coded("source")


def test_the_first_newest(dated):
    assert dated.first_newest(every(dated), 4).tolist() == [0, 1, 21, 14]
    assert dated.first_newest(np.arange(22) > 7, 100)[-1] == 8  # undated
    assert len(dated.first_newest(every(dated), 100)) == 22
    assert not len(dated.first_newest(np.zeros(22, dtype=np.bool_), 3))
    assert not len(dated.first_newest(every(dated), 0))


@given(
    st.lists(st.sampled_from([None, "2023-11-01", "2023-11-02", "1969-01-01"]), min_size=1, max_size=150),
    st.integers(0, 20),
    st.integers(1, 7),
)
@settings(max_examples=25)
def test_the_first_newest_are_a_plain_sort(archive_over, times, k, modulus):
    lines = [{} if time is None else {"published_at": time} for time in times]
    archive = archive_over(Part(lines, [0] * len(lines), [[1, 0]]))
    allowed = np.arange(len(lines)) % modulus == 0
    order = sorted(np.flatnonzero(allowed).tolist(), key=lambda row: (-int(archive.published[row]), row))
    assert archive.first_newest(allowed, k).tolist() == order[:k]


def test_shared_terms_over_both_segments(dated):
    rows = np.array([21, 0, 8, 1, 3])
    found = dated.shared_terms(dated.term_vector(0), rows)
    assert found.dtype == np.float32
    assert found[1] == pytest.approx(dated.shared_terms(dated.term_vector(0), np.array([0]))[0])
    assert found[3] > 0
    assert found[2] == 0  # nothing of its words
    assert dated.shared_terms(dated.term_vector(0), rows[:0]).tolist() == []


def test_neighbours_are_those_of_all_segments(archive_over):
    words = [{"title": f"Lò gốm {name}"} for name in ("Lũng Vài", "Xóm Hòa", "Bản Đèn", "Khe Tối", "Suối Vàng")]
    spots = [[np.cos(a), np.sin(a)] for a in (0, 0.3, 0.1, 0.2, 0.15)]
    whole = archive_over(Part(words, range(5), spots))
    three = archive_over(*(Part(words[a:b], range(b - a), spots[a:b]) for a, b in ((0, 2), (2, 4), (4, 5))))
    for row in range(5):
        one, several = whole.neighbours(row), three.neighbours(row)
        assert sorted(several.rows.tolist()) == sorted(one.rows.tolist()) == list(range(5))
        of = dict(zip(several.rows.tolist(), several.terms, strict=True))
        expected = three.shared_terms(three.term_vector(row), np.arange(5))
        assert of[row] == 1
        assert {n: of[n] for n in of if n != row} == pytest.approx({n: expected[n] for n in of if n != row}, abs=1e-3)


def test_neighbours_by_hand(archive_over):
    archive = archive_over(Part([{}, {}, {}, {}], [0, 1, 1, 2], [[1, 0], [0.6, 0.8], [0, 1]]))
    near = archive.neighbours(0)
    assert near.rows.tolist() == [0, 1, 2, 3]  # itself, then both owners of the second vector
    assert archive.neighbours(1).rows.tolist() == [1, 2, 3, 0]  # 2 has its text
    assert archive.neighbours(1).terms[:2].tolist() == [1, 1]
    assert near.terms.shape == (4,)


def test_vectors_of_articles_in_two_segments(two):
    expected = [[0, 1], [1, 0], [0, 1], [-1, 0], [0.6, 0.8], [0.8, 0.6], [0.8, 0.6]]
    assert two.vectors_of(np.arange(7)) == pytest.approx(np.array(expected))


def test_vectors_of(archive_over):
    first = Part([{}, {}], [1, 0], [[1, 0], [0, 1]])
    archive = archive_over(first, Part([{}], [0], [[0.6, 0.8]]))
    found = archive.vectors_of(np.array([2, 0, 1, 2]))
    assert found == pytest.approx(np.array([[0.6, 0.8], [0, 1], [1, 0], [0.6, 0.8]]))
    assert found.dtype == np.float32
    assert archive.vectors_of(np.array([], dtype=np.int64)).shape == (0, 2)


def test_names_of_articles_over_both_segments(archive_over):
    lines = [{"title": "gặp Trần Gốm ở Xóm Hòa"}, {"title": "Mưa"}, {"title": "gặp Trần Gốm"}]
    archive = archive_over(Part(lines, [0] * 3, [[1, 0]]), Part(lines[::-1], [0] * 3, [[1, 0]]))
    named = [[name.text for name in archive.names_of(row)] for row in range(6)]
    assert named == [["Trần Gốm"], [], ["Trần Gốm"], ["Trần Gốm"], [], ["Trần Gốm"]]


def test_a_draft_is_a_duplicate_of_the_same_words_in_either_segment(archive_over):
    said = (
        "lò gốm lũng vài đỏ lửa suốt đêm để kịp giao nghìn chiếc bình cho phiên chợ đầu tháng dù mưa lớn làm sạt con "
        "đường độc nhất lên bản và thợ cả phải nhờ trai làng gùi đất qua suối từ lúc gà chưa gáy sáng"
    )
    first = Part(
        [{"title": "Tin khác", "body": "mưa lớn ở xóm trên"}, {"title": "Lò gốm", "body": said}], [0, 1], SPOTS[:2]
    )
    second = Part([{"title": "Đỏ lửa", "body": said}], [0], SPOTS[:1])
    archive = archive_over(first, second)
    found = archive.duplicates_of(["chợ", "chờ", "gốm"], said.split(), np.array([2, 0, 1]))
    assert found.tolist() == [True, False, True]
    assert archive.duplicates_of(["chợ"], said.split(), np.array([], dtype=np.int64)).tolist() == []


def test_classes_by_words_and_by_the_newsrooms_names(archive_over):
    first = Part([{"title": "[Quảng cáo] Bình gốm"}, {"title": "Bình gốm", "tags": ["cáo phó"]}], [0, 0], SPOTS[:1])
    archive = archive_over(first, Part([{"section": "Thương hiệu"}, {}], [0, 0], SPOTS[:1]))
    said = content_classes.parse("section\tThương hiệu\tsponsored\n", "classes")
    classes = [ContentClass(code).name for code in archive.classes(said)]
    assert classes == ["SPONSORED", "OBITUARY", "SPONSORED", "NONE"]
    assert ContentClass(archive.classes(content_classes.NO_RULES)[0]).name == "SPONSORED"


# Near-duplicates: `middle` holds both halves, which have nothing in common with each other.

_WORDS = [first + second + third for third in ("", "n", "p") for first in "bcdghklmrstv" for second in "aeiou"]
_HALVES = [" ".join(_WORDS[:60]), " ".join(_WORDS[60:120])]
_TITLES = ["Gốm Lũng Vài", "Lúa Đồng Sấu", "Chè Nà Hin", "Ngô Khe Rùa"]


@pytest.fixture(scope="module")
def star(archive_over):
    """Return an archive of a left half, a right half, both together, and something else."""
    bodies = [*_HALVES, " ".join(_HALVES), " ".join(_WORDS[120:])]
    return archive_over(
        Part(
            [{"title": title, "body": body} for title, body in zip(_TITLES, bodies, strict=True)],
            [0, 1, 2, 3],
            [[1, 0], [0.99, 0.14], [0.98, 0.2], [0, 1]],
        )
    )


def test_one_that_holds_both_stands_for_both(star):
    assert star.groups.tolist() == [2, 2, 2, 3]
    assert star.groups_of(np.array([3, 0, 2, 1])).tolist() == [3, 2, 2, 2]
    assert star.near_duplicates(2, np.arange(4)).tolist() == [True, True, True, False]


def test_what_is_not_among_them_makes_no_group(star):
    assert star.groups_of(np.array([0, 1, 3])).tolist() == [0, 1, 3]
    assert star.groups_of(np.array([1])).tolist() == [1]
    assert star.groups_of(np.array([], dtype=np.int64)).tolist() == []
    assert star.near_duplicates(0, np.arange(4)).tolist() == [True, False, True, False]


def test_copies_are_near_duplicates_themselves(star):
    assert star.copies([0]).tolist() == [0, 2]
    assert star.copies([2]).tolist() == [0, 1, 2]
    assert star.copies([3]).tolist() == [3]
    assert star.copies([]).tolist() == []


def test_without_the_one_that_stands_for_them_the_others_are_held_against_each_other(archive_over):
    text = _HALVES[0]
    bodies = [text, text + " thêm", text + " nữa"]
    archive = archive_over(
        Part([{"title": "Gốm", "body": body} for body in bodies], [0, 1, 2], [[1, 0], [0.99, 0.14], [0.98, 0.2]])
    )
    head = int(archive.groups[0])
    rows = np.setdiff1d(np.arange(3), [head])
    assert archive.groups.tolist() == [head] * 3
    assert len(set(archive.groups_of(rows).tolist())) == 1
    assert set(archive.groups_of(rows).tolist()) <= set(rows.tolist())
