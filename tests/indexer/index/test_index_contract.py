"""What every index must do (`indexer.index.protocols`), whatever library does it.

A further index goes into the registry, or into one of the two lists here, and all of this is asked of it.
"""

from math import log, sqrt

import numpy as np
import pytest
from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st

from indexer.archive import Archive
from indexer.index import registry
from indexer.index.lexical_query import LexicalQuery, Term
from indexer.index.vectors import RAW_FILE, write_vectors
from indexer.snapshot.home import Home
from indexer.snapshot.snapshot import Snapshot
from indexer.text.syllables import folded
from models.hashing import HashingEncoder
from service.schemas import RelatedBody, SearchParams, Seed
from service.searcher import Searcher
from tests.memory_indexes import Bm25Index, NumpyIndex, add

VECTOR_INDEXES = [*registry.VECTOR_INDEXES, NumpyIndex]
LEXICAL_INDEXES = [*registry.LEXICAL_INDEXES, Bm25Index]

FOUR = np.array([[1, 0], [0.6, 0.8], [0, 1], [-1, 0]], dtype=np.float32)
EAST, NORTH = FOUR[0], FOUR[2]


def unit_rows(seed, count, dim):
    rows = np.random.default_rng(seed).normal(size=(count, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def built(index, directory, rows):
    write_vectors(directory / RAW_FILE, *rows.shape, [(np.arange(len(rows)), rows)])
    said = index.build(directory)
    assert said.kind in index.kinds
    assert said.recall >= 0.99
    return index.open(directory)


@pytest.mark.parametrize("index", VECTOR_INDEXES)
class TestVectors:
    @pytest.fixture
    def four(self, index, tmp_path):
        return built(index, tmp_path, FOUR)

    def test_size(self, four):
        assert (four.count, four.dim) == (4, 2)

    def test_best_first_with_cosines(self, four):
        east, north = four.search(np.stack([EAST, NORTH]), 3)
        assert east[0].tolist() == [0, 1, 2]
        assert east[1] == pytest.approx([1, 0.6, 0], abs=1e-6)
        assert north[0].tolist()[:2] == [2, 1]
        assert (east[0].dtype, east[1].dtype) == (np.int64, np.float32)

    def test_opposite_is_last_not_nearest(self, four):
        """The mix-up of inner product and distance: with L2 read as similarity the farthest row comes first."""
        ((rows, cosines),) = four.search(EAST[None], 4)
        assert rows.tolist() == [0, 1, 2, 3]
        assert cosines[-1] == pytest.approx(-1)

    @pytest.mark.parametrize(
        ("allowed", "k", "rows"),
        [
            ([1, 1, 1, 1], 2, [0, 1]),
            ([0, 1, 0, 1], 4, [1, 3]),
            ([0, 0, 0, 1], 4, [3]),
            ([0, 0, 0, 0], 4, []),
            ([1, 1, 1, 1], 0, []),
            ([1, 1, 1, 1], 100, [0, 1, 2, 3]),
        ],
    )
    def test_only_allowed_rows_as_many_as_there_are(self, four, allowed, k, rows):
        ((found, cosines),) = four.search(EAST[None], k, np.array(allowed, dtype=np.bool_))
        assert found.tolist() == rows
        assert len(cosines) == len(rows)

    def test_no_vectors_and_no_queries(self, index, tmp_path, four):
        assert four.search(np.empty((0, 2), dtype=np.float32), 3) == []
        (tmp_path / "none").mkdir()
        empty = built(index, tmp_path / "none", np.empty((0, 2), dtype=np.float32))
        for allowed in (None, np.empty(0, dtype=np.bool_)):
            ((rows, cosines),) = empty.search(EAST[None], 5, allowed)
            assert (rows.shape, cosines.shape) == ((0,), (0,))
        assert empty.reconstruct([]).shape == (0, 2)

    def test_reconstruct_gives_copies_in_the_order_asked(self, four):
        rows = four.reconstruct([2, 0, 2])
        assert rows.tolist() == [[0, 1], [1, 0], [0, 1]]
        assert rows.dtype == np.float32
        rows[:] = 9
        assert four.reconstruct(np.array([2])).tolist() == [[0, 1]]

    def test_cosines(self, four):
        found = four.cosines(EAST, np.array([3, 1, 1]))
        assert found == pytest.approx([-1, 0.6, 0.6], abs=1e-6)
        assert (found.dtype, four.cosines(EAST, np.empty(0, np.int64)).shape) == (np.float32, (0,))

    def test_equal_vectors_give_equal_files(self, index, tmp_path):
        held = []
        for name in ("one", "other"):
            (tmp_path / name).mkdir()
            built(index, tmp_path / name, unit_rows(5, 200, 16))
            held.append({path.name: path.read_bytes() for path in sorted((tmp_path / name).iterdir())})
        assert held[0] == held[1]

    @examples(
        seed=st.integers(0, 2**32 - 1),
        count=st.integers(1, 70),
        k=st.integers(1, 80),
        share=st.sampled_from([None, 0.0, 0.1, 0.5, 1.0]),
        repeated=st.booleans(),
    )
    @settings(max_examples=30)
    def test_search_is_brute_force(self, index, tmp_path_factory, seed, count, k, share, repeated):
        rows = unit_rows(seed, count, 8)
        if repeated:
            rows[count // 2 :] = rows[: count - count // 2]
        opened = built(index, tmp_path_factory.mktemp("index"), rows)
        allowed = None if share is None else np.random.default_rng(seed + 1).random(count) < share
        may = np.ones(count, dtype=np.bool_) if allowed is None else allowed
        queries = unit_rows(seed + 2, 2, 8)
        exact = queries.astype(np.float64) @ rows.T.astype(np.float64)
        for (found, cosines), expected in zip(opened.search(queries, k, allowed), exact, strict=True):
            assert len(found) == len(set(found.tolist())) == min(k, may.sum())
            assert may[found].all()
            assert cosines == pytest.approx(expected[found], abs=1e-5)
            assert (np.diff(cosines) <= 0).all()
            left_out = np.setdiff1d(np.flatnonzero(may), found)
            assert not len(left_out) or expected[left_out].max() <= cosines.min() + 1e-5


def write(index, directory, *articles):
    """Index titles, or (title, body) or (title, body, tags)."""
    writer = index.writer(directory)
    before = writer.count
    for article in articles:
        given = (article,) if isinstance(article, str) else article
        title, body, tags = (*given, "", "")[:3]
        add(writer, title, body, tags)
    assert writer.count == before + len(articles)
    writer.close()


def every(index):
    return np.ones(index.count, dtype=np.bool_)


def exact(*found, weight=1.0):
    return tuple(Term("exact", token, weight) for token in found)


def words(*groups):
    return LexicalQuery(tuple(groups))


@pytest.mark.parametrize("index", LEXICAL_INDEXES)
class TestWords:
    @pytest.fixture
    def index_of(self, index, tmp_path):
        def make(*articles):
            write(index, tmp_path / "words", *articles)
            return index.open(tmp_path / "words")

        return make

    def test_one_term_by_hand(self, index_of):
        opened = index_of("gốm", "cam gốm cam", "mây")  # 1, 5 and 1 tokens with pairs: 7/3 on average
        rows, scores = opened.search(words((exact("gốm"),)), 10, every(opened))
        one, five = (log(1 + 1.5 / 2.5) * 2.2 / (1 + 1.2 * (0.25 + 0.75 * n / (7 / 3))) for n in (1, 5))
        assert rows.tolist() == [0, 1]
        assert scores == pytest.approx([one, five], rel=1e-6)
        assert (rows.dtype, scores.dtype) == (np.int64, np.float32)

    def test_alternatives_compete_groups_add_up_and_weights_multiply(self, index_of):
        opened = index_of("gốm cam", "gốm", "cam", "mây")

        def score(asked):
            rows, scores = opened.search(asked, 10, every(opened))
            return dict(zip(rows.tolist(), scores.tolist(), strict=True))[0]

        one, other = ((exact(token),) for token in ("gốm", "cam"))
        assert score(words(one + other)) == pytest.approx(max(score(words(one)), score(words(other))))
        assert score(words(one, other)) == pytest.approx(score(words(one)) + score(words(other)))
        assert score(words((exact("gốm", "cam"),))) == pytest.approx(score(words(one, other)))
        assert score(words((exact("gốm", weight=2.5),))) == pytest.approx(2.5 * score(words(one)))

    def test_fields_are_apart(self, index_of):
        opened = index_of(("Gốm", "cam"), ("Cam", "gốm"), ("Gôm", "08/2023/QĐ-TTg", "lò nung\nlàng nghề"))
        for field, token, found in [
            ("exact", "gốm", [0, 1]),
            ("folded", "gom", [0, 1, 2]),
            ("title", "gốm", [0]),
            ("exact", "8/2023/qđ-ttg", [2]),
            ("folded", "8/2023/qd-ttg", [2]),
            ("exact", "gom", []),
            ("exact", "gốm_cam", []),  # a title's end is the end of a clause
            ("title", "lò_nung", [2]),
            ("exact", "nung_làng", []),
        ]:
            term = Term(field, token)
            assert opened.having([term]).tolist() == found, term
            assert opened.frequency(term) == len(found)
            assert sorted(opened.search(words(((term,),)), 9, every(opened))[0].tolist()) == found
        assert opened.having(exact("gốm", "cam")).tolist() == [0, 1]

    def test_ties_keep_the_order_of_rows_and_masks_hold(self, index_of):
        opened = index_of(*["gốm"] * 20)
        asked, allowed = words((exact("gốm"),)), every(opened)
        assert opened.search(asked, 20, allowed)[0].tolist() == list(range(20))
        allowed[:17] = False
        assert opened.search(asked, 2, allowed)[0].tolist()[:2] == [17, 18]
        assert opened.search(asked, 20, ~every(opened))[0].tolist() == []

    @pytest.mark.parametrize("asked", [LexicalQuery(()), words(((),)), words((exact("cam"),))])
    def test_nothing_to_find(self, index_of, asked):
        opened = index_of("gốm")
        assert [part.tolist() for part in opened.search(asked, 5, every(opened))] == [[], []]
        assert opened.search(words((exact("gốm"),)), 0, every(opened))[0].tolist() == []

    def test_an_empty_index(self, index_of):
        opened = index_of()
        asked = words((exact("gốm"),))
        assert opened.count == 0
        assert opened.search(asked, 5, every(opened))[0].tolist() == opened.having(asked.groups[0][0]).tolist() == []
        assert opened.titled("gốm", bare=False).tolist() == opened.title_starts(["gom"], 5).tolist() == []
        assert opened.chance(asked).mean == 0

    def test_chance_by_hand(self, index_of):
        opened = index_of("gốm cam", "gốm", "mây", "tre")
        common, rare = log(1 + 2.5 / 2.5), log(1 + 3.5 / 1.5)
        found = opened.chance(words((exact("gốm", weight=2.0), exact("tre")), (exact("cam"),)))  # tre: no first choice
        assert found.mean == pytest.approx(2 / 4 * 2 * common + 1 / 4 * rare)
        assert found.std == pytest.approx(sqrt(0.25 * (2 * common) ** 2 + 0.1875 * rare**2))
        assert found.whole == found.known == pytest.approx(2 * common + rare)
        unknown = opened.chance(words((exact("sứ"), exact("gốm"))))
        assert (unknown.mean, unknown.std) == (0, 0)
        assert unknown.whole == pytest.approx(log(1 + 4.5 / 0.5))
        assert unknown.known == pytest.approx(common)

    def test_titles(self, index_of):
        opened = index_of("Bão số chín", "Bảo số chín", ("Tin bão số mười", "bão số chín"))
        assert opened.titled("bão số chín", bare=False).tolist() == [0]
        assert sorted(opened.titled("bao so chin", bare=True).tolist()) == [0, 1]
        assert opened.titled("bao so chin", bare=False).tolist() == []
        assert sorted(opened.title_starts(["bao", "so", "ch"], 9).tolist()) == [0, 1]
        assert sorted(opened.title_starts(["so", "m"], 9).tolist()) == [2]
        assert sorted(opened.title_starts(["b"], 9).tolist()) == [0, 1, 2]
        assert len(opened.title_starts(["bao"], 2)) == 2
        for nothing in ([], ["chin", "so"], ["."]):
            assert opened.title_starts(nothing, 9).tolist() == []

    def test_what_is_added_later_and_what_is_gone(self, index, tmp_path):
        directory = tmp_path / "words"
        write(index, directory, "gốm", "cam gốm")
        shared = tmp_path / "shared"
        shared.mkdir()
        before = {path: path.read_bytes() for path in directory.iterdir()}
        for path in before:
            (shared / path.name).hardlink_to(path)
        write(index, directory, "gốm mới", "cam")
        for path, content in before.items():  # another snapshot's too: replaced at most, never written into
            assert (shared / path.name).read_bytes() == content
        opened = index.open(directory, np.array([-1, 0, 2, 1], dtype=np.int32))
        assert opened.count == 4
        may = np.ones(3, dtype=np.bool_)
        assert sorted(opened.search(words((exact("gốm"),)), 9, may)[0].tolist()) == [0, 2]
        assert opened.having(exact("cam")).tolist() == [0, 1]
        assert opened.titled("gốm", bare=False).tolist() == []
        assert sorted(opened.title_starts(["g"], 9).tolist()) == [0, 2]
        assert len(opened.title_starts(["g"], 1)) == 1
        with pytest.raises(ValueError, match="expected 3"):
            index.open(directory, np.zeros(3, dtype=np.int32))

    @examples(
        titles=st.lists(st.lists(st.sampled_from("gốm cam mây tre nứa".split()), min_size=1, max_size=6), max_size=12),
        asked=st.lists(st.sampled_from("gốm cam mây tre sứ".split()), min_size=1, max_size=3),
        bare=st.booleans(),
        k=st.integers(1, 15),
        hidden=st.integers(0, 12),
    )
    @settings(max_examples=30)
    def test_search_is_brute_force(self, index, tmp_path_factory, titles, asked, bare, k, hidden):
        said, directories = [" ".join(title) for title in titles], tmp_path_factory.mktemp("words")
        opened = []
        for one in (index, Bm25Index):
            write(one, directories / f"{one.name}-{len(opened)}", *said)
            opened.append(one.open(directories / f"{one.name}-{len(opened)}"))
        terms = [Term("folded" if bare else "exact", folded(token) if bare else token) for token in asked]
        query = words(*(((term,),) for term in terms))
        allowed = np.arange(len(said)) >= hidden
        (rows, scores), (expected, best) = (one.search(query, k, allowed) for one in opened)
        assert len(rows) >= len(expected)
        assert scores[: len(best)] == pytest.approx(best, rel=1e-5)
        assert allowed[rows].all()
        assert (np.diff(scores) <= 0).all()


LINES = [
    {"id": f"a{at}", "title": title, "lead": lead}
    for at, (title, lead) in enumerate(
        [
            ("Công nhân đòi lương", "Chậm ba tháng"),
            ("Công nhân đòi thưởng Tết", "Nhà máy giày"),
            ("Bão số chín", "Miền Trung mưa lớn"),
            ("Lương tối thiểu tăng", "Từ tháng bảy"),
            ("Giá lúa tăng", "Nông dân giữ thóc"),
        ]
    )
]


class TestHomes:
    """A home that is built with other indexes, and read by what its manifest names."""

    @pytest.fixture
    def others(self, monkeypatch):
        monkeypatch.setattr(registry, "VECTOR_INDEXES", (NumpyIndex, *registry.VECTOR_INDEXES))
        monkeypatch.setattr(registry, "LEXICAL_INDEXES", (Bm25Index, *registry.LEXICAL_INDEXES))

    @staticmethod
    def answers(home):
        archive = Archive(Snapshot(Home(home).directory(Home(home).current())))
        searcher = Searcher(archive, HashingEncoder)
        try:
            lists = [searcher.search(SearchParams(q=q)) for q in ("lương", "cong nhan", "bão miền trung")]
            lists.append(searcher.related(RelatedBody(seed=Seed(ids=["a0"]))))
            kinds = [segment.index for segment in archive.manifest.segments]
            return [[(hit.article.id, round(hit.score, 4)) for hit in one.hits] for one in lists], kinds
        finally:
            archive.close()

    def test_it_answers_alike(self, tmp_path, publish, request):
        publish(tmp_path / "usual", LINES)
        usual, kinds = self.answers(tmp_path / "usual")
        assert kinds == ["Flat"]
        request.getfixturevalue("others")
        publish(tmp_path / "other", LINES)
        other, kinds = self.answers(tmp_path / "other")
        assert kinds == ["numpy"]
        assert other == usual
        assert not list((tmp_path / "other").rglob("index.faiss"))

    def test_a_segment_of_another_type_stands_beside_it(self, tmp_path, publish, monkeypatch):
        publish(tmp_path, LINES)
        before, _ = self.answers(tmp_path)
        monkeypatch.setattr(registry, "VECTOR_INDEXES", (NumpyIndex, *registry.VECTOR_INDEXES))
        assert self.answers(tmp_path) == (before, ["Flat"])  # opened as the manifest says, not as new ones are built


class TestRegistry:
    def test_no_two_share_a_name(self):
        kinds = [kind for index in registry.VECTOR_INDEXES for kind in index.kinds]
        assert len(kinds) == len(set(kinds))
        names = [index.name for index in registry.LEXICAL_INDEXES]
        assert len(names) == len(set(names))

    @pytest.mark.parametrize("kind", ["Flat", "SQ8bit_direct", "HNSW16,SQ8bit_direct"])
    def test_what_manifests_name_today(self, kind):
        assert registry.vector_index(kind).__name__ == "FaissIndex"

    def test_the_usual_ones(self):
        assert registry.vector_index() is registry.vector_index(registry.KIND)
        assert registry.lexical_index() is registry.lexical_index("tantivy")

    def test_what_is_unknown_is_named(self):
        with pytest.raises(ValueError, match="index: 'IVF': expected one of Flat, "):
            registry.vector_index("IVF")
        with pytest.raises(ValueError, match="word index: 'lucene': expected one of tantivy"):
            registry.lexical_index("lucene")
