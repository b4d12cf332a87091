"""Term vectors: weights worked out by hand, then the cosine against a dictionary's, and what always holds."""

from collections import Counter
from itertools import count
from math import log
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.relations.terms import COMMON, PAIR, RARITY, TITLE, Terms, TermWriter

FEW = 20
"""A token of so many texts is never left out for being common."""


@pytest.fixture(scope="module")
def terms_of(tmp_path_factory):
    """Return a function that writes the term vectors of (title, text) pairs of tokens, blanks between, and opens them.

    Of texts the numbers are those of the list, unless others are given.
    """

    def make(*texts, numbers=None, vectors=None):
        directory = tmp_path_factory.mktemp("terms") / "terms"
        writer = TermWriter(directory)
        for number, (title, text) in zip(numbers or count(), texts, strict=False):
            writer.add(number, title.split(), text.split())
        writer.close(len(texts) if vectors is None else vectors)
        return Terms(directory)

    return make


def number(token):
    return crc32(token.encode())


def rarity(having, texts):
    return log(1 + (texts - having + 0.5) / (having + 0.5)) ** RARITY


def held(vector):
    """Return the weights of a vector by the numbers of its tokens."""
    return dict(zip(vector.tokens.tolist(), vector.weights.tolist(), strict=True))


def weighed(title, text, having, texts):
    """Return what every token of a text weighs in its vector of unit length."""
    named, found = Counter(title.split()), Counter(text.split())
    weights = {
        token: (1 + log(times) + TITLE * named[token])
        * (PAIR if "_" in token else 1.0)
        * rarity(max(having[token], 1), texts)
        for token, times in found.items()
    }
    length = sum(weight**2 for weight in weights.values()) ** 0.5
    return {token: weight / length for token, weight in weights.items()}


def oracle(texts):
    """Return the vectors of all texts as dictionaries, tokens of one text or of most left out."""
    having = Counter(token for _, text in texts for token in set(text.split()))
    most = max(COMMON * len(texts), FEW)
    return [
        {token: w for token, w in weighed(title, text, having, len(texts)).items() if 1 < having[token] <= most}
        for title, text in texts
    ]


def cosine(left, right):
    return sum(weight * right.get(token, 0.0) for token, weight in left.items())


class TestByHand:
    def test_weights(self, terms_of):
        # Of three texts two have gốm and lò, which is twice in the first and in its title; mây is in one alone.
        terms = terms_of(("lò", "lò gốm lò mây"), ("", "gốm lò"), ("", "cam"))
        shared, alone = log(1 + 1.5 / 2.5) ** 1.25, log(1 + 2.5 / 1.5) ** 1.25
        lò, gốm, mây = (1 + log(2) + 1.0) * shared, shared, alone
        length = (lò**2 + gốm**2 + mây**2) ** 0.5
        assert held(terms.of(0)) == pytest.approx(
            {number("lò"): lò / length, number("gốm"): gốm / length}, rel=1e-3
        )  # mây meets no other text, but counts in the length
        assert held(terms.of(1)) == pytest.approx({number("lò"): 0.5**0.5, number("gốm"): 0.5**0.5}, rel=1e-3)
        assert held(terms.of(2)) == {}
        assert terms.count == 3

    def test_a_pair_weighs_less_than_a_syllable(self, terms_of):
        terms = terms_of(("", "lò lò_gốm"), ("", "lò lò_gốm"))
        weights = held(terms.of(0))
        assert weights[number("lò_gốm")] / weights[number("lò")] == pytest.approx(0.7, rel=1e-3)

    def test_tokens_are_sorted_numbers(self, terms_of):
        vector = terms_of(("", "a b c d e"), ("", "a b c d e")).of(1)
        assert vector.tokens.tolist() == sorted(map(number, "abcde"))
        assert (vector.tokens.dtype, vector.weights.dtype) == (np.uint32, np.float32)

    def test_tokens_of_most_texts_count_in_the_length_alone(self, terms_of):
        texts = [("", f"chung {'nửa' if n % 2 else ''} riêng{n // 2}") for n in range(100)]  # of 100, 50 and 2 texts
        terms = terms_of(*texts)
        assert set(held(terms.of(1))) == {number("riêng0")}
        parts = [rarity(having, 100) for having in (100, 50, 2)]
        expected = parts[2] / sum(part**2 for part in parts) ** 0.5
        assert held(terms.of(1))[number("riêng0")] == pytest.approx(expected, rel=1e-3)

    @pytest.mark.parametrize(("texts", "kept"), [(100, 30), (66, 20), (40, 20)])
    def test_how_many_texts_are_most(self, terms_of, texts, kept):
        for having, known in ((kept, True), (kept + 1, False)):
            terms = terms_of(*(("", "tin gốm" if n < having else "tin") for n in range(texts)))
            assert (number("gốm") in held(terms.of(0))) == known, having

    def test_in_a_young_archive_nothing_is_common(self, terms_of):
        terms = terms_of(*[("", "lò gốm")] * 3)
        assert set(held(terms.of(0))) == {number("lò"), number("gốm")}
        assert terms.similarities(terms.of(0), np.arange(3)) == pytest.approx([1, 1, 1], abs=2e-3)


