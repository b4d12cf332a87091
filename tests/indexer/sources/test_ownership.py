"""What a site tells of another site's articles never takes the place of what that site tells itself."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from indexer.archive import Archive
from indexer.articles.article import validate
from indexer.errors import SourceError
from indexer.snapshot.home import Home
from indexer.snapshot.snapshot import Snapshot
from indexer.sources import Reading, registry
from indexer.sources.described import WebSource, WordPressSource
from indexer.sources.ownership import Ownership, hosts_of
from indexer.text.addresses import host_key
from service.cli import main
from tests import web_server
from tests.wordpress_site import WordPress

LONG = "Chữ bịa ra dài hơn hẳn bài thật, để bản này trông đầy đủ hơn. " * 20
TRUE = "Bà con xuống chợ từ bốn giờ sáng khi sương còn phủ kín sườn đồi và đèn pin nối nhau. " * 6


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.bao.example/a.html", "bao.example"),
        ("http://m.bao.example", "bao.example"),
        ("//BAO.example:443/x?y#z", "bao.example"),
        ("bao.example", "bao.example"),
        ("https://thethao.bao.example/", "thethao.bao.example"),
        ("http://127.0.0.1:8001/1.html", "127.0.0.1:8001"),
        ("https://user@bao.example/", "bao.example"),
        ("http://[::1]:8080/", "::1:8080"),
        *(("", ""), ("http://", ""), ("http://[", ""), ("http://a:99999/", "")),
    ],
)
def test_the_host_of_an_address(url, host):
    assert host_key(url) == host


def owning(**hosts):
    return Ownership((name, frozenset(owned.split())) for name, owned in hosts.items())


def reading(teller, url="", derived=True, **fields):
    given = {"id": "x", "title": "Tin", **({"url": url} if url else {}), **fields}
    return Reading(1, given, derived, teller=teller), validate(given)


class TestOrigin:
    OWNERS = owning(a="a.example", b="b.example c.example")

    @pytest.mark.parametrize(
        ("teller", "url", "origin"),
        [
            ("a", "https://www.a.example/1", "source"),
            ("b", "https://a.example/1", None),
            ("a", "https://c.example/1", None),
            ("b", "https://m.c.example/1", "source"),
            ("", "https://a.example/1", "source"),  # the operator's own file
            ("a", "", "source"),
        ],
    )
    def test_each_owns_its_hosts(self, teller, url, origin):
        assert self.OWNERS.origin(*reading(teller, url)) == origin

    def test_what_lies_on_nobody_s_host_is_told_by_its_teller(self):
        first, second = (self.OWNERS.origin(*reading(name, "https://d.example/1")) for name in "ab")
        assert first.startswith("told ")
        assert second.startswith("told ")
        assert first != second
        assert self.OWNERS.origin(*reading("a", "https://sub.a.example/1")) == first

    def test_what_is_left_to_others_is_counted(self):
        owners = owning(a="a.example", b="b.example")
        owners.origin(*reading("b", "https://a.example/1"))
        owners.origin(*reading("b", "https://b.example/1"))
        assert owners.left == {"b": 1}

    def test_names_that_are_not_its_own_are_taken_away(self):
        given = reading("b", "https://b.example/1", aliases=["https://a.example/1", "https://b.example/0", "a-1"])
        assert self.OWNERS.own_names(*given).aliases == ["https://b.example/0"]
        own = reading("", "https://b.example/1", aliases=["https://a.example/1", "a-1"])
        assert self.OWNERS.own_names(*own) is own[1]


class TestHosts:
    def test_its_own_and_what_the_setting_adds(self):
        assert hosts_of(WebSource(url="https://www.bao.example/rss")) == {"bao.example"}
        source = WordPressSource(url="https://cms.bao.example/en", hosts=["www.bao.example", "tin.example"])
        assert hosts_of(source) == {"cms.bao.example", "bao.example", "tin.example"}

    @pytest.mark.parametrize("host", ["https://bao.example", "bao.example/x", "", "a b"])
    def test_odd_hosts(self, tmp_path, host):
        path = tmp_path / "s.toml"
        path.write_text(f'[[source]]\ntype = "rss"\nurl = "https://bao.example/rss"\nhosts = ["{host}"]\n')
        with pytest.raises(SourceError, match=r"\[\[source\]\] 1: hosts\.0: "):
            registry.load(path)


@pytest.fixture
def a():
    with web_server.serve() as served:
        served.pages["/feed"] = rss(item("Thật", f"{served.url}/1.html", TRUE))
        yield served


@pytest.fixture
def b(a):
    """Serve a feed that lists the other one's article with a longer text, and one of its own."""
    with web_server.serve() as served:
        items = item("Giả", f"{a.url}/1.html", LONG) + item("Tin B", f"{served.url}/2.html", TRUE)
        served.pages["/feed"] = rss(items)
        yield served


