"""The draft page as one types, in Chromium: suggestions, the editor's list, and what must stay untouched."""

from __future__ import annotations

import io
import json
import logging
import re
import time
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from service.security.keys import KeyStore
from tests.browser.test_accessibility_browser import RULES, WIDTHS, faults
from tests.browser.test_newsroom_browser import BODY, LINES, PAGE
from tests.browser.test_pages_browser import Watched, browser, serve

pytestmark = pytest.mark.browser
__all__ = ["browser"]

SLOW = "hợp tác xã chậm"
SLOW_S = 1.0
TITLE = "Hợp tác xã gốm Lũng Vài lò gốm"


def slowed(app):
    """Return the application, which answers one draft late."""

    def run(environ, start_response):
        if environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"] == PAGE:
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            if SLOW.encode() in body:
                time.sleep(SLOW_S)
            environ["wsgi.input"] = io.BytesIO(body)
        return app(environ, start_response)

    return run


@pytest.fixture(scope="module")
def address(client_of):
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    address, stop = serve(slowed(client_of(LINES, min_related=0).application))
    yield address
    stop()


@pytest.fixture
def visit(browser, address):
    opened = []

    def visit(path=PAGE, lost=False, **options):
        context = browser.new_context(base_url=address, locale="vi-VN", **options)
        watched = Watched(context, urlsplit(address).netloc)
        opened.append((context, watched, lost))
        watched.page.goto(path)
        return watched.page

    yield visit
    for context, watched, lost in opened:
        context.close()
        assert [one for one in watched.seen if not (lost and ("net::ERR_" in one or "status of 4" in one))] == []


def title(page):
    return page.get_by_label("Tiêu đề", exact=True)


def body(page):
    return page.get_by_label("Nội dung", exact=True)


def hits(page):
    return page.locator("ol.hits > li h3")


def boxes(page):
    return page.get_by_role("checkbox")


def mine(page):
    return page.locator("#mine-list > li a")


def said(page):
    return page.locator("#found > [role=status]")


def test_suggestions_follow_typing_and_nothing_typed_is_touched(visit):
    page = visit()
    expect(page.get_by_text("gợi ý sẽ hiện ở đây")).to_be_visible()
    title(page).press_sequentially("Hợp tác xã gốm", delay=20)
    expect(hits(page).first).to_be_visible()
    expect(title(page)).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.type("X")
    page.wait_for_load_state("networkidle")
    expect(title(page)).to_have_value("HXợp tác xã gốm")
    assert title(page).evaluate("node => [node.selectionStart, node.selectionEnd]") == [2, 2]
    expect(title(page)).to_be_focused()
    expect(said(page)).to_have_text(re.compile(r"^\d+ gợi ý\.$"))
    assert urlsplit(page.url).query == ""
    kept = "caches.keys().then(names => [localStorage.length, sessionStorage.length, names.length])"
    assert page.evaluate(kept) == [0, 0, 0]


def test_a_pause_asks_once_and_a_paste_at_once(visit):
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    asked = []
    page.on("request", lambda request: request.method == "POST" and asked.append(request))
    title(page).press_sequentially("Lò gốm Lũng Vài", delay=10)
    expect(hits(page).first).to_be_visible()
    assert len(asked) == 1
    page.evaluate("text => navigator.clipboard.writeText(text)", BODY)
    body(page).focus()
    page.keyboard.press("ControlOrMeta+v")
    box = page.get_by_role("region", name="Đã đăng?")
    expect(box.get_by_role("link")).to_have_text(["Lò gốm Lũng Vài đỏ lửa trở lại"])
    expect(said(page)).to_contain_text("Có vẻ đã đăng: Lò gốm Lũng Vài đỏ lửa trở lại.")
    body(page).fill("")
    expect(box).to_have_count(0)


