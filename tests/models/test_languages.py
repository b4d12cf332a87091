"""English queries come to lie where Vietnamese ones do, for encoders that know both languages."""

import threading
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from indexer.text.syllables import folded
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
    assert after.mean() > before.mean() + 0.05, "three quarters of what is apart"
    assert np.allclose(np.linalg.norm(brought, axis=1), 1, atol=1e-6)
    assert brought.dtype == np.float32


def test_by_hand(monkeypatch):
    class ByHand:
        identity = replace(IDENTITY, dim=2)

        def encode_queries(self, texts):
            return np.array([{"a": (0.6, 0.8), "á": (0.8, 0.6)}[text] for text in texts], dtype=np.float32)

    monkeypatch.setattr(languages, "pairs", lambda: [("a", "á")])
    assert np.allclose(apart(ByHand()), (0.2, -0.2))
    moved = np.array((1.15, -0.15))
    assert np.allclose(Languages().brought(ByHand(), np.array((1.0, 0.0), np.float32)), moved / np.linalg.norm(moved))


def test_an_encoder_that_finds_no_translation_moves_nothing():
    encoder = HashingEncoder()
    assert not apart(encoder).any()
    (vector,) = encoder.encode_queries(["strike at a shoe factory"])
    assert np.allclose(Languages().brought(encoder, vector), vector)


class Slow(TwoLanguages):
    """Goes on when it is let go on."""

    def __init__(self):
        super().__init__()
        self.begun, self.going_on = threading.Event(), threading.Event()

    def encode_queries(self, texts):
        self.begun.set()
        assert self.going_on.wait(20)
        return super().encode_queries(texts)


def test_each_encoder_is_measured_once_and_meanwhile_nobody_waits():
    encoder, known, vector = Slow(), Languages(), np.ones(DIM, np.float32)
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(known.brought, encoder, vector)
        assert encoder.begun.wait(20)
        assert known.brought(encoder, vector) is None
        encoder.going_on.set()
        assert np.isfinite(first.result(20)).all()
    assert np.array_equal(known.brought(encoder, vector), first.result())
    assert encoder.asked == 2 * len(pairs())


def test_what_is_answered_before_it_is_measured_is_not_kept():
    encoder, vectors, text = Slow(), QueryVectors(), pairs()[0][0]
    encoder.going_on.set()
    (plain,) = encoder.encode_queries([text])
    encoder.begun.clear()
    encoder.going_on.clear()
    with ThreadPoolExecutor(1) as thread:
        measuring = thread.submit(vectors.measure, encoder)
        assert encoder.begun.wait(20)
        asking = ThreadPoolExecutor(1).submit(vectors.encode, TwoLanguages(), text, "")
        meanwhile = asking.result(20)
        encoder.going_on.set()
        measuring.result(20)
    assert np.array_equal(meanwhile, plain)
    with pytest.raises(ValueError, match="read-only"):
        meanwhile[0] = 1
    assert not np.allclose(vectors.encode(encoder, text, gloss=""), plain)


def test_an_encoder_that_drops_texts_is_named():
    class Dropping(TwoLanguages):
        def encode_queries(self, texts):
            return super().encode_queries(texts[:1])

    with pytest.raises(ValueError, match=r"vectors of shapes \(1, 32\), \(1, 32\): expected \(64, 32\)"):
        apart(Dropping())


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
    plain, brought = vectors.encode(encoder, text), vectors.encode(encoder, text, gloss="")
    assert not np.allclose(plain, brought)
    assert np.array_equal(vectors.encode(encoder, text), plain)
    assert np.array_equal(vectors.encode(encoder, text, gloss=""), brought)
    with pytest.raises(ValueError, match="read-only"):
        brought[0] = 1
