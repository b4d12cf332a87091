"""Documents that nobody meant well, for every reader of sources: feeds, sitemaps, exports, pages, lines and tables.

Hypothesis draws a document: a good one of its kind, then edits of it. Most edits repeat a short piece many times:
that is what makes a parser slow. A child process reads the documents, and takes each article as far as its tokens. The
parent watches the processor time of the child, so that a busy machine is no fault of a reader. A document is wrong if
it takes more than `MOST_SECONDS`, raises anything but the reader's own errors, or ends the process.
"""

from __future__ import annotations

import gzip
import json
import os
import pkgutil
import subprocess
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from indexer.articles.article import Article, validate
from indexer.errors import SourceError
from indexer.sources import read_source, sitemap
from indexer.sources.reading import Reading
from indexer.text import syllables
from tests import html_layouts

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "tests" / "data" / "sources"
MOST_SECONDS = 5.0
"""Of processor time, for one document."""

LARGEST = 1_000_000
"""Bytes of a document."""

BATCH = 200
"""Documents that one child reads; another child follows it."""

_TICKS = os.sysconf("SC_CLK_TCK")
_CURRENT = "document"

ARTICLE = {
    "id": "b1",
    "title": "Công nhân Trạch Vân nhận hỗ trợ - Báo Bình Minh",
    "lead": "Theo Nghị định 08/2023/NĐ-CP, người lao động được nhận hỗ trợ.",
    "body_html": "<p>Sáng 15/8, <b>Công đoàn</b> Trạch Vân trao quà.</p><p>[caption id='a']Ảnh[/caption]</p>",
    "url": "https://m.bao.example/amp/cong-nhan.html?utm_source=x&a=1",
    "aliases": ["https://bao.example/?p=1"],
    "tags": ["công đoàn", "hỗ trợ"],
    "published_at": "2025-08-15T09:00:00+07:00",
    "extra": {"a": [1, {"b": None}]},
}


def _good() -> dict[str, list[bytes]]:
    """Return good documents by the ending of their file; `.sitemap` and `.page` are what an address answers."""
    pages = [content for _, _, _, content in html_layouts.pages()]
    sitemaps = [
        (SOURCES / "news-sitemap.xml").read_bytes(),
        b"<?xml version='1.0'?><sitemapindex xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><sitemap>"
        b"<loc>https://bao.example/a.xml</loc><lastmod>2025-01-01</lastmod></sitemap></sitemapindex>",
    ]
    line = json.dumps(ARTICLE, ensure_ascii=False).encode()
    plain = f"{ARTICLE['title']}\n\n{ARTICLE['lead']}\n\nSáng 15/8, Công đoàn Trạch Vân trao quà. " * 3
    row = ["id", "title", "lead", "tags"]
    table = "\n".join(",".join(f'"{cell}"' for cell in cells) for cells in (row, ["b1", "Tựa, đề", "Sapo", "a;b"]))
    return {
        ".xml": [(SOURCES / name).read_bytes() for name in ("rss.xml", "atom.xml", "export.xml", "feed.json")],
        ".sitemap": [*sitemaps, *(gzip.compress(one) for one in sitemaps)],
        ".html": pages,
        ".jsonl": [line + b"\n" + line.replace(b"b1", b"b2")],
        ".csv": [table.encode(), table.replace(",", ";").encode("utf-16"), table.encode("utf-8-sig")],
        ".tsv": [table.replace(",", "\t").encode()],
        ".txt": [plain.encode(), (ROOT / "README.md").read_bytes()[:4000]],
        ".jsonl.gz": [gzip.compress(line)],
    }


_MARKUP = (
    "<!---->|<!--|-->|</rss>|<link |<link>|<a |<a b='|<b>|</b>|<p>|<div class='a'>|<td>|<table>|<|>|<<|=|\"|'|&|&amp;|"
    "&#1114111;|&#x|<![CDATA[|]]>|<?xml?>|<!DOCTYPE a [|<!ENTITY a 'b'>|<script>|</script>|<svg>|<math>|<style>|<font|"
    "<script type='application/ld+json'>|<meta property='og:title' content='a'>|<select>|<item><title>a</title></item>|"
    "<item>|<url><loc>a</loc></url>|<category>a</category>|<content:encoded>"
).split("|")
_TEXT = (
    '[a |[a a=b]|[caption]|[/caption]|[|]|\\|{|}|{"a":|[[|,|;|\t|\n|\r|\r\n|\r\n\r\n|\0|\u00a0|\u200b|\ufeff|\u0301|'
    "a\u0301\u0323|ệ|Ａ|a1|1.|1/|a-|a|A| - báo x| | - |…|...|(GMT+7)|2025-01-01|15/8/2025 |9:30 |http://a.|//|/amp|m.|"
    "?a=1&|https://bao.example/a |.|:|-|_|(|)|“|”|0|9|aA|Nguyễn |LĐLĐ |(LĐLĐ) |BHXH: |Đ"
).split("|")


@dataclass
class Found:
    """What came of it.

    :param documents: How many were read, by the ending of their file.
    :param slowest: Seconds of processor time of the slowest, and which ending it had.
    :param wrong: What is wrong with a reader, with a file that shows it again.
    """

    documents: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, str] = (0.0, "")
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kinds = ", ".join(f"{count:,} {ending}" for ending, count in sorted(self.documents.items()))
        return f"{self.documents.total():,} documents ({kinds}), slowest {self.slowest[0]:.2f} s ({self.slowest[1]})"


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, bytes]:
    """Draw the ending of a file, and its content."""
    good = _GOOD
    ending = draw(st.sampled_from(sorted(good)))
    content = draw(st.sampled_from(good[ending]))
    for _ in range(draw(st.integers(1, 4))):
        content = _edited(draw, content)[:LARGEST]
    return ending, content