def test_a_late_answer_never_replaces_a_newer_one(visit):
    page = visit()
    dropped = []
    page.on("requestfailed", lambda request: dropped.append(urlsplit(request.url).path))
    with page.expect_request(lambda request: request.method == "POST"):
        title(page).fill(SLOW)
    expect(page.locator("#found")).to_have_attribute("aria-busy", "true")
    title(page).fill("Lò gốm Lũng Vài [ảnh] tìm")
    expect(hits(page).first).to_be_visible()
    before = hits(page).all_text_contents()
    page.wait_for_timeout(SLOW_S * 1000 + 300)
    assert hits(page).all_text_contents() == before
    assert dropped == [PAGE]


def test_what_is_cleared_leaves_no_suggestions(visit):
    page = visit()
    title(page).fill(TITLE)
    expect(hits(page).first).to_be_visible()
    title(page).fill("  ")
    expect(page.get_by_text("gợi ý sẽ hiện ở đây")).to_be_visible()
    expect(hits(page)).to_have_count(0)


def test_a_lost_connection_is_said_and_the_draft_stays(visit):
    page = visit(lost=True)
    page.route(f"**{PAGE}", lambda route: route.abort("failed"))
    title(page).fill(TITLE)
    expect(page.get_by_role("alert")).to_contain_text("Chưa tải được gợi ý.")
    page.unroute(f"**{PAGE}")
    page.get_by_role("button", name="Tìm bài liên quan").click()
    expect(hits(page).first).to_be_visible()
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(title(page)).to_have_value(TITLE)


def test_a_draft_that_is_too_long_is_said(visit):
    page = visit(lost=True)
    body(page).fill("gốm " * 60_000)
    expect(page.get_by_role("alert")).to_have_text("Nội dung gửi lên quá dài")
    body(page).fill("Lò gốm Lũng Vài đỏ lửa")
    expect(hits(page).first).to_be_visible()
    expect(page.get_by_role("alert")).to_be_hidden()


def test_what_is_typed_before_the_script_came_is_answered_too(visit):
    page, held = visit(), []
    page.route("**/draft.js", lambda route: held.append(route))  # Playwright takes no method of a list
    with page.expect_request("**/draft.js"):
        page.goto(PAGE, wait_until="commit")
    title(page).fill(TITLE)
    assert not hits(page).count()
    held[0].continue_()
    expect(hits(page).first).to_be_visible()


def test_a_session_that_ends_while_one_types_loses_nothing(browser, client_of):
    application = client_of(LINES, min_related=0).application
    store = KeyStore(application.config["SETTINGS"].home)
    first, text = store.create("Bàn thời sự", ["newsroom"])
    address, stop = serve(application)
    context = browser.new_context(base_url=address, locale="vi-VN")
    page = context.new_page()

    def sign_in(page, text):
        page.get_by_label("Khóa").fill(text)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Bài liên quan cho bản thảo")

    try:
        page.goto(PAGE)
        sign_in(page, text)
        title(page).fill(TITLE)
        boxes(page).first.check()
        store.revoke(first.id)
        title(page).press("End")
        page.keyboard.type(" thêm")
        expect(page.get_by_role("alert")).to_contain_text("Phiên đăng nhập đã hết; bản thảo vẫn còn nguyên")
        expect(mine(page)).to_have_count(1)
        _, again = store.create("Bàn đêm", ["newsroom"])
        other = context.new_page()
        other.goto(PAGE)
        sign_in(other, again)
        page.keyboard.type(" nữa")
        expect(page.get_by_role("alert")).to_contain_text("hãy gửi lại")  # with the form of the new session from now on
        page.keyboard.type("!")
        expect(page.get_by_role("alert")).to_be_hidden()
        expect(title(page)).to_have_value(f"{TITLE} thêm nữa!")
        expect(title(page)).to_be_focused()
    finally:
        context.close()
        stop()


