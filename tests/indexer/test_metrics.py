"""Measures worked out by hand, and the files of judgements."""

import gzip
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer import metrics
from indexer.errors import SourceError

JUDGED = {"a": 2.0, "b": 1.0, "c": 0.0}


# Measures


def test_dcg():
    # (2^2 - 1) / log2(2) + (2^0 - 1) / log2(3) + (2^1 - 1) / log2(4) = 3 + 0 + 0.5
    assert metrics.dcg([2, 0, 1]) == pytest.approx(3.5)
    assert metrics.dcg([]) == 0


@pytest.mark.parametrize(
    ("ranked", "k", "expected"),
    [
        # ideal: 3 / log2(2) + 1 / log2(3) = 3 + 0.630930 = 3.630930
        (["a", "b", "c"], 10, 1.0),
        (["a", "x", "b"], 10, 3.5 / 3.630930),  # 3 + 1 / log2(4)
        (["b", "a"], 10, (1 + 3 * 0.630930) / 3.630930),
        (["x", "y", "b"], 10, 0.5 / 3.630930),
        (["b", "a"], 1, 1 / 3),  # the ideal of one is a alone
        (["x", "a"], 1, 0.0),
        (["c", "x"], 10, 0.0),
        ([], 10, 0.0),
    ],
)
def test_ndcg(ranked, k, expected):
    assert metrics.ndcg(ranked, JUDGED, k) == pytest.approx(expected, abs=1e-6)


def test_ndcg_of_an_ideal_longer_than_k():
    # twelve relevant ones: ten of them in front are the best that ten places can hold
    judged = {str(n): 1.0 for n in range(12)}
    assert metrics.ndcg([str(n) for n in range(11, -1, -1)], judged, 10) == pytest.approx(1.0)


def test_a_grade_below_zero_is_worth_as_little_as_zero():
    assert metrics.ndcg(["a", "b"], {"a": 1.0, "b": -1.0}, 10) == 1.0
    assert metrics.ndcg(["a"], {"a": 1.0, "b": -1.0}, 10) == 1.0
    assert metrics.ndcg(["b"], {"b": -1.0}, 10) == 0.0


@pytest.mark.parametrize(
    ("ranked", "k", "recall", "rank"),
    [
        (["a", "b"], 10, 1.0, 1.0),
        (["x", "b", "y", "a"], 10, 1.0, 1 / 2),
        (["x", "b", "y", "a"], 3, 1 / 2, 1 / 2),
        (["x", "c", "y", "a"], 4, 1 / 2, 1 / 4),
        (["x", "c", "y", "a"], 3, 0.0, 0.0),
        ([], 10, 0.0, 0.0),
    ],
)
def test_recall_and_reciprocal_rank(ranked, k, recall, rank):
    assert metrics.recall(ranked, JUDGED, k) == recall
    assert metrics.reciprocal_rank(ranked, JUDGED, k) == rank


def test_nothing_relevant():
    for measure in (metrics.ndcg, metrics.recall, metrics.reciprocal_rank):
        assert measure(["a"], {"a": 0.0}, 10) == 0.0
        assert measure(["a"], {}, 10) == 0.0


def test_evaluate_is_the_mean_over_queries_with_something_relevant():
    qrels = {"q1": {"a": 1.0}, "q2": {"b": 1.0}, "q3": {"c": 0.0}, "q4": {"d": 1.0}}
    deep = [f"x{n}" for n in range(20)]
    run = {"q1": ["a"], "q2": [*deep, "b"], "q3": ["c"], "unjudged": ["a"]}  # q4 has no list
    assert metrics.evaluate(run, qrels) == {
        "ndcg@10": pytest.approx(1 / 3),
        "recall@10": pytest.approx(1 / 3),
        "recall@50": pytest.approx(2 / 3),
        "mrr@10": pytest.approx(1 / 3),
        "queries": 3.0,
    }


@pytest.mark.parametrize("qrels", [{}, {"q": {"a": 0.0}}, {"q": {}}])
def test_nothing_to_evaluate(qrels):
    with pytest.raises(ValueError, match="no query with a relevant article"):
        metrics.evaluate({"q": ["a"]}, qrels)


ids = st.sampled_from("abcdefgh")


@given(
    st.lists(ids, unique=True), st.dictionaries(ids, st.sampled_from([-1.0, 0.0, 1.0, 2.0, 3.0])), st.integers(1, 10)
)
def test_measures_lie_between_nothing_and_the_ideal(ranked, judged, k):
    best = sorted(judged, key=lambda article: -judged[article])
    relevant = any(grade > 0 for grade in judged.values())
    for measure in (metrics.ndcg, metrics.recall, metrics.reciprocal_rank):
        value, most = measure(ranked, judged, k), measure(best, judged, k)
        assert 0.0 <= value <= most + 1e-12 <= 1.0 + 1e-9
    assert metrics.ndcg(best, judged, k) == pytest.approx(1.0 if relevant else 0.0)
    if ranked[1:]:
        swapped = [ranked[1], ranked[0], *ranked[2:]]
        gain = judged.get(ranked[1], 0) - judged.get(ranked[0], 0)
        if gain > 0:
            assert metrics.ndcg(swapped, judged, k) >= metrics.ndcg(ranked, judged, k)


# Judgements


def test_read_qrels(tmp_path):
    path = tmp_path / "q.tsv"
    path.write_text("query-id\tcorpus-id\tscore\nq 1\tgốm\t2\nq 1\tcam\t0\nq2\tche\t0.5\n", encoding="utf-8")
    assert metrics.read_qrels(path) == {"q 1": {"gốm": 2.0, "cam": 0.0}, "q2": {"che": 0.5}}


