"""The plugin for WordPress, run by PHP over as much of WordPress as it calls; a real service, and broken ones."""

from __future__ import annotations

import itertools
import json
import re
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import html as lxml_html

from indexer.sources import wordpress_post, wordpress_text
from service.security.keys import KeyStore
from tests import web_server
from tests.conftest import wait_for
from tests.databases import closed_port
from tests.indexer.sources import test_wordpress_text
from tests.interpreters import interpreter, run
from tests.service.test_serve import Service

ROOT = Path(__file__).parents[1]
PLUGIN = ROOT / "integrations" / "wordpress" / "lienquan" / "lienquan.php"
STUBS = ROOT / "tests" / "data" / "wordpress_stubs.php"
NUMBERS = itertools.count()
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> bến & đò"
BODY = "<!-- wp:paragraph --><p>Bến đò Trà họp chợ từ bốn giờ sáng, cá lăng đầy khoang.</p><!-- /wp:paragraph -->"


class Site:
    """A site with the plugin; each call is a request of its own."""

    def __init__(self, folder: Path, server: str, key: str = "lq_khoa", **settings: Any) -> None:
        self.file = folder / "site.json"
        self.php = interpreter("php")
        self.asked: list[list[str]] = []
        number = next(NUMBERS)  # sites of one service do not know of each other
        self.home, self.start = f"https://www.SongQue.example/b-{number}", f"wp-songque.example-b-{number}-"
        options = {"home": self.home, "lienquan": {"server": server, "key": key, **settings}}
        self.change(options=options, users={"2": {"display_name": "Đàm Thị Mai"}})

    def change(self, **state: Any) -> None:
        empty: dict[str, Any] = {name: {} for name in ("options", "posts", "terms", "pictures", "users", "events")}
        before = json.loads(self.file.read_text()) if self.file.exists() else empty
        self.file.write_text(json.dumps(before | state))

    def __call__(self, *steps: list[Any]) -> list[Any]:
        """Take some steps in one request; return what each gave."""
        given = {"file": str(self.file), "plugin": str(PLUGIN), "steps": steps}
        made, self.asked = run([self.php, "-d", "display_errors=stderr", str(STUBS)], given)
        return made

    def call(self, name: str, *given: Any) -> Any:
        return self([name, *given])[-1]

    def save(self, **post: Any) -> int:
        """Save a post, published unless it says otherwise; return its number."""
        whole = {"post_status": "publish", "post_content": BODY, **post}
        return self.call("wp_insert_post", whole if "ID" not in post else post)

    @property
    def options(self) -> dict[str, Any]:
        return json.loads(self.file.read_text())["options"]

    @property
    def waiting(self) -> set[int]:
        return {int(name.rsplit("_", 1)[1]) for name in self.options if name.startswith("lienquan_todo_")}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    interpreter("php")
    running = Service(tmp_path_factory.mktemp("serve"), workers=1, min_related=0)
    running.index([{"id": "cu", "title": "Chợ bến Trà", "body": "Bến đò họp chợ.", "url": "https://bao.example/cu"}])
    wait_for(lambda: running.get("/readyz")[0] == 200, 60)
    _, running.key = KeyStore(running.home).create("WordPress", ["ingest"])
    yield running
    assert running.stop() == 0


@pytest.fixture
def site(service, tmp_path):
    made = Site(tmp_path, f"http://127.0.0.1:{service.port}", service.key)
    made.service = service
    yield made
    posts = json.loads(made.file.read_text())["posts"]
    made(*(["wp_delete_post", int(number)] for number in posts))


@pytest.fixture
def broken():
    with web_server.serve() as served:
        yield served


def held(site, number):
    """Return a post as the service holds it, None where it does not."""
    status, line = site.service.get(f"/api/v1/articles/{site.start}{number}")
    return line if status == 200 else None


def seconds_until(change, condition):
    """Make a change and wait until it is so; return how long both took."""
    began = time.monotonic()
    change()
    wait_for(condition, 30)
    return time.monotonic() - began


# What becomes of a post


