"""What pages made by PHP, Python and Node show of related articles: the same of each, run by its own interpreter."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from lxml import html as lxml_html

from tests import web_server
from tests.browser.test_pages_browser import serve
from tests.databases import closed_port
from tests.interpreters import interpreter, run

ROOT = Path(__file__).parents[1] / "integrations"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> gốm & lửa"
ODD_ID = "gốm 100% & <b>?a=1#2\\3%2F"
LINES = [
    {"id": f"gom-{at}", "title": f"Lò gốm Lũng Vài, mẻ thứ {at}", "url": f"https://bao.example/gom-{at}.html?a=1&b=2"}
    for at in range(4)
] + [
    {"id": "xau", "title": HOSTILE, "section": HOSTILE, "url": "https://bao.example/\"'><b>.html"},
    {"id": "lien-ket", "title": "gốm có liên kết xấu", "url": "javascript:alert(3)"},
    {"id": ODD_ID, "title": "Hợp tác xã gốm Lũng Vài", "url": "https://bao.example/htx.html"},
]
FALLBACK = '<ul><li><a href="/">Tin của toà soạn</a></li></ul>'
MOMENT = 1
LONG = 30

# Each takes {"server", "articles", "limit", "seconds", "fallback", "state", "later"}, asks for one article after the
# other, and gives the HTML of each. `later`: before the last one, half a minute has passed.
PROGRAMS = {
    "php": r"""
        require $argv[1];
        $given = json_decode(stream_get_contents(STDIN), true);
        foreach ($given['articles'] as $at => $article) {
            if (($given['later'] ?? false) && $at === count($given['articles']) - 1) {
                foreach (glob($given['state'] . '/*') as $file) { touch($file, time() - 30); }
            }
            $hits = lienquan_hits($given['server'], $article, $given['limit'], $given['seconds'], $given['state']);
            $made[] = lienquan_html($hits, $given['fallback']);
        }
        echo json_encode($made, JSON_THROW_ON_ERROR);
    """,
    "python": """
import json, sys, time
sys.path.insert(0, sys.argv[1].rsplit("/", 1)[0])
import lienquan_related as lienquan
given, made, clock = json.load(sys.stdin), [], time.monotonic
for at, article in enumerate(given["articles"]):
    if given.get("later") and at == len(given["articles"]) - 1:
        time.monotonic = lambda: clock() + 30
    hits = lienquan.hits(given["server"], article, given["limit"], given["seconds"])
    made.append(lienquan.html(hits, given["fallback"]))
