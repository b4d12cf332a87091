"""A page of another site in Chromium tells what of a list was seen and clicked, as docs/cms.md says it should."""

import re
from pathlib import Path

import pytest
from flask import request

from service.clicks.log import FILE, ClickCounts, ClickTally
from tests import web_server
from tests.browser.test_pages_browser import browser, serve
from tests.conftest import wait_for

pytestmark = pytest.mark.browser
__all__ = ["browser"]

LINES = [
    {"id": f"bai-{at}", "title": f"công nhân ca {at}", "section": "Đời sống", "published_at": f"2023-11-0{at + 1}"}
    for at in range(9)
]
GUIDE = (Path(__file__).parents[2] / "docs" / "cms.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def site():
    with web_server.serve() as served:
        yield served


@pytest.fixture
def service(client_of, site):
    application = client_of(LINES, clicks=True, cors_origins=(site.url,)).application
    application.asked = []
    application.before_request(lambda: application.asked.append((request.method, request.content_type)))
    address, stop = serve(application)
    application.address = address
    yield application
    stop()


def counted(service):
    service.extensions["clicks"]._log.write()
    path = service.config["SETTINGS"].home / FILE
    return ClickCounts(path, 0, 2**40).by("position") if path.exists() else []


def test_the_guides_lines_work_from_another_site_without_a_preflight(browser, site, service):
    (script,) = re.findall(r"```js\n(.*?)```", GUIDE, re.DOTALL)
    script = script.replace("https://lienquan.bao.example", service.address)
    seen, left = script.splitlines()[:2], script.splitlines()[2:]
    asked = f'const answer = await (await fetch("{service.address}/api/v1/articles/bai-0/related")).json();'
    site.pages["/bai"] = (
        f'<!doctype html><meta charset="utf-8"><script type="module">{asked}\n{chr(10).join(seen)}\n'
        "const told2 = told; document.body.append(Object.assign(document.createElement('a'), "
        "{href: '/khac', textContent: 'bài', onclick: () => {"
        + "\n".join(left)
        + f'\nnavigator.sendBeacon("{service.address}/api/v1/clicks", JSON.stringify(gone));'
        + "}}));</script><body></body>"
    )
    site.pages["/khac"] = '<!doctype html><meta charset="utf-8">bài khác'
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{site.url}/bai", referer=None)
    page.get_by_role("link", name="bài").click()
    page.wait_for_url("**/khac")
    wait_for(lambda: counted(service) == [ClickTally("1", 1, 0), ClickTally("2", 1, 1), ClickTally("3", 1, 0)])
    context.close()
    assert [method for method, _ in service.asked] == ["GET", "POST", "POST"]
    assert {kind for method, kind in service.asked if method == "POST"} == {"text/plain;charset=UTF-8"}