def test_a_published_post_is_the_article_that_the_source_would_read(service, site):
    terms = {
        "category": [
            {"name": "Uncategorized", "slug": "uncategorized"},
            {"name": "Bến đò &amp; chợ", "slug": "ben-do"},
            {"name": "Sông nước", "slug": "song-nuoc"},
        ],
        "post_tag": [{"name": "cá lăng", "slug": "ca-lang"}],
    }
    content = BODY + '\n\n[gallery ids="1"] [su_box title="x"]trong hộp[/su_box]\n\nĐoạn [1] [ảnh].'
    number = site.save(
        post_title="Chuyện “bến” &amp; đò",
        post_content=content,
        post_excerpt="Ghi ở bến.",
        terms=terms,
        picture="https://songque.example/7.jpg",
    )
    wait_for(lambda: held(site, number) is not None, 30)
    post = json.loads(site.file.read_text())["posts"][str(number)]
    read = wordpress_post.Post(
        number,
        site.home,
        title=post["post_title"],
        content=post["post_content"],
        excerpt=post["post_excerpt"],
        link=f"{site.home}/{number}/",
        published=post["post_date_gmt"],
        modified=post["post_modified_gmt"],
        author="Đàm Thị Mai",
        categories=[("Uncategorized", "uncategorized"), ("Bến đò & chợ", "ben-do"), ("Sông nước", "song-nuoc")],
        tags=["cá lăng"],
        image="https://songque.example/7.jpg",
    )
    fields = wordpress_post.fields(read)
    wait_for(lambda: held(site, number)["image_url"] is not None, 30)
    line = held(site, number)
    times = {"published_at", "updated_at"}
    assert {name: line[name] for name in fields if name not in times} == {
        name: value for name, value in fields.items() if name not in times
    }
    for name in times:
        assert datetime.fromisoformat(line[name]) == datetime.fromisoformat(fields[name])


def test_publish_edit_unpublish_delete(site):
    """Prints how long each takes, from the save on, the start of PHP included."""
    saved = {"post_title": "Bến đò Trà họp chợ"}
    number, edited = 1, "Bến đò Trà vắng khách"
    steps = {
        "publish": (lambda: site.save(**saved), lambda: held(site, number) is not None),
        "edit": (lambda: site.save(ID=number, post_title=edited), lambda: held(site, number)["title"] == edited),
        "unpublish": (lambda: site.save(ID=number, post_status="draft"), lambda: held(site, number) is None),
        "publish again": (lambda: site.save(ID=number, post_status="publish"), lambda: held(site, number) is not None),
        "delete": (lambda: site.call("wp_delete_post", number), lambda: held(site, number) is None),
    }
    print({name: round(seconds_until(*step), 2) for name, step in steps.items()})
    assert site.waiting == set()


def test_it_is_related_to_others_and_goes_with_the_post(service, site):
    other = site.save(post_title="Đò Trà chở khách", post_content="<p>Bến đò Trà, cá lăng, chợ sớm.</p>")
    number = site.save(post_title="Bến đò Trà họp chợ")
    path = f"/api/v1/articles/{site.start}{number}/related"
    wait_for(lambda: service.get(path)[0] == 200, 30)
    wait_for(lambda: f"{site.start}{other}" in [hit["id"] for hit in service.get(path)[1]["hits"]], 30)
    site.save(ID=other, post_status="private")
    assert f"{site.start}{other}" not in [hit["id"] for hit in service.get(path)[1]["hits"]]


@pytest.mark.parametrize(
    "change", [{"post_status": "draft"}, {"post_status": "private"}, {"post_status": "pending"}, {"post_password": "x"}]
)
def test_what_is_not_for_everyone_is_gone_when_it_is_saved(service, site, change):
    number = site.save(post_title="Bến đò")
    wait_for(lambda: held(site, number) is not None, 30)
    site.save(ID=number, **change)
    assert held(site, number) is None
    site.save(ID=number, post_status="publish", post_password="")
    wait_for(lambda: held(site, number) is not None, 30)


