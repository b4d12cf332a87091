"""Search as one types, and suggestions, in Chromium: by keyboard, by mouse, by an input method, on a slow network."""

from __future__ import annotations

import logging
import re
import time
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.test_pages_browser import LINES, Watched, browser, serve

pytestmark = pytest.mark.browser
__all__ = ["browser"]

SLOW = "mẫu gốm"
SLOW_S = 1.0
LIST = "[role=listbox]"


def slowed(app):
    """Return the application, which answers one query late."""

    def run(environ, start_response):
        asked = parse_qs(environ.get("QUERY_STRING", "")).get("q")
        if asked == [SLOW] and environ["PATH_INFO"] in {"/search", "/api/v1/suggest"}:
            time.sleep(SLOW_S)
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

    def visit(path="/", lost=False, **options):
        context = browser.new_context(base_url=address, locale="vi-VN", **options)
        watched = Watched(context, urlsplit(address).netloc)
        opened.append((context, watched, lost))
        watched.page.goto(path)
        return watched.page

    yield visit
    for context, watched, lost in opened:
        context.close()
        # Chromium itself reports a lost connection.
        assert [one for one in watched.seen if not (lost and "net::ERR_" in one)] == []


def box(page):
    return page.get_by_role("combobox")


def results(page):
    return page.get_by_role("heading", level=1)


def announced(page, name):
    return page.get_by_role("status").nth(["suggestions", "results"].index(name))


def active(page):
    """Return the text of the option that assistive technology is told of, None where there is none."""
    return page.evaluate(
        """() => {
            const id = document.activeElement.getAttribute("aria-activedescendant");
            return id && document.getElementById(id).firstChild.textContent;
        }"""
    )


def test_results_come_as_one_types_from_the_home_page(visit):
    page = visit("/")
    box(page).press_sequentially("lò gốm Lũng Vài", delay=20)
    expect(results(page)).to_have_text("Kết quả cho “lò gốm Lũng Vài”")
    expect(page).to_have_title("lò gốm Lũng Vài – Liên Quan")
    expect(box(page)).to_be_focused()
    expect(box(page)).to_have_value("lò gốm Lũng Vài")
    assert parse_qs(urlsplit(page.url).query) == {"q": ["lò gốm Lũng Vài"]}
    expect(announced(page, "results")).to_have_text(re.compile(r"^Bài 1–\d+ trong \d+ bài viết$"))


def test_back_leads_to_where_typing_began_and_forward_to_where_it_ended(visit):
    page = visit("/?lang=en")
    home = page.url
    box(page).press_sequentially("hợp tác xã", delay=20)
    expect(results(page)).to_have_text("Results for “hợp tác xã”")
    box(page).press_sequentially(" gốm", delay=20)
    expect(results(page)).to_have_text("Results for “hợp tác xã gốm”")
    page.go_back()
    expect(page).to_have_url(home)
    expect(results(page)).to_have_text(re.compile("^Find articles"))
    expect(box(page)).to_have_value("")
    page.go_forward()
    expect(results(page)).to_have_text("Results for “hợp tác xã gốm”")
    expect(box(page)).to_have_value("hợp tác xã gốm")
    page.get_by_role("link", name="Hợp tác xã gốm Lũng Vài").click()
    expect(results(page)).to_have_text("Hợp tác xã gốm Lũng Vài tìm đường bán hàng")
    page.go_back()
    expect(results(page)).to_have_text("Results for “hợp tác xã gốm”")
    page.reload()
    expect(results(page)).to_have_text("Results for “hợp tác xã gốm”")
    page.go_back()
    expect(results(page)).to_have_text(re.compile("^Find articles"))


def test_enter_after_results_have_come_adds_nothing_to_the_history(visit):
    page = visit("/")
    box(page).press_sequentially("hợp tác xã", delay=20)
    expect(results(page)).to_have_text("Kết quả cho “hợp tác xã”")
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    expect(results(page)).to_have_text("Kết quả cho “hợp tác xã”")
    page.go_back()
    expect(results(page)).to_have_text(re.compile("^Tìm bài báo"))
    expect(box(page)).to_have_value("")


