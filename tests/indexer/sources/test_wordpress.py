"""The REST API of WordPress: which posts become which articles, what is asked for again, what is found to be gone."""

import json
from dataclasses import replace

import pytest

from indexer.articles.article import Article, validate
from indexer.errors import SourceError
from indexer.sources import BadLine, Reading, SourceOptions, read_source
from indexer.sources import remote as remotes
from indexer.sources import wordpress as wordpress_api
from indexer.sources.described import WordPressSource
from indexer.sources.fetching import FetchLimits
from indexer.sources.memory import open_memory
from indexer.sources.politeness import Web
from tests import web_server
from tests.wordpress_site import WordPress


@pytest.fixture
def site():
    with web_server.serve() as served:
        yield served


@pytest.fixture
def wordpress(site):
    return WordPress(site)


@pytest.fixture
def options(tmp_path):
    return SourceOptions(memory=tmp_path, allow_private=True)


@pytest.fixture
def read(site, options):
    def now(said=options, **settings):
        source = WordPressSource(url=site.url, delay=0, seconds=settings.pop("seconds", 10), **settings)
        found = list(remotes.read(source, said))
        numbers = [int(r.fields["id"].rsplit("-", 1)[1]) for r in found if isinstance(r, Reading)]
        return numbers, [bad for bad in found if isinstance(bad, BadLine)]

    return now


def asked(site):
    """Return what was asked for beyond numbers."""
    return [path for path in site.asked if not path.endswith("_fields=id")]


def test_a_post(site, wordpress, options):
    wordpress.add(7)
    (reading,) = remotes.read(WordPressSource(url=site.url + "/", delay=0), options)
    port = site.url.rsplit(":", 1)[1]
    assert {name: value for name, value in reading.fields.items() if name != "body_html"} == {
        "id": f"wp-127.0.0.1-{port}-7",
        "title": "Chuyện bến “7”",
        "lead": "Ghi ở bến.",
        "url": "https://bentra.example/7/",
        "aliases": [f"{site.url}/?p=7"],
        "section": "Bến đò & chợ",
        "tags": ["cá lăng"],
        "author": "Đàm Thị Mai",
        "published_at": "2026-11-20T02:00:00+00:00",
        "updated_at": "2026-11-20T02:00:07+00:00",
        "image_url": "https://bentra.example/anh/7.jpg",
    }
    article = validate(reading.fields)
    assert isinstance(article, Article)
    assert article.plain_body == "Bến đò số 7 họp chợ từ bốn giờ sáng."
    assert not reading.derived


def test_the_start_of_the_text_is_no_lead(site, wordpress, options):
    wordpress.add(7, excerpt={"rendered": "<p>Bến đò số 7 họp chợ [&hellip;]</p>"})
    (reading,) = remotes.read(WordPressSource(url=site.url, delay=0), options)
    assert "lead" not in reading.fields


def test_what_is_not_embedded_is_left_out(site, wordpress, options):
    wordpress.add(7, _embedded={"author": [{"code": "rest_user_invalid_id"}], "wp:featuredmedia": [{"code": "x"}]})
    wordpress.add(8, _embedded=None, title=None, excerpt=[], link=5)
    wordpress.add(9, _embedded={"wp:term": [None, [None, {"name": 5}], 3], "author": "x"})
    found = {r.fields["id"][-1]: r.fields for r in remotes.read(WordPressSource(url=site.url, delay=0), options)}
    assert {"author", "image_url"}.isdisjoint(found["7"])
    assert {"title", "lead", "url"}.isdisjoint(found["8"])
    assert {"section", "tags", "author"}.isdisjoint(found["9"])


def test_paging(site, wordpress, read):
    wordpress.add(*range(1, 251))
    assert read() == (list(range(1, 251)), [])
    assert len(asked(site)) == 3


def test_only_what_changed_is_asked_for_again(site, wordpress, read):
    wordpress.add(*range(1, 251))
    read()
    before = len(site.asked)
    wordpress.add(40, modified_gmt="2026-11-21T00:00:00", title={"rendered": "Sửa"})
    assert read() == (list(range(1, 251)), [])
    for path in asked(site)[3:]:
        assert "modified_after=2026-11-20T02%3A02%3A10Z" in path  # two minutes before post 250
    assert len(site.asked) == before + 3  # 121 posts were changed since, and one was asked for the number of all


