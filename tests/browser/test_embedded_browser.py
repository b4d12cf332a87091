"""The element for other sites' pages: a newspaper's page of another origin, a real service and broken ones."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import time
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from playwright.sync_api import expect

from tests import web_server
from tests.browser.test_accessibility_browser import RULES, faults
from tests.browser.test_pages_browser import browser, serve
from tests.browser.test_reading_browser import SHIFTS
from tests.conftest import wait_for
from tests.databases import closed_port

pytestmark = pytest.mark.browser
__all__ = ["browser"]

SCRIPT = Path(__file__).parents[2] / "integrations" / "web" / "lienquan-related.js"
HOSTILE = "<script>document.title = 'bị đổi'</script><img src=x onerror=\"document.title = 'bị đổi'\"> gốm"
ODD_ID = "gốm 100% & <b>?a=1#2"
LINES = [
    {
        "id": f"gom-{at}",
        "title": f"Lò gốm Lũng Vài đỏ lửa trở lại, mẻ thứ {at}" + " và rất nhiều chữ nữa" * (at % 3 * 5),
        "body": f"Khói lên từ lò gốm Lũng Vài, mẻ {at} của tổ thợ {at * 7}.",
        "url": f"https://bao.example/gom-{at}.html",
        "section": "Đời sống",
        "published_at": f"2023-11-{at + 1:02d}T09:00:00",
        "image_url": f"https://anh.bao.example/{at}.png" if at % 2 else None,
    }
    for at in range(9)
] + [
    {"id": "xau", "title": HOSTILE, "section": HOSTILE, "url": "https://bao.example/xau.html", "image_url": "data:,x"},
    {"id": "lien-ket", "title": "Bão số chín đổ bộ", "url": "javascript:document.title='bị đổi'"},
    {"id": "khong-dia-chi", "title": "Giá xăng chiều nay"},
    {"id": ODD_ID, "title": "Hợp tác xã gốm Lũng Vài tìm đường bán hàng", "url": "https://bao.example/htx.html"},
]
OWN = '<ul id="own"><li><a href="/tin-moi">Tin mới của toà soạn</a></li></ul>'
STYLE = """
:root { color-scheme: light dark } body { margin: 1rem; max-width: 40rem; font: 16px/1.5 serif }
lienquan-related { display: flow-root; min-height: %s }
"""
RESERVED = "min(100rem, 60rem)"


@pytest.fixture(scope="module")
def paper():
    with web_server.serve() as site:
        site.pages["/favicon.ico"] = ""
        site.pages["/tin-moi"] = "<title>Tin mới</title>"
        yield site


@pytest.fixture(scope="module")
def service(client_of, paper):
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    address, stop = serve(client_of(LINES, min_related=0, cors_origins=[paper.url]).application)
    yield address
    stop()


@pytest.fixture
def broken():
    with web_server.serve() as site:
        yield site


class Visit:
    """A page of the newspaper with what was seen on it."""

    def __init__(self, page):
        self.page = page
        self.seen = []
        self.asked = []
        page.on("console", lambda message: self.seen.append(message.text))
        page.on("pageerror", lambda error: self.seen.append(f"error: {error}"))
        page.on("request", lambda request: "/api/" in request.url and self.asked.append(request.url))
        page.add_init_script("addEventListener('lienquan', event => { window.count = event.detail.count; });")

    def settled(self):
        """Wait until the element has decided; return how many articles it shows."""
        wait_for(lambda: self.page.evaluate("window.count !== undefined"))
        return self.page.evaluate("window.count")


@pytest.fixture
def visit(browser, paper, service):
    opened = []

    def visit(element, loaded=None, reserved=RESERVED, before="", trouble=(), policy=None, **options):
        """Open a page that holds an element, and more below it.

        :param element: Attributes and content; `{}` in it is the service.
        :param trouble: What the browser itself may report of requests that fail.
        """
        loaded = loaded or f'<script defer src="{service}/static/v1/lienquan-related.js"></script>'
        body = f"<lienquan-related {element}</lienquan-related>".replace("{}", service)
        page = (
            f'<!doctype html><html lang="vi"><title>Bài</title><meta name="viewport" content="width=device-width">'
            f"<style>{STYLE % reserved}</style>{loaded}<main><h1>Bài</h1>{before}{body}"
            "<p id=after>Dưới khối là chân trang.</p></main></html>"
        )
        headers = {"Content-Type": "text/html; charset=utf-8"}
        if policy is not None:
            headers["Content-Security-Policy"] = policy
        paper.pages["/bai"] = lambda request: request.give(page, **headers)
        context = browser.new_context(locale="vi-VN", **options)
        visited = Visit(context.new_page())
        visited.page.route("https://anh.bao.example/**", lambda route: route.fulfill(status=404))
        opened.append((context, visited, trouble))
        visited.page.goto(f"{paper.url}/bai")
        return visited

    yield visit
    for context, visited, trouble in opened:
        title = visited.page.title() if visited.page.url.endswith("/bai") else "Bài"
        context.close()
        assert title == "Bài"
        assert [one for one in visited.seen if not any(words in one for words in trouble)] == []


FAILED = ("Failed to load resource",)
ELEMENT = 'article="gom-0" server="{}" limit="6">' + OWN


def links(visited):
    return visited.page.locator("lienquan-related").get_by_role("link")


def listed(service, article, limit=6):
    """Return title and address of what the service lists, those without an address left out."""
    with urlopen(f"{service}/api/v1/articles/{quote(article, safe='')}/related?limit={limit}") as answer:
        hits = json.load(answer)["hits"]
    return [(hit["title"], hit["url"]) for hit in hits if (hit["url"] or "").startswith("http")]


def described(visited):
    return links(visited).evaluate_all("all => all.map(one => [one.textContent, one.href])")


# What is shown


def test_the_list_takes_the_place_of_the_newsroom_s_own(visit, service):
    visited = visit(ELEMENT)
    expected = listed(service, "gom-0")
    assert visited.settled() == len(expected) > 2
    assert [tuple(one) for one in described(visited)] == expected
    block = visited.page.get_by_role("region", name="Bài liên quan")
    expect(block.get_by_role("heading", level=2)).to_have_text("Bài liên quan")
    assert block.get_by_role("listitem").count() == len(expected)
    expect(visited.page.locator("#own")).to_be_hidden()


def test_meta_is_section_and_day(visit, service):
    visited = visit('article="gom-0" server="{}" limit="1">')
    visited.settled()
    ((_, url),) = listed(service, "gom-0", 1)
    day = int(url.removesuffix(".html").rsplit("-", 1)[1]) + 1
    assert visited.page.locator("lienquan-related .meta").inner_text() == f"Đời sống · {day}/11/2023"


def test_by_address_and_with_the_script_s_own_service(visit, service):
    visited = visit('url="https://bao.example/gom-0.html?utm_source=x" limit="3">')
    assert visited.settled() > 0
    assert [tuple(one) for one in described(visited)] == listed(service, "gom-0", 3)


def test_by_the_page_s_canonical_address(visit, service):
    script = f'<script defer src="{service}/static/v1/lienquan-related.js"></script>'
    visited = visit('limit="3">', f'<link rel="canonical" href="https://bao.example/gom-0.html">{script}')
    assert visited.settled() > 0
    assert [tuple(one) for one in described(visited)] == listed(service, "gom-0", 3)


def test_an_odd_id(visit, service):
    visited = visit(f'article="{ODD_ID.replace("&", "&amp;")}" server="{{}}/" limit="4">')
    assert visited.settled() == len(listed(service, ODD_ID, 4)) > 0


def test_hostile_titles_are_text_and_other_addresses_are_left_out(visit, service):
    visited = visit('article="gom-0" server="{}" limit="50" pictures reasons>', trouble=FAILED)
    visited.settled()
    found = described(visited)
    assert [HOSTILE, "https://bao.example/xau.html"] in found
    assert {url.split(":")[0] for _, url in found} == {"https"}
    assert len(found) == len(LINES) - 3
    for name in ("script", "img[src^='data']", "img[src='x']"):
        assert visited.page.locator(f"lienquan-related {name}").count() == 0
    assert visited.page.locator("lienquan-related .meta").filter(has_text=HOSTILE).count() == 1


def test_pictures_and_reasons_are_there_if_asked_for(visit):
    plain = visit('article="gom-0" server="{}">')
    plain.settled()
    assert plain.page.locator("lienquan-related :is(img, .picture, .reason)").count() == 0
    full = visit('article="gom-0" server="{}" pictures reasons>', trouble=FAILED)
    full.settled()
    boxes = [one.bounding_box() for one in full.page.locator("lienquan-related .picture").all()]
    assert {round(box["width"] / box["height"], 1) for box in boxes} == {1.5}
    expect(full.page.locator("lienquan-related img")).to_have_count(0)  # none of them exists
    reasons = full.page.locator("lienquan-related .reason").all_inner_texts()
    assert "cùng sự kiện" in reasons
    assert not any("_" in reason for reason in reasons)  # those that fill the list up say it by a name


def test_words_in_english(visit):
    visited = visit('article="gom-0" server="{}" lang="en" limit="1">')
    visited.settled()
    block = visited.page.get_by_role("region", name="Related articles")
    expect(block.get_by_role("heading")).to_have_text("Related articles")
    assert links(visited).evaluate("one => one.lang") == "vi"


def test_a_heading_of_the_newsroom_s_own_and_none(visit):
    own = visit('article="gom-0" server="{}" heading="Xem thêm <b>" level="3">')
    own.settled()
    expect(own.page.get_by_role("heading", level=3)).to_have_text("Xem thêm <b>")
    none = visit('article="gom-0" server="{}" heading="">')
    none.settled()
    assert none.page.locator("lienquan-related").get_by_role("heading").count() == 0
    expect(none.page.get_by_role("region", name="Bài liên quan")).to_be_visible()


def test_another_article(visit, service):
    visited = visit('article="gom-0" server="{}">')
    visited.settled()
    visited.page.evaluate(
        "() => { window.count = undefined; const one = document.querySelector('lienquan-related');"
        "one.setAttribute('article', 'gom-3'); one.setAttribute('limit', '4'); }"
    )
    assert visited.settled() > 0
    assert [tuple(one) for one in described(visited)] == listed(service, "gom-3", 4)
    assert len(visited.asked) == 2


def test_variables_and_parts(visit):
    style = (
        "<style>lienquan-related { --lienquan-columns: 2; --lienquan-link: rgb(1, 2, 3) }"
        "lienquan-related::part(heading) { text-transform: uppercase }</style>"
    )
    visited = visit(ELEMENT, before=style)
    visited.settled()
    assert links(visited).first.evaluate("one => getComputedStyle(one).color") == "rgb(1, 2, 3)"
    tops = [one.bounding_box()["y"] for one in links(visited).all()[:2]]
    assert tops[0] == tops[1]
    heading = visited.page.get_by_role("heading", level=2)
    assert heading.evaluate("one => getComputedStyle(one).textTransform") == "uppercase"


def test_without_scripts_the_newsroom_s_own_list_is_there(visit, browser):
    visited = visit(ELEMENT, java_script_enabled=False)
    expect(visited.page.locator("#own")).to_be_visible()


@pytest.mark.parametrize("kind", ["module", "integrity", "policy"])
def test_ways_to_load_it(visit, service, kind):
    source = f"{service}/static/v1/lienquan-related.js"
    digest = base64.b64encode(hashlib.sha384(SCRIPT.read_bytes()).digest()).decode()
    loaded = {
        "module": f'<script type="module" src="{source}"></script>',
        "integrity": f'<script defer src="{source}" crossorigin integrity="sha384-{digest}"></script>',
        "policy": f'<script defer src="{source}"></script>',
    }
    policy = f"default-src 'none'; script-src {service}; connect-src {service}; style-src 'sha256-{style_digest()}'"
    visited = visit(ELEMENT, loaded[kind], policy=policy if kind == "policy" else None)
    expect(visited.page.get_by_role("region").get_by_role("link")).not_to_have_count(0)


def style_digest():
    return base64.b64encode(hashlib.sha256((STYLE % RESERVED).encode()).digest()).decode()


# When it asks


def test_far_below_nothing_is_asked_until_the_reader_comes_near(visit):
    visited = visit(ELEMENT, before='<div style="height: 4000px"></div>', reserved="0")
    visited.page.wait_for_load_state("networkidle")
    assert visited.asked == []
    visited.page.mouse.wheel(0, 3200)
    assert visited.settled() > 0
    assert visited.page.evaluate("document.querySelector('lienquan-related').getBoundingClientRect().top") > 0


def test_an_element_that_is_taken_away_hangs_up(visit, broken):
    stopped = []
    broken.pages["/api/v1/articles/a/related"] = slow
    visited = visit(f'article="a" server="{broken.url}">')
    visited.page.on("requestfailed", lambda request: stopped.append(request.failure))
    wait_until(visited.page, lambda: broken.asked)
    visited.page.evaluate("document.querySelector('lienquan-related').remove()")
    wait_until(visited.page, lambda: stopped)
    assert stopped == ["net::ERR_ABORTED"]
    assert visited.page.evaluate("window.count") is None


def wait_until(page, condition):
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        page.wait_for_timeout(10)


def test_nothing_changes_under_a_reader_who_is_in_the_newsroom_s_list(visit, broken):
    def late(request):
        broken.closing.wait(0.5)
        answer(request, json.dumps({"hits": [{"title": "Muộn", "url": "https://bao.example/muon"}]}))

    broken.pages["/api/v1/articles/a/related"] = late
    visited = visit(f'article="a" server="{broken.url}">{OWN}')
    visited.page.locator("#own a").focus()
    assert visited.settled() == 0
    expect(visited.page.locator("#own")).to_be_visible()


# Trouble


def answer(request, body, status=200):
    request.give(body, status, Access_Control_Allow_Origin="*", Content_Type="application/json")


def slow(request):
    request.start(200, {"Access-Control-Allow-Origin": "*", "Content-Type": "application/json"})
    request.wfile.write(b'{"hits": [')
    request.wfile.flush()
    request.server.site.closing.wait(20)


ODD_ANSWERS = [
    '{"hits": []}',
    "",
    "{",
    "null",
    "[]",
    '{"hits": 5}',
    '{"hits": [null, 1, "a", [], {}, {"title": 5}, {"title": " ", "url": "https://bao.example/"}]}',
    '{"hits": [{"title": "a", "url": "//bao.example/"}, {"title": "b", "url": {"toString": 1}}]}',
    "<html>Bảo trì</html>",
    "[" * 100_000,
]
TROUBLE = {
    "down": None,
    "slow": slow,
    "error": lambda request: answer(request, '{"hits": [{"title": "a", "url": "https://bao.example/"}]}', 500),
    "missing": lambda request: answer(request, "{}", 404),
    "half": lambda request: (
        request.start(200, {"Access-Control-Allow-Origin": "*", "Content-Length": "900"}),
        request.wfile.write(b'{"hits": ['),
    ),
    "loop": lambda request: request.give(
        b"", 302, Access_Control_Allow_Origin="*", Location="/api/v1/articles/a/related"
    ),
    "not allowed": lambda request: request.give('{"hits": []}'),
    **{text[:40]: (lambda request, text=text: answer(request, text)) for text in ODD_ANSWERS},
}


@pytest.mark.parametrize("what", TROUBLE)
def test_trouble_leaves_the_page_as_it_was(visit, broken, what):
    server = broken.url if TROUBLE[what] else f"http://127.0.0.1:{closed_port()}"
    broken.pages["/api/v1/articles/a/related"] = TROUBLE[what]
    reported = () if what in {text[:40] for text in ODD_ANSWERS} | {"slow"} else ("Failed to load", "CORS policy")
    visited = visit(f'article="a" server="{server}" timeout="400">{OWN}', trouble=reported)
    place = visited.page.locator("#after").bounding_box()
    assert visited.settled() == 0
    expect(visited.page.locator("#own")).to_be_visible()
    assert links(visited).all_inner_texts() == ["Tin mới của toà soạn"]
    assert visited.page.get_by_role("heading").all_inner_texts() == ["Bài"]
    assert visited.page.locator("#after").bounding_box() == place
    assert visited.page.evaluate(SHIFTS) == 0


@pytest.mark.parametrize(
    "attributes",
    [
        *('article="a">', 'article="a" server="javascript:1">', 'server="{}">', ">", 'article="a" server="x">'),
    ],
)
def test_what_names_nothing_asks_for_nothing(visit, attributes):
    visited = visit(attributes, loaded=f"<script>{SCRIPT.read_text()}</script>")
    assert visited.settled() == 0
    assert visited.asked == []


def test_values_that_are_none_are_the_defaults(visit):
    visited = visit('article="gom-0" server="{}" limit="x" timeout="-" level="9">')
    assert visited.settled() > 0
    assert visited.asked[0].endswith("limit=6")


# The place on the page


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("more", ["", " pictures reasons", ' heading=""'])
@pytest.mark.parametrize("own", [OWN, "", f"<div style='height: 70rem'>{OWN}</div>"])
def test_nothing_moves(visit, width, more, own):
    element = f'article="gom-0" server="{{}}"{more}>{own}'
    viewport = {"width": width, "height": 1600}
    visited = visit(element, viewport=viewport, trouble=FAILED, reserved="0" if "70rem" in own else RESERVED)
    assert visited.settled() > 0
    assert visited.page.evaluate(SHIFTS) == 0


def test_nothing_moves_where_nothing_is_reserved_by_the_page(visit, service):
    """A script that the page waits for comes before its first paint, the answer after it."""
    loaded = f'<script src="{service}/static/v1/lienquan-related.js"></script>'
    element = 'article="gom-0" server="{}" limit="5">'
    visited = visit(element, loaded, reserved="0", viewport={"width": 600, "height": 1600})
    wait_for(lambda: visited.page.evaluate("performance.getEntriesByName('first-contentful-paint').length"))
    place = visited.page.locator("#after").bounding_box()
    assert visited.settled() > 0
    assert visited.page.locator("#after").bounding_box() == place
    assert visited.page.evaluate(SHIFTS) == 0


def test_a_shift_would_be_seen(visit):
    visited = visit('article="gom-0" server="{}">', viewport={"width": 600, "height": 1600}, reserved="0")
    visited.settled()
    wait_for(lambda: visited.page.evaluate("performance.getEntriesByName('first-contentful-paint').length"))
    visited.page.evaluate("document.querySelector('lienquan-related').style.minHeight = '80rem'")
    wait_for(lambda: visited.page.evaluate(SHIFTS) > 0)


def test_a_place_that_nobody_sees_is_given_back(visit, broken):
    broken.pages["/api/v1/articles/a/related"] = lambda request: answer(request, '{"hits": []}')
    below = '<div style="height: 1000px"></div>'
    visited = visit(
        f'article="a" server="{broken.url}">', before=below, reserved="0", viewport={"width": 600, "height": 700}
    )
    assert visited.settled() == 0
    assert visited.page.locator("lienquan-related").bounding_box()["height"] == 0
    assert visited.page.evaluate(SHIFTS) == 0


# Clicks

COUNTED = {
    "list": "mã",
    "hits": [
        {"title": "Một", "url": "https://bao.example/1"},
        {"title": "Không địa chỉ", "url": None},
        {"title": "Ba", "url": "https://bao.example/3"},
    ],
}


@pytest.fixture
def counted(broken):
    """A service that counts, and what it was told."""
    told = []

    def take(request):
        told.append(json.loads(request.rfile.read(int(request.headers["Content-Length"]))))
        request.give(b"", 204)

    broken.pages["/api/v1/articles/a/related"] = lambda request: answer(request, json.dumps(COUNTED))
    broken.pages["/api/v1/clicks"] = take
    broken.told = told
    return broken


def leave(visited):
    visited.page.evaluate(
        "() => { Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange')); }"
    )


def test_what_was_seen_and_chosen_is_told_once(visit, counted):
    visited = visit(f'article="a" server="{counted.url}" clicks>')
    assert visited.settled() == 2
    visited.page.wait_for_timeout(100)  # the observer's turn
    leave(visited)
    wait_until(visited.page, lambda: counted.told)
    visited.page.route("https://bao.example/**", lambda route: route.fulfill(body="tới nơi"))
    visited.page.locator("lienquan-related a").nth(1).click()
    wait_until(visited.page, lambda: len(counted.told) > 1)
    assert counted.told == [
        {"events": [{"list": "mã", "shown": [1, 3]}]},
        {"events": [{"list": "mã", "shown": [], "clicked": 3}]},
    ]


def test_what_was_not_seen_is_not_told(visit, counted):
    below = '<div style="height: 1000px"></div>'
    visited = visit(f'article="a" server="{counted.url}" clicks>', before=below, viewport={"width": 600, "height": 700})
    visited.settled()
    leave(visited)
    visited.page.wait_for_timeout(200)
    assert counted.told == []


def test_nothing_is_told_unless_it_is_asked_for(visit, counted):
    visited = visit(f'article="a" server="{counted.url}">')
    visited.settled()
    leave(visited)
    visited.page.wait_for_timeout(200)
    assert counted.told == []


# For everyone


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing(visit, scheme, width):
    element = 'article="gom-0" server="{}" pictures reasons>' + OWN
    visited = visit(element, color_scheme=scheme, viewport={"width": width, "height": 900}, trouble=FAILED)
    visited.settled()
    assert faults(visited.page, RULES[scheme]) == []
    assert visited.page.evaluate("document.documentElement.scrollWidth") <= width


def test_axe_finds_nothing_where_the_service_is_down(visit):
    visited = visit(f'article="a" server="http://127.0.0.1:{closed_port()}">', trouble=FAILED)
    visited.settled()
    assert faults(visited.page) == []
    assert visited.page.get_by_role("region").count() == 0


def test_axe_looks_into_the_element(visit):
    visited = visit('article="gom-0" server="{}">')
    visited.settled()
    links(visited).first.evaluate("one => { one.textContent = ''; }")
    assert [rule for rule, _, _ in faults(visited.page)] == ["link-name"]


def test_by_keyboard(visit, service):
    visited = visit('article="gom-0" server="{}" limit="3">')
    visited.settled()
    for title, _ in listed(service, "gom-0", 3):
        visited.page.keyboard.press("Tab")
        name, outline = visited.page.evaluate(
            "() => { const one = document.activeElement.shadowRoot.activeElement;"
            "return [one.textContent, getComputedStyle(one).outlineStyle]; }"
        )
        assert (name, outline) == (title, "solid")
    visited.page.route("https://bao.example/**", lambda route: route.fulfill(body="tới nơi"))
    visited.page.keyboard.press("Enter")
    visited.page.wait_for_url(listed(service, "gom-0", 3)[-1][1])


def test_a_click_anywhere_on_an_article_opens_it(visit, service):
    visited = visit('article="gom-0" server="{}" limit="3" pictures>', trouble=FAILED)
    visited.settled()
    visited.page.route("https://bao.example/**", lambda route: route.fulfill(body="tới nơi"))
    visited.page.locator("lienquan-related .picture").first.click(force=True)
    visited.page.wait_for_url(listed(service, "gom-0", 3)[0][1])
