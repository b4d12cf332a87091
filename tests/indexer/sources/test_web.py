"""Feeds and sitemaps of the web: what is asked for again, what of it stays, and what a hostile server cannot do.

The server is on this machine, so that private addresses are allowed, and asked without a pause.
"""

import gzip
import json
from dataclasses import replace

import pytest

from indexer.building.build import BuildOptions, build
from indexer.snapshot.home import Home
from indexer.sources import BadLine, Reading, SourceOptions, read_source, web
from indexer.sources import remote as remotes
from indexer.sources.described import WebSource
from indexer.sources.fetching import FetchLimits
from indexer.sources.memory import open_memory
from indexer.sources.politeness import Web
from models.hashing import HashingEncoder
from tests import web_server

WORDS = "Bà con xuống chợ từ bốn giờ sáng khi sương còn phủ kín sườn đồi và đèn pin nối nhau thành một dải dài. " * 4


@pytest.fixture
def site():
    with web_server.serve() as served:
        yield served


@pytest.fixture
def options(tmp_path):
    return SourceOptions(memory=tmp_path, allow_private=True)


@pytest.fixture
def read(site, options):
    """Return a function that reads a path of the site and gives titles, and what was wrong."""

    def of_path(path, said=options, **settings):
        source = WebSource(url=site.url + path, delay=0, seconds=settings.pop("seconds", 10), **settings)
        found = list(remotes.read(source, said))
        titles = [reading.fields["title"] for reading in found if isinstance(reading, Reading)]
        return titles, [bad for bad in found if isinstance(bad, BadLine)]

    return of_path


def reasons(bad):
    return [(line.raw.rsplit("/", 1)[1], line.reason) for line in bad]


def page(title, url="", words=WORDS):
    canonical = f'<link rel="canonical" href="{url}">' if url else ""
    return (
        f'<html><head><title>{title}</title>{canonical}<meta property="og:type" content="article">'
        f"</head><body><article><h1>{title}</h1><p>{words}</p></article></body></html>"
    )


def rss(site, *numbers, full=True):
    text = (
        f"<content:encoded>&lt;p&gt;{WORDS}&lt;/p&gt;</content:encoded>" if full else "<description>mẩu</description>"
    )
    item = f"<item><title>Tin %s</title><link>{site.url}/%s.html</link>{text}</item>"
    items = "".join(item % (number, number) for number in numbers)
    namespace = 'xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    return f'<?xml version="1.0"?><rss version="2.0" {namespace}><channel>{items}</channel></rss>'


def urlset(site, **changed):
    places = "".join(
        f"<url><loc>{site.url}/{name}.html</loc>{f'<lastmod>{when}</lastmod>' if when else ''}</url>"
        for name, when in changed.items()
    )
    return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{places}</urlset>'


