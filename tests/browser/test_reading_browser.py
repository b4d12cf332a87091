"""What a reader's browser loads, keeps and draws: bytes, files kept, no shift, themes, pictures, odd scripts, paper."""

from __future__ import annotations

import base64
import logging
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.test_pages_browser import Watched, browser, serve

pytestmark = pytest.mark.browser
__all__ = ["browser"]

PICTURES = "https://anh.bao.example"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
ARABIC = "عودة أفران الفخار"
BODY = "\n".join(f"Đoạn thứ {at}: khói lên từ lò gốm Lũng Vài, cụ Vừ Chả Sính ngồi canh lửa." for at in range(12))
LINES = [
    {
        "id": f"gom-{at}",
        "title": f"Lò gốm Lũng Vài đỏ lửa trở lại, mẻ thứ {at}",
        "lead": f"Sau hai năm tắt lò, tổ thợ gốm Lũng Vài nung mẻ thứ {at}, ba trăm chiếc bát đã có người đặt mua.",
        "body": BODY.replace("lò", f"lò {at}"),
        "section": "Đời sống",
        "author": "Giàng Mí Lử",
        "source": "Báo Lũng Vài",
        "tags": ["gốm", f"mẻ {at}"],
        "published_at": f"2023-11-{at + 1:02d}T09:00:00",
        "image_url": f"{PICTURES}/{'khong-co' if at % 3 == 1 else 'lo'}-{at}.png" if at % 3 else None,
    }
    for at in range(12)
] + [
    {"id": "a-rap", "title": f"{ARABIC} gốm", "lead": ARABIC, "body": f"{ARABIC}\nĐoạn hai.", "section": ARABIC},
    {"id": "dai", "title": "gốm " + "Đ" * 300, "lead": "ấ" * 500, "body": "x" * 900, "tags": ["w" * 200]},
]
SEARCH, ARTICLE = "/search?q=lò gốm Lũng Vài", "/articles/gom-0"


@pytest.fixture(scope="module")
def service(client_of):
    return client_of(LINES, min_related=0)


@pytest.fixture(scope="module")
def address(service):
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    address, stop = serve(service.application)
    yield address
    stop()


@pytest.fixture(scope="module")
def illustrated(client_of):
    address, stop = serve(client_of(LINES, min_related=0, picture_hosts=("anh.bao.example",)).application)
    yield address
    stop()


@pytest.fixture
def visit(browser, address):
    opened = []

    def visit(path=None, base=address, **options):
        context = browser.new_context(base_url=base, locale="vi-VN", **options)
        watched = Watched(context, urlsplit(base).netloc)
        opened.append((context, watched, base != address))
        if path is not None:
            watched.page.goto(path)
        return watched

    yield visit
    for context, watched, illustrated in opened:
        context.close()
        # Chromium reports pictures that do not come, and says in the text alone that it was none of ours.
        allowed = [PICTURES, "404 (Not Found)", "net::ERR_NAME_NOT_RESOLVED"] if illustrated else []
        assert [one for one in watched.seen if not any(words in one for words in allowed)] == []


# What is loaded


@pytest.mark.parametrize("path", [SEARCH, ARTICLE, "/"])
def test_a_first_page_is_light_and_brings_nothing_from_elsewhere(visit, path):
    watched = visit()
    session = watched.page.context.new_cdp_session(watched.page)
    session.send("Network.enable")
    loaded = []
    session.on("Network.loadingFinished", lambda event: loaded.append(event["encodedDataLength"]))
    watched.page.goto(path, wait_until="networkidle")
    assert len(loaded) >= 6  # the page, its style and its scripts
    assert sum(loaded) <= 60_000
    assert watched.seen == []


def test_files_are_kept_and_not_asked_for_again(visit):
    page = visit(SEARCH).page
    page.wait_for_load_state("networkidle")
    page.goto(ARTICLE, wait_until="networkidle")
    files = page.evaluate(
        """() => performance.getEntriesByType("resource").filter(one => one.name.includes("/static/"))
            .map(one => [new URL(one.name).pathname, one.transferSize])"""
    )
    assert len(files) >= 5
    assert [one for one in files if one[1]] == []


