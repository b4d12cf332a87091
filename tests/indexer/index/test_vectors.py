"""Vectors on disk and the search over them, against numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.index import tuning, vectors
from indexer.index.vectors import (
    COARSE,
    FLAT,
    GRAPH,
    INDEX_FILE,
    RAW_FILE,
    SIZES,
    FaissIndex,
    Sizes,
    build_index,
    write_vectors,
)

FOUR = np.array([[1, 0], [0.6, 0.8], [0, 1], [-1, 0]], dtype=np.float32)
EAST, NORTH = FOUR[0], FOUR[2]


KINDS = [FLAT, COARSE, GRAPH]
ALWAYS, NEVER = 0, 10**9
WAYS = {
    "raw": {"_FEW": NEVER},
    "copied": {"_FEW": ALWAYS, "_STEP": NEVER, "_COPYING": ALWAYS},
    "copied in pieces": {
        "_FEW": ALWAYS,
        "_STEP": NEVER,
        "_COPYING": ALWAYS,
        "_PIECE": 7,
        "_MARGIN": 1,
        "_FAR_LEAST": 1,
    },
    "in place": {"_FEW": ALWAYS, "_STEP": NEVER, "_COPYING": NEVER},
    "along the graph": {"_FEW": ALWAYS, "_STEP": ALWAYS, "_COPYING": NEVER},
}
"""How the rows that a filter passes are looked through, with the figures that have it done so."""


@pytest.fixture(scope="module", autouse=True)
def walked():
    """Walk the graph even where comparing all of so few takes less time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vectors, "_STEP", ALWAYS)
        yield


def opened(directory, rows, kind=FLAT, target=0.0):
    write_vectors(directory / RAW_FILE, *rows.shape, [(np.arange(len(rows)), rows)])
    sizes = {FLAT: Sizes(len(rows)), COARSE: Sizes(0, len(rows)), GRAPH: Sizes(0, 0)}[kind]
    built = build_index(directory / RAW_FILE, directory / INDEX_FILE, sizes, target)
    assert built.kind == (kind if len(rows) else FLAT)
    return FaissIndex(directory / INDEX_FILE, directory / RAW_FILE)


@pytest.fixture(params=KINDS)
def four(tmp_path, request):
    return opened(tmp_path, FOUR, request.param)


