"""What the benchmark of whole articles asks, and the table of its result."""

from benchmarks import report
from benchmarks.whole_articles import typed


def test_titles_are_asked_whole_or_by_three_words_of_the_middle():
    titles = ["một hai ba bốn năm sáu", "lò gốm cũ tắt lửa", "gốm", "lò gốm"]
    assert typed(titles) == ["ba bốn năm", "lò gốm cũ tắt lửa", "gốm", "lò gốm"]


def test_no_query_is_asked_twice():
    assert typed(["gốm", "gốm", "gốm"]) == ["gốm"]


def test_the_table_has_every_figure():
    served = {"p50_ms": 4.04, "p95_ms": 8.0, "per_second": 1234.4, "cpu_ms": 3.0}
    result = {
        "articles": 6000,
        "load_before": 0.52,
        "in_process": {"encoding_ms": 2.0, "beside_encoding_ms": 1.5, "passages_ms": 1.0},
        "one": served,
        "several": served | {"cpu_ms": 5.0},
        "workers": 2,
        "connections": 8,
    }
    cells = [row.strip("| ").split(" | ")[-1] for row in report.whole_articles(result).splitlines()[2:]]
    assert cells == ["2.0 ms", "1.5 ms", "1.0 ms", "4.0, 8.0 ms", "1,234", "5.0 ms", "0.5"]