class TestSimilarities:
    def test_by_hand(self, terms_of):
        terms = terms_of(("", "a b"), ("", "b c"), ("", "a b"), ("", "c d"), ("", "d e"))
        two, three = rarity(2, 5), rarity(3, 5)
        ab, bc = (two**2 + three**2) ** 0.5, (two**2 + three**2) ** 0.5
        found = terms.similarities(terms.of(0), np.array([4, 1, 2, 0]))
        assert found == pytest.approx([0, three**2 / (ab * bc), 1, 1], abs=2e-3)
        assert found.dtype == np.float32

    def test_of_nothing(self, terms_of):
        terms = terms_of(("", "a b"), ("", "a b"), ("", ""))
        assert terms.similarities(terms.of(2), np.arange(3)).tolist() == [0, 0, 0]
        assert terms.similarities(terms.of(0), np.array([2, 2])).tolist() == [0, 0]
        assert terms.similarities(terms.of(0), np.array([], dtype=np.int64)).tolist() == []

    def test_a_vector_of_another_archive_meets_by_its_tokens(self, terms_of):
        one, other = terms_of(("", "a b"), ("", "a b")), terms_of(("", "x"), ("", "b a"), ("", "y b a"))
        assert one.similarities(other.of(1), np.array([0]))[0] > 0.9
        assert terms_of(("", "x"), ("", "x")).similarities(other.of(1), np.arange(2)).tolist() == [0, 0]


class TestDraft:
    def test_a_draft_of_an_articles_words_is_that_article(self, terms_of):
        terms = terms_of(("lò", "lò gốm lò mây"), ("", "gốm lò"), ("", "cam"))
        draft, article = terms.of_draft(["lò"], "lò gốm lò mây".split()), terms.of(0)
        assert draft.tokens.tolist() == article.tokens.tolist()
        assert draft.weights == pytest.approx(article.weights, abs=1e-3)

    def test_words_that_no_text_has_count_in_its_length(self, terms_of):
        terms = terms_of(("", "gốm"), ("", "gốm"), ("", "cam"))
        gốm, other = rarity(2, 3), rarity(1, 3)
        found = held(terms.of_draft([], ["gốm", "mít", "xoài"]))
        assert found == pytest.approx({number("gốm"): gốm / (gốm**2 + 2 * other**2) ** 0.5}, rel=1e-5)

    def test_of_nothing(self, terms_of):
        for terms in (terms_of(), terms_of(("", "a")), terms_of(("", "a"), ("", "a"))):
            assert held(terms.of_draft([], [])) == {}

    def test_beside_an_empty_archive(self, terms_of):
        assert held(terms_of().of_draft(["a"], ["a"])) == {}


class TestWriter:
    def test_of_texts_of_one_vector_the_first_speaks(self, terms_of):
        terms = terms_of(("", "a b"), ("", "x y"), ("", "a x"), numbers=[1, 1, 0], vectors=2)
        assert set(held(terms.of(1))) == {number("a")}
        assert set(held(terms.of(0))) == {number("a")}

    def test_texts_may_come_in_any_order(self, terms_of):
        texts = [("a", "a b"), ("", "b c"), ("c", "c a b")]
        one, other = terms_of(*texts), terms_of(texts[2], texts[0], texts[1], numbers=[2, 0, 1])
        assert [held(one.of(n)) for n in range(3)] == [held(other.of(n)) for n in range(3)]

    def test_a_vector_without_a_text_shares_nothing(self, terms_of):
        terms = terms_of(("", "a"), ("", "a"), numbers=[0, 2], vectors=4)
        assert terms.count == 4
        assert [len(terms.of(n).tokens) for n in range(4)] == [1, 0, 1, 0]
        assert terms.similarities(terms.of(0), np.arange(4)) == pytest.approx([1, 0, 1, 0], abs=2e-3)

    def test_lone_surrogates(self, terms_of):
        assert terms_of(("", "a\ud800"), ("", "a\ud800")).count == 2

    def test_nothing_partial_is_left(self, tmp_path):
        writer = TermWriter(tmp_path / "terms")
        writer.add(0, ["a"], ["a"])
        writer.close(1)
        assert not [path for path in (tmp_path / "terms").iterdir() if path.suffix == ".partial"]


