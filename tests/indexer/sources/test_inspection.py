"""What a check of sources counts, shows and finds odd, worked out by hand; then against what a build makes of them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from indexer.articles.article import validate
from indexer.articles.looks import FLAGS, LONG_BODY, LOOKS, SHORT_BODY, Severity, looks
from indexer.building.staging import Staging
from indexer.sources import SourceOptions
from indexer.sources.inspection import inspect
from indexer.sources.tally import FIELDS, MANY_TITLES, ReadingTally
from service.cli import main

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TEXT = "Chị Tòng Thị Ón mở lại quán bún bên bến đò sau mùa nước lớn, khách cũ tìm về đông hơn năm ngoái. " * 4


def line(n, **fields):
    return {"id": f"a{n}", "title": f"Quán bún thứ {n}", "body": f"{TEXT}{n}", "published_at": "2025-11-04", **fields}


@pytest.fixture
def check(tmp_path):
    """Return a function that checks some lines, `str` for a line as it is."""

    def run(*lines, **how):
        path = tmp_path / "a.jsonl"
        path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines))
        return inspect([str(path)], SourceOptions(), NOW, **how)

    return run


def found(report):
    return {finding.kind: finding for finding in report.findings}


class TestCounts:
    def test_a_faultless_source(self, check):
        report = check(line(1), line(2))
        assert (report.lines, report.articles, report.rejected, report.repeated) == (2, 2, 0, 0)
        assert report.findings == []
        assert report.ok

    def test_what_is_missing(self, check):
        report = check(
            line(1, lead="Sapo", tags=["bún"]), line(2, body=None, body_html="<p>Chữ</p>", url="u"), line(3, body="")
        )
        assert report.missing == {
            **{"lead": 2, "body": 1, "published_at": 0, "section": 3},
            **{"author": 3, "url": 2, "tags": 2},
        }
        assert tuple(report.missing) == FIELDS

    def test_bad_lines_are_located(self, check, tmp_path):
        report = check(line(1), "{", line(2, published_at="2023-02-30", title=7))
        assert (report.lines, report.articles, report.rejected) == (3, 1, 2)
        assert [(problem.line, problem.field) for problem in report.problems] == [
            (2, ""),
            (3, "title"),
            (3, "published_at"),
        ]
        assert found(report)["bad_lines"].count == 2
        assert f"{tmp_path / 'a.jsonl'}:3: published_at: '2023-02-30': " in found(report)["bad_lines"].examples[2]
        assert report.problems_by_field == {"(line)": 1, "title": 1, "published_at": 1}

    def test_a_time_of_change_too_far_ahead_is_left_out(self, check):
        report = check(line(1, updated_at=(NOW + timedelta(days=1)).isoformat()), line(2, updated_at="9999-12-30"))
        (finding,) = report.findings
        assert (finding.kind, finding.severity, finding.count) == ("updated_ahead", Severity.WARNING, 1)
        assert ":2: updated_at: '9999-12-30T00:00:00+07:00': expected 2026-01-02T07:00:00+07:00" in finding.examples[0]
        assert (report.articles, report.rejected, report.ok) == (2, 0, True)

    def test_the_first_articles_as_they_would_be_indexed(self, check, tmp_path):
        report = check(
            line(1, body=None, body_html="<p>Một<p>Hai<script>x</script>", title=" Bún \t bò "),
            line(2),
            line(3),
            show=2,
        )
        first, second = report.first
        assert (first["id"], first["title"], first["body"]) == ("a1", "Bún bò", "Một Hai")
        assert first["published_at"] == "2025-11-04T00:00:00+07:00"
        assert second["place"] == f"{tmp_path / 'a.jsonl'}:2"

    def test_no_article(self, check):
        report = check("{")
        assert not report.ok
        assert found(report)["no_articles"].severity is Severity.ERROR

    def test_one_source_that_cannot_be_read_among_others(self, check, tmp_path):
        check(line(1))
        report = inspect([str(tmp_path / "none.jsonl"), str(tmp_path / "a.jsonl")], SourceOptions(), NOW)
        assert report.articles == 1
        assert not report.ok
        assert "none.jsonl" in found(report)["unreadable"].examples[0]


def kinds(**fields):
    article = validate({"id": "a", "title": "Quán bún", "body": TEXT, **fields})
    assert not isinstance(article, list)
    flags = looks(article, article.plain_body, NOW)
    return {kind for kind, flag in FLAGS.items() if flags & flag}


class TestLooks:
    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({}, set()),
            ({"body": None}, {"empty_body"}),
            ({"body": None, "body_html": "<script>x</script>"}, {"empty_body"}),
            ({"body": "á" * (SHORT_BODY - 1)}, {"short_body"}),
            ({"body": "á" * SHORT_BODY}, set()),
            ({"body": "á" * LONG_BODY}, set()),
            ({"body": "á" * (LONG_BODY + 1)}, {"long_body"}),
            ({"published_at": "2026-01-01T07:00:00"}, set()),
            ({"published_at": "2026-01-01T07:00:01"}, {"future_date"}),
            ({"published_at": "1990-01-01"}, set()),
            ({"published_at": "1989-12-31"}, {"old_date"}),
            ({"published_at": "1970-01-01T00:00:00Z"}, {"old_date"}),
            ({"lead": "Xem <b>ngay</b>"}, {"html_in_text"}),
            ({"title": "Bún &amp; bò"}, {"html_in_text"}),
            ({"title": "Bún<br/>bò"}, {"html_in_text"}),
            ({"title": "Giá a < b và b > c, <3"}, set()),
            ({"body": None, "body_html": f"<p>{TEXT}</p>"}, set()),
            ({"title": "Quan bun", "body": "Chi On mo lai quan bun ben ben do. " * 9}, {"no_diacritics"}),
            ({"title": "Quan bun", "body": "Chi On mở lại quan bun ben ben do. " * 9}, set()),
        ],
    )
    def test_each(self, fields, expected):
        assert kinds(**fields) == expected

    @pytest.mark.parametrize(
        "text",
        [
            *(
                TEXT.encode().decode("cp1252", "replace"),
                TEXT.encode().decode("latin-1"),
                "Lá \N{REPLACEMENT CHARACTER}",
            ),
            *("Äáº¡i há»c", "cÃ¡", "C«ng nh©n chê l­¬ng", "C?ng nh?n ch? l??ng may m?c"),
        ],
    )
    def test_what_was_read_in_a_wrong_encoding(self, text):
        assert "encoding" in kinds(lead=text)

    @pytest.mark.parametrize(
        "text",
        ["ĐÃ CÓ KẾT QUẢ", "ÁO CƯỚI CHÂU Á", "Chị nói: «Đi há»", "Vì sao? Tại ai?Không rõ.", "25 °C, © 2025, ± 5 µm"],
    )
    def test_what_was_not(self, text):
        assert kinds(lead=text) == set()

    def test_every_look_has_a_flag_of_its_own(self):
        assert len(FLAGS) == len(LOOKS)
        assert sum(FLAGS.values()) == 2 ** len(LOOKS) - 1


class TestTogether:
    @pytest.mark.parametrize(("times", "articles", "reported"), [(4, 10, True), (3, 10, False), (9, 9, False)])
    def test_boilerplate(self, check, times, articles, reported):
        footer = "Mời bạn đọc theo dõi chuyên trang trên điện thoại."
        lines = [line(n, body=f"{TEXT}{n}" + f"\n{footer}" * 2 * (n < times)) for n in range(articles)]
        boilerplate = found(check(*lines)).get("boilerplate")
        assert (boilerplate is not None) == reported
        if boilerplate:
            assert (boilerplate.count, boilerplate.examples) == (1, [f"in {times} of {articles}: {footer}"])

    def test_an_article_that_is_read_often_makes_no_boilerplate(self, check):
        lines = [line(n) for n in range(9)] + [line(10)] * 20
        assert "boilerplate" not in found(check(*lines))

    def test_one_title_on_many_articles(self, check):
        lines = [line(n, title="Bún") for n in range(MANY_TITLES)]
        assert found(check(*lines))["shared_title"].count == MANY_TITLES
        assert "shared_title" not in found(check(*lines[1:], lines[1]))

    def test_equal_bodies_under_several_ids(self, check):
        finding = found(check(line(1), line(2, body=f"{TEXT}1"), line(3)))["equal_body"]
        assert finding.count == 2
        assert finding.examples[0].startswith("2 times: ")
        assert ":1: a1" in finding.examples[0]

    def test_which_line_of_an_id_wins(self, check, tmp_path):
        report = check(line(1, body=""), line(2), line(1), line(1, body=""), line(1))
        assert (report.articles, report.repeated) == (2, 3)
        path = tmp_path / "a.jsonl"
        assert found(report)["duplicate_id"].examples == [f"a1: 4 readings, the first {path}:1; {path}:5 wins"]
        assert "empty_body" not in found(report)

    def test_of_derived_ids_the_fuller_wins(self):
        tally = ReadingTally()
        for number, body in enumerate(["ngắn", "dài hơn", ""], start=1):
            article = validate({"id": "t-1", "title": "T", "body": body})
            tally.add(f"s:{number}", article, article.plain_body, 0, derived=True)
        (finding,) = tally.findings()
        assert finding.kind == "repeated_reading"
        assert finding.severity is Severity.NOTE
        assert finding.examples == ["t-1: 3 readings, the first s:1; s:2 wins"]
        tally.close()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()), max_size=12))
def test_the_reading_that_wins_is_the_one_that_a_build_stages(tmp_path_factory, readings):
    tally, staging = ReadingTally(), Staging(Path(tmp_path_factory.mktemp("s")) / "staging.sqlite")
    for number, (name, length, derived) in enumerate(readings):
        article = validate({"id": f"a{name}", "title": "T", "lead": "x" * length, "author": f"s:{number}"})
        assert tally.add(f"s:{number}", article, None, 0, derived) == staging.add(article, "source", derived)
    staging.compare([], whole=True)
    staging.gather(staging.gone(whole=True), 0)
    staged = {stored.id: stored.article().author for stored, *_ in staging.articles()}
    assert dict(tally._database.execute("SELECT id, place FROM articles")) == staged
    tally.close()
    staging.close()


class TestCommand:
    def run(self, *args, status=0):
        result = CliRunner().invoke(main, ["sources", "check", *map(str, args)])
        assert result.exit_code == status, (result.stdout, result.stderr, result.exception)
        return result

    @pytest.fixture
    def source(self, tmp_path):
        path = tmp_path / "a.jsonl"
        path.write_text(json.dumps(line(1)) + "\n" + json.dumps(line(2, published_at="2100-01-01")) + "\n{\n")
        return path

    def test_what_it_says(self, source):
        shown = self.run(source, "--show", 1).stdout.splitlines()
        assert shown[0] == "Quán bún thứ 1"
        assert shown[1] == f"    id a1, {source}:1"
        assert "3 lines read: 2 articles, 1 rejected lines" in shown
        assert "articles without: lead 2, section 2, author 2, url 2, tags 2" in shown
        assert "ERROR bad_lines: 1 lines are not articles" in shown
        assert any(text.startswith(f"    {source}:3: '{{': expected a JSON object") for text in shown)
        assert "NOTE future_date: 1 articles lie ahead: they stay hidden until published_at" in shown

    def test_json(self, source):
        report = json.loads(self.run(source, "--json").stdout)
        assert (report["lines"], report["articles"], report["rejected"]) == (3, 2, 1)
        assert [finding["kind"] for finding in report["findings"]] == ["bad_lines", "future_date"]
        assert report["findings"][0]["severity"] == "error"

    def test_nothing_to_index(self, tmp_path):
        (tmp_path / "a.jsonl").write_text("{\n")
        assert "ERROR no_articles: 0 articles found" in self.run(tmp_path / "a.jsonl", status=1).stdout
        assert "ERROR unreadable: 1 " in self.run(tmp_path / "none.jsonl", status=1).stdout

    def test_columns_and_encoding(self, tmp_path):
        (tmp_path / "a.csv").write_bytes("Mã,Tên bài\n1,Quán\n".encode("utf-16-le"))
        how = ("--map", "title=Tên bài", "--map", "id=Mã", "--encoding", "utf-16-le", "--json")
        assert json.loads(self.run(tmp_path / "a.csv", *how).stdout)["first"][0]["title"] == "Quán"

    def test_wrong_use(self, source):
        assert "FIELD=COLUMN" in self.run(source, "--map", "title", status=2).stderr
        assert "Missing argument" in self.run(status=2).stderr

    def test_nothing_is_written(self, source):
        before = sorted(source.parent.iterdir())
        self.run(source)
        assert sorted(source.parent.iterdir()) == before