@pytest.mark.parametrize(
    "content",
    [
        b"query-id\tcorpus-id\tscore\r\nq\ta\t1\r\n",
        b"query-id\tcorpus-id\tscore\nq\ta\t1",
        b"query-id\tcorpus-id\tscore\n\nq\ta\t1\n\n",
        b"\xef\xbb\xbfquery-id\tcorpus-id\tscore\nq\ta\t1\n",
        b"query-id\tcorpus-id\tscore\nq\ta\t2\nq\ta\t1\n",
    ],
)
def test_qrels_as_editors_and_spreadsheets_save_them(tmp_path, content):
    (tmp_path / "q.tsv").write_bytes(content)
    assert metrics.read_qrels(tmp_path / "q.tsv") == {"q": {"a": 1.0}}
    (tmp_path / "q.tsv.gz").write_bytes(gzip.compress(content))
    assert metrics.read_qrels(tmp_path / "q.tsv.gz") == {"q": {"a": 1.0}}


def test_quotation_marks_are_letters(tmp_path):
    (tmp_path / "q.tsv").write_text('query-id\tcorpus-id\tscore\n"q\ta"\t1\n')
    assert metrics.read_qrels(tmp_path / "q.tsv") == {'"q': {'a"': 1.0}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"q\.tsv:1: \[\]: expected the header"),
        ("q\ta\t1\n", r"q\.tsv:1: \['q', 'a', '1'\]: expected the header"),
        ("query-id,corpus-id,score\n", r"q\.tsv:1: .* expected the header"),
        ("query-id\tcorpus-id\tscore\nq\ta\n", r"q\.tsv:2: \['q', 'a'\]: expected query-id, corpus-id and a number"),
        ("query-id\tcorpus-id\tscore\nq\ta\t1\nq\ta\t1\t2\n", r"q\.tsv:3: "),
        ("query-id\tcorpus-id\tscore\n\nq\ta\tgood\n", r"q\.tsv:3: .*a number"),
        ("query-id\tcorpus-id\tscore\nq\ta\tnan\n", r"q\.tsv:2: score: nan: expected a number up to 100"),
        ("query-id\tcorpus-id\tscore\nq\ta\tinf\n", r"q\.tsv:2: score: inf: expected a number up to 100"),
        ("query-id\tcorpus-id\tscore\nq\ta\t1e9\n", r"q\.tsv:2: score: "),
    ],
)
def test_faults_of_qrels(tmp_path, content, message):
    (tmp_path / "q.tsv").write_text(content)
    with pytest.raises(SourceError, match=message):
        metrics.read_qrels(tmp_path / "q.tsv")


@pytest.mark.parametrize("read", [metrics.read_qrels, metrics.read_queries])
def test_files_that_cannot_be_read_are_named(tmp_path, read):
    with pytest.raises(SourceError, match=r"none: No such file"):
        read(tmp_path / "none")
    with pytest.raises(SourceError, match=r"none\.gz: No such file"):
        read(tmp_path / "none.gz")
    (tmp_path / "bad").write_bytes(b"query-id\tcorpus-id\tscore\n\xff\n")
    with pytest.raises(SourceError, match=r"bad:.*(0xff|invalid|expected)"):
        read(tmp_path / "bad")
    for name, content in [("plain.gz", b"query-id"), ("cut.gz", gzip.compress(b"x" * 9999)[:-9])]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SourceError, match=name):
            read(tmp_path / name)


# Queries and runs


def test_read_queries(tmp_path):
    path = tmp_path / "q.jsonl"
    path.write_text('{"id": "b", "text": "gốm sứ"}\n\n{"id": 7, "text": "cam", "more": 1}\n', encoding="utf-8-sig")
    assert list(metrics.read_queries(path).items()) == [("b", "gốm sứ"), ("7", "cam")]


@pytest.mark.parametrize("line", ["[1]", "3", '"id"', '{"id": "a"}', '{"text": "a"}', "{", "null"])
def test_faults_of_queries(tmp_path, line):
    (tmp_path / "q.jsonl").write_text('{"id": "a", "text": "b"}\n' + line + "\n")
    with pytest.raises(SourceError, match=r"q\.jsonl:2: expected a JSON object with id and text"):
        metrics.read_queries(tmp_path / "q.jsonl")


def test_write_run_is_trec_format(tmp_path):
    run = {"q1": [("gốm", 0.98765432), ("cam", 0.5)], "q2": [], "q3": iter([("che", 2.0)])}
    metrics.write_run(tmp_path / "run", run, "lienquan")
    assert (tmp_path / "run").read_text(encoding="utf-8") == (
        "q1 Q0 gốm 1 0.987654 lienquan\nq1 Q0 cam 2 0.500000 lienquan\nq3 Q0 che 1 2.000000 lienquan\n"
    )


def test_log_of_rank_is_to_base_two():
    assert metrics.dcg([0, 1]) == pytest.approx(math.log(2) / math.log(3))


def test_blanks_in_an_id_do_not_shift_the_columns(tmp_path):
    metrics.write_run(tmp_path / "run", {"một hai": [("b\u00a0c", 1.0)]}, "t")
    assert (tmp_path / "run").read_text(encoding="utf-8").split("\n")[0].split() == [
        "một%20hai",
        "Q0",
        "b%C2%A0c",
        "1",
        "1.000000",
        "t",
    ]
