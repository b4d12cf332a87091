"""An article's block in Chromium: found, pinned, blocked and compared, by mouse, by keyboard, without a script."""

from __future__ import annotations

import logging
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import expect

from service.rules import file as rule_file
from service.rules.lines import make
from tests.browser.test_accessibility_browser import RULES, WIDTHS, faults
from tests.browser.test_pages_browser import LINES as OTHERS
from tests.browser.test_pages_browser import LONG, ODD_ID, SCRIPT, Watched, browser, serve, tab_to

pytestmark = pytest.mark.browser
__all__ = ["browser"]

PAGE = "/newsroom/articles/lo-gom"
FAR = {"id": "xa", "title": "Bóng đá đêm qua", "section": "Thể thao", "published_at": "2023-11-07"}
LINES = [*OTHERS, FAR]


@pytest.fixture(scope="module")
def served(client_of, tmp_path_factory):
    """Return the address of a service, and where its rules are."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    rules = tmp_path_factory.mktemp("rules") / "rules.jsonl"
    rules.write_bytes(b"")
    address, stop = serve(client_of(LINES, min_related=0.004, rules=rules).application)
    yield address, rules
    stop()


@pytest.fixture
def rules(served):
    served[1].write_bytes(b"")
    return served[1]


@pytest.fixture
def visit(browser, served, rules):
    opened = []

    def visit(path=PAGE, **options):
        context = browser.new_context(base_url=served[0], locale="vi-VN", **options)
        watched = Watched(context, urlsplit(served[0]).netloc)
        opened.append((context, watched))
        watched.page.goto(path)
        return watched.page

    yield visit
    for context, watched in opened:
        context.close()
        assert watched.seen == []


def listed(page):
    return page.get_by_role("region", name="Bạn đọc thấy").locator("ol.hits > li h3")


def test_from_the_menu_to_an_article_s_block(visit):
    page = visit("/newsroom/")
    page.get_by_role("navigation", name="Các trang của tòa soạn").get_by_role("link", name="Khối bài").click()
    expect(page.get_by_label("Tít, mã hoặc địa chỉ của bài")).to_be_focused()
    page.keyboard.type("hợp tác xã gốm")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Hợp tác xã gốm Lũng Vài").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hợp tác xã gốm Lũng Vài tìm đường bán hàng")
    assert urlsplit(page.url).path == f"/newsroom/articles/{quote(ODD_ID, safe='!$&()*+,;:=@' + chr(39))}"
    page.go_back()
    page.get_by_label("Tít, mã hoặc địa chỉ của bài").fill("https://bao.example/lo-gom.html")
    page.get_by_role("button", name="Mở").click()
    expect(page).to_have_url(PAGE)


def test_a_suggested_title_opens_its_block(visit):
    page = visit("/newsroom/articles?lang=en")
    box = page.get_by_label("Title, id or address of an article")
    box.press_sequentially("hợp tác", delay=20)
    options = page.get_by_role("listbox").get_by_role("option")
    expect(options.filter(has_text="Hợp tác xã gốm Lũng Vài")).to_be_visible()
    assert all("article" in text for text in options.locator("small").all_text_contents())
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Hợp tác xã gốm Lũng Vài tìm đường bán hàng")
    assert urlsplit(page.url).query == "lang=en"


@pytest.mark.parametrize("scripted", [True, False])
def test_a_pin_is_seen_confirmed_and_taken_back(visit, rules, scripted):
    page = visit(java_script_enabled=scripted)
    before = listed(page).all_text_contents()
    page.get_by_text("Ghim bài khác").click()
    other = page.get_by_role("form", name="Ghim bài khác")
    other.get_by_label("Tít, mã hoặc địa chỉ của bài").fill("xa")
    other.get_by_label("Vị trí").fill("2")
    other.get_by_role("button", name="Xem trước").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Xem trước thay đổi")
    expect(page.get_by_text("“Bóng đá đêm qua” vào vị trí 2")).to_be_visible()
    assert rules.read_bytes() == b""
    page.get_by_role("link", name="Thôi, quay lại").click()
    expect(listed(page)).to_have_text(before)
    page.go_back()
    page.get_by_label("Lý do").fill("trận đấu ở Lũng Vài")
    page.get_by_role("button", name="Lưu thay đổi").click()
    expect(page.get_by_role("status").filter(has_text="Đã lưu.")).to_be_visible()
    expect(listed(page).nth(1)).to_have_text("Bóng đá đêm qua")
    assert len(rule_file.read(rules).rules) == 1
    page.reload()  # sends nothing again
    assert len(rule_file.read(rules).rules) == 1
    rule = page.get_by_role("region", name="Quy tắc và tác động").locator(".rules > li")
    expect(rule).to_contain_text("“Bóng đá đêm qua” sẽ không có mặt (nay ở vị trí 2)")
    page.get_by_text("Lịch sử").click()
    expect(page.get_by_text("– trận đấu ở Lũng Vài")).to_be_visible()
    rule.get_by_role("button", name="Bỏ quy tắc").click()
    page.get_by_role("button", name="Lưu thay đổi").click()
    expect(listed(page)).to_have_text(before)
    assert rule_file.read(rules).rules == ()


def test_an_article_is_blocked_by_keyboard_alone(visit, rules):
    page = visit()
    first = listed(page).first.text_content()
    tab_to(page, first)
    for _ in range(2):  # the numbers, then what may be done
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    tab_to(page, f"Chặn bài này {first}")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Xem trước thay đổi")
    tab_to(page, "Lưu thay đổi")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Đã lưu.")).to_be_visible()
    expect(listed(page).filter(has_text=first)).to_have_count(0)
    (rule,) = rule_file.read(rules).rules
    assert rule.kind == "block"
    expect(page.get_by_role("region", name="Gần mà không có mặt")).to_contain_text("bị quy tắc chặn")


def test_a_title_to_pin_is_chosen_from_what_was_found(visit):
    page = visit(f"{PAGE}?do=pin&article=bóng đá&position=1")
    page.get_by_role("button", name="Ghim bài này Bóng đá đêm qua").click()
    expect(page.get_by_text("“Bóng đá đêm qua” vào vị trí 1")).to_be_visible()


def test_both_ways_then_and_now(visit):
    page = visit()
    compared = page.get_by_role("region", name="Cách đang làm và Liên Quan")
    expect(compared.get_by_role("heading", level=3)).to_have_text(["Mới nhất: Đời sống", "Liên Quan"])
    compared.get_by_role("link", name="Bây giờ").click()
    expect(compared).to_be_in_viewport()
    expect(compared.locator("[aria-current]")).to_have_text("Bây giờ")


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_its_window_whatever_stands_in_it(visit, rules, width, scheme):
    page = visit(viewport={"width": width, "height": 700}, color_scheme=scheme)
    note = {"note": f"{SCRIPT} {LONG}"}
    rule_file.add(rules, make({"kind": "pin", "article": "xau", "position": 1} | note), rule_file.Author(LONG, LONG))
    rule_file.add(rules, make({"kind": "block", "source": LONG}))
    for path in (PAGE, f"{PAGE}?do=pin&article={LONG[:128]}&position=2", "/newsroom/articles?q=gốm"):
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    expect(page).not_to_have_title("bị đổi")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong_with_rules_and_forms(visit, rules, scheme):
    page = visit(color_scheme=scheme)
    pin = {"kind": "pin", "article": "xa", "position": 2, "note": "vì thế"}
    rule_file.add(rules, make(pin), rule_file.Author("Bàn đêm", "vì thế"))
    for path in (PAGE, f"{PAGE}?do=block&article=xa", f"{PAGE}?do=pin&article=gốm&position=1"):
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            assert faults(page, RULES[scheme]) == [], (path, width)
