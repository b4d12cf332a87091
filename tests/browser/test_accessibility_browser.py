"""Every page held against axe-core, in both themes and three widths; every heading, landmark and focus in its place."""

from __future__ import annotations

from itertools import pairwise

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.test_pages_browser import PAGES, TROUBLE, address, browser, focused, visit

pytestmark = pytest.mark.browser
__all__ = ["address", "browser", "visit"]

EMPTY = "/search?q=lũng vài zzz&section=Thể thao"
EDITORS = ["/newsroom/articles", "/newsroom/articles?q=gốm", "/newsroom/articles/lo-gom"]
OPERATORS = [
    "/newsroom/index",
    "/newsroom/map",
    "/newsroom/map?q=gốm",
    "/newsroom/map/duplicates",
    "/newsroom/map/unlinked",
]
WIDTHS = [320, 768, 1280]


OF_COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules that a theme, which is colours alone, can break."""
RULES = {"light": None, "dark": OF_COLOURS}
"""The rules that a page is held against in each theme: all in one of them."""


def faults(page, rules=None):
    """Return what axe-core finds wrong with a page as it stands, by some rules or all: rule, and where."""
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate(Axe().axe_script)
    options = {"resultTypes": ["violations"]} | ({"runOnly": {"type": "rule", "values": rules}} if rules else {})
    found = page.evaluate("options => axe.run(options).then(found => found.violations)", options)
    return [(one["id"], one["help"], [node["html"][:120] for node in one["nodes"]]) for one in found]


@pytest.mark.parametrize("path", [*PAGES, *TROUBLE, EMPTY, *EDITORS, *OPERATORS])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit, path, scheme):
    page = visit(path, trouble=path in TROUBLE, color_scheme=scheme)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert faults(page, RULES[scheme]) == [], width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong_with_open_suggestions_and_facets(visit, scheme):
    page = visit("/search?q=gốm", color_scheme=scheme)
    for summary in page.locator("summary").all():
        summary.click()
    page.get_by_role("combobox").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("listbox")).to_be_visible()
    page.keyboard.press("ArrowDown")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert faults(page, RULES[scheme]) == [], width


def test_axe_would_find_colours_that_are_too_alike(visit):
    page = visit("/", color_scheme="dark")
    page.evaluate("document.querySelector('main').style.cssText = 'color: #777; background: #888'")
    assert {rule for rule, _, _ in faults(page, OF_COLOURS)} == {"color-contrast"}


def test_axe_would_find_something(visit):
    page = visit("/")
    page.evaluate("document.documentElement.removeAttribute('lang')")
    assert [rule for rule, _, _ in faults(page)] == ["html-has-lang"]


@pytest.mark.parametrize("path", [*PAGES, *TROUBLE, EMPTY, *EDITORS])
def test_headings_go_down_one_step_at_a_time(visit, path):
    page = visit(path, trouble=path in TROUBLE)
    levels = [int(node.evaluate("node => node.tagName[1]")) for node in page.locator("h1, h2, h3, h4").all()]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("path", ["/", "/search?q=gốm&section=Mẫu", "/articles/lo-gom", "/khong/co"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_focus_is_seen_wherever_it_goes(visit, path, width):
    page = visit(path, trouble=True, viewport={"width": width, "height": 700})
    if path == "/":
        list(tabbed(page))  # the box has the focus at first
    reached = list(tabbed(page))
    assert reached[0] == "Tới nội dung chính"
    assert len(reached) == page.locator("a:visible, button:visible, summary:visible, input:visible").count()


def tabbed(page):
    """Press Tab through the rest of the page, and yield what has the focus, which must be seen."""
    while True:
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            return
        name, shown = focused(page)
        assert shown, name
        yield name


def test_the_documentation_by_keyboard_alone(visit):
    """From the list of operations to one, on to its first command, which the button beside it copies."""
    page = visit("/api/docs?lang=en", permissions=["clipboard-read", "clipboard-write"])
    link = page.get_by_role("navigation", name="Endpoints").get_by_role("link", name="PUT /api/v1/articles/{id}")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#put_api_v1_articles_id")).to_be_in_viewport()
    page.keyboard.press("Tab")
    command = page.get_by_role("textbox", name="Published, or changed")
    expect(command).to_be_focused()
    assert command.evaluate("area => area.scrollHeight <= area.clientHeight + 1")  # all of its lines are seen
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Copy Published, or changed")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == command.input_value()
    assert command.input_value().startswith("curl -X PUT http://localhost:")
