"""Vectors that outlive an interrupted build."""

from dataclasses import replace

import numpy as np
import pytest

from indexer.building.cache import FILE, VectorCache
from models.hashing import HashingEncoder

IDENTITY = HashingEncoder(2).identity
ROWS = np.array([[1, 0], [0.6, 0.8]], dtype=np.float32)


@pytest.fixture
def cache_of(tmp_path):
    opened = []

    def make(identity=IDENTITY, encoded="views-1"):
        opened.append(VectorCache(tmp_path, identity, encoded))
        return opened[-1]

    yield make
    for cache in opened:
        cache.close()


def test_what_was_put_is_got(cache_of):
    cache = cache_of()
    cache.put([b"a", b"b"], ROWS)
    assert cache.get(b"b").tolist() == ROWS[1].tolist()
    assert cache.get(b"b").dtype == np.float32
    assert cache.get(b"a").tolist() == [1, 0]
    assert cache.get(b"c") is None


def test_it_outlives_its_process(cache_of):
    cache_of().put([b"a"], ROWS[:1])  # never closed, as after a kill
    assert cache_of().get(b"a").tolist() == [1, 0]


def test_a_later_vector_of_a_key_counts(cache_of):
    cache = cache_of()
    cache.put([b"a"], ROWS[:1])
    cache.put([b"a"], ROWS[1:])
    assert cache.get(b"a").tolist() == ROWS[1].tolist()


@pytest.mark.parametrize(
    "other", [{"name": "x"}, {"revision": "2"}, {"document_prompt": "p: "}, {"max_tokens": 5}, {"precision": "int8"}]
)
def test_another_encoder_gets_none_of_them(cache_of, other):
    cache_of().put([b"a"], ROWS[:1])
    assert cache_of(replace(IDENTITY, **other)).get(b"a") is None
    assert cache_of(encoded="views-2").get(b"a") is None
    assert cache_of().get(b"a") is not None


def test_a_vector_for_each_key(cache_of):
    with pytest.raises(ValueError, match="zip"):
        cache_of().put([b"a", b"b"], ROWS[:1])
    assert cache_of().get(b"a") is None


def test_discard_leaves_no_file(cache_of, tmp_path):
    cache = cache_of()
    cache.put([b"a"], ROWS[:1])
    assert (tmp_path / FILE).exists()
    cache.discard()
    cache.discard()
    assert list(tmp_path.iterdir()) == []
    assert cache_of().get(b"a") is None


def test_a_damaged_file_is_started_afresh(tmp_path, caplog):
    cache = VectorCache(tmp_path, IDENTITY, "e")
    cache.put([b"k"], np.ones((1, IDENTITY.dim), dtype=np.float32))
    cache.close()
    path = tmp_path / FILE
    path.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    again = VectorCache(tmp_path, IDENTITY, "e")
    assert again.get(b"k") is None
    assert "starting afresh" in caplog.text
    again.put([b"k"], np.ones((1, IDENTITY.dim), dtype=np.float32))
    assert again.get(b"k") is not None
    again.close()