def item(title, link, text, guid=""):
    address = f"<link>{link}</link>" if link else ""
    mark = f'<guid isPermaLink="false">{guid}</guid>' if guid else ""
    body = f"<content:encoded>&lt;p&gt;{text}&lt;/p&gt;</content:encoded>"
    return f"<item><title>{title}</title>{address}{mark}{body}</item>"


def rss(items):
    namespace = 'xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    return f'<?xml version="1.0"?><rss version="2.0" {namespace}><channel>{items}</channel></rss>'


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def run(tmp_path, home):
    """Return a function that runs a command over feeds, in this order."""

    def command(name, *sites, path="/feed", more=()):
        listed = tmp_path / f"{len(list(tmp_path.iterdir()))}.toml"
        places = [site if isinstance(site, str) else f'type = "rss"\nurl = "{site.url}{path}"' for site in sites]
        listed.write_text("".join(f"[[source]]\n{place}\n" for place in places).replace("\nurl", "\ndelay = 0\nurl"))
        words = {"index": ["index"], "add": ["index", "--add"], "sync": ["sync", "--once"]}[name]
        said = [*words, str(listed), "--home", str(home), "--allow-private", *more]
        result = CliRunner().invoke(main, said, env={"LIENQUAN_MODEL": "hashing"})
        assert result.exit_code == 0, result.output
        return result.stdout

    return command


def titles(home):
    place = Home(home)
    archive = Archive(Snapshot(place.directory(place.current())))
    found = [
        article.title
        for segment in archive.segments
        for article in segment.store.articles(np.flatnonzero(segment.alive).tolist())
    ]
    archive.close()
    return sorted(found)