def test_enter_before_results_have_come_takes_the_place_of_what_was_typed_before(visit):
    page = visit("/")
    box(page).press_sequentially("hợp tác xã", delay=20)
    expect(results(page)).to_have_text("Kết quả cho “hợp tác xã”")
    box(page).press_sequentially(" gốm", delay=5)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(results(page)).to_have_text("Kết quả cho “hợp tác xã gốm”")
    page.go_back()
    expect(results(page)).to_have_text(re.compile("^Tìm bài báo"))


def test_filters_order_and_language_stay_while_typing(visit):
    page = visit("/search?q=gốm&section=Mẫu&sort=newest&lang=en&offset=10")
    box(page).press("End")
    box(page).press_sequentially(" thứ", delay=20)
    expect(results(page)).to_have_text("Results for “gốm thứ”")
    assert parse_qs(urlsplit(page.url).query) == {
        "q": ["gốm thứ"],
        "section": ["Mẫu"],
        "sort": ["newest"],
        "lang": ["en"],
    }
    page.get_by_role("link", name="Tiếng Việt").click()
    expect(results(page)).to_have_text("Kết quả cho “gốm thứ”")
    assert parse_qs(urlsplit(page.url).query)["section"] == ["Mẫu"]


def test_a_late_answer_never_replaces_a_newer_one(visit):
    page = visit("/")
    dropped = []
    page.on("requestfailed", lambda request: dropped.append(urlsplit(request.url).path))
    with page.expect_request(lambda request: "/search?" in request.url):
        box(page).fill(SLOW)
    box(page).fill(f"{SLOW} thứ 3")
    expect(results(page)).to_have_text(f"Kết quả cho “{SLOW} thứ 3”")
    page.wait_for_timeout(SLOW_S * 1000 + 300)
    expect(results(page)).to_have_text(f"Kết quả cho “{SLOW} thứ 3”")
    expect(page.locator(LIST).get_by_role("option").first).to_contain_text("Mẫu gốm thứ 3")
    assert parse_qs(urlsplit(page.url).query)["q"] == [f"{SLOW} thứ 3"]
    assert "/search" in dropped
    assert "/api/v1/suggest" in dropped


def test_what_is_taken_back_leaves_the_results_as_they_were(visit):
    page = visit("/search?q=gốm")
    with page.expect_request(lambda request: "/search?" in request.url):
        box(page).fill(SLOW)
    expect(page.get_by_role("main")).to_have_attribute("aria-busy", "true")
    box(page).fill("gốm")
    expect(page.get_by_role("main")).not_to_have_attribute("aria-busy", "true")
    expect(results(page)).to_have_text("Kết quả cho “gốm”")


def test_what_is_typed_fast_is_asked_for_once(visit):
    page = visit("/")
    asked = []
    page.on("request", lambda request: asked.append(urlsplit(request.url)))
    box(page).press_sequentially("canh lửa", delay=5)
    expect(results(page)).to_have_text("Kết quả cho “canh lửa”")
    assert [parse_qs(one.query)["q"] for one in asked if one.path == "/search"] == [["canh lửa"]]


def test_a_lost_connection_is_said_and_the_button_still_searches(visit):
    page = visit("/", lost=True)
    page.route("**/search?*", lambda route: route.abort("failed"))
    box(page).fill("canh lửa")
    expect(page.get_by_role("alert")).to_have_text("Chưa tải được kết quả. Hãy nhấn nút Tìm để thử lại.")
    page.unroute("**/search?*")
    page.get_by_role("button", name="Tìm").click()
    expect(results(page)).to_have_text("Kết quả cho “canh lửa”")
    expect(page.get_by_role("alert")).to_be_empty()


# Suggestions


