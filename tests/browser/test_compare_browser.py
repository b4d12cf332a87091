"""The comparison in Chromium, opened from disk and offline, as whoever gets it by mail opens it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from models.hashing import HashingEncoder
from service.comparison import comparison, comparison_page
from service.searcher import Searcher
from tests.browser.test_pages_browser import LONG, SCRIPT, browser

pytestmark = pytest.mark.browser
__all__ = ["browser"]

LINES = [
    {
        "id": f"tin-{at}",
        "title": title,
        "section": f"Đời sống {LONG[:at]}",
        "url": f"https://bao.example/{LONG}",
        "published_at": f"2024-03-0{day}",
    }
    for at in (0, 60)
    for day, title in enumerate([f"{SCRIPT} gốm", LONG, "Lò gốm Lũng Vài", "Chợ phiên", "Cam sành được mùa"], start=1)
]
LINES = [line | {"id": f"{line['id']}-{at}"} for at, line in enumerate(LINES)]


@pytest.fixture(scope="module")
def file(archive_of, tmp_path_factory):
    found = comparison.compare(Searcher(archive_of(LINES), HashingEncoder), links=3)
    path = tmp_path_factory.mktemp("mail") / "so sánh.html"
    comparison_page.write(path, comparison_page.render(found))
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 360, 1280])
def test_it_opens_from_disk_offline(browser, file, width, scheme):
    context = browser.new_context(offline=True, color_scheme=scheme, viewport={"width": width, "height": 700})
    page = context.new_page()
    seen, requests = [], []
    page.on("console", lambda message: seen.append(message.text))
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    try:
        page.goto(file.as_uri())
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_role("heading", level=3)).to_have_count(4)
        page.get_by_role("link", name="1", exact=True).click()
        expect(page.locator("#note-1")).to_be_in_viewport()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
        assert dark is (scheme == "dark")
        assert page.evaluate("document.querySelectorAll('script, img').length") == 0
        assert seen == []
        assert requests == [file.as_uri()]
    finally:
        context.close()