print(json.dumps(made))
""",
    "node": """
        import { readFileSync } from "node:fs";
        const { hits, html } = await import(process.argv.at(-1));
        const given = JSON.parse(readFileSync(0));
        const made = [], now = performance.now.bind(performance);
        for (const [at, article] of given.articles.entries()) {
          if (given.later && at === given.articles.length - 1) performance.now = () => now() + 30000;
          const found = await hits(given.server, article, { limit: given.limit, milliseconds: given.seconds * 1000 });
          made.push(html(found, { fallback: given.fallback }));
        }
        process.stdout.write(JSON.stringify(made));
    """,
}
FILES = {"php": "php/lienquan.php", "python": "python/lienquan_related.py", "node": "node/lienquan-related.mjs"}


@pytest.fixture(params=PROGRAMS)
def ask(request, tmp_path):
    """Return a function that asks for the related articles of some articles, one after the other, in one process."""
    language = request.param
    path = sys.executable if language == "python" else interpreter(language)
    options = {
        "php": ["-d", "display_errors=stderr", "-r"],
        "python": ["-I", "-c"],
        "node": ["--input-type=module", "-e"],
    }
    command = [path, *options[language], PROGRAMS[language], str(ROOT / FILES[language])]

    def now(server, *articles, seconds=LONG, fallback=FALLBACK, limit=6, trusted=None, **more):
        given = {"server": server, "articles": articles, "limit": limit, "seconds": seconds, "fallback": fallback}
        trusting = {} if trusted is None else {name: str(trusted) for name in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")}
        return run(command, given | {"state": str(tmp_path)} | more, trusting)

    return now


@pytest.fixture(scope="module")
def service(client_of):
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    address, stop = serve(client_of(LINES, min_related=0).application)
    yield address
    stop()


@pytest.fixture
def broken():
    with web_server.serve() as site:
        yield site


def listed(made):
    """Return title, address and section of each article in HTML, in which nothing else may be."""
    (section,) = lxml_html.fragments_fromstring(made)
    assert (section.tag, section.get("aria-label"), section.findtext("h2")) == (
        "section",
        "Bài liên quan",
        "Bài liên quan",
    )
    assert {node.tag for node in section.iter()} <= {"section", "h2", "ul", "li", "a", "span"}
    assert {name for node in section.iter() for name in node.attrib} == {"class", "aria-label", "href"}
    return [(item.findtext("a"), item.find("a").get("href"), item.findtext("span")) for item in section.iter("li")]


def expected(service, article, limit=6):
    with urlopen(f"{service}/api/v1/articles/{article}/related?limit={limit}") as answer:
        found = json.load(answer)["hits"]
    return [(hit["title"], hit["url"], hit["section"]) for hit in found if (hit["url"] or "").startswith("https:")]


def test_related_articles_as_the_service_gives_them(ask, service):
    first, second = ask(service, "gom-0", "gom-1")
    assert listed(first) == expected(service, "gom-0")
    assert listed(second) == expected(service, "gom-1")
    assert len(listed(first)) >= 4


def test_hostile_titles_and_addresses(ask, service):
    (made,) = ask(service, "gom-0", limit=50)
    found = {title: (url, section) for title, url, section in listed(made)}
    assert found[HOSTILE] == ("https://bao.example/\"'><b>.html", HOSTILE)
    assert {urlsplit(url).scheme for url, _ in found.values()} == {"https"}
    assert len(found) == len(LINES) - 2


def test_odd_ids_addresses_and_limits(ask, service):
    odd, by_address, none = ask(f"{service}/", ODD_ID, "https://bao.example/gom-0.html?b=2&a=1", "không có", limit=2)
    assert len(listed(odd)) == 2
    assert listed(by_address) == expected(service, "gom-0", 2)
    assert none == FALLBACK


def test_an_article_that_is_not_known_does_not_mean_that_the_service_is_down(ask, service):
    none, one = ask(service, "không có", "gom-0")
    assert none == FALLBACK
    assert listed(one)


def test_nobody_there(ask):
    assert ask(f"http://127.0.0.1:{closed_port()}", "a", "b") == [FALLBACK, FALLBACK]


@pytest.mark.parametrize(
    "server", ["", "không", "ftp://127.0.0.1", "javascript:1", "http://", "http://[", "http://a:b"]
)
def test_no_address(ask, server):
    assert ask(server, "a") == [FALLBACK]


def test_a_fallback_of_nothing(ask):
    assert ask(f"http://127.0.0.1:{closed_port()}", "a", fallback="") == [""]


def never(request):
    request.server.site.closing.wait(LONG)


@pytest.mark.parametrize("late", [never, web_server.slow_head, web_server.slowly], ids=["never", "head", "body"])
def test_a_slow_service_is_not_waited_for_and_not_asked_again(ask, broken, late):
    """Neither would end by itself, so that it ends at all says that there is a limit."""
    broken.pages["/api/v1/articles/a/related"] = late
    assert ask(broken.url, "a", "a", "a", seconds=MOMENT) == [FALLBACK] * 3
    assert len(broken.asked) <= 1  # on a busy machine the time is up before anything is sent


HITS = [{"title": "Một", "url": "https://bao.example/1", "section": None}]


@pytest.mark.parametrize(
    "body",
    [
        *("", "{", "null", "[]", "5", '"hits"', '{"hits": 5}', '{"hits": {"a": 1}}', "<html>Bảo trì</html>"),
        *("[" * 100_000, b"\xff\xfe{}", '{"hits": [', json.dumps({"hits": HITS, "x": "y" * 1_100_000})),
    ],
    ids=lambda body: str(body[:12]),
)
def test_garbage(ask, broken, body):
    broken.pages["/api/v1/articles/a/related"] = body
    assert ask(broken.url, "a", "a") == [FALLBACK, FALLBACK]
    assert len(broken.asked) == 1


@pytest.mark.parametrize(
    "hits",
    [
        [],
        [None, 1, "a", [], {}],
        [{"title": 5, "url": "https://bao.example/"}],
        [{"title": " ", "url": "https://a"}],
        [{"title": "a", "url": url} for url in ("", None, "/a", "//a/b", "javascript:1", "https://a b", " https://a")],
    ],
)
def test_nothing_that_can_be_shown_is_no_outage(ask, broken, hits):
    broken.pages["/api/v1/articles/a/related"] = json.dumps({"hits": hits})
    assert ask(broken.url, "a", "a") == [FALLBACK, FALLBACK]
    assert len(broken.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        *(web_server.failing(status) for status in (500, 503, 429, 403)),
        web_server.redirect("https://xau.example/"),
        web_server.half(json.dumps({"hits": HITS}).encode()),
        web_server.endlessly,
        web_server.two_gigabytes,
    ],
    ids=["500", "503", "429", "403", "redirect", "half", "endless", "two gigabytes"],
)
def test_errors(ask, broken, answer):
    broken.pages["/api/v1/articles/a/related"] = answer
    assert ask(broken.url, "a", "a") == [FALLBACK, FALLBACK]
    assert len(broken.asked) == 1


def test_it_is_asked_again_after_a_while_and_once_it_answers_always(ask, broken):
    answers = iter([web_server.failing(500)])
    whole = json.dumps({"hits": HITS})
    broken.pages["/api/v1/articles/a/related"] = lambda request: next(answers, lambda r: r.give(whole))(request)
    first, second, third = ask(broken.url, "a", "a", "a", later=True)
    assert (first, second) == (FALLBACK, FALLBACK)
    assert listed(third) == [("Một", "https://bao.example/1", None)]
    assert len(broken.asked) == 2
    assert len(ask(broken.url, "a", "a")) == 2
    assert len(broken.asked) == 4


def test_while_it_is_down_one_asks_now_and_then(ask, broken):
    broken.pages["/api/v1/articles/a/related"] = web_server.failing(500)
    ask(broken.url, "a", "a", "a", later=True)
    assert len(broken.asked) == 2


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed to make a certificate")
def test_https(ask, tmp_path):
    certificate = web_server.make_certificate(tmp_path)
    with web_server.serve(certificate) as site:
        site.pages |= {"/api/v1/articles/a/related": json.dumps({"hits": HITS})}
        site.pages |= {"/api/v1/articles/slow/related": web_server.slowly}
        assert ask(site.url, "a") == [FALLBACK]
        assert site.asked == []
        (tmp_path / "other").mkdir()
        trusting = {"trusted": f"{certificate}.crt", "state": str(tmp_path / "other")}
        (made,) = ask(site.url, "a", **trusting)
        assert listed(made) == [("Một", "https://bao.example/1", None)]
        assert ask(site.url, "slow", seconds=MOMENT, **trusting) == [FALLBACK]


def test_halves_of_letters_and_control_characters(ask, broken):
    broken.pages["/api/v1/articles/a/related"] = (
        '{"hits": [{"title": "\\ud83d gốm \\u0000", "url": "https://bao.example/1"}]}'
    )
    (made,) = ask(broken.url, "a")
    assert made == FALLBACK or "gốm" in made
    made.encode()


@pytest.mark.parametrize("path", FILES.values())
def test_each_is_one_file_that_needs_no_package(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    assert not any(word in text for word in ("require_once", "curl_", "import requests", 'from "node:', "process.env"))


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_the_element_is_the_one_that_the_service_serves():
    ours, served = ROOT / "web" / "lienquan-related.js", ROOT.parent / "service" / "static" / "lienquan-related.js"
    assert ours.read_bytes() == served.read_bytes()


class TestGuide:
    """docs/embedding.md names what the element takes, and nothing else."""

    SCRIPT = (ROOT / "web" / "lienquan-related.js").read_text(encoding="utf-8")
    TEXT = (ROOT.parent / "docs" / "embedding.md").read_text(encoding="utf-8")

    def table(self, heading):
        """Return the names in the first column of a table."""
        rows = self.TEXT.split(f"\n| {heading} |")[1].split("\n\n")[0].splitlines()[2:]
        return {name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])}

    def test_attributes(self):
        taken = set(re.findall(r"""Attribute\("(\w+)"\)""", self.SCRIPT))
        observed = set(re.search(r'observedAttributes = "([^"]+)"', self.SCRIPT)[1].split())
        assert self.table("attribute") == taken | {"lang"}
        assert observed <= taken | {"lang"}

    def test_variables(self):
        assert self.table("variable") == set(re.findall(r"--lienquan-\w+", self.SCRIPT))

    def test_parts(self):
        made = set(re.findall(r"""make\((?:"\w+"|`[^`]+`), "(\w+)""", self.SCRIPT))
        said = self.TEXT.split("parts are ")[1].split(".\n")[0]
        assert set(re.findall(r"`(\w+)`", said)) == made

    def test_limits(self):
        assert f"{re.search(r'PATIENCE = (.+?);', self.SCRIPT)[1]} by default" in self.TEXT