def test_suggestions_by_keyboard(visit):
    page = visit("/")
    expect(box(page)).to_have_attribute("aria-expanded", "false")
    box(page).press_sequentially("go", delay=20)
    page.wait_for_load_state("networkidle")
    options = page.locator(LIST).get_by_role("option")
    expect(options.first).to_be_visible()
    expect(box(page)).to_have_attribute("aria-expanded", "true")
    count = options.count()
    expect(announced(page, "suggestions")).to_have_text(f"{count} gợi ý, dùng phím mũi tên để chọn.")
    assert count > 2
    assert active(page) is None
    page.keyboard.press("ArrowDown")
    texts = [option.locator("span").text_content() for option in options.all()]
    assert active(page) == texts[0]
    page.keyboard.press("End")
    assert active(page) == texts[-1]
    page.keyboard.press("ArrowDown")
    assert active(page) is None
    page.keyboard.press("ArrowUp")
    assert active(page) == texts[-1]
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    assert active(page) == texts[1]
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    assert page.locator("[aria-selected=true]").count() == 1
    expect(box(page)).to_have_value("go")
    page.keyboard.press("Escape")
    expect(page.locator(LIST)).to_be_hidden()
    expect(box(page)).to_have_attribute("aria-expanded", "false")
    expect(box(page)).to_have_value("go")
    page.keyboard.press("ArrowDown")
    expect(options.first).to_be_visible()


def test_home_and_end_move_in_the_text_while_no_suggestion_is_active(visit):
    page = visit("/")
    box(page).press_sequentially("gom", delay=20)
    expect(page.locator(LIST)).to_be_visible()
    page.keyboard.press("Home")
    assert box(page).evaluate("node => node.selectionStart") == 0
    page.keyboard.press("End")
    assert box(page).evaluate("node => node.selectionStart") == 3


def test_a_chosen_title_opens_its_article(visit):
    page = visit("/articles/lo-gom?lang=en")
    box(page).fill("hợp tác xã gốm")
    expect(page.locator(LIST).get_by_role("option", name="Hợp tác xã gốm Lũng Vài")).to_be_visible()
    page.keyboard.press("ArrowUp")
    assert active(page) == "Hợp tác xã gốm Lũng Vài tìm đường bán hàng"
    page.keyboard.press("Enter")
    expect(results(page)).to_have_text("Hợp tác xã gốm Lũng Vài tìm đường bán hàng")
    assert urlsplit(page.url).query == "lang=en"


@pytest.mark.parametrize(
    ("typed", "name", "path"),
    [("đời", "Đời sống section", "/sections/Đời sống"), ("làng", "làng nghề tag", "/tags/làng nghề")],
)
def test_a_chosen_section_or_tag_opens_its_page(visit, typed, name, path):
    page = visit("/?lang=en")
    box(page).press_sequentially(typed, delay=20)
    page.locator(LIST).get_by_role("option", name=name).click()
    expect(results(page)).to_have_text(path.rpartition("/")[2])
    assert unquote(urlsplit(page.url).path) == path
    assert urlsplit(page.url).query == "lang=en"


def test_what_can_have_no_page_is_searched_for(visit):
    page = visit("/")
    page.route("**/suggest?*", lambda route: route.fulfill(json={"suggestions": [{"text": "..", "kind": "section"}]}))
    box(page).fill("gốm")
    page.locator(LIST).get_by_role("option").click()
    expect(page).to_have_url(re.compile(r"/search\?q=\.\.$"))


def test_a_chosen_name_is_searched_for(visit):
    page = visit("/")
    named = {"suggestions": [{"text": "Lũng Vài", "kind": "name"}]}
    page.route("**/suggest?*", lambda route: route.fulfill(json=named))
    box(page).fill("lũng")
    page.locator(LIST).get_by_role("option", name="Lũng Vài tên riêng").click()
    expect(results(page)).to_have_text("Kết quả cho “Lũng Vài”")
    expect(box(page)).to_have_value("Lũng Vài")


