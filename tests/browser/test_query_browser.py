"""Looking into a query, judging and the newsroom's words in Chromium: by mouse, by keyboard, on a phone, no script."""

import logging
import re
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from service.judging.judgements import FILE, JudgementStore
from tests.browser.test_accessibility_browser import RULES, faults
from tests.browser.test_pages_browser import LINES, LONG, SCRIPT, Watched, browser, serve, tab_to

pytestmark = pytest.mark.browser
__all__ = ["browser"]

QUERY, JUDGE, JUDGED, WORDS = (f"/newsroom/{name}" for name in ("query", "judge", "judgements", "synonyms"))
PAGES = [
    QUERY,
    f'{QUERY}?q=lo+gom+"lung+vai"+-hoa+hoà+15/2024/NĐ-CP&limit=50',
    f"{QUERY}?q={LONG}&lang=en",
    f"{JUDGE}?q=gốm",
    f"{JUDGE}?article=lo-gom&lang=en",
    JUDGED,
    WORDS,
    f"{WORDS}?edit=1",
    f"{WORDS}?what=abbreviations&find=bao hiem",
    f"{WORDS}?what=renamings&lang=en",
]


@pytest.fixture(scope="module")
def service(client_of, tmp_path_factory):
    """Return the address of a service, its home and its file of synonyms."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    synonyms = tmp_path_factory.mktemp("words") / "synonyms.txt"
    client = client_of(LINES, min_related=0, synonyms=synonyms, abbreviations=synonyms.with_name("short.tsv"))
    address, stop = serve(client.application)
    yield address, client.application.config["SETTINGS"].home, synonyms
    stop()


@pytest.fixture
def home(service):
    _, home, synonyms = service
    synonyms.write_text(f"gốm, sành\n{LONG}, {LONG[1:]}\nhỏng\n{SCRIPT} => x\n", encoding="utf-8")
    synonyms.with_name("short.tsv").write_text("abbreviation\tfull form\nLVG\tLũng Vài gốm\n", encoding="utf-8")
    yield home
    for path in home.glob(f"{FILE}*"):
        path.unlink()


@pytest.fixture
def visit(browser, service, home):
    """Return a function that opens a watched page; nothing bad may have been seen on it at the end."""
    opened = []

    def visit(path, trouble=False, **options):
        context = browser.new_context(base_url=service[0], locale="vi-VN", **options)
        watched = Watched(context, service[0].removeprefix("http://"))
        opened.append((context, watched, trouble))
        watched.page.goto(path)
        return watched.page

    yield visit
    for context, watched, trouble in opened:
        context.close()
        assert [one for one in watched.seen if not (trouble and "the server responded with a status of" in one)] == []


def given(home, kind="search"):
    return {one.article: one.grade for one in JudgementStore(home).of(kind)}


def standing(page):
    return page.locator("[data-synced=status]")


class TestQuery:
    def test_how_a_query_is_understood_and_who_finds_what(self, visit):
        page = visit(QUERY)
        expect(page.get_by_label("Câu tìm kiếm", exact=True)).to_be_focused()
        page.keyboard.type("lo gom")
        page.keyboard.press("Enter")
        table = page.get_by_role("table", name="Từng chữ của câu")
        expect(table.get_by_role("row", name="gom gốm thêm dấu")).to_be_visible()
        expect(page.get_by_text("gốm → sành")).to_be_visible()
        for name in ("Theo nghĩa", "Gộp cả hai"):
            expect(page.get_by_role("region", name=name).get_by_role("listitem")).to_have_count(10)
        expect(page.get_by_role("region", name="Theo từ").get_by_role("listitem").first).to_be_visible()

    def test_from_one_list_to_the_same_article_in_another(self, visit):
        page = visit(f"{QUERY}?q=lò gốm")
        first = page.locator("#lexical-1")
        first.get_by_role("link", name=re.compile("Gộp: hạng")).click()
        there = page.locator("li:target")
        expect(there).to_have_attribute("data-article", first.get_attribute("data-article"))
        expect(there).to_be_in_viewport()
        first.hover()
        marked = page.locator("li.same")
        expect(marked.nth(1)).to_be_visible()
        assert {one.get_attribute("data-article") for one in marked.all()} == {first.get_attribute("data-article")}

    def test_the_lists_stand_side_by_side_and_on_a_phone_one_below_the_other(self, visit):
        page = visit(f"{QUERY}?q=lò gốm")
        tops = {page.locator(f"#list-{mode}").bounding_box()["y"] for mode in ("dense", "lexical", "hybrid")}
        assert len(tops) == 1
        page.set_viewport_size({"width": 320, "height": 700})
        lefts = [page.locator(f"#list-{mode}").bounding_box() for mode in ("dense", "lexical", "hybrid")]
        assert len({box["x"] for box in lefts}) == 1
        assert lefts[0]["y"] < lefts[1]["y"] < lefts[2]["y"]


class TestJudging:
    def test_with_one_key_each(self, visit, home):
        page = visit(f"{JUDGE}?q=lò gốm")
        expect(page.locator("#place-1")).to_be_focused()
        ids = [one.input_value() for one in page.locator(".pool input[name=id]").all()]
        for key in "320":
            page.keyboard.press(key)
        expect(standing(page)).to_have_text(f"Đã chấm 3 trên {len(ids)} bài")
        expect(page.locator("#place-4")).to_be_focused()
        assert given(home) == dict(zip(ids, (3, 2, 0), strict=False))
        page.keyboard.press("k")
        page.keyboard.press("ArrowUp")
        expect(page.locator("#place-2")).to_be_focused()
        page.keyboard.press("1")
        expect(page.locator("#place-2 button[aria-pressed=true]")).to_have_text(re.compile("^1 "))
        page.keyboard.press("u")
        expect(page.locator("#place-2 button[aria-pressed=true]")).to_have_text(re.compile("^2 "))
        page.keyboard.press("u")
        expect(standing(page)).to_have_text(f"Đã chấm 2 trên {len(ids)} bài")
        assert given(home) == {ids[0]: 3, ids[1]: 2}
        page.keyboard.press("?")
        expect(page.get_by_text("chấm bài đang chọn, rồi sang bài sau")).to_be_visible()
        page.keyboard.press("?")
        expect(page.get_by_text("chấm bài đang chọn, rồi sang bài sau")).to_be_hidden()

    def test_the_figures_follow_and_open_at_the_end(self, visit):
        page = visit(f"{JUDGE}?q=lò gốm")
        count = page.locator(".pool > li").count()
        page.locator("summary", has_text="nDCG@10").click()
        fused = page.get_by_role("row", name=re.compile("Gộp cả hai"))
        expect(fused).to_contain_text("chưa biết")
        page.locator("#place-1 button").nth(3).click()
        expect(fused.locator("b")).to_have_text(re.compile("^[01],"))
        expect(fused.locator("td").first).to_have_text("chưa biết")  # as it was before
        for _ in range(count - 1):
            page.keyboard.press("1")
        expect(page.get_by_text("Đã chấm hết.")).to_be_visible(timeout=30_000)  # each grade is one request, in turn
        expect(fused).to_contain_text("100 %")
        page.reload()
        expect(page.locator("details.measures")).to_have_attribute("open", "")
        page.get_by_role("main").get_by_role("link", name="Chấm điểm").click()
        expect(page.get_by_role("row", name=re.compile("lò gốm"))).to_be_visible()
        with page.expect_download() as found:
            page.get_by_role("link", name="Điểm (qrels, TSV)").click()
        assert found.value.suggested_filename == "search-qrels.tsv"

    def test_a_grade_that_cannot_be_saved_is_said_and_given_again(self, visit):
        page = visit(f"{JUDGE}?q=lò gốm", trouble=True)
        page.route("**/newsroom/judge**", lambda route: route.fulfill(status=503, body="x"))
        expect(page.locator("#place-1")).to_be_focused()
        page.keyboard.press("2")
        expect(page.get_by_role("alert").filter(has_text="Điểm chưa ghi được")).to_be_visible()
        expect(page.locator("button[aria-pressed=true]")).to_have_count(0)
        page.unroute("**/newsroom/judge**")
        page.keyboard.press("k")
        page.keyboard.press("2")
        expect(standing(page)).to_contain_text("Đã chấm 1 trên")
        expect(page.locator("[data-unsaved]")).to_have_text("")

    def test_without_a_script(self, visit, home):
        page = visit(f"{JUDGE}?article=lo-gom", java_script_enabled=False)
        page.locator("#place-2").get_by_role("button", name=re.compile("^3 ")).click()
        expect(page).to_have_url(re.compile("#place-3$"))
        assert list(given(home, "related").values()) == [3]
        expect(page.locator("details.keys")).to_be_hidden()
        page.get_by_role("button", name="Bỏ lần chấm cuối").click()
        assert given(home, "related") == {}

    def test_begun_from_the_page_of_the_judged(self, visit):
        page = visit(JUDGED)
        page.get_by_label("Câu tìm kiếm cần chấm").fill("lò gốm")
        page.get_by_role("button", name="Bắt đầu chấm").first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Chấm: lò gốm")


class TestWords:
    def test_try_save_change_remove(self, visit, service):
        page = visit(WORDS)
        page.get_by_label("Từ gõ vào").fill("tượng")
        page.get_by_label("Cũng là").fill("hợp tác xã")
        page.get_by_label("Thử với câu").fill("tượng")
        page.get_by_role("button", name="Thử", exact=True).click()
        after = page.get_by_role("region", name="Nếu lưu")
        expect(after.get_by_role("listitem").first).to_contain_text("Hợp tác xã gốm")
        expect(page.get_by_label("Từ gõ vào")).to_have_value("tượng")
        page.get_by_role("button", name="Lưu").click()
        expect(page.get_by_text("Đã lưu.")).to_be_visible()
        page.get_by_role("link", name="Sửa: tượng, hợp tác xã").click()
        page.get_by_label("Chiều").select_option("một chiều")
        page.get_by_role("button", name="Lưu").click()
        page.get_by_role("button", name="Xóa: tượng => hợp tác xã").click()
        expect(page.get_by_text("Đã xóa.")).to_be_visible()
        assert "\ntượng" not in service[2].read_text(encoding="utf-8")
        page.get_by_text("Những lần sửa gần đây").click()
        expect(page.locator(".history li")).to_have_count(3)

    def test_keyboard_alone_without_a_script(self, visit):
        page = visit(f"{WORDS}?what=abbreviations", java_script_enabled=False)
        page.get_by_label("Chữ tắt").focus()
        page.keyboard.type("HTX")
        page.keyboard.press("Tab")
        page.keyboard.type("hợp tác xã")
        tab_to(page, "Lưu")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Đã lưu.")).to_be_visible()
        expect(page.get_by_role("link", name="Sửa: HTX → hợp tác xã")).to_be_visible()

    def test_what_cannot_be_is_said_and_stays(self, visit):
        page = visit(WORDS, trouble=True)
        page.get_by_label("Từ gõ vào").fill("a")
        page.get_by_label("Cũng là").fill("a")
        page.get_by_role("button", name="Lưu").click()
        expect(page.get_by_role("alert")).to_contain_text("two different terms")
        expect(page.get_by_label("Từ gõ vào")).to_have_value("a")

    def test_the_other_language_keeps_what_was_typed(self, visit):
        page = visit(WORDS)
        page.get_by_label("Từ gõ vào").fill("tượng")
        page.get_by_label("Cũng là").fill("hợp tác xã")
        page.get_by_label("Thử với câu").fill("tượng")
        page.get_by_role("button", name="Thử", exact=True).click()
        page.get_by_role("button", name="English").click()
        expect(page.get_by_label("What is typed")).to_have_value("tượng")
        expect(page.get_by_role("region", name="If saved")).to_be_visible()


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(visit, home, path, scheme):
    JudgementStore(home).give("search", "gốm", "lo-gom", "local", 3)
    JudgementStore(home).give("search", LONG, "lo-gom", LONG[:100], 3)
    page = visit(path, color_scheme=scheme)
    levels = [int(node.evaluate("node => node.tagName[1]")) for node in page.locator("h1, h2, h3, h4").all()]
    assert (levels[0], levels.count(1)) == (1, 1)
    assert all(after <= before + 1 for before, after in pairwise(levels))
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    for width in (320, 768, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert faults(page, RULES[scheme]) == [], width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