class TestFeeds:
    def test_what_left_the_feed_stays(self, site, read):
        site.pages["/feed"] = rss(site, 2, 1)
        assert read("/feed") == (["Tin 1", "Tin 2"], [])
        site.pages["/feed"] = rss(site, 4, 3)
        assert read("/feed") == (["Tin 1", "Tin 2", "Tin 3", "Tin 4"], [])

    def test_it_is_asked_for_only_if_it_changed(self, site, read):
        def feed(request):
            if request.headers.get("If-None-Match") == '"5"' and request.headers.get("If-Modified-Since") == "then":
                request.start(304, {})
            else:
                request.give(rss(site, 1), ETag='"5"', Last_Modified="then")

        site.pages["/feed"] = feed
        assert [read("/feed") for _ in range(3)] == [(["Tin 1"], [])] * 3
        assert ["If-None-Match" in sent for sent in site.requests] == [False, True, True]

    def test_the_pages_of_teasers_are_read_once(self, site, read):
        site.pages |= {"/feed": rss(site, 1, 2, full=False), "/1.html": page("Tin 1 đầy đủ"), "/2.html": page("Tin 2")}
        assert read("/feed") == (["Tin 2", "Tin 1 đầy đủ"], [])
        assert sorted(site.asked) == ["/1.html", "/2.html", "/feed", "/robots.txt"]
        read("/feed")
        assert sorted(site.asked) == ["/1.html", "/2.html", "/feed", "/feed", "/robots.txt"]

    def test_without_pages(self, site, read):
        site.pages["/feed"] = rss(site, 1, full=False)
        assert read("/feed", pages=False) == (["Tin 1"], [])
        assert site.asked == ["/feed"]

    def test_a_page_that_cannot_be_read_now_is_asked_for_again(self, site, read):
        site.pages |= {"/feed": rss(site, 1, full=False), "/1.html": web_server.failing(503)}
        titles, bad = read("/feed")
        assert (titles, reasons(bad)) == (
            ["Tin 1"],
            [("1.html", "expected status 200, found 503: what the feed says of it is taken")],
        )
        site.pages["/1.html"] = page("Tin 1 đầy đủ")
        assert read("/feed") == (["Tin 1 đầy đủ"], [])

    def test_robots_txt_is_heard(self, site, read):
        site.pages |= {
            "/feed": rss(site, 1, full=False),
            "/1.html": page("x"),
            "/robots.txt": "User-agent: *\nDisallow: /",
        }
        titles, bad = read("/feed")
        assert titles == ["Tin 1"]
        assert "robots.txt asks not to read it" in bad[0].reason
        assert "/1.html" not in site.asked

    def test_an_entry_that_was_changed(self, site, read):
        site.pages["/feed"] = rss(site, 1)
        read("/feed")
        site.pages["/feed"] = rss(site, 1).replace("bốn giờ", "năm giờ")
        assert read("/feed") == (["Tin 1"], [])

    def test_an_empty_one_takes_nothing_away(self, site, read):
        site.pages["/feed"] = rss(site, 1)
        read("/feed")
        site.pages["/feed"] = rss(site)
        titles, bad = read("/feed")
        assert (titles, reasons(bad)) == (
            ["Tin 1"],
            [("feed", "expected entries in the feed, found none: what it had is kept")],
        )

    def test_json_feed(self, site, read):
        items = [{"id": "1", "title": "Tin 1", "content_text": WORDS}]
        site.pages["/feed"] = json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": items})
        assert read("/feed") == (["Tin 1"], [])

    def test_a_page_names_its_feeds(self, site, read):
        site.pages["/"] = (
            '<!doctype html><html><head><link rel="alternate" type="application/rss+xml" href="/tin.rss"></head></html>'
        )
        _, (bad,) = read("/")
        assert bad.reason == "expected a feed or a sitemap, found a page; it names /tin.rss"


