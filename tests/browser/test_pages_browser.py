"""The pages in Chromium, against a real server: a reader's way through, by mouse, by keyboard, on a phone."""

from __future__ import annotations

import logging
import os
import re
import shutil
import threading
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest
from playwright.sync_api import expect, sync_playwright
from werkzeug.serving import make_server

from tests.service.reader.test_front_page import clicked

pytestmark = pytest.mark.browser

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SCRIPT = "<script>document.title = 'bị đổi'; console.error('đã chạy')</script>"
LONG = "x" * 400
ODD_ID = "gốm 100% & <b>?a=1#2\\3%2F"

LINES = [
    {
        "id": "lo-gom",
        "title": "Lò gốm Lũng Vài đỏ lửa trở lại",
        "lead": "Sau hai năm tắt lò, tổ thợ gốm Lũng Vài nung mẻ đầu tiên.",
        "body": "Sáng sớm, khói lên từ lò gốm.\nCụ Vừ Chả Sính ngồi canh lửa.",
        "url": "https://bao.example/lo-gom.html",
        "section": "Đời sống",
        "author": "Giàng Mí Lử",
        "source": "Báo Lũng Vài",
        "tags": ["gốm", "làng nghề"],
        "published_at": "2023-11-07T17:04:00",
    },
    {
        "id": ODD_ID,
        "title": "Hợp tác xã gốm Lũng Vài tìm đường bán hàng",
        "lead": "Mười hai thợ gốm Lũng Vài góp vốn mở hợp tác xã.",
        "section": "Kinh tế",
        "published_at": "2023-12-01T09:00:00",
    },
    {
        "id": "xau",
        "title": f"{SCRIPT} gốm",
        "lead": f"{SCRIPT}<img src=x onerror=\"console.error('ảnh')\">",
        "body": f"{SCRIPT} thân bài",
        "section": SCRIPT,
        "tags": [SCRIPT],
        "url": "javascript:console.error('liên kết')",
    },
    {
        "id": LONG[:128],
        "title": f"gốm {LONG}",
        "lead": LONG,
        "body": f"{LONG}\n{LONG}",
        "section": LONG,
        "author": LONG,
        "source": LONG,
        "tags": [LONG, LONG[1:]],
        "url": f"https://{'a' * 60}.{'b' * 60}.example/{LONG}",
    },
    *({"id": f"mau-{at}", "title": f"Mẫu gốm thứ {at}", "section": "Mẫu"} for at in range(12)),
]
ARTICLES = ["lo-gom", quote(ODD_ID, safe=""), "xau", LONG[:128]]
PAGES = [
    "/",
    "/?lang=en",
    "/search?q=gốm",
    f"/search?q=gốm&section=Mẫu&author={LONG}&tag={SCRIPT}&published_from=2023-01-01&published_to=2024-01-01",
    f"/search?q={LONG}&offset=10&lang=en",
    *(f"/articles/{article}" for article in ARTICLES),
    "/sections/Mẫu",
    f"/sections/{LONG}?lang=en",
    f"/tags/{quote(SCRIPT, safe='')}",
    "/authors/Giàng Mí Lử",
    "/sources/Báo Lũng Vài?page=2",
    "/api/docs",
]
TROUBLE = ["/khong/co", f"/articles/{LONG}", f"/search?q=gốm&limit={LONG}"]


