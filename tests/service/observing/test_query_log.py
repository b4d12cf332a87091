"""The query log: what is kept in which form, what never is, for how long, and what a bad disk does to a request."""

import hashlib
import json
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from indexer.backup import backup
from indexer.snapshot.home import Home
from service.cli import main
from service.observing import hourly, query_log, rare
from service.observing.query_log import FILE, MAX_QUERY, QueryCounts, QueryLog, kept_as, read
from tests.conftest import wait_for

DAY = 24 * 3600
LINES = [{"id": f"bai-{at}", "title": f"công nhân ca {at}", "section": "Đời sống"} for at in range(3)]


@pytest.fixture
def dropped():
    return []


@pytest.fixture
def anyone(monkeypatch):
    """Have a query kept as soon as one reader typed it: what is tested is another matter."""
    monkeypatch.setattr(rare, "ENOUGH", 1)


@pytest.fixture(autouse=True, scope="module")
def _when_it_is_told_to():
    """Have logs write when they are told to, not by themselves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hourly, "EVERY_SECONDS", 3600.0)
        yield


@pytest.fixture
def log(tmp_path, dropped):
    return QueryLog(tmp_path / FILE, 30, 50, dropped.append)


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
            *("hộ chiếu B1234567", "C12345678", "hộ chiếu b 1234567"),
            *(
                "a.b @ gmail . com",
                "lan＠bao.example",
                "lan ＠ bao . example",
                "lan(at)gmail",
                "lan a còng gmail chấm com",
            ),
            *("０９１２３４５６７８", "số ０９１２ 345 678", "٠٩١٢٣٤٥٦٧٨"),
            *("29A-123.45", "xe 30a 12345", "51F12345", "29-B1 234.56", "59X1-123.45", "biển số ２９Ａ－１２３．４５"),
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

    @pytest.mark.usefixtures("anyone")
    def test_by_the_hour_with_how_often_and_how_many_hits(self, log, tmp_path, monkeypatch):
        now = 1_000_000 * 3600 + 1234
        monkeypatch.setattr(query_log.time, "time", lambda: now)
        for query, hits in (("Đình công", 3), ("dinh cong", 0), ("lương", 2)):
            log.note(query, hits, "a")
        log.write()
        log.note("đình công", 4, "a")
        log.write()
        hour = 1_000_000 * 3600
        assert rows(tmp_path / FILE) == [(hour, "dinh cong", 3, 1, 4), (hour, "luong", 1, 0, 2)]

    def test_nothing_is_written_where_nothing_was_asked(self, log, tmp_path):
        log.note("a@b", 1, "a")
        log.write()
        assert list(tmp_path.iterdir()) == []


def typed(log, query, *callers, hits=1):
    """Have callers type a query one after the other, each written by itself."""
    for caller in callers:
        log.note(query, hits, caller)
        log.write()


def all_bytes(directory):
    return b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file())


class TestWhoHasToTypeIt:
    def test_the_fifth_caller_has_it_kept_with_what_was_counted_before(self, log, tmp_path):
        typed(log, "Lương tối thiểu", "a", "b", "c", "d", "d", "d", hits=0)
        assert rows(tmp_path / FILE) == []
        typed(log, "lương  tối thiểu", "e", hits=4)
        ((_, query, asked, empty, hits),) = rows(tmp_path / FILE)
        assert (query, asked, empty, hits) == ("luong toi thieu", 7, 6, 4)
        typed(log, "LƯƠNG TỐI THIỂU", "a", "f", hits=5)
        assert [(row.asked, row.empty, row.hits) for row in read(tmp_path / FILE, 1)] == [(9, 6, 5)]

    def test_one_caller_alone_never_has_on_one_day(self, log, tmp_path):
        typed(log, "bệnh tim", *["a"] * 50)
        assert rows(tmp_path / FILE) == []

    def test_the_fifth_day_does_whoever_typed_it(self, log, tmp_path, monkeypatch):
        start = 30 * DAY * 700  # a key begins
        for day in (0, 0, 1, 2, 3, 3):
            monkeypatch.setattr(query_log.time, "time", lambda day=day: start + day * DAY)
            typed(log, "giá vàng", "proxy")
            assert rows(tmp_path / FILE) == []
        monkeypatch.setattr(query_log.time, "time", lambda: start + 4 * DAY)
        typed(log, "giá vàng", "proxy")
        assert [(query, asked) for _, query, asked, *_ in rows(tmp_path / FILE)] == [("gia vang", 7)]

    def test_callers_and_days_are_not_added_up(self, log, tmp_path, monkeypatch):
        start = 30 * DAY * 700
        for day, caller in enumerate("abcd"):
            monkeypatch.setattr(query_log.time, "time", lambda day=day: start + day * DAY)
            typed(log, "một", caller)
        assert rows(tmp_path / FILE) == []

    def test_all_at_once_count_too(self, log, tmp_path):
        for caller in "abcdefg":
            log.note("phở", 2, caller)
        log.write()
        assert [row[1:] for row in rows(tmp_path / FILE)] == [("pho", 7, 0, 2)]

    def test_nothing_that_can_be_read_is_on_disk_before(self, log, tmp_path):
        """Neither the text, in any form, nor the address, nor a digest of them that needs no key to be found out."""
        query, address = "Nguyễn Văn Tịnh ung thư", "203.0.113.9"
        typed(log, query, address, "203.0.113.10", "203.0.113.11", "203.0.113.12")
        found = all_bytes(tmp_path)
        assert len(found) > 8192
        plain = kept_as(query)
        for part in (query, plain, "tinh", "ung thu", address, "203.0"):
            assert part.encode() not in found
        for digest in (hashlib.sha256, hashlib.sha1, hashlib.md5, hashlib.blake2b):
            for text in (query, plain, f"query {plain}", address):
                made = digest(text.encode())
                assert made.digest()[:8] not in found
                assert made.hexdigest()[:16].encode() not in found
        typed(log, query, "203.0.113.13")
        found = all_bytes(tmp_path)
        assert plain.encode() in found
        assert b"203.0" not in found

    def test_two_queries_of_one_caller_cannot_be_told_to_be(self, log, tmp_path):
        typed(log, "một", "a")
        typed(log, "hai", "a")
        with closing(sqlite3.connect(tmp_path / FILE)) as database:
            signs = [sign for (sign,) in database.execute("SELECT sign FROM typed")]
            marks = [mark for (mark,) in database.execute("SELECT mark FROM rare")]
        assert len(signs) == len(set(signs)) == 4  # but for one in 10,000
        assert all(len(sign) == 2 for sign in signs)
        assert len(set(marks)) == 2

    def test_the_key_is_its_owner_s_alone_and_no_backup_s(self, log, tmp_path):
        typed(log, "một", "a")
        assert (tmp_path / rare.KEY_FILE).stat().st_mode & 0o777 == 0o600
        backup(Home(tmp_path), tmp_path / "kept")
        assert (tmp_path / "kept" / FILE).exists()
        assert rare.KEY_FILE not in {path.name for path in (tmp_path / "kept").iterdir()}

    @pytest.mark.parametrize("how", ["it is old", "it is gone", "it is damaged", "it is another"])
    def test_with_another_key_counting_begins_anew(self, log, tmp_path, monkeypatch, how):
        typed(log, "một", "a", "b", "c", "d")
        key = tmp_path / rare.KEY_FILE
        before = key.read_text()
        if how == "it is old":
            later = time.time() + 30 * DAY
            monkeypatch.setattr(query_log.time, "time", lambda: later)
        elif how == "it is gone":
            key.unlink()
        else:
            key.write_text(
                "x" if how == "it is damaged" else before[:-4] + ("0000" if before[-4:] != "0000" else "1111")
            )
        typed(log, "hai", "e")
        assert key.read_text() != before
        with closing(sqlite3.connect(tmp_path / FILE)) as database:
            assert database.execute("SELECT count(*) FROM rare").fetchone() == (1,)
        typed(log, "một", "e", "f", "g", "h")
        assert rows(tmp_path / FILE) == []
        typed(log, "một", "i")
        assert [query for _, query, *_ in rows(tmp_path / FILE)] == ["mot"]

    def test_what_has_gone_has_to_be_typed_by_five_again(self, log, tmp_path, monkeypatch):
        typed(log, "một", *"abcde")
        assert len(rows(tmp_path / FILE)) == 1
        later = time.time() + 31 * DAY
        monkeypatch.setattr(query_log.time, "time", lambda: later)
        typed(log, "một", "a")  # the first of these finds the old one still there, and has it go
        typed(log, "hai", "a")
        later += 31 * DAY
        typed(log, "ba", "a")
        typed(log, "một", "a")
        assert rows(tmp_path / FILE) == []

    def test_rare_queries_take_no_more_than_their_part(self, tmp_path, dropped, monkeypatch):
        log = QueryLog(tmp_path / FILE, 30, 1, dropped.append)
        typed(log, "thường hỏi", *"abcde")
        for turn in range(10):
            for at in range(900):
                log.note(f"lượt {turn}, câu {at}", 1, "a")
            log.write()
        assert (tmp_path / FILE).stat().st_size <= 2**20
        assert [query for _, query, *_ in rows(tmp_path / FILE)] == ["thuong hoi"]
        assert dropped == []

    def test_callers_are_counted_over_all_processes(self, tmp_path):
        code = f"""
