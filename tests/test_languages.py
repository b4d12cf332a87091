"""English queries come to lie where Vietnamese ones do, for encoders that know both languages."""

import threading
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from indexer.syllables import folded
from models import languages
from models.encoder import EncoderIdentity
from models.hashing import HashingEncoder
from models.languages import Languages, apart, pairs
from models.remembering import QueryVectors

DIM = 32
IDENTITY = EncoderIdentity("two languages", "1", DIM, "", "", 512, "none", "fp32")


class TwoLanguages:
    """A pair's two texts mean the same; what is in English lies apart by one and the same direction."""

    identity = IDENTITY

    def __init__(self):
        random = np.random.default_rng(7)
        self.asked = 0
        self._meanings = random.normal(size=(len(pairs()), DIM)).astype(np.float32)
        self.english = random.normal(size=DIM).astype(np.float32)
        self._rows = {text: row for row, pair in enumerate(pairs()) for text in pair}
        self._of_english = {english for english, _ in pairs()}

    def meant(self, text):
        return self._meanings[self._rows[text]]

    def encode_queries(self, texts):
        self.asked += len(texts)
        raw = np.array([self.meant(text) + (text in self._of_english) * self.english for text in texts])
        return raw / np.linalg.norm(raw, axis=1, keepdims=True)

    encode_documents = encode_queries


def test_pairs_are_texts_in_two_languages():
    english, vietnamese = zip(*pairs(), strict=True)
    assert len(pairs()) >= 50
    assert len({*english, *vietnamese}) == 2 * len(pairs())
    assert all(text == unicodedata.normalize("NFC", text) == text.strip() for text in (*english, *vietnamese))
    assert [text for text in english if folded(text) != text.lower()] == []
    assert [text for text in vietnamese if folded(text) == text.lower()] == []


def test_what_is_common_to_a_language_is_taken_away():
    encoder = TwoLanguages()
    english, vietnamese = (encoder.encode_queries(list(texts)) for texts in zip(*pairs(), strict=True))
    brought = np.array([Languages().brought(encoder, vector) for vector in english])
    before, after = ((found * vietnamese).sum(axis=1) for found in (english, brought))
    assert after.mean() > before.mean() + 0.05
    assert np.allclose(np.linalg.norm(brought, axis=1), 1, atol=1e-6)
    assert brought.dtype == np.float32


def test_by_hand(monkeypatch):
    class ByHand:
        identity = IDENTITY

        def encode_queries(self, texts):
            return np.array([{"a": (0.6, 0.8), "á": (0.8, 0.6)}[text] for text in texts], dtype=np.float32)

    monkeypatch.setattr(languages, "pairs", lambda: [("a", "á")])
    assert np.allclose(apart(ByHand()), (0.2, -0.2))
    moved = np.array((1.2, -0.2))
    assert np.allclose(Languages().brought(ByHand(), np.array((1.0, 0.0), np.float32)), moved / np.linalg.norm(moved))


def test_an_encoder_that_finds_no_translation_moves_nothing():
    encoder = HashingEncoder()
    assert not apart(encoder).any()
    (vector,) = encoder.encode_queries(["strike at a shoe factory"])
    assert np.allclose(Languages().brought(encoder, vector), vector)


def test_each_encoder_is_measured_once_also_where_many_ask_at_once():
    encoder, known, start = TwoLanguages(), Languages(), threading.Barrier(8)
    vector = encoder.encode_queries([pairs()[0][0]])[0]
    encoder.asked = 0

    def ask(_):
        start.wait(timeout=20)
        return known.brought(encoder, vector)

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(ask, range(8)))
    assert encoder.asked == 2 * len(pairs())
    assert all(np.array_equal(one, found[0]) for one in found)


def test_a_fault_of_the_encoder_is_not_kept():
    class Failing(TwoLanguages):
        broken = True

        def encode_queries(self, texts):
            if self.broken:
                raise RuntimeError("no vectors")
            return super().encode_queries(texts)

    encoder, known = Failing(), Languages()
    with pytest.raises(RuntimeError):
        known.brought(encoder, np.ones(DIM, np.float32))
    encoder.broken = False
    assert np.isfinite(known.brought(encoder, np.ones(DIM, np.float32))).all()


def test_a_query_in_english_and_the_same_in_vietnamese_are_kept_apart():
    encoder, vectors = TwoLanguages(), QueryVectors()
    text = pairs()[0][0]
    plain, brought = vectors.encode(encoder, text), vectors.encode(encoder, text, english=True)
    assert not np.allclose(plain, brought)
    assert np.array_equal(vectors.encode(encoder, text), plain)
    assert np.array_equal(vectors.encode(encoder, text, english=True), brought)
    with pytest.raises(ValueError, match="read-only"):
        brought[0] = 1
