"""Queries of SQLite, PostgreSQL and MariaDB: which column is what, what is asked for again, what is found to be gone.

The servers are real, from Debian's packages; where one is not installed, its tests are skipped, and say so.
"""

import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from indexer.articles.article import Article, validate
from indexer.errors import SourceError
from indexer.sources import BadLine, Reading, SourceOptions
from indexer.sources import remote as remotes
from indexer.sources.described import SqlSource
from indexer.sources.memory import Memory
from tests import databases

MADE = datetime(2026, 11, 20, 9, 0)
QUERY = """
SELECT b.ma, b.tieu_de, b.sapo, b.noi_dung, c.ten AS chuyen_muc, b.the, b.sua_luc, b.dang_luc, b.xoa, b.luot_xem
FROM bai b LEFT JOIN chuyen_muc c ON c.ma = b.chuyen_muc
WHERE b.loai = 'bai:viet' AND b.tieu_de NOT LIKE '%nháp%';
"""
COLUMNS = {
    **{"title": "tieu_de", "lead": "sapo", "body": "noi_dung", "section": "chuyen_muc", "tags": "the"},
    **{"updated_at": "sua_luc", "published_at": "dang_luc"},
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mariadb"])
def server(request):
    folder = Path(tempfile.mkdtemp(prefix="lienquan-db-"))  # short, for the names of sockets are
    try:
        if request.param == "sqlite":
            yield f"sqlite:///{folder}/news.db"
            return
        try:
            with getattr(databases, request.param)(folder) as url:
                yield url
        except databases.NoServer as error:
            pytest.skip(f"{request.param}: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


TABLES = sa.MetaData()
ARTICLES = sa.Table(
    "bai",
    TABLES,
    sa.Column("ma", sa.Integer, primary_key=True, autoincrement=False),
    *(sa.Column(name, sa.String(200)) for name in ("tieu_de", "sapo", "the")),
    sa.Column("noi_dung", sa.Text),
    sa.Column("chuyen_muc", sa.Integer),
    sa.Column("sua_luc", sa.DateTime),
    sa.Column("dang_luc", sa.DateTime),
    sa.Column("xoa", sa.Boolean),
    sa.Column("luot_xem", sa.Integer),
    sa.Column("loai", sa.String(20)),
)
SECTIONS = sa.Table(
    "chuyen_muc", TABLES, sa.Column("ma", sa.Integer, primary_key=True), sa.Column("ten", sa.String(50))
)


class Newsroom:
    """The database of a newsroom."""

    def __init__(self, url):
        self.url = url
        self._engine = sa.create_engine(url)
        TABLES.drop_all(self._engine)
        TABLES.create_all(self._engine)
        self.run(sa.insert(SECTIONS), [{"ma": 1, "ten": "Chợ phiên"}])

    def run(self, *statement):
        with self._engine.begin() as connection:
            connection.execute(*statement)

    def add(self, *numbers, **more):
        rows = [
            {
                **{"ma": n, "tieu_de": f"Bến {n}", "sapo": None, "the": None, "noi_dung": "100% cá", "chuyen_muc": 1},
                **{"sua_luc": MADE + timedelta(minutes=n), "dang_luc": MADE, "xoa": False, "luot_xem": n},
                **{"loai": "bai:viet", **more},
            }
            for n in numbers
        ]
        self.run(sa.insert(ARTICLES), rows)

    def change(self, number, **values):
        self.run(sa.update(ARTICLES).where(ARTICLES.c.ma == number).values(**values))

    def delete(self, *numbers):
        self.run(sa.delete(ARTICLES).where(ARTICLES.c.ma.in_(numbers)))

    def close(self):
        self._engine.dispose()


@pytest.fixture
def newsroom(server):
    made = Newsroom(server)
    yield made
    made.close()


@pytest.fixture
def options(tmp_path):
    return SourceOptions(memory=tmp_path)


@pytest.fixture
def read(newsroom, options):
    def now(said=options, **settings):
        given = {"url": newsroom.url, "query": QUERY, "key": "ma", "columns": COLUMNS, "page": 7, **settings}
        found = list(remotes.read(SqlSource(**given), said))
        assert [r.fields["id"] for r in found if isinstance(r, Reading)] == [
            str(int(r.fields["id"])) for r in found if isinstance(r, Reading)
        ]
        return {int(r.fields["id"]): r.fields for r in found if isinstance(r, Reading)}, [
            bad.reason for bad in found if isinstance(bad, BadLine)
        ]

    return now


def titles(found):
    return {number: fields["title"] for number, fields in found[0].items()}


def numbers(found):
    return sorted(found[0])


class TestRows:
    def test_columns_are_fields(self, newsroom, read):
        newsroom.add(3, sapo="Chợ họp sớm", the="cá lăng; mận, chè")
        found, bad = read()
        assert bad == []
        published = found[3]["published_at"]
        assert found[3] == {
            **{"id": "3", "title": "Bến 3", "lead": "Chợ họp sớm", "body": "100% cá", "section": "Chợ phiên"},
            **{"tags": ["cá lăng", "mận", "chè"], "published_at": published, "updated_at": found[3]["updated_at"]},
            **{"xoa": found[3]["xoa"], "luot_xem": 3},
        }
        article = validate(found[3])
        assert isinstance(article, Article)
        assert article.published_at.isoformat() == "2026-11-20T09:00:00+07:00"
        assert article.updated_at.isoformat() == "2026-11-20T09:03:00+07:00"

    def test_times_of_another_zone(self, newsroom, read):
        newsroom.add(3)
        assert validate(read(timezone="+00:00")[0][3]).published_at.isoformat() == "2026-11-20T16:00:00+07:00"

    def test_what_the_query_leaves_out_is_left_out(self, newsroom, read):
        newsroom.add(1, 2)
        newsroom.change(1, loai="quảng cáo")
        newsroom.add(3, tieu_de="bài nháp")
        assert numbers(read()) == [2]

    def test_all_pages_are_read(self, newsroom, read):
        newsroom.add(*range(1, 51))
        assert numbers(read()) == list(range(1, 51))
        assert numbers(read(watermark="sua_luc")) == list(range(1, 51))


class TestWithoutAWatermark:
    def test_changes_and_deletions(self, newsroom, read):
        newsroom.add(*range(1, 21))
        read()
        newsroom.change(4, tieu_de="Bến bốn")
        newsroom.delete(5)
        newsroom.add(30)
        found = read()
        assert numbers(found) == [n for n in range(1, 21) if n != 5] + [30]
        assert titles(found)[4] == "Bến bốn"

    def test_an_empty_table_takes_nothing_away(self, newsroom, read, options):
        newsroom.add(*range(1, 21))
        read()
        newsroom.delete(*range(1, 21))
        found, (reason,) = read()
        assert sorted(found) == list(range(1, 21))
        assert reason.startswith("expected at least 80% of the 20 articles that it had, found 0: all are kept")
        assert read(SourceOptions(memory=options.memory, allow_shrink=True)) == ({}, [])

    def test_a_flag(self, newsroom, read):
        newsroom.add(*range(1, 21))
        read(deleted="xoa")
        newsroom.change(4, xoa=True)
        assert numbers(read(deleted="xoa")) == [n for n in range(1, 21) if n != 4]
        newsroom.change(4, xoa=False)
        assert numbers(read(deleted="xoa")) == list(range(1, 21))


class TestWithAWatermark:
    @pytest.fixture
    def read(self, read):
        return lambda *args, **more: read(*args, watermark="sua_luc", **more)

    def test_only_what_changed_is_read_again(self, newsroom, read):
        newsroom.add(*range(1, 51))
        read()
        newsroom.change(3, tieu_de="đổi mà không ghi lúc sửa")
        newsroom.change(4, tieu_de="Bến bốn", sua_luc=MADE + timedelta(days=1))
        newsroom.change(50, tieu_de="trong hai phút cuối")
        found = read()
        assert [titles(found)[n] for n in (3, 4, 50)] == ["Bến 3", "Bến bốn", "trong hai phút cuối"]

    @pytest.mark.parametrize("remembered", [False, True])
    def test_one_too_far_ahead_keeps_no_later_one_out(self, newsroom, read, monkeypatch, remembered):
        newsroom.add(*range(1, 11))
        newsroom.change(2, sua_luc=datetime(9999, 12, 30))
        with monkeypatch.context() as patched:
            if remembered:  # by an earlier release
                patched.setattr("indexer.sources.sql._SqlVisit._is_ahead", lambda visit, mark: False)
            read()
        newsroom.change(4, tieu_de="Bến bốn", sua_luc=MADE + timedelta(days=1))
        assert titles(read())[4] == "Bến bốn"
        newsroom.change(5, tieu_de="Bến năm", sua_luc=MADE + timedelta(days=2))
        newsroom.change(6, tieu_de="đổi mà không ghi lúc sửa")
        found = titles(read())
        assert (found[5], found[6]) == ("Bến năm", "Bến 6")

    def test_deletions_by_absence(self, newsroom, read):
        newsroom.add(*range(1, 51))
        read()
        newsroom.delete(5, 50)
        newsroom.change(6, loai="khác")
        assert numbers(read()) == [n for n in range(1, 50) if n not in {5, 6}]

    def test_deletions_by_a_flag(self, newsroom, read):
        newsroom.add(*range(1, 21))
        read(deleted="xoa")
        newsroom.change(4, xoa=True, sua_luc=MADE + timedelta(days=1))
        newsroom.delete(5)  # goes unseen: the flag says what is gone
        assert numbers(read(deleted="xoa")) == [n for n in range(1, 21) if n != 4]

    def test_rows_without_a_watermark_are_found(self, newsroom, read):
        newsroom.add(*range(1, 11))
        newsroom.change(3, sua_luc=None)
        assert numbers(read()) == list(range(1, 11))
        newsroom.add(20, sua_luc=None)
        assert numbers(read()) == [*range(1, 11), 20]

    def test_many_with_one_watermark(self, newsroom, read):
        newsroom.add(*range(1, 31), sua_luc=MADE)
        read()
        newsroom.add(*range(31, 61), sua_luc=MADE)
        assert numbers(read(deleted="xoa")) == list(range(1, 61))
        newsroom.add(*range(61, 91), sua_luc=MADE + timedelta(days=1))
        assert numbers(read(deleted="xoa")) == list(range(1, 91))

    def test_an_empty_table_takes_nothing_away(self, newsroom, read):
        newsroom.add(*range(1, 21))
        read()
        newsroom.delete(*range(1, 21))
        found, (reason,) = read()
        assert sorted(found) == list(range(1, 21))
        assert "found 0: all are kept" in reason

    def test_numbers_as_watermark(self, newsroom, read, options):
        newsroom.add(*range(1, 31))

        def now():
            source = SqlSource(
                url=newsroom.url, query=QUERY, key="ma", columns=COLUMNS, page=7, watermark="luot_xem", deleted="xoa"
            )
            return {r.fields["id"]: r.fields["title"] for r in remotes.read(source, options)}

        assert len(now()) == 30
        newsroom.change(3, tieu_de="Bến ba", luot_xem=31)
        newsroom.change(4, tieu_de="không thấy")
        assert (now()["3"], now()["4"]) == ("Bến ba", "Bến 4")


class TestWrongSettings:
    @pytest.mark.parametrize(
        ("settings", "expected"),
        [
            ({"key": "so"}, "key: 'so': expected a column of the query: ma, tieu_de"),
            ({"watermark": "luc"}, "watermark: 'luc': expected a column of the query"),
            ({"deleted": "mat"}, "deleted: 'mat': expected a column of the query"),
            ({"columns": {"title": "ten_bai"}}, "columns.title: 'ten_bai': expected a column of the query"),
            ({"columns": {}}, "columns.title: expected one of ma, tieu_de"),
        ],
    )
    def test_columns_that_are_not_there(self, newsroom, read, settings, expected):
        with pytest.raises(SourceError, match=expected):
            read(**settings)

    def test_a_query_that_is_none(self, newsroom, read):
        newsroom.add(1)
        read()
        found, (reason,) = read(query="SELECT * FROM khong_co")
        assert found == {}
        assert "khong_co" in reason


def source_of(url, **more):
    return SqlSource(url=url, query="SELECT 1 AS id, 'x' AS title", **more)


def test_a_server_that_is_down_leaves_what_is_known(tmp_path):
    place = tmp_path / "news.db"
    made = Newsroom(f"sqlite:///{place}")
    made.add(1, 2)
    made.close()
    source = SqlSource(url=f"sqlite:///{place}", query=QUERY, key="ma", columns=COLUMNS)
    assert len(list(remotes.read(source, SourceOptions(memory=tmp_path)))) == 2
    place.write_bytes(b"damaged" * 1000)
    bad, *kept = remotes.read(source, SourceOptions(memory=tmp_path))
    assert (bad.reason, bad.incomplete, len(kept)) == ("file is not a database", False, 2)


@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "mysql+pymysql"])
def test_nobody_listens(scheme, tmp_path):
    url = f"{scheme}://la:khoa-bi-mat@127.0.0.1:{databases.closed_port()}/news"
    (bad,) = remotes.read(source_of(url), SourceOptions(memory=tmp_path))
    assert bad.incomplete
    assert "refused" in bad.reason.lower()
    assert "khoa-bi-mat" not in bad.raw + bad.reason


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("khong-phai", "expected an address of SQLAlchemy"),
        ("oracle2://a/b", "expected a database that SQLAlchemy knows"),
        ("mssql+pymssql://a/b", "expected a driver that is installed"),
    ],
)
def test_addresses_that_are_none(url, expected, tmp_path):
    with pytest.raises(SourceError, match=expected):
        list(remotes.read(source_of(url), SourceOptions(memory=tmp_path)))