import sys
from pathlib import Path
from service.observing.query_log import QueryLog
log = QueryLog(Path({str(tmp_path / FILE)!r}), 30, 50, print)
for at in range(40):
    log.note(f"câu {{at}}", 1, sys.argv[1])
log.note("của riêng " + sys.argv[1], 1, sys.argv[1])
log.write()
"""
        command = [sys.executable, "-c", code]
        running = [subprocess.Popen([*command, caller], stdout=subprocess.PIPE) for caller in "abcde"]
        assert [process.communicate()[0] for process in running] == [b""] * 5
        found = read(tmp_path / FILE, 1)
        assert sorted(one.query for one in found) == sorted(f"cau {at}" for at in range(40))
        assert {one.asked for one in found} == {5}

    @given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("abcdefg")), max_size=40))
    def test_what_is_kept_is_what_five_typed(self, tmp_path_factory, typings):
        path = tmp_path_factory.mktemp("log") / FILE
        log = QueryLog(path, 30, 50, print)
        for query, caller in typings:
            log.note(f"câu {query}", 1, caller)
            log.write()
        who = {query: {caller for other, caller in typings if other == query} for query, _ in typings}
        times = Counter(query for query, _ in typings)
        kept = {one.query: one.asked for one in read(path, 1)} if typings else {}
        assert kept == {f"cau {query}": times[query] for query, callers in who.items() if len(callers) >= 5}


class TestEarlierForm:
    @pytest.fixture
    def old(self, tmp_path):
        with closing(sqlite3.connect(tmp_path / FILE)) as database:
            database.executescript(
                "CREATE TABLE queries (hour INTEGER, query TEXT, asked INTEGER, empty INTEGER, hits INTEGER, "
                "PRIMARY KEY (hour, query)) WITHOUT ROWID;"
            )
            hour = int(time.time()) // 3600 * 3600
            database.execute("INSERT INTO queries VALUES (?, 'nguyen van tinh ung thu', 1, 0, 3)", (hour,))
            database.commit()
        return tmp_path / FILE

    def test_it_is_emptied_of_every_byte(self, old, log, caplog):
        log.note("một", 1, "a")
        log.write()
        assert rows(old) == []
        assert b"ung thu" not in all_bytes(old.parent)
        assert "was kept in an earlier form, and is emptied" in caplog.text

    def test_it_is_not_reported(self, old):
        with pytest.raises(OSError, match="form 0: expected 2"):
            read(old, 7)


@pytest.mark.usefixtures("anyone")
class TestBounds:
    def test_what_is_old_goes(self, log, tmp_path, monkeypatch):
        now = time.time()
        for days in (31, 29, 0):
            monkeypatch.setattr(query_log.time, "time", lambda days=days: now - days * DAY)
            log.note(f"{days} ngày", 1, "a")
            log.write()
        assert [query for _, query, *_ in rows(tmp_path / FILE)] == ["29 ngay", "0 ngay"]

    def test_what_is_too_much_goes_the_oldest_first(self, tmp_path, dropped, monkeypatch):
        log = QueryLog(tmp_path / FILE, 30, 1, dropped.append)
        now = time.time()
        for hours in range(24, 0, -1):
            monkeypatch.setattr(query_log.time, "time", lambda hours=hours: now - hours * 3600)
            for at in range(900):
                log.note(f"{hours} giờ, câu {at}, " + "chữ " * 20, 1, "a")
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
        for turn in range(20):
            log.note("thường hỏi", 1, "a")
            for at in range(900):
                log.note(f"lượt {turn}, câu {at}, " + "chữ " * 20, 1, "a")
            log.write()
        assert ("thuong hoi", 20) in [(query, asked) for _, query, asked, *_ in rows(tmp_path / FILE)]
        assert (tmp_path / FILE).stat().st_size <= 1.3 * 2**20

    def test_what_waits_is_bounded(self, log, dropped):
        for _ in range(1005):
            log.note("lương", 1, "a")
        assert dropped == [1] * 5


@pytest.mark.usefixtures("anyone")
class TestBadDisks:
    @pytest.mark.parametrize("harm", ["no directory", "a directory", "no database"])
    def test_a_request_never_feels_it_and_it_is_said_once(self, tmp_path, dropped, monkeypatch, caplog, harm):
        path = tmp_path / ("none" if harm == "no directory" else ".") / FILE
        if harm == "a directory":
            path.mkdir()
        elif harm == "no database":
            path.write_text("không phải SQLite" * 1000, encoding="utf-8")
        log = QueryLog(path, 30, 50, dropped.append)
        for _ in range(2):
            log.note("lương", 1, "a")
            log.write()
        assert dropped == [1, 1]
        assert len(caplog.records) == 1
        assert f"{path}: queries are not kept" in caplog.text

    def test_a_full_disk(self, tmp_path, dropped):
        if not Path("/dev/full").exists():
            pytest.skip("no /dev/full")
        log = QueryLog(Path("/dev/full"), 30, 50, dropped.append)
        log.note("lương", 1, "a")
        log.stop()
        log.write()
        assert dropped == [1]

    def test_another_writer_is_waited_for_without_the_request(self, tmp_path, dropped):
        log = QueryLog(tmp_path / FILE, 30, 50, dropped.append)
        log.note("một", 1, "a")
        log.stop()
        with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as held:
            held.execute("BEGIN EXCLUSIVE")
            second = QueryLog(tmp_path / FILE, 30, 50, dropped.append)
            second.note("hai", 1, "a")  # returns at once
            held.execute("COMMIT")
        second.stop()
        assert {query for _, query, *_ in rows(tmp_path / FILE)} == {"hai", "mot"}

    def test_several_processes_at_once_lose_nothing(self, tmp_path):
        code = f"""