def _edited(draw: st.DrawFn, content: bytes) -> bytes:
    """Return a document with one more edit."""
    start = draw(st.integers(0, len(content)))
    way = draw(st.sampled_from(["pump", "pump", "pump", "sample", "cut", "flip", "remove", "attributes", "nest"]))
    if way == "cut":
        return content[:start]
    if way == "flip":
        return content[:start] + bytes([draw(st.integers(0, 255))]) + content[start + 1 :]
    if way == "remove":
        return content[:start] + content[start + draw(st.integers(1, 200)) :]
    times = draw(st.sampled_from([2, 40, 1000, 20_000, 100_000]))
    if way == "sample":
        piece = content[start : start + draw(st.integers(1, 60))]
    else:
        piece = "".join(draw(st.lists(st.sampled_from(_MARKUP + _TEXT), min_size=1, max_size=3))).encode()
    if way == "attributes":
        run = (
            b"<a " + b" ".join(b"%s%d" % (draw(st.sampled_from([b"a", b"x:", b"on"])), n) for n in range(times)) + b">"
        )
    elif way == "nest":
        name = draw(st.sampled_from([b"b", b"div", b"item", b"table><tr><td", b"ul><li", b"a:b"]))
        run = (b"<" + name + b">") * min(times, 20_000)
    else:
        run = piece * max(1, min(times, LARGEST // max(len(piece), 1)))
    return content[:start] + run + content[start:]


_GOOD = _good()


def read(path: Path) -> int:
    """Read a document as a source, take each article as far as its tokens, and return how many there were."""
    ending, content = path.suffix, path.read_bytes()
    if ending == ".sitemap":
        return _addresses(content)
    count = 0
    for found in read_source(str(path)):
        count += 1
        if isinstance(found, Reading):
            _prepare(validate(found.fields))
        else:
            str(found)
    return count


def _addresses(content: bytes) -> int:
    sitemap.looks_like_sitemap(content)
    try:
        return len(sitemap.parse(sitemap.unpacked(content)).places)
    except sitemap.NotSitemap:
        return 0


def _prepare(article: Article | list[tuple[str, str, str]]) -> None:
    if not isinstance(article, Article):
        return
    for text in (article.title, article.lead or "", article.plain_body or ""):
        syllables.syllables(text)
        syllables.codes(text)
    article.views  # noqa: B018


def run(
    directory: Path,
    rounds: int,
    first_seed: int,
    reader: str = "tests.torture.readers:read",
    most: float = MOST_SECONDS,
) -> Found:
    """Read so many documents and return what was found.

    :param reader: Module and name of what reads a document, given its path.
    :param most: Seconds of processor time for one document.
    """
    found = Found()
    while (left := rounds - found.documents.total()) > 0 and len(found.wrong) < 20:
        _batch(directory, [reader, str(first_seed), str(min(BATCH, left))], most, found)
        first_seed += 1
    return found


def _batch(directory: Path, arguments: list[str], most: float, found: Found) -> None:
    """Have a child read documents. It says which one it begins; the parent watches how long that takes."""
    place = directory / arguments[1]
    place.mkdir()
    command = [sys.executable, "-m", "tests.torture.readers", str(place), *arguments]
    with (place / "said").open("w+") as said, (place / "errors").open("w+") as errors:
        child = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=errors)
        begun, since, status = 0, 0.0, None
        while status is None:
            time.sleep(0.05)
            used, status = _processor_seconds(child.pid), child.poll()
            read_by_now = (place / "said").read_text().splitlines()
            if len(read_by_now) != begun:
                begun, since = len(read_by_now), used
            elif begun and used - since > most:
                child.kill()
                child.wait()
                found.wrong.append(_kept(directory, place, f"takes more than {most} s"))
                break
        if status not in (None, 0):
            errors.seek(0)
            found.wrong.append(_kept(directory, place, f"exit status {status}: {errors.read()[-2000:]}"))
    _count((place / "said").read_text().splitlines(), found)


def _count(lines: Iterable[str], found: Found) -> None:
    for line in lines:
        ending, _, seconds = line.partition(" ")
        if not seconds:
            found.documents[ending] += 1
        else:
            found.slowest = max(found.slowest, (float(seconds), ending))


def _kept(directory: Path, place: Path, fault: str) -> str:
    """Keep the document that is being read, outside of what is taken away in the end; return what is wrong with it."""
    document = next(place.glob(f"{_CURRENT}.*"), None)
    if document is None:
        return f"no document: {fault}"
    keep = Path(os.environ.get("LIENQUAN_FUZZ_KEEP") or directory.parent / "lienquan-readers-wrong")
    keep.mkdir(exist_ok=True)
    kept = keep / f"{place.name}{''.join(document.suffixes)}"
    document.replace(kept)
    return f"{kept}: {fault}"


def _processor_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _child(place: Path, reader: str, number: int, count: int) -> None:
    read_document = pkgutil.resolve_name(reader)
    warnings.simplefilter("ignore")

    @seed(number)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(documents())
    def each(document: tuple[str, bytes]) -> None:
        ending, content = document
        path = place / f"{_CURRENT}{ending}"
        path.write_bytes(content)
        print(ending, flush=True)
        began = time.process_time()
        try:
            read_document(path)
        except SourceError:
            pass  # a reader's own word for what it cannot read
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        print(f"{ending} {time.process_time() - began:.3f}", flush=True)
        path.unlink()

    each()


if __name__ == "__main__":
    _child(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
