"""The map and the operators' page in Chromium: by mouse, by keyboard, on a phone, without a script."""

import logging
import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from indexer.files.progress import telling
from indexer.snapshot.home import Home
from tests.browser.test_pages_browser import SCRIPT, Watched, browser, serve
from tests.conftest import wait_for
from tests.newsroom import newsroom

pytestmark = pytest.mark.browser
__all__ = ["browser"]

LINES = [*newsroom(150), {"id": "xau", "title": SCRIPT, "lead": SCRIPT, "section": SCRIPT}]


@pytest.fixture(scope="module")
def client(client_of):
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    return client_of(LINES)


@pytest.fixture(scope="module")
def home(client):
    return Home(client.application.config["SETTINGS"].home)


@pytest.fixture(scope="module")
def address(client):
    address, stop = serve(client.application)
    yield address
    stop()


@pytest.fixture
def visit(browser, address):
    """Return a function that opens a watched page; nothing bad may have been seen on it at the end."""
    opened = []

    def visit(path, **options):
        context = browser.new_context(base_url=address, locale="vi-VN", **options)
        watched = Watched(context, address.removeprefix("http://"))
        opened.append((context, watched))
        watched.page.goto(path)
        return watched.page

    yield visit
    for context, watched in opened:
        context.close()
        assert watched.seen == []


def colours(page):
    """Return how many colours stand on the map."""
    return page.evaluate("""() => {
        const canvas = document.querySelector(".map canvas");
        const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return new Set(new Uint32Array(data.buffer)).size;
    }""")


def drawn(page):
    expect(page.locator(".map")).to_be_visible()
    wait_for(lambda: page.evaluate("document.querySelector('.map canvas').width > 250"))
    page.wait_for_timeout(200)
    return page


class TestMap:
    def test_it_is_drawn_in_the_colours_of_its_sections(self, visit):
        page = drawn(visit("/newsroom/map"))
        assert colours(page) > 20
        page.get_by_role("button", name="Ẩn hết").click()
        page.wait_for_timeout(200)
        assert colours(page) == 1
        page.get_by_role("checkbox", name=re.compile("Làng nghề")).check()
        page.wait_for_timeout(200)
        assert colours(page) > 2

    def test_by_keyboard_alone(self, visit):
        page = drawn(visit("/newsroom/map"))
        page.get_by_role("application").focus()
        page.keyboard.press("+")
        page.keyboard.press("ArrowLeft")
        expect(page.locator("[data-said]")).not_to_be_empty()
        named = page.locator(".named strong").inner_text()
        page.keyboard.press("Enter")
        page.wait_for_url("**/articles/**")
        assert page.get_by_role("heading", level=1).inner_text() == named

    def test_a_point_is_named_and_opened_by_mouse(self, visit):
        page = drawn(visit("/newsroom/map"))
        canvas = page.locator(".map canvas")
        canvas.focus()
        page.keyboard.press("+")
        expect(page.locator(".named")).to_be_visible()
        box, at = canvas.bounding_box(), page.locator(".named").evaluate("node => new DOMMatrix(node.style.transform)")
        canvas.evaluate("node => node.blur()")
        x, y = box["x"] + at["e"] - 12, box["y"] + at["f"] - 14
        page.mouse.move(x, y)
        expect(page.locator(".named strong")).to_be_visible()
        page.mouse.click(x, y)
        page.wait_for_url("**/articles/**")

    def test_wheel_and_dragging_change_what_is_seen(self, visit):
        page = drawn(visit("/newsroom/map"))
        shot = page.locator(".map canvas").screenshot()
        page.locator(".map canvas").hover()
        page.mouse.wheel(0, -400)
        page.wait_for_timeout(200)
        zoomed = page.locator(".map canvas").screenshot()
        assert zoomed != shot
        page.mouse.down()
        page.mouse.move(300, 500, steps=4)
        page.mouse.up()
        page.wait_for_timeout(200)
        assert page.locator(".map canvas").screenshot() != zoomed
        assert urlsplit(page.url).path == "/newsroom/map"
        page.get_by_role("button", name="Toàn bộ").click()

    def test_a_search_lights_up_without_leaving(self, visit):
        page = drawn(visit("/newsroom/map"))
        page.evaluate("window.stayed = true")
        page.locator("#find").fill("blam")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name=re.compile("chiếu sáng cho “blam”"))).to_be_visible()
        assert page.evaluate("window.stayed")
        assert page.locator("#found li").count() > 3
        assert urlsplit(page.url).query == "q=blam"

    def test_on_a_phone(self, visit):
        page = drawn(visit("/newsroom/map", viewport={"width": 320, "height": 700}, has_touch=True))
        assert page.evaluate("document.documentElement.scrollWidth") <= 320

    def test_without_a_script_a_table_a_search_and_lists(self, visit):
        page = visit("/newsroom/map", java_script_enabled=False)
        expect(page.locator(".map")).to_be_hidden()
        expect(page.get_by_role("table")).to_contain_text("Làng nghề")
        page.locator("#find").fill("blam")
        page.get_by_role("button", name="Chiếu sáng").click()
        expect(page.locator("#found li").first).to_be_visible()
        page.get_by_role("link", name=re.compile("Bài trùng nhau")).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Bài trùng nhau")

    def test_lists_are_downloaded(self, visit):
        page = visit("/newsroom/map/duplicates")
        with page.expect_download() as download:
            page.get_by_role("link", name="Tải về (CSV)").click()
        assert download.value.suggested_filename == "duplicates.csv"


class TestOperations:
    def test_a_build_is_followed_without_reloading(self, visit, home):
        page = visit("/newsroom/index")
        expect(page.get_by_text("Không có bản dựng nào đang chạy.")).to_be_visible()
        page.evaluate("window.stayed = true")
        with telling(home.path, lambda *step: None) as told:
            told("encoding", 0, 4000)
            expect(page.get_by_text("0 / 4.000")).to_be_visible()
            told("encoding", 4000, 4000)
            expect(page.get_by_text("4.000 / 4.000")).to_be_visible()
            told.ended(None, 4000, 4000)
        expect(page.get_by_text("Không có bản dựng nào đang chạy.")).to_be_visible()
        assert page.evaluate("window.stayed")

    def test_nothing_is_asked_while_nobody_looks(self, visit):
        page = visit("/newsroom/index")
        asked = []
        page.on("request", lambda request: asked.append(request.url) if "newsroom" in request.url else None)
        page.evaluate("""() => {
            Object.defineProperty(document, "hidden", {value: true, configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }""")
        page.wait_for_timeout(2500)
        assert asked == []

    @pytest.mark.parametrize("script", [True, False])
    def test_rolling_back_and_forth(self, visit, home, publish, script):
        if len(home.ids()) == 1:
            publish(home.path, LINES[:150])
        page = visit("/newsroom/index", java_script_enabled=script)
        before = home.current()
        page.get_by_role("link", name=re.compile("Quay về bản này")).first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Quay về bản cũ?")
        assert home.current() == before
        page.get_by_role("button", name="Quay về bản này").click()
        expect(page.get_by_text("Đã quay về bản")).to_be_visible()
        assert home.current() != before

    def test_on_a_phone(self, visit):
        page = visit("/newsroom/index", viewport={"width": 320, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
