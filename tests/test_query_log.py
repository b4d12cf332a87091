"""The query log: what is kept in which form, what never is, for how long, and what a bad disk does to a request."""

import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from service.cli import main
from service.observing import hourly, query_log
from service.observing.query_log import FILE, MAX_QUERY, Asked, QueryLog, kept_as, read
from tests.conftest import wait_for

DAY = 24 * 3600
LINES = [{"id": f"bai-{at}", "title": f"công nhân ca {at}", "section": "Đời sống"} for at in range(3)]


@pytest.fixture
def dropped():
    return []


@pytest.fixture
def log(tmp_path, dropped, monkeypatch):
    """A log that writes when it is told to."""
    made = QueryLog(tmp_path / FILE, 30, 50, dropped.append)
    monkeypatch.setattr(made, "_start", lambda: None)
    return made


def rows(path):
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT * FROM queries ORDER BY hour, query").fetchall()


class TestWhatIsKept:
    @pytest.mark.parametrize(
        ("query", "kept"),
        [
            ("Bảo hiểm  xã hội", "bao hiem xa hoi"),
            ("ĐÌNH CÔNG", "dinh cong"),
            ("08/2023/NĐ-CP", "08/2023/nd-cp"),
            ("tai nạn 15/11/2023", "tai nan 15/11/2023"),
            ("lương 4.960.000 đồng", "luong 4.960.000 dong"),
            ("covid-19 2020", "covid-19 2020"),
            ("a" * MAX_QUERY, "a" * MAX_QUERY),
        ],
    )
    def test_in_folded_form(self, query, kept):
        assert kept_as(query) == kept

    @pytest.mark.parametrize(
        "query",
        [
            *("lan.nguyen@bao.example", "gửi lan @ bao@x", "thư cho an@b"),
            *("0912345678", "số 0912 345 678", "+84 912-345-678", "(024) 3825 1234 5", "091.234.5678"),
            *("001085012345", "cccd 001 085 012 345", "cmnd 012345678", "stk 1903 5678 9012"),
            *("hộ chiếu B1234567", "C12345678"),
            *("", "   ", "a" * (MAX_QUERY + 1)),
        ],
    )
    def test_what_may_be_personal_is_not(self, query):
        assert kept_as(query) is None

    @given(st.text(max_size=200))
    def test_what_is_kept_is_short_and_has_no_mail_and_no_long_number(self, query):
        kept = kept_as(query)
        if kept is not None:
            assert 0 < len(kept) <= MAX_QUERY
            assert kept == query_log.fold(kept)
            longest = max((len(run) for run in "".join(c if c.isdigit() else " " for c in kept).split()), default=0)
            assert longest < 9

    def test_by_the_hour_with_how_often_and_how_many_hits(self, log, tmp_path, monkeypatch):
        now = 1_000_000 * 3600 + 1234
        monkeypatch.setattr(query_log.time, "time", lambda: now)
        for query, hits in (("Đình công", 3), ("dinh cong", 0), ("lương", 2)):
            log.note(query, hits)
        log.write()
        log.note("đình công", 4)
        log.write()
        hour = 1_000_000 * 3600
        assert rows(tmp_path / FILE) == [(hour, "dinh cong", 3, 1, 4), (hour, "luong", 1, 0, 2)]

    def test_nothing_is_written_where_nothing_was_asked(self, log, tmp_path):
        log.note("a@b", 1)
        log.write()
        assert list(tmp_path.iterdir()) == []


class TestBounds:
    def test_what_is_old_goes(self, log, tmp_path, monkeypatch):
        now = time.time()
        for days in (31, 29, 0):
            monkeypatch.setattr(query_log.time, "time", lambda days=days: now - days * DAY)
            log.note(f"{days} ngày", 1)
            log.write()
        assert [query for _, query, *_ in rows(tmp_path / FILE)] == ["29 ngay", "0 ngay"]

    def test_what_is_too_much_goes_the_oldest_first(self, tmp_path, dropped, monkeypatch):
        log = QueryLog(tmp_path / FILE, 30, 1, dropped.append)
        monkeypatch.setattr(log, "_start", lambda: None)
        now = time.time()
        for hours in range(24, 0, -1):
            monkeypatch.setattr(query_log.time, "time", lambda hours=hours: now - hours * 3600)
            for at in range(900):
                log.note(f"{hours} giờ, câu {at}, " + "chữ " * 20, 1)
            log.write()
            assert (tmp_path / FILE).stat().st_size <= 1.3 * 2**20
        kept = {query.split()[0] for _, query, *_ in rows(tmp_path / FILE)}
        assert "1" in kept
        assert "24" not in kept
        assert dropped == []

    def test_an_hour_that_is_too_much_by_itself_loses_what_was_asked_least(self, tmp_path, dropped, monkeypatch):
        now = time.time()
        monkeypatch.setattr(query_log.time, "time", lambda: now)  # the hour must not turn meanwhile
        log = QueryLog(tmp_path / FILE, 30, 1, dropped.append)
        monkeypatch.setattr(log, "_start", lambda: None)
        for turn in range(20):
            log.note("thường hỏi", 1)
            for at in range(900):
                log.note(f"lượt {turn}, câu {at}, " + "chữ " * 20, 1)
            log.write()
        assert ("thuong hoi", 20) in [(query, asked) for _, query, asked, *_ in rows(tmp_path / FILE)]
        assert (tmp_path / FILE).stat().st_size <= 1.3 * 2**20

    def test_what_waits_is_bounded(self, log, dropped):
        for _ in range(1005):
            log.note("lương", 1)
        assert dropped == [1] * 5


