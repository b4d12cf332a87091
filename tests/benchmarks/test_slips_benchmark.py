"""Slips made by rule, and what is measured of them, worked out by hand."""

from random import Random
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from benchmarks import slips
from service.query.confusions import SELDOM, confusions
from service.query.misspellings import Speller


def test_pieces_have_two_to_six_words():
    assert list(slips.pieces("Bảo hiểm xã hội: công nhân, lũ lụt")) == [
        ["bảo", "hiểm", "xã", "hội", "công", "nhân"],
        ["lũ", "lụt"],
    ]
    assert list(slips.pieces("Lũ")) == []


@given(st.integers(0, 1000))
def test_one_syllable_is_miswritten(seed):
    words = ["bảo", "hiểm", "2024", "xã", "hội"]
    wrong = slips.miswritten(words, Random(seed))
    ((right, written),) = [(a, b) for a, b in zip(words, wrong, strict=True) if a != b]
    assert dict(confusions(right))[written] <= SELDOM


def test_what_has_no_syllable_cannot_be():
    assert slips.miswritten(["2024", "bhxh"], Random(1)) is None


def test_kept_by_hand():
    hits = {"a b": "xyz", "a c": "xqw", "d": "pq", "e": "qp", "f": "", "g": "x"}

    def search(params):
        return SimpleNamespace(hits=[SimpleNamespace(article=SimpleNamespace(id=one)) for one in hits[params.q]])

    found = slips.kept(SimpleNamespace(search=search), [("a b", "a c"), ("d", "e"), ("f", "g")])
    assert found == {"kept": (1 / 3 + 1) / 2, "best kept": 1.0, "queries": 2}


def test_without_correction_nothing_is_misspelt():
    own = Speller.find
    with slips.uncorrected():
        assert Speller.find(None, ["hiễm"], ["hiễm"]) == []
    assert Speller.find is own