@pytest.mark.parametrize("remembered", [False, True])
def test_a_time_of_change_too_far_ahead_keeps_no_later_one_out(site, wordpress, options, read, remembered):
    wordpress.add(*range(1, 4))
    wordpress.add(2, modified_gmt="9999-12-30T00:00:00")
    with pytest.MonkeyPatch.context() as patched:
        if remembered:  # by an earlier release
            patched.setattr("indexer.sources.wordpress._counted", lambda moment: moment)
        read()
    wordpress.add(3, modified_gmt="2026-11-21T00:00:00", title={"rendered": "Sửa"})
    before = len(asked(site))
    found = {
        r.fields["id"][-1]: r.fields["title"] for r in remotes.read(WordPressSource(url=site.url, delay=0), options)
    }
    assert found["3"] == "Sửa"
    assert [("modified_after" in path) for path in asked(site)[before:]] == [not remembered]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("2026-11-20T02:00:00", "2026-11-20T02:00:00"),
        ("2026-11-20T02:00:00Z", "2026-11-20T02:00:00"),
        ("2026-11-20T09:00:00+07:00", "2026-11-20T02:00:00"),
        *((said, "") for said in ("0001-01-01T00:00:00", "0001-01-01T00:00:00+07:00", "0000-00-00", "x", 5, None)),
    ],
)
def test_when_a_post_was_changed(said, found):
    assert wordpress_api._changed_at({"modified_gmt": said}) == found


def test_what_was_unpublished_or_deleted_goes(wordpress, read):
    wordpress.add(*range(1, 21))
    read()
    wordpress.posts[5]["status"] = "draft"
    del wordpress.posts[6]
    assert read()[0] == [n for n in range(1, 21) if n not in {5, 6}]
    wordpress.posts[5]["status"] = "publish"  # and its change lies far behind
    assert sorted(read()[0]) == [n for n in range(1, 21) if n != 6]


def test_one_comes_and_one_goes(wordpress, read):
    wordpress.add(*range(1, 21))
    read()
    del wordpress.posts[6]
    wordpress.add(100, modified_gmt="2026-11-21T00:00:00")
    assert read()[0] == [*(n for n in range(1, 21) if n != 6), 100]


def test_private_and_protected_posts_stay_out(wordpress, read):
    wordpress.add(1, 2, 3, 4, 5, 6)
    wordpress.posts[2]["status"] = "private"
    wordpress.posts[3]["content"] = {"rendered": "", "protected": True}
    assert read() == ([1, 4, 5, 6], [])
    wordpress.posts[3] |= {
        "content": {"rendered": "<p>x</p>", "protected": False},
        "modified_gmt": "2026-11-21T00:00:00",
    }
    assert sorted(read()[0]) == [1, 3, 4, 5, 6]
    wordpress.posts[4] |= {"content": {"rendered": "", "protected": True}, "modified_gmt": "2026-11-22T00:00:00"}
    assert sorted(read()[0]) == [1, 3, 5, 6]


def test_posts_that_change_while_they_are_read_are_not_lost(wordpress, read):
    """A post of the first page is changed before the second is asked for: all behind it move up by one."""
    wordpress.add(*range(1, 251))

    def change(page):
        if page == 2:
            wordpress.posts[10]["modified_gmt"] = "2026-11-21T00:00:00"

    wordpress.before_page = change
    assert sorted(read()[0]) == list(range(1, 251))


def test_posts_that_go_while_numbers_are_compared_take_no_other_with_them(wordpress, read):
    wordpress.add(*range(1, 251))
    read()
    del wordpress.posts[250]

    def change(page):
        if page == 2:
            wordpress.posts.pop(1, None)

    wordpress.before_page = change
    assert sorted(read()[0]) == list(range(2, 250))


def test_many_with_one_time_of_change(wordpress, read):
    wordpress.add(*range(1, 301), modified_gmt="2026-11-20T02:00:00")
    assert sorted(read()[0]) == list(range(1, 301))
    assert sorted(read()[0]) == list(range(1, 301))


def test_a_site_that_says_it_has_nothing_loses_nothing(wordpress, read):
    wordpress.add(*range(1, 21))
    read()
    wordpress.posts.clear()
    numbers, (bad,) = read()
    assert numbers == list(range(1, 21))
    assert bad.reason.startswith("posts: expected at least 80% of the 20 articles that it had, found 0: all are kept")


def test_unless_it_may(wordpress, read, options):
    wordpress.add(*range(1, 21))
    read()
    wordpress.posts.clear()
    assert read(SourceOptions(memory=options.memory, allow_private=True, allow_shrink=True)) == ([], [])