def test_trash_and_back_within_one_second(service, site):
    number = site.save(post_title="Bến đò")
    wait_for(lambda: held(site, number) is not None, 30)
    for _ in range(3):
        site(["wp_trash_post", number])
        assert held(site, number) is None
        site.save(ID=number, post_status="publish")
        assert site.waiting == set()
    wait_for(lambda: held(site, number) is not None, 30)


def test_a_clock_that_is_behind_loses_nothing(service, site):
    """The service dates a deletion by its own clock; what is published after it says that it is older."""
    site.change(later=-7200)
    number = site.save(post_title="Bến đò")
    wait_for(lambda: held(site, number) is not None, 30)
    site.save(ID=number, post_status="draft")
    assert held(site, number) is None
    site.save(ID=number, post_status="publish")
    wait_for(lambda: held(site, number) is not None, 30)
    assert site.waiting == set()


def test_a_scheduled_post_comes_with_its_time(service, site):
    soon = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 3600))
    number = site.save(post_title="Bến đò", post_date_gmt=soon)
    assert site.asked == []
    assert held(site, number) is None
    site.change(later=3700)
    site.call("wp_publish_post", number)
    assert len(site.asked) == 1
    assert site.waiting == set()


def test_a_post_that_was_public_and_is_scheduled_anew(service, site):
    number = site.save(post_title="Bến đò")
    wait_for(lambda: held(site, number) is not None, 30)
    soon = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 2))
    site.save(ID=number, post_date_gmt=soon)
    assert held(site, number) is None
    wait_for(lambda: time.time() > time.mktime(time.strptime(soon, "%Y-%m-%d %H:%M:%S")) - time.timezone, 30)
    site.call("wp_publish_post", number)
    wait_for(lambda: held(site, number) is not None, 30)


def test_drafts_revisions_autosaves_and_pages_are_not_told(site):
    site.save(post_title="Nháp", post_status="draft")
    site.save(post_title="Nháp tự lưu", post_status="auto-draft")
    site.save(post_title="Bản sửa", post_type="revision", post_status="inherit")
    site.save(post_title="Giới thiệu", post_type="page")
    assert (site.asked, site.waiting) == ([], set())


def test_one_request_a_save(site):
    number = site.save(post_title="Bến đò")
    assert site.asked == [["POST", "/api/v1/articles:bulk"]]
    site(
        ["wp_insert_post", {"ID": number, "post_title": "Một"}], ["wp_insert_post", {"ID": number, "post_title": "Hai"}]
    )
    assert len(site.asked) == 1  # and the revisions are none


@pytest.mark.parametrize(
    "home",
    [
        *(
            "https://songque.example",
            "https://www.songque.example/",
            "http://SongQue.example:8080",
            "https://a.example/en",
        ),
        *("https://a.example/en/tin-tuc_1/", "http://127.0.0.1:8001/wp", "http://[::1]:8001", "http://localhost"),
    ],
)
def test_ids_are_those_that_the_source_makes(tmp_path, home):
    site = Site(tmp_path, "")
    site.change(options={"home": home})
    assert site.call("Lienquan\\article_id", 7) == wordpress_post.article_id(home, 7)


CONTENTS = [
    *(given for given, _ in test_wordpress_text.test_what_is_read.pytestmark[0].args[1]),
    *(
        "",
        "[",
        "]",
        "[[",
        "[/a]",
        "[a]x[/a][a",
        "Đ" * 500 + "[embed]x[/embed]",
        "[caption]" * 50,
        "a\n\n\n\nb\r\n\r\nc",
    ),
]


def test_content_is_read_as_the_source_reads_it(tmp_path):
    site = Site(tmp_path, "")
    assert site(*(["Lienquan\\to_html", content] for content in CONTENTS)) == list(
        map(wordpress_text.to_html, CONTENTS)
    )


