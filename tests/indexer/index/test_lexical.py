"""Word search: BM25 by hand and against brute force, masks that hide nothing else, titles, and what chance gives."""

from collections import Counter
from itertools import count
from math import log, sqrt

import numpy as np
import pytest
import tantivy
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.index.lexical import TantivyIndex, TantivyWriter
from indexer.index.lexical_query import LexicalQuery, Term, tokens
from indexer.text.syllables import codes, folded, stream
from tests.memory_indexes import add

K1, B = 1.2, 0.75
FIELDS = ("exact", "folded", "title")


@pytest.fixture(scope="module")
def index_of(tmp_path_factory):
    """Return a function that indexes (title, body) or (title, body, tags), or titles alone."""

    def make(*articles):
        directory = tmp_path_factory.mktemp("lexical") / "words"
        writer = TantivyWriter(directory)
        for article in articles:
            title, body, tags = parts_of(article)
            add(writer, title, body, tags)
        writer.close()
        return TantivyIndex(directory)

    return make


def parts_of(article):
    """Return title, body and tags, a tag a line."""
    given = (article,) if isinstance(article, str) else article
    return (*given, "", "")[:3]


def every(index):
    return np.ones(index.count, dtype=np.bool_)


def exact(*found, weight=1.0):
    return tuple(Term("exact", token, weight) for token in found)


def words(*groups):
    return LexicalQuery(tuple(groups))


def fields_of(article):
    """Return the tokens of each field, counted."""
    title, body, tags = parts_of(article)
    text = f"{title}\n{body}"
    whole = [*tokens(stream(f"{text}\n{tags}")), *codes(text)]
    titled = [*tokens(stream(title)), *tokens(stream(tags))]
    lists = (whole, [folded(token) for token in whole], titled)
    return {field: Counter(found) for field, found in zip(FIELDS, lists, strict=True)}


def bm25(articles, term):
    """Return the score of every article for one term, (n,) float64; lengths are exact up to 40 tokens."""
    counted = [fields_of(article)[term.field] for article in articles]
    lengths = np.array([sum(found.values()) for found in counted])
    assert lengths.max() <= 40
    tf = np.array([found[term.token] for found in counted], dtype=np.float64)
    having, n = np.count_nonzero(tf), len(articles)
    idf = log(1 + (n - having + 0.5) / (having + 0.5))
    norm = K1 * (1 - B + B * lengths / max(lengths.mean(), 1e-9))
    return term.weight * idf * tf * (K1 + 1) / (tf + norm)


def oracle(articles, asked):
    total = np.zeros(len(articles))
    for group in asked.groups:
        total += np.max([np.sum([bm25(articles, term) for term in terms], axis=0) for terms in group], axis=0)
    return total


class TestTokens:
    def test_syllables_then_pairs_within_a_clause(self):
        assert tokens(stream("Hoà Bình. Khoẻ lắm")) == ["hòa", "bình", "khỏe", "lắm", "hòa_bình", "khỏe_lắm"]
        assert tokens(["", "a", "", "", "b", "c", ""]) == ["a", "b", "c", "b_c"]
        assert tokens([]) == tokens([""]) == []


