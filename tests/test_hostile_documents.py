"""Documents on which a reader of sources once took longer than 5 s: each is read, or refused, in little time."""

import time
from pathlib import Path

import pytest

from indexer.errors import SourceError
from indexer.sources import feed, html_page, read_source
from indexer.sources.reading import BadLine
from tests.torture import readers

_ALLOWED = 1.0
"""Seconds that a feed or page which must be refused may take here; in earnest it is four times as long."""
_MOST = 4.0
"""Seconds of the processor; most of these took more than a minute."""

ITEM = "<item><title>Bão số 5</title><guid>1</guid></item>"
PAGE = "<html><body><h1>Bão số 5</h1><p>" + "Sáng nay bão đổ bộ vào đất liền. " * 20 + "</p>"
READ = {
    "blanks before the first tag": (".xml", "<" + "\r\n" * 40_000 + f"<rss><channel>{ITEM}</channel></rss>"),
    "blanks behind a comment": (".xml", "<!---->" + "\r\n" * 40_000 + f"<rss><channel>{ITEM}</channel></rss>"),
    "an encoding of Python's": (
        ".xml",
        f'<?xml version="1.0" encoding="punycode"?><rss><channel><item><title>Tin</title></item><x>-{"a" * 400_000}'
        + "</x></channel></rss>",
    ),
    "a base for many tags": (
        ".xml",
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https:{"a" * 500_000}">'
        + "<entry><title>Bão</title></entry>" * 4000
        + "</feed>",
    ),
}
REFUSED = {
    "items in one another": (".xml", "<rss>" + "AA<item>" * 100_000),
    "links in one another": (".xml", "<rss><channel>" + "=<link <item>" * 70_000),
    "keywords of one entry": (
        ".xml",
        "<rss xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd'><channel><item><title>a</title><itunes:keywords>"
        + ",".join(f"a{number}" for number in range(100_000))
        + "</itunes:keywords></item></channel></rss>",
    ),
    "an author of one word": (
        ".xml",
        f"<rss><channel><item><title>a</title><author>{'a' * 300_000}</author></item></channel></rss>",
    ),
}


@pytest.fixture
def _short(monkeypatch):
    monkeypatch.setattr(feed, "_SECONDS", _ALLOWED)


def _write(folder: Path, document: tuple[str, str]) -> Path:
    ending, content = document
    path = folder / f"a{ending}"
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", READ)
def test_it_is_read_in_little_time(name, tmp_path):
    path = _write(tmp_path, READ[name])
    start = time.process_time()
    assert readers.read(path) >= 1
    assert time.process_time() - start < _MOST
    assert not any(isinstance(found, BadLine) for found in read_source(str(path)))


@pytest.mark.usefixtures("_short")
@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_in_little_time(name, tmp_path):
    path = _write(tmp_path, REFUSED[name])
    start = time.process_time()
    with pytest.raises(SourceError, match="expected a feed that is read in"):
        readers.read(path)
    assert time.process_time() - start < _MOST


def test_quotes_that_do_not_close_are_told_in_little_time(tmp_path):
    path = _write(tmp_path, (".csv", "id,title\n" + 'a",b,"c\n' * 120_000))
    start = time.process_time()
    assert readers.read(path) >= 1
    assert time.process_time() - start < _MOST


@pytest.mark.parametrize(
    "document",
    [
        (".csv", '"id' + "”" * 40 + "a-" * 500_000),
        (".xml", "<?x" + 'ml version="1.0" encoding="u}' * 20_000 + '}{"a":1/' * 50_000),
    ],
    ids=["a header that does not end", "a declaration that does not end"],
)
def test_what_does_not_end_is_refused_in_little_time(document, tmp_path):
    path = _write(tmp_path, document)
    start = time.process_time()
    with pytest.raises(SourceError):
        readers.read(path)
    assert time.process_time() - start < _ALLOWED


def test_a_page_that_takes_too_long_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(html_page, "_SECONDS", 0.001)
    (found,) = read_source(str(_write(tmp_path, (".html", PAGE * 100))))
    assert isinstance(found, BadLine)
    assert found.reason.startswith("expected a page that is read in")
