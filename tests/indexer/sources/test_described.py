"""The file that lists sources: what it may hold, and what is said of a wrong one."""

import json

import pytest

from indexer.errors import SourceError
from indexer.sources import BadLine, Reading, SourceOptions, read_source
from indexer.sources.described import FileSource, SqlSource, WebSource, WordPressSource
from indexer.sources.registry import load
from tests import web_server

WHOLE = """
[[source]]
type = "rss"
url = "https://dendau.example/rss"
delay = 2
pages = false
defaults = { source = "Báo Đèn Dầu", section = "Đời sống" }

[[source]]
type = "sitemap"
url = "https://dendau.example/sitemap.xml"
include = "-\\\\d+\\\\.html$"
seconds = 20.5

[[source]]
type = "wordpress"
url = "https://songque.example"
user_env = "WP_USER"
password_env = "WP_PASSWORD"
types = ["posts", "tin-anh"]

[[source]]
type = "sql"
url_env = "NEWS_DB"
query = '''SELECT id, title FROM articles'''
watermark = "changed"
columns = { body = "text" }

[[source]]
type = "file"
path = "archive/old.jsonl"
"""


@pytest.fixture
def written(tmp_path):
    def write(content):
        path = tmp_path / "sources.toml"
        path.write_text(content, encoding="utf-8")
        return path

    return write


def test_every_kind(written, tmp_path):
    found = [source for _, source in load(written(WHOLE))]
    feed, sitemap, wordpress, sql, file = found
    assert [type(source) for source in found] == [WebSource, WebSource, WordPressSource, SqlSource, FileSource]
    assert (feed.delay, feed.pages, feed.defaults["section"]) == (2.0, False, "Đời sống")
    assert (sitemap.type, sitemap.include, sitemap.seconds) == ("sitemap", r"-\d+\.html$", 20.5)
    assert wordpress.types == ["posts", "tin-anh"]
    assert (sql.key, sql.watermark, sql.columns) == ("id", "changed", {"body": "text"})
    assert file.path == str(tmp_path / "archive" / "old.jsonl")
    assert [place for place, _ in load(written(WHOLE))] == [f"[[source]] {n}" for n in range(1, 6)]


def test_each_is_remembered_by_itself():
    keys = {
        source.source_key
        for source in (
            WebSource(url="https://a.example"),
            WebSource(url="https://a.example", include="x"),
            WebSource(url="https://a.example", pages=False),
            WordPressSource(url="https://a.example"),
            SqlSource(url="sqlite://", query="SELECT 1"),
            SqlSource(url="sqlite://", query="SELECT 2"),
        )
    }
    assert len(keys) == 6
    assert "khoa" not in SqlSource(url="x://a:khoa@b/c", query="SELECT 1").source_key


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "expected tables [[source]] and nothing else"),
        ("source = 1", "expected tables [[source]]"),
        ("[source]\ntype='rss'", "expected tables [[source]]"),
        ("[[source]]\ntype='file'\npath='a'\n[other]\na=1", "nothing else, found 'other'"),
        ("[[source]", "expected TOML: "),
        ("[[source]]", "[[source]] 1: type: None: expected one of atom, file, jsonfeed, rss, sitemap, sql, web"),
        ("[[source]]\ntype = ['rss']", "[[source]] 1: type: ['rss']: expected one of "),
        ("[[source]]\ntype = 'rss'", "[[source]] 1: url: Field required"),
        ("[[source]]\ntype = 'rss'\nurl = 'ftp://a:bimat@b/'", "[[source]] 1: url: String should match pattern"),
        ("[[source]]\ntype='rss'\nurl='https://a.example'\ndelay=-1", "[[source]] 1: delay: -1: Input should be"),
        ("[[source]]\ntype='rss'\nurl='https://a.example'\nwat=1", "[[source]] 1: wat: 1: Extra inputs are not"),
        (
            "[[source]]\ntype='sitemap'\nurl='https://a.example'\ninclude='('",
            "include: '(': expected a regular",
        ),
        (
            "[[source]]\ntype='file'\npath='a'\ndefaults={id='x'}",
            "'id': expected one of author",
        ),
        ("[[source]]\ntype='file'\npath='sources.toml'", "path: 'sources.toml': expected a source, found a list"),
        ("[[source]]\ntype='wordpress'\nurl='https://a.example'\nuser_env='A'", "expected user_env and password_env"),
        ("[[source]]\ntype='sql'\nquery='SELECT 1'", "expected url or url_env, one of the two"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(written, content, expected):
    path = written(content)
    with pytest.raises(SourceError) as caught:
        list(read_source(str(path)))
    assert str(caught.value).startswith(f"source: {str(path)!r}: ")
    assert expected in str(caught.value)
    assert "bimat" not in str(caught.value)


def test_one_that_cannot_be_read_leaves_the_others(written, tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": "a", "title": "Gốm", "section": "Nghề"}) + "\n{\n")
    listed = "[[source]]\ntype='file'\npath='none.jsonl'\n[[source]]\ntype='sql'\nurl_env='NOT_SET'\nquery='SELECT 1'\n"
    path = written(f"{listed}[[source]]\ntype='file'\npath='a.jsonl'\ndefaults={{section='Tin', author='Cù'}}\n")
    missing, unset, reading, broken = read_source(str(path))
    assert isinstance(missing, BadLine)
    assert missing.incomplete
    assert "No such file" in missing.reason
    assert (unset.file, unset.incomplete) == (f"{path} [[source]] 2", True)
    assert unset.reason == "url_env: 'NOT_SET': expected an environment variable that is set"
    assert isinstance(reading, Reading)
    assert reading.fields == {"id": "a", "title": "Gốm", "section": "Nghề", "author": "Cù"}
    assert broken.file == str(tmp_path / "a.jsonl")


def test_defaults_of_a_remote_source(written, tmp_path):
    with web_server.serve() as site:
        site.pages["/rss"] = "<rss version='2.0'><channel><item><title>Tin</title></item></channel></rss>"
        path = written(f"[[source]]\ntype='rss'\nurl='{site.url}/rss'\ndefaults={{source='Báo Đèn'}}\n")
        (reading,) = read_source(str(path), SourceOptions(memory=tmp_path, allow_private=True))
    assert reading.fields["source"] == "Báo Đèn"
    assert reading.file == f"{path} [[source]] 1"