class TestBadDisks:
    @pytest.mark.parametrize("harm", ["no directory", "a directory", "no database"])
    def test_a_request_never_feels_it_and_it_is_said_once(self, tmp_path, dropped, monkeypatch, caplog, harm):
        path = tmp_path / ("none" if harm == "no directory" else ".") / FILE
        if harm == "a directory":
            path.mkdir()
        elif harm == "no database":
            path.write_text("không phải SQLite" * 1000, encoding="utf-8")
        log = QueryLog(path, 30, 50, dropped.append)
        monkeypatch.setattr(log, "_start", lambda: None)
        for _ in range(2):
            log.note("lương", 1)
            log.write()
        assert dropped == [1, 1]
        assert len(caplog.records) == 1
        assert f"{path}: queries are not kept" in caplog.text

    def test_a_full_disk(self, tmp_path, dropped):
        if not Path("/dev/full").exists():
            pytest.skip("no /dev/full")
        log = QueryLog(Path("/dev/full"), 30, 50, dropped.append)
        log.note("lương", 1)
        log.stop()
        log.write()
        assert dropped == [1]

    def test_another_writer_is_waited_for_without_the_request(self, tmp_path, dropped):
        log = QueryLog(tmp_path / FILE, 30, 50, dropped.append)
        log.note("một", 1)
        log.stop()
        with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as held:
            held.execute("BEGIN EXCLUSIVE")
            second = QueryLog(tmp_path / FILE, 30, 50, dropped.append)
            second.note("hai", 1)  # returns at once
            held.execute("COMMIT")
        second.stop()
        assert {query for _, query, *_ in rows(tmp_path / FILE)} == {"hai", "mot"}

    def test_several_processes_at_once_lose_nothing(self, tmp_path):
        code = f"""
from pathlib import Path
from service.observing.query_log import QueryLog
log = QueryLog(Path({str(tmp_path / FILE)!r}), 30, 50, print)
for at in range(200):
    log.note("lương tối thiểu", 1)
    if at % 20 == 0:
        log.write()
"""  # what is left is written as the process ends
        running = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(4)]
        assert [process.communicate()[0] for process in running] == [b""] * 4
        (found,) = read(tmp_path / FILE, 1)
        assert found == Asked("luong toi thieu", 800, 0, 1)


class TestReport:
    def test_most_asked_first_and_only_of_those_days(self, log, tmp_path, monkeypatch):
        now = time.time()
        monkeypatch.setattr(query_log.time, "time", lambda: now - 3 * DAY)
        log.note("cũ", 1)
        log.write()
        monkeypatch.setattr(query_log.time, "time", lambda: now)
        for query, hits in (("lương", 5), ("lương", 6), ("phở", 0)):
            log.note(query, hits)
            log.write()
        assert read(tmp_path / FILE, 1) == [Asked("luong", 2, 0, 6), Asked("pho", 1, 1, 0)]
        assert [one.query for one in read(tmp_path / FILE, 7)] == ["luong", "cu", "pho"]

    def report(self, home, *options):
        return CliRunner().invoke(main, ["report", "queries", "--home", str(home), *options])

    def test_the_command(self, log, tmp_path):
        for query, hits in (("lương", 5), ("lương", 6), ("phở", 0)):
            log.note(query, hits)
        log.write()
        found = json.loads(self.report(tmp_path, "--json", "--limit", "1").stdout)
        assert found == {
            "days": 7,
            "asked": 3,
            "queries": 2,
            "top": [{"query": "luong", "asked": 2, "empty": 0, "hits": 6}],
            "without_hits": [{"query": "pho", "asked": 1, "empty": 1, "hits": 0}],
        }
        shown = self.report(tmp_path, "--days", "1").stdout.splitlines()
        assert [line.split() for line in shown[1:]] == [
            ["2", "luong", "(6", "hits)"],
            ["1", "pho", "(0", "hits)"],
            ["without", "a", "hit:"],
            ["1", "pho"],
        ]

    def test_without_a_log_it_says_what_to_do(self, tmp_path):
        done = self.report(tmp_path)
        assert done.exit_code == 1
        assert "is the setting query_log on?" in done.stderr


class TestService:
    def test_it_is_off_unless_set(self, client_of):
        client = client_of(LINES)
        client.get("/api/v1/search?q=ca")
        home = client.application.config["SETTINGS"].home
        assert "query log" not in client.application.extensions
        assert not (home / FILE).exists()

    def test_first_pages_without_filters_count_from_page_and_api_alike(self, client_of):
        client = client_of(LINES, query_log=True)
        for path in (
            "/api/v1/search?q=Ca",
            "/search?q=ca",
            "/api/v1/search?q=ca&offset=1",
            "/api/v1/search?q=ca&section=x",
            "/api/v1/search?q=0912345678",
            "/api/v1/search?q=zzz&mode=lexical",
        ):
            assert client.get(path).status_code == 200
        log = client.application.extensions["query log"]
        log.stop()
        found = read(client.application.config["SETTINGS"].home / FILE, 1)
        assert found == [Asked("ca", 2, 0, 3), Asked("zzz", 1, 1, 0)]

    def test_it_is_written_in_time_by_itself(self, client_of, monkeypatch):
        monkeypatch.setattr(hourly, "_EVERY", 0.05)
        client = client_of(LINES, query_log=True)
        client.get("/api/v1/search?q=ca")
        path = client.application.config["SETTINGS"].home / FILE
        wait_for(path.exists)
        wait_for(lambda: path.stat().st_size > 8192)  # its table too
        wait_for(lambda: read(path, 1) == [Asked("ca", 1, 0, 3)])
        client.application.extensions["query log"].stop()


def test_the_file_is_for_its_owner_alone(tmp_path, dropped):
    log = QueryLog(tmp_path / FILE, 30, 50, dropped.append)
    log.note("lương", 1)
    log.stop()
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