def unit_rows(seed, count, dim):
    rows = np.random.default_rng(seed).normal(size=(count, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


# Literal


def test_best_first_with_cosines(four):
    (east, north) = four.search(np.stack([EAST, NORTH]), 3)
    assert east[0].tolist() == [0, 1, 2]
    assert east[1] == pytest.approx([1, 0.6, 0], abs=1e-6)
    assert north[0].tolist()[:2] == [2, 1]
    assert north[1] == pytest.approx([1, 0.8, 0], abs=1e-6)
    assert (east[0].dtype, east[1].dtype) == (np.int64, np.float32)


def test_opposite_is_last_not_nearest(four):
    """The mix-up of inner product and distance: with L2 read as similarity the farthest row comes first."""
    assert four.search(EAST[None], 4)[0][0].tolist() == [0, 1, 2, 3]
    assert four.search(EAST[None], 4)[0][1][-1] == pytest.approx(-1)


@pytest.mark.parametrize(
    ("allowed", "k", "rows"),
    [
        ([1, 1, 1, 1], 2, [0, 1]),
        ([0, 1, 0, 1], 4, [1, 3]),
        ([0, 1, 1, 1], 1, [1]),
        ([0, 0, 0, 1], 4, [3]),
        ([0, 0, 0, 0], 4, []),
        ([1, 1, 1, 1], 0, []),
    ],
)
def test_only_allowed_rows(four, allowed, k, rows):
    found, scores = four.search(EAST[None], k, np.array(allowed, dtype=np.bool_))[0]
    assert found.tolist() == rows
    assert len(scores) == len(rows)


def test_more_asked_than_there_are(four):
    found, scores = four.search(EAST[None], 100)[0]
    assert found.tolist() == [0, 1, 2, 3]
    assert np.isfinite(scores).all()


def test_an_empty_index_finds_nothing(tmp_path):
    index = opened(tmp_path, np.empty((0, 2), dtype=np.float32))
    assert (index.count, index.dim) == (0, 2)
    for allowed in (None, np.empty(0, dtype=np.bool_)):
        (found,) = index.search(EAST[None], 5, allowed)
        assert [part.shape for part in found] == [(0,), (0,)]
    assert index.reconstruct([]).shape == (0, 2)


def test_no_queries(four):
    assert four.search(np.empty((0, 2), dtype=np.float32), 3) == []


def test_reconstruct_gives_copies_in_the_order_asked(four):
    rows = four.reconstruct([2, 0, 2])
    assert rows.tolist() == [[0, 1], [1, 0], [0, 1]]
    assert rows.dtype == np.float32
    rows[:] = 9
    assert four.reconstruct(np.array([2])).tolist() == [[0, 1]]


def test_queries_of_another_layout(four):
    expected = four.search(FOUR, 4)
    for queries in (FOUR.astype(np.float64), np.asfortranarray(FOUR), np.repeat(FOUR, 2, axis=0)[::2]):
        assert [found[0].tolist() for found in four.search(queries, 4)] == [found[0].tolist() for found in expected]


# Oracle


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 70),
    dim=st.sampled_from([2, 32, 33]),
    k=st.integers(1, 80),
    share=st.sampled_from([None, 0.0, 0.1, 0.5, 1.0]),
    repeated=st.booleans(),
    kind=st.sampled_from(KINDS),
    way=st.sampled_from(sorted(WAYS)),
)
@settings(max_examples=150)
def test_search_is_brute_force(tmp_path_factory, seed, count, dim, k, share, repeated, kind, way):
    rows = unit_rows(seed, count, dim)
    if repeated:
        rows[count // 2 :] = rows[: count - count // 2]
    index = opened(tmp_path_factory.mktemp("index"), rows, kind)
    if kind == GRAPH:
        index.ef_search = 2 * count
    allowed = None if share is None else np.random.default_rng(seed + 1).random(count) < share
    queries = unit_rows(seed + 2, 3, dim)
    exact = queries.astype(np.float64) @ rows.T.astype(np.float64)
    may = np.ones(count, dtype=np.bool_) if allowed is None else allowed
    for (found, scores), cosines in zip(searched(index, queries, k, allowed, way), exact, strict=True):
        assert len(found) == len(set(found.tolist())) == min(k, may.sum())
        assert may[found].all()
        assert scores == pytest.approx(cosines[found], abs=1e-5)
        assert (np.diff(scores) <= 0).all()
        left_out = np.setdiff1d(np.flatnonzero(may), found)
        assert not len(left_out) or cosines[left_out].max() <= scores.min() + 1e-5
    assert (index.reconstruct(np.arange(count)) == rows).all()
    assert index.cosines(queries[0], np.arange(count)[::-1]) == pytest.approx(exact[0, ::-1], abs=1e-5)


def searched(index, queries, k, allowed, way):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in WAYS[way].items():
            patch.setattr(vectors, name, value)
        return index.search(queries, k, allowed)


# Filters


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """Return 3,000 crowded vectors, ten queries, and an index of each type over them."""
    every = crowded(3, 3010)
    indexes = {kind: opened(tmp_path_factory.mktemp("crowd"), every[10:], kind, 0.99) for kind in KINDS}
    return every[10:], every[:10], indexes


def passing(kind, rows, query, share, seed):
    """Return a filter that passes a share of the rows: by chance, the nearest to a query or the farthest from it."""
    if kind == "chance":
        return np.random.default_rng(seed).random(len(rows)) < share
    order = np.argsort(-(rows @ query))
    allowed = np.zeros(len(rows), dtype=np.bool_)
    kept = int(share * len(rows))
    allowed[order[:kept] if kind == "nearest" else order[len(rows) - kept :]] = True
    return allowed


@given(
    kind=st.sampled_from(KINDS),
    way=st.sampled_from(sorted(WAYS)),
    k=st.integers(1, 1200),
    share=st.floats(0, 1),
    chosen=st.sampled_from(["chance", "nearest", "farthest"]),
    at=st.integers(0, 9),
    seed=st.integers(0, 99),
)
@settings(max_examples=150)
def test_a_filter_never_loses_hits(crowd, kind, way, k, share, chosen, at, seed):
    rows, queries, indexes = crowd
    allowed = passing(chosen, rows, queries[at], share, seed)
    for query, (found, scores) in zip(queries, searched(indexes[kind], queries, k, allowed, way), strict=True):
        assert len(found) == len(np.unique(found)) == min(k, allowed.sum())
        assert allowed[found].all()
        assert scores == pytest.approx(rows[found] @ query, abs=1e-6)


@pytest.mark.parametrize("chosen", ["chance", "nearest", "farthest"])
@pytest.mark.parametrize("share", [0.003, 0.03, 0.3, 0.9])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_filter_passes_is_found_as_well_as_without_it(crowd, kind, way, share, chosen):
    rows, queries, indexes = crowd
    reached = 0
    for query in queries:
        allowed = passing(chosen, rows, query, share, 1)
        may = np.flatnonzero(allowed)
        best = may[np.argsort(-(rows[may] @ query), kind="stable")[:10]]
        ((found, _),) = searched(indexes[kind], query[None], 10, allowed, way)
        reached += len(np.intersect1d(found, best)) / len(best)
    assert reached / len(queries) >= 0.98


def test_of_pieces_the_one_that_has_all_the_nearest_is_asked_for_them(tmp_path, crowd):
    rows, queries, _ = crowd
    ordered = rows[np.argsort(-(rows @ queries[0]))]
    index = opened(tmp_path, ordered, COARSE)
    allowed = np.ones(len(ordered), dtype=np.bool_)
    (found, _), (others, scores) = searched(index, queries[:2], 150, allowed, "copied in pieces")
    assert len(np.intersect1d(found, np.arange(150))) >= 148
    best = np.sort(ordered @ queries[1])[-150]
    assert np.count_nonzero(scores >= best) >= 148
    assert len(np.unique(others)) == 150


# The graph


def test_each_type_reaches_its_recall_and_the_graph_keeps_how_broad_it_has_to_be(tmp_path, crowd):
    rows, queries, _ = crowd
    write_vectors(tmp_path / RAW_FILE, *rows.shape, [(np.arange(len(rows)), rows)])
    for sizes, kind in ((SIZES, FLAT), (Sizes(0), COARSE), (Sizes(0, 0), GRAPH)):
        built = build_index(tmp_path / RAW_FILE, tmp_path / INDEX_FILE, sizes)
        assert built.kind == kind
        assert 0.99 <= built.recall <= 1
        index = FaissIndex(tmp_path / INDEX_FILE, tmp_path / RAW_FILE)
        assert index.ef_search in (tuning.EF_SEARCHES if kind == GRAPH else [None])
        found = index.search(queries, 10)
        best = np.argsort(-(queries @ rows.T), axis=1)[:, :10]
        assert np.mean([np.isin(one, other).mean() for (one, _), other in zip(found, best, strict=True)]) >= 0.97


def test_a_graph_that_misses_its_recall_is_refused(tmp_path, monkeypatch, crowd):
    monkeypatch.setattr(tuning, "EF_SEARCHES", (1, 2))
    with pytest.raises(ValueError, match=r"recall@10 0\.\d{4} at breadth 2: expected at least 0\.99"):
        opened(tmp_path, crowd[0], GRAPH, 0.99)
    assert not (tmp_path / INDEX_FILE).exists()


def test_bytes_that_miss_their_recall_are_refused(tmp_path):
    """One component so large that its neighbours, which differ in others by far less, share their bytes."""
    rows = 4e-3 * np.random.default_rng(1).normal(size=(2000, 32)).astype(np.float32)
    rows[:, 0] = np.where(np.arange(2000) % 2, 1, -1)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    with pytest.raises(ValueError, match=r"recall@10 0\.\d{4} at breadth 0: expected at least 0\.99"):
        opened(tmp_path, rows, COARSE, 0.99)


def test_a_breadth_is_of_graphs_alone(crowd):
    for kind in (FLAT, COARSE):
        with pytest.raises(ValueError, match="expected an index with a graph"):
            crowd[2][kind].ef_search = 64


def test_more_than_the_graph_is_broad_are_found(crowd):
    """FAISS on its own would look no farther for a thousand than for ten."""
    rows, queries, indexes = crowd
    best = np.argsort(-(queries @ rows.T), axis=1)[:, :1000]
    found = indexes[GRAPH].search(queries, 1000)
    assert np.mean([np.isin(one, other).mean() for (one, _), other in zip(found, best, strict=True)]) >= 0.95


@pytest.mark.parametrize("kind", KINDS)
def test_equal_vectors_give_equal_files(tmp_path, kind):
    rows = crowded(5, 700)
    opened(tmp_path, rows, kind)
    once = (tmp_path / INDEX_FILE).read_bytes()
    opened(tmp_path, rows, kind)
    assert (tmp_path / INDEX_FILE).read_bytes() == once


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", ["all alike", "two clusters", "pairs"])
def test_degenerate_archives(tmp_path, kind, shape):
    one, other, *others = unit_rows(6, 502, 16)
    rows = {
        "all alike": np.repeat(one[None], 1000, axis=0),
        "two clusters": np.repeat(np.stack([one, other]), 500, axis=0),
        "pairs": np.repeat(np.stack(others), 2, axis=0),
    }[shape]
    index = opened(tmp_path, rows, kind, 0.99)
    for query in (one, other):
        for k in (10, 999):
            ((found, scores),) = index.search(query[None], k)
            assert len(np.unique(found)) == k
            assert scores[: k // 2] == pytest.approx(-np.sort(-(rows @ query))[: k // 2], abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_deleted_index_still_answers_who_has_it_open(tmp_path, kind):
    rows = crowded(7, 600)
    index = opened(tmp_path, rows, kind)
    before = index.search(rows[:5], 10)
    for path in (RAW_FILE, INDEX_FILE):
        (tmp_path / path).unlink()
    for one, again in zip(before, index.search(rows[:5], 10), strict=True):
        assert one[0].tolist() == again[0].tolist()


# Compared by bytes first


def crowded(seed, count, dim=64):
    """Return unit rows about one middle, as the vectors of an encoder are: cosines of about 0.85."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=dim) + 0.42 * random.normal(size=(count, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("share", [None, 0.3])
@pytest.mark.parametrize("k", [1, 10, 100, 1000])
def test_of_many_vectors_the_best_are_found_with_their_own_cosines(tmp_path, k, share):
    *queries, rows = *crowded(1, 5020)[:20], crowded(1, 5020)[20:]
    index = opened(tmp_path, rows, COARSE)
    allowed = None if share is None else np.random.default_rng(2).random(len(rows)) < share
    may = np.arange(len(rows)) if allowed is None else np.flatnonzero(allowed)
    missed = 0
    for query, (found, scores) in zip(queries, index.search(np.stack(queries), k, allowed), strict=True):
        exact = rows[may] @ query
        best = may[np.argsort(-exact, kind="stable")[:k]]
        assert found[: min(k, 100)].tolist() == best[: min(k, 100)].tolist()
        assert scores == pytest.approx(rows[found] @ query, abs=1e-6)
        missed += len(np.setdiff1d(best, found))
    assert missed <= 0.001 * k * len(queries)


def test_the_type_goes_by_size():
    assert [SIZES.kind(count) for count in (0, 5000, 5001, 50_000, 50_001)] == [FLAT, FLAT, COARSE, COARSE, GRAPH]


def test_a_query_with_more_of_a_component_than_any_row_does_not_wrap_around(tmp_path):
    """A byte holds what rows have; the queries lie far beyond, where a byte too large would read as a small one."""

    def at(angles):
        rows = np.zeros((len(angles), 32), dtype=np.float32)  # FAISS turns queries into bytes where 32 divides dim
        rows[:, 0], rows[:, 1] = np.cos(angles), np.sin(angles)
        return rows

    index = opened(tmp_path, at(np.linspace(1.2, 1.37, 60)), COARSE)
    for query in at(np.linspace(-1, 1.1, 40)):
        assert index.search(query[None], 3)[0][0].tolist() == [0, 1, 2]
        assert index.search(-query[None], 3)[0][0].tolist() == [59, 58, 57]


@pytest.mark.parametrize("vector", [[1, 0], [0.6, 0.8]])
def test_vectors_that_are_all_alike(tmp_path, vector):
    index = opened(tmp_path, np.array([vector] * 5, dtype=np.float32), COARSE)
    found, scores = index.search(EAST[None], 3)[0]
    assert found.tolist() == [0, 1, 2]
    assert scores == pytest.approx([vector[0]] * 3)


def test_chunks_make_no_difference(tmp_path, monkeypatch):
    rows = unit_rows(3, 50, 8)
    whole = opened(tmp_path, rows, COARSE).search(rows[:5], 9)
    monkeypatch.setattr(vectors, "_CHUNK", 7)
    for one, other in zip(whole, opened(tmp_path, rows, COARSE).search(rows[:5], 9), strict=True):
        assert one[0].tolist() == other[0].tolist()


# What is refused


def test_chunks_may_come_in_any_order(tmp_path):
    write_vectors(tmp_path / RAW_FILE, 4, 2, [([3, 1], FOUR[[3, 1]]), ([0], FOUR[[0]]), ([2], FOUR[[2]])])
    assert (np.load(tmp_path / RAW_FILE) == FOUR).all()


@pytest.mark.parametrize("vector", [[0, 0], [1, 1], [0.99, 0], [np.nan, 1], [np.inf, 0], [1.01, 0]])
def test_only_unit_vectors_are_written(tmp_path, vector):
    chunk = np.array([[1, 0], vector], dtype=np.float32)
    with pytest.raises(ValueError, match=r"vectors: lengths from .* expected unit length"):
        write_vectors(tmp_path / RAW_FILE, 2, 2, [(np.arange(2), chunk)])


def test_every_row_must_be_written(tmp_path):
    with pytest.raises(ValueError, match="2 of 4 rows were not written"):
        write_vectors(tmp_path / RAW_FILE, 4, 2, [([0, 2], FOUR[[0, 2]])])
    with pytest.raises(ValueError, match="1 of 1 rows were not written"):
        write_vectors(tmp_path / RAW_FILE, 1, 2, [])


def test_an_index_over_other_vectors_is_refused(tmp_path):
    opened(tmp_path, FOUR)
    np.save(tmp_path / RAW_FILE, FOUR[:3])
    with pytest.raises(ValueError, match=r"4 vectors of 2: expected \(3, 2\) as raw"):
        FaissIndex(tmp_path / INDEX_FILE, tmp_path / RAW_FILE)


def test_bytes_that_are_no_index_are_refused(tmp_path):
    opened(tmp_path, FOUR)
    (tmp_path / INDEX_FILE).write_bytes(b"\x00" * 64)
    with pytest.raises(RuntimeError):
        FaissIndex(tmp_path / INDEX_FILE, tmp_path / RAW_FILE)


def test_objects_are_never_unpickled(tmp_path):
    opened(tmp_path, FOUR)
    np.save(tmp_path / RAW_FILE, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"[Pp]ython objects|allow_pickle"):
        FaissIndex(tmp_path / INDEX_FILE, tmp_path / RAW_FILE)


def test_no_more_threads_are_woken_than_there_are_queries(tmp_path, monkeypatch):
    rows = unit_rows(1, 40, 8)
    index, asked = opened(tmp_path, rows), []
    monkeypatch.setattr(vectors.faiss, "omp_get_max_threads", lambda: 2)
    monkeypatch.setattr(vectors.faiss, "omp_set_num_threads", asked.append)
    for queries in (rows[:1], rows[:2], rows[:3]):
        index.search(queries, 3)
    assert asked == [1, 2, 2, 2, 2, 2]