from pathlib import Path
from service.observing import rare
from service.observing.query_log import QueryLog
rare.ENOUGH = 1
log = QueryLog(Path({str(tmp_path / FILE)!r}), 30, 50, print)
for at in range(200):
    log.note("lương tối thiểu", 1, "a")
    if at % 20 == 0:
        log.write()
"""  # what is left is written as the process ends
        running = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(4)]
        assert [process.communicate()[0] for process in running] == [b""] * 4
        (found,) = read(tmp_path / FILE, 1)
        assert found == QueryCounts("luong toi thieu", 800, 0, 1)


@pytest.mark.usefixtures("anyone")
class TestReport:
    def test_most_asked_first_and_only_of_those_days(self, log, tmp_path, monkeypatch):
        now = time.time()
        monkeypatch.setattr(query_log.time, "time", lambda: now - 3 * DAY)
        log.note("cũ", 1, "a")
        log.write()
        monkeypatch.setattr(query_log.time, "time", lambda: now)
        for query, hits in (("lương", 5), ("lương", 6), ("phở", 0)):
            log.note(query, hits, "a")
            log.write()
        assert read(tmp_path / FILE, 1) == [QueryCounts("luong", 2, 0, 6), QueryCounts("pho", 1, 1, 0)]
        assert [one.query for one in read(tmp_path / FILE, 7)] == ["luong", "cu", "pho"]

    def report(self, home, *options):
        return CliRunner().invoke(main, ["report", "queries", "--home", str(home), *options])

    def test_the_command(self, log, tmp_path):
        for query, hits in (("lương", 5), ("lương", 6), ("phở", 0)):
            log.note(query, hits, "a")
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


@pytest.mark.usefixtures("anyone")
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
        assert found == [QueryCounts("ca", 2, 0, 3), QueryCounts("zzz", 1, 1, 0)]

    def test_a_caller_is_whom_limits_count(self, client_of, monkeypatch):
        monkeypatch.setattr(rare, "ENOUGH", 5)
        client = client_of(LINES, query_log=True, trusted_hops=1)
        for at in range(9):  # ports of one, and addresses of one connection
            client.get("/api/v1/search?q=ca", headers={"X-Forwarded-For": f"203.0.113.9:{4000 + at}"})
            client.get("/api/v1/search?q=ca", headers={"X-Forwarded-For": f"2001:db8::{at}"})
        for at in range(5):
            client.get("/api/v1/search?q=công+nhân", headers={"X-Forwarded-For": f"203.0.113.{at}"})
        client.application.extensions["query log"].stop()
        found = read(client.application.config["SETTINGS"].home / FILE, 1)
        assert [(one.query, one.asked) for one in found] == [("cong nhan", 5)]

    def test_it_is_written_in_time_by_itself(self, client_of, monkeypatch):
        monkeypatch.setattr(hourly, "EVERY_SECONDS", 0.05)
        client = client_of(LINES, query_log=True)
        client.get("/api/v1/search?q=ca")
        path = client.application.config["SETTINGS"].home / FILE
        wait_for(path.exists)
        wait_for(lambda: path.stat().st_size > 8192)  # its table too
        wait_for(lambda: read(path, 1) == [QueryCounts("ca", 1, 0, 3)])
        client.application.extensions["query log"].stop()


def test_the_file_is_for_its_owner_alone(tmp_path, dropped):
    log = QueryLog(tmp_path / FILE, 30, 50, dropped.append)
    log.note("lương", 1, "a")
    log.stop()
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
