"""The draft page in Chromium, against a real server: pasting, copying, without a script, by keyboard, on a phone."""

import json
import logging
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import expect

from tests.browser.test_pages_browser import SCRIPT, Watched, browser, serve, tab_to
from tests.conftest import wait_for

pytestmark = pytest.mark.browser
__all__ = ["browser"]

PAGE = "/newsroom/draft"
LONG = "x" * 400
BODY = (
    "Sáng qua, tổ thợ gốm Lũng Vài nhóm lửa cho mẻ gốm đầu tiên sau hai năm tắt lò vì thiếu củi và thiếu người. "
    "Cụ Vừ Chả Sính, tám mươi tuổi, ngồi canh lửa suốt đêm và dặn lũ trẻ không được để khói trắng quá lâu. "
    "Mẻ này có ba trăm chiếc bát, một nửa đã có người đặt mua từ phiên chợ tháng trước ở thị trấn Pả Dền."
)
LINES = [
    {
        "id": "lo-gom",
        "title": "Lò gốm Lũng Vài đỏ lửa trở lại",
        "lead": "Sau hai năm tắt lò, tổ thợ gốm Lũng Vài nung mẻ đầu tiên.",
        "body": BODY,
        "url": "https://bao.example/lo-gom.html",
        "section": "Đời sống",
        "published_at": "2023-11-07T17:04:00",
    },
    {
        "id": "hop-tac-xa",
        "title": "Hợp tác xã gốm Lũng Vài [ảnh] tìm đường bán hàng",
        "lead": "Mười hai thợ gốm Lũng Vài góp vốn mở hợp tác xã.",
        "url": "https://bao.example/hop-tac-xa.html",
        "section": "Kinh tế",
        "published_at": "2023-12-01T09:00:00",
    },
    {"id": "xau", "title": f"{SCRIPT} lò gốm Lũng Vài", "lead": SCRIPT, "section": SCRIPT},
    {
        "id": LONG[:128],
        "title": f"lò gốm Lũng Vài {LONG}",
        "lead": LONG,
        "section": LONG,
        "url": f"https://a.example/{LONG}",
    },
]


@pytest.fixture(scope="module")
def address(client_of, tmp_path_factory):
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    rules = tmp_path_factory.mktemp("rules") / "rules.jsonl"
    pin = {"id": LONG[:100], "kind": "pin", "article": LONG[:120], "position": 1}
    rules.write_text(json.dumps(pin) + "\n", encoding="utf-8")
    address, stop = serve(client_of(LINES, min_related=0, rules=rules).application)
    yield address
    stop()


@pytest.fixture
def visit(browser, address):
    """Return a function that opens the watched page; nothing bad may have been seen on it at the end."""
    opened = []

    def visit(path=PAGE, **options):
        context = browser.new_context(base_url=address, locale="vi-VN", **options)
        watched = Watched(context, address.removeprefix("http://"))
        opened.append((context, watched))
        watched.page.goto(path)
        return watched.page

    yield visit
    for context, watched in opened:
        context.close()
        assert watched.seen == []


def paste(page, title="Hợp tác xã gốm Lũng Vài lò gốm", body=""):
    page.get_by_label("Tiêu đề").fill(title)
    page.get_by_label("Nội dung", exact=True).fill(body)
    page.get_by_role("button", name="Tìm bài liên quan").click()
    expect(page.get_by_role("heading", name="Nên dẫn tới")).to_be_visible()
    page.wait_for_load_state()  # with its style


def test_paste_read_and_copy(visit):
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    expect(page.get_by_label("Tiêu đề")).to_be_focused()
    paste(page)
    assert page.url.endswith((PAGE, f"{PAGE}#result"))  # nothing of the draft is in it
    first = page.locator("ol.hits > li").filter(has_text="tìm đường bán hàng")
    expect(first.get_by_text("Gần về nghĩa")).to_be_hidden()
    first.get_by_text("Các con số").click()
    expect(first.get_by_text("Gần về nghĩa")).to_be_visible()
    page.get_by_role("button", name="Chép Markdown").click()
    expect(page.get_by_role("status").filter(has_text="Đã chép.")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.get_by_role("textbox", name="Markdown").input_value()
    assert "- [Hợp tác xã gốm Lũng Vài \\[ảnh\\] tìm đường bán hàng](https://bao.example/hop-tac-xa.html)\n" in copied
    page.get_by_role("button", name="Chép HTML").click()
    wait_for(lambda: page.evaluate("navigator.clipboard.readText().then(text => text.startsWith('<ul>'))"))


def test_what_is_published_already(visit):
    page = visit()
    paste(page, "Lò gốm Lũng Vài lại đỏ lửa", BODY)
    box = page.get_by_role("region", name="Đã đăng?")
    expect(box.get_by_role("link")).to_have_text(["Lò gốm Lũng Vài đỏ lửa trở lại"])
    box.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Lò gốm Lũng Vài đỏ lửa trở lại")


def test_the_other_language_keeps_the_draft(visit):
    page = visit()
    paste(page, body="  một\n\nhai")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="To link to")).to_be_visible()
    expect(page.get_by_label("Title", exact=True)).to_have_value("Hợp tác xã gốm Lũng Vài lò gốm")
    expect(page.get_by_label("Body", exact=True)).to_have_value("  một\n\nhai")
    page.get_by_role("button", name="Tiếng Việt").click()
    expect(page.get_by_role("heading", name="Nên dẫn tới")).to_be_visible()


def test_without_javascript(visit):
    page = visit(java_script_enabled=False)
    paste(page)
    expect(page.get_by_role("button", name="Chép")).to_have_count(0)
    expect(page.get_by_role("textbox", name="HTML")).to_be_visible()
    expect(page.get_by_text("Chọn hết chữ trong ô rồi chép.")).to_be_visible()


def test_keyboard_alone(visit):
    page = visit()
    page.keyboard.type("Hợp tác xã gốm Lũng Vài")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nên dẫn tới")).to_be_visible()
    tab_to(page, "Hợp tác xã gốm Lũng Vài [ảnh] tìm đường bán hàng")
    page.keyboard.press("Tab")  # the box to tick
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("details[open]")).to_have_count(1)


@pytest.mark.parametrize("width", [320, 360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_no_wider_than_its_window_whatever_stands_in_it(visit, width, scheme):
    page = visit(viewport={"width": width, "height": 700}, color_scheme=scheme)
    for step in (lambda: None, lambda: paste(page, f"lò gốm Lũng Vài {LONG}", f"{LONG}\n{SCRIPT}")):
        step()
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        outside = page.evaluate(
            """width => [...document.querySelectorAll('body *:not(.unseen)')]
                .filter(one => one.getBoundingClientRect().right > width + 1).map(one => one.outerHTML.slice(0, 80))""",
            width,
        )
        assert outside == []
    expect(page.get_by_text("Bài ghim không hiện được")).to_be_visible()


def test_every_field_has_a_name_that_is_read_out(visit):
    page = visit()
    paste(page)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea')]
            .filter(one => !one.labels.length || !one.labels[0].textContent.trim()).map(one => one.outerHTML)"""
    )
    assert nameless == []


def test_another_site_cannot_send_the_form(address):
    request = urllib.request.Request(f"{address}{PAGE}", b"title=x", {"Origin": "https://khac.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 403
    refused.value.close()