class TestSitemaps:
    def test_pages_are_read_once_and_again_when_they_change(self, site, read):
        site.pages |= {"/map": urlset(site, a="1", b=""), "/a.html": page("Một"), "/b.html": page("Hai")}
        assert read("/map") == (["Một", "Hai"], [])
        site.pages |= {"/map": urlset(site, a="2", b=""), "/a.html": page("Một mới")}
        assert read("/map") == (["Một mới", "Hai"], [])
        assert site.asked.count("/b.html") == 1

    def test_one_address_has_one_id_by_feed_and_sitemap(self, site, read, options):
        site.pages |= {"/map": urlset(site, a=""), "/feed": rss(site, "a", full=False), "/a.html": page("Một")}
        by_map, by_feed = (
            [r.fields["id"] for r in remotes.read(WebSource(url=site.url + path, delay=0), options)]
            for path in ("/map", "/feed")
        )
        assert by_map == by_feed

    def test_an_index_of_packed_ones(self, site, read):
        listed = "".join(f"<sitemap><loc>{site.url}/{name}</loc></sitemap>" for name in ("1.xml.gz", "2.xml", "index"))
        site.pages |= {
            "/index": f"<sitemapindex>{listed}</sitemapindex>",
            "/1.xml.gz": gzip.compress(urlset(site, a="").encode()),
            "/2.xml": urlset(site, b=""),
            "/a.html": page("Một"),
            "/b.html": page("Hai"),
        }
        assert read("/index") == (["Một", "Hai"], [])

    def test_one_of_an_index_that_fails_leaves_the_others(self, site, read):
        listed = "".join(f"<sitemap><loc>{site.url}/{name}</loc></sitemap>" for name in ("1.xml", "2.xml"))
        site.pages |= {"/index": f"<sitemapindex>{listed}</sitemapindex>", "/2.xml": urlset(site, b="")}
        site.pages |= {"/1.xml": web_server.failing(500), "/b.html": page("Hai")}
        titles, bad = read("/index")
        assert (titles, reasons(bad)) == (["Hai"], [("1.xml", "expected status 200, found 500")])
        assert bad[0].incomplete

    def test_what_is_listed_no_more_goes_only_if_its_page_is_gone(self, site, read):
        site.pages |= {"/map": urlset(site, a="", b="", c="")}
        site.pages |= {f"/{name}.html": page(name.upper() * 3) for name in "abc"}
        assert read("/map") == (["AAA", "BBB", "CCC"], [])
        site.pages |= {"/map": urlset(site, a=""), "/c.html": web_server.failing(410)}
        assert read("/map") == (["AAA", "BBB"], [])
        asked = len(site.asked)
        assert read("/map") == (["AAA", "BBB"], [])
        assert site.asked[asked:] == ["/map"]  # that /b.html is still there is known

    def test_news_that_left_the_sitemap_stay(self, site, read):
        def news(name):
            return (
                '<urlset xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"><url>'
                f"<loc>{site.url}/{name}.html</loc><news:news><news:publication_date>2026-11-25"
                "</news:publication_date></news:news></url></urlset>"
            )

        site.pages |= {"/map": news("a"), "/a.html": page("Một"), "/b.html": page("Hai")}
        read("/map")
        site.pages |= {"/map": news("b"), "/a.html": web_server.failing(404)}
        assert read("/map") == (["Một", "Hai"], [])

    def test_a_listed_page_that_is_gone_takes_its_article(self, site, read):
        site.pages |= {"/map": urlset(site, a="1", b=""), "/a.html": page("Một"), "/b.html": page("Hai")}
        read("/map")
        site.pages |= {"/map": urlset(site, a="2", b=""), "/a.html": web_server.failing(404)}
        titles, bad = read("/map")
        assert (titles, reasons(bad)) == (["Hai"], [("a.html", "expected status 200, found 404")])

    def test_a_page_that_is_no_article_is_asked_for_once(self, site, read):
        site.pages |= {"/map": urlset(site, a="", b=""), "/a.html": "<html><title>Mục</title><p>x</p></html>"}
        site.pages["/b.html"] = page("Hai")
        titles, bad = read("/map")
        assert titles == ["Hai"]
        assert bad[0].reason.startswith("expected an article, found ")
        assert read("/map") == (["Hai"], [])
        assert site.asked.count("/a.html") == 1

    def test_include(self, site, read):
        site.pages |= {"/map": urlset(site, a="", b=""), "/a.html": page("Một"), "/b.html": page("Hai")}
        assert read("/map", include=r"/b\.") == (["Hai"], [])

    def test_a_look_reads_a_few_pages(self, site, read):
        site.pages["/map"] = urlset(site, **dict.fromkeys("abcdef", ""))
        site.pages |= {f"/{name}.html": page(name.upper() * 3) for name in "abcdef"}
        assert read("/map", SourceOptions(allow_private=True, most_pages=2)) == (["AAA", "BBB"], [])

    def test_where_time_is_up_the_next_run_goes_on(self, site, options):
        """Each page takes ten seconds of a clock of its own; nothing is asked for twice, and the run ends once."""

        class Slow(Web):
            now = 0.0

            def _once(self, url, headers, bounds):
                Slow.now += 10
                return super()._once(url, headers, bounds)

        def slow(*_):
            return Slow(FetchLimits(private=True, seconds=10), 0, clock=lambda: Slow.now)

        inner = "".join(f"<sitemap><loc>{site.url}/map{n}</loc></sitemap>" for n in range(5))
        site.pages["/map"] = f"<sitemapindex>{inner}</sitemapindex>"
        site.pages |= {f"/map{n}": urlset(site, **{f"{n}a": "", f"{n}b": ""}) for n in range(5)}
        site.pages |= {f"/{n}{x}.html": page(f"Tin {n}{x}") for n in range(5) for x in "ab"}
        source = WebSource(url=site.url + "/map", delay=0)
        runs = 0
        with open_memory(options.memory, source.source_key) as memory:
            while runs == 0 or memory.state["left"]:
                said = replace(options, most_seconds=45)
                assert list(web.update(source, slow(), memory, said)) == []
                runs += 1
                assert runs < 12
            assert memory.articles() == 10
            assert (memory.complete, memory.run, "sitemaps" in memory.state) == (True, 1, False)
        assert runs > 3
        pages = [path for path in site.asked if path.endswith(".html")]
        assert len(pages) == len(set(pages)) == 10

    def test_addresses_that_are_none_are_passed_over(self, site, read):
        hostile = "<urlset><url><loc>file:///etc/passwd</loc></url><url><loc>javascript:1</loc></url></urlset>"
        site.pages["/map"] = hostile
        assert read("/map") == ([], [])