class TestByHand:
    def test_one_term(self, index_of):
        index = index_of("gốm", "cam gốm cam", "mây")  # 1, 5 and 1 tokens with pairs: 7/3 on average
        rows, scores = index.search(words((exact("gốm"),)), 10, every(index))
        idf = log(1 + 1.5 / 2.5)
        one, five = (idf * 2.2 / (1 + 1.2 * (0.25 + 0.75 * length / (7 / 3))) for length in (1, 5))
        assert rows.tolist() == [0, 1]
        assert scores == pytest.approx([one, five], rel=1e-6)
        assert (rows.dtype, scores.dtype) == (np.int64, np.float32)

    def test_a_weight_multiplies(self, index_of):
        index = index_of("gốm", "cam gốm cam", "mây")
        plain = index.search(words((exact("gốm"),)), 10, every(index))[1]
        heavy = index.search(words((exact("gốm", weight=2.5),)), 10, every(index))[1]
        assert heavy == pytest.approx(plain * 2.5)

    def test_alternatives_compete_and_groups_add_up(self, index_of):
        index = index_of("gốm cam", "gốm", "cam", "mây")
        one, other = ((exact(token),) for token in ("gốm", "cam"))
        score = {}
        for name, asked in {
            "one": words(one),
            "other": words(other),
            "alternatives": words(one + other),
            "groups": words(one, other),
            "terms": words((exact("gốm", "cam"),)),
        }.items():
            rows, scores = index.search(asked, 10, every(index))
            score[name] = dict(zip(rows.tolist(), scores.tolist(), strict=True)).get(0)
        assert score["alternatives"] == pytest.approx(max(score["one"], score["other"]))
        assert score["groups"] == score["terms"] == pytest.approx(score["one"] + score["other"])

    def test_tags_are_words_of_text_and_title_alike_none_across_two(self, index_of):
        articles = [("Gốm", "cam", "lò nung\nlàng nghề"), ("Nung", "gốm", ""), ("Mây", "lò nung", "")]
        index = index_of(*articles)
        for field, token, found in [
            ("exact", "lò_nung", [0, 2]),
            ("title", "lò_nung", [0]),
            ("title", "nung", [0, 1]),
            ("folded", "lang_nghe", [0]),
            ("exact", "nung_làng", []),
            ("exact", "cam_lò", []),
        ]:
            asked = words(((Term(field, token),),))
            rows, scores = index.search(asked, 10, every(index))
            assert sorted(rows.tolist()) == found
            assert scores == pytest.approx(oracle(articles, asked)[rows], rel=1e-6)

    def test_fields_are_apart(self, index_of):
        index = index_of(("Gốm", "cam"), ("Cam", "gốm"), ("Gôm", "08/2023/QĐ-TTg"))
        for field, token, found in [
            ("exact", "gốm", [0, 1]),
            ("folded", "gom", [0, 1, 2]),
            ("title", "gốm", [0]),
            ("exact", "8/2023/qđ-ttg", [2]),
            ("folded", "8/2023/qd-ttg", [2]),
            ("exact", "gom", []),
            ("exact", "gốm_cam", []),  # a title's end is the end of a clause
            ("title", "cam", [1]),
        ]:
            assert index.having([Term(field, token)]).tolist() == found, (field, token)

    def test_ties_keep_the_order_of_adding(self, index_of):
        index = index_of(*["gốm"] * 20)
        rows, scores = index.search(words((exact("gốm"),)), 20, every(index))
        assert rows.tolist() == list(range(20))
        assert len(set(scores.tolist())) == 1

    @pytest.mark.parametrize("k", [0, -1])
    def test_nothing_is_wanted(self, index_of, k):
        index = index_of("gốm")
        assert [part.tolist() for part in index.search(words((exact("gốm"),)), k, every(index))] == [[], []]

    def test_more_is_wanted_than_any_memory_holds(self, index_of):
        index = index_of("gốm", "cam")
        assert index.search(words((exact("gốm"),)), 10**15, every(index))[0].tolist() == [0]
        assert index.title_starts(["gom"], 10**15).tolist() == [0]

    def test_no_words(self, index_of):
        index = index_of("gốm")
        assert not LexicalQuery(())
        assert words((exact("gốm"),))
        for asked in (LexicalQuery(()), words(()), words(((),)), words((exact("cam"),))):
            assert [part.tolist() for part in index.search(asked, 5, every(index))] == [[], []]

    def test_an_empty_index(self, index_of):
        index = index_of()
        asked = words((exact("gốm"),))
        assert index.count == 0
        assert [part.tolist() for part in index.search(asked, 5, every(index))] == [[], []]
        assert index.having([Term("exact", "gốm")]).tolist() == []
        assert index.titled("gốm", bare=False).tolist() == index.title_starts(["gom"], 5).tolist() == []
        assert index.chance(asked).mean == 0

    def test_no_locks_are_left_by_the_writer(self, tmp_path):
        writer = TantivyWriter(tmp_path / "words")
        add(writer, "gốm")
        writer.close()
        assert TantivyIndex.locks.isdisjoint(path.name for path in (tmp_path / "words").iterdir())


class TestOpening:
    @pytest.fixture
    def directory(self, tmp_path):
        writer = TantivyWriter(tmp_path / "words")
        add(writer, "gốm")
        writer.close()
        return tmp_path / "words"

    def test_where_no_lock_can_be_written(self, directory, monkeypatch):
        class ReadOnly:
            @staticmethod
            def open(path):
                if path == str(directory):
                    raise ValueError("Failed to acquire Lockfile: PermissionDenied")
                return Index.open(path)

        Index = tantivy.Index
        monkeypatch.setattr(tantivy, "Index", ReadOnly)
        before = sorted(path.name for path in directory.iterdir())
        index = TantivyIndex(directory)
        assert index.search(words((exact("gốm"),)), 5, every(index))[0].tolist() == [0]
        assert index.titled("gốm", bare=False).tolist() == index.title_starts(["go"], 5).tolist() == [0]
        assert sorted(path.name for path in directory.iterdir()) == before

    @pytest.mark.parametrize("name", ["meta.json", "*.term", "*.idx"])
    def test_a_file_that_is_not_there(self, directory, name):
        (path,) = directory.glob(name)
        path.unlink()
        with pytest.raises(ValueError, match=r"FileDoesNotExist|does not exist|No such|not found"):
            TantivyIndex(directory)