def test_nothing_that_is_in_a_post_keeps_it_back(tmp_path, broken):
    bulk = Bulk(broken)
    site = Site(tmp_path, broken.url)
    long = '[caption id="a"]' + "bến " * 500_000 + "[/caption]" + "[x " * 50_000
    for content in (long, "\0 \ud83d".encode("utf-8", "replace").decode(), "<!--" * 100_000):
        site.save(post_title="Bến đò", post_content=content)
    assert site.waiting == set()
    assert [lines[0]["op"] for lines in bulk.taken] == ["put"] * 3


@pytest.mark.parametrize("other", ["failing_filter", "printing_filter"])
def test_another_plugin_that_misbehaves(tmp_path, broken, other):
    bulk = Bulk(broken)
    site = Site(tmp_path, broken.url)
    saved = {"post_title": "Bến đò", "post_status": "publish", "post_content": "<p>Chợ sớm.</p>"}
    site(["ini_set", "error_log", "/dev/null"], ["add_filter", "the_content", other], ["wp_insert_post", saved])
    assert site.waiting == set()
    assert bulk.taken[0][0]["article"]["body_html"] == "<p>Chợ sớm.</p>"


# What readers see


def listed(page):
    (section,) = (node for node in lxml_html.fragments_fromstring(f"<div>{page}</div>")[0].iter("section"))
    assert {node.tag for node in section.iter()} <= {"section", "h2", "ul", "li", "a", "span"}
    return [(item.findtext("a"), item.find("a").get("href"), item.findtext("span")) for item in section.iter("li")]


@pytest.fixture
def two(service, site):
    """Two posts, one with a hostile title, both held."""
    first = site.save(post_title="Bến đò Trà họp chợ", post_content="<p>Chợ Trà đông từ sáng, ghe nằm kín bến đò.</p>")
    second = site.save(
        post_title=HOSTILE.replace("<", "&lt;"),
        terms={"category": [{"name": HOSTILE.replace("<", "&lt;"), "slug": "x"}]},
    )
    wait_for(lambda: held(site, first) is not None and held(site, second) is not None, 30)
    path = f"/api/v1/articles/{site.start}{first}/related"
    wait_for(lambda: f"{site.start}{second}" in [hit["id"] for hit in service.get(path)[1]["hits"]], 30)
    return first, second


def test_the_list_stands_under_the_post(site, two):
    first, second = two
    page = site.call("page_of", first)
    found = {title: (url, section) for title, url, section in listed(page)}
    assert found[HOSTILE] == (f"{site.home}/{second}/", HOSTILE)
    assert found["Chợ bến Trà"] == ("https://bao.example/cu", None)
    assert page.startswith("<p>Chợ Trà đông từ sáng")
    assert '<section class="lienquan" aria-label="Bài liên quan"><h2>Bài liên quan</h2>' in page


def test_block_and_shortcode_and_never_both(site, two):
    first, _ = two
    for content in ("<p>a</p>[lienquan limit=1]<p>b</p>", '<p>a</p><!-- wp:lienquan/related {"limit":1} /--><p>b</p>'):
        site.save(ID=first, post_content=content)
        page = site.call("page_of", first)
        assert len(listed(page)) == 1
        assert page.startswith("<p>a</p><section")
        assert page.endswith("</section><p>b</p>")
    assert "lienquan/related" in site.call("block_script")


def test_the_list_is_no_part_of_the_text_nor_of_an_excerpt(service, site, two):
    first, _ = two
    site.save(ID=first, post_content="<p>Bến đò.</p>[lienquan]")
    wait_for(lambda: "Bến đò." in held(site, first)["body_html"], 30)
    assert "section" not in held(site, first)["body_html"]
    site.save(ID=first, post_content="<p>Bến đò.</p>")
    assert site.call("excerpt_of", first) == "<p>Bến đò.</p>"


def test_only_where_it_is_wanted(site, two):
    first, _ = two
    options = site.options
    site.change(options=options | {"lienquan": options["lienquan"] | {"place": "none"}})
    assert "<section" not in site.call("page_of", first)
    site.change(options=options | {"lienquan": options["lienquan"] | {"heading": "<b>Xem thêm", "limit": 1}})
    page = site.call("page_of", first)
    assert "<h2>&lt;b&gt;Xem thêm</h2>" in page
    assert len(listed(page)) == 1


