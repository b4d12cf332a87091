"""From cosine to relevance: the background by hand, and what always holds."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from indexer.index.calibration import (
    HITS,
    LONGEST_FITTED,
    MOST_SHARE,
    PROBE_WEIGHT,
    QUERIES,
    RELATED,
    Background,
    Calibration,
    Curve,
    JointCurve,
    draw_background,
)
from models.hashing import HashingEncoder
from models.parity import probe_texts

EAST = np.array([1, 0], dtype=np.float32)
ENCODER = HashingEncoder(64)


def related(held, cosines, curve):
    """Return the relevance of cosines to EAST."""
    return held.of_z_scores(held.z_scores(EAST, cosines), curve)


def rows(*cosines):
    """Return unit vectors of these cosines to EAST."""
    return np.array([[c, math.sqrt(1 - c * c)] for c in cosines], dtype=np.float32).reshape(-1, 2)


def background(probe, own=(), articles=0):
    made = Calibration(articles=articles, probe=len(probe), own=len(own))
    return Background(np.concatenate([rows(*probe), rows(*own)]), made)


# Z-scores


def test_spreads_above_the_probe():
    # cosines 0.2 and 0.6: mean 0.4, standard deviation 0.2
    assert background([0.2, 0.6]).z_scores(EAST, np.array([0.8, 0.4, 0.1])) == pytest.approx([2, 0, -1.5], abs=1e-5)


def test_moments_by_hand():
    assert background([0.2, 0.6]).moments(EAST) == pytest.approx((0.4, 0.2), abs=1e-5)
    # three parts own (mean and spread 0.1), one part probe
    mixed = background([0.2, 0.6], [0.0, 0.2], articles=3 * PROBE_WEIGHT)
    assert mixed.moments(EAST) == pytest.approx((0.175, 0.125), abs=1e-5)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=8), st.lists(st.floats(-1, 1), max_size=8), st.integers(0, 5000))
def test_spreads_and_relevance_are_counted_in_its_moments(probe, own, articles):
    held = background(probe, own, articles)
    mean, std = held.moments(EAST)
    cosines = np.array([mean, mean + std, mean - 2 * std])
    assert held.z_scores(EAST, cosines) == pytest.approx([0, 1, -2], abs=1e-6)
    assert held.of_z_scores(held.z_scores(EAST, cosines), RELATED).tolist() == (
        related(held, cosines, RELATED).tolist()
    )


@given(
    st.floats(-5, 20),
    st.floats(0, 1),
    st.floats(0.1, 4),
    st.integers(0, 10**7),
    st.floats(1e-6, 1 - 1e-6),
    st.floats(0, 9),
)
def test_a_curve_reaches_a_height_from_one_place_on(middle, growth, width, articles, height, apart):
    curve = Curve(middle, growth, width)
    place = curve.reaching(height, articles)
    assert curve.at(np.array([place]), articles) == pytest.approx([height], abs=1e-9)
    below, above = curve.at(np.array([place - apart - 1e-3, place + apart + 1e-3]), articles)
    assert below < height < above


def test_every_place_reaches_nothing_and_none_reaches_one():
    assert [QUERIES.reaching(height) for height in (-0.5, 0.0, 1.0)] == [-math.inf, -math.inf, math.inf]
    held = background([0.2, 0.6], articles=5000)
    assert held.reaching(0.3, QUERIES) == QUERIES.reaching(0.3, 5000)


def test_each_query_has_a_mean_of_its_own():
    north = np.array([0, 1], dtype=np.float32)
    # to north they are 0.8 and 0.6: mean 0.7, standard deviation 0.1
    assert background([0.6, 0.8]).z_scores(north, np.array([0.9])) == pytest.approx([2], abs=1e-5)


def test_an_archive_weighs_as_much_as_it_has_articles():
    # own: 0.0 and 0.2, mean 0.1, standard deviation 0.1; half and half with the probe's 0.4 and 0.2: 0.25 and 0.15
    half = background([0.2, 0.6], [0.0, 0.2], articles=PROBE_WEIGHT)
    assert half.z_scores(EAST, np.array([0.55])) == pytest.approx([2], abs=1e-5)
    # three parts own, one part probe: mean 0.175, spread 0.125
    most = background([0.2, 0.6], [0.0, 0.2], articles=3 * PROBE_WEIGHT)
    assert most.z_scores(EAST, np.array([0.3])) == pytest.approx([1], abs=1e-5)


def test_a_single_article_has_no_spread_and_does_not_count():
    one = background([0.2, 0.6], [0.9], articles=10**9)
    assert one.z_scores(EAST, np.array([0.8])) == pytest.approx([2], abs=1e-5)


def test_equal_texts_still_divide():
    same = background([0.5, 0.5], [0.5, 0.5], articles=PROBE_WEIGHT)
    assert np.isfinite(related(same, np.array([1.0, 0.5, -1.0]), RELATED)).all()


# Relevance

CURVE = Curve(middle=2, growth=0.5, width=0.25)


def test_half_relevant_at_the_middle_of_the_curve():
    thousand = background([0.2, 0.6], articles=1000)
    relevance = related(thousand, np.array([0.8, 0.85, 0.75]), CURVE)
    # 0.05 is a quarter of a z-score, which is one width
    assert relevance == pytest.approx([0.5, 1 / (1 + math.exp(-1)), 1 / (1 + math.e)], abs=1e-4)
    assert relevance.dtype == np.float64


def test_the_middle_grows_with_the_archive():
    def at(articles, cosine):
        return related(background([0.2, 0.6], articles=articles), np.array([cosine]), CURVE)[0]

    # e^2 times 1,000 articles: the middle is 2 + 2 * 0.5 = 3 z-scores, a cosine of 1.0
    assert at(round(1000 * math.e**2), 1.0) == pytest.approx(0.5, abs=1e-3)
    # a tenth: 2 - 0.5 * ln 10 = 0.8487 z-scores, a cosine of 0.4 + 0.16974
    assert at(100, 0.56974) == pytest.approx(0.5, abs=1e-3)
    assert at(0, 0.5) == at(1, 0.5) > at(2, 0.5)


def test_no_cosines():
    assert related(background([0.2, 0.6]), np.array([], dtype=np.float32), CURVE).shape == (0,)


@given(
    cosines=st.lists(st.floats(-1, 1), min_size=1),
    probe=st.lists(st.floats(-1, 1), min_size=1, max_size=5),
    own=st.lists(st.floats(-1, 1), max_size=5),
    articles=st.integers(0, 10**7),
    curve=st.sampled_from([RELATED, QUERIES, CURVE]),
)
def test_relevance_is_a_share_and_keeps_the_order(cosines, probe, own, articles, curve):
    ordered = np.sort(np.array(cosines, dtype=np.float32))
    relevance = related(background(probe, own, articles), ordered, curve)
    assert ((relevance >= 0) & (relevance <= 1)).all()
    assert (np.diff(relevance) >= 0).all()


# Drawing and keeping it


def test_the_probe_comes_first():
    sample = ENCODER.encode_documents(["gốm", "cam", "lúa"])
    drawn, calibration = draw_background(sample, 30, ENCODER)
    probe = probe_texts()
    assert calibration == Calibration(articles=30, probe=len(probe), own=3)
    assert drawn.dtype == np.float32
    assert (drawn[: len(probe)] == ENCODER.encode_documents(probe)).all()
    assert (drawn[len(probe) :] == sample).all()


@pytest.mark.parametrize("sample", [np.empty((0, 64), dtype=np.float32), np.empty(0, dtype=np.float32)])
def test_an_empty_archive_has_the_probe(sample):
    drawn, calibration = draw_background(sample, 0, ENCODER)
    assert (len(drawn), calibration.own) == (calibration.probe, 0)
    assert np.isfinite(Background(drawn, calibration).z_scores(drawn[0], np.array([0.5]))).all()


@pytest.mark.parametrize("shape", [(3, 2), (1, 2), (4,)])
def test_another_number_of_rows_is_refused(shape):
    with pytest.raises(ValueError, match=r"background of shape .* expected 2 rows"):
        Background(np.zeros(shape, dtype=np.float32), Calibration(articles=1, probe=1, own=1))


def test_it_survives_the_manifest():
    made = Calibration(articles=1, probe=2, own=3)
    assert Calibration.model_validate_json(made.model_dump_json()) == made
    with pytest.raises(ValidationError):
        Calibration.model_validate({**made.model_dump(), "mean": 1})


# Meaning and words together


def test_the_joint_curve_by_hand():
    curve = JointCurve(constant=-3.0, dense=0.5, lexical=2.0, fused=0.1, syllables=1.0)
    z_scores, shares, fused = np.array([0.0, 2.0, 2.0]), np.array([0.0, 0.5, 0.5]), np.array([0.0, 10.0, 10.0])
    # log odds -3 + 0.5 * 2 + 2 * 0.5 + 0.1 * 10 = 0, a half
    assert curve.at(z_scores, shares, fused, 1) == pytest.approx([1 / (1 + math.exp(3)), 0.5, 0.5])
    assert curve.at(z_scores, shares, fused, 3)[1] == pytest.approx(3 / (1 + 3))  # odds grow as the length does
    assert curve.at(z_scores, shares, fused, 0)[1] == pytest.approx(0.5)


def test_beyond_what_it_was_fitted_to_the_joint_curve_stays():
    one = np.ones(1)
    assert HITS.at(one, one, one, LONGEST_FITTED) == HITS.at(one, one, one, 300)
    assert HITS.at(one, MOST_SHARE * one, one, 2) == HITS.at(one, 50 * one, one, 2)


FINITE = st.floats(-50, 50)


@given(FINITE, st.floats(0, 3), st.floats(-50, 300), st.integers(0, 50), st.floats(0, 5))
def test_nothing_that_is_said_for_a_hit_makes_it_less_relevant(z_scores, share, fused, syllables, more):
    def at(z_scores, share, fused, syllables):
        return float(HITS.at(np.array([z_scores]), np.array([share]), np.array([fused]), syllables)[0])

    base = at(z_scores, share, fused, syllables)
    assert 0 <= base <= 1
    assert at(z_scores + more, share, fused, syllables) >= base
    assert at(z_scores, share + more, fused, syllables) >= base
    assert at(z_scores, share, fused + more, syllables) >= base
    assert at(z_scores, share, fused, syllables + 1) >= base


def test_a_larger_archive_needs_more():
    small, large = (background([0.2, 0.6], [0.0, 0.2], articles=articles) for articles in (100, 100_000))
    assert small.grown(QUERIES) == pytest.approx(QUERIES.growth * math.log(0.1))
    assert large.grown(QUERIES) == pytest.approx(QUERIES.growth * math.log(100))