def chromium(own):
    """Return the Chromium to drive, or end the test where there is none.

    :param own: Where Playwright's own would be.
    """
    named = [os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"]
    found = next((path for name in named if name and (path := shutil.which(name))), None)
    if found is None and Path(own).exists():
        found = own
    if found is None:
        why = "no Chromium: set CHROMIUM, install one, or run `playwright install chromium`"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    return found


def whole_answers(app):
    """Return the application with every answer read and closed at once.

    Werkzeug's server leaves a static file open where the browser hangs up in the middle of it.
    """

    def run(environ, start_response):
        answer = app(environ, start_response)
        try:
            return [b"".join(answer)]
        finally:
            if hasattr(answer, "close"):
                answer.close()

    return run


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        path = chromium(playwright.chromium.executable_path)
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def serve(app):
    """Serve an application on a free port; return its address and what ends it."""
    server = make_server("127.0.0.1", 0, whole_answers(app), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def stop():
        server.shutdown()
        thread.join()
        server.server_close()

    return f"http://127.0.0.1:{server.server_port}", stop


@pytest.fixture(scope="module")
def address(client_of):
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = client_of(LINES, min_related=0, clicks=True).application
    clicked(application.config["SETTINGS"].home, {"lo-gom": 3, LONG[:128]: 4})
    application.extensions["lienquan_front_pages"].refresh(application.extensions["lienquan"].searcher())
    address, stop = serve(application)
    yield address
    stop()


QUICKER = "Autofocus processing was blocked because a document already has a focused element."
"""What Chromium tells of a page whose reader was somewhere before the page could ask for the focus."""


class Watched:
    """A page with what must not happen on it: messages in the console, faults of scripts, requests to elsewhere."""

    def __init__(self, context, host):
        self.page = context.new_page()
        self.seen = []
        self.page.on("console", lambda message: message.text != QUICKER and self.seen.append(message.text))
        self.page.on("pageerror", lambda error: self.seen.append(str(error)))
        self.page.on("request", lambda request: self._check(request.url, host))
        self.page.on("requestfailed", self._failed)

    def _failed(self, request):
        if request.failure != "net::ERR_ABORTED":  # as when a reader goes on before all is loaded
            self.seen.append(f"failed: {request.url}: {request.failure}")

    def _check(self, url, host):
        if urlsplit(url).netloc != host:
            self.seen.append(f"elsewhere: {url}")


@pytest.fixture
def visit(browser, address):
    """Return a function that opens a watched page; nothing bad may have been seen on it at the end."""
    opened = []

    def visit(path="/", trouble=False, **options):
        context = browser.new_context(base_url=address, locale="vi-VN", **options)
        watched = Watched(context, urlsplit(address).netloc)
        opened.append((context, watched, trouble))
        watched.page.goto(path)
        return watched.page

    yield visit
    for context, watched, trouble in opened:
        context.close()
        # Chromium itself reports the status of an error page.
        assert [one for one in watched.seen if not (trouble and "the server responded with a status of" in one)] == []


def search_for(page, words):
    page.get_by_label("Bạn muốn tìm bài về điều gì?").fill(words)
    page.get_by_role("button", name="Tìm").click()


def test_from_home_to_a_related_article_and_back(visit):
    page = visit("/")
    search_for(page, "lò gốm Lũng Vài đỏ lửa")
    expect(page).to_have_title("lò gốm Lũng Vài đỏ lửa – Liên Quan")
    results = page.url
    page.get_by_role("link", name="Lò gốm Lũng Vài đỏ lửa trở lại").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Lò gốm Lũng Vài đỏ lửa trở lại")
    article = page.url
    related = page.get_by_role("complementary", name="Bài liên quan")
    expect(related.get_by_role("listitem")).to_have_count(5)
    related.get_by_role("link", name="Hợp tác xã gốm").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hợp tác xã gốm Lũng Vài tìm đường bán hàng")
    page.go_back()
    expect(page).to_have_url(article)
    page.go_back()
    expect(page).to_have_url(results)
    expect(page.get_by_role("combobox")).to_have_value("lò gốm Lũng Vài đỏ lửa")


def test_filters_pages_and_language(visit):
    page = visit("/search?q=gốm")
    page.get_by_role("link", name="Trang sau").click()
    expect(page.get_by_text("Bài 11–16 trong 16 bài viết")).to_be_visible()
    page.get_by_role("link", name="English").click()
    expect(page.get_by_text("11–16 of 16 articles")).to_be_visible()
    page.get_by_role("link", name="Previous page").click()
    page.get_by_role("complementary").get_by_role("link", name="Mẫu").click()
    expect(page.get_by_text("1–10 of 12 articles")).to_be_visible()
    page.get_by_role("link", name="Remove the filter Section: Mẫu").first.click()
    expect(page.get_by_text("1–10 of 16 articles")).to_be_visible()
    page.get_by_text("Published", exact=True).click()
    page.get_by_label("From").fill("2023-11-01")
    page.get_by_label("To", exact=True).fill("2023-11-30")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("listitem").get_by_role("heading")).to_have_text(["Lò gốm Lũng Vài đỏ lửa trở lại"])
    page.get_by_role("combobox").fill("canh lửa")
    page.get_by_role("button", name="Search").click()
    expect(page).to_have_url(re.compile("published_to=2023-11-30.*lang=en"))
    expect(page.get_by_text("1–1 of 1 article")).to_be_visible()


def focused(page):
    """Return what has the focus, and whether that can be seen."""
    return page.evaluate(
        """() => {
            const node = document.activeElement, style = getComputedStyle(node), box = node.getBoundingClientRect();
            const shown = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
            return [node.textContent.trim() || node.name, shown && box.top >= 0 && box.left >= 0 && box.width > 0];
        }"""
    )


def tab_to(page, name):
    """Press Tab until the named thing has the focus, which must be seen all the way."""
    page.wait_for_load_state()
    for _ in range(40):
        page.keyboard.press("Tab")
        at, shown = focused(page)
        assert shown, at
        if at == name:
            return
    pytest.fail(f"{name!r} is not reached by Tab")


def test_keyboard_alone(visit):
    page = visit("/")
    expect(page.get_by_role("combobox")).to_be_focused()
    page.keyboard.type("lò gốm Lũng Vài đỏ lửa")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Kết quả cho")
    tab_to(page, "Tới nội dung chính")
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    tab_to(page, "Thời gian đăng")
    expect(page.get_by_label("Từ ngày")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Từ ngày")).to_be_visible()
    tab_to(page, "Lò gốm Lũng Vài đỏ lửa trở lại")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Lò gốm Lũng Vài đỏ lửa trở lại")
    tab_to(page, "Hợp tác xã gốm Lũng Vài tìm đường bán hàng")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Hợp tác xã gốm Lũng Vài tìm đường bán hàng")


@pytest.mark.parametrize("path", PAGES + TROUBLE)
@pytest.mark.parametrize("width", [320, 1280])
def test_no_page_is_wider_than_its_window(visit, path, width):
    page = visit(path, trouble=path in TROUBLE, viewport={"width": width, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = page.evaluate(
        """width => [...document.querySelectorAll('body *:not(.unseen)')]
            .filter(node => node.getBoundingClientRect().right > width + 1).map(node => node.outerHTML.slice(0, 80))""",
        width,
    )
    assert outside == []


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_reports_or_fetches_anything(visit, path, scheme):
    page = visit(path, color_scheme=scheme)
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark is (scheme == "dark")


@pytest.mark.parametrize("path", TROUBLE)
def test_error_pages_load_their_style(visit, path):
    page = visit(path, trouble=True)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('.skip')).position") == "absolute"


def test_without_javascript(visit):
    page = visit("/", java_script_enabled=False)
    search_for(page, "lò gốm Lũng Vài đỏ lửa")
    page.get_by_role("link", name="Lò gốm Lũng Vài đỏ lửa trở lại").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Lò gốm Lũng Vài đỏ lửa trở lại")
    page.get_by_role("link", name="làng nghề").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("làng nghề")
    expect(page.get_by_text("Bài 1–1 trong 1 bài viết")).to_be_visible()
    expect(page.get_by_role("button", name="Nền tối")).to_be_hidden()  # it could do nothing


@pytest.mark.parametrize("scripted", [True, False])
def test_from_the_front_page_to_a_search_a_section_and_what_is_read(visit, scripted):
    page = visit("/", java_script_enabled=scripted)
    searches = page.get_by_role("region", name="Thử tìm").get_by_role("link")
    text = searches.first.text_content()
    searches.first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Kết quả cho “{text}”")
    page.go_back()
    read = page.get_by_role("region", name="Đang được đọc").get_by_role("link")
    expect(read).to_have_text([f"gốm {LONG}", "Lò gốm Lũng Vài đỏ lửa trở lại"])
    page.get_by_role("navigation", name="Chuyên mục").get_by_role("link", name="Mẫu").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mẫu")
    page.go_back()
    newest = page.get_by_role("region", name="Mới đăng")
    expect(newest.get_by_role("heading", level=3)).to_have_count(10)
    newest.get_by_role("link", name="Tất cả bài, mới nhất trước").click()
    expect(page.get_by_text("Bài 1–10 trong 16 bài viết")).to_be_visible()


def test_the_reading_of_a_query_is_undone_and_redone_without_javascript(visit):
    page = visit("/search?q=lo gom Lung Vai", java_script_enabled=False)
    expect(page.get_by_text("Đã hiểu là: lò gốm Lũng Vài")).to_be_visible()
    expect(page.locator(".hit-title mark").first).to_have_text("Lò gốm Lũng Vài")
    page.get_by_role("link", name="Tìm đúng như đã gõ").first.click()
    expect(page.get_by_text("Đang tìm đúng như đã gõ.")).to_be_visible()
    page.get_by_role("link", name="Để Liên Quan đoán ý").click()
    expect(page.get_by_text("Đã hiểu là: lò gốm Lũng Vài")).to_be_visible()


@pytest.mark.parametrize("width", [320, 1280])
def test_facets_open_and_narrow(visit, width):
    page = visit("/search?q=gốm", viewport={"width": width, "height": 700})
    facets = page.get_by_role("complementary")
    expect(facets.get_by_role("link", name="Mẫu")).to_be_visible()
    expect(facets.get_by_role("link", name="làng nghề")).to_be_hidden()
    facets.get_by_text("Thẻ", exact=True).click()
    facets.get_by_role("link", name="làng nghề").click()
    expect(page.get_by_text("Bài 1–1 trong 1 bài viết")).to_be_visible()
    page.get_by_role("link", name="Bỏ lọc Thẻ: làng nghề").first.click()
    expect(page.get_by_text("Bài 1–10 trong 16 bài viết")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_marks_are_seen(visit, scheme):
    page = visit("/search?q=lò gốm Lũng Vài", color_scheme=scheme)
    mark, around = (
        page.locator(where).first.evaluate("node => getComputedStyle(node).backgroundColor")
        for where in (".hit-title mark", "body")
    )
    assert mark not in {around, "rgba(0, 0, 0, 0)"}


def test_markup_in_articles_does_nothing(visit):
    page = visit("/")
    search_for(page, SCRIPT)
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Kết quả cho “{SCRIPT}”")
    page.get_by_role("heading", level=2).get_by_role("link", name=f"{SCRIPT} gốm").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{SCRIPT} gốm")
    assert page.title() == f"{SCRIPT} gốm – Liên Quan"
    own = "script:not([src^='/static/'], [type='application/ld+json']), main img"
    assert page.evaluate("own => document.querySelectorAll(own).length", own) == 0


def test_markup_in_the_name_of_a_section_does_nothing(visit):
    page = visit("/articles/xau")
    page.get_by_role("article").first.get_by_role("link", name=SCRIPT).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(SCRIPT)
    assert unquote(urlsplit(page.url).path) == f"/sections/{SCRIPT}"
    assert page.title().startswith(SCRIPT)


def test_a_section_page_narrows_to_a_search_and_a_search_opens_out_to_the_section(visit):
    page = visit("/sections/Đời sống?lang=en")
    facets = page.get_by_role("complementary", name="Narrow the results")
    facets.get_by_role("link", name="Add Mẫu").click()
    expect(page.get_by_text("1–10 of 13 articles")).to_be_visible()
    assert parse_qs(urlsplit(page.url).query) == {"section": ["Đời sống", "Mẫu"], "lang": ["en"]}
    page.get_by_role("link", name="All articles: Đời sống").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Đời sống")
    assert unquote(urlsplit(page.url).path) == "/sections/Đời sống"
    page.go_back()
    page.get_by_role("link", name="Remove the filter Section: Mẫu").first.click()
    assert unquote(urlsplit(page.url).path) == "/sections/Đời sống"


def test_an_odd_id_opens_by_its_link(visit):
    page = visit("/search?q=hợp tác xã gốm Lũng Vài")
    page.get_by_role("link", name="Hợp tác xã gốm Lũng Vài tìm đường bán hàng").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hợp tác xã gốm Lũng Vài tìm đường bán hàng")
    assert unquote(urlsplit(page.url).path) == f"/articles/{ODD_ID}"


def test_docs_lead_from_an_endpoint_to_an_object(visit):
    page = visit("/")
    page.get_by_role("link", name="Tài liệu API").click()
    page.get_by_role("link", name="POST /api/v1/related", exact=True).click()
    page.locator("#post_api_v1_related").get_by_role("link", name="RelatedBody").click()
    expect(page).to_have_url(re.compile("#object-RelatedBody$"))
    expect(page.get_by_role("heading", name="RelatedBody")).to_be_in_viewport()


def test_before_the_first_snapshot(browser, client_of):
    address, stop = serve(client_of().application)
    page = browser.new_page()
    try:
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_have_text("Sắp sẵn sàng")
        page.get_by_role("link", name="Thử lại").click()
        expect(page.get_by_text("lienquan index")).to_be_visible()
    finally:
        page.close()
        stop()