def test_a_run_that_was_broken_off_goes_on(tmp_path, monkeypatch):
    place = f"sqlite:///{tmp_path}/news.db"
    made = Newsroom(place)
    made.add(*range(1, 31))
    source = SqlSource(url=place, query=QUERY, key="ma", columns=COLUMNS, page=7)
    options = SourceOptions(memory=tmp_path)
    commit, commits = Memory.commit, []

    def break_off(self):
        commit(self)
        commits.append(len(self))
        if len(commits) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Memory, "commit", break_off)
    with pytest.raises(KeyboardInterrupt):
        list(remotes.read(source, options))
    monkeypatch.setattr(Memory, "commit", commit)
    assert commits == [7, 14]
    made.change(1, tieu_de="không đọc lại")
    found = {r.fields["id"]: r.fields["title"] for r in remotes.read(source, options)}
    made.close()
    assert list(found) == [str(n) for n in range(1, 31)]
    assert found["1"] == "Bến 1"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"query": "SELECT 1"}, "expected url or url_env"),
        ({"query": "SELECT 1", "url": "x", "url_env": "Y"}, "expected url or url_env"),
        ({"query": "", "url": "x"}, "at least 1 character"),
        ({"query": "q", "url": "x", "columns": {"tieu_de": "t"}}, "expected a field of the archive line"),
        ({"query": "q", "url": "x", "timezone": "VN"}, "timezone"),
    ],
)
def test_settings_that_do_not_fit(settings, expected):
    with pytest.raises(ValueError, match=expected):
        SqlSource(**settings)