class TestChance:
    def test_by_hand(self, index_of):
        index = index_of("gốm cam", "gốm", "mây", "tre")
        common, rare = log(1 + 2.5 / 2.5), log(1 + 3.5 / 1.5)
        found = index.chance(words((exact("gốm", weight=2.0), exact("tre")), (exact("cam"),)))  # tre: no first choice
        assert found.mean == pytest.approx(2 / 4 * 2 * common + 1 / 4 * rare)
        assert found.std == pytest.approx(sqrt(0.25 * (2 * common) ** 2 + 0.1875 * rare**2))
        assert found.whole == pytest.approx(2 * common + rare)

    def test_a_word_that_nobody_has(self, index_of):
        index = index_of("gốm", "cam", "mây", "tre")
        found = index.chance(words((exact("sứ"),)))
        assert (found.mean, found.std) == (0, 0)
        assert found.whole == pytest.approx(log(1 + 4.5 / 0.5))


class TestTitles:
    @pytest.fixture(scope="class")
    @classmethod
    def index(cls, index_of):
        return index_of("Hoà Bình", "Hòa bình!", "Hoa binh", "Gốm Hoà Bình", ("Tin", "Hòa Bình"), "Hòa bình 08/2023")

    def test_exactly_so(self, index):
        assert sorted(index.titled("hòa bình", bare=False)) == [0, 1]
        assert sorted(index.titled("hoa binh", bare=True)) == [0, 1, 2]
        assert index.titled("hoa binh", bare=False).tolist() == [2]
        assert index.titled("hòa", bare=False).tolist() == index.titled("", bare=True).tolist() == []

    @pytest.mark.parametrize(
        ("bare", "found"),
        [
            (["h"], [0, 1, 2, 3, 5]),
            (["hoa"], [0, 1, 2, 3, 5]),
            (["binh"], [0, 1, 2, 3, 5]),
            (["oa"], []),
            (["hoa", "b"], [0, 1, 2, 3, 5]),
            (["hoa", "binh"], [0, 1, 2, 3, 5]),
            (["go", "hoa"], []),  # only the last word may be begun
            (["gom", "hoa", "bi"], [3]),
            (["gom", "binh"], []),
            (["binh", "hoa"], []),
            (["binh", "8", "202"], [5]),
            (["t"], [4]),
            ([], []),
        ],
    )
    def test_words_that_a_title_goes_on_from(self, index, bare, found):
        assert sorted(index.title_starts(bare, 100)) == found

    @pytest.mark.parametrize("odd", [".", ".*", "h.a", "(", "[a-z]", "a|h", "\\", "h?", "^h", "$", '"', "<", "&", "~"])
    def test_no_word_is_a_pattern(self, index, odd):
        assert index.title_starts([odd], 10).tolist() == []
        assert index.title_starts(["hoa", odd], 10).tolist() == []
        assert index.title_starts([odd, "binh"], 10).tolist() == []

    @pytest.mark.parametrize("letter", ["a", "中", "😀", "."])
    def test_words_too_long_for_a_pattern(self, index_of, letter):
        index = index_of(letter * 600, "gốm")
        found = [] if letter in "😀." else [0]
        assert index.title_starts([letter * 512], 5).tolist() == found
        assert index.title_starts(["gom", letter * 512], 5).tolist() == []

    def test_no_more_than_wanted(self, index):
        assert len(index.title_starts(["hoa"], 2)) == len(index.title_starts(["hoa", "b"], 2)) == 2
        assert index.title_starts(["hoa"], 0).tolist() == []

    def test_a_title_that_many_articles_have(self, index_of):
        index = index_of(*["Tin vắn"] * 150, "Tin vắn nữa")
        assert sorted(index.titled("tin vắn", bare=False)) == list(range(150))
        assert sorted(index.titled("tin van", bare=True)) == list(range(150))

    def test_a_letter_finds_all_words_that_begin_so(self, index_of):
        index = index_of(*(f"Gốm t{a}{b}" for a in "bcdghklmnp" for b in "bcdghklmnp"))
        assert sorted(index.title_starts(["gom", "t"], 200)) == list(range(100))

    def test_more_words_begin_so_than_are_looked_at(self, index_of):
        index = index_of(" ".join(f"gốm {n}" for n in range(100_000, 117_000)))
        assert index.title_starts(["gom", "1"], 5).tolist() == [0]


