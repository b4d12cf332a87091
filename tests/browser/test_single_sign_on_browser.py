"""Signing in through a real provider in Chromium, by its own forms: across two sites, as it is in the field.

The provider (npm's oidc-provider, see `test_single_sign_on`) is at 127.0.0.1 and the service at localhost, which are
two sites to a browser: cookies that are not sent when another site leads back would show here.
"""

import logging
import re
import threading
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect
from werkzeug.serving import make_server

from service.security.keys import KeyStore
from tests.browser.test_accessibility_browser import faults
from tests.browser.test_pages_browser import browser, whole_answers
from tests.identity_provider import CLIENT, SECRET, free_port, real_provider

pytestmark = pytest.mark.browser
__all__ = ["browser"]

DRAFT = "/newsroom/draft"
LINES = [{"id": "lo-gom", "title": "Lò gốm Lũng Vài đỏ lửa trở lại", "section": "Làng nghề"}]


@pytest.fixture(scope="module")
def running(client_of, tmp_path_factory):
    """Return the address of a service with a provider and a key, and the key."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    address = f"http://localhost:{free_port()}"
    with real_provider(address) as provider:
        application = client_of(
            LINES,
            min_related=0,
            public_url=address,
            oidc_issuer=provider.issuer,
            oidc_client_id=CLIENT,
            oidc_client_secret=SECRET,
            oidc_editors=["bien-tap"],
            oidc_chiefs=["thu-ky"],
            oidc_name="Tài khoản báo",
            rules=tmp_path_factory.mktemp("rules") / "rules.jsonl",
        ).application
        _, key = KeyStore(application.config["SETTINGS"].home).create("Bàn đêm", ["newsroom"])
        server = make_server("127.0.0.1", urlsplit(address).port, whole_answers(application), threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield address, key
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def visit(browser, running):
    """Return a function that opens a page; of the service's own pages nothing bad may have been said at the end."""
    contexts, said = [], []

    def visit(path=DRAFT, **options):
        context = browser.new_context(base_url=running[0], locale="vi-VN", **options)
        contexts.append(context)
        # The provider's forms ask for letters from elsewhere, which no test does.
        context.route(lambda url: urlsplit(url).hostname not in {"localhost", "127.0.0.1"}, lambda route: route.abort())
        page = context.new_page()
        page.on("console", lambda one: one.location["url"].startswith(running[0]) and said.append(one.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(path)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert said == []


def at_the_provider(page, name):
    """Go through its forms."""
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill("x")
    page.locator("button[type=submit]").click()
    page.locator("button[type=submit]").click()


@pytest.mark.parametrize("options", [{}, {"java_script_enabled": False}, {"viewport": {"width": 360, "height": 640}}])
def test_in_with_the_keyboard_and_out_of_both(visit, running, options):
    page = visit(**options)
    expect(page.get_by_role("heading", level=1)).to_have_text("Đăng nhập trang tòa soạn")
    button = page.get_by_role("link", name="Đăng nhập bằng Tài khoản báo")
    expect(button).to_be_focused()
    expect(page.get_by_label("Khóa", exact=True)).to_be_visible()  # the other way, beside it
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    if options.get("java_script_enabled", True):
        assert faults(page) == []
    page.keyboard.press("Enter")
    at_the_provider(page, "lan")
    expect(page).to_have_url(running[0] + DRAFT)
    expect(page.get_by_text("Nguyễn Thị Lan, biên tập viên")).to_be_visible()
    assert page.evaluate("document.cookie") == ""
    page.reload()
    expect(page.get_by_text("Nguyễn Thị Lan, biên tập viên")).to_be_visible()
    page.get_by_role("button", name="Đăng xuất").click()
    told = page.get_by_role("status").filter(has_text="Bạn đã đăng xuất khỏi các trang tòa soạn.")
    expect(told).to_be_visible()
    page.get_by_role("link", name="Đăng xuất cả khỏi Tài khoản báo").click()
    page.locator("button[value=yes]").click()
    page.goto(DRAFT)
    page.get_by_role("link", name="Đăng nhập bằng Tài khoản báo").click()
    expect(page.locator("input[name=login]")).to_be_visible()  # asked again, since the provider forgot too


def test_whoever_has_no_role_reads_why(visit, running):
    page = visit()
    page.get_by_role("link", name="Đăng nhập bằng Tài khoản báo").click()
    at_the_provider(page, "khach")
    expect(page.get_by_role("alert")).to_contain_text("tài khoản này chưa có vai trò ở đây")
    assert re.search("next=/newsroom/draft", page.url)
    assert "code=" not in page.url
    page.get_by_label("Khóa", exact=True).fill(running[1])
    page.get_by_role("button", name="Đăng nhập bằng khóa").click()
    expect(page.get_by_text("Đang dùng khóa “Bàn đêm”")).to_be_visible()


def test_an_editor_is_offered_the_list_of_one_article_a_chief_all(visit):
    for name, offered in (("lan", 1), ("huong", 3)):
        page = visit("/newsroom/articles/lo-gom")
        page.get_by_role("link", name="Đăng nhập bằng Tài khoản báo").click()
        at_the_provider(page, name)
        page.get_by_text("Ghim bài khác").click()
        expect(page.locator("#lists-other option")).to_have_count(offered)