def test_lists_are_kept_and_asked_for_again_once_something_was_published(site, two):
    first, second = two
    site.call("page_of", first)
    assert len(site.asked) == 1
    site.call("page_of", first)
    assert site.asked == []
    site.save(ID=second, post_title="Tên mới")
    site.call("page_of", first)
    assert len(site.asked) == 1
    site.call("later", 121)
    site.call("page_of", first)
    assert len(site.asked) == 1


# Trouble


def test_the_service_is_down(site, two, service):
    first, second = two
    kept = site.call("page_of", first)
    options = site.options
    down = options["lienquan"] | {"server": f"http://127.0.0.1:{closed_port()}"}
    site.change(options=options | {"lienquan": down})
    site.call("later", 200)
    assert site.call("page_of", first) == kept  # the list that was kept
    assert len(site.asked) == 1
    assert site.call("page_of", second) == BODY  # none was
    assert site.asked == []  # it is left alone
    site.save(ID=second, post_status="draft")
    assert site.waiting == {second}
    assert HOSTILE not in [title for title, _, _ in listed(site.call("page_of", first))]  # gone from kept lists as well
    site.save(ID=first, post_title="Sửa trong lúc hỏng")
    assert (site.waiting, site.asked) == ({first, second}, [])
    site.change(options=site.options | {"lienquan": options["lienquan"]})
    site.call("wp_cron")
    assert site.asked == []  # it is not yet time
    site(["later", 61], ["wp_cron"])
    assert site.waiting == set()
    assert held(site, second) is None
    wait_for(lambda: held(site, first)["title"] == "Sửa trong lúc hỏng", 30)


def slow(request):
    request.server.site.closing.wait(30)


def test_a_slow_service_is_asked_once(tmp_path, broken):
    site = Site(tmp_path, broken.url, key="")
    broken.pages[f"/api/v1/articles/{site.start}1/related"] = slow
    site.save(post_title="Bến đò")
    assert site(*[["page_of", 1]] * 3) == [BODY] * 3
    assert len(broken.asked) == 1
    site.call("later", 61)
    assert site.call("page_of", 1) == BODY
    assert len(broken.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "{",
        "null",
        "5",
        '{"hits": 5}',
        '{"hits": [null, 1, {}, {"title": "a"}]}',
        '{"hits": [{"title": "a", "url": "javascript:1"}]}',
        "<html>Bảo trì</html>",
        web_server.failing(500),
        web_server.failing(404),
        web_server.failing(429),
    ],
)
def test_odd_answers_show_nothing(tmp_path, broken, answer):
    site = Site(tmp_path, broken.url, key="")
    broken.pages[f"/api/v1/articles/{site.start}1/related"] = answer
    site.save(post_title="Bến đò")
    assert site.call("page_of", 1) == BODY


