"""The checks between encoders, over vectors made by hand."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Sequence

import numpy as np
import pytest

from models import parity
from models.encoder import EncoderIdentity, Vectors
from models.hashing import HashingEncoder
from models.parity import Check


def rows(*vectors: Sequence[float]) -> Vectors:
    return np.array(vectors, dtype=np.float32)


X, Y, Z = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]
NEAR_X = [0.8, 0.6, 0.0]  # cosine 0.8 to X, 0.6 to Y


class Fixed:
    """An encoder that gives the vectors of a function of the text and of what is encoded beside it."""

    def __init__(self, function, precision="int8-made-up"):
        self.identity = EncoderIdentity("fixed", "1", 64, "", "", 512, "fp32", precision)
        self._function = function

    def encode_documents(self, texts):
        return np.stack([self._function(text, list(texts)) for text in texts]).astype(np.float32)

    encode_queries = encode_documents


def exact(text: str, _: Sequence[str] = ()) -> Vectors:
    return HashingEncoder().encode_documents([text])[0]


def turned(text: str, degrees: float) -> Vectors:
    """Return the text's vector, turned by an angle."""
    vector = exact(text).astype(np.float64)
    aside = np.roll(vector, 1) - vector * (np.roll(vector, 1) @ vector)
    angle = math.radians(degrees)
    return vector * math.cos(angle) + aside / np.linalg.norm(aside) * math.sin(angle)


# --- the probe


def test_the_probe_is_48_clean_lines():
    texts = parity.probe_texts()
    assert len(texts) == 48
    assert len(set(texts)) == 48
    for text in texts:
        assert text == unicodedata.normalize("NFC", text)
        assert text == text.strip()
        assert len(text) > 30
        assert not any(unicodedata.category(character) in {"Cc", "Cf", "Co", "Cn"} for character in text)


def test_the_two_of_a_probe_pair_are_nearer_to_each_other_than_to_the_rest():
    # The words they share are enough to say so, for nearly all of them, common words weighing less.
    words = [{word.strip(".,“”?:") for word in text.split()} for text in parity.probe_texts()]
    counts = {word: sum(word in other for other in words) for text in words for word in text}
    near = 0
    for i, mine in enumerate(words):
        weights = [
            sum(math.log(48 / counts[word]) for word in mine & other) / len(other) ** 0.5 if i != j else -1.0
            for j, other in enumerate(words)
        ]
        near += int(np.argmax(weights)) == i ^ 1
    assert near >= 42


# --- single comparisons


def test_compare_vectors_takes_the_least_cosine():
    check = parity.compare_vectors("made up", rows(X, Y), rows(NEAR_X, Y), 0.75)
    assert check.name == "made up: least cosine over 2 texts"
    assert check.value == pytest.approx(0.8)
    assert (check.expected, check.passed) == (">= 0.75", True)


def test_compare_vectors_fails_below_the_bound():
    check = parity.compare_vectors("made up", rows(X, Y), rows(NEAR_X, Y), 0.81)
    assert not check.passed
    assert check.expected == ">= 0.81"


def test_compare_vectors_pairs_rows():
    assert parity.compare_vectors("", rows(X, Y), rows(Y, X), 0.5).value == 0


def test_compare_vectors_fails_on_what_is_no_number():
    check = parity.compare_vectors("", rows(X, Y), rows(X, [math.nan] * 3), 0.5)
    assert math.isnan(check.value)
    assert not check.passed


def test_first_neighbours_leave_a_row_itself_out():
    vectors = rows(X, NEAR_X, Y, Z)
    # X is nearest to NEAR_X (0.8), and it to X (0.8 against 0.6); Y to NEAR_X; Z is at 0 to all: the first.
    assert parity.first_neighbours(vectors).tolist() == [1, 0, 1, 0]


def test_first_neighbours_against_brute_force():
    vectors = np.random.default_rng(1).normal(size=(40, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = [
        max((j for j in range(40) if j != i), key=lambda j: float(vectors[i].astype(float) @ vectors[j].astype(float)))
        for i in range(40)
    ]
    assert parity.first_neighbours(vectors).tolist() == expected


def test_compare_neighbours_counts_the_same():
    reference = rows(X, NEAR_X, Y, Z)
    check = parity.compare_neighbours("made up", reference, rows(X, NEAR_X, Y, [0.0, 0.1, 0.99]))
    assert check == Check("made up: same first neighbour", 0.75, ">= 0.95", False)  # the last one's is Y now
    assert parity.compare_neighbours("made up", reference, reference) == Check(
        "made up: same first neighbour", 1.0, ">= 0.95", True
    )


def test_a_check_is_json():
    check = parity.compare_vectors("made up", rows(X), rows(X), 0.5)
    assert json.loads(json.dumps(check.as_json())) == {
        "name": "made up: least cosine over 1 texts",
        "value": 1.0,
        "expected": ">= 0.5",
        "passed": True,
    }


# --- encoders


def test_an_int8_encoder_like_fp32_passes():
    checks = parity.check_int8(HashingEncoder(), Fixed(exact))
    assert [check.name for check in checks] == [
        "int8-made-up against fp32: least cosine over 48 texts",
        "int8-made-up against fp32: same first neighbour",
    ]
    assert [check.passed for check in checks] == [True, True]


@pytest.mark.parametrize(("degrees", "passed"), [(11, True), (12, False)])  # cosine 0.98 is 11.48 degrees
def test_an_int8_encoder_may_be_off_by_so_much(degrees, passed):
    odd = parity.probe_texts()[17]
    int8 = Fixed(lambda text, _: turned(text, degrees) if text == odd else exact(text))
    cosine = parity.check_int8(HashingEncoder(), int8)[0]
    assert cosine.value == pytest.approx(math.cos(math.radians(degrees)), abs=1e-6)
    assert cosine.passed is passed


def test_a_steady_encoder_passes_the_check_of_batches():
    check = parity.check_batch(Fixed(exact))
    assert check == Check("int8-made-up: vector against batch mates, largest difference", 0.0, "<= 1e-05", True)


@pytest.mark.parametrize(
    "function",
    [
        lambda text, batch: turned(text, 0.1 * (len(batch) > 1)),  # another vector in company
        lambda text, batch: turned(text, 0.1 * (len(batch) > 1 and batch[0] < batch[-1])),  # or for another order
        lambda text, batch: turned(text, 0.1 * (len(batch) > 1 and batch[0] > batch[-1])),
        lambda text, batch: exact(text) * (math.nan if len(batch) > 1 and batch[0] < batch[-1] else 1),
        lambda text, batch: exact(text) * (math.nan if len(batch) > 1 and batch[0] > batch[-1] else 1),
    ],
)
def test_an_encoder_that_depends_on_its_batch_fails(function):
    assert not parity.check_batch(Fixed(function)).passed


def test_check_engine_compares_vectors_and_tokens():
    def words(text: str) -> int:
        return len(text.split())

    checks = parity.check_engine(HashingEncoder(), words, HashingEncoder().encode_documents, words)
    assert [(check.value, check.passed) for check in checks] == [(pytest.approx(1.0, abs=1e-6), True), (1.0, True)]

    odd = parity.probe_texts()[0]
    engine = Fixed(lambda text, _: turned(text, 3) if text == odd else exact(text))  # cosine 0.9986
    checks = parity.check_engine(
        HashingEncoder(), words, engine.encode_documents, lambda text: words(text) + (text == odd)
    )
    assert [check.passed for check in checks] == [False, False]
    assert checks[1].value == pytest.approx(47 / 48)
    assert checks[1].expected == "= 1"