SHIFTS = """() => new Promise(done => {
    let shifted = 0;
    new PerformanceObserver(list => {
        for (const one of list.getEntries()) if (!one.hadRecentInput) shifted += one.value;
    }).observe({type: "layout-shift", buffered: true});
    setTimeout(() => done(shifted), 400);
})"""


@pytest.mark.parametrize("path", [SEARCH, ARTICLE, "/"])
@pytest.mark.parametrize("width", [320, 768, 1280])
def test_nothing_shifts(visit, path, width):
    page = visit(path, viewport={"width": width, "height": 700}).page
    page.wait_for_load_state("networkidle")
    assert page.evaluate(SHIFTS) <= 0.02


def test_nothing_shifts_as_pictures_come_or_fail(visit, illustrated):
    watched = opened_with_pictures(visit, illustrated, SEARCH)
    watched.page.mouse.wheel(0, 4000)
    assert watched.page.evaluate(SHIFTS) <= 0.02


def test_nothing_shifts_while_results_come_under_what_is_typed(visit):
    page = visit("/search?q=lò gốm").page
    page.get_by_role("combobox").press("End")
    page.get_by_role("combobox").press_sequentially(" Lũng Vài", delay=20)
    expect(page.get_by_role("heading", level=1)).to_have_text("Kết quả cho “lò gốm Lũng Vài”")
    assert page.evaluate(SHIFTS) <= 0.02


# Pictures


def opened_with_pictures(visit, base, path):
    """Return a watched page whose newspaper has some of its pictures."""
    watched = visit(base=base)

    def answer(route):
        there = "khong-co" not in route.request.url
        route.fulfill(status=200 if there else 404, content_type="image/png", body=PNG if there else b"")

    watched.page.route(f"{PICTURES}/**", answer)
    watched.page.goto(path, wait_until="networkidle")
    return watched


def test_no_picture_is_asked_for_by_default(visit):
    for path in (SEARCH, ARTICLE, "/articles/gom-2"):
        watched = visit(path)
        watched.page.wait_for_load_state("networkidle")
        assert watched.page.locator("main img").count() == 0
        assert watched.seen == []


def test_pictures_of_a_named_host_come_and_their_places_stay_where_they_do_not(visit, illustrated):
    watched = opened_with_pictures(visit, illustrated, SEARCH)
    page = watched.page
    assert {one.split("elsewhere: ")[1].rsplit("/", 1)[0] for one in watched.seen if "elsewhere" in one} == {PICTURES}
    places = page.locator("ol .picture")
    assert places.count() == page.locator("ol.hits > li").count()
    for place in places.all():
        place.scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle")
    sizes = {(round(box["width"]), round(box["height"])) for box in (place.bounding_box() for place in places.all())}
    assert len(sizes) == 1
    images = page.locator("ol img")
    seen = images.evaluate_all("all => all.map(one => [one.src.includes('khong-co'), one.naturalWidth])")
    assert {bool(width) is not missing for missing, width in seen} == {True}
    assert {missing for missing, _ in seen} == {True, False}


def test_the_policy_keeps_pictures_of_other_hosts_out(visit, illustrated):
    watched = visit(ARTICLE, illustrated)
    blocked = watched.page.evaluate(
        """() => new Promise(done => {
            addEventListener("securitypolicyviolation", event => done(event.effectiveDirective));
            const image = new Image();
            image.src = "https://khac.example/x.png";
        })"""
    )
    assert blocked == "img-src"
    watched.seen.clear()


# Themes