class Bulk:
    """A service that takes changes, as a test has it answer."""

    def __init__(self, site, *answers):
        self.taken = []
        self._answers = list(answers)
        site.pages["/api/v1/articles:bulk"] = self._answer

    def _answer(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"])).decode()
        self.taken.append([json.loads(line) for line in body.split("\n")])
        answer = self._answers.pop(0) if self._answers else None
        if answer is None:
            answer = "".join(json.dumps({"status": 200, "applied": True}) + "\n" for _ in self.taken[-1])
        request.give(answer) if isinstance(answer, str) else answer(request)


@pytest.mark.parametrize(
    "answer", [web_server.failing(503), web_server.failing(401), "", "{}", "x\n", slow, '{"status": 200}\n' * 2]
)
def test_what_was_not_taken_waits(tmp_path, broken, answer):
    bulk = Bulk(broken, answer)
    site = Site(tmp_path, broken.url)
    number = site.save(post_title="Bến đò")
    assert site.waiting == {number}
    site(["later", 61], ["wp_cron"])
    assert site.waiting == set()
    assert [[line["op"] for line in lines] for lines in bulk.taken] == [["put"], ["put"]]


def test_many_wait_and_are_told_in_portions(tmp_path, broken):
    bulk = Bulk(broken, web_server.failing(503))
    site = Site(tmp_path, broken.url)
    site(*(["wp_insert_post", {"post_title": f"Bài {at}", "post_status": "publish"}] for at in range(120)))
    assert len(site.waiting) == 120
    site(["later", 61], ["wp_cron"])
    assert (site.waiting, [len(lines) for lines in bulk.taken]) == (set(), [50, 50, 50, 20])


def test_what_can_never_be_taken_does_not_wait(tmp_path, broken):
    taken_down = json.dumps({"status": 409, "applied": False}) + "\n"
    Bulk(broken, taken_down)
    site = Site(tmp_path, broken.url)
    site.save(post_title="Bến đò")
    assert site.waiting == set()


def test_what_is_held_to_be_newer_is_told_again_as_it_is_now(tmp_path, broken):
    bulk = Bulk(broken, json.dumps({"status": 200, "applied": False}) + "\n")
    site = Site(tmp_path, broken.url)
    site.save(post_title="Bến đò")
    (first,), (second,) = bulk.taken
    assert first["article"].pop("updated_at")
    assert first == second
    assert site.waiting == set()


def test_without_a_key_nothing_is_told(tmp_path, broken):
    site = Site(tmp_path, broken.url, key="")
    site.save(post_title="Bến đò")
    assert (site.asked, site.waiting) == ([], set())


# Settings


def test_the_page_of_settings(tmp_path):
    site = Site(tmp_path, "http://127.0.0.1:8000", key="lq_bi_mat", heading='"><script>')
    page = site.call("settings_page")
    assert "_wpnonce" in page
    assert "lq_bi_mat" not in page
    assert "<script" not in page
    names = {node.get("name") for node in lxml_html.fromstring(page).iter("input")}
    assert names >= {f"lienquan[{name}]" for name in ("server", "key", "limit", "heading", "place")}
    assert site.call("settings_page", False) == ""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {
                "server": " https://lienquan.example/ ",
                "key": "lq_a",
                "limit": "8",
                "place": "after",
                "heading": "Xem <b>thêm</b>",
            },
            {"server": "https://lienquan.example", "key": "lq_a", "limit": 8, "place": "after", "heading": "Xem thêm"},
        ),
        (
            {"server": "javascript:1", "limit": "900"},
            {"server": "", "key": "lq_cu", "limit": 20, "place": "none", "heading": "Cũ"},
        ),
        (
            {"key": "<script>", "limit": "-1"},
            {"server": "", "key": "lq_cu", "limit": 1, "place": "none", "heading": "Cũ"},
        ),
        (None, {"server": "", "key": "lq_cu", "limit": 6, "place": "none", "heading": "Cũ"}),
    ],
)
def test_settings_are_checked(tmp_path, given, expected):
    site = Site(tmp_path, "http://127.0.0.1:8000", key="lq_cu", heading="Cũ")
    saved, errors = site.call("save_settings", given)
    assert saved == expected
    assert bool(errors) is (given is not None and given.get("key") == "<script>")


def test_nothing_is_left_behind(tmp_path, broken):
    Bulk(broken, web_server.failing(503))
    site = Site(tmp_path, broken.url)
    site.save(post_title="Bến đò")
    site.call("page_of", 1)
    assert len([name for name in site.options if "lienquan" in name]) > 3
    site.call("uninstall_plugin")
    state = json.loads(site.file.read_text())
    assert list(state["options"]) == ["home"]
    assert not state["events"]


def test_every_word_can_be_translated_and_the_header_says_what_it_needs():
    text = PLUGIN.read_text(encoding="utf-8")
    for call in re.findall(r"(?:__|_n|esc_html__)\((.*?)\)", text):
        if call:
            assert call.rstrip().endswith("'lienquan'") or "$waiting, 'lienquan'" in call
    assert re.search(r"Requires PHP: +8\.1", text)
