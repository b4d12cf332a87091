"""A query's vector is encoded once and kept, in a bounded number, by text and encoder."""

from __future__ import annotations

import threading
import unicodedata
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.hashing import HashingEncoder
from models.remembering import QueryVectors


class Counting(HashingEncoder):
    """Keeps what it was asked, each time."""

    def __init__(self, dim=64):
        super().__init__(dim)
        self.asked = []

    def encode_queries(self, texts):
        self.asked += texts
        return super().encode_queries(texts)


def test_a_query_is_encoded_once():
    encoder, vectors = Counting(), QueryVectors()
    first, second = (vectors.encode(encoder, "lò gốm") for _ in range(2))
    assert encoder.asked == ["lò gốm"]
    assert np.array_equal(first, HashingEncoder().encode_queries(["lò gốm"])[0])
    assert np.array_equal(second, first)
    assert (first.shape, first.dtype) == ((64,), np.float32)


def test_composition_and_blanks_do_not_count():
    encoder, vectors = Counting(), QueryVectors()
    typed = "Lò gốm đỏ"
    for text in (typed, unicodedata.normalize("NFD", typed), "  Lò  gốm\tđỏ \n", "Lò\u00a0gốm đỏ"):
        assert np.array_equal(vectors.encode(encoder, text), HashingEncoder().encode_queries([typed])[0])
    assert encoder.asked == [typed]


def test_of_texts_that_are_one_query_the_first_asked_decides_nothing():
    one, other = Counting(), Counting()
    QueryVectors().encode(one, "gốm   đỏ")
    QueryVectors().encode(other, unicodedata.normalize("NFD", "gốm đỏ"))
    assert one.asked == other.asked == ["gốm đỏ"]


@pytest.mark.parametrize("other", ["lò Gốm", "lo gom", "lò gốm?", "lògốm", ""])
def test_case_diacritics_and_signs_count(other):
    encoder, vectors = Counting(), QueryVectors()
    vectors.encode(encoder, "lò gốm")
    vectors.encode(encoder, other)
    assert encoder.asked == ["lò gốm", other]


def test_another_encoder_has_vectors_of_its_own():
    small, large, vectors = Counting(8), Counting(16), QueryVectors()
    assert [len(vectors.encode(encoder, "gốm")) for encoder in (small, large, small, large)] == [8, 16, 8, 16]
    assert (small.asked, large.asked) == (["gốm"], ["gốm"])


def test_the_one_used_longest_ago_goes_first():
    encoder, vectors = Counting(), QueryVectors(2)
    for text in ("a", "b", "a", "c", "a", "b"):
        vectors.encode(encoder, text)
    assert encoder.asked == ["a", "b", "c", "b"]


@given(st.lists(st.sampled_from("abcde"), max_size=40), st.integers(1, 4))
def test_it_encodes_what_a_cache_of_its_size_has_not(texts, size):
    encoder, vectors = Counting(), QueryVectors(size)
    kept: OrderedDict[str, None] = OrderedDict()
    expected = []
    for text in texts:
        if text not in kept:
            expected.append(text)
        kept[text] = None
        kept.move_to_end(text)
        while len(kept) > size:
            kept.popitem(last=False)
        vectors.encode(encoder, text)
    assert encoder.asked == expected


def test_what_is_kept_cannot_be_changed():
    found = QueryVectors().encode(HashingEncoder(), "gốm")
    with pytest.raises(ValueError, match="read-only"):
        found += 1


def test_a_failure_is_not_kept():
    class Failing(Counting):
        def encode_queries(self, texts):
            if not self.asked:
                self.asked += texts
                raise RuntimeError("out of memory")
            return super().encode_queries(texts)

    encoder, vectors = Failing(), QueryVectors()
    with pytest.raises(RuntimeError):
        vectors.encode(encoder, "gốm")
    assert np.array_equal(vectors.encode(encoder, "gốm"), HashingEncoder().encode_queries(["gốm"])[0])


def test_a_slow_query_holds_up_no_other():
    class Slow(Counting):
        def encode_queries(self, texts):
            if texts == ["slow"]:
                assert going_on.wait(10)
            return super().encode_queries(texts)

    going_on, encoder, vectors = threading.Event(), Slow(), QueryVectors()
    slow = threading.Thread(target=vectors.encode, args=(encoder, "slow"))
    slow.start()
    vectors.encode(encoder, "quick")
    assert encoder.asked == ["quick"]
    going_on.set()
    slow.join()
    assert encoder.asked == ["quick", "slow"]


def test_many_threads_get_what_one_gets():
    encoder, vectors, texts = Counting(), QueryVectors(3), [f"gốm {n}" for n in range(9)]
    expected = {text: HashingEncoder().encode_queries([text])[0] for text in texts}
    start, wrong = threading.Barrier(8), []

    def hammer(seed):
        start.wait()
        for at in np.random.default_rng(seed).integers(0, len(texts), 300):
            if not np.array_equal(vectors.encode(encoder, texts[at]), expected[texts[at]]):
                wrong.append(texts[at])

    threads = [threading.Thread(target=hammer, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(vectors._kept) == 3


def test_a_cache_of_nothing_is_refused():
    with pytest.raises(ValueError, match="size: 0: expected at least 1"):
        QueryVectors(0)
