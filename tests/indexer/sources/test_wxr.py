"""WordPress exports: which posts are read, as what, and with how little memory."""

import contextlib
import gzip
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from indexer.articles.article import Article, validate
from indexer.errors import SourceError
from indexer.sources import BadLine, Reading, read_source
from indexer.sources.wordpress_post import article_id
from tests import wordpress_export
from tests.paths import TESTS

EXPORT = (TESTS / "data" / "sources" / "export.xml").read_bytes()


@pytest.fixture
def read(tmp_path):
    def of_bytes(content, name="songque.WordPress.2026-11-25.xml"):
        (tmp_path / name).write_bytes(content)
        return list(read_source(str(tmp_path / name)))

    return of_bytes


def test_an_export(read):
    fish, smith, bad = read(EXPORT)
    assert {name: value for name, value in fish.fields.items() if name != "body_html"} == {
        "id": "wp-songque.example-7",
        "title": "Cá lăng về bến Trà",
        "lead": "Cá về sớm hơn mọi năm nửa tháng.",
        "url": "https://songque.example/ca-lang/",
        "aliases": ["https://songque.example/?p=7"],
        "section": "Thủy sản",
        "tags": ["cá lăng", "Đời sống"],
        "author": "Thạch Sa Rinh",
        "published_at": "2026-11-24T23:10:00+00:00",
        "updated_at": "2026-11-25T01:00:00+00:00",
        "image_url": "https://songque.example/wp-content/uploads/ca.jpg",
    }
    article = validate(fish.fields)
    assert isinstance(article, Article)
    assert article.plain_body == (
        "Ngư dân bến Trà kéo được mẻ cá lăng đầu mùa.\nMẻ lưới lúc rạng sáng\nGiá tại bến: 90.000 đồng"
    )
    assert (smith.fields["title"], smith.fields["author"]) == ("Lò rèn cuối xóm & tiếng búa đêm", "da-nghi")
    assert {"lead", "section", "tags", "image_url", "updated_at"}.isdisjoint(smith.fields)
    article = validate(smith.fields)
    assert isinstance(article, Article)
    assert article.plain_body == (
        "Ông Tư Búa bên bệ lò\nLửa lò đỏ từ ba giờ sáng. Tiếng búa vang tới bến đò.\nNghề này [1] còn hai nhà giữ.\n"
        "Ghi theo [caption] của ảnh [tư liệu]."
    )
    assert (bad.reason, bad.incomplete) == ("post_id: 'x': expected a number", False)
    assert not fish.derived


def test_drafts_private_protected_posts_pages_and_comments_stay_out(read):
    found = read(EXPORT)
    assert [reading.fields["id"] for reading in found if isinstance(reading, Reading)] == [
        "wp-songque.example-7",
        "wp-songque.example-12",
    ]
    assert "Cá ngon" not in repr([reading.fields for reading in found if isinstance(reading, Reading)])


@pytest.mark.parametrize(
    ("site", "number", "expected"),
    [
        ("https://songque.example", 7, "wp-songque.example-7"),
        ("http://www.songque.example/", 7, "wp-songque.example-7"),
        ("https://songque.example/en/tin", 7, "wp-songque.example-en-tin-7"),
        ("https://songque.example:8080", 7, "wp-songque.example-8080-7"),
        ("songque.example", 7, "wp-songque.example-7"),
        ("", 7, "wp-7"),
    ],
)
def test_ids(site, number, expected):
    assert article_id(site, number) == expected


def test_packed(read):
    assert len(read(zstandard.compress(EXPORT), "a.xml.zst")) == 3


def test_characters_that_xml_does_not_allow(read):
    found = read(EXPORT.replace(b"v\xe1\xbb\x81 b", b"v\xe1\xbb\x81\x0b\x02b"))
    assert found[0].fields["title"] == "Cá lăng về  bến Trà" or validate(found[0].fields).title == "Cá lăng về bến Trà"
    assert len(found) == 3


def test_one_that_is_cut_gives_the_posts_before_the_cut(read):
    found = read(EXPORT[: EXPORT.index("Nghề này".encode())])
    assert [type(reading) for reading in found] == [Reading, BadLine]
    assert found[-1].incomplete
    assert found[-1].reason.startswith("expected XML to the end of the export: ")


def test_a_packed_one_that_is_cut_says_so(read):
    found = read(gzip.compress(EXPORT)[:-200], "a.xml.gz")
    assert isinstance(found[0], Reading)
    assert (found[-1].reason, found[-1].incomplete) == ("expected more gzip data: it ends early", True)
    (bad,) = read(zstandard.compress(EXPORT)[:-40], "a.xml.zst")  # one piece: nothing of it can be had
    assert (bad.reason, bad.incomplete) == ("expected more Zstandard data: it ends early", True)


def test_entities_bring_nothing(read, tmp_path):
    (tmp_path / "secret").write_text("bí mật")
    doctype = f'<!DOCTYPE rss [<!ENTITY x SYSTEM "file://{tmp_path}/secret"><!ENTITY y "mở rộng">]>'
    content = EXPORT.replace(b"<rss", doctype.encode() + b"<rss", 1).replace(
        "<![CDATA[Cá lăng về bến Trà]]>".encode(), b"a &x; &y; b"
    )
    assert "bí mật" not in repr(read(content)[0])
    assert "mở rộng" not in repr([getattr(reading, "fields", None) for reading in read(content)])


@pytest.mark.parametrize("content", [b"", b"<a/>", b"<rss>", b"no xml", b"<!DOCTYPE html><html></html>"])
def test_other_xml_is_refused(read, content):
    with pytest.raises(SourceError, match=r"expected a feed.*; or a WordPress export"):
        read(content)


def test_only_the_name_of_the_format_is_no_export(read):
    with pytest.raises(SourceError, match="expected a WordPress export"):
        read(b'<rss xmlns:wp="http://wordpress.org/export/1.2/"><channel/></rss>')


def test_in_a_folder_other_xml_is_passed_over(tmp_path):
    (tmp_path / "export.xml").write_bytes(EXPORT)
    (tmp_path / "build.xml").write_text("<project/>")
    (tmp_path / "sources.toml").write_text("x = 1")
    found = list(read_source(str(tmp_path)))
    assert [Path(reading.file).name for reading in found] == ["export.xml"] * 3


@given(st.integers(0, len(EXPORT)), st.binary(max_size=20))
def test_any_damage_ends_in_readings_or_in_words(tmp_path_factory, at, change):
    path = tmp_path_factory.getbasetemp() / "damaged.xml"
    path.write_bytes(EXPORT[:at] + change + EXPORT[at + len(change) :])
    with contextlib.suppress(SourceError):
        for found in read_source(str(path)):
            assert isinstance(found, Reading | BadLine)
            assert isinstance(found, BadLine) or "title" in found.fields or validate(found.fields)


PEAK = """
import resource, sys
from indexer.sources import read_source
count = sum(1 for reading in read_source(sys.argv[1]) if "image_url" in reading.fields)
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_file(tmp_path):
    """Sixteen times the file takes a tenth more memory at most; one at a time is what a tree of it all is not."""
    peaks = []
    for size in (500_000, 8_000_000):
        path = tmp_path / f"{size}.xml"
        wordpress_export.write(path, size)
        done = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True)
        count, peak = map(int, done.stdout.split())
        assert count > size / 6000
        peaks.append(peak)
    assert peaks[1] < 1.1 * peaks[0]