def test_a_run_that_was_broken_off_goes_on(site, wordpress, read):
    wordpress.add(*range(1, 251))

    def fail(page):
        if page == 3:
            raise OSError

    wordpress.before_page = fail
    numbers, (bad,) = read()
    assert (numbers, bad.incomplete) == (list(range(1, 201)), True)
    wordpress.before_page = lambda page: None
    assert read() == (list(range(1, 251)), [])
    assert "modified_after" in asked(site)[-1]


def test_a_site_without_permalinks(site, read):
    WordPress(site, plain=True).add(1, 2)
    assert read() == ([1, 2], [])
    assert "/?rest_route=%2Fwp%2Fv2%2Fposts" in site.asked[1]


def test_an_application_password(site, options, monkeypatch):
    WordPress(site, password="mai:abcd efgh").add(1)
    source = WordPressSource(url=site.url, delay=0, user_env="WP_USER", password_env="WP_PASSWORD")
    with pytest.raises(SourceError, match="user_env: 'WP_USER': expected an environment variable that is set"):
        list(remotes.read(source, options))
    monkeypatch.setenv("WP_USER", "mai")
    monkeypatch.setenv("WP_PASSWORD", "abcd efgh")
    assert [type(found) for found in remotes.read(source, options)] == [Reading]
    monkeypatch.setenv("WP_PASSWORD", "bí mật sai")
    bad, kept = remotes.read(source, options)
    assert bad.reason == "expected status 200, found 401"
    assert isinstance(kept, Reading)
    assert b"abcd" not in (options.memory / "sources.sqlite").read_bytes()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (web_server.failing(500), "expected status 200, found 500"),
        ("", "expected a list of WordPress's REST API, found ''"),
        ("<html>Bảo trì</html>", "expected a list of WordPress's REST API, found '<html>"),
        ('{"code": "rest_no_route"}', "expected a list of WordPress's REST API"),
        ("[1, 2]", "expected a list of WordPress's REST API"),
        ("[]", "expected the header x-wp-totalpages of WordPress's REST API, found ''"),
        ("[" * 50_000, "expected a list of WordPress's REST API"),
        (web_server.half(b"[]" + b" " * 1000), "expected a whole answer: "),
        (web_server.redirect("/wp-json/wp/v2/posts"), "redirect"),
        (web_server.two_gigabytes, "expected at most 32 MiB"),
        (web_server.slowly, "expected a whole answer within 0.3 s"),
    ],
)
def test_a_hostile_site_leaves_what_is_known(site, wordpress, read, answer, expected):
    wordpress.add(1, 2)
    read()
    site.pages["/wp-json/wp/v2/posts"] = answer
    numbers, (bad,) = read(seconds=0.3 if answer is web_server.slowly else 10)
    assert numbers == [1, 2]
    assert expected in bad.reason
    assert not bad.incomplete


def test_odd_posts_are_told(wordpress, read):
    wordpress.add(1)
    wordpress.posts[2] = wordpress.posts[1] | {"id": 2, "modified_gmt": None}
    wordpress.posts[2]["modified_gmt"] = "0000-00-00T00:00:00"
    assert read() == ([2, 1], [])


def test_a_look_reads_a_few_pages(site, wordpress, read):
    wordpress.add(*range(1, 251))
    assert read(SourceOptions(allow_private=True, most_pages=1))[0] == list(range(1, 101))
    assert len(site.asked) == 1


def test_an_address_on_the_command_line(site, wordpress, options):
    wordpress.add(1)
    (reading,) = read_source(f"wordpress+{site.url}", options)
    assert json.dumps(reading.fields)
    with pytest.raises(SourceError, match="expected an address of the web"):
        list(read_source("wordpress+https://", options))


def test_where_time_is_up_the_next_run_goes_on(site, wordpress, options):
    """Each answer takes ten seconds of a clock of its own; lists that are longer than a run are read by parts."""
    wordpress.add(*range(1, 951))
    source = WordPressSource(url=site.url, delay=0)

    class Slow(Web):
        now = 0.0

        def _once(self, url, headers, bounds):
            Slow.now += 10
            return super()._once(url, headers, bounds)

    def read_all():
        runs = 0
        with open_memory(options.memory, source.source_key) as memory:
            while runs == 0 or memory.state["left"]:
                slow = Slow(FetchLimits(private=True, seconds=10), 0, clock=lambda: Slow.now)
                assert list(wordpress_api.update(source, slow, memory, replace(options, most_seconds=35))) == []
                runs += 1
                assert runs < 20
            return runs, memory.articles(), memory.run

    runs, *rest = read_all()
    assert (runs > 2, rest) == (True, [950, 1])
    for number in range(1, 101):
        del wordpress.posts[number]
    runs, *rest = read_all()
    assert (runs > 2, rest) == (True, [850, 2])