class TestSharing:
    def test_the_texts_with_most_in_common_first(self, terms_of):
        terms = terms_of(("", "a b c"), ("", "a"), ("", "a b c"), ("", "b c"), ("", "x"))
        found = [rows.tolist() for rows in terms.sharing(most=10, best=2)]
        assert found[0] == [2, 3]
        assert found[2] == [0, 3]
        assert found[4] == []

    def test_only_rare_tokens_count(self, terms_of):
        terms = terms_of(("", "a b"), ("", "a"), ("", "a b"), ("", "a"))
        assert [rows.tolist() for rows in terms.sharing(most=2, best=9)] == [[2], [], [0], []]

    def test_of_no_texts(self, terms_of):
        assert list(terms_of().sharing(10, 10)) == []
        assert [rows.tolist() for rows in terms_of(("", "a"), ("", "b")).sharing(10, 10)] == [[], []]


TOKENS = st.sampled_from([*"abcdefghij", "a_b", "b_c", "c_d"])
TEXTS = st.lists(
    st.tuples(st.lists(TOKENS, max_size=3).map(" ".join), st.lists(TOKENS, max_size=12).map(" ".join)),
    min_size=1,
    max_size=30,
)


@given(TEXTS)
@settings(max_examples=60)
def test_cosines_are_those_of_dictionaries(terms_of, texts):
    terms, expected = terms_of(*texts), oracle(texts)
    rows = np.arange(len(texts))
    for row in rows[:6]:
        found = terms.similarities(terms.of(row), rows)
        assert found == pytest.approx([cosine(expected[row], other) for other in expected], abs=3e-3)
        assert held(terms.of(row)) == pytest.approx({number(t): w for t, w in expected[row].items()}, abs=1e-3)


@given(TEXTS)
@settings(max_examples=40)
def test_cosines_are_of_two_and_no_more_than_one(terms_of, texts):
    terms = terms_of(*texts)
    rows = np.arange(len(texts))
    all_of_them = np.stack([terms.similarities(terms.of(row), rows) for row in rows])
    assert all_of_them == pytest.approx(all_of_them.T, abs=1e-5)
    assert all_of_them.min() >= 0
    assert all_of_them.max() <= 1 + 1e-3


@given(TEXTS, st.integers(2, 12), st.integers(1, 8))
@settings(max_examples=40)
def test_sharing_is_brute_force(terms_of, texts, most, best):
    terms = terms_of(*texts)
    vectors = [held(terms.of(row)) for row in range(len(texts))]
    having = Counter(token for vector in vectors for token in vector)
    rare = [{token: w for token, w in vector.items() if having[token] <= most} for vector in vectors]
    for row, found in enumerate(terms.sharing(most, best)):
        shared = {at: cosine(rare[row], other) for at, other in enumerate(rare) if at != row}
        shared = {at: value for at, value in shared.items() if value > 0}
        assert len(found) == len(set(found.tolist())) == min(best, len(shared))
        assert [shared[at] for at in found] == pytest.approx(sorted(shared.values(), reverse=True)[:best], abs=1e-5)


def test_a_text_that_does_not_teach_makes_no_token_shared(tmp_path):
    writer = TermWriter(tmp_path / "terms")
    writer.add(0, [], ["gốm", "lò"])
    writer.add(1, [], ["gốm", "mật"], teaches=False)
    writer.add(2, [], ["lò", "mật"])
    writer.add(1, [], ["gốm", "mật"], teaches=False)  # its text once more, as hidden as before
    writer.close(3)
    terms = Terms(tmp_path / "terms")
    assert held(terms.of(0)).keys() == held(terms.of(2)).keys() == {number("lò")}
    assert held(terms.of(1)) == {}  # what it would share, only it and one other have


def test_of_articles_of_one_text_one_that_teaches_is_enough(tmp_path):
    writer = TermWriter(tmp_path / "terms")
    writer.add(0, [], ["gốm"], teaches=False)
    writer.add(1, [], ["gốm"])
    writer.add(0, [], ["gốm"])
    writer.close(2)
    assert held(Terms(tmp_path / "terms").of(1)).keys() == {number("gốm")}


def test_files_that_do_not_agree_are_refused(tmp_path_factory):
    """They say nothing of their length themselves, so that one cut short would be read as it is."""
    directory = tmp_path_factory.mktemp("cut") / "terms"
    writer = TermWriter(directory)
    for number in range(3):
        writer.add(number, [], ["a", "b", "c"])
    writer.close(3)
    assert Terms(directory).of(0).tokens.size
    for name in ("tokens.u32", "weights.f16"):
        whole = (directory / name).read_bytes()
        (directory / name).write_bytes(whole[:-4])
        with pytest.raises(ValueError, match="weights: expected"):
            Terms(directory)
        (directory / name).write_bytes(whole)