class TestAHostileFeed:
    @pytest.mark.parametrize("command", ["index", "sync"])
    @pytest.mark.parametrize("first", ["a", "b"])
    def test_lists_another_s_article_with_a_longer_text(self, run, home, a, b, command, first):
        order = (a, b) if first == "a" else (b, a)
        said = run(command, *order)
        assert titles(home) == ["Thật", "Tin B"]
        if command == "index":
            assert "1 articles were told by other sources than those that own them" in said
        run(command, *order)
        assert titles(home) == ["Thật", "Tin B"]

    def test_is_added_after_the_owner(self, run, home, a, b):
        run("index", a)
        run("add", b)
        assert titles(home) == ["Thật", "Tin B"]

    def test_is_added_before_the_owner(self, run, home, a, b):
        run("index", b)
        assert titles(home) == ["Giả", "Tin B"]
        run("add", a)
        assert titles(home) == ["Thật", "Tin B"]
        run("add", b)
        assert titles(home) == ["Thật", "Tin B"]

    def test_is_followed_before_the_owner_is(self, run, home, a, b):
        run("sync", b)
        run("sync", b, a)
        assert titles(home) == ["Thật", "Tin B"]

    def test_creates_no_article_of_another_s(self, run, home, a, b):
        b.pages["/feed"] = rss(item("Giả", f"{a.url}/9.html", LONG) + item("Tin B", f"{b.url}/2.html", TRUE))
        run("index", b, a)
        assert titles(home) == ["Thật", "Tin B"]

    @pytest.mark.parametrize("order", ["ab", "ba"])
    def test_uses_another_s_mark_or_title(self, run, home, a, b, order):
        a.pages["/feed"] = rss(item("Thật 1", "", TRUE, "mark") + item("Thật 2", "", TRUE))
        b.pages["/feed"] = rss(item("Giả 1", "", LONG, "mark") + item("Thật 2", "", LONG))
        run("index", *(dict(a=a, b=b)[name] for name in order))
        assert titles(home) == ["Giả 1", "Thật 1", "Thật 2", "Thật 2"]

    @pytest.mark.parametrize("order", ["ab", "ba"])
    def test_is_a_blog_whose_post_names_another_s_address(self, run, home, a, b, order):
        WordPress(b).add(7, link=f"{a.url}/1.html", title={"rendered": "Giả"})
        blog = f'type = "wordpress"\nurl = "{b.url}"'
        feed = f'type = "rss"\nurl = "{a.url}/feed"'
        run("index", *(dict(a=feed, b=blog)[name] for name in order))
        assert titles(home) == ["Thật"]

    @pytest.mark.parametrize("order", ["ab", "ba"])
    def test_names_what_a_file_of_the_operator_s_brings(self, run, home, a, b, tmp_path, order):
        (tmp_path / "own.csv").write_text(f"title,url,body\nThật,{a.url}/1.html,Ngắn\n")
        places = {"a": 'type = "file"\npath = "own.csv"', "b": b}
        run("index", *(places[name] for name in order))
        assert titles(home) == ["Thật", "Tin B"]

    def test_does_not_bring_back_what_was_deleted_nor_replace_what_the_api_wrote(self, run, home, a, b):
        from indexer.changes.changes import Delete, Put
        from indexer.changes.journal import Journal

        b.pages["/feed"] = rss(
            item("Giả 1", "https://c.example/1.html", LONG) + item("Giả 2", "https://c.example/2.html", LONG)
        )
        run("index", b)
        archive = json.loads(json.dumps(titles(home)))
        assert archive == ["Giả 1", "Giả 2"]
        from indexer.sources.feed import derived_id

        one, two = (derived_id(f"https://c.example/{n}.html", "", "") for n in (1, 2))
        journal = Journal(home)
        written = validate({"id": two, "title": "Thật 2", "url": "https://c.example/2.html"})
        journal.write([Delete(one), Put(written)])
        journal.close()
        b.pages["/feed"] = (
            b.pages["/feed"]
            .replace("Giả", "Giả mới")
            .replace("</title>", "</title><pubDate>Fri, 01 Jan 2027 00:00:00 GMT</pubDate>")
        )
        run("index", b, more=["--allow-shrink"])
        assert titles(home) == ["Thật 2"]


class TestAggregators:
    @pytest.fixture
    def feeds(self, a, b):
        """Two feeds that tell of the same article elsewhere, the second at greater length."""
        a.pages["/feed"] = rss(item("Kể trước", "https://c.example/1.html", TRUE))
        b.pages["/feed"] = rss(item("Kể sau", "https://c.example/1.html", LONG))
        return a, b

    @pytest.mark.parametrize("command", ["index", "sync"])
    def test_the_first_that_is_listed_keeps_what_nobody_owns(self, run, home, feeds, command):
        run(command, *feeds)
        assert titles(home) == ["Kể trước"]

    @pytest.mark.parametrize("command", ["index", "sync", "add"])
    def test_the_first_that_told_it_keeps_it_wherever_it_is_listed(self, run, home, feeds, command):
        run("index", feeds[0])
        run(command, *reversed(feeds))
        assert titles(home) == ["Kể trước"]

    def test_another_that_is_added_does_not_replace_it(self, run, home, feeds):
        run("index", feeds[0])
        run("add", feeds[1])
        assert titles(home) == ["Kể trước"]

    def test_it_may_tell_it_anew_itself(self, run, home, feeds):
        run("index", feeds[0])
        feeds[0].pages["/feed"] = rss(item("Kể lại", "https://c.example/1.html", LONG))
        run("add", feeds[0])
        assert titles(home) == ["Kể lại"]

    def test_once_it_tells_it_no_more_another_may(self, run, home, feeds):
        run("index", feeds[0])
        run("index", feeds[1])
        assert titles(home) == ["Kể sau"]

    def test_a_setting_says_whose_it_is(self, run, home, feeds):
        owner = f'type = "rss"\nurl = "{feeds[1].url}/feed"\nhosts = ["c.example"]'
        run("index", feeds[0], owner)
        assert titles(home) == ["Kể sau"]
