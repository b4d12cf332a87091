"""Signing in to the newsroom's pages in Chromium, against a real server: by keyboard, without a script, and out."""

import logging

import pytest
from playwright.sync_api import expect

from service.security.keys import KeyStore
from tests.browser.test_pages_browser import Watched, browser, serve

pytestmark = pytest.mark.browser
__all__ = ["browser"]

DRAFT = "/newsroom/draft"
LINES = [
    {"id": "lo-gom", "title": "Lò gốm Lũng Vài đỏ lửa trở lại"},
    {"id": "hop-tac-xa", "title": "Hợp tác xã gốm Lũng Vài tìm đường bán hàng"},
]


@pytest.fixture(scope="module")
def running(client_of):
    """Return the address of a service and a key of the newsroom's."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = client_of(LINES, min_related=0).application
    store = KeyStore(application.config["SETTINGS"].home)
    address, stop = serve(application)
    yield address, store, store.create("Bàn thời sự", ["newsroom"])
    stop()


@pytest.fixture
def visit(browser, running):
    """Return a function that opens the watched page; nothing bad may have been seen on it at the end."""
    opened = []

    def visit(path=DRAFT, **options):
        context = browser.new_context(base_url=running[0], locale="vi-VN", **options)
        watched = Watched(context, running[0].removeprefix("http://"))
        opened.append((context, watched))
        watched.page.goto(path)
        return watched.page

    yield visit
    for context, watched in opened:
        context.close()
        assert [said for said in watched.seen if "status of 403" not in said] == []  # a browser tells of each


@pytest.mark.parametrize("options", [{}, {"java_script_enabled": False}, {"viewport": {"width": 360, "height": 640}}])
def test_in_with_the_keyboard_and_out_again(visit, running, options):
    _, _, (_, text) = running
    page = visit(**options)
    expect(page.get_by_role("heading", level=1)).to_have_text("Đăng nhập trang tòa soạn")
    expect(page.get_by_label("Khóa")).to_be_focused()
    expect(page.locator("main input:visible")).to_have_count(1)
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(page).to_have_url(DRAFT)
    expect(page.get_by_text("Đang dùng khóa “Bàn thời sự”")).to_be_visible()
    expect(page.get_by_label("Tiêu đề")).to_be_focused()
    page.get_by_label("Tiêu đề").fill("Lò gốm Lũng Vài")
    page.get_by_role("button", name="Tìm bài liên quan").click()
    expect(page.get_by_role("heading", name="Nên dẫn tới")).to_be_visible()
    page.wait_for_load_state()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Đăng xuất").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Đăng nhập trang tòa soạn")
    page.goto(DRAFT)
    expect(page.get_by_label("Khóa")).to_be_focused()


def test_a_draft_outlasts_a_session(visit, running):
    _, store, _ = running
    key, text = store.create("ngắn", ["newsroom"])
    page = visit()
    expect(page.get_by_label("Khóa")).to_be_focused()
    page.get_by_label("Khóa").fill(text)
    page.get_by_role("button", name="Đăng nhập").click()
    expect(page.get_by_label("Tiêu đề")).to_be_focused()
    page.get_by_label("Tiêu đề").fill("Lò gốm Lũng Vài")
    store.revoke(key.id)
    answered = page.expect_response(lambda response: response.request.method == "POST")
    with answered as late:
        page.get_by_role("button", name="Tìm bài liên quan").click()
    assert late.value.status == 403
    page.wait_for_load_state()
    expect(page.get_by_role("alert")).to_contain_text("Phiên đăng nhập đã hết")
    expect(page.get_by_label("Tiêu đề")).to_have_value("Lò gốm Lũng Vài")
    expect(page.get_by_role("link", name="Đăng nhập ở thẻ mới")).to_be_visible()
