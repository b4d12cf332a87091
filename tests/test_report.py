"""Tables that are written from results, between their markers, and which benchmarks a name stands for."""

import json
import re

import pytest

from benchmarks import common, report, run

SIDE = {
    "p50_ms": 4.0,
    "p95_ms": 8.0,
    "first_p50_ms": 9.0,
    "without_encoding_p50_ms": 1.0,
    "without_encoding_p95_ms": 2.0,
}
PEERS = {
    "search": {
        "articles": 22198,
        "sides": {
            "lienquan": SIDE | {"ndcg": {"plain": 0.9, "typo": 0.8}, "memory_mb": 500.0, "disk_mb": 90.0},
            "txtai": SIDE | {"p50_ms": 50.0, "ndcg": {"plain": 0.7, "typo": 0.6}, "memory_mb": 1234.0, "disk_mb": 50.0},
        },
    },
    "indexing": {
        "sides": {
            "lienquan": {
                "tokens_per_second": 9000.0,
                "encoded_per_second": 8000.0,
                "articles_per_second": 20.0,
                "ndcg": 1,
            },
            "card": {"tokens_per_second": 3000.0, "encoded_per_second": 3000.0, "articles_per_second": 7.0, "ndcg": 1},
        }
    },
}


def test_table_has_its_numbers_to_the_right():
    assert report.table(["", "n"], [["a", "1"], ["b", "2"]]) == "|  | n |\n| --- | ---: |\n| a | 1 |\n| b | 2 |"


def test_search_beside_the_peers_is_against_our_median():
    rows = report.peers(PEERS).splitlines()
    assert rows[2] == "| Lienquan | 4.0 ms | 8.0 ms | 1.00× | 0.900 |"
    assert rows[3] == "| txtai, hybrid | 50.0 ms | 8.0 ms | 12.50× | 0.700 |"
    assert rows[5] == (
        "|  | p50 less encoding | p95 less encoding | p50, first of a block | nDCG@10, typo | memory | disk |"
    )
    assert rows[8] == "| txtai, hybrid | 1.0 ms | 2.0 ms | 9.0 ms | 0.600 | 1,234 MB | 50 MB |"


def test_short_is_the_first_table_alone():
    assert report.peers(PEERS, short=True) == report.peers(PEERS).split("\n\n")[0]


def test_indexing_beside_the_peers_is_our_rate_against_theirs():
    assert report.indexing(PEERS).splitlines()[3].split(" | ")[4] == "3.00×"


def test_minutes_count_what_runs_by_default():
    rows = report.run({"seconds": {"sample": 60.0, "peers": 600.0, "search": 1800.0}, "default": ["sample", "peers"]})
    assert rows.splitlines()[-2:] == ["| `search` | 30.0 | `make bench-scale` |", "| all of `make bench` | 11.0 |  |"]


class TestMain:
    @pytest.fixture
    def root(self, tmp_path, monkeypatch):
        monkeypatch.setattr(common, "ROOT", tmp_path)
        monkeypatch.setattr(common, "RESULTS", tmp_path / "results")
        (tmp_path / "benchmarks").mkdir()
        (tmp_path / "results").mkdir()
        for file in report.FILES:
            text = (
                "before\n<!-- results: run -->\nold\n<!-- end -->\n<!-- results: texts -->\nkept\n<!-- end -->\nafter\n"
            )
            (tmp_path / file).write_text(text, encoding="utf-8")
        facts = {"date": "2026-11-25", "cores": 2, "cpu": "X"}
        result = {"machine": facts, "seconds": {"sample": 90.0}, "default": ["sample"]}
        (tmp_path / "results" / "run.json").write_text(json.dumps(result), encoding="utf-8")
        return tmp_path

    def test_rewrites_what_has_a_result_and_nothing_else(self, root):
        report.main()
        for file in report.FILES:
            text = (root / file).read_text(encoding="utf-8")
            assert "| `sample` | 1.5 | `make bench` |" in text
            assert "Measured 2026-11-25 on 2 cores of X." in text
            assert "old" not in text
            assert text.startswith("before\n<!-- results: run -->\n")
            assert text.endswith("<!-- end -->\n<!-- results: texts -->\nkept\n<!-- end -->\nafter\n")

    def test_twice_is_as_once(self, root):
        report.main()
        once = [(root / file).read_text(encoding="utf-8") for file in report.FILES]
        report.main()
        assert [(root / file).read_text(encoding="utf-8") for file in report.FILES] == once


def test_every_marker_of_the_benchmarks_readme_is_a_table():
    text = (common.ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert sorted(set(re.findall(r"<!-- results: (\S+) -->", text)) - set(report.TABLES)) == []


@pytest.mark.parametrize("file", report.FILES)
def test_what_is_told_is_what_was_measured(file):
    told = re.findall(
        r"<!-- results: (\S+) -->\n(.*?)\n<!-- end -->", (common.ROOT / file).read_text(encoding="utf-8"), re.DOTALL
    )
    assert told
    assert [name for name, table in told if table != report.shown(name)] == []


class TestChosen:
    def test_nothing_named_is_the_default_set(self):
        assert run.chosen([]) == list(run.DEFAULT)

    def test_sets_and_names_in_the_order_given(self):
        assert run.chosen(["search", "default"]) == ["search", *run.DEFAULT]

    def test_no_benchmark_is_in_both_sets(self):
        assert sorted({*run.DEFAULT, *run.LONG}) == sorted([*run.DEFAULT, *run.LONG])

    def test_an_unknown_name_is_refused_with_what_is_known(self):
        with pytest.raises(SystemExit, match="'serch': expected one of default, long, sample"):
            run.chosen(["serch"])


@pytest.mark.parametrize("name", [*run.DEFAULT, *run.LONG])
def test_every_benchmark_is_a_module_with_a_main(name):
    assert "def main() -> None:" in (common.ROOT / "benchmarks" / f"{name}.py").read_text(encoding="utf-8")