VOCABULARY = ["hoà", "hòa", "hoa", "gốm", "gôm", "cam", "08", "8", "1.500", "a-1", "quý", "."]
sentences = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=6).map(" ".join)
articles_of = st.lists(st.tuples(sentences, st.one_of(st.just(""), sentences)), min_size=1, max_size=9)
known = sorted({token for a in VOCABULARY for b in VOCABULARY for token in fields_of(f"{a} {b}")["exact"]})
terms_of = st.builds(
    lambda field, token, weight: Term(field, folded(token) if "folded" in field else token, weight),
    st.sampled_from(FIELDS),
    st.sampled_from([*known, "sứ"]),
    st.sampled_from([1.0, 1.0, 0.25, 3.0]),
)
alternatives = st.lists(terms_of, min_size=1, max_size=3).map(tuple)
groups = st.lists(alternatives, min_size=1, max_size=3).map(tuple)
asked_of = st.lists(groups, min_size=1, max_size=3).map(lambda found: LexicalQuery(tuple(found)))


class TestOracle:
    @given(articles_of, st.lists(asked_of, min_size=1, max_size=4), st.data())
    @settings(max_examples=40)
    def test_search_is_brute_force(self, index_of, articles, asked, data):
        index = index_of(*articles)
        assert index.count == len(articles)
        for one in asked:
            expected = oracle(articles, one)
            allowed = np.array(data.draw(st.lists(st.booleans(), min_size=len(articles), max_size=len(articles))))
            k = data.draw(st.integers(1, 10))
            rows, scores = index.search(one, k, allowed)
            may = set(np.flatnonzero((expected > 0) & allowed).tolist())
            found = rows.tolist()
            assert len(found) == len(set(found)) >= min(k, len(may))
            assert set(found) <= may
            np.testing.assert_allclose(scores, expected[rows], rtol=1e-5)
            assert found == sorted(found, key=dict(zip(found, -scores, strict=True)).get)
            if left := may - set(found):
                assert max(expected[row] for row in left) <= scores.min() * (1 + 1e-5)

    @given(articles_of, st.lists(st.lists(terms_of, min_size=1, max_size=3), min_size=1, max_size=5))
    @settings(max_examples=40)
    def test_having_is_brute_force(self, index_of, articles, asked):
        index = index_of(*articles)
        counted = [fields_of(article) for article in articles]
        for terms in asked:
            expected = [row for row, held in enumerate(counted) if all(held[t.field][t.token] for t in terms)]
            assert index.having(terms).tolist() == expected

    @given(articles_of, asked_of)
    @settings(max_examples=20)
    def test_two_builds_answer_alike(self, index_of, articles, asked):
        one, other = index_of(*articles), index_of(*articles)
        for found, again in zip(one.search(asked, 5, every(one)), other.search(asked, 5, every(other)), strict=True):
            assert found.tolist() == again.tolist()

    @given(
        st.lists(st.booleans(), min_size=150, max_size=150).map(np.array)
        | st.integers(0, 149).map(lambda n: np.arange(150) == n),
        st.integers(1, 200),
    )
    @settings(max_examples=40)
    def test_hits_that_may_not_be_seen_hide_none_that_may(self, graded, allowed, k):
        index, expected = graded
        rows, _ = index.search(words((exact("gốm"),)), k, allowed)
        best = [row for row in expected if allowed[row]]
        assert len(rows) >= min(k, len(best))
        assert rows.tolist() == best[: len(rows)]

    @pytest.fixture(scope="class")
    @classmethod
    def graded(cls, index_of):
        """Return 150 articles of which each has a word among more others the later it comes, ten alike each time."""
        numbers = count()
        index = index_of(*("gốm" + "".join(f" x{next(numbers)}" for _ in range(1 + row // 10)) for row in range(150)))
        rows, scores = index.search(words((exact("gốm"),)), 150, every(index))
        assert rows.tolist() == list(range(150))
        assert len(set(scores.tolist())) > 10
        return index, rows.tolist()


def test_what_tantivy_says_of_the_disk_is_a_fault_of_the_machine(tmp_path):
    writer = TantivyWriter(tmp_path / "words")
    add(writer, "Bão")
    (tmp_path / "words").rename(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="the word index cannot be written: "):
        writer.close()