HOSTILE = {
    "500": (web_server.failing(500), "expected status 200, found 500"),
    "nothing": (lambda request: None, "expected a whole answer: "),
    "an empty body": (lambda request: request.give(b""), "expected a feed, found nothing"),
    "garbage": (lambda request: request.give(bytes(range(256)) * 100), "expected a feed"),
    "another page": (lambda request: request.give("<html><body>Bảo trì</body></html>"), "found a page"),
    "half a body": (web_server.half(b"<rss version='2.0'><channel>" + b" " * 1000), "expected a whole answer: "),
    "a redirect loop": (lambda request: web_server.redirect("/feed")(request), "found a loop of redirects"),
    "2 GB announced": (web_server.two_gigabytes, "expected at most 50 MiB"),
    "2 GB": (web_server.endlessly, "expected at most 50 MiB"),
    "a gzip bomb": (
        lambda request: request.give(BOMB, Content_Encoding="gzip"),
        "expected at most 50 MiB, found more",
    ),
    "a gzip bomb as a file": (lambda request: request.give(BOMB), "expected at most 50 MiB unpacked"),
    "one byte now and then": (web_server.slowly, "expected a whole answer within 0.3 s"),
    "one byte of a head now and then": (web_server.slow_head, "expected a whole answer within 0.3 s"),
    "entities": (
        lambda request: request.give('<!DOCTYPE r [<!ENTITY a "b">]><rss version="2.0"><channel/></rss>'),
        "expected a feed without entities of its own",
    ),
}
BOMB = gzip.compress(bytes(60 * 2**20), 1)


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_server_that_never_answered_brings_nothing_and_says_that_more_is_missing(site, read, what):
    site.pages["/feed"], expected = HOSTILE[what]
    titles, (bad,) = read("/feed", seconds=0.3 if "now and then" in what else 10)
    assert titles == []
    assert expected in bad.reason
    assert bad.incomplete


def test_a_redirect_to_a_private_address_is_told(site, options):
    """Here the first machine counts as private too; whoever is redirected is held by `fetching`'s own tests."""
    site.pages["/feed"] = web_server.redirect("http://169.254.169.254/latest/meta-data/")
    (bad,) = remotes.read(WebSource(url=site.url + "/feed", delay=0), SourceOptions(memory=options.memory))
    assert "expected a public address" in bad.reason
    assert bad.incomplete
    assert site.asked == []


class TestArchives:
    """The same, as a whole archive is built from it."""

    @pytest.fixture
    def index(self, site, tmp_path):
        listed = tmp_path / "sources.toml"

        def run(**settings):
            more = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
            listed.write_text(f'[[source]]\ntype = "rss"\nurl = "{site.url}/feed"\ndelay = 0\n{more}')
            home = tmp_path / "home"
            said = SourceOptions(memory=home, allow_private=True)
            return build(Home(home), [str(listed)], HashingEncoder, BuildOptions(source=said))

        return run

    @pytest.mark.parametrize("what", HOSTILE)
    def test_what_was_indexed_stays(self, site, index, what):
        site.pages["/feed"] = rss(site, 1, 2)
        assert index().articles == 2
        site.pages["/feed"], expected = HOSTILE[what]
        report = index(seconds=0.3) if "now and then" in what else index()
        assert (report.articles, report.removed, report.snapshot, report.incomplete) == (2, 0, None, [])
        assert [expected in str(problem) for problem in report.problems] == [True]
        site.pages["/feed"] = rss(site, 3)
        assert index().articles == 3

    def test_twice_publishes_once(self, site, index):
        site.pages["/feed"] = rss(site, 1)
        assert index().snapshot is not None
        assert index().snapshot is None


def test_an_address_on_the_command_line(site, options):
    site.pages["/feed"] = rss(site, 1)
    (reading,) = read_source(site.url + "/feed", options)
    assert reading.fields["title"] == "Tin 1"
