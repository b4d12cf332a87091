"""Neighbours by hand and against brute force over all texts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.index.vectors import FaissIndex, build_index, write_vectors
from indexer.relations import neighbours
from indexer.relations.neighbours import Neighbours, write_neighbours
from indexer.relations.terms import Terms, TermWriter


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return a function that writes the neighbours of texts, (angle, tokens), and opens them with what they came of."""

    def make(texts):
        directory = tmp_path_factory.mktemp("neighbours")
        angles = np.array([angle for angle, _ in texts], dtype=np.float64)
        vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32).reshape(-1, 2)
        write_vectors(directory / "raw.npy", len(texts), 2, [(np.arange(len(texts)), vectors)])
        build_index(directory / "raw.npy", directory / "index.faiss")
        writer = TermWriter(directory / "terms")
        for number, (_, tokens) in enumerate(texts):
            writer.add(number, [], tokens.split())
        writer.close(len(texts))
        index, terms = FaissIndex(directory / "index.faiss", directory / "raw.npy"), Terms(directory / "terms")
        write_neighbours(directory, index, terms)
        return Neighbours(directory), vectors, terms

    return make


@pytest.fixture
def few(monkeypatch):
    """Let meaning bring three neighbours and words two more, of a chunk of four texts."""
    monkeypatch.setattr(neighbours, "MEANT", 3)
    monkeypatch.setattr(neighbours, "WORDED", 2)
    monkeypatch.setattr(neighbours, "_CHUNK", 4)


def test_by_hand(written, few):
    texts = [(0.1 * n, "tin") for n in range(6)] + [(3.0, "tin gốm"), (2.0, "tin")]
    texts[0] = (0.0, "tin gốm")
    found, _, terms = written(texts)
    near = found.of(0)
    assert near.texts.tolist() == [1, 2, 3, 6]  # 6 lies opposite, but says gốm as well
    assert near.shared == pytest.approx(terms.similarities(terms.of(0), near.texts), abs=2e-3)
    assert (near.texts.dtype, near.shared.dtype) == (np.int64, np.float32)


def test_an_archive_smaller_than_the_lists(written):
    found, _, _ = written([(0.0, "a"), (0.5, "b"), (1.0, "c")])
    assert [found.of(text).texts.tolist() for text in range(3)] == [[1, 2], [0, 2], [1, 0]]
    assert found.of(0).shared.tolist() == [0, 0]


def test_one_text_and_none(written):
    assert written([(0.0, "a")])[0].of(0).texts.tolist() == []
    assert isinstance(written([])[0], Neighbours)


def test_texts_of_one_vector_do_not_hide_each_other(written, few):
    found, _, _ = written([(0.0, "")] * 6)
    for text in range(6):
        assert text not in found.of(text).texts
        assert len(set(found.of(text).texts.tolist())) == len(found.of(text).texts) == 3


@given(st.lists(st.tuples(st.integers(0, 40), st.lists(st.sampled_from("abcdefgh"), max_size=5)), max_size=20))
@settings(max_examples=40)
def test_it_is_brute_force(written, texts):
    meant, worded = 4, 3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "MEANT", meant)
        patch.setattr(neighbours, "WORDED", worded)
        patch.setattr(neighbours, "_CHUNK", 7)
        found, vectors, terms = written([(step / 10, " ".join(tokens)) for step, tokens in texts])
    rows = np.arange(len(texts))
    for text in rows:
        near = found.of(int(text))
        others = rows[rows != text]
        assert len(set(near.texts.tolist())) == len(near.texts)
        assert text not in near.texts
        cosines = vectors[others] @ vectors[text]
        first = near.texts[: min(meant, len(others))]
        assert vectors[first] @ vectors[text] == pytest.approx(np.sort(cosines)[::-1][:meant], abs=1e-6)
        shared = dict(zip(others.tolist(), terms.similarities(terms.of(int(text)), others).tolist(), strict=True))
        more = near.texts[len(first) :].tolist()
        left = sorted((value for at, value in shared.items() if at not in first and value > 0), reverse=True)
        # Words bring those that share most, as far as they are among the first `meant` by words.
        assert len(more) <= worded
        assert [shared[at] for at in more] == pytest.approx(sorted((shared[at] for at in more), reverse=True), abs=1e-3)
        assert all(shared[at] > 0 for at in more)
        if left and len(others) > meant:
            by_words = sorted(shared.values(), reverse=True)[:meant]
            if left[0] > by_words[-1] + 1e-3:
                assert shared[more[0]] == pytest.approx(left[0], abs=1e-3)
        assert near.shared == pytest.approx([shared[at] for at in near.texts.tolist()], abs=2e-3)