def test_results_come_as_one_types_on_the_page_of_a_section_and_back_leads_to_it(visit):
    page = visit("/sections/Mẫu")
    box(page).press_sequentially("lò gốm", delay=20)
    expect(results(page)).to_have_text("Kết quả cho “lò gốm”")
    page.go_back()
    expect(results(page)).to_have_text("Mẫu")
    expect(page).to_have_title("Mẫu – Chuyên mục – Liên Quan")
    expect(box(page)).to_have_value("")


def test_on_a_phone_a_suggestion_is_tapped_and_all_of_it_is_in_the_window(visit):
    page = visit("/", viewport={"width": 320, "height": 568}, has_touch=True, is_mobile=True)
    box(page).tap()
    box(page).fill("mẫu gốm thứ 3")
    options = page.locator(LIST).get_by_role("option")
    expect(options.first).to_be_visible()
    for option in options.all():
        place = option.bounding_box()
        assert place["height"] >= 44
        assert place["x"] >= 0
        assert place["x"] + place["width"] <= 320
    options.filter(has_text="Mẫu gốm thứ 3").tap()
    expect(results(page)).to_have_text("Mẫu gốm thứ 3")


def test_suggestions_close_when_the_reader_goes_on(visit):
    page = visit("/search?q=gốm")
    box(page).focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(LIST)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator(LIST)).to_be_hidden()
    expect(page.get_by_role("button", name="Tìm")).to_be_focused()


def test_where_there_are_no_suggestions_that_is_said(visit):
    page = visit("/")
    box(page).press_sequentially("zzzz", delay=20)
    expect(announced(page, "suggestions")).to_have_text("Không có gợi ý.")
    expect(page.locator(LIST)).to_be_hidden()


def test_markup_in_a_suggestion_is_text(visit):
    page = visit("/")
    box(page).fill("<script>document.title")
    expect(page.locator(LIST).get_by_role("option").first).to_contain_text("<script>document.title = 'bị đổi'")
    assert page.locator(f"{LIST} script").count() == 0


# An input method, as for Telex on macOS, Android and Linux: what is being composed is not the page's to touch


@pytest.fixture
def composing(visit):
    """Return a page with its box focused, what sets a composition, and what has happened to it."""
    page = visit("/")
    box(page).focus()
    page.evaluate(
        """() => {
            window.happened = [];
            for (const name of ["compositionstart", "compositionend"])
                document.activeElement.addEventListener(name, event => window.happened.push(event.type));
        }"""
    )
    session = page.context.new_cdp_session(page)

    def compose(text):
        session.send("Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)})

    return page, compose, session, lambda: page.evaluate("window.happened")


def test_a_composition_goes_on_while_suggestions_and_results_come(composing):
    page, compose, session, happened = composing
    for text in ("l", "lo", "lò"):
        compose(text)
    expect(page.locator(LIST)).to_be_visible()
    expect(results(page)).to_have_text("Kết quả cho “lò”")
    expect(box(page)).to_have_value("lò")
    expect(box(page)).to_be_focused()
    assert happened() == ["compositionstart"]
    session.send("Input.insertText", {"text": "lò gốm"})
    expect(box(page)).to_have_value("lò gốm")
    expect(results(page)).to_have_text("Kết quả cho “lò gốm”")
    assert happened() == ["compositionstart", "compositionend"]


def test_keys_of_a_composition_choose_no_suggestion(composing):
    page, compose, _, _ = composing
    compose("lò")
    expect(page.locator(LIST)).to_be_visible()
    left = box(page).evaluate(
        """node => ["ArrowDown", "Enter", "Escape"].map(key => {
            const event = new KeyboardEvent("keydown", {key, isComposing: true, bubbles: true, cancelable: true});
            node.dispatchEvent(event);
            return event.defaultPrevented;
        })"""
    )
    assert left == [False, False, False]
    assert active(page) is None
    expect(page.locator(LIST)).to_be_visible()
