"""Candidates: what is measured of them by hand, stored neighbours against a search, and which instalments belong."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.archive import ArchiveSeries
from indexer.index import calibration
from models.hashing import HashingEncoder
from service.ranking import fusion
from service.related import pool
from service.related.pool import Pool
from service.related.seeds import resolve
from service.schemas import Seed
from tests.newsroom import article, at, newsroom

ENCODER = HashingEncoder()
COLUMNS = Pool._fields


def made(rows, **columns):
    """Return a pool of rows; of what is not given each article has its row."""
    rows = np.array(rows, dtype=np.int64)
    given_columns = {name: np.array(values, dtype=np.float64) for name, values in columns.items()}
    return Pool(rows, **{name: given_columns.get(name, rows.astype(np.float64)) for name in COLUMNS[1:]})


@pytest.fixture(scope="module")
def archive(archive_of):
    return archive_of(newsroom())


@pytest.fixture(scope="module")
def every(archive):
    return np.ones(archive.count, dtype=np.bool_)


@pytest.fixture(scope="module")
def seeds_of(archive, every):
    def find(*ids, **seed):
        return resolve(archive, lambda: ENCODER, Seed.model_validate({"ids": list(ids), **seed}), every)

    return find


class TestPool:
    def test_every_column_is_taken(self):
        taken = made([7, 5, 9]).take([2, 0])
        assert {name: getattr(taken, name).tolist() for name in COLUMNS} == {name: [9, 7] for name in COLUMNS}

    def test_those_of_the_other_come_last(self):
        joined = made([7, 5]).joined(made([1]))
        assert {name: getattr(joined, name).tolist() for name in COLUMNS} == {name: [7, 5, 1] for name in COLUMNS}

    def test_the_score_is_a_product(self):
        found = made([0, 1], relevance=[0.5, 0.8], freshness=[0.5, 1.0], boosts=[2.0, 0.25])
        assert found.scores.tolist() == [0.5, 0.2]


class TestMeasured:
    def test_by_what_each_is_made_of(self, archive, every, seeds_of):
        seeds, rows = seeds_of("bai-0"), np.array([3, 20, 1, 0])
        found = pool.measured(archive, seeds, rows)
        assert found.rows.tolist() == rows.tolist()
        assert found.cosines == pytest.approx(archive.vectors_of(rows) @ seeds.vector, abs=1e-6)
        shared = archive.shared_terms(archive.term_vector(0), rows[:3]).tolist()
        assert found.terms == pytest.approx([*shared, 1.0], abs=1e-6)  # its own text shares all of it
        mean, std = archive.background.moments(seeds.vector)
        z_scores = (found.cosines - mean) / std + fusion.TERMS_WEIGHT * np.log1p(found.terms / fusion.TERMS_SCALE)
        assert found.z_scores == pytest.approx(z_scores)
        assert found.relevance == pytest.approx(archive.background.of_z_scores(z_scores, calibration.RELATED))
        assert found.freshness.tolist() == found.boosts.tolist() == [1] * 4
        assert found.copies.tolist() == [0] * 4
        assert {getattr(found, name).dtype for name in ("cosines", "terms", "z_scores", "relevance")} == {
            np.dtype(np.float64)
        }

    def test_shared_words_that_are_known_are_not_worked_out_again(self, archive, seeds_of):
        found = pool.measured(archive, seeds_of("bai-0"), np.array([3, 4]), np.array([0.25, 0.5]))
        assert found.terms.tolist() == [0.25, 0.5]

    def test_of_nothing(self, archive, seeds_of):
        found = pool.measured(archive, seeds_of("bai-0"), np.empty(0, dtype=np.int64))
        assert [len(getattr(found, name)) for name in COLUMNS] == [0] * len(COLUMNS)

    def test_the_articles_beside_it_do_not_count(self, archive, seeds_of):
        rows = np.arange(30)
        together = pool.measured(archive, seeds_of("bai-0", "bai-40"), rows)
        alone = [pool.measured(archive, seeds_of("bai-0", "bai-40"), rows[at : at + 1]).z_scores[0] for at in rows]
        assert together.z_scores == pytest.approx(alone)


class TestEcho:
    def test_what_the_nearest_say_is_added(self, archive, every, seeds_of):
        title = archive.articles([0])[0].title
        seeds = seeds_of(article={"title": title})
        assert seeds.brief
        rows = np.arange(archive.count)
        found = pool.measured(archive, seeds, rows)
        heard = pool.echo(archive, seeds, found)
        assert np.linalg.norm(heard.echo.vector) == pytest.approx(1, abs=1e-5)
        weights = [weight for _, weight in heard.echo.terms]
        assert sum(weights) == pytest.approx(1)
        assert weights == sorted(weights, reverse=True)
        assert len(weights) == pool.ECHOING
        mean, std = heard.echo.unrelated
        dense = (archive.similarities(heard.echo.vector, rows).astype(np.float64) - mean) / std
        shared = sum(weight * archive.shared_terms(vector, rows) for vector, weight in heard.echo.terms)
        added = fusion.ECHO_WEIGHT * fusion.relate(dense, shared, fusion.BRIEF_TERMS_WEIGHT)
        assert pool.measured(archive, heard, rows).z_scores == pytest.approx(found.z_scores + added, abs=1e-4)

    def test_where_nothing_is_near(self, archive, seeds_of):
        seeds = seeds_of(article={"title": "lò gốm"})
        assert pool.echo(archive, seeds, pool.measured(archive, seeds, np.empty(0, dtype=np.int64))) is seeds


class TestNear:
    def test_of_one_published_seed_they_are_those_stored(self, archive, every, seeds_of):
        for name in ("bai-0", "bai-39", "bai-100"):
            seeds = seeds_of(name)
            rows, terms, _ = pool.near(archive, seeds, every, 6)
            stored = archive.neighbours(seeds.single)
            assert rows.tolist() == stored.rows.tolist()
            own = archive.texts(rows) == archive.texts(np.array([seeds.single]))
            assert rows[own].tolist() == [seeds.single]
            assert terms == pytest.approx(np.where(own, 1.0, seeds.shared_terms(archive, rows)), abs=2e-3)
            assert terms.dtype == np.float64

    def test_the_nearest_by_meaning_are_stored(self, archive, every, seeds_of):
        for name in ("bai-0", "bai-40", "bai-100"):
            seeds = seeds_of(name)
            allowed = every.copy()
            allowed[archive.texts(np.arange(archive.count)) == archive.texts(np.array([seeds.single]))[0]] = False
            searched, _, _ = archive.nearest(seeds.vector, 60, allowed)
            assert set(searched.tolist()) <= set(pool.near(archive, seeds, every, 6)[0].tolist())

    def test_where_few_of_those_stored_are_allowed_the_archive_is_searched(self, archive, every, seeds_of):
        seeds = seeds_of("bai-0")
        stored = archive.neighbours(seeds.single).rows
        for left in (0, 3, 23):
            allowed = every.copy()
            allowed[[seeds.single, *stored[1 + left :]]] = False
            rows, terms, _ = pool.near(archive, seeds, allowed, 6)
            assert set(rows.tolist()) == set(np.flatnonzero(allowed).tolist())  # the archive is small
            assert terms == pytest.approx(seeds.shared_terms(archive, rows))

    def test_of_equal_texts_all_words_are_shared(self, archive_of):
        chance = random.Random(1)
        lines = [article(chance, n, n % 9) for n in range(40)]
        lines += [{**lines[0], "id": "again"}, {**lines[0], "id": "once-more"}]
        twice = archive_of(lines)
        allowed = np.ones(twice.count, dtype=np.bool_)
        for seed in (Seed(ids=["bai-0"]), Seed(ids=["again"])):
            seeds = resolve(twice, lambda: ENCODER, seed, allowed)
            for limit in (2, 50):  # stored, and searched
                rows, terms, _ = pool.near(twice, seeds, allowed, limit)
                assert {rows[at] for at in np.flatnonzero(terms == 1.0)} == {0, 40, 41}

    def test_enough_of_those_stored_are_enough(self, archive, every, seeds_of):
        seeds = seeds_of("bai-0")
        stored = archive.neighbours(seeds.single).rows
        allowed = every.copy()
        allowed[stored[pool.ENOUGH * 6 :]] = False
        assert pool.near(archive, seeds, allowed, 6)[0].tolist() == stored[: pool.ENOUGH * 6].tolist()

    def test_other_seeds_search(self, archive, every, seeds_of):
        for seeds in (seeds_of("bai-0", "bai-40"), seeds_of("bai-0", negative_ids=["bai-1"])):
            rows, _, _ = pool.near(archive, seeds, every, 6)
            assert len(set(rows.tolist())) == len(rows) == archive.count  # of fewer texts than are brought
            assert archive.count <= pool.MEANT

    def test_nothing_is_allowed(self, archive, every, seeds_of):
        for seeds in (seeds_of("bai-0"), seeds_of("bai-0", "bai-1")):
            rows, terms, _ = pool.near(archive, seeds, ~every, 6)
            assert (rows.tolist(), terms.tolist()) == ([], [])

    def test_a_filter_drops_nothing_else(self, archive_of):
        """What words brought stays where the archive is searched."""
        chance = random.Random(2)
        lines = [article(chance, n, n % 12, published_at=at(n / 9), section="Chợ phiên") for n in range(330)]
        wide = archive_of(lines)
        everything = np.ones(wide.count, dtype=np.bool_)
        for row in range(0, 330, 30):
            seeds = resolve(wide, lambda: ENCODER, Seed(ids=[f"bai-{row}"]), everything)
            stored = wide.neighbours(row).rows
            allowed = everything.copy()
            allowed[stored[:-10]] = False  # the last were brought by words
            rows, terms, _ = pool.near(wide, seeds, allowed, 6)
            assert set(stored[-10:].tolist()) <= set(rows.tolist())
            assert len(set(rows.tolist())) == len(rows) == len(terms)


class Numbered:
    """As much of an archive as instalments need: kinds by row, and whether they are of named series."""

    def __init__(self, kinds, named=()):
        flags = np.array([kind in named for kind in kinds])
        self.series = ArchiveSeries(np.array(kinds, dtype=np.int32), flags, tuple("abc"))

    def latest(self, kind, allowed):
        """Return the highest row of a kind: here the newest stands last."""
        rows = [row for row, held in enumerate(self.series.kinds) if held == kind and allowed[row]]
        return max(rows, default=-1)


class Under:
    """Seeds of these rows."""

    def __init__(self, *rows):
        self.rows = rows


def latest_only(kinds, rows, seeds=(), named=(), but=()):
    allowed = np.array([row not in (*seeds, *but) for row in range(len(kinds))])
    kept, added = pool.latest_only(Numbered(kinds, named), Under(*seeds), np.array(rows, dtype=np.int64), allowed)
    return [row for row, stays in zip(rows, kept, strict=True) if stays], added.tolist()


class TestLatestOnly:
    KINDS = (-1, 0, 0, -1, 1, 0, 1)

    def test_under_other_news_none(self):
        assert latest_only(self.KINDS, [5, 3, 1, 4]) == ([3], [])

    def test_under_its_own_kind_the_latest(self):
        assert latest_only(self.KINDS, [3, 2, 5, 4], seeds=[1]) == ([3, 5], [])
        assert latest_only(self.KINDS, [3, 2, 4], seeds=[1]) == ([3], [5])  # though it was no candidate
        assert latest_only(self.KINDS, [3, 5], seeds=[1], but=[5]) == ([3], [2])
        assert latest_only(self.KINDS, [3], seeds=[5, 1, 2]) == ([3], [])

    def test_of_several_seeds_each_kind(self):
        assert latest_only(self.KINDS, [3], seeds=[1, 4]) == ([3], [5, 6])

    def test_bulletins_on_a_name_are_news(self):
        assert latest_only(self.KINDS, [3, 4, 6, 5], named=[1]) == ([3, 6], [])
        assert latest_only(self.KINDS, [3, 4], named=[1]) == ([3], [])  # but nothing is brought in

    def test_nothing_is_serial(self):
        assert latest_only((-1, -1, -1), [2, 0]) == ([2, 0], [])
        assert latest_only(self.KINDS, []) == ([], [])


@given(
    kinds=st.lists(st.integers(-1, 2), min_size=1, max_size=10),
    rows=st.sets(st.integers(0, 9)),
    seeds=st.sets(st.integers(0, 9), max_size=2),
    named=st.sets(st.integers(0, 2)),
)
@settings(max_examples=200)
def test_of_a_kind_one_at_most_the_latest(kinds, rows, seeds, named):
    seeds = sorted(row for row in seeds if row < len(kinds))
    rows = sorted(row for row in rows if row < len(kinds) and row not in seeds)
    kept, added = latest_only(kinds, rows, seeds, named)
    own = {kinds[row] for row in seeds} - {-1}
    assert not set(kept) & set(added)
    assert [row for row in rows if kinds[row] < 0] == [row for row in kept if kinds[row] < 0]
    for kind in range(3):
        shown = [row for row in (*kept, *added) if kinds[row] == kind]
        others = [row for row, held in enumerate(kinds) if held == kind and row not in seeds]
        if kind in own:
            assert shown == others[-1:]
        else:
            assert shown == ([others[-1]] if kind in named and others and others[-1] in rows else [])
