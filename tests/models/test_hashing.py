"""The encoder without weights: vectors that can be worked out by hand."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.encoder import EncoderIdentity
from models.hashing import HashingEncoder

# `printf nhà | b2sum -l 64` says 9cabb8d60f3c22c6: its first seven bytes modulo 4 are axis 2, its last bit is 0, minus.
# So nhà is (0, 0, -1, 0); báo (0, 1, 0, 0); lụt (0, 0, 0, -1); mưa (1, 0, 0, 0); nhân (0, 0, 1, 0).


@pytest.mark.parametrize(
    ("text", "vector"),
    [
        ("nhà", [0, 0, -1, 0]),
        ("báo", [0, 1, 0, 0]),
        ("nhà báo", [0, 0.5**0.5, -(0.5**0.5), 0]),
        ("Mưa, mưa… lụt!", [2 / 5**0.5, 0, 0, -1 / 5**0.5]),
        ("nhà nhân", [1, 0, 0, 0]),  # the two cancel out: as without words
        ("", [1, 0, 0, 0]),
        (" …!", [1, 0, 0, 0]),
        ("NHÀ", [0, 0, -1, 0]),
    ],
)
def test_vectors_by_hand(text, vector):
    vectors = HashingEncoder(dim=4).encode_documents([text])
    assert vectors.shape == (1, 4)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors[0], vector, atol=1e-7)


def test_identity():
    assert HashingEncoder().identity == EncoderIdentity("hashing", "1", 64, "", "", 1_000_000, "none", "fp32")
    assert HashingEncoder(8).identity.dim == 8


def test_no_texts_are_no_rows():
    assert HashingEncoder(8).encode_queries([]).shape == (0, 8)


def test_shared_words_raise_the_cosine():
    encoder = HashingEncoder(dim=65536)  # room enough for these ten words to have an axis each
    first = "lụt cuốn trôi cầu treo"
    others = [
        "công nhân nhận lương thưởng",
        "công nhân nhận lương cầu",
        "công nhân nhận cầu treo",
        "công nhân trôi cầu treo",
        "công cuốn trôi cầu treo",
        "treo cầu trôi cuốn lụt",
    ]
    cosines = encoder.encode_documents(others) @ encoder.encode_queries([first])[0]
    np.testing.assert_allclose(cosines, [0, 0.2, 0.4, 0.6, 0.8, 1], atol=1e-6)


_texts = st.lists(st.text(max_size=40), min_size=1, max_size=6)


@given(_texts, st.integers(1, 70))
def test_every_row_has_unit_length(texts, dim):
    vectors = HashingEncoder(dim).encode_documents(texts)
    assert vectors.shape == (len(texts), dim)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


@given(_texts, st.randoms())
def test_a_vector_depends_on_its_text_alone(texts, random):
    alone = {text: HashingEncoder().encode_documents([text])[0] for text in texts}
    random.shuffle(texts)
    for text, vector in zip(texts, HashingEncoder().encode_documents(texts), strict=True):
        assert np.array_equal(vector, alone[text])


def test_a_query_and_a_document_of_the_same_words_are_one():
    encoder = HashingEncoder()
    texts = ["nhà báo", "mưa lụt"]
    assert np.array_equal(encoder.encode_queries(texts), encoder.encode_documents(texts))


def test_lone_surrogates_only_part_words():
    encoder = HashingEncoder()
    found = encoder.encode_documents(["\ud800", "nhà\udfffbáo"])
    assert np.array_equal(found, encoder.encode_documents(["", "nhà báo"]))


def test_another_process_gets_the_same_vectors():
    code = (
        "from models.hashing import HashingEncoder\n"
        "print(HashingEncoder().encode_documents(['lụt cuốn trôi cầu']).tobytes().hex())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path), "PYTHONUTF8": "1"},
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert found == {HashingEncoder().encode_documents(["lụt cuốn trôi cầu"]).tobytes().hex()}