def background(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


LIGHT, DARK = "rgb(255, 255, 255)", "rgb(20, 23, 26)"


@pytest.mark.parametrize(("system", "first", "second"), [("light", LIGHT, DARK), ("dark", DARK, LIGHT)])
def test_the_theme_is_the_systems_until_the_reader_chooses_and_stays_chosen(visit, system, first, second):
    page = visit("/", color_scheme=system).page
    switch = page.get_by_role("button", name="Nền tối")
    assert background(page) == first
    expect(switch).to_have_attribute("aria-pressed", str(first == DARK).lower())
    switch.click()
    assert background(page) == second
    expect(switch).to_have_attribute("aria-pressed", str(second == DARK).lower())
    page.goto(ARTICLE)
    assert background(page) == second
    page.get_by_role("button", name="Nền tối").click()
    assert background(page) == first
    assert page.evaluate("localStorage.length") == 0  # as the system has it is nothing to remember
    assert page.context.cookies() == []


def test_a_chosen_theme_is_there_before_anything_is_drawn(visit):
    page = visit("/", color_scheme="light").page
    page.get_by_role("button", name="Nền tối").click()
    page.add_init_script(
        """window.drawn = [];
        const note = () => window.drawn.push(document.documentElement.dataset.theme);
        new PerformanceObserver(list => list.getEntries().forEach(note)).observe({type: "paint", buffered: true});
        document.addEventListener("readystatechange", note);"""
    )
    page.goto(SEARCH, wait_until="networkidle")
    assert set(page.evaluate("window.drawn")) == {"dark"}


def test_the_theme_follows_another_tab(visit):
    page = visit("/", color_scheme="light").page
    other = page.context.new_page()
    other.goto(ARTICLE)
    page.get_by_role("button", name="Nền tối").click()
    expect(other.locator("html")).to_have_attribute("data-theme", "dark")
    assert background(other) == DARK


def test_where_nothing_may_be_kept_the_switch_works_all_the_same(visit):
    watched = visit(color_scheme="light")
    watched.page.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('', 'SecurityError'); }})"
    )
    watched.page.goto("/")
    watched.page.get_by_role("button", name="Nền tối").click()
    assert background(watched.page) == DARK


def test_no_motion_where_the_reader_wants_none(visit):
    page = visit(SEARCH, reduced_motion="reduce").page
    page.evaluate("document.querySelector('main').setAttribute('aria-busy', 'true')")
    assert page.evaluate("getComputedStyle(document.querySelector('main')).transitionDuration") == "0s"


# Odd texts


def test_a_script_from_right_to_left_runs_so_and_the_page_does_not(visit):
    page = visit("/search?q=gốm&sort=newest&limit=20", viewport={"width": 320, "height": 700}).page
    title = page.get_by_role("heading", level=2).filter(has_text=ARABIC)
    assert title.evaluate("node => getComputedStyle(node).direction") == "rtl"
    assert page.evaluate("getComputedStyle(document.body).direction") == "ltr"
    page.get_by_role("link", name=f"{ARABIC} gốm").click()
    expect(page.locator(".body > p")).to_have_count(2)
    directions = page.locator(".body > p").evaluate_all("all => all.map(one => getComputedStyle(one).direction)")
    assert directions == ["rtl", "ltr"]


@pytest.mark.parametrize("path", ["/search?q=gốm&limit=20", "/articles/dai", "/articles/a-rap", ARTICLE])
def test_nothing_reaches_beyond_a_narrow_window(visit, illustrated, path):
    page = visit(path, illustrated, viewport={"width": 320, "height": 700}).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


# The blocks of an article, and paper


def test_the_three_blocks_of_an_article(visit):
    page = visit(ARTICLE).page
    for name in ("Đọc thêm", "Bài liên quan", "Tin mới"):
        block = page.get_by_role("complementary", name=name)
        for item in block.get_by_role("listitem").all():
            assert item.locator(".meta").last.inner_text().strip()
    titles = [link.inner_text() for link in page.locator("aside a:not(.section)").all()]
    assert len(titles) == len(set(titles)) > 0


def test_print_shows_the_article_and_no_controls(visit):
    page = visit(ARTICLE, color_scheme="dark").page
    page.get_by_role("combobox").fill("gốm")
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator(".body > p").last).to_be_visible()
    for hidden in (".search", ".theme", ".languages", ".teasers", ".headlines", ".colophon", ".suggestions"):
        assert page.locator(f"{hidden} >> visible=true").count() == 0, hidden
    assert background(page) == LIGHT
    assert page.pdf()[:5] == b"%PDF-"


def test_json_ld_is_data_to_the_browser_and_breaks_no_policy(visit):
    page = visit(f"/articles/{quote('gom-3')}").page
    data = page.evaluate("JSON.parse(document.querySelector('script[type=\"application/ld+json\"]').textContent)")
    assert data["headline"] == LINES[3]["title"]
    assert data["articleSection"] == "Đời sống"