def test_the_list_is_ticked_moved_and_copied_while_suggestions_change(visit):
    page = visit()
    title(page).fill(TITLE)
    expect(boxes(page).nth(1)).to_be_visible()
    names = hits(page).all_text_contents()
    boxes(page).nth(1).check()
    boxes(page).nth(0).check()
    expect(mine(page)).to_have_text([names[1], names[0]])
    expect(said(page)).to_have_text(f"Đã thêm {names[0]}, 2 bài trong danh sách.")
    expect(page.get_by_role("link", name="Danh sách của tôi (2)")).to_be_visible()
    up = page.get_by_role("button", name=f"Đưa lên {names[0]}")
    up.focus()
    page.keyboard.press("Enter")
    expect(mine(page)).to_have_text(names[:2])
    expect(up).to_be_focused()
    expect(said(page)).to_have_text(f"{names[0]}: vị trí 1 trong 2.")
    page.keyboard.press("Alt+ArrowDown")
    expect(mine(page)).to_have_text([names[1], names[0]])
    copied = json.loads(page.get_by_role("textbox", name="JSON").input_value())
    assert [one["title"] for one in copied] == [names[1], names[0]]
    for name, start in (("HTML", "<ul>\n  <li>"), ("Markdown", "- [")):
        value = page.get_by_role("textbox", name=name).input_value()
        assert value.startswith(start)
        assert value.count("\n") == (4 if name == "HTML" else 2)
    title(page).fill("Chợ phiên")
    page.wait_for_load_state("networkidle")
    expect(mine(page)).to_have_text([names[1], names[0]])
    page.get_by_role("button", name="English").click()  # a page of its own
    expect(page.get_by_role("heading", name="My list")).to_be_visible()
    expect(mine(page)).to_have_text([names[1], names[0]])
    page.get_by_role("button", name=f"Remove {names[1]}").click()
    expect(mine(page)).to_have_text([names[0]])
    expect(page.get_by_role("button", name=f"Remove {names[0]}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="My list")).to_be_focused()
    expect(page.get_by_text("Nothing yet")).to_be_visible()


def test_a_box_that_is_unticked_takes_its_article_out(visit):
    page = visit()
    title(page).fill(TITLE)
    boxes(page).first.check()
    expect(mine(page)).to_have_count(1)
    boxes(page).first.uncheck()
    expect(mine(page)).to_have_count(0)
    expect(boxes(page).first).to_be_focused()


def test_the_list_without_a_script(visit):
    page = visit(java_script_enabled=False)
    title(page).fill(TITLE)
    page.get_by_role("button", name="Tìm bài liên quan").click()
    expect(hits(page).nth(1)).to_be_visible()
    names = hits(page).all_text_contents()
    boxes(page).nth(0).check()
    boxes(page).nth(1).check()
    page.get_by_role("button", name="Tìm bài liên quan").click()
    expect(mine(page)).to_have_text(names[:2])
    page.get_by_role("button", name=f"Đưa xuống {names[0]}").click()
    expect(mine(page)).to_have_text([names[1], names[0]])
    title(page).fill("Chợ phiên")
    title(page).press("Enter")  # and not the button of the other language
    expect(page.get_by_role("heading", level=1)).to_have_text("Bài liên quan cho bản thảo")
    expect(mine(page)).to_have_text([names[1], names[0]])
    page.get_by_role("button", name=f"Bỏ {names[1]}").click()
    expect(mine(page)).to_have_text([names[0]])
    expect(page.get_by_text("Gợi ý hiện ra ngay")).to_be_hidden()


def test_keyboard_alone(visit):
    page = visit()
    page.keyboard.type(TITLE)
    expect(hits(page).first).to_be_visible()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.type") == "checkbox":
            break
    page.keyboard.press("Space")
    expect(mine(page)).to_have_count(1)


@pytest.mark.parametrize("width", [320, 1280])
def test_it_fits_its_window_with_a_list(visit, width):
    page = visit(viewport={"width": width, "height": 700})
    title(page).fill("lò gốm Lũng Vài")
    expect(hits(page).first).to_be_visible()
    for box in boxes(page).all():
        box.check()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong_with_suggestions_and_list(visit, scheme):
    page = visit(color_scheme=scheme)
    assert faults(page) == []
    title(page).fill("lò gốm Lũng Vài")
    expect(boxes(page).nth(1)).to_be_visible()
    boxes(page).nth(0).check()
    boxes(page).nth(1).check()
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert faults(page, RULES[scheme]) == [], width
